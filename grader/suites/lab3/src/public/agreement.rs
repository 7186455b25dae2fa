//! Part A: servers agree on what stands in each slot.

use faultline_sim::{Conditions, Outcome, Trial, ms};
use lab3_api::Slot;

use crate::{
    ballots, chaos,
    group::{Group, Size, with_group, with_group_under},
    server,
};

const ONE: Size = Size::alone(1);
const TRIO: Size = Size::alone(3);
const FOUR: Size = Size::alone(4);
const FIVE: Size = Size::alone(5);

pub fn one_proposal_is_chosen(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, TRIO, |group| {
        for slot in 1..=3 {
            let value = format!("value {slot}");
            group.propose(server(slot as u32), slot, &value)?;
            group.must_choose(&[slot], &group.size.servers())?;
            group.must_hold(slot, &value)?;
        }
        Ok(())
    })
}

pub fn a_group_of_one_needs_nobody(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, ONE, |group| {
        for slot in 1..=5 {
            group.propose(server(1), slot, &format!("value {slot}"))?;
            group.must_choose(&[slot], &[server(1)])?;
            group.must_hold(slot, &format!("value {slot}"))?;
        }
        Ok(())
    })
}

pub fn the_same_proposal_of_three_is_chosen(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, TRIO, |group| {
        for slot in 1..=4 {
            for server in group.size.servers() {
                group.propose(server, slot, &format!("the same {slot}"))?;
            }
            group.must_choose(&[slot], &group.size.servers())?;
            group.must_hold(slot, &format!("the same {slot}"))?;
        }
        Ok(())
    })
}

pub fn racing_proposers_settle(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, FIVE, |group| {
        for slot in 1..=4 {
            race(group, slot)?;
        }
        Ok(())
    })
}

/// Everybody proposes something else at the same moment; the last slot is nobody's hole, so one of
/// them wins.
fn race(group: &mut Group<'_, '_>, slot: Slot) -> Outcome {
    for server in group.size.servers() {
        group.propose(server, slot, &format!("{slot} of {server}"))?;
    }
    group.must_choose(&[slot], &group.size.servers())?;
    let log = group.log.borrow();
    if log.chosen(slot) == Some(&lab3_api::Value::Noop) {
        let text = format!("a no-op is chosen in slot {slot}, which is not a hole");
        return Err(log.about(group.world.violation(text), slot, []));
    }
    Ok(())
}

pub fn many_slots_in_any_order(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, TRIO, |group| {
        let [one, two, three] = [1, 2, 3].map(server);
        let mut slots: Vec<Slot> = (1..=16).collect();
        group.propose(two, 7, "value 7")?;
        group.must_choose(&[7], &[two])?;
        for slot in [3, 12, 1, 16, 2, 9, 15, 4, 5, 14, 6, 8, 11, 10, 13] {
            let by = server(1 + (slot % 3) as u32);
            // Now and then for a moment nobody hears what anybody says: what was said then is said
            // again.
            if slot % 5 == 0 {
                group.world.partition(&[&[one], &[two], &[three]])?;
            }
            group.propose(by, slot, &format!("value {slot}"))?;
            group.world.run_for(ms(slot % 4))?;
            if slot % 5 == 0 {
                group.world.run_for(ms(20))?;
                group.world.join(&[&[one], &[two], &[three]])?;
            }
        }
        slots.reverse();
        group.must_choose(&slots, &group.size.servers())
    })
}

pub fn a_chosen_value_stays(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, TRIO, |group| {
        let (one, two, away) = (server(1), server(2), server(3));
        group.world.isolate(away)?;
        group.propose(one, 1, "first")?;
        group.must_choose(&[1], &[one, two])?;
        // While it hears nobody, its ballots may grow and grow.
        group.propose(away, 1, "of the one that was away")?;
        group.world.run_for(ms(2_000))?;
        // The only one that is left of those who voted has not heard that it is chosen, or
        // forgotten it.
        group.world.restart_quickly(two)?;
        group.world.isolate(one)?;
        group.world.join(&[&[away], &[two]])?;
        group.propose(two, 2, "second")?;
        group.must_choose(&[1, 2], &[two, away])?;
        group.must_hold(1, "first")?;
        group.world.heal()?;
        group.propose(one, 1, "once more")?;
        group.propose(one, 3, "third")?;
        group.must_choose(&[1, 2, 3], &group.size.servers())?;
        group.must_hold(1, "first")
    })
}

pub fn a_minority_chooses_nothing(trial: &mut Trial<'_>) -> Outcome {
    let size = if trial.number() % 2 == 0 { FOUR } else { FIVE };
    with_group(trial, size, |group| {
        let all = group.size.servers();
        // In a design with a leader it is in the minority, with the promises of a majority.
        ballots::lead(group, all[0], &all[1..], 1)?;
        // Two of four are no majority; neither are two of five.
        let (few, rest) = all.split_at(2);
        group.world.partition(&[few, rest])?;
        group.propose(few[0], 2, "of the minority")?;
        group.propose(few[1], 2, "of the minority, too")?;
        if rest.len() == 2 {
            group.propose(rest[0], 2, "of the other half")?;
            group.nothing_chosen(2, "two of four servers are not a majority", ms(2_500))?;
        } else {
            group.world.run_for(ms(400))?;
            group.nothing_chosen(2, "nobody in the majority proposed anything", ms(500))?;
            group.propose(rest[0], 2, "of the majority")?;
            group.must_choose(&[2], rest)?;
            group.must_hold(2, "of the majority")?;
        }
        group.world.heal()?;
        group.must_choose(&[1, 2], &all)
    })
}

pub fn a_majority_goes_on(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, FIVE, |group| {
        let all = group.size.servers();
        group.propose(server(1), 1, "by all")?;
        group.must_choose(&[1], &all)?;
        for (slot, gone) in (2..)
            .step_by(2)
            .zip([[1, 2], [2, 3], [3, 4], [4, 5], [5, 1]])
        {
            let alive: Vec<_> = all
                .iter()
                .copied()
                .filter(|server| !gone.contains(&server.number()))
                .collect();
            for gone in gone {
                group.world.crash(server(gone))?;
            }
            group.propose(alive[0], slot, &format!("without {gone:?}"))?;
            group.must_choose(&[slot], &alive)?;
            group.start_all()?;
            group.propose(alive[1], slot + 1, &format!("after {gone:?}"))?;
            group.must_choose(&[slot, slot + 1], &all)?;
        }
        Ok(())
    })
}

pub fn one_deaf_and_one_mute_stop_nobody(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, FIVE, |group| {
        let all = group.size.servers();
        group.propose(server(1), 1, "with all")?;
        group.must_choose(&[1], &all)?;
        for (slot, deaf) in (2..).step_by(3).zip(1..=5) {
            let mute = deaf % 5 + 1;
            // In a design with a leader it is the one that becomes deaf.
            let others: Vec<_> = all
                .iter()
                .copied()
                .filter(|server| server.number() != deaf)
                .collect();
            ballots::lead(group, server(deaf), &others, slot)?;
            let well: Vec<_> = all
                .iter()
                .copied()
                .filter(|s| ![deaf, mute].contains(&s.number()))
                .collect();
            for other in &all {
                if *other != server(deaf) {
                    group.world.cut(*other, server(deaf))?;
                }
                if *other != server(mute) {
                    group.world.cut(server(mute), *other)?;
                }
            }
            group.propose(
                well[0],
                slot + 1,
                &format!("while s{deaf} is deaf and s{mute} is mute"),
            )?;
            group.must_choose(&[slot + 1], &well)?;
            group.world.heal()?;
            group.propose(
                server(deaf),
                slot + 2,
                &format!("of s{deaf}, which hears again"),
            )?;
            group.must_choose(&[slot, slot + 1, slot + 2], &all)?;
        }
        Ok(())
    })
}

pub fn a_copy_of_a_reply_counts_once(trial: &mut Trial<'_>) -> Outcome {
    let twice = Conditions {
        duplication: 1_000,
        ..Conditions::clean()
    };
    with_group_under(trial, twice, FIVE, ballots::two_say_everything_twice)
}

pub fn late_answers_to_an_older_ballot_do_not_count(trial: &mut Trial<'_>) -> Outcome {
    let conditions = ballots::conditions(trial);
    with_group_under(trial, conditions, TRIO, |group| {
        ballots::old_promises_arrive_late(group, 4_000)
    })
}

pub fn acceptances_of_two_ballots_choose_nothing(trial: &mut Trial<'_>) -> Outcome {
    let conditions = ballots::conditions(trial);
    with_group_under(
        trial,
        conditions,
        FIVE,
        ballots::acceptances_of_two_ballots_meet,
    )
}

pub fn the_value_of_the_highest_ballot_wins(trial: &mut Trial<'_>) -> Outcome {
    let conditions = ballots::conditions(trial);
    with_group_under(
        trial,
        conditions,
        TRIO,
        ballots::an_old_vote_meets_a_newer_one,
    )
}

pub fn no_two_servers_use_the_same_ballot(trial: &mut Trial<'_>) -> Outcome {
    let conditions = ballots::conditions(trial);
    with_group_under(trial, conditions, TRIO, ballots::two_begin_alike)
}

pub fn a_vote_is_a_promise(trial: &mut Trial<'_>) -> Outcome {
    let conditions = ballots::conditions(trial);
    with_group_under(
        trial,
        conditions,
        FIVE,
        ballots::an_old_proposal_meets_a_vote,
    )
}

pub fn agreement_chaos(trial: &mut Trial<'_>) -> Outcome {
    chaos::agreement(trial, FIVE, 60)
}
