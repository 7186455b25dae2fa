//! What shrinking may cost: bounded in runs and events, not in seconds, so the result is the same
//! on every machine.

use faultline_sim::Facts;

/// What shrinking one failure may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub runs: u64,
    /// What these runs may have done together, in events that nodes handled.
    pub events: u64,
}

/// What one failure may cost if it is alone, and what all failures of a submission may cost
/// together.
pub(super) const ALONE: Budget = Budget {
    runs: 300,
    events: 600_000,
};
pub(super) const TOGETHER: u64 = 6_000_000;

/// What starting the nodes of a run costs, in events; and how much computing costs as much as one.
const EVENTS_PER_RUN: u64 = 200;
const FUEL_PER_EVENT: u64 = 50_000;

impl Budget {
    /// The share of one of this number of failures.
    pub fn share(failures: usize) -> Budget {
        Budget {
            events: ALONE.events.min(TOGETHER / (failures as u64).max(1)),
            ..ALONE
        }
    }
}

/// What a run has cost, in events.
pub(super) fn cost(facts: &Facts) -> u64 {
    facts.phases.iter().map(|phase| phase.events).sum::<u64>()
        + EVENTS_PER_RUN
        + facts.fuel / FUEL_PER_EVENT
}
