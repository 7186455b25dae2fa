//! States of the whole world as short lists of numbers.
//!
//! A state is `[local of each node, budget, outside, flights in ascending order]`. Its
//! *fingerprint* is a 64-bit hash, a sum over its parts, so that the fingerprint of a successor
//! costs a few additions, and a successor that was seen before is never built at all.

use faultline_sim::choice::mix;

use crate::{
    calls::Machine,
    choice::{Broken, Choice, Need},
    error::Error,
    guidance::Guidance,
    intern::NONE,
    local::Local,
    model::{Faults, Model},
    monitor::Watch,
    steps::{LocalStep, StepOutcome, StepTable, flight_hash},
};

/// Everything that is known about a world so far. Looking things up needs no lock: only
/// [`Space::resolve`] adds to it.
pub(crate) struct Space<'m> {
    pub model: &'m Model,
    pub steps: StepTable,
    pub watch: Watch,
    pub guidance: Guidance,
}

/// How many faults are left, as one number.
fn budget(faults: Faults) -> u32 {
    let [crashes, losses, duplicates, lost_disks] = [
        faults.crashes,
        faults.losses,
        faults.duplicates,
        faults.lost_disks,
    ]
    .map(u32::from);
    crashes | losses << 8 | duplicates << 16 | lost_disks << 24
}

pub(crate) const ONE_CRASH: u32 = 1;
pub(crate) const ONE_LOSS: u32 = 1 << 8;
pub(crate) const ONE_DUPLICATE: u32 = 1 << 16;
pub(crate) const ONE_LOST_DISK: u32 = 1 << 24;

/// The budget after one more fault of this kind.
#[inline]
pub(crate) fn spend(budget: u32, one: u32) -> u32 {
    let unlimited = (budget / one) & 0xff == u32::from(Faults::UNLIMITED);
    if unlimited { budget } else { budget - one }
}

/// Whether one more fault of this kind may happen.
#[inline]
pub(crate) fn affords(budget: u32, one: u32) -> bool {
    (budget / one) & 0xff != 0
}

#[inline]
pub(crate) fn local_hash(local: u32) -> u64 {
    mix(u64::from(local) | 2 << 32)
}

#[inline]
pub(crate) fn rest_hash(budget: u32, outside: u32) -> u64 {
    mix(u64::from(budget) | 3 << 32).wrapping_add(mix(u64::from(outside) | 4 << 32))
}

impl Space<'_> {
    pub fn nodes(&self) -> usize {
        self.model.nodes.len()
    }

    fn header(&self) -> usize {
        self.nodes() + 2
    }

    /// The flights of a state, in ascending order.
    pub fn network<'s>(&self, state: &'s [u32]) -> &'s [u32] {
        &state[self.header()..]
    }

    /// The number of what there is outside nodes and network.
    pub fn outside(&self, state: &[u32]) -> u32 {
        state[self.nodes() + 1]
    }

    pub fn budget(&self, state: &[u32]) -> u32 {
        state[self.nodes()]
    }

    /// The world before anything runs.
    pub fn empty_state(&mut self) -> Vec<u32> {
        let nothing = self.steps.nothing;
        let mut state: Vec<u32> = (0..self.nodes())
            .map(|node_index| {
                self.steps
                    .intern_local(Local::new(node_index as u16, nothing))
            })
            .collect();
        state.extend([budget(self.model.faults), 0]);
        state
    }

    /// The hash of a state.
    pub fn fingerprint(&self, state: &[u32]) -> u64 {
        let locals = state[..self.nodes()].iter().map(|local| local_hash(*local));
        let flights = self
            .network(state)
            .iter()
            .map(|flight| flight_hash(*flight));
        let rest = rest_hash(self.budget(state), self.outside(state));
        locals.chain(flights).fold(rest, u64::wrapping_add)
    }

    /// What of an outcome's messages gets into the network, from which one message is gone.
    pub fn sent<'o>(
        &self,
        state: &'o [u32],
        gone: u32,
        outcome: &'o StepOutcome,
    ) -> impl Iterator<Item = u32> + 'o {
        let (network, copies) = (&state[self.header()..], self.model.copies);
        outcome
            .sends
            .iter()
            .copied()
            .enumerate()
            .filter_map(move |(nth, flight)| {
                let equal = |other: &&u32| **other == flight;
                let there = network.iter().filter(equal).count() - usize::from(flight == gone);
                (there + outcome.sends[..nth].iter().filter(equal).count() < copies)
                    .then_some(flight)
            })
    }

    /// The state to which a choice leads, behind whatever is in `out`.
    pub fn go(&self, state: &[u32], choice: Choice, out: &mut Vec<u32>) {
        let begin = out.len();
        out.extend_from_slice(&state[..self.header()]);
        let gone = if choice.keeps { NONE } else { choice.flight };
        let network = self.network(state);
        let at = network
            .iter()
            .position(|flight| *flight == gone)
            .unwrap_or(network.len());
        out.extend_from_slice(&network[..at]);
        out.extend_from_slice(network.get(at + 1..).unwrap_or_default());
        let header = self.header();
        let here = &mut out[begin..];
        here[header - 1] = choice.outside;
        if choice.keeps {
            here[header - 2] = spend(here[header - 2], ONE_DUPLICATE);
        }
        if choice.outcome == NONE {
            here[header - 2] = spend(here[header - 2], ONE_LOSS);
            return;
        }
        let outcome = &self.steps.outcomes[choice.outcome as usize];
        here[usize::from(self.steps.owners[outcome.local as usize])] = outcome.local;
        if outcome.crash {
            here[header - 2] = spend(here[header - 2], ONE_CRASH);
        }
        if outcome.loses_disk {
            here[header - 2] = spend(here[header - 2], ONE_LOST_DISK);
        }
        for flight in self.sent(state, gone, outcome) {
            let network = &out[begin + header..];
            let at = begin + header + network.partition_point(|other| *other < flight);
            out.insert(at, flight);
        }
    }

    /// Works out what is needed; numbers are given in the order of the needs.
    pub fn resolve(&mut self, needs: &[Need], machine: &Machine<'_>) -> Result<(), Error> {
        let steps: Vec<LocalStep> = needs
            .iter()
            .filter_map(|need| match need {
                Need::Step(step) => Some(*step),
                Need::Watch { .. } => None,
            })
            .collect();
        self.steps.resolve(&steps, self.model, machine)?;
        for need in needs {
            if let Need::Watch {
                outside,
                external_events,
            } = need
            {
                let seen = &self.steps.external_events[*external_events];
                self.watch.resolve(
                    *outside,
                    *external_events,
                    seen,
                    &self.steps.calls,
                    self.model,
                );
            }
        }
        Ok(())
    }

    /// What is wrong, in a sentence.
    pub fn broken(&self, why: Broken) -> String {
        match why {
            Broken::Fault(fault) => self.steps.faults[fault as usize].clone(),
            Broken::Monitor(fault) => self.watch.faults[fault as usize].clone(),
        }
    }
}
