//! Part F: every order of events in small worlds.

use faultline_explore::{Guide, View};
use faultline_sim::{Outcome, Trial};

use crate::{
    client,
    group::{Size, append, get, put},
    orders::{
        self, NO_FAULTS, ONE_CRASH, TWO_CRASHES, accepted, agreement, all_learn, chosen, explore,
        has_accepted, propose, service, somebody_knows,
    },
    server,
};

const TRIO: Size = Size::alone(3);

/// One server has accepted a value and told nobody. The other two get on without it, and one of
/// them crashes.
pub fn two_proposers_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let [s1, s2, s3] = [1, 2, 3].map(server);
    let orders = agreement(TRIO, ONE_CRASH).guided(Guide::new().apart(&[&[s1, s2], &[s3]]));
    let orders = propose(orders, s1, 1, "one")
        .reach(accepted(&[s1, s2], 1))
        .guided_by(move |view| {
            // Which of them that is depends on who leads, if anybody does.
            let (first, other) = if has_accepted(view, s1, 1) {
                (s1, s2)
            } else {
                (s2, s1)
            };
            Guide::new().apart(&[&[first], &[other, s3]])
        });
    let orders = propose(orders, s3, 1, "three").reach(accepted(&[s3], 1));
    let voter = move |view: &View<'_>| if has_accepted(view, s2, 1) { s1 } else { s2 };
    let orders = orders
        .guided_by(move |view| Guide::new().crashes(&[voter(view)]).timers(&[]))
        .search(40_000)
        .guided_by(move |view| Guide::new().crashes(&[voter(view)]))
        .search(20_000);
    explore(trial, TRIO, &all_learn(orders, TRIO, &[1]))
}

/// As before, but the server that crashes has a slow disk: whatever it says before its sync is over
/// is not safe.
pub fn nothing_is_said_too_early_in_any_order(trial: &mut Trial<'_>) -> Outcome {
    let [s1, s2, s3] = [1, 2, 3].map(server);
    let voter = move |view: &View<'_>| if has_accepted(view, s1, 1) { s2 } else { s1 };
    let orders = agreement(TRIO, TWO_CRASHES).guided(Guide::new().apart(&[&[s1, s2], &[s3]]));
    let orders = propose(orders, s1, 1, "one")
        .reach(accepted(&[s1, s2], 1))
        .guided_by(move |view| {
            let first = if voter(view) == s2 { s1 } else { s2 };
            Guide::new()
                .apart(&[&[first], &[voter(view), s3]])
                .slow_disks(&[voter(view)])
        });
    let orders = propose(orders, s3, 1, "three").try_reach(accepted(&[s3], 1));
    let orders = orders
        .restarts(voter)
        .guided(Guide::new().crashes(&[s1, s2]).timers(&[]));
    let orders = orders.search(20_000).guided(Guide::new()).search(20_000);
    explore(trial, TRIO, &all_learn(orders, TRIO, &[1]))
}

/// Two servers have chosen a value, while the disk of the one that only voted is slow. That one
/// restarts, the one that knows is cut off, and the third proposes.
pub fn a_chosen_value_stays_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let [s1, s2, s3] = [1, 2, 3].map(server);
    let knows_it = move |view: &View<'_>| {
        if chosen(view, s1, 1).is_some() {
            s1
        } else {
            s2
        }
    };
    let voter = move |view: &View<'_>| if knows_it(view) == s1 { s2 } else { s1 };
    let accepted_it = move |view: &View<'_>| if has_accepted(view, s1, 1) { s1 } else { s2 };
    let orders = agreement(TRIO, TWO_CRASHES).guided(Guide::new().apart(&[&[s1, s2], &[s3]]));
    let orders = propose(orders, s1, 1, "one")
        .reach(accepted(&[s1, s2], 1))
        .guided_by(move |view| {
            let slow = if accepted_it(view) == s1 { s2 } else { s1 };
            Guide::new().apart(&[&[s1, s2], &[s3]]).slow_disks(&[slow])
        });
    let orders = orders
        .try_reach(somebody_knows(&[s1, s2], 1))
        .guided(Guide::new().apart(&[&[s1, s2], &[s3]]))
        .reach(somebody_knows(&[s1, s2], 1))
        .restarts(voter)
        .guided_by(move |view| Guide::new().apart(&[&[knows_it(view)], &[voter(view), s3]]));
    let orders = propose(orders, s3, 1, "three")
        .reach(accepted(&[s3], 1))
        .search(30_000);
    explore(trial, TRIO, &all_learn(orders, TRIO, &[1]))
}

/// Two halves of a group, which hear nothing of each other.
pub fn no_two_halves_choose_in_any_order(trial: &mut Trial<'_>) -> Outcome {
    let size = Size::alone(4);
    let [s1, s2, s3, s4] = [1, 2, 3, 4].map(server);
    let orders = agreement(size, NO_FAULTS).guided(Guide::new().apart(&[&[s1, s2], &[s3, s4]]));
    let orders = propose(orders, s1, 1, "one").try_reach(somebody_knows(&[s1, s2], 1));
    let orders = propose(orders, s3, 1, "three")
        .try_reach(somebody_knows(&[s3, s4], 1))
        .search(10_000);
    explore(
        trial,
        size,
        &all_learn(orders.guided(Guide::new()).search(5_000), size, &[1]),
    )
}

/// A client writes while one server is slow; another client then hears that one only.
pub fn two_clients_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let size = Size {
        servers: 3,
        clients: 2,
    };
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
    let size = Size {
        servers: 1,
        clients: 2,
    };
    let (writes, reads) = ([append("x", "1"), append("x", "2")], [get("x"), get("x")]);
    let orders = service(size, &[&writes, &reads], ONE_CRASH)
        .search(30_000)
        .recovers();
    explore(trial, size, &orders)
}
