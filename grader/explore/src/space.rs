//! States of the whole world as short lists of numbers, and the ways that lead from one to the next.
//!
//! A state is `[local of each node, budget, monitor, flights in ascending order]`. Its *print* is a 64-bit hash, a sum
//! over its parts, so that the print of a successor costs a few additions, and a successor that was seen before is
//! never built at all.

use faultline_sim::choice::mix;

use crate::{
    calls::Machine,
    error::Error,
    intern::NONE,
    local::Local,
    model::{Faults, Model},
    monitor::Watch,
    steps::{Outcome, Step, Steps, flight_hash},
};

/// Everything that is known about a world so far. Looking things up needs no lock: only [`Space::resolve`] adds to it.
pub(crate) struct Space<'m> {
    pub model: &'m Model,
    pub steps: Steps,
    pub watch: Watch,
}

/// How a state is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The message that is delivered or lost, or [`NONE`].
    pub flight: u32,
    /// The outcome of the step, or [`NONE`]: the message is lost.
    pub outcome: u32,
    /// The message stays in the network, to be delivered once more.
    pub keeps: bool,
    /// The monitor's state after it.
    pub monitor: u32,
}

/// A way that leads on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    To {
        print: u64,
        choice: Choice,
    },
    /// The program breaks a promise here.
    Broken {
        choice: Choice,
        why: Broken,
    },
}

/// Which promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// A number of [`Steps::faults`].
    Fault(u32),
    /// A number of [`Watch::faults`].
    Monitor(u32),
}

/// What must be worked out before a state can be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Step(Step),
    Watch { monitor: u32, happenings: u32 },
}

/// How many faults are left, as one number.
fn budget(faults: Faults) -> u32 {
    u32::from(faults.crashes) | u32::from(faults.losses) << 8 | u32::from(faults.duplicates) << 16
}

const ONE_CRASH: u32 = 1;
const ONE_LOSS: u32 = 1 << 8;
const ONE_DUPLICATE: u32 = 1 << 16;

/// The budget after one more fault of this kind.
#[inline]
fn spend(budget: u32, one: u32) -> u32 {
    let unlimited = (budget / one) & 0xff == u32::from(Faults::UNLIMITED);
    if unlimited { budget } else { budget - one }
}

/// Whether one more fault of this kind may happen.
#[inline]
fn affords(budget: u32, one: u32) -> bool {
    (budget / one) & 0xff != 0
}

#[inline]
fn local_hash(local: u32) -> u64 {
    mix(u64::from(local) | 2 << 32)
}

#[inline]
fn rest_hash(budget: u32, monitor: u32) -> u64 {
    mix(u64::from(budget) | 3 << 32).wrapping_add(mix(u64::from(monitor) | 4 << 32))
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

    pub fn monitor(&self, state: &[u32]) -> u32 {
        state[self.nodes() + 1]
    }

    fn budget(&self, state: &[u32]) -> u32 {
        state[self.nodes()]
    }

    /// The world before anything runs.
    pub fn empty_state(&mut self) -> Vec<u32> {
        let nothing = self.steps.nothing;
        let mut state: Vec<u32> =
            (0..self.nodes()).map(|slot| self.steps.intern_local(Local::new(slot as u16, nothing))).collect();
        state.extend([budget(self.model.faults), 0]);
        state
    }

    /// The hash of a state.
    pub fn print(&self, state: &[u32]) -> u64 {
        let locals = state[..self.nodes()].iter().map(|local| local_hash(*local));
        let flights = self.network(state).iter().map(|flight| flight_hash(*flight));
        let rest = rest_hash(self.budget(state), self.monitor(state));
        locals.chain(flights).fold(rest, u64::wrapping_add)
    }

    /// All ways out of a state, in a fixed order. What is not known yet is put into `needs`; then the list of ways is
    /// not complete. Returns whether the world can go on by itself, without a fault.
    ///
    /// Time: one lookup for each node and each different message in the network.
    pub fn ways(&self, state: &[u32], print: u64, needs: &mut Vec<Need>, mut way: impl FnMut(Way)) -> bool {
        let (budget, monitor) = (self.budget(state), self.monitor(state));
        let rest = rest_hash(budget, monitor);
        let mut goes_on = false;
        let mut offer = |flight: u32, keeps: bool, number: usize, outcome: &Outcome, needs: &mut Vec<Need>| {
            let mut left = budget;
            if outcome.crash {
                if !affords(left, ONE_CRASH) {
                    return;
                }
                left = spend(left, ONE_CRASH);
            }
            if keeps {
                left = spend(left, ONE_DUPLICATE);
            }
            goes_on |= !outcome.crash && !keeps;
            let mut choice = Choice { flight, outcome: number as u32, keeps, monitor };
            if outcome.fault != NONE {
                return way(Way::Broken { choice, why: Broken::Fault(outcome.fault) });
            }
            if outcome.happenings != 0 {
                match self.watch.after(monitor, outcome.happenings) {
                    Some(Ok(after)) => choice.monitor = after,
                    Some(Err(fault)) => return way(Way::Broken { choice, why: Broken::Monitor(fault) }),
                    None => return needs.push(Need::Watch { monitor, happenings: outcome.happenings }),
                }
            }
            let before = state[usize::from(self.steps.slots[outcome.local as usize])];
            let mut print = print.wrapping_sub(local_hash(before)).wrapping_add(local_hash(outcome.local));
            let sent = match self.model.copies {
                usize::MAX => outcome.sends_hash,
                _ => {
                    let gone = if keeps { NONE } else { flight };
                    self.sent(state, gone, outcome).map(flight_hash).fold(0, u64::wrapping_add)
                }
            };
            print = print.wrapping_add(sent);
            if flight != NONE && !keeps {
                print = print.wrapping_sub(flight_hash(flight));
            }
            if (left, choice.monitor) != (budget, monitor) {
                print = print.wrapping_sub(rest).wrapping_add(rest_hash(left, choice.monitor));
            }
            way(Way::To { print, choice });
        };
        for local in &state[..self.nodes()] {
            let step = Step { local: *local, flight: NONE };
            match self.steps.outcomes(step) {
                None => needs.push(Need::Step(step)),
                Some(range) => range.for_each(|at| offer(NONE, false, at, &self.steps.outcomes[at], needs)),
            }
        }
        let mut last = NONE;
        for flight in self.network(state).iter().copied() {
            if flight == last {
                continue;
            }
            last = flight;
            let step = Step { local: state[usize::from(self.steps.targets[flight as usize])], flight };
            match self.steps.outcomes(step) {
                None => needs.push(Need::Step(step)),
                Some(range) => {
                    for at in range {
                        let outcome = &self.steps.outcomes[at];
                        offer(flight, false, at, outcome, needs);
                        if affords(budget, ONE_DUPLICATE) && !outcome.crash {
                            offer(flight, true, at, outcome, needs);
                        }
                    }
                }
            }
        }
        if affords(budget, ONE_LOSS) {
            last = NONE;
            for flight in
                self.network(state).iter().copied().filter(|flight| std::mem::replace(&mut last, *flight) != *flight)
            {
                let print = print.wrapping_sub(flight_hash(flight)).wrapping_sub(rest);
                let print = print.wrapping_add(rest_hash(spend(budget, ONE_LOSS), monitor));
                way(Way::To { print, choice: Choice { flight, outcome: NONE, keeps: false, monitor } });
            }
        }
        goes_on
    }

    /// What of an outcome's messages gets into the network, from which one message is gone.
    fn sent<'o>(&self, state: &'o [u32], gone: u32, outcome: &'o Outcome) -> impl Iterator<Item = u32> + 'o {
        let (network, copies) = (&state[self.header()..], self.model.copies);
        outcome.sends.iter().copied().enumerate().filter_map(move |(nth, flight)| {
            let equal = |other: &&u32| **other == flight;
            let there = network.iter().filter(equal).count() - usize::from(flight == gone);
            (there + outcome.sends[..nth].iter().filter(equal).count() < copies).then_some(flight)
        })
    }

    /// The state to which a choice leads, behind whatever is in `out`.
    pub fn go(&self, state: &[u32], choice: Choice, out: &mut Vec<u32>) {
        let begin = out.len();
        out.extend_from_slice(&state[..self.header()]);
        let gone = if choice.keeps { NONE } else { choice.flight };
        let network = self.network(state);
        let at = network.iter().position(|flight| *flight == gone).unwrap_or(network.len());
        out.extend_from_slice(&network[..at]);
        out.extend_from_slice(network.get(at + 1..).unwrap_or_default());
        let header = self.header();
        let here = &mut out[begin..];
        here[header - 1] = choice.monitor;
        if choice.keeps {
            here[header - 2] = spend(here[header - 2], ONE_DUPLICATE);
        }
        if choice.outcome == NONE {
            here[header - 2] = spend(here[header - 2], ONE_LOSS);
            return;
        }
        let outcome = &self.steps.outcomes[choice.outcome as usize];
        here[usize::from(self.steps.slots[outcome.local as usize])] = outcome.local;
        if outcome.crash {
            here[header - 2] = spend(here[header - 2], ONE_CRASH);
        }
        for flight in self.sent(state, gone, outcome) {
            let network = &out[begin + header..];
            let at = begin + header + network.partition_point(|other| *other < flight);
            out.insert(at, flight);
        }
    }

    /// Works out what is needed; numbers are given in the order of the needs.
    pub fn resolve(&mut self, needs: &[Need], machine: &Machine<'_>) -> Result<(), Error> {
        let steps: Vec<Step> = needs
            .iter()
            .filter_map(|need| match need {
                Need::Step(step) => Some(*step),
                Need::Watch { .. } => None,
            })
            .collect();
        self.steps.resolve(&steps, self.model, machine)?;
        for need in needs {
            if let Need::Watch { monitor, happenings } = need {
                let seen = &self.steps.happenings[*happenings];
                self.watch.resolve(*monitor, *happenings, seen, &self.steps.calls, self.model);
            }
        }
        Ok(())
    }

    /// All ways out of a state, whatever has to be worked out for it.
    pub fn all_ways(&mut self, state: &[u32], machine: &Machine<'_>) -> Result<(Vec<Way>, bool), Error> {
        loop {
            let (mut needs, mut ways) = (Vec::new(), Vec::new());
            let goes_on = self.ways(state, self.print(state), &mut needs, |way| ways.push(way));
            if needs.is_empty() {
                return Ok((ways, goes_on));
            }
            self.resolve(&needs, machine)?;
        }
    }

    /// What is wrong, in a sentence.
    pub fn broken(&self, why: Broken) -> String {
        match why {
            Broken::Fault(fault) => self.steps.faults[fault as usize].clone(),
            Broken::Monitor(fault) => self.watch.faults[fault as usize].clone(),
        }
    }
}
