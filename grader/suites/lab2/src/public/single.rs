//! Part B: one server, exactly once.

use faultline_sim::{Conditions, Outcome, Trial, ms};

use crate::{
    chaos::{Chaos, Faults},
    client, server,
    service::{KvService, Size, append, put, with_service},
};

const ONE_SERVER: Size = Size {
    servers: 1,
    clients: 3,
};

pub fn put_append_get(trial: &mut Trial<'_>) -> Outcome {
    with_service(trial, ONE_SERVER, true, |service| {
        let (writer, other, reader) = (client(1), client(2), client(3));
        service.must_read(writer, "x", "")?;
        service.must_do(writer, &put("x", "one"))?;
        service.must_read(writer, "x", "one")?;
        service.must_do(writer, &append("x", " two"))?;
        service.must_read(other, "x", "one two")?;
        service.must_do(other, &append("y", "new"))?;
        service.must_do(other, &put("x", ""))?;
        service.must_read(reader, "x", "")?;
        service.must_read(reader, "y", "new")?;
        service.must_do(writer, &append("x", "ü\n\"quoted\""))?;
        // the same text twice is two appends
        service.must_do(writer, &append("x", "ü\n\"quoted\""))?;
        service.must_read(reader, "x", "ü\n\"quoted\"ü\n\"quoted\"")?;
        let successor = service.successor()?;
        service.must_read(successor, "x", "ü\n\"quoted\"ü\n\"quoted\"")?;
        service.must_read(successor, "y", "new")
    })
}

pub fn retries_survive_a_lossy_network(trial: &mut Trial<'_>) -> Outcome {
    with_service(trial, ONE_SERVER, true, |service| {
        let lossy = Conditions {
            loss: 250,
            duplication: 100,
            ..Conditions::bad()
        };
        service.world.set_conditions(lossy);
        let mut expected = String::new();
        for round in 0..12 {
            for writer in [client(1), client(2)] {
                let token = format!("{writer}.{round};");
                service.must_do(writer, &append("log", &token))?;
                expected += &token;
            }
        }
        service.must_read(client(3), "log", &expected)?;
        service.read_all_and_judge()
    })
}

pub fn an_old_request_is_not_applied_again(trial: &mut Trial<'_>) -> Outcome {
    with_service(trial, ONE_SERVER, true, |service| {
        // Every message comes a second time, up to half a second later: after newer requests and
        // their answers.
        let late = Conditions {
            duplication: 1_000,
            stragglers: 400,
            straggle: ms(50)..=ms(500),
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
        for round in 0..8 {
            service.must_do(client(1), &append("log", &format!("c1.{round};")))?;
            service.must_do(client(2), &put("x", &format!("c2.{round};")))?;
            service.must_do(client(2), &append("x", "+"))?;
        }
        service.world.run_for(ms(600))?; // the last copies arrive
        let log: String = (0..8).map(|round| format!("c1.{round};")).collect();
        service.must_read(client(3), "log", &log)?;
        service.must_read(client(3), "x", "c2.7;+")?;
        service.read_all_and_judge()
    })
}

pub fn duplicate_table_is_bounded_by_clients(trial: &mut Trial<'_>) -> Outcome {
    with_service(trial, ONE_SERVER, true, |service| {
        let large = "v".repeat(200);
        let mut memory = Vec::new();
        for rounds in [10, 40] {
            for _ in 0..rounds {
                for writer in [client(1), client(2), client(3)] {
                    service.must_do(writer, &put("x", &large))?;
                    service.must_read(writer, "x", &large)?;
                }
            }
            service.world.run_for(ms(500))?;
            let kept = service.world.memory(server(1))?;
            memory.extend(kept.map(|memory| memory.working() + memory.disk));
        }
        if let [early, late] = memory[..]
            && late > early + early / 4 + 300
        {
            let text = format!(
                "s1 kept {early} bytes after 20 operations of each of 3 clients and {late} bytes \
                 after 100, in its state, its timers, messages under way and on its disk; the data \
                 did not grow"
            );
            return Err(service.world.over_budget(text));
        }
        service.must_do(client(1), &put("x", "small"))?;
        let successor = service.successor()?;
        service.must_read(successor, "x", "small")
    })
}

pub fn many_clients_are_linearizable(trial: &mut Trial<'_>) -> Outcome {
    Chaos {
        size: Size {
            servers: 1,
            clients: 5,
        },
        operations: 30,
        padding: "",
        faults: Faults::NETWORK,
    }
    .run(trial)
}
