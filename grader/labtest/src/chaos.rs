//! The three phases of a chaos test: a healthy world in which something must be answered, faults,
//! and a healed world in which everything must come to an end. (Swarm testing: A. Groce et al.,
//! ISSTA 2012, is why each run has a random subset of the faults only.)

use std::time::Duration;

use faultline_sim::{Conditions, Outcome, Workload, World, ms};
use labkit::NodeId;

/// Range of the delays of late messages.
pub const LATE: std::ops::RangeInclusive<Duration> = ms(30)..=ms(500);

/// A network that may be bad, and on which single messages may be late (60 of 1,000, by up to half
/// a second).
pub fn network(bad: bool, late: bool) -> Conditions {
    let mut conditions = match bad {
        true => Conditions::bad(),
        false => Conditions::clean(),
    };
    if late {
        (conditions.stragglers, conditions.straggle) = (60, LATE);
    }
    conditions
}

/// A setting and what is drawn for this run, in words.
pub fn with_faults(mut setting: String, faults: &[(bool, &str)]) -> String {
    for (_, what) in faults.iter().filter(|(on, _)| *on) {
        setting += &format!("; {what}");
    }
    setting
}

/// Without crashes and cuts at first: some operation must be answered within this time, or nothing
/// that follows means anything.
///
/// # Errors
/// No progress, if none is.
#[track_caller]
pub fn healthy(
    world: &mut World<'_>,
    workload: impl Workload + 'static,
    within: Duration,
) -> Outcome {
    world.phase("healthy");
    world.set_workload(workload);
    // A run that was shrunk begins its faults when the whole run began them.
    if let Some(until) = world.plans_began() {
        return world.run_for(until.since(world.now()));
    }
    let what = "an operation is answered in a healthy world";
    world.expect(what, within, |world| {
        let mut history = world.history().iter();
        Ok(history.any(|operation| operation.reply.is_some()))
    })
}

/// Ends all faults but for nodes that are down.
///
/// # Errors
/// What the world has against it.
pub fn heal(world: &mut World<'_>) -> Outcome {
    world.phase("healed");
    world.end_plans();
    world.set_conditions(Conditions::clean());
    world.heal()
}

/// Starts those of these nodes that are down.
///
/// # Errors
/// What the world has against it.
pub fn start_all(world: &mut World<'_>, nodes: &[NodeId]) -> Outcome {
    for node in nodes {
        if world.is_down(*node) {
            world.start(*node)?;
        }
    }
    Ok(())
}
