//! Part F: every order of events in small worlds.

use faultline_explore::Guide;
use faultline_sim::{Outcome, Trial};

use crate::lab3::{
    client,
    group::{Size, append, get, put},
    orders::{self, ONE_CRASH, accepted, agreement, all_learn, explore, has_accepted, knows, propose, service},
    server,
};

const TRIO: Size = Size::alone(3);

/// One server has accepted a value and told nobody. The other two get on without it, and one of them crashes.
pub fn two_proposers_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let [s1, s2, s3] = [1, 2, 3].map(server);
    let orders = agreement(TRIO, ONE_CRASH).guided(Guide::new().apart(&[&[s1, s2], &[s3]]));
    let orders = propose(orders, s1, 1, "one").reach(accepted(&[s1, s2], 1)).guided_by(move |view| {
        // Which of them that is depends on who leads, if anybody does.
        let (first, other) = if has_accepted(view, s1, 1) { (s1, s2) } else { (s2, s1) };
        Guide::new().apart(&[&[first], &[other, s3]])
    });
    let orders = propose(orders, s3, 1, "three").reach(accepted(&[s3], 1));
    let orders = orders.guided(Guide::new().crashes(&[s1, s2])).search(60_000);
    explore(trial, TRIO, &all_learn(orders, TRIO, &[1]))
}

/// Two servers have chosen a value. The one that knows is cut off, the other one may crash, and the third proposes.
pub fn a_chosen_value_stays_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let [s1, s2, s3] = [1, 2, 3].map(server);
    let orders = agreement(TRIO, ONE_CRASH).guided(Guide::new().apart(&[&[s1, s2], &[s3]]));
    let orders = propose(orders, s1, 1, "one").reach(knows(s1, 1, "one"));
    let orders = orders.guided(Guide::new().apart(&[&[s1], &[s2, s3]]).crashes(&[s2]));
    let orders = propose(orders, s3, 1, "three").search(40_000);
    explore(trial, TRIO, &all_learn(orders, TRIO, &[1]))
}

/// A client writes while one server is slow; another client then hears that one only.
pub fn two_clients_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let size = Size { servers: 3, clients: 2 };
    let [s1, s2, s3] = [1, 2, 3].map(server);
    let (writer, reader) = (client(1), client(2));
    let (writes, reads) = ([put("x", "1")], [get("y"), get("x")]);
    let orders = service(size, &[&writes, &reads], orders::ONE_DUPLICATE)
        .guided(Guide::new().apart(&[&[s1, s2, writer], &[s3], &[reader]]))
        .reach(orders::answered(writer, 1))
        .guided(Guide::new().apart(&[&[s1, s2, writer], &[s3, reader]]))
        .search(20_000)
        .guided(Guide::new())
        .search(20_000)
        .recovers();
    explore(trial, size, &orders)
}

pub fn a_single_server_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let size = Size { servers: 1, clients: 2 };
    let (writes, reads) = ([append("x", "1"), append("x", "2")], [get("x"), get("x")]);
    let orders = service(size, &[&writes, &reads], ONE_CRASH).search(30_000).recovers();
    explore(trial, size, &orders)
}
