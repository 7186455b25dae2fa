//! The ways that lead out of a state. All of them are looked up; a state is only built if it is
//! new.

use crate::{
    intern::NONE,
    space::{
        ONE_CRASH, ONE_DUPLICATE, ONE_LOSS, ONE_LOST_DISK, Space, affords, local_hash, rest_hash,
        spend,
    },
    steps::{Flight, Outcome, Step, flight_hash},
};

/// How a state is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The message that is delivered or lost, or [`NONE`].
    pub flight: u32,
    /// The outcome of the step, or [`NONE`]: the message is lost.
    pub outcome: u32,
    /// The message stays in the network, to be delivered once more.
    pub keeps: bool,
    /// What there is outside nodes and network after it.
    pub outside: u32,
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
    Watch { outside: u32, happenings: u32 },
}

/// A state that is being left.
struct Leaving<'s, W> {
    space: &'s Space<'s>,
    state: &'s [u32],
    print: u64,
    budget: u32,
    outside: u32,
    /// The part of the print that budget and outside make.
    rest: u64,
    needs: &'s mut Vec<Need>,
    way: W,
    /// Some outcomes may be left for later.
    guided: bool,
    /// The world can go on by itself.
    goes_on: bool,
}

impl Space<'_> {
    /// All ways out of a state, in a fixed order. What is not known yet is put into `needs`; then
    /// the list of ways is not complete. Returns whether the world can go on by itself, without a
    /// fault.
    ///
    /// Time: one lookup for each node and each different message in the network.
    pub fn ways(
        &self,
        state: &[u32],
        print: u64,
        needs: &mut Vec<Need>,
        way: impl FnMut(Way),
    ) -> bool {
        let (budget, outside) = (self.budget(state), self.outside(state));
        let rest = rest_hash(budget, outside);
        let guided = self.guidance.bars_outcomes();
        let mut leaving = Leaving {
            space: self,
            state,
            print,
            budget,
            outside,
            rest,
            needs,
            way,
            guided,
            goes_on: false,
        };
        for local in &state[..self.nodes()] {
            leaving.step(Step {
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
            leaving.step(Step { local, flight });
        }
        if affords(budget, ONE_LOSS) {
            distinct().for_each(|flight| leaving.lose(flight));
        }
        leaving.goes_on
    }
}

impl<W: FnMut(Way)> Leaving<'_, W> {
    #[inline]
    fn step(&mut self, step: Step) {
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

    fn affords_crash(&self, outcome: &Outcome) -> bool {
        affords(self.budget, ONE_CRASH)
            && (!outcome.loses_disk || affords(self.budget, ONE_LOST_DISK))
    }

    /// Whether a stage leaves this for later.
    fn is_for_later(&self, outcome: &Outcome) -> bool {
        let slot = self.space.steps.slots[outcome.local as usize];
        let what = outcome
            .parts
            .first()
            .expect("every outcome has a part")
            .what;
        self.space.guidance.bars(slot, what, outcome.crash)
    }

    /// An outcome as a way; the message that it began with stays, or is gone.
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
            return (self.way)(Way::Broken {
                choice,
                why: Broken::Fault(outcome.fault),
            });
        }
        if outcome.happenings != 0 {
            let (outside, happenings) = (self.outside, outcome.happenings);
            match self.space.watch.after(outside, happenings) {
                Some(Ok(after)) => choice.outside = after,
                Some(Err(fault)) => {
                    return (self.way)(Way::Broken {
                        choice,
                        why: Broken::Monitor(fault),
                    });
                }
                None => {
                    return self.needs.push(Need::Watch {
                        outside,
                        happenings,
                    });
                }
            }
        }
        let gone = if keeps { NONE } else { flight };
        let before = self.state[usize::from(self.space.steps.slots[outcome.local as usize])];
        let mut print = self
            .print
            .wrapping_sub(local_hash(before))
            .wrapping_add(local_hash(outcome.local));
        if gone != NONE {
            print = print.wrapping_sub(flight_hash(gone));
        }
        let sent = match self.space.model.copies {
            usize::MAX => outcome.sends_hash,
            _ => self
                .space
                .sent(self.state, gone, outcome)
                .map(flight_hash)
                .fold(0, u64::wrapping_add),
        };
        print = print.wrapping_add(sent);
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
        if (left, choice.outside) != (self.budget, self.outside) {
            print = print
                .wrapping_sub(self.rest)
                .wrapping_add(rest_hash(left, choice.outside));
        }
        (self.way)(Way::To { print, choice });
    }

    fn lose(&mut self, flight: u32) {
        let left = spend(self.budget, ONE_LOSS);
        let print = self
            .print
            .wrapping_sub(flight_hash(flight))
            .wrapping_sub(self.rest);
        let print = print.wrapping_add(rest_hash(left, self.outside));
        (self.way)(Way::To {
            print,
            choice: Choice {
                flight,
                outcome: NONE,
                keeps: false,
                outside: self.outside,
            },
        });
    }
}
