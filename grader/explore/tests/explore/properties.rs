//! What a search finds, and how it tells the path there.

use crate::nodes::{
    broadcast, paxos,
    register::{self, Bug, Command, S1},
};
use faultline_explore::{End, Explorer, Failure, Faults, Limits, Model, Report, Search, Trace};
use faultline_sim::{backend::Backend, in_process::InProcess};
use labkit::{NodeId, codec};

fn backend() -> Box<dyn Backend> {
    Box::new(InProcess::new(register::lab))
}

fn one_crash() -> Faults {
    Faults {
        crashes: 1,
        ..Faults::default()
    }
}

/// How often clients may send again: without a bound the network grows for ever.
fn bounded() -> Search<'static> {
    Search::new().prune(|view| view.in_flight().len() > 4)
}

fn watched(model: &Model, search: &Search<'_>) -> (Report, Option<Trace>) {
    let mut explorer = Explorer::new(model, &backend).monitor(register::monitor());
    let report = explorer.search(search).unwrap();
    let trace = match &report.end {
        End::Violation(failure) => Some(explorer.trace(&failure.reached)),
        _ => None,
    };
    (report, trace)
}

fn failure(report: &Report) -> &Failure {
    match &report.end {
        End::Violation(failure) => failure,
        other => panic!("expected a violation, got {other:?}"),
    }
}

fn texts(trace: &Trace) -> Vec<&str> {
    trace
        .events
        .iter()
        .map(|event| event.text.as_str())
        .collect()
}

#[test]
fn a_correct_register_survives_crashes_duplicates_and_losses() {
    let faults = Faults {
        crashes: 2,
        losses: 1,
        duplicates: 1,
        ..Faults::default()
    };
    let model = register::model(
        Bug::None,
        &[Command::Write(1), Command::Read],
        &[Command::Write(2)],
    )
    .faults(faults);
    let search = bounded().invariant("a register holds what somebody wrote", |view| {
        let value: Option<u64> = view
            .observation(S1)
            .map(|bytes| codec::from_bytes(bytes).unwrap());
        if value.is_none_or(|value| value <= 2) {
            Ok(())
        } else {
            Err(format!("it holds {value:?}"))
        }
    });
    let (report, _) = watched(&model, &search);
    assert_eq!(report.end, End::Exhausted, "{report:?}");
    assert!(report.is_complete());
}

#[test]
fn clients_that_send_again_have_a_finite_space_where_copies_are_bounded() {
    let states = |copies| {
        let model = register::model(
            Bug::None,
            &[Command::Write(1), Command::Read],
            &[Command::Write(2)],
        );
        let (report, _) = watched(&model.copies(copies), &Search::new());
        assert!(report.is_complete(), "{report:?}");
        report.states
    };
    assert!(states(1) < states(2));
}

#[test]
fn a_reply_before_the_sync_is_lost_in_a_crash() {
    let model = register::model(
        Bug::RepliesBeforeSync,
        &[Command::Write(1), Command::Read],
        &[],
    )
    .faults(one_crash());
    let (report, trace) = watched(&model, &bounded());
    assert_eq!(
        failure(&report).observed,
        "not linearizable: c1 was answered Value(0) to Read, which no order of the operations \
         allows"
    );
    assert_eq!(
        texts(&trace.unwrap()),
        [
            "s1 starts",
            "c1 starts",
            "c2 starts",
            "c1 is asked for Write(1)",
            "s1 receives Request { nth: 1, write: Some(1) } from c1; s1 crashes after 2 effects of \
             that",
            "s1 starts",
            "c1 receives Reply { nth: 1, value: None } from s1; c1 answers Written",
            "c1 is asked for Read",
            "s1 receives Request { nth: 2, write: None } from c1",
            "c1 receives Reply { nth: 2, value: Some(0) } from s1; c1 answers Value(0)",
        ]
    );
    let model = register::model(
        Bug::RepliesBeforeSync,
        &[Command::Write(1), Command::Read],
        &[],
    );
    assert_eq!(
        watched(&model, &bounded()).0.end,
        End::Exhausted,
        "without a crash nothing is wrong"
    );
}

#[test]
fn a_panic_is_found_with_the_shortest_way_to_it() {
    let faults = Faults {
        duplicates: 1,
        ..Faults::default()
    };
    let model = register::model(Bug::PanicsAtDuplicate, &[Command::Write(1)], &[]).faults(faults);
    let (report, trace) = watched(&model, &bounded());
    assert_eq!(
        failure(&report).observed,
        "s1: it panicked: request 1 of c1 has come twice"
    );
    let trace = trace.unwrap();
    assert_eq!(trace.events.len(), 3 + 3, "{trace:#?}");
}

#[test]
fn a_world_that_is_stuck_says_so() {
    let faults = Faults {
        losses: 1,
        ..Faults::default()
    };
    let model =
        register::model(Bug::SendsOnce, &[Command::Write(1)], &[Command::Read]).faults(faults);
    let search = Search::new().at_end("every operation is answered", |view| {
        if view.all_answered() {
            Ok(())
        } else {
            Err("an operation waits for ever".to_owned())
        }
    });
    let (report, trace) = watched(&model, &search);
    assert_eq!(failure(&report).property, "every operation is answered");
    assert!(
        texts(&trace.unwrap())
            .iter()
            .any(|text| text.ends_with("is lost"))
    );
}

#[test]
fn goals_are_stages() {
    let model = paxos::model(3, 2);
    let factory = || Box::new(InProcess::new(paxos::lab)) as Box<dyn Backend>;
    let decided = |view: &faultline_explore::View<'_>| {
        let decided = |number| {
            view.observation(NodeId::new('s', number))
                .map(|bytes| codec::from_bytes(bytes).unwrap())
        };
        (1..=3)
            .filter_map(decided)
            .any(|value: Option<char>| value.is_some())
    };
    let mut explorer = Explorer::new(&model, &factory).monitor(paxos::monitor());
    let first = explorer
        .search(
            &Search::new()
                .goal("a value is decided", decided)
                .most_goals(8),
        )
        .unwrap();
    assert_eq!((&first.end, first.reached.len()), (&End::Goal, 8));
    let steps: Vec<usize> = first
        .reached
        .iter()
        .map(|reached| reached.steps())
        .collect();
    assert!(
        steps.is_sorted() && steps[0] == 5 + 5,
        "breadth first: {steps:?}"
    );
    let calls = first.handler_calls;
    let search = Search::new().invariant("what is decided stays so", |view| {
        if decided(view) {
            Ok(())
        } else {
            Err("nothing is decided any more".to_owned())
        }
    });
    let second = explorer.search_from(&search, &first.reached).unwrap();
    assert_eq!(second.end, End::Exhausted);
    assert!(second.states < 16_668 && second.handler_calls > calls);
}

#[test]
fn a_depth_and_a_memory_limit_are_told() {
    let model = paxos::model(3, 2);
    let factory = || Box::new(InProcess::new(paxos::lab)) as Box<dyn Backend>;
    let search = |limits| {
        Explorer::new(&model, &factory)
            .search(&Search::new().limits(limits))
            .unwrap()
    };
    let shallow = search(Limits {
        depth: 4,
        ..Limits::default()
    });
    assert_eq!(
        (shallow.end.clone(), shallow.depth, shallow.is_complete()),
        (End::Depth, 4, false)
    );
    let small = search(Limits {
        memory_bytes: 1 << 18,
        ..Limits::default()
    });
    assert_eq!(small.end, End::Memory);
    assert!(small.states < 16_668);
}

#[test]
fn the_number_of_threads_does_not_show() {
    let faults = Faults {
        crashes: 1,
        duplicates: 1,
        ..Faults::default()
    };
    let good = register::model(
        Bug::None,
        &[Command::Write(1), Command::Read],
        &[Command::Write(2)],
    )
    .faults(faults);
    let bad = register::model(
        Bug::RepliesBeforeSync,
        &[Command::Write(1)],
        &[Command::Read, Command::Read],
    )
    .faults(faults);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| (watched(&good, &bounded()), watched(&bad, &bounded())))
    };
    let one = run(1);
    assert!(one.1.1.is_some());
    assert_eq!(one, run(2));
    assert_eq!(one, run(5));
}

#[test]
fn a_late_node_may_start_at_any_time() {
    let mut nodes = broadcast::nodes(2);
    nodes[1].starts = false;
    let model = Model::new(nodes);
    let factory = || Box::new(InProcess::new(broadcast::lab)) as Box<dyn Backend>;
    let report = Explorer::new(&model, &factory)
        .search(&Search::new())
        .unwrap();
    // Before the start there is one state more: s1's message waits, s2's was not sent.
    assert_eq!(report.states, 9 + 1);
}
