//! Running a recorded failure again.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use faultline_host::{Program, Staged, Toolchain, on_world_stack};
use faultline_sim::{Detail, Facts, Violation, backend::Backend};
use faultline_verdict::{TestVerdict, Walk};

use crate::{
    building::{Building, Cache, build, stage},
    course::Course,
    error::{Error, broken},
    lesson::{failure, steps_to_show, to_look_at, walk},
    origin,
    run::{run_once, verdict_of_one},
    timings::Stopwatch,
    trace::Trace,
};

/// Beside a folder of traces, what they are traces of.
pub const KEPT_SOURCES: &str = "source";

/// A trace, run again.
#[derive(Debug)]
pub struct Replayed {
    /// The lab.
    pub lab: String,
    /// The submission's folder, relative to the project or absolute.
    pub submission: String,
    /// The test's verdict on this one run.
    pub verdict: TestVerdict,
    /// True if the submission is not the one that the trace was made with.
    pub changed: bool,
    /// True if it failed in the same way as the trace says.
    pub same_failure: bool,
    /// How many actions of the trace were not possible any more.
    pub skipped: usize,
    /// The run step by step, if that was asked for.
    pub walk: Option<Walk>,
}

/// What is gone through step by step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steps {
    /// Nothing, and not even what the events of the failure changed: only whether it fails counts.
    Unasked,
    /// Nothing.
    Unseen,
    /// The run; of a long one the first steps and the last, and between them those that the failure
    /// shows, crashes and other faults.
    Shown,
    /// The same, and the step with this number.
    And(u64),
}

/// Runs the failure that a trace file ([`find_trace`](crate::find_trace)) holds again, and keeps
/// the world after each of these steps.
///
/// # Errors
/// A trace that cannot be read, a submission that does not build, or a broken grader.
pub fn replay(
    course: &Course,
    path: &Path,
    submission: Option<&Path>,
    steps: Steps,
    interrupt: &AtomicBool,
) -> Result<Replayed, Error> {
    let trace = Trace::read(path)?;
    let kept = match submission {
        Some(_) => None,
        None => kept_beside(path, &trace),
    };
    let folder = submission
        .or(kept.as_deref())
        .map_or_else(|| course.root.join(&trace.submission), Path::to_owned);
    let (suite, _) = course.lab(&trace.lab)?;
    let submission = stage(&folder, suite)?;
    origin::must_be(course, &trace.lab)?;
    let root = &course.root;
    let toolchain = Toolchain::find(root).map_err(broken)?;
    let building = Building::from(Cache::Last);
    let watch = Stopwatch::start();
    let built = build(
        root,
        &toolchain,
        &submission,
        suite,
        building,
        interrupt,
        &watch,
    );
    // Ctrl-C ends the compiler, too; what that says of the submission means nothing.
    if interrupt.load(Ordering::Relaxed) {
        return Err(Error::Interrupted);
    }
    let digest = submission.digest().to_string();
    let replayer = Replayer::of(course, &trace.lab, built?.program, digest);
    let mut replayed = replayer.replay(path, steps)?;
    if let Some(kept) = kept {
        replayed.submission = kept.display().to_string();
    }
    Ok(replayed)
}

/// A run in words, and with the states that say which of its events are shown.
fn looked_at(
    run: &dyn Fn(Detail) -> Result<(Result<(), Violation>, Facts), Error>,
    steps: Steps,
) -> Result<(Result<(), Violation>, Facts), Error> {
    let (result, facts) = run(Detail::Words)?;
    let look_at = match (&result, &facts.recording) {
        (Err(violation), Some(words)) if steps != Steps::Unasked => {
            to_look_at(words, violation, &facts.asked)
        }
        _ => BTreeSet::new(),
    };
    if !look_at.is_empty() {
        let (again, seen) = run(Detail::States(look_at))?;
        // What is told of the run without its states is true, too.
        if again == result {
            return Ok((result, seen));
        }
    }
    Ok((result, facts))
}

/// The sources that a class's grading keeps beside the folder of its traces, if they are those that
/// the trace was made with.
fn kept_beside(file: &Path, trace: &Trace) -> Option<PathBuf> {
    let kept = std::path::absolute(file).ok()?;
    let kept = kept.parent()?.parent()?.join(KEPT_SOURCES);
    let staged = Staged::from_folder(&kept).ok()?;
    (staged.digest().to_string() == trace.digest).then_some(kept)
}

/// A submission that is built, to replay any number of its failures.
pub struct Replayer<'c> {
    course: &'c Course,
    lab: String,
    program: Program,
    digest: String,
}

impl<'c> Replayer<'c> {
    /// The submission of this digest.
    pub(crate) fn of(
        course: &'c Course,
        lab: &str,
        program: Program,
        digest: String,
    ) -> Replayer<'c> {
        Replayer {
            course,
            lab: lab.to_owned(),
            program,
            digest,
        }
    }

    /// Runs the failure that this file holds again.
    ///
    /// # Errors
    /// A trace that cannot be read or is of another lab, or a broken grader.
    pub fn replay(&self, path: &Path, steps: Steps) -> Result<Replayed, Error> {
        let trace = Trace::read(path)?;
        let wrong = |what: String| Error::Trace {
            path: path.to_owned(),
            what,
        };
        if trace.lab != self.lab {
            return Err(wrong(format!(
                "it is of {}, not of {}",
                trace.lab, self.lab
            )));
        }
        let (suite, rubric) = self.course.lab(&trace.lab)?;
        let test = suite.test(&trace.test);
        let test =
            test.ok_or_else(|| wrong(format!("{} has no test {:?}", trace.lab, trace.test)))?;
        let row = rubric
            .tests
            .iter()
            .find(|row| row.id == trace.test)
            .expect("the rubric has a row for each test");
        let choices = trace.choices().expect("checked when it was read");
        let backend = || -> Box<dyn Backend> { Box::new(self.program.backend()) };
        let run = |detail| {
            let mode = trace.mode(detail);
            on_world_stack(|| run_once(&backend, test, trace.seed, choices, mode, None))
        };
        let (result, facts) = looked_at(&run, steps)?;
        let failure = result.as_ref().err().map(|violation| {
            let handout = format!("{}#{}", rubric.handout, row.handout);
            failure(violation, trace.seed, handout, &facts)
        });
        let at = match steps {
            Steps::And(at) => Some(at),
            Steps::Unasked | Steps::Unseen | Steps::Shown => None,
        };
        let lines = failure.as_ref().map_or(&[][..], |failure| &failure.trace);
        let words = facts.recording.as_ref();
        let words = words.filter(|_| !matches!(steps, Steps::Unasked | Steps::Unseen));
        // What is worth looking at is known only now, and whole worlds are too large to keep all.
        let walk = match words.map(|words| steps_to_show(words, lines, at)) {
            None => None,
            Some(shown) => {
                let (again, seen) = run(Detail::Worlds(shown))?;
                if again != result {
                    return Err(broken("looked at step by step, the run did something else"));
                }
                seen.recording.map(|run| walk(&run, failure.as_ref()))
            }
        };
        let same = failure.as_ref().is_some_and(|failure| {
            failure.kind == trace.kind && failure.observed == trace.observed
        });
        Ok(Replayed {
            lab: trace.lab,
            submission: trace.submission,
            verdict: verdict_of_one(row, failure),
            changed: self.digest != trace.digest,
            same_failure: same,
            skipped: facts.skipped,
            walk,
        })
    }
}
