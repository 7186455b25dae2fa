//! Part F: every order of events in small worlds.

use faultline_explore::Guide;
use faultline_sim::{Outcome, Trial};

use crate::{
    V1, client,
    orders::{
        A_WHILE, NO_FAULTS, ONE_CRASH, ONE_CRASH_AND_ONE_COPY, QUIET, all_answered, alone,
        answered, explore, falls_to, led_by, only, replicated, service,
    },
    server,
    service::{Size, append, get},
};

/// One server and two clients whose requests are at its door. Later the server restarts: it has
/// lost everything, and nobody answers any more.
pub fn a_single_server_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let size = Size {
        servers: 1,
        clients: 2,
    };
    let (s1, writer, reader) = (server(1), client(1), client(2));
    let (writes, reads) = ([append("x", "1;"), append("x", "2;")], [get("x"), get("x")]);
    let orders = alone(
        service(size, &[&writes, &reads], ONE_CRASH_AND_ONE_COPY),
        size,
    )
    .guided(only(size, &[(V1, s1), (V1, writer), (V1, reader)]))
    .waits(A_WHILE)
    .guided(Guide::new().crashes(&[]).timers(&[]))
    .search(4_000)
    .guided(Guide::new().crashes(&[]).timers(&[writer]))
    .search(6_000)
    .guided(Guide::new().timers(&[writer, s1]))
    .search(8_000)
    .guided(only(size, &[(V1, s1), (V1, writer), (s1, writer)]))
    .reach(answered(writer, 2))
    .guided(only(size, &[(V1, s1), (V1, reader), (s1, reader)]))
    .reach(answered(reader, 1))
    .guided(Guide::new().timers(&[]))
    .restarts(move |_| s1)
    .search(4_000)
    .guided(Guide::new())
    .search(6_000);
    explore(trial, size, &orders)
}

/// The primary's messages to its backup are late when a client writes, and then nobody hears the
/// primary any more. What the client was answered must be known to the backup.
pub fn an_answer_survives_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let size = Size {
        servers: 2,
        clients: 2,
    };
    let ([s1, s2], writer, reader) = ([1, 2].map(server), client(1), client(2));
    let (writes, reads) = ([append("x", "1;")], [get("y"), get("x")]);
    let orders = alone(service(size, &[&writes, &reads], ONE_CRASH), size);
    let orders = replicated(orders, size)
        .guided(only(
            size,
            &[(V1, s1), (V1, s2), (V1, writer), (s1, writer)],
        ))
        .try_reach(answered(writer, 1))
        .waits(A_WHILE)
        .guided(Guide::new().crashes(&[s1]).timers(&[]))
        .search(6_000)
        .guided(only(size, &[(V1, s2)]).crashes(&[]))
        .reach(led_by(2, s2, None))
        .guided(only(size, &[(V1, s2), (V1, reader), (s2, reader)]).crashes(&[]))
        .reach(answered(reader, 1))
        .guided(
            only(size, &[(V1, s2), (V1, reader), (s2, reader)])
                .crashes(&[])
                .timers(&[]),
        )
        .search(1_000)
        .guided(Guide::new().timers(&[]))
        .search(6_000)
        .guided(Guide::new())
        .search(6_000);
    explore(trial, size, &all_answered(orders))
}

/// Two writes are carried out, one before there is a backup and one after, and their answers are
/// late. Then nobody hears the primary any more, and the clients ask its successor.
pub fn a_retry_is_known_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let size = Size {
        servers: 2,
        clients: 3,
    };
    let ([s1, s2], [first, second, reader]) = ([1, 2].map(server), [1, 2, 3].map(client));
    let (one, two, reads) = (
        [append("x", "1;")],
        [append("x", "2;")],
        [get("y"), get("x")],
    );
    let orders = alone(service(size, &[&one, &two, &reads], NO_FAULTS), size)
        .guided(only(size, &[(V1, s1), (V1, first), (s1, first)]).held(s1, first))
        .waits(A_WHILE);
    let orders = replicated(orders, size)
        .guided(
            only(
                size,
                &[(V1, s1), (V1, s2), (s1, s2), (V1, second), (s1, second)],
            )
            .held(s1, second),
        )
        .waits(A_WHILE)
        .guided(only(size, &[(V1, s2)]))
        .reach(led_by(2, s2, None))
        .guided(Guide::new().timers(&[]))
        .search(6_000)
        .guided(only(size, &[(V1, s2), (V1, first), (s2, first)]))
        .reach(answered(first, 1))
        .guided(only(size, &[(V1, s2), (V1, second), (s2, second)]))
        .reach(answered(second, 1))
        .guided(only(size, &[(V1, s2), (V1, reader), (s2, reader)]))
        .reach(answered(reader, 1))
        .guided(only(size, &[(V1, s2), (V1, reader), (s2, reader)]).timers(&[]))
        .search(1_000)
        .guided(Guide::new())
        .search(6_000)
        .recovers();
    explore(trial, size, &all_answered(orders))
}

/// A lone server has answered a write; then it is given a backup, to which nothing gets through for
/// a while. When it does it comes twice, the second time late.
pub fn a_transfer_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let size = Size {
        servers: 2,
        clients: 2,
    };
    let ([s1, s2], writer, reader) = ([1, 2].map(server), client(1), client(2));
    let (writes, reads) = ([append("x", "1;"), append("x", "2;")], [get("y"), get("x")]);
    let pair = [(V1, s1), (V1, s2), (s1, s2)];
    let orders = alone(service(size, &[&writes, &reads], NO_FAULTS), size)
        .guided(only(size, &[(V1, s1), (V1, writer), (s1, writer)]))
        .reach(answered(writer, 1))
        .guided(only(size, &[(V1, s1), (V1, s2)]))
        .reach(led_by(1, s1, Some(s2)))
        .waits(QUIET)
        .guided(only(size, &pair).held(s2, s1))
        .waits(A_WHILE)
        .guided(only(size, &[(V1, s1), (V1, s2)]))
        .waits(A_WHILE)
        .guided(Guide::new().timers(&[]))
        .search(6_000)
        .guided(
            only(
                size,
                &[pair.as_slice(), &[(V1, writer), (s1, writer), (s2, writer)]].concat(),
            )
            .late(s1, s2),
        )
        .reach(answered(writer, 2))
        .guided(only(size, &pair))
        .waits(A_WHILE)
        .guided(only(size, &[(V1, s2)]))
        .reach(led_by(2, s2, None))
        .guided(only(size, &[(V1, s2), (V1, reader), (s2, reader)]))
        .reach(answered(reader, 1))
        .guided(only(size, &[(V1, s2), (V1, reader), (s2, reader)]).timers(&[]))
        .search(1_000)
        .guided(Guide::new())
        .search(6_000)
        .recovers();
    explore(trial, size, &all_answered(orders))
}

/// A lone server has answered a write. The state does not get through to its new backup, so the
/// view is not acknowledged, whoever is idle, falls silent or restarts, and nobody answers any
/// more.
pub fn a_view_waits_for_its_ack_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let size = Size {
        servers: 3,
        clients: 2,
    };
    let ([s1, s2, s3], writer, reader) = ([1, 2, 3].map(server), client(1), client(2));
    let (writes, reads) = ([append("x", "1;")], [get("y"), get("x")]);
    let apart = [(V1, s1), (V1, s2), (V1, s3)];
    let without_s1 = [
        (V1, s2),
        (V1, s3),
        (s2, s3),
        (V1, reader),
        (s2, reader),
        (s3, reader),
    ];
    let orders = alone(service(size, &[&writes, &reads], ONE_CRASH), size)
        .guided(only(size, &[(V1, s1), (V1, writer), (s1, writer)]))
        .reach(answered(writer, 1))
        .guided(only(size, &[(V1, s1), (V1, s2)]))
        .reach(led_by(1, s1, Some(s2)))
        .guided(only(size, &apart))
        .waits(QUIET)
        // Nothing of this happens to a right program.
        .guided(only(size, &[(V1, s2), (V1, s3)]))
        .try_reach(falls_to(2, s2))
        .waits(A_WHILE)
        .guided(only(size, &without_s1))
        .try_reach(answered(reader, 2))
        .guided(Guide::new().crashes(&[]).timers(&[V1]))
        .search(3_000)
        .guided(only(size, &apart).crashes(&[]))
        .restarts(move |_| s1)
        .try_reach(falls_to(2, s2))
        .waits(A_WHILE)
        .guided(only(
            size,
            &[without_s1.as_slice(), &[(V1, s1), (s1, s2)]].concat(),
        ))
        .try_reach(answered(reader, 2))
        .guided(Guide::new().timers(&[]))
        .search(3_000)
        .guided(Guide::new())
        .search(5_000);
    explore(trial, size, &orders)
}

/// A primary is deposed and does not know; a client that does not know either asks it, while
/// confirmations of its time as primary still arrive and its backup of then can be reached. In the
/// end it is primary again.
pub fn a_deposed_primary_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let size = Size {
        servers: 2,
        clients: 3,
    };
    let ([s1, s2], [writer, reader, other]) = ([1, 2].map(server), [1, 2, 3].map(client));
    let (writes, reads, others) = (
        [append("x", "1;"), append("x", "2;")],
        [get("y"), get("x")],
        [append("z", "1;")],
    );
    let orders = alone(service(size, &[&writes, &reads, &others], NO_FAULTS), size);
    let pair = [(V1, s1), (V1, s2), (s1, s2)];
    let orders = replicated(orders, size)
        .guided(only(
            size,
            &[pair.as_slice(), &[(V1, writer), (s1, writer), (s2, writer)]].concat(),
        ))
        .reach(answered(writer, 1))
        // The reader's first answer is late, and so is what the backup says to the other client's
        // write.
        .guided(
            only(
                size,
                &[pair.as_slice(), &[(V1, reader), (s1, reader)]].concat(),
            )
            .held(s1, reader),
        )
        .waits(A_WHILE)
        .guided(
            only(
                size,
                &[pair.as_slice(), &[(V1, other), (s1, other)]].concat(),
            )
            .held(s2, s1),
        )
        .waits(A_WHILE)
        .guided(only(size, &[(V1, s2)]).timers(&[V1, s2, writer]))
        .reach(led_by(2, s2, None))
        .guided(only(size, &[(V1, s2), (V1, writer), (s2, writer)]).timers(&[V1, s2, writer]))
        .reach(answered(writer, 2))
        .guided(only(size, &[(s1, reader)]).timers(&[]))
        .search(1_000)
        .guided(
            only(size, &[(s1, reader), (s1, s2)])
                .held(s1, s2)
                .timers(&[]),
        )
        .search(1_000)
        .guided(only(size, &[(s1, reader), (s1, s2)]).timers(&[]))
        .search(4_000)
        .guided(Guide::new())
        .search(8_000)
        // It is included again, takes the new state, and is the one that has to serve.
        .guided(only(size, &pair))
        .reach(led_by(3, s2, Some(s1)))
        .waits(QUIET)
        .guided(only(size, &[(V1, s1)]))
        .reach(led_by(4, s1, None))
        .guided(only(size, &[(V1, s1), (V1, reader), (s1, reader)]))
        .reach(answered(reader, 2))
        .recovers();
    explore(trial, size, &all_answered(orders))
}
