//! Small worlds of this lab in every order of events.

use std::{rc::Rc, time::Duration};

use faultline_explore::{Faults, Goal, Guide, Linearizability, Model, Orders, Pace, View};
use faultline_labtest::kv::{Command, KvLab, Value};
pub use faultline_labtest::orders::{NO_FAULTS, ONE_CRASH, answered};
use faultline_labtest::orders::{from_the_start, say_how};
use faultline_sim::{Conditions, Outcome, Setup, Trial, ms};
use lab2_api::Member;
use labkit::{NodeId, codec};

use super::{
    ANSWERED, Lab2, V1, client, server,
    service::{Size, describe, in_service, setup},
};

/// The same, and one message arrives twice.
pub const ONE_CRASH_AND_ONE_COPY: Faults = Faults {
    duplicates: 1,
    ..ONE_CRASH
};

/// Maximum time in a quiet world to acknowledge a view, and to carry out an operation.
pub const QUIET: Duration = ms(500);
/// Time within which every message arrives and is sent again.
pub const A_WHILE: Duration = ms(200);

/// A service whose clients have these operations; what they see is linearizable. Views beyond
/// number 6 are for others.
pub fn service<'p>(size: Size, operations: &[&[Command]], faults: Faults) -> Orders<'p> {
    let model = Model::new(from_the_start(setup(size, Conditions::steady(), true)))
        .faults(faults)
        .copies(1)
        .pace(Pace::Eager);
    let model = operations
        .iter()
        .zip(1..)
        .fold(model.lasting(V1), |model, (commands, number)| {
            model.operations(
                client(number),
                commands.iter().map(Lab2::to_bytes).collect(),
            )
        });
    Orders::of(model, ANSWERED)
        .monitor(move || {
            Linearizability::new(Value::default(), Lab2::command_of, |_, bytes| {
                Lab2::known_output(bytes)
            })
        })
        .not_beyond(|view| current(view).number > 6)
}

/// Every operation is answered in the end.
pub fn all_answered(orders: Orders<'_>) -> Orders<'_> {
    orders.done("every operation is answered", |view| view.all_answered())
}

/// The view as the view server has it.
pub fn current(view: &View<'_>) -> lab2_api::View {
    view.observation(V1)
        .and_then(|bytes| codec::from_bytes(bytes).ok())
        .unwrap_or_default()
}

/// A later view than this has this primary and this backup.
pub fn led_by<'p>(after: u64, primary: NodeId, backup: Option<NodeId>) -> Goal<'p> {
    let node = |member: Option<Member>| member.map(|member| member.node);
    let with = backup.map_or("no backup".to_owned(), |backup| {
        format!("{backup} as its backup")
    });
    Goal::new(&format!(
        "a view after {after} has {primary} as its primary and {with}"
    ))
    .when(&format!("the view is later than {after}"), move |view| {
        current(view).number > after
    })
    .when(&format!("{primary} is its primary"), move |view| {
        node(current(view).primary) == Some(primary)
    })
    .when(&format!("it has {with}"), move |view| {
        node(current(view).backup) == backup
    })
}

/// A later view than this has this primary, and whoever as its backup.
pub fn falls_to<'p>(after: u64, primary: NodeId) -> Goal<'p> {
    Goal::new(&format!("{primary} is the primary of a view after {after}")).when(
        "it is",
        move |view| {
            let view = current(view);
            view.number > after && view.primary.is_some_and(|member| member.node == primary)
        },
    )
}

/// Only these links are open, in both directions.
pub fn only(size: Size, open: &[(NodeId, NodeId)]) -> Guide {
    let servers = (1..=size.servers).map(server);
    let all: Vec<NodeId> = [V1]
        .into_iter()
        .chain(servers)
        .chain((1..=size.clients).map(client))
        .collect();
    let links = all
        .iter()
        .flat_map(|from| all.iter().map(|to| (*from, *to)));
    let closed = links.filter(|(from, to)| {
        from != to && !open.contains(&(*from, *to)) && !open.contains(&(*to, *from))
    });
    closed.fold(Guide::new(), |guide, (from, to)| guide.held(from, to))
}

/// From the start: `s1` is the primary of view 1, alone, and nobody else has heard of anything.
pub fn alone(orders: Orders<'_>, size: Size) -> Orders<'_> {
    orders
        .guided(only(size, &[(V1, server(1))]))
        .reach(led_by(0, server(1), None))
}

/// From there: `s2` is its backup, and has been for a while.
pub fn replicated(orders: Orders<'_>, size: Size) -> Orders<'_> {
    let [s1, s2] = [1, 2].map(server);
    orders
        .guided(only(size, &[(V1, s1), (V1, s2), (s1, s2)]))
        .reach(led_by(1, s1, Some(s2)))
        .waits(QUIET)
}

/// Goes through it all.
pub fn explore(trial: &mut Trial<'_>, size: Size, orders: &Orders<'_>) -> Outcome {
    orders.explore(trial, |trial, shown| {
        let how = say_how(shown.has_path);
        let conditions = Conditions::steady();
        trial.describe_setting(format!("{}; {how}", describe(size, &conditions)));
        let all = setup(size, conditions, true);
        let setup = Setup {
            quiet_until: shown.quiet_until,
            start_spread: Duration::ZERO,
            ..all
        };
        in_service(trial, setup, size, |service| {
            let log = Rc::clone(&service.log);
            let judgement = &mut service.judgement;
            orders.carry_out(service.world, shown, |world| {
                judgement.judge(world, &|node, sent| log.borrow().say_deposed(node, sent))
            })
        })
    })
}
