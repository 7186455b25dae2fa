//! Faults that happen with no seed, and runs that a recorder changes: whose trouble they are.

use std::{sync::atomic::AtomicU32, time::Duration};

use faultline_sim::{Conditions, Plan, Setup, World, in_process::InProcess, ms};

use super::*;
use crate::rubric::Visibility;

/// Fires if it is told to.
struct Fault(bool);

impl Plan for Fault {
    fn name(&self) -> &'static str {
        "a fault"
    }

    fn wake(&mut self, _: &mut World<'_>) -> Outcome<(bool, Option<Duration>)> {
        Ok((self.0, None))
    }
}

fn fires_with(seed: Option<u64>, trial: &mut Trial<'_>) -> Outcome {
    let fires = seed == Some(trial.number());
    trial.run(Setup::new(Vec::new(), Conditions::steady()), |world| {
        world.add_plan(Fault(fires), ms(1));
        world.run_for(ms(2))
    })
}

/// Fails, the third time as the first, the second time in another way.
fn fails_in_turn(trial: &mut Trial<'_>, third: &str, runs: &AtomicU32) -> Outcome {
    let said = ["one", "other", third][runs.fetch_add(1, Ordering::Relaxed) as usize % 3];
    trial.run(Setup::new(Vec::new(), Conditions::steady()), |world| {
        Err(world.violation(said))
    })
}

/// Runs a test of whose seeds the rubric wants four with the first `seeds` of them.
fn tested(run: fn(&mut Trial<'_>) -> Outcome, seeds: u64) -> Result<TestVerdict, Error> {
    let row = RubricRow {
        id: "a_test".to_owned(),
        title: String::new(),
        property: String::new(),
        part: "A".to_owned(),
        points: 2,
        seeds: 4,
        visibility: Visibility::Public,
        category: Category::Chaos,
        handout: "a".to_owned(),
        needs: Vec::new(),
        hints: BTreeMap::new(),
    };
    let job = Job {
        test: Test { id: "a_test", run },
        row: &row,
        seeds: (0..seeds).collect(),
        salt: 0,
    };
    let mut ignore = |_: Event| ();
    let events: Mutex<&mut (dyn FnMut(Event) + Send)> = Mutex::new(&mut ignore);
    let runner = Runner {
        backend: &|| Box::new(InProcess::new(|| unreachable!("there are no nodes"))),
        lab: "lab",
        handout: "README.md",
        shrink: false,
        interrupt: &AtomicBool::new(false),
        events: &events,
        stopwatch: &Stopwatch::start(),
        done: AtomicU64::new(0),
        of: seeds,
    };
    runner.test(&job).map(|(verdict, _)| verdict)
}

#[test]
fn a_fault_that_chance_has_left_out_is_waited_for() {
    let verdict = tested(|trial| fires_with(Some(20), trial), 4).expect("it is judged");
    assert_eq!((verdict.status, verdict.earned), (Status::Passed, 2));
    assert_eq!(verdict.seeds, 21);
}

#[test]
fn a_fault_that_the_program_keeps_from_happening_fails_it() {
    let verdict = tested(|trial| fires_with(None, trial), 4).expect("it is judged");
    assert_eq!((verdict.status, verdict.earned), (Status::Failed, 0));
    let failure = verdict.failure.expect("it says why");
    assert_eq!(failure.kind, "no-progress");
    assert!(
        failure.observed.contains("in 68 runs") && failure.observed.contains("\"a fault\""),
        "{}",
        failure.observed
    );
}

/// Whoever asks for fewer seeds than a test has, asks for chance.
#[test]
fn with_few_seeds_it_is_nobodys_fault() {
    let verdict = tested(|trial| fires_with(None, trial), 3).expect("it is judged");
    assert_eq!((verdict.status, verdict.seeds), (Status::NotScored, 3));
}

#[test]
fn a_program_that_is_another_when_it_is_shown_fails() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let verdict = tested(|trial| fails_in_turn(trial, "one", &RUNS), 1).expect("it is judged");
    let failure = verdict.failure.expect("it says why");
    assert_eq!(
        (verdict.status, &*failure.kind),
        (Status::Failed, "nondeterminism")
    );
    let told = "one. While its messages and states were shown, the same run went another way: \
                other. ";
    assert!(failure.observed.starts_with(told), "{}", failure.observed);
}

#[test]
fn a_grader_that_does_not_repeat_itself_is_broken() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let broken = tested(|trial| fails_in_turn(trial, "third", &RUNS), 1);
    assert!(matches!(broken, Err(Error::Broken(_))));
}
