//! Running a recorded failure again.

use std::{path::Path, sync::atomic::AtomicBool};

use faultline_host::{Toolchain, on_world_stack};
use faultline_sim::{Detail, backend::Backend};
use faultline_verdict::{TestVerdict, Walk};

use crate::{
    building::{Building, Cache, build, stage},
    course::Course,
    error::{Error, broken},
    lesson::{failure, walk},
    origin,
    run::{run_once, verdict_of_one},
    timings::Stopwatch,
    trace::Trace,
};

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

/// Runs the failure that a trace file ([`find_trace`](crate::find_trace)) holds again; with `step`
/// it also keeps the world after each step.
///
/// # Errors
/// A trace that cannot be read, a submission that does not build, or a broken grader.
pub fn replay(
    course: &Course,
    path: &Path,
    submission: Option<&Path>,
    step: bool,
) -> Result<Replayed, Error> {
    let root = &course.root;
    let trace = Trace::read(path)?;
    let wrong = |what: String| Error::Trace {
        path: path.to_owned(),
        what,
    };
    let (suite, rubric) = course.lab(&trace.lab)?;
    let test = suite.test(&trace.test);
    let test = test.ok_or_else(|| wrong(format!("{} has no test {:?}", trace.lab, trace.test)))?;
    let row = rubric
        .tests
        .iter()
        .find(|row| row.id == trace.test)
        .expect("the rubric has a row for each test");
    let folder = submission.map_or_else(|| root.join(&trace.submission), Path::to_owned);
    let submission = stage(&folder)?;
    origin::must_be(course, &trace.lab)?;
    let toolchain = Toolchain::find(root).map_err(broken)?;
    let interrupt = AtomicBool::new(false);
    let built = build(
        root,
        &toolchain,
        &submission,
        suite,
        Building::from(Cache::Last),
        &interrupt,
        &Stopwatch::start(),
    )?;
    let changed = submission.digest().to_string() != trace.digest;
    let choices = trace.choices().expect("checked when it was read");
    let mode = trace.mode(if step { Detail::Worlds } else { Detail::Words });
    let backend = || -> Box<dyn Backend> { Box::new(built.program.backend()) };
    let (result, facts) =
        on_world_stack(|| run_once(&backend, test, trace.seed, choices, mode, None))?;
    let failure = result.err().map(|violation| {
        let handout = format!("{}#{}", rubric.handout, row.handout);
        failure(&violation, trace.seed, handout, &facts)
    });
    let walk = facts
        .recording
        .as_ref()
        .filter(|_| step)
        .map(|run| walk(run, failure.as_ref()));
    let same = failure
        .as_ref()
        .is_some_and(|failure| failure.kind == trace.kind && failure.observed == trace.observed);
    let verdict = verdict_of_one(row, failure);
    Ok(Replayed {
        lab: trace.lab,
        submission: trace.submission,
        verdict,
        changed,
        same_failure: same,
        skipped: facts.skipped,
        walk,
    })
}
