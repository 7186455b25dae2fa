//! The budget: what an operation may cost. The network is clean: on a bad one a program cannot tell
//! a lost message from a slow one, and may send more.

use faultline_sim::{Conditions, Outcome, Trial, ms};

use crate::{
    costs,
    group::{Group, Size, append, get, put, with_group_under},
};

const TRIO: Size = Size {
    servers: 3,
    clients: 3,
};

fn quiet(trial: &mut Trial<'_>, test: impl FnOnce(&mut Group<'_, '_>) -> Outcome) -> Outcome {
    let conditions = if trial.number() == 0 {
        Conditions::steady()
    } else {
        Conditions::clean()
    };
    with_group_under(trial, conditions, TRIO, test)
}

pub fn few_messages_per_operation(trial: &mut Trial<'_>) -> Outcome {
    quiet(trial, |group| {
        costs::messages_per_operation(group, 12, |client, round| match round % 3 {
            0 => put("x", &format!("{client}.{round}")),
            1 => append("y", &format!("{client}.{round};")),
            _ => get("x"),
        })
    })
}

pub fn few_bytes_for_large_values(trial: &mut Trial<'_>) -> Outcome {
    quiet(trial, |group| {
        costs::messages_per_operation(group, 8, |client, round| {
            put("x", &format!("{client}.{round}{}", "v".repeat(1_000)))
        })
    })
}

pub fn no_long_wait_while_servers_come_and_go(trial: &mut Trial<'_>) -> Outcome {
    quiet(trial, |group| costs::wait(group, ms(40)))
}
