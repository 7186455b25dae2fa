//! Shorter paths to the same failure.
//!
//! A breadth-first search finds a shortest path, a walk does not. So steps are left out, many at
//! once at first and then one by one, as long as what remains still fails in the same way (A.
//! Zeller, R. Hildebrandt: Simplifying and isolating failure-inducing input, 2002). A step is named
//! by what happens, not by where it leads, so that leaving out one renames no other; one that is
//! not possible any more is skipped.

use crate::{
    choice::{Choice, Transition},
    error::Error,
    explorer::Explorer,
    intern::NONE,
    search::{Failure, Judgement, Reached, Search},
    steps::Trigger,
    view::View,
};

/// What happens in a step, whatever the state is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Name {
    flight: u32,
    keeps: bool,
    lost: bool,
    node_index: u16,
    what: Option<TriggerName>,
    /// After how many effects of the last part there is a crash.
    crash: Option<u32>,
    loses_disk: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TriggerName {
    Deliver,
    Fire {
        timer: u32,
    },
    Synced,
    Worked,
    Invoke,
    Start,
    Crash,
    /// A puppet's; the outcome is that of this number.
    Say {
        outcome: u32,
    },
}

impl Explorer<'_> {
    /// The same failure, after fewer steps from `begin`; as it is if there are none. The path of
    /// `failure` must begin there.
    ///
    /// Time: at most about `n^2` tries for `n` steps, each of `n` steps; in practice a few `n`.
    ///
    /// # Errors
    /// A broken grader.
    pub fn shorten(
        &mut self,
        search: &Search<'_>,
        failure: Failure,
        begin: &Reached,
    ) -> Result<Failure, Error> {
        let mut best = failure;
        let mut names = self.names(&best.reached, begin);
        let mut size = names.len().div_ceil(2);
        while size > 0 {
            let mut at = 0;
            let before = names.len();
            while at < names.len() {
                let mut fewer = names.clone();
                fewer.drain(at..(at + size).min(names.len()));
                match self.try_names(search, &fewer, begin, &best)? {
                    Some(shorter) => {
                        names = self.names(&shorter.reached, begin);
                        best = shorter;
                    }
                    None => at += size,
                }
            }
            // One step less can make others superfluous.
            size = if size == 1 && names.len() < before {
                1
            } else {
                size / 2
            };
        }
        Ok(best)
    }

    fn names(&self, reached: &Reached, begin: &Reached) -> Vec<Name> {
        let mut state = begin.state.clone();
        let mut names = Vec::new();
        for choice in &reached.path[begin.path.len()..] {
            names.push(self.name(&state, *choice));
            let mut next = Vec::new();
            self.space.go(&state, *choice, &mut next);
            state = next;
        }
        names
    }

    fn name(&self, state: &[u32], choice: Choice) -> Name {
        let steps = &self.space.steps;
        if choice.outcome == NONE {
            return Name {
                flight: choice.flight,
                keeps: false,
                lost: true,
                node_index: 0,
                what: None,
                crash: None,
                loses_disk: false,
            };
        }
        let outcome = &steps.outcomes[choice.outcome as usize];
        let node_index = steps.owners[outcome.local as usize];
        let what = outcome.parts.first().map(|part| match part.trigger {
            Trigger::Deliver => TriggerName::Deliver,
            Trigger::Fire { timer } => {
                let local = &steps.locals[state[usize::from(node_index)]];
                TriggerName::Fire {
                    timer: local.timers[timer as usize].bytes,
                }
            }
            Trigger::Synced => TriggerName::Synced,
            Trigger::Worked => TriggerName::Worked,
            Trigger::Invoke => TriggerName::Invoke,
            Trigger::Start => TriggerName::Start,
            Trigger::Crash => TriggerName::Crash,
            Trigger::Say => TriggerName::Say {
                outcome: choice.outcome,
            },
        });
        let crash = outcome
            .parts
            .last()
            .filter(|_| outcome.crash)
            .map(|part| part.done);
        let loses_disk = outcome.loses_disk;
        Name {
            flight: choice.flight,
            keeps: choice.keeps,
            lost: false,
            node_index,
            what,
            crash,
            loses_disk,
        }
    }

    /// Does what is named, as far as it is possible, until something fails. Only the same failure
    /// counts.
    fn try_names(
        &mut self,
        search: &Search<'_>,
        names: &[Name],
        begin: &Reached,
        known: &Failure,
    ) -> Result<Option<Failure>, Error> {
        let mut reached = begin.clone();
        for name in names {
            // Nobody but the test makes a puppet speak.
            if let Some(TriggerName::Say { outcome }) = name.what {
                let outside = self.space.outside(&reached.state);
                reached = self.go(
                    &reached,
                    Choice {
                        flight: NONE,
                        outcome,
                        keeps: false,
                        outside,
                    },
                );
                continue;
            }
            let transitions = self.space.all_transitions(&reached.state, &self.machine)?.0;
            let choice_of = |transition: &Transition| match transition {
                Transition::To { choice, .. } | Transition::Broken { choice, .. } => *choice,
            };
            let Some(transition) = transitions
                .iter()
                .find(|transition| self.name(&reached.state, choice_of(transition)) == *name)
            else {
                continue;
            };
            match *transition {
                Transition::Broken { choice, why } => {
                    let failure = self.failure(&reached, choice, why);
                    return Ok(Some(failure).filter(|failure| failure.is_like(known)));
                }
                Transition::To { choice, .. } => reached = self.go(&reached, choice),
            }
            match search.judge(&View::new(&self.space, &reached.state)) {
                Judgement::Violates(what) => {
                    let (property, observed) = *what;
                    let property = search.invariants[property].0.clone();
                    let failure = Failure {
                        property,
                        observed,
                        reached,
                    };
                    return Ok(Some(failure).filter(|failure| failure.is_like(known)));
                }
                Judgement::GoesOn | Judgement::Pruned | Judgement::Goal => {}
            }
        }
        // A property of the end fails only where the world cannot go on.
        if self.space.all_transitions(&reached.state, &self.machine)?.1 {
            return Ok(None);
        }
        let view = View::new(&self.space, &reached.state);
        let failed = search
            .at_end
            .iter()
            .find_map(|(name, check)| Some((name.clone(), check(&view).err()?)));
        let failure = failed.map(|(property, observed)| Failure {
            property,
            observed,
            reached,
        });
        Ok(failure.filter(|failure| failure.is_like(known)))
    }
}

impl Failure {
    /// Whether it is the same promise that is broken. What a node does wrong by itself must be the
    /// very same.
    fn is_like(&self, other: &Failure) -> bool {
        let shorter = self.reached.path.len() < other.reached.path.len();
        let by_itself = self.property == crate::explorer::RULES;
        shorter
            && self.property == other.property
            && (!by_itself || self.observed == other.observed)
    }
}
