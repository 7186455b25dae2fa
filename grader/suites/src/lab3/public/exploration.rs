//! Part F: every order of events in small worlds.

use faultline_sim::{Outcome, Trial};

use crate::lab3::{
    group::{Size, append, get, put},
    orders::{self, NO_FAULTS, ONE_CRASH, agreement, all_learn, explore, knows, propose, service},
    server,
};

const TRIO: Size = Size::alone(3);

pub fn two_proposers_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let orders = agreement(TRIO, orders::ONE_DUPLICATE);
    let orders = propose(propose(orders, server(1), 1, "one"), server(3), 1, "three");
    let orders = orders.search(40_000).walk(300, 120);
    explore(trial, TRIO, &all_learn(orders, TRIO, &[1]))
}

pub fn a_chosen_value_stays_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let orders = propose(agreement(TRIO, ONE_CRASH), server(1), 1, "one").reach(knows(server(1), 1, "one"));
    let orders = propose(orders, server(3), 1, "three").search(40_000).walk(300, 120);
    explore(trial, TRIO, &all_learn(orders, TRIO, &[1]))
}

pub fn two_clients_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let size = Size { servers: 3, clients: 2 };
    let (writes, reads) = ([put("x", "1")], [get("x")]);
    let orders = service(size, &[&writes, &reads], NO_FAULTS).search(30_000).walk(300, 200).recovers();
    explore(trial, size, &orders)
}

pub fn a_single_server_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let size = Size { servers: 1, clients: 2 };
    let (writes, reads) = ([append("x", "1"), append("x", "2")], [get("x"), get("x")]);
    let orders = service(size, &[&writes, &reads], ONE_CRASH).search(30_000).walk(300, 200).recovers();
    explore(trial, size, &orders)
}
