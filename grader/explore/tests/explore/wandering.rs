//! Random walks and progress.

use std::time::Duration;

use faultline_explore::{Explorer, Faults, Limits, Progress, Search, Walks};
use faultline_sim::{backend::Backend, in_process::InProcess};

use crate::nodes::register::{self, Bug, Command};

fn backend() -> Box<dyn Backend> {
    Box::new(InProcess::new(register::lab))
}

fn one_crash() -> Faults {
    Faults {
        crashes: 1,
        ..Faults::default()
    }
}

#[test]
fn walks_find_a_reply_that_was_lost_and_are_the_same_on_any_number_of_threads() {
    let ask = [Command::Write(1), Command::Read];
    let model = register::model(Bug::RepliesBeforeSync, &ask, &ask).faults(one_crash());
    let walks = Walks {
        count: 5_000,
        steps: 60,
        seed: 7,
    };
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let mut explorer = Explorer::new(&model, &backend).monitor(register::monitor());
            let start = explorer.start().unwrap().unwrap();
            let walked = explorer.walk(&Search::new(), &walks, &[start]).unwrap();
            let trace = walked
                .failure
                .as_ref()
                .map(|failure| explorer.trace(&failure.reached));
            (walked, trace)
        })
    };
    let (walked, trace) = run(1);
    let failure = walked.failure.as_ref().expect("one of the walks finds it");
    assert!(
        failure.observed.starts_with("not linearizable: c"),
        "{failure:?}"
    );
    assert_eq!((walked.clone(), trace), run(3));
    // The shortest path there, after the starts of the three nodes, has seven steps.
    assert!(
        failure.reached.steps() <= 3 + 7 + 2,
        "{} steps",
        failure.reached.steps()
    );
}

#[test]
fn walks_of_a_correct_register_find_nothing() {
    let model = register::model(
        Bug::None,
        &[Command::Write(1), Command::Read],
        &[Command::Write(2)],
    );
    let model = model.faults(Faults {
        crashes: 2,
        losses: 2,
        duplicates: 2,
        ..Faults::default()
    });
    let mut explorer = Explorer::new(&model, &backend).monitor(register::monitor());
    let start = explorer.start().unwrap().unwrap();
    let walks = Walks {
        count: 3_000,
        steps: 100,
        seed: 1,
    };
    let walked = explorer.walk(&Search::new(), &walks, &[start]).unwrap();
    assert_eq!((walked.failure, walked.walks), (None, 3_000));
    assert!(walked.steps > 100_000, "{}", walked.steps);
}

#[test]
fn from_every_sampled_state_a_healed_world_finishes_unless_the_client_gives_up() {
    let bound = Progress {
        within: Duration::from_secs(10),
        steps: 1_000,
        worlds: 2,
    };
    for (bug, finishes) in [(Bug::None, true), (Bug::SendsOnce, false)] {
        let faults = Faults {
            crashes: 1,
            losses: 1,
            ..Faults::default()
        };
        let model = register::model(
            bug,
            &[Command::Write(1), Command::Read],
            &[Command::Write(2)],
        )
        .faults(faults);
        let mut explorer = Explorer::new(&model, &backend).monitor(register::monitor());
        let search = Search::new().samples(50).limits(Limits {
            states: 3_000,
            ..Limits::default()
        });
        let report = explorer.search(&search).unwrap();
        assert_eq!(report.sampled.len(), 50);
        let failure = explorer.progress(
            "every operation is answered",
            &Search::new(),
            &report.sampled,
            bound,
            |view| view.all_answered(),
        );
        let failure = failure.unwrap();
        assert_eq!(failure.is_none(), finishes, "{bug:?}: {failure:?}");
        if let Some(failure) = failure {
            assert!(
                failure.observed.starts_with("nothing is left to happen"),
                "{}",
                failure.observed
            );
        }
    }
}
