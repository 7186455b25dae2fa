//! A test that holds in every order of events, as it is written down, and what a simulated world
//! has to do with it.

use std::{cell::Cell, time::Duration};

use faultline_sim::{
    FaultAction, Outcome, Role, Schedule, Time, Workload, World, schedule::Action,
};
use labkit::NodeId;

use crate::{
    guide::Guide,
    model::Model,
    monitor::Monitor,
    view::{View, WorldView},
};

type Check<'p> = Box<dyn Fn(&View<'_>) -> Result<(), String> + Sync + 'p>;
type Predicate<'p> = Box<dyn Fn(&View<'_>) -> bool + Sync + 'p>;

/// Something that a correct program comes to. It is made of parts, so that one can say how close a
/// program came.
pub struct Goal<'p> {
    pub(crate) name: String,
    pub(crate) parts: Vec<(String, Predicate<'p>)>,
}

impl<'p> Goal<'p> {
    /// A goal of this name, still without parts: `view 2 is acknowledged`.
    pub fn new(name: &str) -> Goal<'p> {
        Goal {
            name: name.to_owned(),
            parts: Vec::new(),
        }
    }

    /// A part of the goal; all must hold in the same state.
    #[must_use]
    pub fn when(mut self, part: &str, holds: impl Fn(&View<'_>) -> bool + Sync + 'p) -> Goal<'p> {
        self.parts.push((part.to_owned(), Box::new(holds)));
        self
    }

    pub(crate) fn holds(&self, view: &View<'_>) -> bool {
        self.parts.iter().all(|(_, holds)| holds(view))
    }
}

/// Which guide it is from where the world is.
type Guiding<'p> = Box<dyn Fn(&View<'_>) -> Guide + Sync + 'p>;

/// One leg of the path through a small world.
pub(crate) enum Leg<'p> {
    Say {
        puppet: NodeId,
        to: NodeId,
        given: Vec<u8>,
    },
    Guide(Guiding<'p>),
    Reach(Goal<'p>),
    Try(Goal<'p>),
    Wait(Duration),
    Restart {
        who: Box<dyn Fn(&View<'_>) -> NodeId + Sync + 'p>,
        loses_disk: bool,
    },
    Search {
        states: u64,
        freely: bool,
    },
    Walk {
        count: u64,
        steps: u32,
    },
}

/// What is explored, in the order in which it is written down.
pub struct Orders<'p> {
    pub(crate) model: Model,
    pub(crate) within: Duration,
    pub(crate) always: Vec<(String, Check<'p>)>,
    pub(crate) beyond: Vec<Predicate<'p>>,
    pub(crate) monitor: Option<Box<dyn Fn() -> Box<dyn Monitor> + 'p>>,
    pub(crate) legs: Vec<Leg<'p>>,
    pub(crate) done: Option<(String, Predicate<'p>)>,
    pub(crate) recovers: bool,
    /// How many goals the last world came to.
    pub(crate) came_to: Cell<usize>,
}

/// How a simulated world is to run. The default: as the seed decides.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// The end of the path that a search has found; for
    /// [`Setup::quiet_until`](faultline_sim::Setup::quiet_until).
    pub quiet_until: Time,
    /// Whether there is such a path; else the seed decides.
    pub has_path: bool,
    invocations: Vec<(Time, NodeId, u64)>,
}

impl<'p> Orders<'p> {
    /// Every order of events of this world. `within` is the virtual time in which a healthy world
    /// gets to each goal, and to its end.
    pub fn of(model: Model, within: Duration) -> Orders<'p> {
        Orders {
            model,
            within,
            always: Vec::new(),
            beyond: Vec::new(),
            monitor: None,
            legs: Vec::new(),
            done: None,
            recovers: false,
            came_to: Cell::new(0),
        }
    }

    /// Something that holds in every state; the error says what was observed instead.
    #[must_use]
    pub fn always(
        mut self,
        name: &str,
        check: impl Fn(&View<'_>) -> Result<(), String> + Sync + 'p,
    ) -> Self {
        self.always.push((name.to_owned(), Box::new(check)));
        self
    }

    /// What clients see is judged by monitors like this one while states are explored.
    #[must_use]
    pub fn monitor<M: Monitor + 'static>(mut self, make: impl Fn() -> M + 'p) -> Self {
        self.monitor = Some(Box::new(move || Box::new(make())));
        self
    }

    /// States like this are looked at, but what comes after them is not.
    #[must_use]
    pub fn not_beyond(mut self, holds: impl Fn(&View<'_>) -> bool + Sync + 'p) -> Self {
        self.beyond.push(Box::new(holds));
        self
    }

    /// A puppet sends a given message (encoded).
    #[must_use]
    pub fn says(mut self, puppet: NodeId, to: NodeId, given: Vec<u8>) -> Self {
        self.legs.push(Leg::Say { puppet, to, given });
        self
    }

    /// From now on: what this guide leaves for later does not happen.
    #[must_use]
    pub fn guided(self, guide: Guide) -> Self {
        self.guided_by(move |_| guide.clone())
    }

    /// The same with a guide that depends on where it is.
    #[must_use]
    pub fn guided_by(mut self, guide: impl Fn(&View<'_>) -> Guide + Sync + 'p) -> Self {
        self.legs.push(Leg::Guide(Box::new(guide)));
        self
    }

    /// From where it is: to the goal, on a fair path.
    #[must_use]
    pub fn reach(mut self, goal: Goal<'p>) -> Self {
        self.legs.push(Leg::Reach(goal));
        self
    }

    /// From where it is: to the goal, if a fair path leads there. To be used for what no correct
    /// program comes to.
    #[must_use]
    pub fn try_reach(mut self, goal: Goal<'p>) -> Self {
        self.legs.push(Leg::Try(goal));
        self
    }

    /// From where it is: a fair world goes on for this time.
    #[must_use]
    pub fn waits(mut self, time: Duration) -> Self {
        self.legs.push(Leg::Wait(time));
        self
    }

    /// A server crashes between two events and starts again; of what is not synced nothing
    /// survives. It counts as one of the model's crashes.
    #[must_use]
    pub fn restarts(mut self, who: impl Fn(&View<'_>) -> NodeId + Sync + 'p) -> Self {
        self.legs.push(Leg::Restart {
            who: Box::new(who),
            loses_disk: false,
        });
        self
    }

    /// The same, and its disk is lost. It counts as one of the model's crashes and as one of its
    /// lost disks.
    #[must_use]
    pub fn restarts_without_disk(mut self, who: impl Fn(&View<'_>) -> NodeId + Sync + 'p) -> Self {
        self.legs.push(Leg::Restart {
            who: Box::new(who),
            loses_disk: true,
        });
        self
    }

    /// From where it is: every order of events, up to this number of states. The next stage begins
    /// where this one began.
    #[must_use]
    pub fn search(mut self, states: u64) -> Self {
        self.legs.push(Leg::Search {
            states,
            freely: false,
        });
        self
    }

    /// The same without the guide, which holds again after it.
    #[must_use]
    pub fn search_freely(mut self, states: u64) -> Self {
        self.legs.push(Leg::Search {
            states,
            freely: true,
        });
        self
    }

    /// From where it is: `count` random walks, of `steps` steps at most.
    #[must_use]
    pub fn walk(mut self, count: u64, steps: u32) -> Self {
        self.legs.push(Leg::Walk { count, steps });
        self
    }

    /// What a healthy world comes to in the end.
    #[must_use]
    pub fn done(mut self, name: &str, holds: impl Fn(&View<'_>) -> bool + Sync + 'p) -> Self {
        self.done = Some((name.to_owned(), Box::new(holds)));
        self
    }

    /// The same from wherever a search has come to, once everybody is up and messages arrive.
    #[must_use]
    pub fn recovers(mut self) -> Self {
        self.recovers = true;
        self
    }

    pub(crate) fn goals(&self) -> impl Iterator<Item = &Goal<'p>> {
        self.legs.iter().filter_map(|leg| match leg {
            Leg::Reach(goal) => Some(goal),
            _ => None,
        })
    }

    /// Carries the test out in a simulated world: along the path, if there is one, and else fairly
    /// from goal to goal. `judge` says whether what clients saw is right.
    ///
    /// # Errors
    /// What is wrong.
    pub fn carry_out(
        &self,
        world: &mut World<'_>,
        shown: &Shown,
        mut judge: impl FnMut(&mut World<'_>) -> Outcome,
    ) -> Outcome {
        self.came_to.set(0);
        // As in searches, where a message that is under way arrives on no link that is held.
        world.hold_arrivals();
        world.run_for(Duration::ZERO)?;
        for (at, who, nth) in &shown.invocations {
            self.pass(world, *at)?;
            self.invoke(world, *who, *nth)?;
        }
        self.pass(world, shown.quiet_until)?;
        if shown.has_path {
            // In a search each node is made of its bytes for every event.
            for node in &self.model.nodes {
                world.has_bytes(node.id)?;
            }
            judge(world)?;
            if !self.recovers {
                return Ok(());
            }
        }
        for (node_index, node) in self.model.nodes.iter().enumerate() {
            let starts = world.incarnation(node.id) == 0 || self.model.comes_back(node_index);
            if world.is_down(node.id) && starts && !matches!(node.role, Role::Puppet { .. }) {
                world.start(node.id)?;
            }
        }
        world.set_workload(Rest(self.model.clone()));
        let mut guided = Guide::new();
        for leg in self.legs.iter().filter(|_| !shown.has_path) {
            match leg {
                Leg::Say { puppet, to, given } => world.send_given(*puppet, *to, given)?,
                Leg::Guide(guide) => {
                    let guide = guide(&WorldView::of(world, &self.model)?.view());
                    guide.lay_over(&guided, world)?;
                    guided = guide;
                }
                Leg::Reach(goal) => {
                    self.expect(world, &goal.name, |view| goal.holds(view))?;
                    self.came_to.set(self.came_to.get() + 1);
                }
                Leg::Restart { who, loses_disk } => {
                    let who = who(&WorldView::of(world, &self.model)?.view());
                    world.crash(who)?;
                    if *loses_disk {
                        world.lose_disk(who)?;
                    }
                    world.start(who)?;
                }
                Leg::Wait(time) => self.pass(world, world.now() + *time)?,
                Leg::Try(_) | Leg::Search { .. } | Leg::Walk { .. } => {}
            }
        }
        Guide::new().lay_over(&guided, world)?;
        if let Some((name, done)) = &self.done {
            self.expect(world, name, done)?;
        }
        judge(world)
    }

    /// The `nth` thing (from 1) that a client is asked or a puppet says, if it can be now.
    fn invoke(&self, world: &mut World<'_>, who: NodeId, nth: u64) -> Outcome {
        let said = self.legs.iter().filter_map(|leg| match leg {
            Leg::Say { puppet, to, given } if *puppet == who => Some((*to, given)),
            _ => None,
        });
        if let Some((to, given)) = said.clone().nth(nth as usize - 1) {
            return world.send_given(who, to, given);
        }
        let last = world
            .history()
            .iter()
            .rev()
            .find(|operation| operation.client == who);
        let waits = last.is_some_and(|operation| operation.reply.is_none());
        match Rest(self.model.clone()).next(who, nth - 1) {
            Some((_, command)) if !waits && world.is_up(who) => world.invoke(who, command),
            _ => Ok(()),
        }
    }

    fn pass(&self, world: &mut World<'_>, until: Time) -> Outcome {
        let left = until.since(world.now());
        world
            .run_until(left, |world| self.look(world, |_| false))
            .map(|_| ())
    }

    fn expect(
        &self,
        world: &mut World<'_>,
        what: &str,
        holds: impl Fn(&View<'_>) -> bool,
    ) -> Outcome {
        world.expect(what, self.within, |world| self.look(world, &holds))
    }

    /// Holds the world against all properties, and says whether something else holds.
    fn look(&self, world: &mut World<'_>, holds: impl Fn(&View<'_>) -> bool) -> Outcome<bool> {
        let found = {
            let seen = WorldView::of(world, &self.model)?;
            let view = seen.view();
            self.always
                .iter()
                .try_for_each(|(_, check)| check(&view))
                .map(|()| holds(&view))
        };
        found.map_err(|observed| world.violation(observed))
    }
}

/// The operations of a model, each as soon as the one before is answered.
struct Rest(Model);

impl Workload for Rest {
    fn next(&mut self, client: NodeId, nth: u64) -> Option<(Duration, Vec<u8>)> {
        let all = &self.0.operations[self.0.node_index(client)?];
        all.get(usize::try_from(nth).ok()?)
            .map(|command| (Duration::ZERO, command.clone()))
    }
}

impl Shown {
    /// As a schedule says: one that a search has found ends with the healing of all links.
    pub(crate) fn of(schedule: &Schedule) -> Shown {
        let healed = schedule
            .0
            .iter()
            .find(|timed| timed.planned && timed.action == Action::Fault(FaultAction::HealAll));
        let Some(healed) = healed else {
            return Shown::default();
        };
        let quiet_until = Time(healed.at_us);
        let invoked = |timed: &faultline_sim::schedule::Timed| match timed.action {
            Action::Invoke { client, nth } if Time(timed.at_us) < quiet_until => {
                Some((Time(timed.at_us), client, nth))
            }
            _ => None,
        };
        let mut invocations: Vec<_> = schedule.0.iter().filter_map(invoked).collect();
        invocations.sort_by_key(|(at, ..)| *at);
        Shown {
            quiet_until,
            invocations,
            has_path: true,
        }
    }
}
