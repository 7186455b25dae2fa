//! Small worlds of this lab in every order of events.

use std::{collections::BTreeMap, time::Duration};

use faultline_explore::{Faults, Goal, Linearizability, Model, Orders, Pace, View};
use faultline_labtest::kv::{Command, KvLab, Value as StoredValue};
pub use faultline_labtest::orders::{NO_FAULTS, ONE_CRASH, ONE_DUPLICATE, TWO_CRASHES, answered};
use faultline_labtest::orders::{from_the_start, say_how};
use faultline_sim::{Conditions, Outcome, Setup, Trial};
use lab3_api::{Bytes, Given, Shown, Slot, Status, Value};
use labkit::{NodeId, codec};

use super::{
    ANSWERED, Lab3, client,
    group::{Size, bytes, in_group},
};

/// A group of servers, and clients with these operations.
pub fn model(size: Size, operations: &[&[Command]], faults: Faults) -> Model {
    let model = Model::new(from_the_start(size.setup(Conditions::steady())))
        .faults(faults)
        .copies(1)
        .pace(Pace::Eager);
    operations
        .iter()
        .zip(1..)
        .fold(model, |model, (commands, number)| {
            model.operations(
                client(number),
                commands.iter().map(Lab3::to_bytes).collect(),
            )
        })
}

/// The test proposes a value.
pub fn propose<'p>(orders: Orders<'p>, to: NodeId, slot: Slot, value: &str) -> Orders<'p> {
    let value = Bytes(value.as_bytes().to_vec());
    orders.says(client(1), to, bytes(&Given::Propose { slot, value }))
}

/// Part A in every order: servers agree on the values of slots.
pub fn agreement<'p>(size: Size, faults: Faults) -> Orders<'p> {
    let servers = size.servers();
    Orders::of(model(size, &[], faults), ANSWERED).always(
        "servers agree on what is \
                                                           chosen",
        move |view| {
            let mut chosen: BTreeMap<Slot, (Value, NodeId)> = BTreeMap::new();
            for server in &servers {
                for (slot, status) in statuses(view, *server) {
                    let Status::Chosen(value) = status else {
                        continue;
                    };
                    let (first, by) = chosen
                        .entry(slot)
                        .or_insert_with(|| (value.clone(), *server));
                    if *first != value {
                        return Err(format!(
                            "{by} knows that {first:?} is chosen in slot {slot}, {server} that \
                         {value:?} is"
                        ));
                    }
                }
            }
            Ok(())
        },
    )
}

/// The store in every order: what clients see is linearizable.
pub fn service<'p>(size: Size, operations: &[&[Command]], faults: Faults) -> Orders<'p> {
    Orders::of(model(size, operations, faults), ANSWERED)
        .monitor(move || {
            Linearizability::new(StoredValue::default(), Lab3::command_of, |_, bytes| {
                Lab3::known_output(bytes)
            })
        })
        .done("every operation is answered", |view| view.all_answered())
}

fn statuses(view: &View<'_>, server: NodeId) -> Vec<(Slot, Status)> {
    let shown = view
        .observation(server)
        .and_then(|bytes| codec::from_bytes::<Shown>(bytes).ok());
    shown
        .into_iter()
        .flat_map(|shown| shown.slots)
        .map(|(slot, _, status)| (slot, status))
        .collect()
}

/// What a server knows to be chosen.
pub fn chosen(view: &View<'_>, server: NodeId, slot: Slot) -> Option<Value> {
    statuses(view, server)
        .into_iter()
        .find_map(|(known, status)| match status {
            Status::Chosen(value) if known == slot => Some(value),
            _ => None,
        })
}

/// One of these servers knows what is chosen in a slot.
pub fn somebody_knows<'p>(servers: &[NodeId], slot: Slot) -> Goal<'p> {
    let servers = servers.to_vec();
    let names: Vec<String> = servers.iter().map(NodeId::to_string).collect();
    Goal::new(&format!(
        "{} knows what is chosen in slot {slot}",
        names.join(" or ")
    ))
    .when("it shows so", move |view| {
        servers
            .iter()
            .any(|server| chosen(view, *server, slot).is_some())
    })
}

/// One of these servers has accepted a value in this slot, or knows one to be chosen.
pub fn accepted<'p>(by: &[NodeId], slot: Slot) -> Goal<'p> {
    let servers = by.to_vec();
    let names: Vec<String> = by.iter().map(NodeId::to_string).collect();
    Goal::new(&format!(
        "{} has accepted a value in slot {slot}",
        names.join(" or ")
    ))
    .when("it shows so", move |view| {
        servers
            .iter()
            .any(|server| has_accepted(view, *server, slot))
    })
}

/// Whether a server shows more than nothing in a slot.
pub fn has_accepted(view: &View<'_>, server: NodeId, slot: Slot) -> bool {
    statuses(view, server)
        .iter()
        .any(|(known, status)| *known == slot && *status != Status::Empty)
}

/// All servers know what is chosen in these slots, wherever they have been.
pub fn all_learn<'p>(orders: Orders<'p>, size: Size, slots: &'p [Slot]) -> Orders<'p> {
    let servers = size.servers();
    orders
        .done("every server knows what is chosen", move |view| {
            slots.iter().all(|slot| {
                servers
                    .iter()
                    .all(|server| chosen(view, *server, *slot).is_some())
            })
        })
        .recovers()
}

/// Goes through it all.
pub fn explore(trial: &mut Trial<'_>, size: Size, orders: &Orders<'_>) -> Outcome {
    orders.explore(trial, |trial, shown| {
        let how = say_how(shown.has_path);
        trial.describe_setting(format!("{}; {how}", size.describe(&Conditions::steady())));
        let conditions = Conditions::steady();
        let setup = Setup {
            quiet_until: shown.quiet_until,
            start_spread: Duration::ZERO,
            ..size.setup(conditions)
        };
        in_group(trial, setup, size, |group| {
            let judgement = &mut group.judgement;
            orders.carry_out(group.world, shown, |world| {
                judgement.judge(world, &|_, _| String::new())
            })
        })
    })
}
