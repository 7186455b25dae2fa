//! The hidden tests of part E: what is measured on a clean network.

use faultline_labtest::kv::Busy;
use faultline_sim::{Conditions, Outcome, Trial, ms};

use super::{PAIR, drawn};
use lab2_suite::{
    ANSWERED, Lab2, client,
    costs::{self, count_messages, everybody},
    service::{KvService, Service, Size, append, get, put, with_service_under},
};

/// A test of part E, whose network is clean.
fn measured(
    trial: &mut Trial<'_>,
    size: Size,
    all_servers_start: bool,
    test: impl FnOnce(&mut Service<'_, '_>) -> Outcome,
) -> Outcome {
    with_service_under(
        trial,
        Conditions::clean(),
        size,
        all_servers_start,
        |service| test(service),
    )
}

pub fn few_messages_for_large_values(trial: &mut Trial<'_>) -> Outcome {
    if trial.number() % 2 == 1 {
        return measured(
            trial,
            Size {
                servers: 2,
                clients: 4,
            },
            true,
            messages_of_busy_clients,
        );
    }
    let large = "v".repeat(500 + drawn(trial).below(1_500) as usize);
    measured(
        trial,
        Size {
            servers: 2,
            clients: 4,
        },
        true,
        |service| {
            costs::messages_per_operation(service, |client, round| match round % 4 {
                0 => put("x", &format!("{client}{large}")),
                1 => append("x", "and more"),
                _ => get("x"),
            })
        },
    )
}

pub fn a_transfer_carries_no_history(trial: &mut Trial<'_>) -> Outcome {
    let (rounds, large) = (20 + drawn(trial).below(20), "v".repeat(1_500));
    measured(trial, PAIR, false, |service| {
        for round in 0..rounds {
            for writer in [client(1), client(2)] {
                service.must_do(writer, &put("x", &format!("{round}{large}")))?;
            }
        }
        for writer in [client(1), client(2)] {
            service.must_do(writer, &put("x", "small"))?;
        }
        costs::transfer(service, 100)
    })
}

pub fn memory_after_a_failover(trial: &mut Trial<'_>) -> Outcome {
    let value = 1_000 + drawn(trial).below(3_000) as usize;
    measured(trial, PAIR, true, |service| {
        let (primary, _) = service.replicated()?;
        costs::memory(service, value, 6)?;
        service.replicated()?;
        service.world.crash(primary)?;
        service.must_do(client(1), &put("x", "after the failover"))?;
        service.world.start(primary)?;
        costs::memory(service, value, 12)
    })
}

/// Messages per operation when all clients ask at once, and again as soon as they are answered.
fn messages_of_busy_clients(service: &mut Service<'_, '_>) -> Outcome {
    service.replicated()?;
    for client in everybody(service) {
        service.must_do(client, &put("x", "warm"))?;
    }
    let before = service.log.borrow().traffic.service_messages;
    let (clients, each) = (u64::from(service.size.clients), 30);
    service
        .world
        .set_workload(Busy::<Lab2>::new(1 + each, ms(1)));
    service.finish(ANSWERED)?;
    count_messages(service, before, clients * each)
}
