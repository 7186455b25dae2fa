//! Part C: replication and failover.

use faultline_sim::{Conditions, Outcome, Trial, World, ms};
use labkit::NodeId;

use crate::{
    chaos::{Chaos, Faults},
    client, scenes, server,
    service::{
        KvService, Size, append, get, put, with_crash_sweep, with_service, with_service_under,
    },
};

const PAIR: Size = Size {
    servers: 2,
    clients: 2,
};
const TRIO: Size = Size {
    servers: 3,
    clients: 3,
};

pub fn state_survives_failover(trial: &mut Trial<'_>) -> Outcome {
    with_service(trial, PAIR, false, |service| {
        let (writer, reader) = (client(1), client(2));
        // s1 serves alone; then s2 comes and must be given what s1 has; then it must be kept up to
        // date.
        service.must_do(writer, &put("old", "before the backup"))?;
        service.must_do(writer, &append("both", "1;"))?;
        service.world.start(server(2))?;
        let (primary, _) = service.replicated()?;
        service.must_do(writer, &append("both", "2;"))?;
        service.must_do(writer, &put("new", "with the backup"))?;
        service.world.crash(primary)?;
        service.must_read(writer, "old", "before the backup")?;
        service.must_read(reader, "both", "1;2;")?;
        service.must_read(reader, "new", "with the backup")?;
        service.must_do(writer, &append("both", "3;"))?;
        service.must_read(reader, "both", "1;2;3;")?;
        service.read_all_and_judge()
    })
}

pub fn an_acknowledged_write_is_on_the_backup(trial: &mut Trial<'_>) -> Outcome {
    with_crash_sweep(trial, PAIR, "the primary", |service| {
        let writer = client(1);
        let (primary, _) = service.replicated()?;
        service.must_do(writer, &append("log", "1;"))?;
        service.replicated()?;
        service.world.sweep(primary);
        let written = service.must_do(writer, &append("log", "2;"));
        service.world.sweep_over();
        written?;
        if service.world.is_up(primary) {
            service.world.crash(primary)?;
        }
        let successor = service.successor()?;
        service.must_read(successor, "log", "1;2;")
    })
}

pub fn no_answer_without_the_backup(trial: &mut Trial<'_>) -> Outcome {
    // However long a fault lasts, the clients must be back soon after its end.
    let outage = if trial.number() % 2 == 0 {
        ms(2_000)
    } else {
        ms(5_300)
    };
    with_service(trial, PAIR, true, |service| {
        let (writer, reader) = (client(1), client(2));
        let (primary, backup) = service.replicated()?;
        service.must_do(writer, &append("log", "1;"))?;
        // The two cannot hear each other, but the view server hears both: the view stays, and the
        // backup in it.
        service.world.partition(&[&[primary], &[backup]])?;
        service.invoke(writer, &append("log", "2;"))?;
        let answered = |world: &mut World<'_>| {
            Ok(world
                .history()
                .iter()
                .all(|operation| operation.reply.is_some()))
        };
        if service.world.run_until(outage, answered)? {
            // Answered in a view with a backup: so it must be on that backup.
            service.world.crash(primary)?;
        }
        service.world.heal()?;
        service.world.set_conditions(Conditions::clean());
        service.answer(writer)?;
        service.must_read(reader, "log", "1;2;")?;
        service.read_all_and_judge()
    })
}

pub fn exactly_once_across_a_transfer(trial: &mut Trial<'_>) -> Outcome {
    if trial.number() % 2 == 1 {
        let size = Size {
            servers: 2,
            clients: 12,
        };
        return with_service(trial, size, false, scenes::many_retries_after_a_transfer);
    }
    with_service(trial, PAIR, false, |service| {
        let (writer, reader) = (client(1), client(2));
        service.must_do(writer, &append("log", "1;"))?;
        // s1 alone carries the operation out, and its answer does not get through; only then s2
        // comes.
        service.world.cut(server(1), writer)?;
        service.invoke(writer, &append("log", "2;"))?;
        service.world.run_for(ms(600))?;
        service.world.start(server(2))?;
        service.replicated()?;
        service.world.crash(server(1))?;
        service.answer(writer)?;
        service.must_read(reader, "log", "1;2;")?;
        service.read_all_and_judge()
    })
}

pub fn a_backup_without_the_state_never_serves(trial: &mut Trial<'_>) -> Outcome {
    with_service(trial, PAIR, false, |service| {
        let (writer, reader) = (client(1), client(2));
        service.must_do(writer, &put("x", "kept by s1 alone"))?;
        // s2 becomes backup, but nothing that s1 sends reaches it; then s1, which alone has the
        // state, is gone.
        service.world.partition(&[&[server(1)], &[server(2)]])?;
        service.world.start(server(2))?;
        service.world.run_for(ms(800))?;
        service.world.crash(server(1))?;
        service.world.heal()?;
        // Nobody has the state now, so no answer can be right: silence is.
        service.invoke(reader, &get("x"))?;
        service.stays_silent("only s1 had the state, and it is dead", ms(2_000))?;
        service.judge()
    })
}

pub fn exactly_once_across_failover(trial: &mut Trial<'_>) -> Outcome {
    with_service(trial, PAIR, true, |service| {
        let (writer, reader) = (client(1), client(2));
        let mut expected = String::new();
        for round in 0..3 {
            let (primary, backup) = service.replicated()?;
            let token = format!("{round};");
            expected += &token;
            // The operation is carried out, but the answer does not get through before the primary
            // dies.
            service.world.cut(primary, writer)?;
            service.world.cut(backup, writer)?;
            service.invoke(writer, &append("log", &token))?;
            service.world.run_for(ms(150))?;
            service.world.crash(primary)?;
            service.world.heal_link(primary, writer)?;
            service.world.heal_link(backup, writer)?;
            service.answer(writer)?;
            service.must_read(reader, "log", &expected)?;
            service.world.start(primary)?;
        }
        service.read_all_and_judge()
    })
}

pub fn a_lone_survivor_goes_on(trial: &mut Trial<'_>) -> Outcome {
    with_service(trial, PAIR, true, |service| {
        let (writer, reader) = (client(1), client(2));
        let (primary, backup) = service.replicated()?;
        service.must_do(writer, &append("log", "1;"))?;
        service.invoke(writer, &append("log", "2;"))?; // under way while the backup dies
        service.world.crash(backup)?;
        service.answer(writer)?;
        service.must_do(writer, &append("log", "3;"))?;
        service.must_read(reader, "log", "1;2;3;")?;
        // The backup comes back empty and is given everything; then it is the one that survives.
        service.world.start(backup)?;
        service.replicated()?;
        service.must_do(writer, &append("log", "4;"))?;
        service.replicated()?;
        service.world.crash(primary)?;
        service.must_read(reader, "log", "1;2;3;4;")?;
        service.must_do(writer, &append("log", "5;"))?;
        service.must_read(reader, "log", "1;2;3;4;5;")?;
        service.read_all_and_judge()
    })
}

/// The number of operations in a quiet stretch per question that clients may ask the view server.
const OPERATIONS_PER_QUESTION: u64 = 10;

pub fn view_server_is_not_asked_every_time(trial: &mut Trial<'_>) -> Outcome {
    // On a bad network a client cannot tell a lost message from a dead primary, and may ask.
    let conditions = if trial.number() == 0 {
        Conditions::steady()
    } else {
        Conditions::clean()
    };
    with_service_under(trial, conditions, PAIR, true, |service| {
        service.replicated()?;
        for writer in [client(1), client(2)] {
            service.must_do(writer, &put("x", "warm"))?;
        }
        // A silence that is over is no reason to ask for ever after.
        let (primary, _) = service.replicated()?;
        service.world.cut(primary, client(1))?;
        service.invoke(client(1), &append("x", "late;"))?;
        service.world.run_for(ms(600))?;
        service.world.heal()?;
        service.answer(client(1))?;
        let before = service.log.borrow().asked;
        let mut operations = 0;
        for round in 0..25 {
            for writer in [client(1), client(2)] {
                service.must_do(writer, &append("x", &format!("{writer}.{round};")))?;
                operations += 1;
            }
        }
        let asked = service.log.borrow().asked - before;
        if asked * OPERATIONS_PER_QUESTION > operations {
            let text = format!(
                "clients asked the view server {asked} times during {operations} operations in one \
                 view"
            );
            return Err(service.world.over_budget(text).naming("GetView"));
        }
        let successor = service.successor()?;
        service.call(successor, &get("x"))?;
        Ok(())
    })
}

pub fn state_survives_a_chain_of_failovers(trial: &mut Trial<'_>) -> Outcome {
    with_service(trial, TRIO, true, |service| {
        let (writer, other, reader) = (client(1), client(2), client(3));
        let mut expected = String::new();
        let mut down: Option<NodeId> = None;
        for round in 0..5 {
            let (primary, backup) = service.replicated()?;
            for writer in [writer, other] {
                let token = format!("{writer}.{round};");
                service.must_do(writer, &append("log", &token))?;
                expected += &token;
            }
            if let Some(node) = down.take() {
                service.world.start(node)?;
                service.world.run_for(ms(400))?; // it is known to live and idle
            }
            // The view did not change: the server that came back is idle.
            let victim = if round % 3 == 2 { backup } else { primary };
            service.world.crash(victim)?;
            down = Some(victim);
            service.must_read(reader, "log", &expected)?;
        }
        service.read_all_and_judge()
    })
}

pub fn network_chaos(trial: &mut Trial<'_>) -> Outcome {
    Chaos {
        size: Size {
            servers: 2,
            clients: 5,
        },
        operations: 25,
        padding: "",
        faults: Faults::NETWORK,
    }
    .run(trial)
}

pub fn failover_chaos(trial: &mut Trial<'_>) -> Outcome {
    Chaos {
        size: Size {
            servers: 3,
            clients: 4,
        },
        operations: 30,
        padding: "",
        faults: Faults::FAILOVER,
    }
    .run(trial)
}
