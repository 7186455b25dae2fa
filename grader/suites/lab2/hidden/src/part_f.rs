//! The hidden tests of part F: every order of events.

use faultline_explore::Guide;
use faultline_sim::{Outcome, Trial};
use lab2_suite::{
    V1, client,
    orders::{
        A_WHILE, NO_FAULTS, ONE_CRASH, QUIET, all_answered, alone, answered, explore, falls_to,
        led_by, only, replicated, service as small,
    },
    server,
    service::{Size, append, get},
};

/// A transfer came twice, the second time late: the view was acknowledged, a write answered, and
/// the backup has restarted.
pub fn a_late_transfer_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let size = Size {
        servers: 2,
        clients: 2,
    };
    let ([s1, s2], writer, reader) = ([1, 2].map(server), client(1), client(2));
    let (writes, reads) = ([append("x", "1;"), append("x", "2;")], [get("y"), get("x")]);
    let (apart, pair) = ([(V1, s1), (V1, s2)], [(V1, s1), (V1, s2), (s1, s2)]);
    let with_writer = [pair.as_slice(), &[(V1, writer), (s1, writer), (s2, writer)]].concat();
    let orders = alone(small(size, &[&writes, &reads], ONE_CRASH), size)
        .guided(only(size, &[(V1, s1), (V1, writer), (s1, writer)]))
        .reach(answered(writer, 1))
        .guided(only(size, &pair).held(s2, s1))
        .reach(led_by(1, s1, Some(s2)))
        .waits(A_WHILE)
        .guided(only(size, &apart))
        .waits(A_WHILE)
        .guided(only(size, &pair).late(s1, s2))
        .waits(QUIET)
        .guided(only(size, &with_writer).late(s1, s2))
        .reach(answered(writer, 2))
        .waits(A_WHILE)
        .guided(only(size, &apart).held(V1, s1).crashes(&[]))
        .restarts(move |_| s2)
        .reach(led_by(2, s1, Some(s2)))
        .waits(A_WHILE)
        // What was late arrives before the primary knows of the new view.
        .guided(only(size, &pair).held(V1, s1).held(s2, s1))
        .waits(A_WHILE)
        .guided(only(size, &apart))
        .waits(A_WHILE)
        .guided(Guide::new().timers(&[]))
        .search(6_000)
        .guided(only(size, &pair))
        .waits(QUIET)
        .guided(only(size, &[(V1, s2)]))
        .reach(led_by(3, s2, None))
        .guided(only(size, &[(V1, s2), (V1, reader), (s2, reader)]))
        .reach(answered(reader, 1))
        .search(2_000)
        .guided(Guide::new())
        .search(6_000);
    explore(trial, size, &all_answered(orders))
}

/// The backup has confirmed a write and restarts before the primary hears of it.
pub fn a_late_confirmation_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let size = Size {
        servers: 2,
        clients: 2,
    };
    let ([s1, s2], writer, reader) = ([1, 2].map(server), client(1), client(2));
    let (writes, reads) = ([append("x", "1;")], [get("y"), get("x")]);
    let (apart, pair) = ([(V1, s1), (V1, s2)], [(V1, s1), (V1, s2), (s1, s2)]);
    let with_writer = [pair.as_slice(), &[(V1, writer), (s1, writer)]].concat();
    let orders = replicated(
        alone(small(size, &[&writes, &reads], ONE_CRASH), size),
        size,
    )
    .guided(only(size, &with_writer).held(s2, s1))
    .waits(A_WHILE)
    .guided(only(size, &apart).crashes(&[]))
    .restarts(move |_| s2)
    .reach(led_by(2, s1, Some(s2)))
    .guided(only(size, &pair).held(s2, s1))
    .waits(A_WHILE)
    .guided(Guide::new().timers(&[]))
    .search(6_000)
    .guided(only(size, &with_writer).held(s1, s2))
    .try_reach(answered(writer, 1))
    .waits(QUIET)
    .guided(only(size, &[(V1, s2)]))
    .reach(led_by(3, s2, None))
    .guided(only(size, &[(V1, s2), (V1, reader), (s2, reader)]))
    .reach(answered(reader, 1))
    .search(2_000)
    .guided(Guide::new())
    .search(6_000);
    explore(trial, size, &all_answered(orders))
}

/// Three servers in turn. The primary of view 2 does not know that it was deposed three views ago;
/// its backup of then is backup again, of another.
pub fn a_primary_of_long_ago_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let size = Size {
        servers: 3,
        clients: 2,
    };
    let ([s1, s2, s3], writer, reader) = ([1, 2, 3].map(server), client(1), client(2));
    let (writes, reads) = ([append("x", "1;"), append("x", "2;")], [get("y"), get("x")]);
    let awake = move |guide: Guide| guide.timers(&[V1, s2, s3, writer]);
    let later = [(V1, s2), (V1, s3), (s2, s3)];
    let with_writer = [
        later.as_slice(),
        &[(V1, writer), (s2, writer), (s3, writer)],
    ]
    .concat();
    let orders = replicated(
        alone(small(size, &[&writes, &reads], NO_FAULTS), size),
        size,
    )
    .guided(
        only(
            size,
            &[
                (V1, s1),
                (V1, s2),
                (s1, s2),
                (V1, reader),
                (s1, reader),
                (V1, s3),
            ],
        )
        .held(s1, reader),
    )
    .waits(A_WHILE)
    .guided(awake(only(size, &later)))
    .reach(led_by(2, s2, Some(s3)))
    .guided(awake(only(size, &with_writer)))
    .reach(answered(writer, 1))
    .guided(awake(only(size, &later)))
    .waits(QUIET)
    .guided(awake(only(size, &[(V1, s3)])))
    .reach(led_by(3, s3, None))
    .guided(awake(only(size, &later)))
    .reach(led_by(4, s3, Some(s2)))
    .guided(awake(only(size, &with_writer)))
    .reach(answered(writer, 2))
    .guided(only(size, &[(s1, reader)]).timers(&[]))
    .search(1_000)
    .guided(only(size, &[(s1, reader), (s1, s2)]).timers(&[]))
    .search(3_000)
    .guided(Guide::new().timers(&[]))
    .search(6_000)
    .guided(Guide::new())
    .search(6_000)
    .recovers();
    explore(trial, size, &all_answered(orders))
}

/// A transfer came twice and was confirmed twice, the second time late. Meanwhile the view was
/// acknowledged, and the backup has restarted and cannot be reached.
pub fn a_transfer_confirmed_twice_in_every_order(trial: &mut Trial<'_>) -> Outcome {
    let size = Size {
        servers: 2,
        clients: 2,
    };
    let ([s1, s2], writer, reader) = ([1, 2].map(server), client(1), client(2));
    let (writes, reads) = ([append("x", "1;")], [get("y"), get("x")]);
    let (apart, pair) = ([(V1, s1), (V1, s2)], [(V1, s1), (V1, s2), (s1, s2)]);
    let orders = alone(small(size, &[&writes, &reads], ONE_CRASH), size)
        .guided(only(size, &[(V1, s1), (V1, writer), (s1, writer)]))
        .reach(answered(writer, 1))
        .guided(only(size, &pair).held(s2, s1))
        .reach(led_by(1, s1, Some(s2)))
        .waits(A_WHILE)
        .guided(only(size, &apart))
        .waits(A_WHILE)
        .guided(only(size, &pair).late(s1, s2))
        .waits(QUIET)
        .guided(only(size, &pair).held(s2, s1))
        .waits(A_WHILE)
        .guided(only(size, &apart).crashes(&[]))
        .restarts(move |_| s2)
        .reach(led_by(2, s1, Some(s2)))
        .waits(A_WHILE)
        .guided(Guide::new().timers(&[]))
        .search(4_000)
        .guided(only(size, &pair).held(s1, s2))
        .waits(QUIET)
        .guided(only(size, &[(V1, s2)]))
        .try_reach(falls_to(3, s2))
        .guided(only(size, &[(V1, s2), (V1, reader), (s2, reader)]))
        .try_reach(answered(reader, 2))
        .guided(only(size, &pair))
        .waits(QUIET)
        .guided(only(size, &[(V1, s2)]))
        .reach(led_by(3, s2, None))
        .guided(only(size, &[(V1, s2), (V1, reader), (s2, reader)]))
        .reach(answered(reader, 2))
        .guided(Guide::new())
        .search(5_000);
    explore(trial, size, &all_answered(orders))
}
