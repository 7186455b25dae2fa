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
    error::Error,
    explorer::Explorer,
    intern::NONE,
    local::{Condition, Work},
    search::{Failure, Judgement, Reached, Search},
    steps::What,
    view::View,
    ways::{Choice, Way},
};

/// Within what a healed world must get to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Virtual time.
    pub within: Duration,
    /// So many steps are enough for anybody.
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
    Timer { slot: usize, bytes: u32 },
    Work { slot: usize },
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
    /// way is a failure of that.
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
                let seed = mix(self.space.print(&reached.state) ^ mix(world));
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
            let seed = mix(self.space.print(&from.state) ^ mix(world));
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
        let mut world = Healthy::new(mix(self.space.print(&from.state)), from);
        self.begin(&mut world);
        loop {
            match self.next_way(&mut world)? {
                _ if u128::from(world.now_us) > time.as_micros() => return Ok(Ok(world.reached)),
                None => return Ok(Ok(world.reached)),
                Some(Way::To { choice, .. }) => self.follow(&mut world, choice),
                Some(Way::Broken { choice, why }) => {
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
            let way = if late {
                None
            } else {
                self.next_way(&mut world)?
            };
            match way {
                Some(Way::To { choice, .. }) => self.follow(&mut world, choice),
                Some(Way::Broken { choice, why }) => {
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
        for (slot, local) in state[..self.space.nodes()].iter().enumerate() {
            for timer in &self.space.steps.locals[*local].timers {
                world.set_timer(slot, timer.bytes, timer.at_least, timer.at_most);
            }
            self.work_on(world, slot);
        }
    }

    /// What happens next: what need not wait, or what is due first. What is due and changes nothing
    /// is over.
    fn next_way(&mut self, world: &mut Healthy) -> Result<Option<Way>, Error> {
        let ways = self.space.all_ways(&world.reached.state, &self.machine)?.0;
        let ways: Vec<Way> = ways
            .into_iter()
            .filter(|way| self.space.steps.is_healthy(choice_of(way)))
            .collect();
        let at_once = ways
            .iter()
            .find(|way| match self.began_with(choice_of(way)) {
                What::Start | What::Synced | What::Invoke => choice_of(way).flight == NONE,
                What::Deliver | What::Fire { .. } | What::Worked | What::Crash | What::Say => false,
            });
        if let Some(way) = at_once {
            return Ok(Some(*way));
        }
        while let Some(((at_us, _), due)) = world.due.pop_first() {
            world.now_us = at_us;
            let way = match due {
                Due::Message { flight } => ways.iter().find(|way| choice_of(way).flight == flight),
                Due::Timer { slot, bytes } => {
                    world.timers.remove(&(slot, bytes));
                    ways.iter()
                        .find(|way| self.fires(world, choice_of(way), slot, bytes))
                }
                Due::Work { slot } => {
                    world.works.remove(&slot);
                    ways.iter()
                        .find(|way| self.is_done_with_work(choice_of(way), slot))
                }
            };
            if let Some(way) = way {
                return Ok(Some(*way));
            }
        }
        Ok(None)
    }

    fn began_with(&self, choice: Choice) -> What {
        let parts = &self.space.steps.outcomes[choice.outcome as usize].parts;
        parts.first().expect("every outcome has a part").what
    }

    fn fires(&self, world: &Healthy, choice: Choice, slot: usize, bytes: u32) -> bool {
        let steps = &self.space.steps;
        let outcome = &steps.outcomes[choice.outcome as usize];
        let local = &steps.locals[world.reached.state[slot]];
        match self.began_with(choice) {
            What::Fire { timer } => {
                usize::from(steps.slots[outcome.local as usize]) == slot
                    && local.timers[timer as usize].bytes == bytes
            }
            _ => false,
        }
    }

    fn is_done_with_work(&self, choice: Choice, slot: usize) -> bool {
        let outcome = &self.space.steps.outcomes[choice.outcome as usize];
        self.began_with(choice) == What::Worked
            && usize::from(self.space.steps.slots[outcome.local as usize]) == slot
    }

    /// Lets a machine begin with the first work that it has.
    fn work_on(&self, world: &mut Healthy, slot: usize) {
        let first = self.space.steps.locals[world.reached.state[slot]]
            .works
            .first();
        if world.works.get(&slot).map(|(work, _)| work) == first {
            return;
        }
        if let Some((_, place)) = world.works.remove(&slot) {
            world.due.remove(&place);
        }
        if let Some(work) = first {
            let micros = u64::try_from(work.takes.as_micros()).unwrap_or(u64::MAX);
            let place = world.put((micros, micros), Due::Work { slot });
            world.works.insert(slot, (work.clone(), place));
        }
    }

    /// Goes a way, and puts what it sent and set into the queue.
    fn follow(&self, world: &mut Healthy, choice: Choice) {
        let steps = &self.space.steps;
        let outcome = &steps.outcomes[choice.outcome as usize];
        let slot = usize::from(steps.slots[outcome.local as usize]);
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
                        world.set_timer(slot, bytes, at_least, at_most);
                    }
                    Effect::Cancel { timer } => {
                        world.cancel(slot, steps.calls.bytes.find(timer).unwrap_or(NONE));
                    }
                    _ => {}
                }
            }
        }
        self.work_on(world, slot);
        debug_assert!(
            steps.locals[outcome.local].condition != Condition::Down,
            "nothing crashes here"
        );
    }
}

fn choice_of(way: &Way) -> Choice {
    let (Way::To { choice, .. } | Way::Broken { choice, .. }) = way;
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

    fn set_timer(&mut self, slot: usize, bytes: u32, at_least: Duration, at_most: Duration) {
        self.cancel(slot, bytes);
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let place = self.put(
            (micros(at_least), micros(at_most)),
            Due::Timer { slot, bytes },
        );
        self.timers.insert((slot, bytes), place);
    }

    fn cancel(&mut self, slot: usize, bytes: u32) {
        if let Some(place) = self.timers.remove(&(slot, bytes)) {
            self.due.remove(&place);
        }
    }
}
