//! Part E: what a right service may cost. Every bound stands in the handout. The network is clean:
//! on a bad one a program cannot tell a lost message from a slow one, and may send more.

use std::time::Duration;

use faultline_sim::{Conditions, Outcome, Trial};

use crate::{
    client, costs,
    service::{KvService, Service, Size, append, get, put, with_service_under},
};

const PAIR: Size = Size {
    servers: 2,
    clients: 3,
};

fn quiet(
    trial: &mut Trial<'_>,
    all_servers_start: bool,
    test: impl FnOnce(&mut Service<'_, '_>) -> Outcome,
) -> Outcome {
    let conditions = if trial.number() == 0 {
        Conditions::steady()
    } else {
        Conditions::clean()
    };
    with_service_under(trial, conditions, PAIR, all_servers_start, |service| {
        test(service)
    })
}

pub fn few_messages_per_operation(trial: &mut Trial<'_>) -> Outcome {
    quiet(trial, true, |service| {
        costs::messages_per_operation(service, |client, round| match round % 3 {
            0 => put("x", &format!("{client}.{round}")),
            1 => append("y", &format!("{client}.{round};")),
            _ => get("x"),
        })
    })
}

pub fn the_view_server_has_little_to_do(trial: &mut Trial<'_>) -> Outcome {
    quiet(trial, true, |service| costs::view_server(service, 2_000))
}

pub fn memory_is_the_live_data(trial: &mut Trial<'_>) -> Outcome {
    quiet(trial, true, |service| costs::memory(service, 3_000, 25))
}

pub fn a_transfer_costs_what_the_state_does(trial: &mut Trial<'_>) -> Outcome {
    quiet(trial, false, |service| {
        let mut live = 0;
        for number in 0..60 {
            let (key, value) = (format!("key {number}"), "v".repeat(150));
            live += (key.len() + value.len()) as u64;
            service.must_do(client(1), &put(&key, &value))?;
        }
        costs::transfer(service, live)
    })
}

pub fn one_failure_is_no_long_wait(trial: &mut Trial<'_>) -> Outcome {
    let primary_dies = trial.number() % 3 != 2;
    quiet(trial, true, |service| {
        costs::wait(service, primary_dies, Duration::from_millis(40))
    })
}
