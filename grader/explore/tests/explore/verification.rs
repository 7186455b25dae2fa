//! Handlers that are no functions of their state are found and told by the field that differs.

use faultline_explore::{Difference, Explorer, Limits, Model, Search, Verified};
use faultline_sim::{backend::Backend, in_process::InProcess};

use crate::nodes::{
    paxos,
    unsteady::{self, Habit},
};

fn verified(habit: Habit) -> Verified {
    let backend = || Box::new(InProcess::new(unsteady::lab)) as Box<dyn Backend>;
    let model = Model::new(unsteady::nodes(habit));
    let mut explorer = Explorer::new(&model, &backend);
    let limits = Limits { states: 2_000, ..Limits::default() };
    explorer.search(&Search::new().limits(limits)).unwrap();
    explorer.verify().unwrap()
}

#[test]
fn a_node_that_merely_keeps_a_hash_map_is_steady() {
    let verified = verified(Habit::KeepsHashMap);
    assert!(verified.calls > 0);
    assert_eq!(verified.differences, []);
}

#[test]
fn sends_in_the_order_of_a_hash_map_are_told() {
    let verified = verified(Habit::SendsInHashOrder);
    let first = &verified.differences[0];
    assert_eq!(first.event, "Hello(1) from s1");
    let Difference::Effects { first, second, .. } = &first.difference else { panic!("{first:?}") };
    assert!(first.as_ref().unwrap().starts_with("send Hello("));
    assert_ne!(first, second);
}

#[test]
fn a_counter_outside_the_state_is_told() {
    let verified = verified(Habit::HiddenCounter);
    let Difference::State { field, first, second, .. } = &verified.differences[0].difference else {
        panic!("{:?}", verified.differences[0])
    };
    assert_eq!((field.as_str(), first.as_str() < second.as_str() || first > second), ("seen.skipped", true));
}

#[test]
fn an_address_in_the_state_is_told() {
    let verified = verified(Habit::Address);
    let Difference::State { field, .. } = &verified.differences[0].difference else {
        panic!("{:?}", verified.differences[0])
    };
    assert_eq!(field, "seen.mark");
}

#[test]
fn paxos_is_steady() {
    let backend = || Box::new(InProcess::new(paxos::lab)) as Box<dyn Backend>;
    let model = paxos::model(3, 2);
    let mut explorer = Explorer::new(&model, &backend).monitor(paxos::monitor());
    let report = explorer.search(&Search::new()).unwrap();
    let verified = explorer.verify().unwrap();
    assert_eq!((verified.calls, verified.differences), (2 * report.handler_calls, Vec::new()));
}
