//! Progress: from wherever a search came to, a world in which nothing more goes wrong must come to
//! an end.
//!
//! Liveness cannot be refuted by a finite path, so the question is made finite: the world is healed
//! (every node that is down starts, messages arrive within milliseconds, timers fire in time) and
//! must do what is asked within a given virtual time. (C. Killian et al.: Life, death, and the
//! critical transition: finding liveness bugs in systems code, 2007.)

use std::{collections::BTreeMap, time::Duration};

use faultline_sim::choice::mix;
use labkit::abi::{Effect, effects};

use crate::{
    choice::{Choice, Transition},
    error::Error,
    explorer::Explorer,
    intern::NONE,
    local::{Condition, Work},
    search::{Failure, Judgement, Reached, Search},
    steps::Trigger,
    view::View,
};

/// Within what a healed world must get to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Virtual time.
    pub within: Duration,
    /// The maximum number of steps: more than any correct program needs.
    pub steps: u32,
    /// How many healthy worlds each state is continued in: each draws its own latencies and timer
    /// delays.
    pub worlds: u64,
}

/// What a healthy world lacks that is led somewhere and does not get there.
const TOO_LATE: &str = "";

/// The latency of messages in a healed world.
const LATENCY_US: (u64, u64) = (1_000, 5_000);

/// Something that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Message { flight: u32 },
    Timer { node_index: usize, bytes: u32 },
    Work { node_index: usize },
}

/// One healthy world.
struct Healthy {
    seed: u64,
    now_us: u64,
    drawn: u64,
    /// By time, then by when it was put there.
    due: BTreeMap<(u64, u64), Due>,
    /// The running timers and their place in the queue.
    timers: BTreeMap<(usize, u32), (u64, u64)>,
    /// The work that each machine is at and its place in the queue.
    works: BTreeMap<usize, (Work, (u64, u64))>,
    reached: Reached,
}

impl Explorer<'_> {
    /// Continues each of these states in healthy worlds until `done` holds; the first that does not
    /// get there is a failure of the property `name`, one that breaks a property of `search` on its
    /// path is a failure of that.
    ///
    /// # Errors
    /// A broken grader.
    pub fn progress(
        &mut self,
        name: &str,
        search: &Search<'_>,
        from: &[Reached],
        bound: Progress,
        done: impl Fn(&View<'_>) -> bool,
    ) -> Result<Option<Failure>, Error> {
        for reached in from {
            for world in 0..bound.worlds {
                let seed = mix(self.space.fingerprint(&reached.state) ^ mix(world));
                let found =
                    self.one_world((name, search), Healthy::new(seed, reached), bound, &done)?;
                if let Err(failure) = found {
                    return Ok(Some(*failure));
                }
            }
        }
        Ok(None)
    }

    /// Continues a state in healthy worlds until one of them comes to a state in which `goal`
    /// holds, or (the inner error) breaks a promise.
    ///
    /// # Errors
    /// A broken grader.
    pub fn lead(
        &mut self,
        from: &Reached,
        bound: Progress,
        goal: impl Fn(&View<'_>) -> bool,
    ) -> Result<Result<Option<Reached>, Box<Failure>>, Error> {
        for world in 0..bound.worlds {
            let seed = mix(self.space.fingerprint(&from.state) ^ mix(world));
            match self.one_world(
                (TOO_LATE, &Search::new()),
                Healthy::new(seed, from),
                bound,
                &goal,
            )? {
                Ok(reached) => return Ok(Ok(Some(reached))),
                Err(failure) if failure.property == TOO_LATE => {}
                Err(failure) => return Ok(Err(failure)),
            }
        }
        Ok(Ok(None))
    }

    /// Where a healthy world is after this time; the inner error is a promise that it breaks until
    /// then.
    ///
    /// # Errors
    /// A broken grader.
    pub fn wait(
        &mut self,
        from: &Reached,
        time: Duration,
    ) -> Result<Result<Reached, Box<Failure>>, Error> {
        let mut world = Healthy::new(mix(self.space.fingerprint(&from.state)), from);
        self.begin(&mut world);
        loop {
            match self.next_transition(&mut world)? {
                _ if u128::from(world.now_us) > time.as_micros() => return Ok(Ok(world.reached)),
                None => return Ok(Ok(world.reached)),
                Some(Transition::To { choice, .. }) => self.follow(&mut world, choice),
                Some(Transition::Broken { choice, why }) => {
                    return Ok(Err(Box::new(self.failure(&world.reached, choice, why))));
                }
            }
        }
    }

    /// Where a healthy world is when it is done, or why it never is.
    fn one_world(
        &mut self,
        (name, search): (&str, &Search<'_>),
        mut world: Healthy,
        bound: Progress,
        done: &dyn Fn(&View<'_>) -> bool,
    ) -> Result<Result<Reached, Box<Failure>>, Error> {
        self.begin(&mut world);
        for steps in 0.. {
            if let Judgement::Violates(what) =
                search.judge(&View::new(&self.space, &world.reached.state))
            {
                let (property, observed) = *what;
                let property = search.invariants[property].0.clone();
                return Ok(Err(Box::new(Failure {
                    property,
                    observed,
                    reached: world.reached,
                })));
            }
            if done(&View::new(&self.space, &world.reached.state)) {
                return Ok(Ok(world.reached));
            }
            let late = u128::from(world.now_us) > bound.within.as_micros() || steps == bound.steps;
            let transition = if late {
                None
            } else {
                self.next_transition(&mut world)?
            };
            match transition {
                Some(Transition::To { choice, .. }) => self.follow(&mut world, choice),
                Some(Transition::Broken { choice, why }) => {
                    return Ok(Err(Box::new(self.failure(&world.reached, choice, why))));
                }
                None => {
                    let after = Duration::from_micros(world.now_us);
                    let observed = if late {
                        format!("not done {after:?} and {steps} steps after everything was healed")
                    } else {
                        format!("nothing is left to happen {after:?} after everything was healed")
                    };
                    let failure = Failure {
                        property: name.to_owned(),
                        observed,
                        reached: world.reached,
                    };
                    return Ok(Err(Box::new(failure)));
                }
            }
        }
        unreachable!("the number of steps is bounded")
    }

    /// Everything in the network and every running timer is due from now on.
    fn begin(&self, world: &mut Healthy) {
        let state = world.reached.state.clone();
        for flight in self.space.network(&state) {
            world.put(LATENCY_US, Due::Message { flight: *flight });
        }
        for (node_index, local) in state[..self.space.nodes()].iter().enumerate() {
            for timer in &self.space.steps.locals[*local].timers {
                world.set_timer(node_index, timer.bytes, timer.at_least, timer.at_most);
            }
            self.work_on(world, node_index);
        }
    }

    /// What happens next: what need not wait, or what is due first. What is due and changes nothing
    /// is over.
    fn next_transition(&mut self, world: &mut Healthy) -> Result<Option<Transition>, Error> {
        let transitions = self
            .space
            .all_transitions(&world.reached.state, &self.machine)?
            .0;
        let transitions: Vec<Transition> = transitions
            .into_iter()
            .filter(|transition| choice_of(transition).is_healthy(&self.space.steps))
            .collect();
        let at_once =
            transitions
                .iter()
                .find(|transition| match self.began_with(choice_of(transition)) {
                    Trigger::Start | Trigger::Synced | Trigger::Invoke => {
                        choice_of(transition).flight == NONE
                    }
                    Trigger::Deliver
                    | Trigger::Fire { .. }
                    | Trigger::Worked
                    | Trigger::Crash
                    | Trigger::Say => false,
                });
        if let Some(transition) = at_once {
            return Ok(Some(*transition));
        }
        while let Some(((at_us, _), due)) = world.due.pop_first() {
            world.now_us = at_us;
            let transition = match due {
                Due::Message { flight } => transitions
                    .iter()
                    .find(|transition| choice_of(transition).flight == flight),
                Due::Timer { node_index, bytes } => {
                    world.timers.remove(&(node_index, bytes));
                    transitions.iter().find(|transition| {
                        self.fires(world, choice_of(transition), node_index, bytes)
                    })
                }
                Due::Work { node_index } => {
                    world.works.remove(&node_index);
                    transitions.iter().find(|transition| {
                        self.is_done_with_work(choice_of(transition), node_index)
                    })
                }
            };
            if let Some(transition) = transition {
                return Ok(Some(*transition));
            }
        }
        Ok(None)
    }

    fn began_with(&self, choice: Choice) -> Trigger {
        let parts = &self.space.steps.outcomes[choice.outcome as usize].parts;
        parts.first().expect("every outcome has a part").trigger
    }

    fn fires(&self, world: &Healthy, choice: Choice, node_index: usize, bytes: u32) -> bool {
        let steps = &self.space.steps;
        let outcome = &steps.outcomes[choice.outcome as usize];
        let local = &steps.locals[world.reached.state[node_index]];
        match self.began_with(choice) {
            Trigger::Fire { timer } => {
                usize::from(steps.owners[outcome.local as usize]) == node_index
                    && local.timers[timer as usize].bytes == bytes
            }
            _ => false,
        }
    }

    fn is_done_with_work(&self, choice: Choice, node_index: usize) -> bool {
        let outcome = &self.space.steps.outcomes[choice.outcome as usize];
        self.began_with(choice) == Trigger::Worked
            && usize::from(self.space.steps.owners[outcome.local as usize]) == node_index
    }

    /// Lets a machine begin with the first work that it has.
    fn work_on(&self, world: &mut Healthy, node_index: usize) {
        let first = self.space.steps.locals[world.reached.state[node_index]]
            .works
            .first();
        if world.works.get(&node_index).map(|(work, _)| work) == first {
            return;
        }
        if let Some((_, place)) = world.works.remove(&node_index) {
            world.due.remove(&place);
        }
        if let Some(work) = first {
            let micros = u64::try_from(work.takes.as_micros()).unwrap_or(u64::MAX);
            let place = world.put((micros, micros), Due::Work { node_index });
            world.works.insert(node_index, (work.clone(), place));
        }
    }

    /// Takes a transition, and puts what it sent and set into the queue.
    fn follow(&self, world: &mut Healthy, choice: Choice) {
        let steps = &self.space.steps;
        let outcome = &steps.outcomes[choice.outcome as usize];
        let node_index = usize::from(steps.owners[outcome.local as usize]);
        world.reached = self.go(&world.reached, choice);
        for flight in outcome.sends.iter() {
            world.put(LATENCY_US, Due::Message { flight: *flight });
        }
        for part in outcome.parts.iter() {
            let list = &steps.calls.bytes[part.effects];
            for effect in effects(list).take(part.done as usize).flatten() {
                match effect {
                    Effect::SetTimer {
                        timer,
                        at_least,
                        at_most,
                    } => {
                        let bytes = steps.calls.bytes.find(timer).unwrap_or(NONE);
                        world.set_timer(node_index, bytes, at_least, at_most);
                    }
                    Effect::Cancel { timer } => {
                        world.cancel(node_index, steps.calls.bytes.find(timer).unwrap_or(NONE));
                    }
                    _ => {}
                }
            }
        }
        self.work_on(world, node_index);
        debug_assert!(
            steps.locals[outcome.local].condition != Condition::Down,
            "nothing crashes here"
        );
    }
}

fn choice_of(transition: &Transition) -> Choice {
    let (Transition::To { choice, .. } | Transition::Broken { choice, .. }) = transition;
    *choice
}

impl Healthy {
    fn new(seed: u64, reached: &Reached) -> Healthy {
        let reached = reached.clone();
        Healthy {
            seed,
            now_us: 0,
            drawn: 0,
            due: BTreeMap::new(),
            timers: BTreeMap::new(),
            works: BTreeMap::new(),
            reached,
        }
    }

    /// Due after a time from the range (microseconds).
    fn put(&mut self, (low, high): (u64, u64), due: Due) -> (u64, u64) {
        self.drawn += 1;
        let after = low + mix(self.seed ^ self.drawn) % (high - low).saturating_add(1).max(1);
        let place = (self.now_us.saturating_add(after), self.drawn);
        self.due.insert(place, due);
        place
    }

    fn set_timer(&mut self, node_index: usize, bytes: u32, at_least: Duration, at_most: Duration) {
        self.cancel(node_index, bytes);
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let place = self.put(
            (micros(at_least), micros(at_most)),
            Due::Timer { node_index, bytes },
        );
        self.timers.insert((node_index, bytes), place);
    }

    fn cancel(&mut self, node_index: usize, bytes: u32) {
        if let Some(place) = self.timers.remove(&(node_index, bytes)) {
            self.due.remove(&place);
        }
    }
}
