//! Part D: what is carried out can be forgotten, and nothing else.

use faultline_sim::{Outcome, Trial, ms};

use crate::{
    ballots, client, costs,
    group::{KvService, Size, append, put, with_crash_sweep, with_group},
    scenes, server,
};

const TRIO: Size = Size {
    servers: 3,
    clients: 3,
};

pub fn an_idle_log_is_forgotten(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, TRIO, |group| {
        costs::overwrite(group, 2_000, 10)?;
        costs::holds_what_is_live(group, 2_000)?;
        group.read_all_and_judge()
    })
}

pub fn a_server_that_was_away_gets_what_was_forgotten(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, TRIO, |group| {
        let (away, others) = (server(3), [server(1), server(2)]);
        // Who was down knows nothing of ballots that could make it lead when it is back: it has to
        // be told.
        group.world.crash(away)?;
        costs::overwrite(group, 1_000, 2)?;
        group.world.run_for(ms(1_500))?;
        group.world.start(away)?;
        group.must_catch_up(away)?;

        group.world.isolate(away)?;
        costs::overwrite(group, 1_000, 8)?;
        group.must_do(client(1), &put("kept", "while s3 was away"))?;
        group.world.run_for(ms(2_000))?;
        group.world.heal()?;
        costs::holds_what_is_live(group, 1_000)?;
        group.must_catch_up(away)?;
        // It is right, too: with it and one other there is a majority.
        group.world.isolate(server(1))?;
        group.must_read(client(3), "kept", "while s3 was away")?;
        group.world.heal()?;

        // An operation is carried out without it and forgotten, and the reply does not get through.
        // It comes back and leads.
        group.world.isolate(away)?;
        for other in others {
            group.world.cut(other, client(2))?;
        }
        group.invoke(client(2), &append("log", "once;"))?;
        group.world.run_for(ms(1_500))?;
        group.world.join(&[&[away], &others])?;
        group.world.run_for(ms(1_000))?;
        ballots::take_over(group, &others)?;
        group
            .world
            .join(&[&[away], &[client(1), client(2), client(3)]])?;
        group.world.run_for(ms(700))?;
        group.world.heal()?;
        group.answer(client(2))?;
        group.must_read(client(3), "log", "once;")?;
        group.read_all_and_judge()
    })
}

pub fn one_reply_per_client_is_kept(trial: &mut Trial<'_>) -> Outcome {
    with_group(
        trial,
        Size {
            servers: 3,
            clients: 5,
        },
        |group| {
            costs::table(group, 4, 3_000)?;
            group.read_all_and_judge()
        },
    )
}

pub fn forgetting_loses_nothing(trial: &mut Trial<'_>) -> Outcome {
    with_crash_sweep(trial, TRIO, "s2", false, |group| {
        let writer = client(1);
        let (one, two, away) = (server(1), server(2), server(3));
        group.must_do(writer, &append("x", "0;"))?;
        group.world.isolate(away)?;
        for round in 1..=3 {
            group.must_do(writer, &append("x", &format!("{round};")))?;
        }
        group.world.sweep(two);
        group
            .world
            .run_until(ms(900), |world| Ok(world.is_down(two)))?;
        group.world.sweep_over();
        group.start_all()?;
        group.world.isolate(one)?;
        group
            .world
            .join(&[&[away], &[two, client(1), client(2), client(3)]])?;
        let successor = group.successor()?;
        group.must_read(successor, "x", "0;1;2;3;")
    })
}

pub fn what_is_forgotten_stays_decided(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, TRIO, |group| {
        let (writer, other) = (client(1), client(2));
        group.must_do(writer, &append("x", "0;"))?;
        for late in group.size.servers() {
            // What it says is not heard until the others have forgotten what it was about, and it
            // does not hear of that.
            let others: Vec<_> = group
                .size
                .servers()
                .into_iter()
                .filter(|server| *server != late)
                .collect();
            for other in &others {
                group.world.hold(late, *other)?;
                group.world.cut(*other, late)?;
            }
            group.invoke(other, &append("x", &format!("while {late} is held up;")))?;
            group.world.run_for(ms(100))?;
            for round in 0..3 {
                group.must_do(writer, &append("x", &format!("{round} without {late};")))?;
            }
            group.world.run_for(ms(2_000))?;
            group.world.heal()?;
            // In a design with a leader the one with the late messages leads.
            ballots::take_over(group, &others)?;
            group.answer(other)?;
            group.must_do(writer, &append("y", &format!("after {late};")))?;
        }
        group.read_all_and_judge()
    })
}

pub fn a_cleared_group_restarts(trial: &mut Trial<'_>) -> Outcome {
    with_group(trial, TRIO, |group| {
        for round in 0..3 {
            group.must_do(client(1), &append("x", &format!("{round};")))?;
            group.world.run_for(ms(2_000))?;
            // Whatever stands on the disks by now, it is not the log.
            group.must_do(client(2), &append("y", &format!("{round};")))?;
            scenes::all_restart(group, 1)?;
        }
        group.read_all_and_judge()
    })
}
