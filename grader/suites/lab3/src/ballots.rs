//! Stories of ballots that race, told with held and cut links: the faults that chance meets once in
//! a thousand runs. Any server may lead, or none; what a story needs of a design is only that a
//! server which hears nobody tries again with a higher ballot.
//!
//! Where it matters in which ballot a server speaks, a story is told twice: once for designs in
//! which a leader has made phase 1 long ago, once for those in which each slot has its own. The
//! other telling shows nothing then.

use std::{rc::Rc, time::Duration};

use faultline_sim::{Conditions, Outcome, Trial, ms};
use lab3_api::Slot;
use labkit::NodeId;

use super::{group::Group, server};

/// Messages come twice and overtake each other, and none is lost: these stories are about what
/// arrives.
pub fn conditions(trial: &Trial<'_>) -> Conditions {
    Conditions {
        loss: 0,
        ..trial.conditions()
    }
}

/// Three servers. s1 proposes, and what it sends is held up. s3, which hears only s2, proposes
/// something else, with a higher ballot. s2, which is swept, crashes somewhere on the way and is
/// back at once; then what s1 sent arrives at it.
pub fn an_old_proposal_meets_a_restarted_server(group: &mut Group<'_, '_>) -> Outcome {
    let (old, voter, new) = (server(1), server(2), server(3));
    lead(group, old, &[voter, new], 1)?;
    group.must_choose(&[1], &group.size.servers())?;

    // For designs in which each slot has its own phase 1: s1 has made it, and then its proposal is
    // held up.
    group.world.partition(&[&[old], &[new]])?;
    promised_and_held(group, old, &[voter], 2, "old")?;
    group.propose(new, 2, "new")?;
    let fell = crashes_on_the_way(group, voter, new, 2, 1)?;
    an_old_proposal_is_answered(group, old, voter)?;
    settle(group, &[2])?;
    if fell {
        return Ok(());
    }

    // For designs with a leader: s1 leads, and s3 takes over. It hears nobody for a while, so its
    // ballots are higher then.
    lead(group, old, &[voter, new], 3)?;
    group.world.partition(&[&[new], &[old, voter]])?;
    group.world.run_for(ms(600))?;
    group.world.hold(old, voter)?;
    group.propose(old, 4, "old")?;
    group.world.run_for(ms(20))?;
    restart(group, new, &[voter])?;
    group.world.join(&[&[new], &[voter]])?;
    group.propose(new, 4, "new")?;
    crashes_on_the_way(group, voter, new, 4, 4)?;
    an_old_proposal_is_answered(group, old, voter)?;
    settle(group, &[4])
}

/// What was held up arrives, and the answers come in the order in which they are given: a refusal
/// does not overtake a vote.
fn an_old_proposal_is_answered(
    group: &mut Group<'_, '_>,
    proposer: NodeId,
    voter: NodeId,
) -> Outcome {
    group
        .world
        .set_link(voter, proposer, Some(Conditions::steady()));
    group.world.release(proposer, voter)?;
    group.world.run_for(ms(60))
}

/// The voter is swept until the proposer knows what is chosen in the slot, for this number of times
/// 200 ms at most, and starts again if it crashed; true if it did. It is never up long enough to
/// propose anything itself.
fn crashes_on_the_way(
    group: &mut Group<'_, '_>,
    voter: NodeId,
    proposer: NodeId,
    slot: Slot,
    times: u32,
) -> Outcome<bool> {
    let log = Rc::clone(&group.log);
    group.world.sweep(voter);
    for time in 0..times {
        if time > 0 {
            group.world.restart_quickly(voter)?;
        }
        let over = |down: bool| down || log.borrow().knows(proposer, slot);
        if group
            .world
            .run_until(ms(200), |world| Ok(over(world.is_down(voter))))?
        {
            break;
        }
    }
    group.world.sweep_over();
    let fell = group.world.is_down(voter);
    if fell {
        group.world.start(voter)?;
    }
    Ok(fell)
}

/// Round trip, with a proposal and a sync.
const ROUND_TRIP: Duration = ms(60);

/// A server proposes, and these promise it all that it wants; but it does not hear of it before it
/// is released.
fn promised(
    group: &mut Group<'_, '_>,
    to: NodeId,
    voters: &[NodeId],
    slot: Slot,
    value: &str,
) -> Outcome {
    for voter in voters {
        group.world.hold(*voter, to)?;
    }
    group.propose(to, slot, value)?;
    group.world.run_for(ROUND_TRIP)
}

/// As [`promised`]; then the server hears of it, but what it says upon that is held up.
fn promised_and_held(
    group: &mut Group<'_, '_>,
    to: NodeId,
    voters: &[NodeId],
    slot: Slot,
    value: &str,
) -> Outcome {
    promised(group, to, voters, slot, value)?;
    for voter in voters {
        group.world.hold(to, *voter)?;
        group.world.release(*voter, to)?;
    }
    group.world.run_for(ms(1))
}

/// All is repaired, and everybody comes to know what is chosen.
pub fn settle(group: &mut Group<'_, '_>, slots: &[Slot]) -> Outcome {
    group.world.end_plans();
    group.world.heal()?;
    group.start_all()?;
    // What was proposed to a server that crashed may be lost.
    for slot in slots {
        for server in group.size.servers() {
            group.propose(server, *slot, &format!("{server} at last"))?;
        }
    }
    group.must_choose(slots, &group.size.servers())
}

/// Three servers, and nobody but s1 can reach anybody: s2 answers s1, and the answers are held up.
/// Then s1 is cut off, and s2 and s3 choose a value, of which only s3 knows that it is chosen. s1
/// goes on with ever higher ballots until it hears s2's old answers.
///
/// That is for designs in which a server that hears nobody campaigns. Others ask first whether they
/// may. For them it is told once more, and then s1 hears what s3 says to its question, and after
/// that only s2, late.
pub fn old_promises_arrive_late(group: &mut Group<'_, '_>, patience_ms: u64) -> Outcome {
    let (away, voter, other) = (server(1), server(2), server(3));
    group.world.hold(voter, away)?;
    group.world.cut(other, away)?;
    group.world.partition(&[&[voter], &[other]])?;
    group.propose(away, 2, "old")?;
    take_over(group, &[voter])?;
    group.world.isolate(away)?;
    group.world.join(&[&[voter], &[other]])?;
    lead(group, other, &[voter], 1)?;
    // Every silence makes it try a higher ballot.
    group.world.run_for(ms(patience_ms))?;
    group.propose(other, 2, "new")?;
    group.must_choose(&[2], &[other])?;
    group.world.isolate(other)?;
    group.world.join(&[&[away], &[voter]])?;
    group.world.release(voter, away)?;
    group.world.run_for(ms(100))?;
    settle(group, &[1, 2])?;

    all_are_alone(group)?;
    group.propose(away, 4, "old")?;
    group.world.hold(voter, away)?;
    one_answer(group, away, other, voter)?;
    group.world.run_for(ROUND_TRIP)?;
    group.world.isolate(away)?;
    group.world.join(&[&[voter], &[other]])?;
    lead(group, other, &[voter], 3)?;
    group.propose(other, 4, "new")?;
    group.must_choose(&[4], &[other])?;
    all_are_alone(group)?;
    one_answer(group, away, other, voter)?;
    // What s2 said long ago arrives before it can say anything new.
    group.world.release(voter, away)?;
    group.world.run_for(ms(100))?;
    settle(group, &[3, 4])
}

/// Nobody hears anybody, until nobody takes anybody for a leader.
fn all_are_alone(group: &mut Group<'_, '_>) -> Outcome {
    for server in group.size.servers() {
        group.world.isolate(server)?;
    }
    group.world.run_for(ms(2_000))
}

/// Connects a server with two that have just restarted, but with one of them only until it has
/// heard what that one says to the first thing that it asks.
fn one_answer(group: &mut Group<'_, '_>, asks: NodeId, once: NodeId, voter: NodeId) -> Outcome {
    let (log, from) = (Rc::clone(&group.log), group.world.now());
    let mut asked = None;
    let mut answered = || {
        let log = log.borrow();
        asked = asked.or(log.heard(once, asks).filter(|at| *at > from));
        asked.is_some_and(|asked| log.heard(asks, once).is_some_and(|at| at > asked))
    };
    for time in 0..24 {
        group.world.restart_quickly(once)?;
        group.world.restart_quickly(voter)?;
        if time == 0 {
            group.world.join(&[&[asks], &[once]])?;
            group.world.join(&[&[asks], &[voter]])?;
        }
        // They do not live long enough to ask for anything themselves.
        if group.world.run_until(ms(140), |_| Ok(answered()))? {
            break;
        }
    }
    group.world.partition(&[&[asks], &[once]])
}

/// Five servers, and every message comes twice. Of what two of them say nothing comes about.
pub fn two_say_everything_twice(group: &mut Group<'_, '_>) -> Outcome {
    let all = group.size.servers();
    let [s1, s2, s3, s4, s5] = [1, 2, 3, 4, 5].map(server);
    let (few, rest) = ([s1, s2], [s3, s4, s5]);
    let why = "two servers were connected, however often they said so";
    group.world.partition(&[&few, &rest])?;
    group.propose(s1, 1, "of two")?;
    group.propose(s2, 1, "of two")?;
    group.nothing_chosen(1, why, ms(2_500))?;
    group.world.heal()?;
    group.must_choose(&[1], &all)?;

    // For designs with a leader: s1 leads, and only s2 accepts what it proposes.
    lead_from_the_middle(group, s1, &[s2, s3, s4, s5], 2)?;
    group.must_choose(&[2], &all)?;
    group.world.partition(&[&few, &rest])?;
    group.propose(s1, 3, "of two")?;
    group.nothing_chosen(3, why, ms(600))?;
    group.propose(s3, 3, "of three")?;
    group.must_choose(&[3], &rest)?;

    // For designs in which a server asks whether it may campaign: it may, and only s2 promises
    // anything. Then s3 comes back.
    all_are_alone(group)?;
    one_answer(group, s1, s3, s2)?;
    group.world.run_for(ms(100))?;
    restart(group, s1, &[s3])?;
    group.world.join(&[&[s1], &[s3]])?;
    group.world.run_for(ms(500))?;
    settle(group, &[2, 3])
}

/// Maximum time that any server except the intended leader is up without a break.
const SHORT_LIFE: Duration = ms(200);

/// Lets whoever is connected with these take over: they themselves are never up long enough. In a
/// design without leaders nothing happens.
pub fn take_over(group: &mut Group<'_, '_>, voters: &[NodeId]) -> Outcome {
    for _ in 0..4 {
        for voter in voters {
            group.world.restart_quickly(*voter)?;
        }
        group.world.run_for(SHORT_LIFE)?;
    }
    Ok(())
}

/// This server proposes in the slot and takes over, if that is what it needs: the others are never
/// up long enough.
pub fn lead(group: &mut Group<'_, '_>, leader: NodeId, others: &[NodeId], slot: Slot) -> Outcome {
    group.propose(leader, slot, &format!("{leader} leads"))?;
    let log = Rc::clone(&group.log);
    for _ in 0..16 {
        restart(group, leader, others)?;
        if group
            .world
            .run_until(SHORT_LIFE, |_| Ok(log.borrow().knows(leader, slot)))?
        {
            return Ok(());
        }
    }
    group.must_choose(&[slot], &[leader])
}

/// As [`lead`], and at first the others, who are all connected, do not hear each other: in a group
/// of five nobody else could lead then. Nobody promises that it works while all of them campaign,
/// so in the end they hear each other.
fn lead_from_the_middle(
    group: &mut Group<'_, '_>,
    leader: NodeId,
    others: &[NodeId],
    slot: Slot,
) -> Outcome {
    let alone: Vec<&[NodeId]> = others.iter().map(std::slice::from_ref).collect();
    group.world.partition(&alone)?;
    group.propose(leader, slot, &format!("{leader} leads"))?;
    let log = Rc::clone(&group.log);
    for _ in 0..12 {
        restart(group, leader, others)?;
        if group
            .world
            .run_until(SHORT_LIFE, |_| Ok(log.borrow().knows(leader, slot)))?
        {
            return group.world.join(&alone);
        }
    }
    group.world.join(&alone)?;
    lead(group, leader, others, slot)
}

/// Restarts servers, but not while they do what this one asked for: it would have to ask again, in
/// a higher ballot.
fn restart(group: &mut Group<'_, '_>, asks: NodeId, servers: &[NodeId]) -> Outcome {
    let now = group.world.now();
    let busy = |server: &NodeId| {
        group
            .log
            .borrow()
            .heard(*server, asks)
            .is_some_and(|at| now.since(at) < ms(10))
    };
    if servers.iter().any(busy) {
        group.world.run_for(ms(10))?;
    }
    servers
        .iter()
        .try_for_each(|server| group.world.restart_quickly(*server))
}

/// Three servers; s1 and s3 have never heard of each other, and s2 of both. Each of them begins
/// with the first ballot that it can think of.
pub fn two_begin_alike(group: &mut Group<'_, '_>) -> Outcome {
    let [one, voter, other] = [1, 2, 3].map(server);
    // In designs with a leader s1 leads, and s3 then begins as s1 did. s1 is not told.
    group.world.isolate(other)?;
    lead(group, one, &[voter, other], 1)?;
    group.world.isolate(one)?;
    group.world.join(&[&[voter], &[other]])?;
    restart(group, one, &[other])?;
    lead(group, other, &[voter], 2)?;
    group.world.isolate(other)?;
    group.world.join(&[&[one], &[voter]])?;
    group.propose(one, 2, "of s1")?;
    group.world.run_for(ms(100))?;
    settle(group, &[2])?;

    // In designs in which each slot has its own ballots both make phase 1 of a new slot before
    // either hears of it.
    group.world.partition(&[&[one], &[other]])?;
    for proposer in [one, other] {
        group.world.hold(voter, proposer)?;
        group.propose(proposer, 3, &format!("of {proposer}"))?;
    }
    group.world.run_for(ROUND_TRIP)?;
    for proposer in [one, other] {
        group.world.release(voter, proposer)?;
    }
    group.world.run_for(ms(100))?;
    settle(group, &[3])
}

/// Five servers. s1 proposes "old", and what it says is held up. s5 gets promises from s3 and s4,
/// and then the votes of s4 and s2, which has promised it nothing. Now s1's older proposal arrives
/// at s2, and these two decide with s3.
pub fn an_old_proposal_meets_a_vote(group: &mut Group<'_, '_>) -> Outcome {
    let [s1, s2, s3, s4, s5] = [1, 2, 3, 4, 5].map(server);
    // In designs with a leader s1 leads at first, and s5 later.
    lead(group, s1, &[s2, s3, s4, s5], 1)?;
    group.must_choose(&[1], &group.size.servers())?;
    group.world.hold(s1, s2)?;
    group.world.partition(&[&[s1, s2], &[s3, s4, s5]])?;
    group.propose(s1, 3, "old")?;
    group.world.run_for(ms(20))?;
    lead(group, s5, &[s2, s3, s4], 2)?;
    group.world.partition(&[&[s3], &[s4, s5]])?;
    group.world.join(&[&[s2], &[s5]])?;
    group.propose(s5, 3, "new")?;
    group.must_choose(&[3], &[s5])?;
    an_old_proposal_arrives(group, 3)?;

    // In designs in which each slot has its own ballots phase 1 of this one is made here.
    group.world.partition(&[&[s1, s2, s3], &[s4, s5]])?;
    promised_and_held(group, s1, &[s2, s3], 4, "old")?;
    group.world.partition(&[&[s1, s2], &[s3]])?;
    group.world.join(&[&[s3], &[s4, s5]])?;
    promised(group, s5, &[s3, s4], 4, "new")?;
    group.world.cut(s5, s3)?;
    group.world.join(&[&[s2], &[s5]])?;
    group.world.release(s3, s5)?;
    group.world.release(s4, s5)?;
    group.must_choose(&[4], &[s5])?;
    an_old_proposal_arrives(group, 4)
}

/// What s1 has said to s2 arrives; then they and s3 are alone.
fn an_old_proposal_arrives(group: &mut Group<'_, '_>, slot: Slot) -> Outcome {
    let [s1, s2, s3, s4, s5] = [1, 2, 3, 4, 5].map(server);
    group.world.isolate(s4)?;
    group.world.isolate(s5)?;
    group.world.release(s1, s2)?;
    group.world.run_for(ms(60))?;
    group.world.release(s1, s3)?;
    group.world.join(&[&[s1], &[s2], &[s3]])?;
    group.propose(s3, slot, "third")?;
    group.must_choose(&[slot], &[s1, s2, s3])?;
    settle(group, &[slot])
}

/// Five servers and three ballots. In the first s1 proposes "old", which only s2 accepts, too, and
/// s1 does not hear of it. In the second s5 proposes "new", which nobody else accepts. In the third
/// s1 must propose "new", and only s5 accepts it; now s1 hears what s2 had accepted. Three
/// acceptances, two values: nothing is chosen, and s2, s3, s4 are free to choose.
pub fn acceptances_of_two_ballots_meet(group: &mut Group<'_, '_>) -> Outcome {
    let [s1, s2, s3, s4, s5] = [1, 2, 3, 4, 5].map(server);
    lead_from_the_middle(group, s1, &[s2, s3, s4, s5], 1)?;
    group.must_choose(&[1], &group.size.servers())?;
    group.world.partition(&[&[s1, s2], &[s3, s4, s5]])?;
    group.world.hold(s2, s1)?;
    group.propose(s1, 3, "old")?;
    group.world.run_for(ms(150))?;
    group.world.partition(&[&[s1], &[s2]])?;

    // s1 hears nobody for so long that its next ballot is higher than that of s5.
    lead_from_the_middle(group, s5, &[s3, s4], 2)?;
    group.world.run_for(ms(3_000))?;
    group.world.partition(&[&[s3], &[s4], &[s5]])?;
    group.propose(s5, 3, "new")?;
    group.world.run_for(ms(60))?;

    an_old_vote_is_heard(group, 3)?;

    // In designs in which each slot has its own ballots phase 1 of the first two is made here.
    group.world.partition(&[&[s1, s2, s3], &[s4, s5]])?;
    promised(group, s1, &[s2, s3], 4, "old")?;
    group.world.cut(s1, s3)?;
    group.world.release(s2, s1)?;
    group.world.release(s3, s1)?;
    group.world.run_for(ms(1))?;
    group.world.hold(s2, s1)?;
    group.world.run_for(ms(40))?;
    group.world.partition(&[&[s1], &[s2], &[s3]])?;
    group.world.join(&[&[s3], &[s4, s5]])?;
    promised(group, s5, &[s3, s4], 4, "new")?;
    group.world.cut(s5, s3)?;
    group.world.cut(s5, s4)?;
    group.world.release(s3, s5)?;
    group.world.release(s4, s5)?;
    group.world.run_for(ms(20))?;
    group.world.partition(&[&[s3], &[s4], &[s5]])?;
    group.world.restart_quickly(s5)?;
    group.world.run_for(ms(1_000))?;
    an_old_vote_is_heard(group, 4)
}

/// s1 is promised a new ballot by s4 and s5, of which only s5 hears what it proposes; then s1 hears
/// of the vote of s2 in its old ballot. Those who have not voted in the new one decide.
fn an_old_vote_is_heard(group: &mut Group<'_, '_>, slot: Slot) -> Outcome {
    let [s1, s2, s3, s4, s5] = [1, 2, 3, 4, 5].map(server);
    group.world.join(&[&[s1], &[s4, s5]])?;
    let log = Rc::clone(&group.log);
    for _ in 0..16 {
        restart(group, s1, &[s4, s5])?;
        // It has heard of what s5 has accepted, and proposes that: what is under way to s4 is lost.
        if group
            .world
            .run_until(SHORT_LIFE, |_| Ok(log.borrow().holds(s1, slot, "new")))?
        {
            break;
        }
    }
    group.world.partition(&[&[s1], &[s4]])?;
    group.world.run_for(ms(60))?;
    group.world.heal_link(s2, s1)?;
    group.world.release(s2, s1)?;
    group.world.run_for(ms(60))?;

    group.world.isolate(s1)?;
    group.world.isolate(s5)?;
    group.world.join(&[&[s2], &[s3], &[s4]])?;
    group.propose(s3, slot, "third")?;
    group.must_choose(&[slot], &[s2, s3, s4])?;
    settle(group, &[slot])
}

/// Three servers, two of them connected at a time. One has voted for a value that nobody else has
/// heard of, the others have chosen another in a higher ballot; then the one with the old vote and
/// one of the others must decide, and the one that knows that it is chosen is not there.
pub fn an_old_vote_meets_a_newer_one(group: &mut Group<'_, '_>) -> Outcome {
    for (slot, [stale, gone, voter]) in (1..).zip([[1, 2, 3], [3, 1, 2], [2, 3, 1]]) {
        let (stale, gone, voter) = (server(stale), server(gone), server(voter));
        take_over(group, &[gone, voter])?;
        group.world.isolate(stale)?;
        group.propose(stale, slot, "stale")?;
        group.world.run_for(ms(60))?;
        group.propose(gone, slot, "right")?;
        group.must_choose(&[slot], &[gone, voter])?;
        group.must_hold(slot, "right")?;
        group.world.isolate(gone)?;
        group.world.restart_quickly(voter)?;
        group.world.join(&[&[stale], &[voter]])?;
        group.propose(voter, slot, "third")?;
        group.must_choose(&[slot], &[stale, voter])?;
        group.world.heal()?;
        group.must_choose(&[slot], &group.size.servers())?;
    }
    Ok(())
}
