//! Looking at a recorded world after each of its steps.

use std::collections::VecDeque;

use faultline_sim::{
    Conditions, Detail, Doing, Happening, Mode, Outcome, RecordedStep, Recording, Setup, World, ms,
};

use super::register::{C1, S1, nodes};
use super::{run, write};

/// A write, and time for its answer.
fn script(world: &mut World<'_>) -> Outcome {
    world.run_for(ms(1))?;
    world.invoke(C1, write(7))?;
    world.run_for(ms(40))
}

fn looked_at() -> Recording {
    let mode = Mode {
        record: Some(Detail::Worlds((1..=1_000).collect())),
        ..Mode::default()
    };
    let (outcome, facts) = run(mode, Setup::new(nodes(), Conditions::steady()), script);
    outcome.unwrap();
    facts.recording.unwrap()
}

#[test]
fn looking_at_a_recorded_world_changes_nothing() {
    let (outcome, plain) = run(
        Mode::recorded(),
        Setup::new(nodes(), Conditions::steady()),
        script,
    );
    outcome.unwrap();
    let (plain, looked_at) = (plain.recording.unwrap(), looked_at());
    assert_eq!(plain.schedule, looked_at.schedule);
    let words = |steps: &VecDeque<RecordedStep>| {
        steps
            .iter()
            .map(|step| (step.at, step.what.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(words(&plain.steps), words(&looked_at.steps));
    assert!(
        plain
            .steps
            .iter()
            .all(|step| step.state.is_none() && step.world.is_none())
    );
}

#[test]
fn a_recorded_world_can_be_looked_at_after_each_step() {
    let looked_at = looked_at();
    let after = |is: fn(&Happening) -> bool| {
        let step = looked_at
            .steps
            .iter()
            .find(|step| is(&step.what))
            .expect("it happened");
        (step, step.world.as_ref().expect("all worlds are kept"))
    };
    // The write has reached the server: the node has it, the disk only so far as no crash comes,
    // and the reply waits.
    let (step, world) = after(|what| matches!(what, Happening::Receive { node: S1, .. }));
    let change = step.state.as_ref().unwrap();
    assert!(
        change.before.as_ref().unwrap().contains("value: 0"),
        "{change:?}"
    );
    assert!(
        change.after.as_ref().unwrap().contains("value: 7"),
        "{change:?}"
    );
    let server = &world.nodes[0];
    assert_eq!(
        (server.condition, server.behind_sync, server.waiting),
        (Doing::Syncing, 1, 0)
    );
    assert_eq!(
        (server.disk[0].synced.clone(), server.disk[0].unsynced.len()),
        (None, 1)
    );
    assert!(world.flights.is_empty(), "{:?}", world.flights);
    // The next tick of the server is still to come; that of the client's retry, too.
    assert_eq!(server.timers.len(), 1);
    assert!(server.timers[0].0 > step.at);
    // Once the client has its answer, its disk holds the value.
    let (_, world) = after(|what| matches!(what, Happening::Respond { .. }));
    assert_eq!(world.nodes[0].condition, Doing::Up);
    assert!(world.nodes[0].disk[0].synced.is_some() && world.nodes[0].disk[0].unsynced.is_empty());
    // A request is under way between the client's call and its arrival.
    let (step, world) = after(|what| matches!(what, Happening::Invoke { .. }));
    assert_eq!((world.flights[0].from, world.flights[0].to), (C1, S1));
    assert!(
        world.flights[0].arrives.unwrap() > step.at && world.flights[0].message.contains("Request")
    );
}

/// However long a run is, what somebody wants to look at is there: steps are forgotten, not these.
#[test]
fn steps_to_look_at_are_kept_in_a_run_of_any_length() {
    let chatter = |world: &mut World<'_>| {
        world.run_for(ms(1))?;
        for round in 0..60_000u64 {
            world.remark(format!("remark {round}"));
        }
        Ok(())
    };
    let looked_at = |numbers: &[u64]| {
        let mode = Mode {
            record: Some(Detail::Worlds(numbers.iter().copied().collect())),
            ..Mode::default()
        };
        let (outcome, facts) = run(mode, Setup::new(nodes(), Conditions::steady()), chatter);
        outcome.unwrap();
        facts.recording.unwrap()
    };
    let recording = looked_at(&[2, 7_000, 59_000]);
    assert!(recording.forgotten > 7_000, "{}", recording.forgotten);
    let early: Vec<u64> = recording
        .looked_at
        .iter()
        .map(|(number, _)| *number)
        .collect();
    assert_eq!(early, [2, 7_000]);
    assert!(
        recording
            .looked_at
            .iter()
            .all(|(_, step)| step.world.is_some())
    );
    let shown = recording.steps.iter().filter(|step| step.world.is_some());
    assert_eq!(shown.count(), 1, "and only these have a world");
}
