//! The tests of lab 3 that students do not have. Each asks for something that the handout promises
//! and has a public test beside it with the same idea; sizes, values and moments are drawn from the
//! run's seed, and so from the course's salt.
//!
//! Nothing but a registry may depend on this crate: in a release for students a stub of the same
//! name stands in its place, whose `tests` returns none (`.github/hidden-stub.rs`).
//!
//! ```
//! let tests = lab3_hidden::tests();
//! assert!(tests.iter().all(|test| test.id.starts_with("H-")));
//! ```
//!
//! Read on in the public suite, `lab3_suite`, from which the fixtures are.

use faultline_explore::{Guide, View};
use faultline_sim::{Conditions, Outcome, Trial, ms};
use lab3_api::Slot;
use labkit::NodeId;

use faultline_labtest::{Test, drawn, hidden_tests};
use lab3_suite::{
    ballots,
    chaos::{self, Chaos, Faults},
    client, costs,
    group::{KvService, Size, append, get, put, with_crash_sweep, with_group, with_group_under},
    orders, scenes, server,
};

/// All hidden tests, in the order of the rubric.
pub fn tests() -> Vec<Test> {
    hidden_tests! {
        "H-A1" agreement_of_seven,
        "H-A2" promises_of_long_ago,
        "H-A3" half_of_an_even_group,
        "H-A4" slots_from_everywhere,
        "H-B1" lost_replies_in_a_large_group,
        "H-B2" writes_to_whoever_is_cut_off,
        "H-B3" many_proposals_are_left_behind,
        "H-B4" a_long_absence,
        "H-B5" service_of_seven,
        "H-C1" five_restart_at_once,
        "H-C2" nobody_forgets_a_vote_in_a_large_group,
        "H-C3" a_new_disk_crashes_again,
        "H-C4" recovery_of_five,
        "H-D1" memory_after_a_long_absence,
        "H-D2" forgetting_before_a_crash,
        "H-E1" few_messages_for_some_clients,
        "H-F1" a_majority_of_five_in_every_order,
        "H-F2" two_writers_in_every_order,
    }
}

fn agreement_of_seven(trial: &mut Trial<'_>) -> Outcome {
    chaos::agreement(trial, Size::alone(7), 70)
}

fn promises_of_long_ago(trial: &mut Trial<'_>) -> Outcome {
    let patience = 3_500 + drawn(trial).below(2_000);
    let conditions = ballots::conditions(trial);
    with_group_under(trial, conditions, Size::alone(3), |group| {
        ballots::old_promises_arrive_late(group, patience)
    })
}

fn half_of_an_even_group(trial: &mut Trial<'_>) -> Outcome {
    let half = 1 + drawn(trial).below(2) as usize;
    with_group(trial, Size::alone(2 * half as u32), |group| {
        let all = group.size.servers();
        let (some, rest) = all.split_at(half);
        group.world.partition(&[some, rest])?;
        for server in &all {
            group.propose(*server, 1, &format!("of {server}"))?;
        }
        group.nothing_chosen(1, "half of the servers are not a majority", ms(2_000))?;
        group.world.heal()?;
        group.must_choose(&[1], &all)
    })
}

fn slots_from_everywhere(trial: &mut Trial<'_>) -> Outcome {
    let mut draw = drawn(trial);
    with_group(trial, Size::alone(5), |group| {
        let mut slots: Vec<Slot> = (1..=20).collect();
        for place in (1..slots.len()).rev() {
            slots.swap(place, draw.below(place as u64 + 1) as usize);
        }
        for slot in &slots {
            for _ in 0..1 + draw.below(3) {
                let by = server(1 + draw.below(5) as u32);
                group.propose(by, *slot, &format!("{slot} of {by}"))?;
            }
            group.world.run_for(ms(draw.below(12)))?;
        }
        group.must_choose(&slots, &group.size.servers())
    })
}

fn lost_replies_in_a_large_group(trial: &mut Trial<'_>) -> Outcome {
    with_group(
        trial,
        Size {
            servers: 5,
            clients: 3,
        },
        |group| scenes::no_reply_gets_through(group, 4),
    )
}

fn writes_to_whoever_is_cut_off(trial: &mut Trial<'_>) -> Outcome {
    let mut draw = drawn(trial);
    let size = Size {
        servers: 3 + 2 * draw.below(2) as u32,
        clients: 3,
    };
    let command = if draw.chance(500) {
        get("x")
    } else {
        append("x", "of the friend;")
    };
    with_group(trial, size, |group| {
        scenes::a_friend_asks_whoever_is_cut_off(group, &put("x", "of the friend, too;"))?;
        scenes::a_friend_asks_whoever_is_cut_off(group, &command)?;
        group.read_all_and_judge()
    })
}

fn many_proposals_are_left_behind(trial: &mut Trial<'_>) -> Outcome {
    with_group(
        trial,
        Size {
            servers: 7,
            clients: 6,
        },
        scenes::proposals_are_left_behind,
    )
}

fn a_long_absence(trial: &mut Trial<'_>) -> Outcome {
    let rounds = 40 + drawn(trial).below(40) as u32;
    with_group(
        trial,
        Size {
            servers: 3,
            clients: 2,
        },
        |group| scenes::one_is_away_then_needed(group, rounds, ms(500)),
    )
}

fn service_of_seven(trial: &mut Trial<'_>) -> Outcome {
    Chaos {
        size: Size {
            servers: 7,
            clients: 5,
        },
        operations: 10,
        faults: Faults::NETWORK,
    }
    .run(trial)
}

fn five_restart_at_once(trial: &mut Trial<'_>) -> Outcome {
    with_group(
        trial,
        Size {
            servers: 5,
            clients: 4,
        },
        |group| {
            scenes::all_restart(group, 5)?;
            scenes::restart_one_after_the_other(group, 1)
        },
    )
}

fn nobody_forgets_a_vote_in_a_large_group(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, Size::alone(5), |group| {
        let [s1, s2, s3, s4, s5] = [1, 2, 3, 4, 5].map(server);
        for slot in [1, 2] {
            let value = format!("value {slot}");
            for away in [s4, s5] {
                group.world.isolate(away)?;
            }
            group.propose(s2, slot, &value)?;
            group.must_choose(&[slot], &[s1, s2, s3])?;
            for gone in [s2, s3] {
                group.world.isolate(gone)?;
            }
            group.world.restart_quickly(s1)?;
            group.world.join(&[&[s1], &[s4], &[s5]])?;
            group.propose(s4, slot, "of those who were away")?;
            group.must_choose(&[slot], &[s1, s4, s5])?;
            group.must_hold(slot, &value)?;
            group.world.heal()?;
            group.must_choose(&[slot], &group.size.servers())?;
        }
        Ok(())
    })
}

fn a_new_disk_crashes_again(trial: &mut Trial<'_>) -> Outcome {
    let time = ms(50 + drawn(trial).below(500));
    with_group(
        trial,
        Size {
            servers: 3,
            clients: 3,
        },
        |group| scenes::one_loses_its_disk(group, time),
    )
}

fn recovery_of_five(trial: &mut Trial<'_>) -> Outcome {
    Chaos {
        size: Size {
            servers: 5,
            clients: 4,
        },
        operations: 10,
        faults: Faults::LOST_DISK,
    }
    .run(trial)
}

fn memory_after_a_long_absence(trial: &mut Trial<'_>) -> Outcome {
    let value = 1_500 + drawn(trial).below(2_000) as usize;
    with_group(
        trial,
        Size {
            servers: 3,
            clients: 3,
        },
        |group| {
            let away = server(1 + (value % 3) as u32);
            group.world.isolate(away)?;
            costs::overwrite(group, value, 10)?;
            group.world.run_for(ms(1_000))?;
            group.world.heal()?;
            costs::holds_what_is_live(group, value)?;
            group.read_all_and_judge()
        },
    )
}

fn forgetting_before_a_crash(trial: &mut Trial<'_>) -> Outcome {
    with_crash_sweep(
        trial,
        Size {
            servers: 3,
            clients: 3,
        },
        "s1",
        false,
        |group| {
            let writer = client(2);
            let (one, two, away) = (server(1), server(2), server(3));
            group.world.isolate(away)?;
            for round in 0..4 {
                group.must_do(writer, &append("y", &format!("{round};")))?;
            }
            group.world.sweep(one);
            group
                .world
                .run_until(ms(800), |world| Ok(world.is_down(one)))?;
            group.world.sweep_over();
            group.start_all()?;
            group.world.isolate(two)?;
            group
                .world
                .join(&[&[away], &[one, client(1), client(2), client(3)]])?;
            let successor = group.successor()?;
            group.must_read(successor, "y", "0;1;2;3;")
        },
    )
}

fn few_messages_for_some_clients(trial: &mut Trial<'_>) -> Outcome {
    let clients = 2 + drawn(trial).below(4) as u32;
    with_group_under(
        trial,
        Conditions::clean(),
        Size {
            servers: 3,
            clients,
        },
        |group| {
            costs::messages_per_operation(group, 8, |client, round| {
                append("x", &format!("{client} {round};"))
            })
        },
    )
}

/// Three of five have chosen a value. The other two are a minority; then one of the three, which
/// has restarted, joins them.
fn a_majority_of_five_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let size = Size::alone(5);
    let [s1, s2, s3, s4, s5] = [1, 2, 3, 4, 5].map(server);
    let three = [s1, s2, s3];
    let knows_it = move |view: &View<'_>| {
        three
            .into_iter()
            .find(|server| orders::chosen(view, *server, 1).is_some())
            .unwrap_or(s1)
    };
    let joins = move |view: &View<'_>| if knows_it(view) == s2 { s3 } else { s2 };
    let minority = Guide::new().apart(&[&three, &[s4, s5]]);
    let story = orders::agreement(size, orders::TWO_CRASHES).guided(minority);
    let story = orders::propose(story, s1, 1, "one").reach(orders::somebody_knows(&three, 1));
    let story = orders::propose(story, s5, 1, "five")
        .search(15_000)
        .restarts(joins)
        .guided_by(move |view| {
            let joined = joins(view);
            let left: Vec<NodeId> = three
                .into_iter()
                .filter(|server| *server != joined)
                .collect();
            Guide::new().apart(&[&left, &[joined, s4, s5]])
        });
    let story = story.reach(orders::accepted(&[s5], 1)).search(20_000);
    orders::explore(trial, size, &orders::all_learn(story, size, &[1]))
}

fn two_writers_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let size = Size {
        servers: 3,
        clients: 2,
    };
    let faults = faultline_explore::Faults {
        crashes: 1,
        duplicates: 1,
        ..orders::NO_FAULTS
    };
    let (writes, reads) = ([append("x", "1;")], [append("x", "2;"), get("x")]);
    let near = Guide::new().apart(&[&[server(1), server(2), client(1), client(2)], &[server(3)]]);
    let story = orders::service(size, &[&writes, &reads], faults)
        .guided(near.timers(&[server(1), server(2)]))
        .search(15_000)
        .guided(Guide::new())
        .reach(orders::answered(client(2), 1))
        .search(15_000)
        .recovers();
    orders::explore(trial, size, &story)
}
