//! What a search looks for and what it found.

use crate::{choice::Choice, view::View};

type Check<'p> = Box<dyn Fn(&View<'_>) -> Result<(), String> + Sync + 'p>;
type Predicate<'p> = Box<dyn Fn(&View<'_>) -> bool + Sync + 'p>;

/// The properties and limits of one search.
///
/// A promise of the program that no property names is always held against it: a panic, an answer to
/// no operation, an answer that the monitor refuses.
#[derive(Default)]
pub struct Search<'p> {
    pub(crate) invariants: Vec<(String, Check<'p>)>,
    pub(crate) at_end: Vec<(String, Check<'p>)>,
    pub(crate) goals: Vec<(String, Predicate<'p>)>,
    pub(crate) prunes: Vec<Predicate<'p>>,
    pub(crate) limits: Limits,
    pub(crate) most_goals: usize,
    pub(crate) samples: usize,
}

/// What a search may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The maximum number of different states.
    pub states: u64,
    /// The maximum number of bytes for states and what is known about them.
    pub memory_bytes: u64,
    /// The maximum number of steps from the first state.
    pub depth: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            states: 2_000_000,
            memory_bytes: 1 << 30,
            depth: u32::MAX,
        }
    }
}

impl<'p> Search<'p> {
    /// A search for whatever is wrong anyway, with the default limits.
    pub fn new() -> Search<'p> {
        Search {
            most_goals: 1,
            ..Search::default()
        }
    }

    /// Something that holds in every state; the error says what was observed instead.
    #[must_use]
    pub fn invariant(
        mut self,
        name: &str,
        check: impl Fn(&View<'_>) -> Result<(), String> + Sync + 'p,
    ) -> Self {
        self.invariants.push((name.to_owned(), Box::new(check)));
        self
    }

    /// Something that holds wherever the world cannot go on: no message changes anything, no timer
    /// runs, no operation is left, no crashed node can start.
    #[must_use]
    pub fn at_end(
        mut self,
        name: &str,
        check: impl Fn(&View<'_>) -> Result<(), String> + Sync + 'p,
    ) -> Self {
        self.at_end.push((name.to_owned(), Box::new(check)));
        self
    }

    /// Something to be reached. The search ends at the first states in which it (or another goal)
    /// holds, and a further stage may begin there; without goals it ends when there is nothing new.
    #[must_use]
    pub fn goal(mut self, name: &str, holds: impl Fn(&View<'_>) -> bool + Sync + 'p) -> Self {
        self.goals.push((name.to_owned(), Box::new(holds)));
        self
    }

    /// How many goal states are collected before the search ends; 1 if this is not called. Goal
    /// states are not left.
    #[must_use]
    pub fn most_goals(mut self, count: usize) -> Self {
        self.most_goals = count;
        self
    }

    /// States that are counted and checked, but not left: what comes after them is of no interest.
    #[must_use]
    pub fn prune(mut self, holds: impl Fn(&View<'_>) -> bool + Sync + 'p) -> Self {
        self.prunes.push(Box::new(holds));
        self
    }

    /// How many of the states that were seen are kept as a sample, for
    /// [`Explorer::progress`](crate::Explorer::progress).
    #[must_use]
    pub fn samples(mut self, count: usize) -> Self {
        self.samples = count;
        self
    }

    /// What the search may use.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What a state means to this search.
    pub(crate) fn judge(&self, view: &View<'_>) -> Judgement {
        for (at, (_, check)) in self.invariants.iter().enumerate() {
            if let Err(observed) = check(view) {
                return Judgement::Violates(Box::new((at, observed)));
            }
        }
        if self.goals.iter().any(|(_, holds)| holds(view)) {
            return Judgement::Goal;
        }
        if self.prunes.iter().any(|holds| holds(view)) {
            Judgement::Pruned
        } else {
            Judgement::GoesOn
        }
    }
}

/// What a state means to a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    GoesOn,
    Pruned,
    Goal,
    /// The invariant with this number, and what was observed.
    Violates(Box<(usize, String)>),
}

/// A state and a path to it; a further search may begin there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    pub(crate) state: Vec<u32>,
    pub(crate) path: Vec<Choice>,
}

impl Reached {
    /// How many steps lead here, the starts of the nodes included.
    pub fn steps(&self) -> usize {
        self.path.len()
    }
}

/// A broken promise and the path to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The property's name, or what every program promises.
    pub property: String,
    /// What was observed.
    pub observed: String,
    /// The path to it, a shortest one from where the search began.
    pub reached: Reached,
}

/// Why a search ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// There is nothing new.
    Exhausted,
    /// The goals were reached as often as was asked for.
    Goal,
    /// A promise is broken.
    Violation(Box<Failure>),
    /// See [`Limits::states`].
    States,
    /// See [`Limits::memory_bytes`].
    Memory,
    /// See [`Limits::depth`].
    Depth,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Why it ended.
    pub end: End,
    /// How many different states it saw.
    pub states: u64,
    /// The most steps that a state is away from where the search began.
    pub depth: u32,
    /// How many transitions it followed.
    pub transitions: u64,
    /// How many calls of handlers all searches of this explorer have made so far.
    pub handler_calls: u64,
    /// How many different steps of single nodes they have worked out.
    pub local_steps: u64,
    /// The most memory that states took at once, by the capacity of the tables.
    pub memory_bytes: u64,
    /// The goal states.
    pub reached: Vec<Reached>,
    /// Some of the other states, spread evenly; see [`Search::samples`].
    pub sampled: Vec<Reached>,
    /// False if a crash could have left more combinations of unsynced writes than were tried.
    pub all_disks: bool,
}

impl Report {
    /// Whether every reachable state was seen.
    pub fn is_complete(&self) -> bool {
        self.end == End::Exhausted && self.all_disks
    }

    /// How much was seen, in words. (States are told apart by 64-bit hashes, and "all" means that,
    /// too.)
    pub fn coverage(&self) -> String {
        match self.is_complete() {
            true => format!("all {} states (told apart by 64-bit hashes)", self.states),
            false => format!(
                "the first {} states, up to {} steps deep",
                self.states, self.depth
            ),
        }
    }
}
