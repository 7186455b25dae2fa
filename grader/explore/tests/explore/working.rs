//! Machines that compute, and the shared store.

use std::sync::Arc;

use faultline_explore::{Explorer, Faults, Model, Orders, Report, Search, View};
use faultline_sim::{
    Conditions, Facts, FailureKind, FaultAction, Mode, Outcome, Setup, backend::Backend,
    in_process::InProcess, ms, schedule::Action,
};
use labkit::codec;

use crate::nodes::{
    explored, server,
    smithy::{self, Bug, Config, Squares, file},
    violation,
};

const ONE_CRASH: Faults = Faults {
    crashes: 1,
    lost_disks: 0,
    losses: 0,
    duplicates: 0,
};

fn nodes(smiths: u32, tasks: &[u64], bug: Bug) -> Vec<faultline_sim::NodeSpec> {
    (1..=smiths)
        .map(|number| {
            server(
                number,
                &Config {
                    tasks: tasks.to_vec(),
                    bug,
                },
            )
        })
        .collect()
}

fn model(smiths: u32, tasks: &[u64], bug: Bug) -> Model {
    Model::new(nodes(smiths, tasks, bug)).machines(Arc::new(Squares))
}

fn searched(model: &Model) -> Report {
    let backend = || Box::new(InProcess::new(smithy::lab)) as Box<dyn Backend>;
    Explorer::new(model, &backend)
        .search(&Search::new())
        .unwrap()
}

fn records(view: &View<'_>, name: &str) -> Option<Vec<u64>> {
    view.file(name).map(|records| {
        records
            .into_iter()
            .map(|record| codec::from_bytes(record).unwrap())
            .collect()
    })
}

/// A file that is there is whole; in the end all are there.
fn orders(model: Model, smiths: u32, tasks: &[u64]) -> Orders<'_> {
    let all: Vec<_> = (1..=smiths)
        .flat_map(|smith| {
            (1..)
                .zip(tasks)
                .map(move |(token, task)| (server(smith, &()).id, token, *task))
        })
        .collect();
    let every = all.clone();
    Orders::of(model, ms(1_000))
        .always(
            "a file is whole, and a machine has computed what is in it",
            move |view| {
                for (smith, token, task) in &all {
                    let Some(records) = records(view, &file(*smith, *token)) else {
                        continue;
                    };
                    if records != [task * task; 2] {
                        return Err(format!("{} holds {records:?}", file(*smith, *token)));
                    }
                    if !view.has_computed(*smith, &format!("square {task}")) {
                        return Err(format!("{smith} has not computed square {task}"));
                    }
                }
                Ok(())
            },
        )
        .done("all files are there", move |view| {
            every
                .iter()
                .all(|(smith, token, _)| view.file(&file(*smith, *token)).is_some())
        })
}

fn trial(
    smiths: u32,
    tasks: &[u64],
    bug: Bug,
    orders: &Orders<'_>,
    mode: Mode,
) -> (Outcome, Facts) {
    let setup = || {
        let setup = Setup::new(nodes(smiths, tasks, bug), Conditions::steady());
        Setup {
            machines: Some(Arc::new(Squares)),
            ..setup
        }
    };
    explored(smithy::lab, orders, mode, setup, |_| Ok(()))
}

#[test]
fn each_machine_does_its_work_in_order_at_any_time() {
    for (smiths, tasks, states) in [
        (1, &[3, 5, 7][..], 4),
        (2, &[3, 5, 7], 16),
        (3, &[2, 2], 27),
        (4, &[1], 16),
    ] {
        let report = searched(&model(smiths, tasks, Bug::None));
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(
            report.states,
            states,
            "{smiths} machines with {} tasks each",
            tasks.len()
        );
    }
}

#[test]
fn work_dies_with_its_machine_and_what_is_in_the_store_stays() {
    // Before its task is done, before each of the four effects of what comes then, or when all is
    // over.
    let once = model(1, &[3], Bug::None).faults(ONE_CRASH);
    let mortal = once.clone().mortal(server(1, &()).id);
    assert_eq!(searched(&mortal).states, 2 + 6);
    // Each of these worlds goes on: down, at work again, done again.
    assert!(searched(&once).states > searched(&mortal).states + 6);
}

#[test]
fn a_whole_file_is_whole_in_every_order() {
    let tasks = [3, 5];
    let model = model(2, &tasks, Bug::None).faults(ONE_CRASH);
    let orders = orders(model, 2, &tasks).search(50_000).recovers();
    let (outcome, facts) = trial(2, &tasks, Bug::None, &orders, Mode::default());
    assert_eq!(outcome, Ok(()));
    assert!(facts.undecided.is_empty(), "{:?}", facts.undecided);
    assert!(
        facts.searched[0].all && facts.searched[0].states > 100,
        "{:?}",
        facts.searched
    );
}

#[test]
fn a_file_that_is_written_in_place_is_seen_half_and_the_failure_replays() {
    let tasks = [3, 5];
    let model = model(2, &tasks, Bug::WritesInPlace).faults(ONE_CRASH);
    let orders = orders(model, 2, &tasks).search(50_000);
    let (outcome, facts) = trial(2, &tasks, Bug::WritesInPlace, &orders, Mode::recorded());
    let first = violation(outcome);
    assert_eq!(first.observed, "s1-1 holds []");
    let schedule = facts.recording.unwrap().schedule;
    let crash = |action: &Action| {
        matches!(
            action,
            Action::Crash { .. } | Action::Fault(FaultAction::Crash { .. })
        )
    };
    assert!(
        schedule.0.iter().any(|timed| crash(&timed.action)),
        "{schedule:?}"
    );
    let worked = schedule
        .0
        .iter()
        .filter(|timed| matches!(timed.action, Action::Worked { .. }));
    assert_eq!(
        worked.count(),
        1,
        "the first task was done, and nothing else: {schedule:?}"
    );
    // The path goes on behind the failure: a replay must know that it is one.
    assert_eq!(
        schedule.0.last().map(|timed| &timed.action),
        Some(&Action::Fault(FaultAction::HealAll))
    );
    let replay = Mode {
        schedule: Some(schedule.clone()),
        ..Mode::recorded()
    };
    let (outcome, facts) = trial(2, &tasks, Bug::WritesInPlace, &orders, replay);
    assert_eq!((violation(outcome), facts.skipped), (first, 0));
    assert_eq!(facts.recording.unwrap().schedule, schedule);
}

#[test]
fn work_that_is_cancelled_never_ends() {
    let tasks = [3, 5];
    let orders = orders(model(1, &tasks, Bug::CancelsTheRest), 1, &tasks)
        .search(1_000)
        .recovers();
    let (outcome, _) = trial(1, &tasks, Bug::CancelsTheRest, &orders, Mode::default());
    assert_eq!(violation(outcome).kind, FailureKind::NoProgress);
}

#[test]
fn what_is_no_task_is_a_failure_like_in_a_world() {
    let tasks = [3];
    let orders = orders(model(1, &tasks, Bug::StartsNonsense), 1, &tasks).search(1_000);
    let (outcome, _) = trial(1, &tasks, Bug::StartsNonsense, &orders, Mode::default());
    assert_eq!(
        violation(outcome).observed,
        "s1 started a task that is none"
    );
}
