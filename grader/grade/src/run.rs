//! Running tests: one test with one seed is a run; runs are parallel, and nothing depends on how
//! many at once.

mod counts;

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use faultline_labtest::Test;
use faultline_sim::{
    Decided, Detail, Facts, FailureKind, Mode, Outcome, Phase, Stop, Timekeeper, Trial, Violation,
    backend::Backend, choice::seed_of,
};
use faultline_verdict::{Event, Failure, Searched, Stage, Status, TestVerdict};
use rayon::prelude::*;

use counts::{counts, searched};

use crate::{
    error::Error,
    lesson::{Budget, events, failure, shrink, to_look_at},
    rubric::{Category, RubricRow},
    score::withhold_one,
    timings::Stopwatch,
    trace::Trace,
};

/// Which seeds are run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seeds {
    /// As many as each test's row of the rubric says.
    #[default]
    Rubric,
    /// This number for each test.
    Count(u64),
    /// This one.
    Only(u64),
}

/// Number of seeds in a block. After a block with a failure no further seeds are run: the lowest
/// failing seed is known, and a program that fails slowly must not hold up the others. The size is
/// fixed so that the counts are the same everywhere.
const BLOCK: usize = 16;

/// How many more seeds are run for a fault that has not happened. What a test leaves to chance
/// happens with some seed of these; what still does not, the program keeps from happening.
const MORE_SEEDS: u64 = 64;

/// A test, its row, and what is run of it.
pub(crate) struct Job<'a> {
    pub test: Test,
    pub row: &'a RubricRow,
    pub seeds: Vec<u64>,
    /// The number of the course's secret, 0 without one.
    pub salt: u64,
}

/// What runs need to know besides the job.
pub(crate) struct Runner<'a> {
    /// Makes the nodes' machine for one run.
    pub backend: &'a (dyn Fn() -> Box<dyn Backend> + Sync),
    pub lab: &'a str,
    pub handout: &'a str,
    pub shrink: bool,
    pub interrupt: &'a AtomicBool,
    pub events: &'a Mutex<&'a mut (dyn FnMut(Event) + Send)>,
    pub stopwatch: &'a Stopwatch,
    pub done: AtomicU64,
    pub of: u64,
}

/// A test's verdict and, if it failed, the trace of its first failure.
pub(crate) type Tested = (TestVerdict, Option<Trace>);

/// The same, and the numbers of the events whose states are worth a look.
type Found = (TestVerdict, Option<(Trace, BTreeSet<u64>)>);

impl Runner<'_> {
    /// Runs all jobs; verdicts are told in their order, as soon as those before them are and it is
    /// known whether their points are withheld.
    pub fn run(&self, jobs: &[Job<'_>]) -> Result<Vec<Tested>, Error> {
        let telling = Mutex::new(Telling::default());
        jobs.par_iter()
            .enumerate()
            .map(|(index, job)| {
                let tested = self.test(job)?;
                let mut telling = telling
                    .lock()
                    .expect("no run panics while it holds the lock");
                telling.is_over(index, tested.0.clone());
                while let Some(verdict) = telling.next(jobs) {
                    self.tell(Event::Tested(Box::new(verdict)));
                }
                Ok(tested)
            })
            .collect::<Result<Vec<Found>, Error>>()
            .and_then(|tested| {
                if self.shrink {
                    self.shrink(jobs, tested)
                } else {
                    Ok(tested)
                }
            })
            .and_then(|tested| self.look_closer(jobs, tested))
    }

    /// Shrinks all failures, once it is known how many share the budget.
    fn shrink(&self, jobs: &[Job<'_>], mut tested: Vec<Found>) -> Result<Vec<Found>, Error> {
        let failures = tested.iter().filter(|(_, trace)| trace.is_some()).count();
        let budget = Budget::share(failures);
        jobs.par_iter()
            .zip(&mut tested)
            .try_for_each(
                |(job, (verdict, found))| match (found, &mut verdict.failure) {
                    (Some((trace, look_at)), Some(failure)) => {
                        self.stopwatch.at(Stage::Shrink, || {
                            self.shrink_one(job, failure, trace, look_at, budget)
                        })
                    }
                    _ => Ok(()),
                },
            )?;
        Ok(tested)
    }

    fn shrink_one(
        &self,
        job: &Job<'_>,
        whole: &mut Failure,
        trace: &mut Trace,
        look_at: &mut BTreeSet<u64>,
        budget: Budget,
    ) -> Result<(), Error> {
        // A test that searches has the shortest way already, and edits mean nothing to a search.
        if job.row.category == Category::Exploration {
            return Ok(());
        }
        let number = whole.seed;
        // Recorded once more rather than kept until now: the recordings of many failures are too
        // much to hold.
        let (Err(violation), facts) = self.one(job, number, Mode::recorded(), Stage::Shrink)?
        else {
            return Ok(());
        };
        let run = |mode: Mode| self.one(job, number, mode, Stage::Shrink);
        let Some(shrunk) = shrink(&run, &violation, &facts, budget)? else {
            return Ok(());
        };
        let smaller = failure(
            &shrunk.violation,
            number,
            whole.handout.clone(),
            &shrunk.facts,
        );
        if let Some(run) = &shrunk.facts.recording {
            *look_at = to_look_at(run, &shrunk.violation, &shrunk.facts.asked);
        }
        let left = |facts: &Facts, count: fn(&Decided) -> usize| {
            facts
                .recording
                .as_ref()
                .map_or(0, |recording| count(&recording.decided)) as u64
        };
        let edits = &shrunk.edits;
        let kept = |list: Option<usize>, count| {
            list.map_or(0, |kept| left(&facts, count).saturating_sub(kept as u64))
        };
        let how = faultline_verdict::Shrunk {
            from_events: events(&facts),
            to_events: events(&shrunk.facts),
            operations: kept(edits.operations.as_ref().map(Vec::len), |decided| {
                decided.operations.len()
            }),
            faults: kept(edits.faults.as_ref().map(Vec::len), |decided| {
                decided.faults.len()
            }),
            runs: shrunk.runs,
        };
        *whole = Failure {
            shrunk: Some(how),
            ..smaller
        };
        trace.observed = whole.observed.clone();
        (trace.edits, trace.schedule) = (shrunk.edits, shrunk.schedule);
        Ok(())
    }

    /// Replays each failure as it is shown with a look at states, and tells it once more: what its
    /// events changed says which of them matter.
    fn look_closer(&self, jobs: &[Job<'_>], tested: Vec<Found>) -> Result<Vec<Tested>, Error> {
        jobs.par_iter()
            .zip(tested)
            .map(|(job, (mut verdict, found))| {
                let Some((trace, look_at)) = found else {
                    return Ok((verdict, None));
                };
                if let Some(failure) = verdict.failure.as_mut().filter(|_| !look_at.is_empty()) {
                    self.tell_again(job, failure, trace.mode(Detail::States(look_at)))?;
                }
                Ok((verdict, Some(trace)))
            })
            .collect()
    }

    fn tell_again(&self, job: &Job<'_>, told: &mut Failure, mode: Mode) -> Result<(), Error> {
        let (again, facts) = self.one(job, told.seed, mode, Stage::Shrink)?;
        // What was told of the run without its states stays true.
        if let Some(seen) = again.err().filter(|seen| seen.observed == told.observed) {
            let closer = failure(&seen, told.seed, told.handout.clone(), &facts);
            (told.trace, told.diagram) = (closer.trace, closer.diagram);
        }
        Ok(())
    }

    fn tell(&self, event: Event) {
        (self.events.lock().expect("no listener panics"))(event);
    }

    fn test(&self, job: &Job<'_>) -> Result<Found, Error> {
        let mut summary = Summary::default();
        let mut first: Option<(u64, Violation)> = None;
        for block in blocks(&job.seeds) {
            let results: Result<Vec<_>, Error> = block
                .par_iter()
                .map(|number| self.one(job, *number, Mode::default(), Stage::Run))
                .collect();
            for (number, (outcome, facts)) in block.iter().zip(results?) {
                summary.add(&facts);
                summary.seeds += 1;
                if let Err(violation) = outcome {
                    summary.failing += 1;
                    first.get_or_insert((*number, violation));
                }
            }
            let done =
                self.done.fetch_add(block.len() as u64, Ordering::Relaxed) + block.len() as u64;
            self.tell(Event::Progress { done, of: self.of });
            let exhausts = |violation: &Violation| {
                matches!(
                    violation.kind,
                    FailureKind::Timeout | FailureKind::Budget | FailureKind::Memory
                )
            };
            if first
                .as_ref()
                .is_some_and(|(_, violation)| summary.seeds > 1 || exhausts(violation))
            {
                break;
            }
        }
        if first.is_none() && summary.seeds >= job.row.seeds {
            first = self.until_every_fault(job, &mut summary)?;
        }
        let handout = format!("{}#{}", self.handout, job.row.handout);
        let Some((number, violation)) = first else {
            let never = summary.never().filter(|_| summary.seeds > job.row.seeds);
            let kept_from_it = never.map(|name| unreachable(name, summary.seeds));
            if kept_from_it.is_some() {
                summary.failing = summary.seeds;
            }
            let failure = kept_from_it.and_then(|stop| without_a_world(handout, 0, &stop));
            return Ok((summary.verdict(job.row, failure), None));
        };
        let (again, facts) = self.one(job, number, Mode::recorded(), Stage::Shrink)?;
        if again.as_ref() != Err(&violation) {
            let other = self.not_repeated(job, number, &violation, &again)?;
            let failure = without_a_world(handout, number, &other);
            return Ok((summary.verdict(job.row, failure), None));
        }
        let failure = failure(&violation, number, handout, &facts);
        let mut trace = Trace::of(self.lab, &job.row.id, number, choices(job, number));
        trace.kind = failure.kind.clone();
        let run = facts.recording.unwrap_or_default();
        let look_at = to_look_at(&run, &violation, &facts.asked);
        trace.observed = violation.observed;
        trace.schedule = run.schedule;
        let verdict = summary.verdict(job.row, Some(failure));
        Ok((verdict, Some((trace, look_at))))
    }

    /// Runs more seeds than the rubric says as long as there is a fault that has not happened yet:
    /// it may be chance that it has not. Returns the first failure.
    fn until_every_fault(
        &self,
        job: &Job<'_>,
        summary: &mut Summary,
    ) -> Result<Option<(u64, Violation)>, Error> {
        let last = job.seeds.last().copied().unwrap_or(0);
        for number in last + 1..=last + MORE_SEEDS {
            if summary.never().is_none() {
                break;
            }
            let (outcome, facts) = self.one(job, number, Mode::default(), Stage::Run)?;
            summary.add(&facts);
            summary.seeds += 1;
            if let Err(violation) = outcome {
                summary.failing += 1;
                return Ok(Some((number, violation)));
            }
        }
        Ok(None)
    }

    /// What it means that a recorded run does not fail as it did before. The same run without a
    /// recorder tells: if it does, what was written down made the difference, which is only read
    /// out of the program. So it keeps something outside its state. If not, the grader is broken.
    fn not_repeated(
        &self,
        job: &Job<'_>,
        number: u64,
        violation: &Violation,
        recorded: &Result<(), Violation>,
    ) -> Result<Stop, Error> {
        let (again, _) = self.one(job, number, Mode::default(), Stage::Shrink)?;
        if again.as_ref() != Err(violation) {
            let text = format!(
                "{} with seed {number} failed, and run again it did something else",
                job.row.id
            );
            return Err(Error::Broken(text));
        }
        let other = match recorded {
            Ok(()) => "it went well",
            Err(other) => &other.observed,
        };
        let observed = format!(
            "{}. While its messages and states were shown, the same run went another way: {other}. \
             So the program keeps something outside of its state that showing it changes, in a \
             static or a `Debug`, say",
            violation.observed
        );
        Ok(Stop::beside_worlds(FailureKind::Nondeterminism, observed))
    }

    /// One run, which is this stage; the inner result is the program's, the outer error the
    /// grader's.
    fn one(
        &self,
        job: &Job<'_>,
        number: u64,
        mode: Mode,
        stage: Stage,
    ) -> Result<(Result<(), Violation>, Facts), Error> {
        if self.interrupt.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let (choices, told) = (choices(job, number), self.stopwatch.in_run(stage));
        self.stopwatch.at(stage, || {
            run_once(self.backend, job.test, number, choices, mode, Some(&told))
        })
    }
}

/// A failure that no run shows.
fn without_a_world(handout: String, number: u64, stop: &Stop) -> Option<Failure> {
    match stop {
        Stop::Violation(seen) => Some(failure(seen, number, handout, &Facts::default())),
        Stop::Broken(_) => None,
    }
}

/// The program never came so far that this fault could happen to it.
fn unreachable(name: &str, runs: u64) -> Stop {
    let observed = format!(
        "in {runs} runs the program never came so far that the faults of this test could happen to \
         it (\"{name}\"): what they would hit did nothing, or never got ready. What does not take \
         part survives everything, so that it did shows nothing"
    );
    Stop::beside_worlds(FailureKind::NoProgress, observed)
}

/// Which verdicts have been told, and which wait for others.
#[derive(Default)]
struct Telling {
    /// The next to be told, by its place among the jobs.
    next: usize,
    waiting: BTreeMap<usize, TestVerdict>,
    over: BTreeSet<String>,
    failed: BTreeSet<String>,
}

impl Telling {
    fn is_over(&mut self, index: usize, verdict: TestVerdict) {
        self.over.insert(verdict.id.clone());
        if verdict.status == Status::Failed {
            self.failed.insert(verdict.id.clone());
        }
        self.waiting.insert(index, verdict);
    }

    /// The next verdict, if it is there and so are those of the tests that it needs, of which some
    /// may come later in the rubric.
    fn next(&mut self, jobs: &[Job<'_>]) -> Option<TestVerdict> {
        let row = jobs.get(self.next)?.row;
        let runs = |need: &&String| jobs.iter().any(|job| job.row.id == **need);
        let known = |need: &String| self.over.contains(need);
        if !row.needs.iter().filter(runs).all(known) {
            return None;
        }
        let mut verdict = self.waiting.remove(&self.next)?;
        withhold_one(row, &mut verdict, &self.failed);
        self.next += 1;
        Some(verdict)
    }
}

/// The first seed alone, with the rest of its block behind it, then blocks. A program that exhausts
/// a limit with the first seed does so with others, too, at many times the cost of other failures:
/// of that once is enough.
fn blocks(seeds: &[u64]) -> impl Iterator<Item = &[u64]> {
    let (first, rest) = seeds.split_at(seeds.len().min(1));
    let (block, others) = rest.split_at(rest.len().min(BLOCK - 1));
    [first, block]
        .into_iter()
        .chain(others.chunks(BLOCK))
        .filter(|block| !block.is_empty())
}

/// The verdict on a single run.
pub(crate) fn verdict_of_one(row: &RubricRow, failure: Option<Failure>) -> TestVerdict {
    let failing = u64::from(failure.is_some());
    Summary {
        seeds: 1,
        failing,
        ..Summary::default()
    }
    .verdict(row, failure)
}

fn choices(job: &Job<'_>, number: u64) -> u64 {
    seed_of(job.test.id, number, job.salt)
}

/// Runs one test with one seed, of whose searches the timekeeper is told. What goes wrong in the
/// test or in the engines is the grader's fault, never the program's.
pub(crate) fn run_once(
    backend: &(dyn Fn() -> Box<dyn Backend> + Sync),
    test: Test,
    number: u64,
    choices: u64,
    mode: Mode,
    timekeeper: Option<&dyn Timekeeper>,
) -> Result<(Result<(), Violation>, Facts), Error> {
    let run = || -> (Outcome, Facts) {
        let mut own = backend();
        let mut trial = Trial::new(&mut *own, number, choices, mode).with_machines(backend);
        if let Some(timekeeper) = timekeeper {
            trial = trial.timed_by(timekeeper);
        }
        let outcome = (test.run)(&mut trial);
        (outcome, trial.finish())
    };
    let (outcome, facts) = catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Error::Broken(format!(
            "{} with seed {number} panicked: {}",
            test.id,
            text.unwrap_or_default()
        ))
    })?;
    match outcome {
        Ok(()) => Ok((Ok(()), facts)),
        Err(Stop::Violation(violation)) => Ok((Err(violation), facts)),
        Err(Stop::Broken(why)) => Err(Error::Broken(format!(
            "{} with seed {number}: {why}",
            test.id
        ))),
    }
}

/// What all seeds of a test add up to.
#[derive(Default)]
struct Summary {
    seeds: u64,
    failing: u64,
    phases: Vec<(Phase, u64)>,
    fired: BTreeMap<&'static str, u64>,
    undecided: Vec<String>,
    searched: Vec<Searched>,
}

impl Summary {
    fn add(&mut self, facts: &Facts) {
        self.searched.extend(facts.searched.iter().map(searched));
        for (name, count) in &facts.fired {
            *self.fired.entry(name).or_insert(0) += count;
        }
        self.undecided.extend(facts.undecided.iter().cloned());
        for phase in &facts.phases {
            let known = self
                .phases
                .iter_mut()
                .find(|(known, _)| known.name == phase.name);
            match known {
                Some((sum, runs)) => {
                    *runs += 1;
                    sum.add(phase);
                }
                None => self.phases.push((phase.clone(), 1)),
            }
        }
    }

    /// A fault that happened with no seed.
    fn never(&self) -> Option<&'static str> {
        let mut fired = self.fired.iter();
        fired.find(|(_, count)| **count == 0).map(|(name, _)| *name)
    }

    fn verdict(self, row: &RubricRow, failure: Option<Failure>) -> TestVerdict {
        let mut remarks: Vec<String> = Vec::new();
        if failure.is_none() {
            let never = self.fired.iter().filter(|(_, count)| **count == 0);
            remarks.extend(never.map(|(name, _)| {
                format!("not scored: the fault \"{name}\" happened with no seed")
            }));
            remarks.extend(
                self.undecided
                    .iter()
                    .map(|what| format!("not scored: undecided: {what}")),
            );
        }
        let status = match (&failure, remarks.is_empty()) {
            (Some(_), _) => Status::Failed,
            (None, false) => Status::NotScored,
            (None, true) => Status::Passed,
        };
        TestVerdict {
            id: row.id.clone(),
            title: row.title.clone(),
            property: row.property.clone(),
            part: row.part.clone(),
            category: row.category.name().to_owned(),
            visibility: row.visibility.into(),
            points: row.points,
            earned: if status == Status::Passed {
                row.points
            } else {
                0
            },
            status,
            seeds: self.seeds,
            failing_seeds: self.failing,
            remarks,
            failure,
            phases: self
                .phases
                .into_iter()
                .map(|(phase, _)| counts(phase))
                .collect(),
            faults: self
                .fired
                .into_iter()
                .map(|(name, count)| (name.to_owned(), count))
                .collect(),
            searched: self.searched,
        }
    }
}

#[cfg(test)]
mod tests;
