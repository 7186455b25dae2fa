//! The transitions out of a state. All of them are looked up; a state is only built if it is
//! new.

use crate::{
    calls::Machine,
    choice::{Broken, Choice, Need, Transition},
    error::Error,
    intern::NONE,
    space::{
        ONE_CRASH, ONE_DUPLICATE, ONE_LOSS, ONE_LOST_DISK, Space, affords, local_hash, rest_hash,
        spend,
    },
    steps::{Flight, LocalStep, StepOutcome, flight_hash},
};

/// A state that is being left.
struct Leaving<'s, W> {
    space: &'s Space<'s>,
    state: &'s [u32],
    fingerprint: u64,
    budget: u32,
    outside: u32,
    /// The part of the fingerprint that budget and outside make.
    rest: u64,
    needs: &'s mut Vec<Need>,
    transition: W,
    /// Some outcomes may be left for later.
    guided: bool,
    /// The world can go on by itself.
    goes_on: bool,
}

impl Space<'_> {
    /// All transitions out of a state, whatever has to be worked out for it.
    pub fn all_transitions(
        &mut self,
        state: &[u32],
        machine: &Machine<'_>,
    ) -> Result<(Vec<Transition>, bool), Error> {
        loop {
            let (mut needs, mut transitions) = (Vec::new(), Vec::new());
            let goes_on =
                self.transitions(state, self.fingerprint(state), &mut needs, |transition| {
                    transitions.push(transition)
                });
            if needs.is_empty() {
                return Ok((transitions, goes_on));
            }
            self.resolve(&needs, machine)?;
        }
    }

    /// All transitions out of a state, in a fixed order. What is not known yet is put into `needs`;
    /// then the list of transitions is not complete. Returns whether the world can go on by itself,
    /// without a fault.
    ///
    /// Time: one lookup for each node and each different message in the network.
    pub fn transitions(
        &self,
        state: &[u32],
        fingerprint: u64,
        needs: &mut Vec<Need>,
        transition: impl FnMut(Transition),
    ) -> bool {
        let (budget, outside) = (self.budget(state), self.outside(state));
        let rest = rest_hash(budget, outside);
        let guided = self.guidance.bars_outcomes();
        let mut leaving = Leaving {
            space: self,
            state,
            fingerprint,
            budget,
            outside,
            rest,
            needs,
            transition,
            guided,
            goes_on: false,
        };
        for local in &state[..self.nodes()] {
            leaving.step(LocalStep {
                local: *local,
                flight: NONE,
            });
        }
        // Equal messages stand side by side, and one of them is as good as another.
        let network = self.network(state);
        let guidance = &self.guidance;
        let holds_nothing = guidance.holds_nothing();
        let is_held = |flight: u32| {
            let Flight { from, to, .. } = self.steps.flights[flight];
            guidance.held.contains(&(from, to)) || guidance.late.contains(&flight)
        };
        let distinct = || {
            let different = network
                .chunk_by(|one, other| one == other)
                .map(|equal| equal[0]);
            different.filter(|flight| holds_nothing || !is_held(*flight))
        };
        for flight in distinct() {
            let local = state[usize::from(self.steps.targets[flight as usize])];
            leaving.step(LocalStep { local, flight });
        }
        if affords(budget, ONE_LOSS) {
            distinct().for_each(|flight| leaving.lose(flight));
        }
        leaving.goes_on
    }
}

impl<W: FnMut(Transition)> Leaving<'_, W> {
    #[inline]
    fn step(&mut self, step: LocalStep) {
        let Some(outcomes) = self.space.steps.outcomes(step) else {
            return self.needs.push(Need::Step(step));
        };
        for number in outcomes {
            let outcome = &self.space.steps.outcomes[number];
            let crash = outcome.crash;
            if crash && !self.affords_crash(outcome) {
                continue;
            }
            if self.guided && self.is_for_later(outcome) {
                continue;
            }
            self.offer(step.flight, false, number);
            if step.flight != NONE && !crash && affords(self.budget, ONE_DUPLICATE) {
                self.offer(step.flight, true, number);
            }
        }
    }

    fn affords_crash(&self, outcome: &StepOutcome) -> bool {
        affords(self.budget, ONE_CRASH)
            && (!outcome.loses_disk || affords(self.budget, ONE_LOST_DISK))
    }

    /// Whether a stage leaves this for later.
    fn is_for_later(&self, outcome: &StepOutcome) -> bool {
        let node_index = self.space.steps.owners[outcome.local as usize];
        let trigger = outcome
            .parts
            .first()
            .expect("every outcome has a part")
            .trigger;
        self.space.guidance.bars(node_index, trigger, outcome.crash)
    }

    /// An outcome as a transition; the message that it began with stays, or is gone.
    #[inline]
    fn offer(&mut self, flight: u32, keeps: bool, number: usize) {
        let outcome = &self.space.steps.outcomes[number];
        self.goes_on |= !outcome.crash && !keeps;
        let mut choice = Choice {
            flight,
            outcome: number as u32,
            keeps,
            outside: self.outside,
        };
        if outcome.fault != NONE {
            return (self.transition)(Transition::Broken {
                choice,
                why: Broken::Fault(outcome.fault),
            });
        }
        if outcome.external_events != 0 {
            let (outside, external_events) = (self.outside, outcome.external_events);
            match self.space.watch.after(outside, external_events) {
                Some(Ok(after)) => choice.outside = after,
                Some(Err(fault)) => {
                    return (self.transition)(Transition::Broken {
                        choice,
                        why: Broken::Monitor(fault),
                    });
                }
                None => {
                    return self.needs.push(Need::Watch {
                        outside,
                        external_events,
                    });
                }
            }
        }
        let gone = if keeps { NONE } else { flight };
        let before = self.state[usize::from(self.space.steps.owners[outcome.local as usize])];
        let mut fingerprint = self
            .fingerprint
            .wrapping_sub(local_hash(before))
            .wrapping_add(local_hash(outcome.local));
        if gone != NONE {
            fingerprint = fingerprint.wrapping_sub(flight_hash(gone));
        }
        let sent = match self.space.model.copies {
            usize::MAX => outcome.sends_hash,
            _ => self
                .space
                .sent(self.state, gone, outcome)
                .map(flight_hash)
                .fold(0, u64::wrapping_add),
        };
        fingerprint = fingerprint.wrapping_add(sent);
        let left = self.budget_after(outcome, keeps);
        if (left, choice.outside) != (self.budget, self.outside) {
            fingerprint = fingerprint
                .wrapping_sub(self.rest)
                .wrapping_add(rest_hash(left, choice.outside));
        }
        (self.transition)(Transition::To {
            fingerprint,
            choice,
        });
    }

    #[inline]
    fn budget_after(&self, outcome: &StepOutcome, keeps: bool) -> u32 {
        let mut left = self.budget;
        if outcome.crash {
            left = spend(left, ONE_CRASH);
        }
        if outcome.loses_disk {
            left = spend(left, ONE_LOST_DISK);
        }
        if keeps {
            left = spend(left, ONE_DUPLICATE);
        }
        left
    }

    fn lose(&mut self, flight: u32) {
        let left = spend(self.budget, ONE_LOSS);
        let fingerprint = self
            .fingerprint
            .wrapping_sub(flight_hash(flight))
            .wrapping_sub(self.rest);
        let fingerprint = fingerprint.wrapping_add(rest_hash(left, self.outside));
        (self.transition)(Transition::To {
            fingerprint,
            choice: Choice {
                flight,
                outcome: NONE,
                keeps: false,
                outside: self.outside,
            },
        });
    }
}
