//! State spaces whose sizes are known.

use crate::nodes::{broadcast, paxos};
use faultline_explore::{End, Explorer, Factory, Limits, Model, Report, Search};
use faultline_sim::{backend::Backend, in_process::InProcess};

fn broadcast_backend() -> Box<dyn Backend> {
    Box::new(InProcess::new(broadcast::lab))
}

fn paxos_backend() -> Box<dyn Backend> {
    Box::new(InProcess::new(paxos::lab))
}

fn explore(model: &Model, factory: Factory<'_>) -> Report {
    Explorer::new(model, factory)
        .search(&Search::new())
        .unwrap()
}

#[test]
fn a_broadcast_with_acks_has_three_states_an_exchange() {
    for count in 1..=3 {
        let model = Model::new(broadcast::nodes(count));
        let report = explore(&model, &broadcast_backend);
        assert_eq!(
            (report.states, &report.end),
            (3u64.pow(count * (count - 1)), &End::Exhausted)
        );
        assert!(report.is_complete());
    }
}

#[test]
fn a_broadcast_of_four_nodes_calls_few_handlers() {
    let model = Model::new(broadcast::nodes(4));
    let report = explore(&model, &broadcast_backend);
    assert_eq!(report.states, 531_441);
    assert!(report.handler_calls * 50 < report.transitions, "{report:?}");
}

#[test]
fn paxos_has_as_many_states_as_stateright_counts() {
    let model = paxos::model(3, 2);
    let report = explore(&model, &paxos_backend);
    assert_eq!((report.states, &report.end), (16_668, &End::Exhausted));
    let mut watched = Explorer::new(&model, &paxos_backend).monitor(paxos::monitor());
    let report = watched.search(&Search::new()).unwrap();
    assert_eq!(
        (report.states, &report.end),
        (16_668, &End::Exhausted),
        "the monitor tells no more states apart"
    );
}

#[test]
fn paxos_with_three_clients() {
    let model = paxos::model(3, 3);
    let mut explorer = Explorer::new(&model, &paxos_backend).monitor(paxos::monitor());
    let report = explorer.search(&Search::new()).unwrap();
    assert_eq!((report.states, &report.end), (1_194_428, &End::Exhausted));
    assert!(report.handler_calls * 50 < report.transitions, "{report:?}");
    assert!(report.memory_bytes < 80 << 20, "{report:?}");
}

#[test]
fn a_budget_ends_a_search_at_the_same_state_each_time() {
    let model = paxos::model(3, 2);
    let search = || {
        Search::new().limits(Limits {
            states: 5_000,
            ..Limits::default()
        })
    };
    let report = Explorer::new(&model, &paxos_backend)
        .search(&search())
        .unwrap();
    assert_eq!((report.states, &report.end), (5_000, &End::States));
    assert!(!report.is_complete());
    assert_eq!(
        report.coverage(),
        format!("the first 5000 states, up to {} steps deep", report.depth)
    );
    assert_eq!(
        Explorer::new(&model, &paxos_backend)
            .search(&search())
            .unwrap(),
        report
    );
}
