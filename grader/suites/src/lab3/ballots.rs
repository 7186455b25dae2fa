//! Stories of ballots that race, told with held and cut links: the faults that chance meets once in a thousand runs. Any
//! server may lead, or none; what a story needs of a design is only that a server which hears nobody tries again with a
//! higher ballot.

use faultline_sim::{Conditions, Outcome, Trial, ms};
use lab3_api::Slot;
use labkit::NodeId;

use super::{group::Group, server};

/// Messages come twice and overtake each other, and none is lost: these stories are about what arrives.
pub fn conditions(trial: &Trial<'_>) -> Conditions {
    Conditions { loss: 0, ..trial.conditions() }
}

/// Three servers. s1 proposes, and what it sends is held up. s3, which hears only s2, proposes something else, with a
/// higher ballot. s2, which is swept, crashes somewhere on the way and is back at once; then what s1 sent arrives at it.
pub fn an_old_proposal_meets_a_restarted_server(group: &mut Group<'_, '_>) -> Outcome {
    let (old, voter, new) = (server(1), server(2), server(3));
    first_leads(group)?;
    // s3 hears nobody for a while: its ballots are higher than the others' then.
    group.world.partition(&[&[new], &[old, voter]])?;
    group.world.run_for(ms(600))?;
    group.world.hold(old, voter)?;
    group.propose(old, 2, "old")?;
    group.world.run_for(ms(20))?;
    // A server that has just started is not the first to take over.
    group.world.restart_quickly(voter)?;
    group.world.join(&[&[new], &[voter]])?;
    group.propose(new, 2, "new")?;
    group.world.sweep(voter);
    let fell = group.world.run_until(ms(600), |world| Ok(world.is_down(voter)))?;
    group.world.sweep_over();
    if fell {
        group.world.start(voter)?;
    }
    group.world.release(old, voter)?;
    group.world.run_for(ms(60))?;
    settle(group, &[2])
}

/// In a design with leaders s1 leads.
fn first_leads(group: &mut Group<'_, '_>) -> Outcome {
    take_over(group, &group.size.servers()[1..])?;
    group.propose(server(1), 1, "first")?;
    group.must_choose(&[1], &group.size.servers())
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

/// Three servers, and nobody but s1 can reach anybody: s2 answers s1, and the answers are held up. Then s1 is cut off, and
/// s2 and s3 choose a value. s1 goes on with ever higher ballots until it hears s2's old answers.
pub fn old_promises_arrive_late(group: &mut Group<'_, '_>, patience_ms: u64) -> Outcome {
    let (away, voter, other) = (server(1), server(2), server(3));
    group.world.hold(voter, away)?;
    group.world.cut(other, away)?;
    group.world.cut(voter, other)?;
    group.world.cut(other, voter)?;
    group.propose(away, 1, "old")?;
    take_over(group, &[voter])?;
    group.world.isolate(away)?;
    group.world.join(&[&[voter], &[other]])?;
    group.propose(other, 1, "new")?;
    group.must_choose(&[1], &[voter, other])?;
    // Every silence makes it try a higher ballot.
    group.world.run_for(ms(patience_ms))?;
    group.world.heal()?;
    group.must_choose(&[1], &group.size.servers())?;
    group.propose(away, 2, "after")?;
    group.must_choose(&[2], &group.size.servers())
}

/// Lets whoever is connected with these take over: they themselves are never up long enough. In a design without leaders
/// nothing happens.
pub fn take_over(group: &mut Group<'_, '_>, voters: &[NodeId]) -> Outcome {
    for _ in 0..4 {
        for voter in voters {
            group.world.restart_quickly(*voter)?;
        }
        group.world.run_for(ms(200))?;
    }
    Ok(())
}

/// Five servers and three ballots. In the first s1 proposes "old", which only s2 accepts, too, and s1 does not hear of it.
/// In the second s5 proposes "new", which nobody else accepts. In the third s1 must propose "new", and only s5 accepts it;
/// now s1 hears what s2 had accepted. Three acceptances, two values: nothing is chosen, and s2, s3, s4 are free to choose.
pub fn acceptances_of_two_ballots_meet(group: &mut Group<'_, '_>) -> Outcome {
    let [s1, s2, s3, s4, s5] = [1, 2, 3, 4, 5].map(server);
    first_leads(group)?;
    group.world.partition(&[&[s1, s2], &[s3, s4, s5]])?;
    group.world.hold(s2, s1)?;
    group.propose(s1, 2, "old")?;
    group.world.run_for(ms(150))?;
    group.world.partition(&[&[s1], &[s2]])?;

    take_over(group, &[s3, s4])?;
    group.world.partition(&[&[s3], &[s4], &[s5]])?;
    group.propose(s5, 2, "new")?;
    group.world.run_for(ms(150))?;

    group.world.hold(s4, s1)?;
    group.world.join(&[&[s1], &[s4, s5]])?;
    take_over(group, &[s4, s5])?;
    group.world.cut(s1, s4)?;
    group.world.release(s4, s1)?;
    group.world.run_for(ms(60))?;
    group.world.cut(s4, s1)?;
    group.world.heal_link(s2, s1)?;
    group.world.release(s2, s1)?;
    group.world.run_for(ms(60))?;

    group.world.isolate(s1)?;
    group.world.isolate(s5)?;
    group.world.join(&[&[s2], &[s3], &[s4]])?;
    group.propose(s3, 2, "third")?;
    group.must_choose(&[2], &[s2, s3, s4])?;
    settle(group, &[2])
}

/// Three servers, two of them connected at a time. One has voted for a value that nobody else has heard of, the others have
/// chosen another in a higher ballot; then the one with the old vote and one of the others must decide, and the one that
/// knows that it is chosen is not there.
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
