//! A test that holds in every order of events: stage by stage through a small world, and every failure shown in the
//! simulator like any other.
//!
//! Three things happen in turn. A healthy simulated world must come through all stages: what does not even happen there is
//! told without a search. Then the stages are explored. A way to a failure becomes a schedule, a simulated world follows it,
//! and what that world sees is the verdict; so replays, reports and pictures need not know of searches. In the end every
//! remembered call is made again, since a search of what is no function proves nothing.

use std::{cell::Cell, time::Duration};

use faultline_sim::{
    FaultAction, Kind, Outcome, Role, Schedule, Searched, Stop, Time, Trial, Workload, World, schedule::Action,
};
use labkit::NodeId;

use crate::{
    aid,
    error::Error,
    explorer::Explorer,
    guide::Guide,
    model::Model,
    monitor::Monitor,
    progress::Progress,
    search::{End, Failure, Limits, Reached, Search},
    verify::{Difference, Nondeterminism},
    view::{Seen, View},
    walk::Walks,
};

type Check<'p> = Box<dyn Fn(&View<'_>) -> Result<(), String> + Sync + 'p>;
type Predicate<'p> = Box<dyn Fn(&View<'_>) -> bool + Sync + 'p>;

/// Something that a correct program comes to. It is made of parts, so that one can say how close a program came.
pub struct Goal<'p> {
    pub(crate) name: String,
    pub(crate) parts: Vec<(String, Predicate<'p>)>,
}

impl<'p> Goal<'p> {
    /// A goal of this name, still without parts: `view 2 is acknowledged`.
    pub fn new(name: &str) -> Goal<'p> {
        Goal { name: name.to_owned(), parts: Vec::new() }
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

/// One part of the way through a small world.
enum Leg<'p> {
    Say { puppet: NodeId, to: NodeId, given: Vec<u8> },
    Guide(Guiding<'p>),
    Reach(Goal<'p>),
    Try(Goal<'p>),
    Wait(Duration),
    Restart(Box<dyn Fn(&View<'_>) -> NodeId + Sync + 'p>),
    Search { states: u64 },
    Walk { count: u64, steps: u32 },
}

/// What is explored, in the order in which it is written down.
pub struct Orders<'p> {
    model: Model,
    within: Duration,
    always: Vec<(String, Check<'p>)>,
    beyond: Vec<Predicate<'p>>,
    monitor: Option<Box<dyn Fn() -> Box<dyn Monitor> + 'p>>,
    legs: Vec<Leg<'p>>,
    done: Option<(String, Predicate<'p>)>,
    recovers: bool,
    /// How many goals the last world came to.
    came_to: Cell<usize>,
}

/// How a simulated world is to run. The default: as the seed decides.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// The end of the way that a search has found; for [`Setup::quiet_until`](faultline_sim::Setup::quiet_until).
    pub quiet_until: Time,
    /// Whether there is a way; else the seed decides.
    pub is_way: bool,
    invocations: Vec<(Time, NodeId, u64)>,
}

/// A fair world takes at most so many steps to a goal.
const FAIR_STEPS: u32 = 20_000;
/// So many fair worlds are tried before a goal is searched for.
const FAIR_WORLDS: u64 = 4;
/// So many, where a wrong program is to be led astray.
const TEMPTING_WORLDS: u64 = 24;
/// So many states are searched for a goal to which no fair world leads.
const SOUGHT: u64 = 100_000;
/// From so many states of each search a healthy world must get to its end.
const SAMPLES: usize = 12;

/// A failure, and whether it is one of progress.
struct Found {
    failure: Failure,
    live: bool,
}

impl Found {
    fn by_itself(failure: Failure) -> Found {
        Found { failure, live: false }
    }
}

impl<'p> Orders<'p> {
    /// Every order of events of this world. `within` is the virtual time in which a healthy world gets to each goal, and to
    /// its end.
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
    pub fn always(mut self, name: &str, check: impl Fn(&View<'_>) -> Result<(), String> + Sync + 'p) -> Self {
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

    /// From where it is: to the goal, the fair way.
    #[must_use]
    pub fn reach(mut self, goal: Goal<'p>) -> Self {
        self.legs.push(Leg::Reach(goal));
        self
    }

    /// From where it is: to the goal, if a fair way leads there. To be used for what no correct program comes to.
    #[must_use]
    pub fn tempt(mut self, goal: Goal<'p>) -> Self {
        self.legs.push(Leg::Try(goal));
        self
    }

    /// From where it is: a fair world goes on for so long.
    #[must_use]
    pub fn waits(mut self, time: Duration) -> Self {
        self.legs.push(Leg::Wait(time));
        self
    }

    /// A server crashes between two events and starts again; of what is not synced nothing survives. It counts as one of
    /// the model's crashes.
    #[must_use]
    pub fn restarts(mut self, who: impl Fn(&View<'_>) -> NodeId + Sync + 'p) -> Self {
        self.legs.push(Leg::Restart(Box::new(who)));
        self
    }

    /// From where it is: every order of events, up to so many states. The next stage begins where this one began.
    #[must_use]
    pub fn search(mut self, states: u64) -> Self {
        self.legs.push(Leg::Search { states });
        self
    }

    /// From where it is: so many random walks, of so many steps at most.
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

    fn goals(&self) -> impl Iterator<Item = &Goal<'p>> {
        self.legs.iter().filter_map(|leg| match leg {
            Leg::Reach(goal) => Some(goal),
            _ => None,
        })
    }

    /// Explores. `run` runs a simulated world of the same nodes, all of which start at once, and in it
    /// [`carry_out`](Orders::carry_out).
    ///
    /// # Errors
    /// What the simulated world saw, or that a handler is no function of state, disk and event.
    pub fn explore(&self, trial: &mut Trial<'_>, run: impl Fn(&mut Trial<'_>, &Shown) -> Outcome) -> Outcome {
        if let Some(schedule) = trial.schedule() {
            let shown = Shown::of(schedule);
            return run(trial, &shown);
        }
        let machines = trial.machines().ok_or_else(|| Stop::Broken("this trial has no machines".to_owned()))?;
        let healthy = run(trial, &Shown::default());
        let mut explorer = Explorer::new(&self.model, machines);
        if let Err(stop) = healthy {
            return Err(self.explain(&mut explorer, stop));
        }
        if let Some(monitor) = &self.monitor {
            explorer = explorer.boxed_monitor(monitor());
        }
        let mut from = match explorer.start().map_err(broken)? {
            Ok(start) => start,
            Err(failure) => return self.show(&explorer, trial, &run, Found::by_itself(*failure)),
        };
        let start = from.clone();
        let mut place = "the start".to_owned();
        for leg in &self.legs {
            let found = match leg {
                Leg::Say { puppet, to, given } => {
                    match explorer.say(&from, (*puppet, *to), given).map_err(broken)? {
                        Ok(reached) => from = reached,
                        Err(failure) => return self.show(&explorer, trial, &run, Found::by_itself(*failure)),
                    }
                    None
                }
                Leg::Guide(guide) => {
                    explorer.guide(&from, guide);
                    None
                }
                Leg::Reach(goal) => match self.go_to(&mut explorer, trial, goal, &from, &place).map_err(broken)? {
                    Ok(Some(reached)) => {
                        (from, place) = (reached, format!("where {}", goal.name));
                        None
                    }
                    Ok(None) => None,
                    Err(failure) => Some(self.shortest(&mut explorer, *failure, &start).map_err(broken)?),
                },
                Leg::Try(goal) => {
                    let bound = Progress { worlds: TEMPTING_WORLDS, ..self.fair() };
                    match explorer.lead(&from, bound, |view| goal.holds(view)).map_err(broken)? {
                        Ok(Some(reached)) => {
                            (from, place) = (reached, format!("where {}", goal.name));
                            None
                        }
                        Ok(None) => None,
                        Err(failure) => Some(self.shortest(&mut explorer, *failure, &start).map_err(broken)?),
                    }
                }
                Leg::Wait(time) => match explorer.wait(&from, *time).map_err(broken)? {
                    Ok(reached) => {
                        from = reached;
                        None
                    }
                    Err(failure) => Some(self.shortest(&mut explorer, *failure, &start).map_err(broken)?),
                },
                Leg::Restart(who) => {
                    match explorer.restart(&from, who).map_err(broken)? {
                        Ok(reached) => from = reached,
                        Err(failure) => return self.show(&explorer, trial, &run, Found::by_itself(*failure)),
                    }
                    None
                }
                Leg::Search { states } => {
                    self.every_order(&mut explorer, trial, &from, &start, (&place, *states)).map_err(broken)?
                }
                Leg::Walk { count, steps } => {
                    let walks = Walks { count: *count, steps: *steps, seed: trial.seed() };
                    self.some_orders(&mut explorer, trial, &from, (&place, walks)).map_err(broken)?
                }
            };
            if let Some(found) = found {
                self.show(&explorer, trial, &run, found)?;
            }
        }
        self.verify(&explorer, trial)
    }

    fn properties(&self) -> Search<'_> {
        let search = self.always.iter().fold(Search::new(), |search, (name, check)| search.invariant(name, check));
        self.beyond.iter().fold(search, |search, beyond| search.prune(beyond))
    }

    fn fair(&self) -> Progress {
        Progress { within: self.within, steps: FAIR_STEPS, worlds: FAIR_WORLDS }
    }

    /// The simulated world came to this goal, so a search that does not is to blame itself: it goes on from where it is.
    fn go_to(
        &self,
        explorer: &mut Explorer<'_>,
        trial: &mut Trial<'_>,
        goal: &Goal<'_>,
        from: &Reached,
        place: &str,
    ) -> Result<Result<Option<Reached>, Box<Failure>>, Error> {
        match explorer.lead(from, self.fair(), |view| goal.holds(view))? {
            Ok(None) => {}
            led => return Ok(led),
        }
        let search = self.properties().goal(&goal.name, |view| goal.holds(view));
        let limits = Limits { states: SOUGHT, ..Limits::default() };
        let calls = explorer.calls();
        let report = explorer.search_from(&search.limits(limits), std::slice::from_ref(from))?;
        if let End::Violation(failure) = report.end {
            return Ok(Err(failure));
        }
        let found = report.reached.into_iter().next();
        trial.searched(Searched {
            from: format!("{place}, {} that {}", if found.is_some() { "for a way" } else { "in vain" }, goal.name),
            walks: 0,
            states: report.states,
            all: false,
            depth: u64::from(report.depth),
            transitions: report.transitions,
            calls: explorer.calls() - calls,
        });
        Ok(Ok(found))
    }

    /// The way to where it began need not be a shortest one, and what was for later may come first.
    fn shortest(&self, explorer: &mut Explorer<'_>, failure: Failure, start: &Reached) -> Result<Found, Error> {
        explorer.unguided();
        Ok(Found::by_itself(explorer.shorten(&self.properties(), failure, start)?))
    }

    fn every_order(
        &self,
        explorer: &mut Explorer<'_>,
        trial: &mut Trial<'_>,
        from: &Reached,
        start: &Reached,
        (place, states): (&str, u64),
    ) -> Result<Option<Found>, Error> {
        let limits = Limits { states, ..Limits::default() };
        let samples = if self.recovers { SAMPLES } else { 0 };
        let search = self.properties().limits(limits).samples(samples);
        let calls = explorer.calls();
        let report = explorer.search_from(&search, std::slice::from_ref(from))?;
        trial.searched(Searched {
            from: place.to_owned(),
            walks: 0,
            states: report.states,
            all: report.is_complete() && self.beyond.is_empty() && !explorer.is_guided(),
            depth: u64::from(report.depth),
            transitions: report.transitions,
            calls: explorer.calls() - calls,
        });
        if let End::Violation(failure) = report.end {
            return Ok(Some(self.shortest(explorer, *failure, start)?));
        }
        let Some((name, done)) = self.done.as_ref().filter(|_| self.recovers) else { return Ok(None) };
        let guide = explorer.unguided();
        let bound = Progress { worlds: 1, ..self.fair() };
        let failure = explorer.progress(name, &report.sampled, bound, done)?;
        explorer.space.guidance = guide;
        Ok(failure.map(|failure| Found { live: failure.property == *name, failure }))
    }

    fn some_orders(
        &self,
        explorer: &mut Explorer<'_>,
        trial: &mut Trial<'_>,
        from: &Reached,
        (place, walks): (&str, Walks),
    ) -> Result<Option<Found>, Error> {
        let calls = explorer.calls();
        let walked = explorer.walk(&self.properties(), &walks, std::slice::from_ref(from))?;
        trial.searched(Searched {
            from: place.to_owned(),
            walks: walked.walks,
            states: 0,
            all: false,
            depth: u64::from(walks.steps),
            transitions: walked.steps,
            calls: explorer.calls() - calls,
        });
        Ok(walked.failure.map(|failure| Found::by_itself(*failure)))
    }

    /// Lets a simulated world go the way of a failure.
    fn show(
        &self,
        explorer: &Explorer<'_>,
        trial: &mut Trial<'_>,
        run: &impl Fn(&mut Trial<'_>, &Shown) -> Outcome,
        found: Found,
    ) -> Outcome {
        let schedule = explorer.trace(&found.failure.reached).schedule();
        let shown = Shown::of(&schedule);
        trial.follow(schedule);
        run(trial, &shown)?;
        // That a world was slow in one healthy future does not condemn it: another one has just come to its end.
        if found.live {
            return Ok(());
        }
        self.verify(explorer, trial)?;
        let Failure { property, observed, .. } = &found.failure;
        Err(Stop::Broken(format!(
            "a search found that not always {property} ({observed}), and a world on that way did not"
        )))
    }

    fn verify(&self, explorer: &Explorer<'_>, trial: &mut Trial<'_>) -> Outcome {
        let verified = explorer.verify().map_err(broken)?;
        match verified.differences.first() {
            None => Ok(()),
            Some(difference) => {
                trial.forget_worlds();
                Err(Stop::nondeterminism(say(difference)))
            }
        }
    }

    /// Adds to a lack of progress what a search knows of it.
    fn explain(&self, explorer: &mut Explorer<'_>, stop: Stop) -> Stop {
        let Stop::Violation(mut violation) = stop else { return stop };
        let Some(goal) = self.goals().nth(self.came_to.get()).filter(|_| violation.kind == Kind::NoProgress) else {
            return Stop::Violation(violation);
        };
        let why = explorer.start().and_then(|start| {
            let Ok(mut from) = start else { return Ok(String::new()) };
            let mut missing = self.came_to.get();
            for leg in &self.legs {
                match leg {
                    Leg::Say { puppet, to, given } => {
                        let Ok(reached) = explorer.say(&from, (*puppet, *to), given)? else { break };
                        from = reached;
                    }
                    Leg::Guide(guide) => explorer.guide(&from, guide),
                    Leg::Reach(earlier) if missing > 0 => {
                        missing -= 1;
                        let led = explorer.lead(&from, self.fair(), |view| earlier.holds(view))?;
                        let Ok(Some(reached)) = led else { break };
                        from = reached;
                    }
                    Leg::Wait(time) => {
                        let Ok(reached) = explorer.wait(&from, *time)? else { break };
                        from = reached;
                    }
                    Leg::Reach(_) => break,
                    Leg::Restart(who) => {
                        let Ok(reached) = explorer.restart(&from, who)? else { break };
                        from = reached;
                    }
                    Leg::Try(_) | Leg::Search { .. } | Leg::Walk { .. } => {}
                }
            }
            aid::why_not(explorer, &from, goal)
        });
        match why {
            Ok(why) => violation.observed += &why,
            Err(error) => return Stop::Broken(error.to_string()),
        }
        Stop::Violation(violation)
    }

    /// Carries the test out in a simulated world: along a way, if there is one, and else fairly from goal to goal. `judge`
    /// says whether what clients saw is right.
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
        world.run_for(Duration::ZERO)?;
        for (at, who, nth) in &shown.invocations {
            self.pass(world, *at)?;
            self.invoke(world, *who, *nth)?;
        }
        self.pass(world, shown.quiet_until)?;
        if shown.is_way {
            judge(world)?;
            if !self.recovers {
                return Ok(());
            }
        }
        for node in self.model.nodes.iter().filter(|node| !matches!(node.role, Role::Puppet { .. })) {
            if world.is_down(node.id) {
                world.start(node.id)?;
            }
        }
        world.set_workload(Rest(self.model.clone()));
        let (mut goals, mut guided) = (0, Guide::new());
        for leg in self.legs.iter().filter(|_| !shown.is_way) {
            match leg {
                Leg::Say { puppet, to, given } => world.send_given(*puppet, *to, given)?,
                Leg::Guide(guide) => {
                    let guide = guide(&Seen::of(world, &self.model)?.view());
                    guide.lay_over(&guided, world)?;
                    guided = guide;
                }
                Leg::Reach(goal) => {
                    goals += 1;
                    world.expect(&goal.name, self.within, |world| Ok(self.look(world)? >= goals))?;
                }
                Leg::Restart(who) => {
                    let who = who(&Seen::of(world, &self.model)?.view());
                    world.restart_quickly(who)?;
                }
                Leg::Wait(time) => world.run_for(*time)?,
                Leg::Try(_) | Leg::Search { .. } | Leg::Walk { .. } => {}
            }
        }
        Guide::new().lay_over(&guided, world)?;
        if let Some((name, done)) = &self.done {
            world.expect(name, self.within, |world| {
                self.look(world)?;
                Ok(done(&Seen::of(world, &self.model)?.view()))
            })?;
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
        let last = world.history().iter().rev().find(|operation| operation.client == who);
        let waits = last.is_some_and(|operation| operation.reply.is_none());
        match Rest(self.model.clone()).next(who, nth - 1) {
            Some((_, command)) if !waits && world.is_up(who) => world.invoke(who, command),
            _ => Ok(()),
        }
    }

    fn pass(&self, world: &mut World<'_>, until: Time) -> Outcome {
        let left = until.since(world.now());
        world.run_until(left, |world| self.look(world).map(|_| false)).map(|_| ())
    }

    /// Holds the world against all properties and goals; the result counts the goals that it came to.
    fn look(&self, world: &mut World<'_>) -> Outcome<usize> {
        let seen = Seen::of(world, &self.model)?;
        let view = seen.view();
        if let Some(observed) = self.always.iter().find_map(|(_, check)| check(&view).err()) {
            return Err(world.violation(observed));
        }
        while self.goals().nth(self.came_to.get()).is_some_and(|goal| goal.holds(&view)) {
            self.came_to.set(self.came_to.get() + 1);
        }
        Ok(self.came_to.get())
    }
}

/// The operations of a model, each as soon as the one before is answered.
struct Rest(Model);

impl Workload for Rest {
    fn next(&mut self, client: NodeId, nth: u64) -> Option<(Duration, Vec<u8>)> {
        let all = &self.0.operations[self.0.slot(client)?];
        all.get(usize::try_from(nth).ok()?).map(|command| (Duration::ZERO, command.clone()))
    }
}

impl Shown {
    /// As a schedule says: one that a search has found ends with the healing of all links.
    fn of(schedule: &Schedule) -> Shown {
        let healed =
            schedule.0.iter().find(|timed| timed.planned && timed.action == Action::Fault(FaultAction::HealAll));
        let Some(healed) = healed else { return Shown::default() };
        let quiet_until = Time(healed.at_us);
        let invoked = |timed: &faultline_sim::schedule::Timed| match timed.action {
            Action::Invoke { client, nth } if Time(timed.at_us) < quiet_until => Some((Time(timed.at_us), client, nth)),
            _ => None,
        };
        let mut invocations: Vec<_> = schedule.0.iter().filter_map(invoked).collect();
        invocations.sort_by_key(|(at, ..)| *at);
        Shown { quiet_until, invocations, is_way: true }
    }
}

fn broken(error: Error) -> Stop {
    Stop::Broken(error.to_string())
}

/// A handler that is no function, in a sentence.
fn say(found: &Nondeterminism) -> String {
    let Nondeterminism { node, event, difference } = found;
    let absent = || "nothing".to_owned();
    let what = match difference {
        Difference::State { field, first, second, .. } if field.is_empty() && first == second => {
            "the bytes of its state differ, although both states print alike".to_owned()
        }
        Difference::State { field, first, second, .. } => {
            let of =
                if field.is_empty() { "its state".to_owned() } else { format!("the field `{field}` of its state") };
            format!("{of} was {first} at first and {second} later")
        }
        Difference::Effects { nth, first, second } => {
            let (first, second) = (first.clone().unwrap_or_else(absent), second.clone().unwrap_or_else(absent));
            format!("its effect number {nth} was at first to {first}, and later to {second}")
        }
        Difference::Observation => "the lab observes something else although its state is the same".to_owned(),
        Difference::Fault { first, second } => {
            let of = |fault: &Option<String>| fault.clone().unwrap_or_else(|| "it went well".to_owned());
            format!("at first {}, later {}", of(first), of(second))
        }
    };
    format!("{node} handled the same event in the same state with the same disk twice ({event}), and {what}")
}
