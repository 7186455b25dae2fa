//! The tests of lab 2 that students do not have. Each asks for something that the handout promises
//! and has a public test beside it with the same idea; sizes, values and moments are drawn from the
//! run's seed, and so from the course's salt.
//!
//! Nothing but a registry may depend on this crate: in a release for students a stub of the same
//! name stands in its place, whose `tests` returns none (`.github/hidden-stub.rs`).
//!
//! ```
//! let tests = lab2_hidden::tests();
//! assert!(tests.iter().all(|test| test.id.starts_with("H-")));
//! ```
//!
//! Read on in the public suite, `lab2_suite`, from which the fixtures are.

mod part_e;
mod part_f;

use faultline_sim::{Conditions, Outcome, Trial, choice::Draw, ms};

use part_e::{
    a_transfer_carries_no_history, few_messages_for_large_values, memory_after_a_failover,
};
use part_f::{
    a_late_confirmation_in_every_order, a_late_transfer_in_every_order,
    a_primary_of_long_ago_in_every_order, a_transfer_confirmed_twice_in_every_order,
};

use faultline_labtest::{Test, drawn, hidden_tests};
use lab2_suite::{
    chaos::{Chaos, Faults},
    churn::come_and_go,
    client,
    fixture::{show, with_view_server},
    scenes, server,
    service::{
        KvService, Size, append, get, put, with_crash_sweep, with_service, with_service_under,
    },
};

/// All hidden tests, in the order of the rubric.
pub fn tests() -> Vec<Test> {
    hidden_tests! {
        "H-A1" many_servers_come_and_go,
        "H-A2" primary_restarts_before_its_ack,
        "H-A3" idle_server_never_replaces_two_lost_ones,
        "H-A4" the_latest_life_of_an_idle_server_is_chosen,
        "H-B1" large_values_and_many_clients_are_linearizable,
        "H-B2" late_copies_of_any_request_or_reply,
        "H-B3" large_replies_are_not_kept,
        "H-C1" a_dying_backup_takes_nothing_with_it,
        "H-C2" exactly_once_wherever_the_primary_dies,
        "H-C3" many_servers_come_and_go_under_load,
        "H-C4" silence_after_a_lone_primary_restarted,
        "H-C5" exactly_once_across_two_failovers,
        "H-D1" slow_primary_serves_nothing_stale,
        "H-D2" what_a_deposed_primary_forwards_is_not_kept,
        "H-D3" late_confirmations_of_a_lost_backup,
        "H-D4" a_large_state_is_whole_before_the_ack,
        "H-D5" two_servers_look_dead_in_turn,
        "H-E1" few_messages_for_large_values,
        "H-E2" a_transfer_carries_no_history,
        "H-E3" memory_after_a_failover,
        "H-F1" a_late_transfer_in_every_order,
        "H-F2" a_late_confirmation_in_every_order,
        "H-F3" a_primary_of_long_ago_in_every_order,
        "H-F4" a_transfer_confirmed_twice_in_every_order,
    }
}

fn some_key(draw: &mut Draw) -> String {
    format!("key {}", draw.below(1_000_000))
}

const PAIR: Size = Size {
    servers: 2,
    clients: 3,
};
const TRIO: Size = Size {
    servers: 3,
    clients: 3,
};

fn many_servers_come_and_go(trial: &mut Trial<'_>) -> Outcome {
    come_and_go(trial, 5, 20)
}

fn primary_restarts_before_its_ack(trial: &mut Trial<'_>) -> Outcome {
    with_view_server(trial, 3, |fixture| {
        fixture.start(server(1));
        fixture.until("the first server to ping becomes primary", |view| {
            view.number == 1
        })?;
        fixture.run(ms(100))?;
        fixture.accepts_no_more_than(server(1), 1);
        fixture.start(server(2));
        fixture.until("s2 becomes backup", |view| view.number == 2)?;
        fixture.start(server(1)); // a new life, which accepts what it is told
        fixture.stays(
            "its primary s1 restarted before it had acknowledged it",
            ms(600),
        )?;
        for _ in 0..4 {
            fixture.ping(server(1), 2, 1)?; // late, of the life that is over
            fixture.stays(
                "its primary s1 restarted, and a ping of its first incarnation came late",
                ms(50),
            )?;
        }
        fixture.start(server(3));
        fixture.die(server(2));
        fixture.stays(
            "its primary s1 restarted before it had acknowledged it (s3 joined, s2 died)",
            ms(800),
        )
    })
}

fn idle_server_never_replaces_two_lost_ones(trial: &mut Trial<'_>) -> Outcome {
    let again = drawn(trial).below(2) == 0;
    with_view_server(trial, 3, |fixture| {
        fixture.replicated(&[server(1), server(2), server(3)])?;
        let lost = [fixture.member(server(1)), fixture.member(server(2))];
        fixture.die(server(1));
        fixture.die(server(2));
        // One change may come: the backup's death may be noticed a tick after the primary's.
        fixture.run(ms(500))?;
        let view = fixture.view();
        if !view.primary.is_some_and(|primary| lost.contains(&primary)) {
            let text = format!(
                "s1 and s2 alone had the state and are lost, but the view is now {}",
                show(&view)
            );
            return fixture.violation(text);
        }
        if again {
            fixture.start(server(1));
            fixture.start(server(2));
        }
        fixture.stays("the two servers that had the state are lost", ms(1_000))
    })
}

fn the_latest_life_of_an_idle_server_is_chosen(trial: &mut Trial<'_>) -> Outcome {
    with_view_server(trial, 3, |fixture| {
        fixture.replicated(&[server(1), server(2), server(3)])?;
        fixture.start(server(3)); // again, while it is idle
        fixture.stays("an idle server has restarted", ms(300))?;
        let (second, third) = (fixture.member(server(2)), fixture.member(server(3)));
        fixture.die(server(2));
        fixture.until("the idle server's new incarnation becomes backup", |view| {
            view.backup == Some(third)
        })?;
        fixture.settle()?;
        fixture.goes_on(server(2)); // it was only silent
        fixture.settle()?;
        fixture.die(server(3));
        fixture.until(
            "a server that was only silent becomes backup again",
            |view| view.backup == Some(second),
        )
    })
}

fn large_values_and_many_clients_are_linearizable(trial: &mut Trial<'_>) -> Outcome {
    let padding = [
        "",
        "-a-value-that-is-longer-than-most-values-of-the-public-tests",
        " ü\u{1F980}\n\"'",
    ];
    let padding = *drawn(trial).pick(&padding);
    Chaos {
        size: Size {
            servers: 1,
            clients: 7,
        },
        operations: 30,
        padding,
        faults: Faults::NETWORK,
    }
    .run(trial)
}

fn late_copies_of_any_request_or_reply(trial: &mut Trial<'_>) -> Outcome {
    let mut draw = drawn(trial);
    let (key, other, rounds) = (some_key(&mut draw), some_key(&mut draw), 6 + draw.below(6));
    with_service(
        trial,
        Size {
            servers: 1,
            clients: 3,
        },
        true,
        |service| {
            let late = Conditions {
                duplication: 1_000,
                stragglers: 500,
                straggle: ms(20)..=ms(500),
                ..Conditions::clean()
            };
            for writer in [client(1), client(2)] {
                service
                    .world
                    .set_link(writer, server(1), Some(late.clone()));
                service
                    .world
                    .set_link(server(1), writer, Some(late.clone()));
            }
            let mut expected = String::new();
            for round in 0..rounds {
                // The same text each time: only its number tells one append from the copy of
                // another.
                service.must_do(client(1), &append(&key, "same;"))?;
                expected += "same;";
                service.must_read(client(1), &key, &expected)?;
                service.must_do(client(2), &put(&other, &format!("{round}")))?;
                service.must_read(client(2), &other, &format!("{round}"))?;
            }
            service.world.run_for(ms(600))?; // the last copies arrive
            service.must_read(client(3), &key, &expected)?;
            service.read_all_and_judge()
        },
    )
}

fn large_replies_are_not_kept(trial: &mut Trial<'_>) -> Outcome {
    let mut draw = drawn(trial);
    let (length, rounds) = (2_000 + draw.below(2_000) as usize, 8 + draw.below(8));
    with_service_under(
        trial,
        Conditions::clean(),
        Size {
            servers: 1,
            clients: 4,
        },
        true,
        |service| {
            let large = "v".repeat(length);
            for round in 0..rounds {
                service.must_do(client(1), &put("x", &large))?;
                service.must_do(client(2), &append("x", &round.to_string()))?;
                for reader in 1..=4 {
                    service.call(client(reader), &get("x"))?;
                }
            }
            service.must_do(client(1), &put("x", "small"))?;
            for reader in 1..=4 {
                service.must_read(client(reader), "x", "small")?;
            }
            service.world.run_for(ms(500))?;
            let memory = service.world.memory(server(1))?.unwrap_or_default();
            if memory.working() > 2_000 || memory.disk > 2_000 {
                let text = format!(
                    "a value of {length} bytes was read again and again, then replaced by a small \
                     one, which every client has read; s1 still keeps {memory}, and {} on its disk",
                    memory.disk
                );
                return Err(service.world.over_budget(text));
            }
            let successor = service.successor()?;
            service.must_read(successor, "x", "small")
        },
    )
}

fn a_dying_backup_takes_nothing_with_it(trial: &mut Trial<'_>) -> Outcome {
    with_crash_sweep(trial, PAIR, "the backup", |service| {
        let writer = client(1);
        let (primary, backup) = service.replicated()?;
        service.must_do(writer, &append("log", "1;"))?;
        service.replicated()?;
        service.world.sweep(backup);
        service.invoke(writer, &append("log", "2;"))?;
        service.world.run_for(ms(60))?;
        service.world.sweep_over();
        if service.world.is_up(backup) {
            service.world.crash(backup)?;
        }
        service.answer(writer)?;
        service.world.start(backup)?;
        service.replicated()?;
        service.world.crash(primary)?;
        let successor = service.successor()?;
        service.must_read(successor, "log", "1;2;")
    })
}

fn exactly_once_wherever_the_primary_dies(trial: &mut Trial<'_>) -> Outcome {
    with_crash_sweep(trial, PAIR, "the primary", |service| {
        let writer = client(1);
        let (primary, backup) = service.replicated()?;
        service.must_do(writer, &append("log", "1;"))?;
        service.replicated()?;
        // No answer gets through before the primary's death, so the client asks its successor
        // again.
        service.world.cut(primary, writer)?;
        service.world.cut(backup, writer)?;
        service.world.sweep(primary);
        service.invoke(writer, &append("log", "2;"))?;
        service.world.run_for(ms(70))?;
        service.world.sweep_over();
        if service.world.is_up(primary) {
            service.world.crash(primary)?;
        }
        service.world.run_for(ms(100))?;
        service.world.heal()?;
        service.answer(writer)?;
        let successor = service.successor()?;
        service.must_read(successor, "log", "1;2;")
    })
}

fn many_servers_come_and_go_under_load(trial: &mut Trial<'_>) -> Outcome {
    let mut draw = drawn(trial);
    let size = Size {
        servers: 2 + draw.below(3) as u32,
        clients: 4 + draw.below(3) as u32,
    };
    let padding = *draw.pick(&["", "-and-some-more-that-nobody-needs"]);
    Chaos {
        size,
        operations: 30,
        padding,
        faults: Faults::FAILOVER,
    }
    .run(trial)
}

fn silence_after_a_lone_primary_restarted(trial: &mut Trial<'_>) -> Outcome {
    let mut draw = drawn(trial);
    let (key, acknowledged) = (some_key(&mut draw), draw.below(2) == 0);
    with_service(trial, PAIR, false, |service| {
        let (writer, reader) = (client(1), client(2));
        service.must_do(writer, &put(&key, "kept by s1 alone"))?;
        service.must_read(reader, &key, "kept by s1 alone")?;
        if !acknowledged {
            // s2 is backup of a view that s1 cannot acknowledge.
            service.world.partition(&[&[server(1)], &[server(2)]])?;
            service.world.start(server(2))?;
            service.world.run_for(ms(500))?;
        }
        service.world.restart_quickly(server(1))?;
        service.world.run_for(ms(200))?;
        service.world.heal()?;
        if acknowledged {
            service.world.start(server(2))?;
        }
        service.invoke(reader, &get(&key))?;
        service.invoke(writer, &append(&key, " and more"))?;
        service.stays_silent(
            "s1 alone had the state, and it came back without",
            ms(3_000),
        )?;
        service.judge()
    })
}

fn exactly_once_across_two_failovers(trial: &mut Trial<'_>) -> Outcome {
    let key = some_key(&mut drawn(trial));
    with_service(trial, TRIO, true, |service| {
        let (writer, other) = (client(1), client(2));
        let (first, second) = service.replicated()?;
        service.world.run_for(ms(400))?; // the third server is known to live
        service.must_do(writer, &append(&key, "1;"))?;
        for number in 1..=3 {
            service.world.cut(server(number), writer)?;
        }
        service.invoke(writer, &append(&key, "2;"))?;
        service.world.run_for(ms(400))?;
        service.world.crash(first)?;
        service.must_do(other, &append("other", "1;"))?;
        service.replicated()?;
        service.world.crash(second)?;
        service.must_do(other, &append("other", "2;"))?;
        service.world.heal()?;
        service.answer(writer)?;
        service.must_read(other, &key, "1;2;")?;
        service.must_read(other, "other", "1;2;")?;
        service.read_all_and_judge()
    })
}

fn slow_primary_serves_nothing_stale(trial: &mut Trial<'_>) -> Outcome {
    let by = drawn(trial).between(&(ms(200)..=ms(300)));
    with_service(trial, PAIR, true, |service| {
        let (writer, friend) = (client(1), client(2));
        for round in 0..3 {
            let (primary, _) = service.replicated()?;
            service.must_do(writer, &append("x", &format!("{round};")))?;
            service.call(friend, &get("x"))?; // now it knows the primary
            service.world.isolate(friend)?;
            service.world.join(&[&[primary], &[friend]])?;
            // It may be taken for dead now; whether it is or not, what it answers must be right.
            service.world.slow(primary, by)?;
            service.world.run_for(ms(350))?;
            service.must_do(writer, &append("x", &format!("{round} again;")))?;
            service.invoke(friend, &get("x"))?;
            service.must_do(writer, &append("x", &format!("{round} and again;")))?;
            service.world.run_for(ms(700))?;
            service.judge()?;
            service.world.heal()?;
            service.answer(friend)?;
        }
        service.read_all_and_judge()
    })
}

fn what_a_deposed_primary_forwards_is_not_kept(trial: &mut Trial<'_>) -> Outcome {
    let key = some_key(&mut drawn(trial));
    let command = match trial.number() % 3 {
        0 => append(&key, "friend;"),
        1 => put("x", "friend;"),
        _ => get("x"),
    };
    with_service(trial, TRIO, true, |service| {
        scenes::forward_from_the_past(service, &command)
    })
}

fn late_confirmations_of_a_lost_backup(trial: &mut Trial<'_>) -> Outcome {
    match trial.number() % 2 {
        0 => late_confirmation_of_an_operation(trial),
        _ => late_confirmation_of_a_state(trial),
    }
}

fn late_confirmation_of_a_state(trial: &mut Trial<'_>) -> Outcome {
    let after = drawn(trial).between(&(ms(400)..=ms(500)));
    with_service_under(trial, Conditions::clean(), PAIR, false, |service| {
        let (writer, reader) = (client(1), client(2));
        service.must_do(writer, &put("x", "kept by s1 alone"))?;
        // s2 is given the state and confirms it; some of what it says is on its way for long.
        let late = Conditions {
            latency: after..=after,
            ..Conditions::clean()
        };
        service.world.set_link(server(2), server(1), Some(late));
        service.world.start(server(2))?;
        service.world.run_for(ms(120))?;
        service.world.set_link(server(2), server(1), None);
        service.replicated()?;
        // It comes back empty and cannot be given anything, when the confirmation of its
        // earlier life arrives.
        service.world.cut(server(1), server(2))?;
        service.world.restart_quickly(server(2))?;
        service.world.run_for(ms(700))?;
        service.world.crash(server(1))?;
        service.world.heal()?;
        service.invoke(reader, &get("x"))?;
        service.stays_silent(
            "s2 came back empty and was given nothing before s1 died",
            ms(2_000),
        )?;
        service.judge()
    })
}

fn late_confirmation_of_an_operation(trial: &mut Trial<'_>) -> Outcome {
    let after = drawn(trial).between(&(ms(300)..=ms(420)));
    with_service_under(trial, Conditions::clean(), PAIR, true, |service| {
        let (writer, reader) = (client(1), client(2));
        let (primary, backup) = service.replicated()?;
        service.must_do(writer, &append("log", "1;"))?;
        // What the backup confirms is on its way for long; meanwhile it loses its state.
        let way = |latency: std::time::Duration| {
            Some(Conditions {
                latency: latency..=latency,
                ..Conditions::clean()
            })
        };
        service.world.set_link(backup, primary, way(after));
        service.invoke(writer, &append("log", "2;"))?;
        service.world.run_for(ms(30))?;
        service.world.set_link(backup, primary, None);
        service.world.set_link(primary, backup, way(ms(150)));
        service.world.restart_quickly(backup)?;
        service.replicated()?;
        // The new life has what it was given; what the primary sends it from now on is lost
        // with the primary.
        service.world.cut(primary, backup)?;
        service.world.run_for(ms(250))?;
        service.world.crash(primary)?;
        service.world.heal()?;
        service.answer(writer)?;
        service.must_read(reader, "log", "1;2;")?;
        service.read_all_and_judge()
    })
}

fn a_large_state_is_whole_before_the_ack(trial: &mut Trial<'_>) -> Outcome {
    let keys = 300 + drawn(trial).below(100);
    with_service(trial, PAIR, false, |service| {
        scenes::write_while_it_is_copied(service, keys)
    })
}

fn two_servers_look_dead_in_turn(trial: &mut Trial<'_>) -> Outcome {
    let clients = 4 + drawn(trial).below(3) as u32;
    let size = Size {
        servers: 2,
        clients,
    };
    Chaos {
        size,
        operations: 30,
        padding: "",
        faults: Faults::SPLIT_BRAIN,
    }
    .run(trial)
}
