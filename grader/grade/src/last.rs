//! What was graded last: who asks for a hint, a replay or a watch need not say it again.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use faultline_verdict::Grade;
use serde::{Deserialize, Serialize};

use crate::{
    course::Course,
    error::{Error, broken},
    files::write_whole,
    grading::Request,
    progress::remember_points,
};

/// Where it stands, below the project.
const FILE: &str = "target/grade/last.json";

/// The version of its form.
pub(crate) const FORMAT: u32 = 2;

/// The run that was graded last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastRun {
    /// The version of this form.
    pub format: u32,
    /// The lab.
    pub lab: String,
    /// The submission's folder; none if it was the lab's starter.
    pub submission: Option<PathBuf>,
    /// The folder of the traces, relative to the project or absolute.
    pub traces: PathBuf,
    /// The tests that were run, in the order of the rubric.
    pub tests: Vec<String>,
    /// Those of them that left a trace there.
    pub failures: Vec<String>,
}

impl LastRun {
    /// True if this test was run and left no trace.
    pub(crate) fn passed(&self, test: &str) -> bool {
        let among = |tests: &[String]| tests.iter().any(|one| one == test);
        among(&self.tests) && !among(&self.failures)
    }
}

/// The version alone, which decides whether the rest can be read.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

/// Remembers a run whose traces were kept.
///
/// # Errors
/// [`Error::Broken`] if that cannot be written.
pub fn remember(course: &Course, request: &Request, grade: &Grade) -> Result<(), Error> {
    let Some(traces) = &request.traces else {
        return Ok(());
    };
    remember_points(course, request, grade)?;
    // From whichever folder somebody asks later.
    let absolute =
        |folder: &PathBuf| std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
    let failed = grade.tests.iter().filter(|verdict| {
        let failure = verdict.failure.as_ref();
        failure.is_some_and(|failure| failure.replay.is_some())
    });
    keep(
        course,
        &LastRun {
            format: FORMAT,
            lab: request.lab.clone(),
            submission: request.submission.as_ref().map(absolute),
            traces: traces.folder.clone(),
            tests: grade
                .tests
                .iter()
                .map(|verdict| verdict.id.clone())
                .collect(),
            failures: failed.map(|verdict| verdict.id.clone()).collect(),
        },
    )
}

pub(crate) fn keep(course: &Course, last: &LastRun) -> Result<(), Error> {
    let mut bytes = serde_json::to_vec_pretty(last).map_err(broken)?;
    bytes.push(b'\n');
    write_whole(&course.root.join(FILE), &bytes)
}

/// What was graded last; `None` if nothing was yet.
///
/// # Errors
/// [`Error::Usage`] if what is remembered cannot be read.
pub fn last_run(course: &Course) -> Result<Option<LastRun>, Error> {
    let path = course.root.join(FILE);
    match fs::read(&path) {
        Ok(bytes) => read(&path, &bytes).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::Usage(format!("{}: {error}", path.display()))),
    }
}

fn read(path: &Path, bytes: &[u8]) -> Result<LastRun, Error> {
    let wrong = |what: String| {
        let text = format!("{}: {what}: grade again to get a new one", path.display());
        Error::Usage(text)
    };
    let unread = |error: serde_json::Error| wrong(format!("it cannot be read ({error})"));
    let Version { format } = serde_json::from_slice(bytes).map_err(unread)?;
    if format != FORMAT {
        let text = format!("it has format {format}, this grader reads {FORMAT}");
        return Err(wrong(text));
    }
    serde_json::from_slice(bytes).map_err(unread)
}
