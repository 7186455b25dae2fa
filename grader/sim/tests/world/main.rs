//! The world's promises, with a small register service whose nodes live in this process.

mod faults;
mod frames;
mod limits;
#[path = "../register/mod.rs"]
mod register;
mod replaying;

use std::sync::Arc;

use faultline_sim::{
    Edits, Mode, Outcome, Schedule, Setup, Stop, Trial, Violation, World, in_process::InProcess, ms,
};

use labkit::codec;

use register::{Command, Output, lab};

/// Runs one world and returns what came out, with the recording.
fn run(
    mode: Mode,
    setup: Setup,
    test: impl FnOnce(&mut World<'_>) -> Outcome,
) -> (Outcome, faultline_sim::Facts) {
    let mut backend = InProcess::new(lab);
    let mut trial = Trial::new(&mut backend, 0, 42, mode);
    let outcome = trial.run(setup, test);
    (outcome, trial.finish())
}

fn plain(setup: Setup, test: impl FnOnce(&mut World<'_>) -> Outcome) -> Outcome {
    run(Mode::default(), setup, test).0
}

fn recorded_with(edits: Arc<Edits>) -> Mode {
    Mode {
        edits: Some(edits),
        ..Mode::recorded()
    }
}

fn replay(schedule: Schedule) -> Mode {
    Mode {
        schedule: Some(schedule),
        ..Mode::recorded()
    }
}

fn violation(outcome: Outcome) -> Violation {
    match outcome {
        Err(Stop::Violation(violation)) => violation,
        other => panic!("expected a violation, got {other:?}"),
    }
}

fn write(value: u64) -> Vec<u8> {
    codec::to_bytes(&Command::Write(value)).unwrap()
}

fn read() -> Vec<u8> {
    codec::to_bytes(&Command::Read).unwrap()
}

fn answered(world: &mut World<'_>, client: labkit::NodeId) -> Outcome<Output> {
    let open = |world: &World<'_>| {
        world
            .history()
            .iter()
            .rposition(|operation| operation.client == client)
            .unwrap()
    };
    let index = open(world);
    world.expect("an answer", ms(2_000), |world| {
        Ok(world.history()[index].reply.is_some())
    })?;
    Ok(codec::from_bytes(&world.history()[index].reply.as_ref().unwrap().1).unwrap())
}
