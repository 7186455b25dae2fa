//! The explorer of one model, and the first state of its world.

use crate::{
    calls::{Factory, Machine},
    error::Error,
    intern::NONE,
    model::Model,
    monitor::{Monitor, Watch},
    search::{Failure, Reached},
    space::Space,
    steps::{Step, Steps},
    ways::{Broken, Choice, Way},
};

/// Explores one model. What one search learns about nodes serves all later ones.
pub struct Explorer<'a> {
    pub(crate) space: Space<'a>,
    pub(crate) machine: Machine<'a>,
    /// The world before anything runs; every path begins here.
    pub(crate) empty: Vec<u32>,
}

/// What every program promises.
pub(crate) const RULES: &str = "no node breaks the rules of the world";

/// The entropy that nodes are started with; verification uses another one.
pub(crate) const ENTROPY: u64 = 0x5eed;

impl<'a> Explorer<'a> {
    /// An explorer of this model on nodes that `factory` makes machines for.
    pub fn new(model: &'a Model, factory: Factory<'a>) -> Explorer<'a> {
        let mut space = Space { model, steps: Steps::new(ENTROPY), watch: Watch::default() };
        let empty = space.empty_state();
        Explorer { space, empty, machine: Machine::new(factory) }
    }

    /// Lets a monitor judge what clients see; it becomes part of the states.
    #[must_use]
    pub fn monitor(mut self, monitor: impl Monitor + 'static) -> Explorer<'a> {
        self.space.watch = Watch::new(Box::new(monitor), self.space.model);
        self
    }

    /// The first state: every node that starts at once has started.
    ///
    /// # Errors
    /// A broken grader, or (the inner error) a node that breaks a promise in its start.
    pub fn start(&mut self) -> Result<Result<Reached, Box<Failure>>, Error> {
        let mut reached = Reached { state: self.empty.clone(), path: Vec::new() };
        for slot in 0..self.space.nodes() {
            if !self.space.model.nodes[slot].starts {
                continue;
            }
            let step = Step { local: reached.state[slot], flight: NONE };
            let ways = self.space.all_ways(&reached.state, &self.machine)?.0;
            let first = self.space.steps.outcomes(step).expect("worked out just now").start as u32;
            let way = ways.iter().find(|way| match way {
                Way::To { choice, .. } | Way::Broken { choice, .. } => choice.outcome == first,
            });
            match way.copied().ok_or(Error::LostPath)? {
                Way::To { choice, .. } => reached = self.go(&reached, choice),
                Way::Broken { choice, why } => return Ok(Err(Box::new(self.failure(&reached, choice, why)))),
            }
        }
        Ok(Ok(reached))
    }

    pub(crate) fn go(&self, from: &Reached, choice: Choice) -> Reached {
        let mut state = Vec::new();
        self.space.go(&from.state, choice, &mut state);
        let path = from.path.iter().copied().chain([choice]).collect();
        Reached { state, path }
    }

    pub(crate) fn failure(&self, from: &Reached, choice: Choice, why: Broken) -> Failure {
        let property = match why {
            Broken::Fault(_) => RULES,
            Broken::Monitor(_) => "what clients see is linearizable",
        };
        Failure { property: property.to_owned(), observed: self.space.broken(why), reached: self.go(from, choice) }
    }
}
