//! Handlers that are no functions of their state are found and told by the field that differs.

use faultline_explore::{Difference, Explorer, Factory, Limits, Model, Search, Verified};
use faultline_sim::{backend::Backend, in_process::InProcess};

use crate::nodes::{
    paxos, server,
    unsteady::{self, Habit},
    wasm,
};

fn verified(habit: Habit) -> Verified {
    verified_in(habit, &|| Box::new(InProcess::new(unsteady::lab)))
}

fn verified_in(habit: Habit, backend: Factory<'_>) -> Verified {
    let model = Model::new((1..=4).map(|number| server(number, &habit)).collect());
    let mut explorer = Explorer::new(&model, backend);
    let limits = Limits {
        states: 2_000,
        ..Limits::default()
    };
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
    let Difference::Effects { first, second, .. } = &first.difference else {
        panic!("{first:?}")
    };
    assert!(first.as_ref().unwrap().starts_with("send Hello("));
    assert_ne!(first, second);
}

#[test]
fn a_counter_outside_the_state_is_told() {
    let verified = verified(Habit::HiddenCounter);
    let Difference::State {
        field,
        first,
        second,
        ..
    } = &verified.differences[0].difference
    else {
        panic!("{:?}", verified.differences[0])
    };
    assert_eq!(
        (
            field.as_str(),
            first.as_str() < second.as_str() || first > second
        ),
        ("seen.skipped", true)
    );
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
    assert!(verified.calls >= 2 * report.handler_calls, "{verified:?}");
    assert_eq!(verified.differences, []);
}

/// As in a course: wasm instances, on threads with room for their stacks.
#[test]
fn in_wasm_each_habit_is_found_and_paxos_has_the_same_states() {
    let stack = faultline_host::machine::WORLD_STACK_BYTES;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .stack_size(stack)
        .build()
        .unwrap();
    let program = wasm::program("unsteady.rs").unwrap();
    let found = |habit| {
        let verified = pool.install(|| verified_in(habit, &|| Box::new(program.backend())));
        assert_eq!(
            verified,
            pool.install(|| verified_in(habit, &|| Box::new(program.backend()))),
            "no luck in it"
        );
        verified
            .differences
            .into_iter()
            .next()
            .map(|first| first.difference)
    };
    assert_eq!(found(Habit::KeepsHashMap), None);
    assert!(matches!(
        found(Habit::SendsInHashOrder),
        Some(Difference::Effects { .. })
    ));
    let field = |difference| match difference {
        Some(Difference::State { field, .. }) => field,
        other => panic!("another state, not {other:?}"),
    };
    assert_eq!(field(found(Habit::HiddenCounter)), "seen.skipped");
    assert_eq!(field(found(Habit::Address)), "seen.mark");

    let program = wasm::program("paxos/program.rs").unwrap();
    let backend = || Box::new(program.backend()) as Box<dyn Backend>;
    let model = paxos::model(3, 2);
    let states = pool.install(|| {
        Explorer::new(&model, &backend)
            .search(&Search::new())
            .unwrap()
            .states
    });
    assert_eq!(states, 16_668);
}
