//! Failures of a small world that become smaller.

use std::time::Duration;

use faultline_sim::{
    Conditions, Happening, Mode, Outcome, Plan, Setup, Stop, Trial, Workload, World, choice::About,
    in_process::InProcess, ms,
};
use labkit::{NodeId, codec};

use super::{
    budget::{ALONE, TOGETHER},
    register::{C1, C2, Command, Output, S1, lab, nodes, replies_before_sync},
    search::same,
    *,
};

/// Crashes between two effects, and returns.
struct Crashes {
    wakes: u64,
    doomed: bool,
}

impl Plan for Crashes {
    fn name(&self) -> &'static str {
        "crashes"
    }

    fn wake(&mut self, world: &mut World<'_>) -> Outcome<(bool, Option<Duration>)> {
        self.wakes += 1;
        let mut draw = world.choices().draw(About::Plan, 0, self.wakes);
        if self.doomed {
            if world.is_down(S1) {
                world.start(S1)?;
                self.doomed = false;
            }
            return Ok((false, Some(ms(15))));
        }
        let begins = draw.chance(300) && world.may_begin_fault();
        if begins {
            world.crash_in_next_event(S1, draw.bits());
            self.doomed = true;
        }
        Ok((begins, Some(ms(15))))
    }
}

/// One client writes, reads, writes, ...
struct Turns;

impl Workload for Turns {
    fn next(&mut self, client: NodeId, nth: u64) -> Option<(Duration, Vec<u8>)> {
        let command = if nth.is_multiple_of(2) {
            Command::Write(nth + 1)
        } else {
            Command::Read
        };
        (client == C1 && nth < 40).then(|| (ms(7), codec::to_bytes(&command).unwrap()))
    }
}

/// A client reads what it wrote last.
fn reads_its_writes(world: &mut World<'_>) -> Outcome {
    world.set_workload(Turns);
    world.add_plan(
        Crashes {
            wakes: 0,
            doomed: false,
        },
        ms(5),
    );
    world.run_plans_for(ms(1_000))?;
    world.end_plans();
    world.start(S1)?;
    world.expect("all is answered", ms(5_000), |world| {
        Ok(world.workload_is_done())
    })?;
    let mut written = 0;
    for operation in world.history() {
        let (at, answer) = operation.reply.as_ref().expect("all is answered");
        match codec::from_bytes(&operation.command).unwrap() {
            Command::Write(value) => written = value,
            _ => {
                let answer: Output = codec::from_bytes(answer).unwrap();
                if answer != Output::Value(written) {
                    let text = format!("{written} was written, and then {answer:?} was read");
                    return Err(world.violation_at(at.at, text));
                }
            }
        }
    }
    Ok(())
}

fn run(seed: u64, mode: Mode) -> Result<(Result<(), Violation>, Facts), Error> {
    replies_before_sync(|| {
        let mut backend = InProcess::new(lab);
        let mut trial = Trial::new(&mut backend, 3, seed, mode);
        let outcome = trial.run(Setup::new(nodes(), Conditions::bad()), reads_its_writes);
        let outcome = outcome.map_err(|stop| match stop {
            Stop::Violation(violation) => violation,
            Stop::Broken(why) => panic!("{why}"),
        });
        Ok((outcome, trial.finish()))
    })
}

/// The first seed with which a write is lost, recorded.
fn failing() -> (u64, Violation, Facts) {
    let fails = |seed: &u64| run(*seed, Mode::default()).unwrap().0.is_err();
    let seed = (0..200).find(fails).expect("some seed finds it");
    let (outcome, facts) = run(seed, Mode::recorded()).unwrap();
    (seed, outcome.unwrap_err(), facts)
}

#[test]
fn a_lost_write_needs_one_crash_and_few_operations() {
    let (seed, violation, facts) = failing();
    let whole = facts.recording.as_ref().unwrap();
    assert!(
        whole.decided.operations.len() == 40 && whole.decided.faults.len() > 1,
        "{:?}",
        whole.decided.operations
    );
    let shrunk = shrink(&|mode| run(seed, mode), &violation, &facts, ALONE)
        .unwrap()
        .expect("it becomes smaller");
    assert!(same(&shrunk.violation, &violation));
    let operations: Vec<u64> = shrunk
        .edits
        .operations
        .iter()
        .flatten()
        .map(|kept| kept.nth % 2)
        .collect();
    // Others may have to stay for the crash to fall between the two effects of the write.
    assert!(
        operations.ends_with(&[0, 1]) && operations.len() <= 4,
        "a write and a read: {:?}",
        shrunk.edits
    );
    assert_eq!(
        shrunk.edits.faults.as_ref().map(Vec::len),
        Some(1),
        "{:?}",
        shrunk.edits
    );
    assert_eq!(
        shrunk.edits.noise,
        Some(Vec::new()),
        "the network has nothing to do with it"
    );
    let small = shrunk.facts.recording.unwrap();
    assert!(
        small.steps.len() * 4 < whole.steps.len(),
        "{} of {}",
        small.steps.len(),
        whole.steps.len()
    );
    assert!(shrunk.runs <= ALONE.runs + 2);
}

#[test]
fn the_result_is_the_same_each_time_and_bounded_by_the_budget() {
    let (seed, violation, facts) = failing();
    let small = |budget: Budget| {
        let shrunk = shrink(&|mode| run(seed, mode), &violation, &facts, budget).unwrap();
        shrunk.map(|shrunk| (shrunk.edits, shrunk.schedule, shrunk.runs))
    };
    assert_eq!(small(ALONE), small(ALONE));
    let (_, _, runs) =
        small(Budget { runs: 10, ..ALONE }).expect("ten runs are enough for something");
    assert!(runs <= 10 + 3, "{runs}");
    assert_eq!(small(Budget { runs: 0, ..ALONE }), None);
    assert_eq!(Budget::share(1).events, ALONE.events);
    assert_eq!(Budget::share(80).events, TOGETHER / 80);
}

/// Both clients write at the same time, long numbers where short ones would do.
struct AtOnce;

impl Workload for AtOnce {
    fn next(&mut self, _: NodeId, nth: u64) -> Option<(Duration, Vec<u8>)> {
        (nth < 10).then(|| {
            (
                ms(5),
                codec::to_bytes(&Command::Write(1_000_000 + nth)).unwrap(),
            )
        })
    }

    fn plainer(&self, client: NodeId, _: u64) -> Option<Vec<u8>> {
        Some(codec::to_bytes(&Command::Write(u64::from(client.number()))).unwrap())
    }
}

/// A "failure" that needs a write of each client, but neither at the same time nor of these
/// values.
fn both_write(mode: Mode) -> Result<(Result<(), Violation>, Facts), Error> {
    let mut backend = InProcess::new(lab);
    let mut trial = Trial::new(&mut backend, 3, 1, mode);
    let outcome = trial.run(Setup::new(nodes(), Conditions::bad()), |world| {
        world.set_workload(AtOnce);
        world.expect("all is answered", ms(9_000), |world| {
            Ok(world.workload_is_done())
        })?;
        let wrote = |client| {
            world
                .history()
                .iter()
                .any(|operation| operation.client == client)
        };
        if wrote(C1) && wrote(C2) {
            Err(world.violation("both wrote".to_owned()))
        } else {
            Ok(())
        }
    });
    let outcome = outcome.map_err(|stop| match stop {
        Stop::Violation(violation) => violation,
        Stop::Broken(why) => panic!("{why}"),
    });
    Ok((outcome, trial.finish()))
}

#[test]
fn operations_that_need_not_overlap_come_one_after_the_other_with_plain_values() {
    let (outcome, facts) = both_write(Mode::recorded()).unwrap();
    let shrunk = shrink(
        &|mode| both_write(mode),
        &outcome.unwrap_err(),
        &facts,
        ALONE,
    )
    .unwrap()
    .unwrap();
    let steps = shrunk.facts.recording.unwrap().steps;
    let told: Vec<String> = steps
        .iter()
        .filter_map(|step| match &step.what {
            Happening::Invoke { node, command } => Some(format!("{node} {command}")),
            Happening::Respond { node, .. } => Some(format!("{node} answered")),
            _ => None,
        })
        .collect();
    let one_by_one = |first: &str, second: &str| {
        [first, second]
            .map(|of| {
                [
                    format!("{of} Write({})", &of[1..]),
                    format!("{of} answered"),
                ]
            })
            .concat()
    };
    assert!(
        told == one_by_one("c1", "c2") || told == one_by_one("c2", "c1"),
        "{told:?}"
    );
}

#[test]
fn what_a_smaller_run_cannot_show_is_left_alone() {
    let (seed, violation, facts) = failing();
    for kind in [
        FailureKind::NotImplemented,
        FailureKind::Timeout,
        FailureKind::Memory,
    ] {
        let violation = Violation {
            kind,
            ..violation.clone()
        };
        assert!(
            shrink(&|mode| run(seed, mode), &violation, &facts, ALONE)
                .unwrap()
                .is_none()
        );
    }
    // A failure in another place is another failure.
    let other = Violation {
        source: "elsewhere".to_owned(),
        ..violation
    };
    assert!(
        shrink(&|mode| run(seed, mode), &other, &facts, ALONE)
            .unwrap()
            .is_none()
    );
}
