//! Part B: a key-value store on top of the log.

use faultline_sim::{Outcome, Trial, ms};

use crate::{
    ballots,
    chaos::{Chaos, Faults},
    client,
    group::{KvService, Size, append, get, put, with_crash_sweep, with_group, with_group_under},
    scenes, server,
};

const ONE: Size = Size {
    servers: 1,
    clients: 2,
};
const TRIO: Size = Size {
    servers: 3,
    clients: 3,
};
const FIVE: Size = Size {
    servers: 5,
    clients: 4,
};

pub fn put_append_get(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, TRIO, |group| {
        let (one, two) = (client(1), client(2));
        group.must_read(one, "x", "")?;
        group.must_do(one, &put("x", "a"))?;
        group.must_do(two, &append("x", "b"))?;
        group.must_do(two, &append("y", "c"))?;
        group.must_read(one, "x", "ab")?;
        group.must_do(one, &put("x", "d"))?;
        group.must_read(two, "x", "d")?;
        group.must_read(two, "y", "c")?;
        let successor = group.successor()?;
        group.must_read(successor, "x", "d")?;
        group.must_read(successor, "y", "c")
    })
}

pub fn a_single_server_serves(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, ONE, |group| {
        for round in 0..5 {
            group.must_do(client(1), &append("x", &format!("{round};")))?;
        }
        group.must_read(client(2), "x", "0;1;2;3;4;")?;
        group.world.restart_quickly(server(1))?;
        group.must_do(client(1), &append("x", "5;"))?;
        group.must_read(client(2), "x", "0;1;2;3;4;5;")?;
        let successor = group.successor()?;
        group.world.restart_quickly(server(1))?;
        group.must_read(successor, "x", "0;1;2;3;4;5;")
    })
}

pub fn many_clients_are_linearizable(trial: &mut Trial<'_>) -> Outcome {
    Chaos {
        size: FIVE,
        operations: 12,
        faults: Faults::NONE,
    }
    .run(trial)
}

pub fn an_operation_is_carried_out_once(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, TRIO, |group| scenes::no_reply_gets_through(group, 3))
}

pub fn a_late_reply_answers_nothing_else(trial: &mut Trial<'_>) -> Outcome {
    let conditions = ballots::conditions(trial);
    with_group_under(trial, conditions, TRIO, |group| {
        let (writer, servers) = (client(1), group.size.servers());
        let mut expected = String::new();
        for round in 0..3 {
            // It asks again and again, and then it hears all the answers.
            for server in &servers {
                group.world.hold(*server, writer)?;
            }
            group.invoke(writer, &get("x"))?;
            group.world.run_for(ms(900))?;
            for server in &servers {
                group.world.release(*server, writer)?;
            }
            group.answer(writer)?;
            group.must_do(writer, &append("x", &format!("{round};")))?;
            expected += &format!("{round};");
            group.must_read(writer, "x", &expected)?;
        }
        group.read_all_and_judge()
    })
}

pub fn another_operation_in_the_slot_is_no_answer(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, TRIO, scenes::another_operation_takes_the_slot)
}

pub fn a_cut_off_server_answers_nothing_stale(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, TRIO, |group| {
        scenes::a_friend_asks_whoever_is_cut_off(group, &get("x"))?;
        group.read_all_and_judge()
    })
}

pub fn a_minority_serves_nobody(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, FIVE, |group| {
        let (writer, friend) = (client(1), client(2));
        group.must_do(writer, &append("x", "1;"))?;
        for pair in [[1, 2], [3, 4], [5, 1]] {
            // In a design with a leader it is in the minority.
            let leads = server(pair[0]);
            let others: Vec<_> = group
                .size
                .servers()
                .into_iter()
                .filter(|server| *server != leads)
                .collect();
            ballots::take_over(group, &others)?;
            let few = [leads, server(pair[1]), friend];
            let rest: Vec<_> = group
                .world
                .ids()
                .into_iter()
                .filter(|id| !few.contains(id))
                .collect();
            group.world.partition(&[&few, &rest])?;
            group.invoke(friend, &append("x", &format!("{pair:?};")))?;
            group.stays_silent("two of five servers are not a majority", ms(1_200))?;
            group.must_do(writer, &append("y", &format!("without {pair:?};")))?;
            group.world.heal()?;
            group.answer(friend)?;
        }
        group.read_all_and_judge()
    })
}

pub fn a_server_may_die_at_any_point(trial: &mut Trial<'_>) -> Outcome {
    // Another server each time; in a design with a leader it is sometimes the one.
    let victim = server(1 + (trial.number() % 3) as u32);
    with_crash_sweep(trial, TRIO, "a server", false, |group| {
        let (one, two) = (client(1), client(2));
        group.must_do(one, &append("x", "0;"))?;
        group.invoke(one, &append("x", "1;"))?;
        group.invoke(two, &append("y", "2;"))?;
        group.world.sweep(victim);
        group
            .world
            .run_until(ms(90), |world| Ok(world.is_down(victim)))?;
        group.world.sweep_over();
        // It stays down: two of three go on.
        group.answer(one)?;
        group.answer(two)?;
        group.must_read(client(3), "x", "0;1;")?;
        group.must_read(client(3), "y", "2;")
    })
}

pub fn slots_that_nobody_finished_are_filled(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, FIVE, scenes::proposals_are_left_behind)
}

pub fn a_server_that_was_away_catches_up(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, TRIO, |group| {
        scenes::one_is_away_then_needed(group, 25, ms(1_500))
    })
}

pub fn network_chaos(trial: &mut Trial<'_>) -> Outcome {
    Chaos {
        size: TRIO,
        operations: 12,
        faults: Faults::NETWORK,
    }
    .run(trial)
}

pub fn partition_chaos(trial: &mut Trial<'_>) -> Outcome {
    Chaos {
        size: FIVE,
        operations: 12,
        faults: Faults::NETWORK,
    }
    .run(trial)
}
