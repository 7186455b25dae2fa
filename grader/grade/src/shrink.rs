//! From a failing run to a small one that fails in the same way.
//!
//! A run has thousands of events, of which a failure needs a few. So what can be left out of a run
//! (operations of a workload, faults of plans, what the network does to single messages, chance in
//! timers) is left out piece by piece, larger pieces first, as long as the same promise is broken
//! in the same place (delta debugging: Zeller and Hildebrandt, TSE 2002). The result is recorded
//! and must fail once more when it is replayed; otherwise the whole run is shown.
//!
//! The cost is bounded in runs and events, not in seconds, so the result is the same on every
//! machine.

use std::{collections::BTreeSet, sync::Arc};

use faultline_sim::{
    Decided, Edits, Facts, FailureKind, Happening, Kept, Mode, Noise, RecordedStep, Schedule, Time,
    Violation,
};

use crate::{error::Error, run::events};

/// What shrinking one failure may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub runs: u64,
    /// What these runs may have done together, in events that nodes handled.
    pub events: u64,
}

/// What one failure may cost if it is alone, and what all failures of a submission may cost
/// together.
const ALONE: Budget = Budget {
    runs: 300,
    events: 600_000,
};
const TOGETHER: u64 = 6_000_000;

/// Starting the nodes of a run costs as much as so many events, and so much computing as one.
const EVENTS_PER_RUN: u64 = 200;
const FUEL_PER_EVENT: u64 = 50_000;

/// Attempts at the noise of the network, which is much and mostly not needed.
const NOISE_ATTEMPTS: u64 = 60;

/// Attempts at letting operations come one after the other, and the time between them.
const APART_ATTEMPTS: u64 = 24;
const APART_US: u64 = 1_000;

/// The times after the last fault or operation at which the time of plans may end.
const LATER_MS: [u64; 4] = [0, 100, 500, 1_500];

/// A message that takes longer was held up on its way.
const USUAL_US: u64 = 30_000;

/// After so many rounds of all passes nothing more is tried.
const ROUNDS: u32 = 3;

impl Budget {
    /// The share of one of so many failures.
    pub fn share(failures: usize) -> Budget {
        Budget {
            events: ALONE.events.min(TOGETHER / (failures as u64).max(1)),
            ..ALONE
        }
    }
}

/// A failure that became smaller.
pub(crate) struct Shrunk {
    /// How it fails now.
    pub violation: Violation,
    /// What is known of the smaller run.
    pub facts: Facts,
    pub schedule: Schedule,
    pub edits: Edits,
    pub runs: u64,
}

/// Carries out the test's run in some mode.
pub(crate) type Run<'a> = dyn Fn(Mode) -> Result<(Result<(), Violation>, Facts), Error> + 'a;

/// True for failures that a smaller run can show. The others are as small as they get, or too
/// expensive to repeat.
fn can_be_smaller(kind: FailureKind) -> bool {
    !matches!(
        kind,
        FailureKind::NotImplemented | FailureKind::Timeout | FailureKind::Memory
    )
}

/// Shrinks a failure of which `recorded` is known. `None` if nothing can be left out.
pub(crate) fn shrink(
    run: &Run<'_>,
    violation: &Violation,
    recorded: &Facts,
    budget: Budget,
) -> Result<Option<Shrunk>, Error> {
    let Some(recording) = recorded
        .recording
        .as_ref()
        .filter(|_| can_be_smaller(violation.kind))
    else {
        return Ok(None);
    };
    let mut search = Search {
        run,
        failing: violation.clone(),
        best: Edits {
            crash_at: recorded.crash_at,
            plans_from: recording.decided.plans_from,
            ..Edits::default()
        },
        budget,
        used: Budget { runs: 0, events: 0 },
        limit: u64::MAX,
    };
    let begin = search.best.clone();
    search.passes(recording.decided.clone())?;
    search.apart()?;
    if search.best == begin {
        return Ok(None);
    }
    // A calmer network delivers more, so a plainer run may be longer; then the whole one is as
    // good.
    Ok(search
        .replayed()?
        .filter(|shrunk| events(&shrunk.facts) <= events(recorded)))
}

struct Search<'a> {
    run: &'a Run<'a>,
    /// The smallest failure so far.
    failing: Violation,
    best: Edits,
    budget: Budget,
    used: Budget,
    /// After so many runs the present pass ends.
    limit: u64,
}

impl Search<'_> {
    fn exhausted(&self) -> bool {
        self.used.runs >= self.budget.runs.min(self.limit) || self.used.events >= self.budget.events
    }

    /// Runs the test with these edits and keeps them if it fails in the same way.
    fn attempt(&mut self, edits: Edits) -> Result<bool, Error> {
        if edits == self.best || self.exhausted() {
            return Ok(false);
        }
        let edits = Arc::new(edits);
        let (outcome, facts) = (self.run)(Mode {
            edits: Some(Arc::clone(&edits)),
            ..Mode::default()
        })?;
        self.used.runs += 1;
        self.used.events += cost(&facts);
        match outcome {
            Err(violation) if same(&violation, &self.failing) => {
                self.failing = violation;
                self.best = Arc::unwrap_or_clone(edits);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn passes(&mut self, mut decided: Decided) -> Result<(), Error> {
        for _ in 0..ROUNDS {
            let before = self.best.clone();
            self.attempt(Edits {
                plain: true,
                ..self.best.clone()
            })?;
            self.attempt(Edits {
                plain_values: true,
                ..self.best.clone()
            })?;
            self.calm(&decided)?;
            self.faults(&decided)?;
            self.operations(&decided)?;
            self.noise()?;
            self.time(&decided)?;
            if self.best == before || self.exhausted() {
                break;
            }
            // What is left is named anew: the messages of this run are not those of the whole one.
            let Some(now) = self.record()? else { break };
            decided = now;
        }
        Ok(())
    }

    /// Takes all noise from the network at once, or as much as the failure can do without.
    fn calm(&mut self, decided: &Decided) -> Result<(), Error> {
        if self.best.noise.as_ref().is_some_and(Vec::is_empty) {
            self.attempt(Edits {
                early_timers: true,
                ..self.best.clone()
            })?;
            return Ok(());
        }
        let calm = Edits {
            noise: Some(Vec::new()),
            ..self.best.clone()
        };
        if self.attempt(Edits {
            early_timers: true,
            ..calm.clone()
        })? || self.attempt(calm)?
        {
            return Ok(());
        }
        if self.best.noise.is_some() {
            return Ok(());
        }
        let all = || decided.noise.iter().map(|(noise, _)| noise);
        // Losses and copies without the latencies; then the latencies, too.
        let is_usual =
            |noise: &Noise| matches!(noise.takes_us.as_slice(), [takes] if *takes <= USUAL_US);
        let some = all().filter(|noise| !is_usual(noise)).cloned().collect();
        if !self.attempt(Edits {
            noise: Some(some),
            ..self.best.clone()
        })? {
            let mut all: Vec<_> = all().cloned().collect();
            // By link, so that large pieces are about one of them.
            all.sort_by_key(|noise| (noise.message.from, noise.message.to));
            self.attempt(Edits {
                noise: Some(all),
                ..self.best.clone()
            })?;
        }
        Ok(())
    }

    fn faults(&mut self, decided: &Decided) -> Result<(), Error> {
        let wakes = match &self.best.faults {
            Some(wakes) => wakes.clone(),
            None => decided.faults.iter().map(|(wake, _)| *wake).collect(),
        };
        self.fewer(wakes, |edits, faults| edits.faults = Some(faults))?;
        self.time(decided)
    }

    /// The time of plans may end when nothing comes any more: soon after the last fault or
    /// operation, or later.
    fn time(&mut self, decided: &Decided) -> Result<(), Error> {
        let Some(began) = decided.plans_from else {
            return Ok(());
        };
        let kept = |wake| {
            self.best
                .faults
                .as_ref()
                .is_none_or(|kept| kept.contains(wake))
        };
        let faults = decided
            .faults
            .iter()
            .filter(|(wake, _)| kept(wake))
            .map(|(_, at)| at.0);
        let last = faults.max().unwrap_or(0).max(began.0);
        let operations = self.best.operations.iter().flatten().map(|kept| kept.at_us);
        let busy = operations.max().unwrap_or(0).max(last);
        let mut ends: Vec<u64> = [last, busy]
            .into_iter()
            .flat_map(|end| LATER_MS.map(|later| end + later * 1000))
            .collect();
        ends.sort_unstable();
        ends.dedup();
        for until in ends.into_iter().map(Time) {
            if self
                .best
                .plans_until
                .is_some_and(|present| until >= present)
            {
                break;
            }
            if self.attempt(Edits {
                plans_until: Some(until),
                ..self.best.clone()
            })? {
                break;
            }
        }
        Ok(())
    }

    fn operations(&mut self, decided: &Decided) -> Result<(), Error> {
        let mut all = match &self.best.operations {
            Some(all) => all.clone(),
            None => decided.operations.clone(),
        };
        // What was asked after the moment that the failure is about does not lead to it.
        let about = self.failing.about.0;
        let before: Vec<Kept> = all
            .iter()
            .filter(|kept| kept.at_us <= about)
            .copied()
            .collect();
        if before.len() < all.len()
            && self.attempt(Edits {
                operations: Some(before.clone()),
                ..self.best.clone()
            })?
        {
            all = before;
        }
        // By client, so that large pieces are about one of them.
        all.sort();
        self.fewer(all, |edits, operations| edits.operations = Some(operations))
    }

    fn noise(&mut self) -> Result<(), Error> {
        let Some(noise) = self.best.noise.clone() else {
            return Ok(());
        };
        self.limit = self.used.runs + NOISE_ATTEMPTS;
        let result = self.fewer(noise, |edits, noise| edits.noise = Some(noise));
        self.limit = u64::MAX;
        result
    }

    /// Operations that overlap although the failure does not need it come one after the other, so
    /// that they read like a story.
    fn apart(&mut self) -> Result<(), Error> {
        if self.exhausted() {
            return Ok(());
        }
        self.limit = self.used.runs + APART_ATTEMPTS;
        let mut tried = BTreeSet::new();
        let mut calls = self.calls()?;
        while !self.exhausted() {
            let overlap = calls
                .windows(2)
                .find(|pair| pair[1].0.at_us <= pair[0].1 && !tried.contains(&pair[1].0));
            let Some([(_, answered_us), (later, _)]) = overlap else {
                break;
            };
            tried.insert(*later);
            let moved = Kept {
                at_us: answered_us + APART_US,
                ..*later
            };
            let mut operations: Vec<Kept> = calls
                .iter()
                .map(|(kept, _)| *kept)
                .filter(|kept| kept != later)
                .collect();
            operations.push(moved);
            operations.sort();
            if self.attempt(Edits {
                operations: Some(operations),
                ..self.best.clone()
            })? {
                calls = self.calls()?;
            }
        }
        self.limit = u64::MAX;
        Ok(())
    }

    /// The operations of the best run's workload and when they were answered, in the order of their
    /// calls; those that were not answered count as answered at once. Empty if the run cannot be
    /// recorded.
    fn calls(&mut self) -> Result<Vec<(Kept, u64)>, Error> {
        let (outcome, facts) = (self.run)(recorded(&Arc::new(self.best.clone())))?;
        self.used.runs += 1;
        self.used.events += cost(&facts);
        let Some(recording) = facts
            .recording
            .filter(|_| outcome.as_ref() == Err(&self.failing))
        else {
            return Ok(Vec::new());
        };
        let answered = |kept: &Kept| {
            let answers = recording
                .steps
                .iter()
                .filter(|step| step.at.0 >= kept.at_us);
            let of_it = |step: &&RecordedStep| {
                matches!(step.what, Happening::Respond { node, .. } if node
                == kept.client)
            };
            answers
                .filter(of_it)
                .map(|step| step.at.0)
                .next()
                .unwrap_or(0)
        };
        let mut calls: Vec<(Kept, u64)> = recording
            .decided
            .operations
            .iter()
            .map(|kept| (*kept, answered(kept)))
            .collect();
        calls.sort_by_key(|(kept, _)| kept.at_us);
        Ok(calls)
    }

    /// Leaves out as many of these as possible: all, halves, quarters, ..., single ones, the last
    /// first.
    fn fewer<T: Clone>(
        &mut self,
        items: Vec<T>,
        put: impl Fn(&mut Edits, Vec<T>),
    ) -> Result<(), Error> {
        let with = |best: &Edits, items: &[T]| {
            let mut edits = best.clone();
            put(&mut edits, items.to_vec());
            edits
        };
        if items.is_empty() || self.attempt(with(&self.best, &[]))? {
            return Ok(());
        }
        let mut items = items;
        let mut size = items.len().div_ceil(2);
        loop {
            let (mut end, mut removed) = (items.len(), false);
            while end > 0 && items.len() > 1 {
                let begin = end.saturating_sub(size);
                let mut fewer = items[..begin].to_vec();
                fewer.extend_from_slice(&items[end..]);
                if self.attempt(with(&self.best, &fewer))? {
                    (items, removed) = (fewer, true);
                }
                if self.exhausted() {
                    return Ok(());
                }
                end = begin;
            }
            if size > 1 {
                size = size.div_ceil(2);
            } else if !removed {
                return Ok(());
            }
        }
    }

    /// The best run so far, written down: what is left in it. `None` if it is another failure with
    /// a recording, which no recording should bring about.
    fn record(&mut self) -> Result<Option<Decided>, Error> {
        let (outcome, facts) = (self.run)(recorded(&Arc::new(self.best.clone())))?;
        self.used.runs += 1;
        self.used.events += cost(&facts);
        let Some(recording) = facts
            .recording
            .filter(|_| outcome.as_ref() == Err(&self.failing))
        else {
            return Ok(None);
        };
        if let Some(noise) = &mut self.best.noise {
            let there: BTreeSet<_> = recording
                .decided
                .noise
                .iter()
                .map(|(noise, _)| noise.message)
                .collect();
            noise.retain(|noise| there.contains(&noise.message));
        }
        Ok(Some(recording.decided))
    }

    /// Writes the best run down, and replays what was written: what is shown comes from there.
    fn replayed(mut self) -> Result<Option<Shrunk>, Error> {
        let edits = Arc::new(self.best);
        let (outcome, facts) = (self.run)(recorded(&edits))?;
        let Some(recording) = facts
            .recording
            .filter(|_| outcome.as_ref() == Err(&self.failing))
        else {
            return Ok(None);
        };
        let schedule = recording.schedule;
        let (again, facts) = (self.run)(Mode {
            schedule: Some(schedule.clone()),
            ..recorded(&edits)
        })?;
        self.used.runs += 2;
        if again.as_ref() != Err(&self.failing) {
            return Ok(None);
        }
        let edits = Arc::unwrap_or_clone(edits);
        Ok(Some(Shrunk {
            violation: self.failing,
            facts,
            schedule,
            edits,
            runs: self.used.runs,
        }))
    }
}

fn recorded(edits: &Arc<Edits>) -> Mode {
    Mode {
        edits: Some(Arc::clone(edits)),
        ..Mode::recorded()
    }
}

/// The same promise, broken in the same place.
pub(crate) fn same(one: &Violation, other: &Violation) -> bool {
    one.kind == other.kind && one.source == other.source
}

fn cost(facts: &Facts) -> u64 {
    facts.phases.iter().map(|phase| phase.events).sum::<u64>()
        + EVENTS_PER_RUN
        + facts.fuel / FUEL_PER_EVENT
}

#[cfg(test)]
#[path = "../../sim/tests/register/mod.rs"]
#[allow(dead_code, reason = "the world's own tests use the rest")]
mod register;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use faultline_sim::{
        Conditions, Outcome, Plan, Setup, Stop, Trial, Workload, World, choice::About,
        in_process::InProcess, ms,
    };
    use labkit::{NodeId, codec};

    use super::*;

    use super::register::{C1, C2, Command, Output, S1, lab, nodes, replies_before_sync};

    /// Crashes between two effects, and returns.
    struct Crashes {
        wakes: u64,
        doomed: bool,
    }

    impl Plan for Crashes {
        fn name(&self) -> &'static str {
            "crashes"
        }

        fn wake(&mut self, world: &mut World<'_>) -> Outcome<(bool, Option<Duration>)> {
            self.wakes += 1;
            let mut draw = world.choices().draw(About::Plan, 0, self.wakes);
            if self.doomed {
                if world.is_down(S1) {
                    world.start(S1)?;
                    self.doomed = false;
                }
                return Ok((false, Some(ms(15))));
            }
            let begins = draw.chance(300) && world.may_begin_fault();
            if begins {
                world.crash_in_next_event(S1, draw.bits());
                self.doomed = true;
            }
            Ok((begins, Some(ms(15))))
        }
    }

    /// One client writes, reads, writes, ...
    struct Turns;

    impl Workload for Turns {
        fn next(&mut self, client: NodeId, nth: u64) -> Option<(Duration, Vec<u8>)> {
            let command = if nth.is_multiple_of(2) {
                Command::Write(nth + 1)
            } else {
                Command::Read
            };
            (client == C1 && nth < 40).then(|| (ms(7), codec::to_bytes(&command).unwrap()))
        }
    }

    /// A client reads what it wrote last.
    fn reads_its_writes(world: &mut World<'_>) -> Outcome {
        world.set_workload(Turns);
        world.add_plan(
            Crashes {
                wakes: 0,
                doomed: false,
            },
            ms(5),
        );
        world.run_plans_for(ms(1_000))?;
        world.end_plans();
        world.start(S1)?;
        world.expect("all is answered", ms(5_000), |world| {
            Ok(world.workload_is_done())
        })?;
        let mut written = 0;
        for operation in world.history() {
            let (at, answer) = operation.reply.as_ref().expect("all is answered");
            match codec::from_bytes(&operation.command).unwrap() {
                Command::Write(value) => written = value,
                _ => {
                    let answer: Output = codec::from_bytes(answer).unwrap();
                    if answer != Output::Value(written) {
                        let text = format!("{written} was written, and then {answer:?} was read");
                        return Err(world.violation_at(at.at, text));
                    }
                }
            }
        }
        Ok(())
    }

    fn run(seed: u64, mode: Mode) -> Result<(Result<(), Violation>, Facts), Error> {
        replies_before_sync(|| {
            let mut backend = InProcess::new(lab);
            let mut trial = Trial::new(&mut backend, 3, seed, mode);
            let outcome = trial.run(Setup::new(nodes(), Conditions::bad()), reads_its_writes);
            let outcome = outcome.map_err(|stop| match stop {
                Stop::Violation(violation) => violation,
                Stop::Broken(why) => panic!("{why}"),
            });
            Ok((outcome, trial.finish()))
        })
    }

    /// The first seed with which a write is lost, recorded.
    fn failing() -> (u64, Violation, Facts) {
        let fails = |seed: &u64| run(*seed, Mode::default()).unwrap().0.is_err();
        let seed = (0..200).find(fails).expect("some seed finds it");
        let (outcome, facts) = run(seed, Mode::recorded()).unwrap();
        (seed, outcome.unwrap_err(), facts)
    }

    #[test]
    fn a_lost_write_needs_one_crash_and_few_operations() {
        let (seed, violation, facts) = failing();
        let whole = facts.recording.as_ref().unwrap();
        assert!(
            whole.decided.operations.len() == 40 && whole.decided.faults.len() > 1,
            "{:?}",
            whole.decided.operations
        );
        let shrunk = shrink(&|mode| run(seed, mode), &violation, &facts, ALONE)
            .unwrap()
            .expect("it becomes smaller");
        assert!(same(&shrunk.violation, &violation));
        let operations: Vec<u64> = shrunk
            .edits
            .operations
            .iter()
            .flatten()
            .map(|kept| kept.nth % 2)
            .collect();
        // Others may have to stay for the crash to fall between the two effects of the write.
        assert!(
            operations.ends_with(&[0, 1]) && operations.len() <= 4,
            "a write and a read: {:?}",
            shrunk.edits
        );
        assert_eq!(
            shrunk.edits.faults.as_ref().map(Vec::len),
            Some(1),
            "{:?}",
            shrunk.edits
        );
        assert_eq!(
            shrunk.edits.noise,
            Some(Vec::new()),
            "the network has nothing to do with it"
        );
        let small = shrunk.facts.recording.unwrap();
        assert!(
            small.steps.len() * 4 < whole.steps.len(),
            "{} of {}",
            small.steps.len(),
            whole.steps.len()
        );
        assert!(shrunk.runs <= ALONE.runs + 2);
    }

    #[test]
    fn the_result_is_the_same_each_time_and_bounded_by_the_budget() {
        let (seed, violation, facts) = failing();
        let small = |budget: Budget| {
            let shrunk = shrink(&|mode| run(seed, mode), &violation, &facts, budget).unwrap();
            shrunk.map(|shrunk| (shrunk.edits, shrunk.schedule, shrunk.runs))
        };
        assert_eq!(small(ALONE), small(ALONE));
        let (_, _, runs) =
            small(Budget { runs: 10, ..ALONE }).expect("ten runs are enough for something");
        assert!(runs <= 10 + 3, "{runs}");
        assert_eq!(small(Budget { runs: 0, ..ALONE }), None);
        assert_eq!(Budget::share(1).events, ALONE.events);
        assert_eq!(Budget::share(80).events, TOGETHER / 80);
    }

    /// Both clients write at the same time, long numbers where short ones would do.
    struct AtOnce;

    impl Workload for AtOnce {
        fn next(&mut self, _: NodeId, nth: u64) -> Option<(Duration, Vec<u8>)> {
            (nth < 10).then(|| {
                (
                    ms(5),
                    codec::to_bytes(&Command::Write(1_000_000 + nth)).unwrap(),
                )
            })
        }

        fn plainer(&self, client: NodeId, _: u64) -> Option<Vec<u8>> {
            Some(codec::to_bytes(&Command::Write(u64::from(client.number()))).unwrap())
        }
    }

    /// A "failure" that needs a write of each client, but neither at the same time nor of these
    /// values.
    fn both_write(mode: Mode) -> Result<(Result<(), Violation>, Facts), Error> {
        let mut backend = InProcess::new(lab);
        let mut trial = Trial::new(&mut backend, 3, 1, mode);
        let outcome = trial.run(Setup::new(nodes(), Conditions::bad()), |world| {
            world.set_workload(AtOnce);
            world.expect("all is answered", ms(9_000), |world| {
                Ok(world.workload_is_done())
            })?;
            let wrote = |client| {
                world
                    .history()
                    .iter()
                    .any(|operation| operation.client == client)
            };
            if wrote(C1) && wrote(C2) {
                Err(world.violation("both wrote".to_owned()))
            } else {
                Ok(())
            }
        });
        let outcome = outcome.map_err(|stop| match stop {
            Stop::Violation(violation) => violation,
            Stop::Broken(why) => panic!("{why}"),
        });
        Ok((outcome, trial.finish()))
    }

    #[test]
    fn operations_that_need_not_overlap_come_one_after_the_other_with_plain_values() {
        let (outcome, facts) = both_write(Mode::recorded()).unwrap();
        let shrunk = shrink(
            &|mode| both_write(mode),
            &outcome.unwrap_err(),
            &facts,
            ALONE,
        )
        .unwrap()
        .unwrap();
        let steps = shrunk.facts.recording.unwrap().steps;
        let told: Vec<String> = steps
            .iter()
            .filter_map(|step| match &step.what {
                Happening::Invoke { node, command } => Some(format!("{node} {command}")),
                Happening::Respond { node, .. } => Some(format!("{node} answered")),
                _ => None,
            })
            .collect();
        let one_by_one = |first: &str, second: &str| {
            [first, second]
                .map(|of| {
                    [
                        format!("{of} Write({})", &of[1..]),
                        format!("{of} answered"),
                    ]
                })
                .concat()
        };
        assert!(
            told == one_by_one("c1", "c2") || told == one_by_one("c2", "c1"),
            "{told:?}"
        );
    }

    #[test]
    fn what_a_smaller_run_cannot_show_is_left_alone() {
        let (seed, violation, facts) = failing();
        for kind in [
            FailureKind::NotImplemented,
            FailureKind::Timeout,
            FailureKind::Memory,
        ] {
            let violation = Violation {
                kind,
                ..violation.clone()
            };
            assert!(
                shrink(&|mode| run(seed, mode), &violation, &facts, ALONE)
                    .unwrap()
                    .is_none()
            );
        }
        // A failure in another place is another failure.
        let other = Violation {
            source: "elsewhere".to_owned(),
            ..violation
        };
        assert!(
            shrink(&|mode| run(seed, mode), &other, &facts, ALONE)
                .unwrap()
                .is_none()
        );
    }
}
