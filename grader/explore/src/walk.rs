//! Random walks, for spaces that are too big to see whole.
//!
//! Walks share the memory of local steps, so a step is a few lookups. No way of choosing wins
//! everywhere, so walks take turns: *uniform* ones choose among all transitions alike; *priority*
//! walks give every link and every node a random rank and always take the transition of the
//! highest, which starves others for long; *PCT* walks do the same, and at a few random steps the
//! highest falls behind all others (S. Burckhardt et al.: A randomized scheduler with probabilistic
//! guarantees of finding bugs, 2010).
//!
//! A walk that fails is shortened: a state that it came to twice is a detour, and other steps may
//! be left out.

use std::collections::BTreeMap;

use faultline_sim::{Activity, choice::mix};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::{
    choice::{Broken, Choice, Need, Transition},
    error::Error,
    explorer::Explorer,
    intern::NONE,
    search::{Failure, Judgement, Reached, Search},
    space::Space,
    view::View,
};

/// Number of walks that run at once. Their steps are computed together.
const AT_ONCE: u64 = 256;

/// Number of times that the highest rank of a PCT walk falls: bugs of `FALLS + 1` ordering
/// constraints are found with the paper's probability.
const FALLS: u64 = 2;

/// How many walks, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walks {
    /// How many.
    pub count: u64,
    /// The most steps of one.
    pub steps: u32,
    /// All that is drawn is drawn from this number.
    pub seed: u64,
}

/// What walks found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walked {
    /// The failure of the walk with the lowest number.
    pub failure: Option<Box<Failure>>,
    /// How many walks were made; after one that failed there are none but those begun with it.
    pub walks: u64,
    /// How many steps they took together.
    pub steps: u64,
    /// Goal states, at most as many as were asked for, in the order of the walks.
    pub reached: Vec<Reached>,
    /// How many calls of handlers this explorer has made so far.
    pub handler_calls: u64,
}

/// One walk.
struct Walk {
    seed: u64,
    scheduler: Scheduler,
    state: Vec<u32>,
    path: Vec<Choice>,
    /// The ranks that fell, and how often one had fallen before.
    fallen: BTreeMap<u64, u64>,
    most_steps: u32,
    needs: Vec<Need>,
    end: Option<WalkEnd>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheduler {
    Uniform,
    Priority,
    Pct,
}

enum WalkEnd {
    Done,
    Goal,
    Broken(Choice, Broken),
    Property(String, String),
}

impl Explorer<'_> {
    /// Walks at random from these states, one after the other in turn.
    ///
    /// Of the search's limits none is used; its `most_goals` is the most goal states that are kept.
    ///
    /// # Errors
    /// A broken grader.
    ///
    /// # Panics
    /// If there is no state to begin with.
    pub fn walk(
        &mut self,
        search: &Search<'_>,
        walks: &Walks,
        from: &[Reached],
    ) -> Result<Walked, Error> {
        let mut walked = Walked {
            failure: None,
            walks: 0,
            steps: 0,
            reached: Vec::new(),
            handler_calls: 0,
        };
        let timed = self.machine.timed(Activity::Search);
        while walked.failure.is_none() && walked.walks < walks.count {
            let numbers = walked.walks..walks.count.min(walked.walks + AT_ONCE);
            let begins = |number: u64| &from[(number % from.len() as u64) as usize];
            let mut group: Vec<Walk> = numbers
                .clone()
                .map(|number| Walk::new(number, walks, begins(number)))
                .collect();
            while group.iter().any(|walk| walk.end.is_none()) {
                let space = &self.space;
                group.par_iter_mut().for_each(|walk| {
                    let _begun = timed.begin();
                    walk.go_on(space, search);
                });
                let needs: Vec<Need> = group
                    .iter_mut()
                    .flat_map(|walk| std::mem::take(&mut walk.needs))
                    .collect();
                self.space.resolve(&needs, &self.machine)?;
            }
            walked.walks = numbers.end;
            let mut failed = None;
            for (number, walk) in numbers.zip(group) {
                walked.steps += walk.path.len() as u64;
                let begin = begins(number);
                let reached = |path: &[Choice]| self.without_detours(begin, path);
                match walk.end.expect("all walks have ended") {
                    WalkEnd::Done => {}
                    WalkEnd::Goal => {
                        if walked.reached.len() < search.most_goals {
                            walked.reached.push(reached(&walk.path));
                        }
                    }
                    WalkEnd::Broken(choice, why) if failed.is_none() => {
                        failed = Some((number, self.failure(&reached(&walk.path), choice, why)));
                    }
                    WalkEnd::Property(property, observed) if failed.is_none() => {
                        failed = Some((
                            number,
                            Failure {
                                property,
                                observed,
                                reached: reached(&walk.path),
                            },
                        ));
                    }
                    WalkEnd::Broken(..) | WalkEnd::Property(..) => {}
                }
            }
            if let Some((number, failure)) = failed {
                walked.failure = Some(Box::new(self.shorten(search, failure, begins(number))?));
            }
        }
        walked.handler_calls = self.space.steps.calls.all().len() as u64;
        Ok(walked)
    }

    /// The same path, but no state twice.
    fn without_detours(&self, begin: &Reached, path: &[Choice]) -> Reached {
        let mut states = vec![begin.state.clone()];
        let mut kept: Vec<Choice> = Vec::new();
        let mut seen = FxHashMap::from_iter([(self.space.fingerprint(&begin.state), 0usize)]);
        for choice in path {
            let mut next = Vec::new();
            self.space.go(&states[states.len() - 1], *choice, &mut next);
            let fingerprint = self.space.fingerprint(&next);
            if let Some(at) = seen.get(&fingerprint).copied() {
                for state in states.drain(at + 1..) {
                    seen.remove(&self.space.fingerprint(&state));
                }
                kept.truncate(at);
            } else {
                seen.insert(fingerprint, states.len());
                states.push(next);
                kept.push(*choice);
            }
        }
        let state = states.pop().expect("it begins somewhere");
        let path = begin.path.iter().copied().chain(kept).collect();
        Reached { state, path }
    }
}

impl Walk {
    fn new(number: u64, walks: &Walks, begin: &Reached) -> Walk {
        let scheduler =
            [Scheduler::Uniform, Scheduler::Priority, Scheduler::Pct][(number % 3) as usize];
        Walk {
            seed: mix(mix(walks.seed) ^ number),
            scheduler,
            state: begin.state.clone(),
            path: Vec::new(),
            fallen: BTreeMap::new(),
            most_steps: walks.steps,
            needs: Vec::new(),
            end: None,
        }
    }

    /// Walks until the end or until something must be worked out.
    fn go_on(&mut self, space: &Space<'_>, search: &Search<'_>) {
        let mut next = Vec::new();
        while self.end.is_none() {
            if self.path.len() == self.most_steps as usize {
                self.end = Some(WalkEnd::Done);
                return;
            }
            let mut needs = Vec::new();
            let mut best: Option<(u64, u64, Transition)> = None;
            let mut nth = 0;
            let goes_on = space.transitions(&self.state, 0, &mut needs, |transition| {
                let (rank, who) = self.rank(space, &transition, nth);
                nth += 1;
                if best.as_ref().is_none_or(|(highest, ..)| rank > *highest) {
                    best = Some((rank, who, transition));
                }
            });
            if !needs.is_empty() {
                self.needs = needs;
                return;
            }
            if !goes_on && let Some(end) = self.stuck(space, search) {
                self.end = Some(end);
                return;
            }
            let Some((_, who, transition)) = best else {
                self.end = Some(WalkEnd::Done);
                return;
            };
            match transition {
                Transition::Broken { choice, why } => self.end = Some(WalkEnd::Broken(choice, why)),
                Transition::To { choice, .. } => {
                    next.clear();
                    space.go(&self.state, choice, &mut next);
                    std::mem::swap(&mut self.state, &mut next);
                    self.fall(who);
                    self.path.push(choice);
                    self.end = match search.judge(&View::new(space, &self.state)) {
                        Judgement::GoesOn => None,
                        Judgement::Pruned => Some(WalkEnd::Done),
                        Judgement::Goal => Some(WalkEnd::Goal),
                        Judgement::Violates(what) => Some(WalkEnd::Property(
                            search.invariants[what.0].0.clone(),
                            what.1,
                        )),
                    };
                }
            }
        }
    }

    fn stuck(&self, space: &Space<'_>, search: &Search<'_>) -> Option<WalkEnd> {
        let view = View::new(space, &self.state);
        search
            .at_end
            .iter()
            .find_map(|(name, check)| Some(WalkEnd::Property(name.clone(), check(&view).err()?)))
    }

    /// The rank of this transition in this walk, and whose rank that is.
    fn rank(&self, space: &Space<'_>, transition: &Transition, nth: u64) -> (u64, u64) {
        let (Transition::To { choice, .. } | Transition::Broken { choice, .. }) = transition;
        let step = self.path.len() as u64;
        let at_random = mix(self.seed ^ mix(step << 24 | nth));
        if self.scheduler == Scheduler::Uniform {
            return (at_random, 0);
        }
        // Messages belong to their link, everything else to its node; faults are rare guests of
        // their own.
        let who = match choice.flight {
            NONE => u64::from(
                space.steps.owners[space.steps.outcomes[choice.outcome as usize].local as usize],
            ),
            flight => {
                let flight = &space.steps.flights[flight];
                1 << 32 | u64::from(flight.from) << 16 | u64::from(flight.to)
            }
        };
        let who = if choice.is_healthy(&space.steps) {
            who
        } else {
            1 << 40 | who
        };
        let rank = match self.fallen.get(&who) {
            Some(before) => FALLS - before,
            None => mix(self.seed ^ mix(who)) | 1 << 63,
        };
        // Of several transitions of the same rank one is taken at random.
        (
            rank & !0xffff
                | if rank >> 63 == 1 {
                    at_random & 0xffff
                } else {
                    rank
                },
            who,
        )
    }

    /// At a few steps of a PCT walk whoever went falls behind all others.
    fn fall(&mut self, who: u64) {
        let step = self.path.len() as u64;
        let falls = |nth: u64| mix(self.seed ^ nth) % u64::from(self.most_steps.max(1)) == step;
        if self.scheduler == Scheduler::Pct && (0..FALLS).any(falls) {
            let before = self.fallen.len() as u64;
            self.fallen.entry(who).or_insert(before);
        }
    }
}
