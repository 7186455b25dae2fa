//! The explorer of one model, and the first state of its world.

use faultline_sim::Timekeeper;
use labkit::NodeId;

use crate::{
    calls::{Factory, Machine},
    choice::{Broken, Choice, Transition},
    disk::Disk,
    error::Error,
    guidance::Guidance,
    guide::Guide,
    intern::NONE,
    model::Model,
    monitor::{Monitor, Watch},
    search::{Failure, Reached},
    space::Space,
    steps::{Flight, LocalStep, StepTable, Trigger},
    view::View,
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
        let mut space = Space {
            model,
            steps: StepTable::new(ENTROPY),
            watch: Watch::new(None, model),
            guidance: Guidance::default(),
        };
        let empty = space.empty_state();
        Explorer {
            space,
            empty,
            machine: Machine::new(factory),
        }
    }

    /// This timekeeper, if there is one, is told of searches and verifications.
    #[must_use]
    pub fn timed_by(mut self, timekeeper: Option<&'a dyn Timekeeper>) -> Explorer<'a> {
        self.machine.timekeeper = timekeeper;
        self
    }

    /// Lets a monitor judge what clients see; it becomes part of the states.
    #[must_use]
    pub fn monitor(self, monitor: impl Monitor + 'static) -> Explorer<'a> {
        self.boxed_monitor(Box::new(monitor))
    }

    pub(crate) fn boxed_monitor(mut self, monitor: Box<dyn Monitor>) -> Explorer<'a> {
        self.space.watch = Watch::new(Some(monitor), self.space.model);
        self
    }

    /// What is explored from now on keeps to the guide that it is in this state.
    pub fn guide(&mut self, from: &Reached, guide: impl Fn(&View<'_>) -> Guide) {
        let guide = guide(&View::new(&self.space, &from.state));
        self.space.guidance = guide.in_numbers(&self.space, &from.state);
    }

    /// Whether something may be left for later.
    pub(crate) fn is_guided(&self) -> bool {
        !self.space.guidance.is_empty()
    }

    /// Explores without a guide from now on; returns the one that there was.
    pub(crate) fn unguided(&mut self) -> Guidance {
        std::mem::take(&mut self.space.guidance)
    }

    /// How many calls of handlers were made so far.
    pub(crate) fn calls(&self) -> u64 {
        self.space.steps.calls.all().len() as u64
    }

    /// The first state: every node that starts at once has started.
    ///
    /// # Errors
    /// A broken grader, or (the inner error) a node that breaks a promise in its start.
    pub fn start(&mut self) -> Result<Result<Reached, Box<Failure>>, Error> {
        let mut reached = Reached {
            state: self.empty.clone(),
            path: Vec::new(),
        };
        for node_index in 0..self.space.nodes() {
            if !self.space.model.nodes[node_index].starts || self.space.model.is_puppet(node_index)
            {
                continue;
            }
            let step = LocalStep {
                local: reached.state[node_index],
                flight: NONE,
            };
            let transitions = self.space.all_transitions(&reached.state, &self.machine)?.0;
            let first = self
                .space
                .steps
                .outcomes(step)
                .expect("worked out just now")
                .start as u32;
            let transition = transitions.iter().find(|transition| match transition {
                Transition::To { choice, .. } | Transition::Broken { choice, .. } => {
                    choice.outcome == first
                }
            });
            match transition.copied().ok_or(Error::LostPath)? {
                Transition::To { choice, .. } => reached = self.go(&reached, choice),
                Transition::Broken { choice, why } => {
                    return Ok(Err(Box::new(self.failure(&reached, choice, why))));
                }
            }
        }
        Ok(Ok(reached))
    }

    /// The same state after a puppet has sent a given message (encoded).
    ///
    /// # Errors
    /// A broken grader, or (the inner error) a program that cannot turn the message into its own.
    ///
    /// # Panics
    /// If `puppet` is none or there is no node `to`: a mistake in the test.
    pub fn say(
        &mut self,
        from: &Reached,
        (puppet, to): (NodeId, NodeId),
        given: &[u8],
    ) -> Result<Result<Reached, Box<Failure>>, Error> {
        let model = self.space.model;
        let node_index = model
            .node_index(puppet)
            .filter(|node_index| model.is_puppet(*node_index));
        let (Some(node_index), Some(to)) = (node_index, model.node_index(to)) else {
            panic!("the model has no puppet {puppet} or no node {to}");
        };
        let message = match self.machine.wrap(model.role(node_index).0, given)? {
            Ok(message) => message,
            Err(fault) => {
                let observed = format!("turning a given message into its own: {fault}");
                return Ok(Err(Box::new(Failure {
                    property: RULES.to_owned(),
                    observed,
                    reached: from.clone(),
                })));
            }
        };
        let steps = &mut self.space.steps;
        let bytes = steps.calls.bytes.intern(message.as_slice());
        let flight = steps.intern_flight(Flight {
            from: node_index as u16,
            to: to as u16,
            bytes,
        });
        let mut local = steps.locals[from.state[node_index]].clone();
        local.invoked += 1;
        let outcome = steps.add_saying(local, flight);
        let outside = self.space.outside(&from.state);
        Ok(Ok(self.go(
            from,
            Choice {
                flight: NONE,
                outcome,
                keeps: false,
                outside,
            },
        )))
    }

    /// The same state after a server has crashed between two events and started again; of what it
    /// had not synced nothing survives, or nothing at all if it loses its disk.
    ///
    /// # Errors
    /// A broken grader, or (the inner error) a node that breaks a promise in its start.
    ///
    /// # Panics
    /// If the node is down, or the model's crashes are used up: a mistake in the test.
    pub fn restart(
        &mut self,
        from: &Reached,
        who: impl Fn(&View<'_>) -> NodeId,
        loses_disk: bool,
    ) -> Result<Result<Reached, Box<Failure>>, Error> {
        let node = who(&View::new(&self.space, &from.state));
        let node_index = self
            .space
            .model
            .node_index(node)
            .unwrap_or_else(|| panic!("the model has no node {node}"));
        let guidance = self.unguided();
        let mut reached = from.clone();
        for trigger in [Trigger::Crash, Trigger::Start] {
            let synced = self.space.steps.locals[reached.state[node_index]]
                .disk
                .synced_only();
            let transitions = self.space.all_transitions(&reached.state, &self.machine)?.0;
            let transition = transitions.into_iter().find(|transition| {
                let (Transition::To { choice, .. } | Transition::Broken { choice, .. }) =
                    transition;
                let outcome = self.space.steps.outcomes.get(choice.outcome as usize);
                outcome
                    .filter(|_| choice.flight == NONE)
                    .is_some_and(|outcome| {
                        let begins = outcome
                            .parts
                            .first()
                            .is_some_and(|part| part.trigger == trigger);
                        let crashes = outcome.crash == (trigger == Trigger::Crash);
                        let left = if loses_disk {
                            Disk::replaced()
                        } else {
                            synced.clone()
                        };
                        let disk = outcome.loses_disk == loses_disk
                            && self.space.steps.locals[outcome.local].disk == left;
                        let worst = trigger == Trigger::Start || disk;
                        usize::from(self.space.steps.owners[outcome.local as usize]) == node_index
                            && begins
                            && crashes
                            && worst
                    })
            });
            match transition.unwrap_or_else(|| panic!("{node} cannot crash and start here")) {
                Transition::To { choice, .. } => reached = self.go(&reached, choice),
                Transition::Broken { choice, why } => {
                    return Ok(Err(Box::new(self.failure(&reached, choice, why))));
                }
            }
        }
        self.space.guidance = guidance;
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
            Broken::Monitor(_) => "what clients see is right",
        };
        Failure {
            property: property.to_owned(),
            observed: self.space.broken(why),
            reached: self.go(from, choice),
        }
    }
}
