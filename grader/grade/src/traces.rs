//! Finding the trace of a failure again.

use std::path::{Path, PathBuf};

use crate::{
    course::Course,
    error::Error,
    last::{LastRun, last_run},
    names::{Among, TestName, candidates},
    trace::{Trace, file_of},
};

/// The folder of a lab's traces, below the project, if nobody names another.
pub fn usual_folder(lab: &str) -> PathBuf {
    Path::new("target/grade").join(lab)
}

/// The trace that a test's last failure left: where the last run put its traces, or in the usual
/// folder. If it did not fail in the last run, there is none that is still true; and a folder may
/// hold traces of other labs, whose tests may have the same name.
pub(crate) fn trace_of(
    course: &Course,
    name: &TestName,
    last: Option<&LastRun>,
) -> Option<PathBuf> {
    let of_last = last.filter(|last| last.lab == name.lab);
    if of_last.is_some_and(|last| last.passed(&name.test)) {
        return None;
    }
    let is_of_it = |path: &PathBuf| {
        let trace = Trace::read(path);
        // What cannot be read is told when somebody reads it.
        trace.map_or(path.is_file(), |trace| {
            (trace.lab, trace.test) == (name.lab.clone(), name.test.clone())
        })
    };
    let folders = of_last.map(|last| last.traces.clone()).into_iter();
    folders
        .chain([usual_folder(&name.lab)])
        .map(|folder| course.root.join(folder).join(file_of(&name.test)))
        .find(is_of_it)
}

/// The test that somebody means. Of several with one name it is that of the lab which was graded
/// last, if that one failed; else it is not clear, and `command` is what can be asked with the
/// whole name.
///
/// # Errors
/// [`Error::Usage`] if there is no such test, or it is not clear which one is meant.
pub(crate) fn meant(
    course: &Course,
    name: &str,
    among: Among,
    last: Option<&LastRun>,
    command: &str,
) -> Result<TestName, Error> {
    let all = candidates(course, name, among)?;
    let failed_last = |meant: &&TestName| {
        let of_last = last.is_some_and(|last| last.lab == meant.lab);
        of_last && trace_of(course, meant, last).is_some()
    };
    match all.as_slice() {
        [one] => Ok(one.clone()),
        several => several.iter().find(failed_last).cloned().ok_or_else(|| {
            let commands = several.iter().map(|meant| format!("`{command} {meant}`"));
            Error::Usage(format!(
                "{name} is a test of several labs; say which one you mean: {}",
                commands.collect::<Vec<_>>().join(" or ")
            ))
        }),
    }
}

/// The trace file that somebody means: a path, a test (`lab2/put_append_get`, or its name alone
/// where that is clear), or the first failure of the last run.
///
/// # Errors
/// [`Error::Usage`] if there is none.
pub fn find_trace(course: &Course, asked: Option<&Path>) -> Result<PathBuf, Error> {
    let Some(asked) = asked else {
        return first_of_last(course);
    };
    // Reports name traces relative to the project, wherever their reader is.
    let in_project = course.root.join(asked);
    if let Some(path) = [asked.to_owned(), in_project]
        .into_iter()
        .find(|path| path.is_file())
    {
        return Ok(path);
    }
    match asked.to_str().filter(|name| may_name_a_test(course, name)) {
        Some(name) => {
            let last = last_run(course)?;
            let name = meant(
                course,
                name,
                Among::All,
                last.as_ref(),
                "cargo grade replay",
            )?;
            trace_of(course, &name, last.as_ref()).ok_or_else(|| no_failure(&name, "replay"))
        }
        // Reading it tells what is wrong with it.
        None => Ok(asked.to_owned()),
    }
}

/// Whether this is rather a test than a file: its lab is known, or it has no folder and no ending.
fn may_name_a_test(course: &Course, name: &str) -> bool {
    match name.split_once('/') {
        Some((lab, test)) => {
            !test.contains(['/', '.']) && course.suites.iter().any(|suite| suite.lab == lab)
        }
        None => !name.is_empty() && !name.contains(['.', '\\']),
    }
}

fn first_of_last(course: &Course) -> Result<PathBuf, Error> {
    let Some(last) = last_run(course)? else {
        let text = "nothing has been graded here yet, so there is nothing to replay: run `cargo \
                    grade LAB` first, or name a trace file";
        return Err(Error::Usage(text.to_owned()));
    };
    let Some(first) = last.failures.first() else {
        return Err(Error::Usage(format!(
            "the last run, of {}, left no failure to replay; name a test (LAB/TEST) or a trace \
             file",
            last.lab
        )));
    };
    let name = TestName::new(&last.lab, first);
    trace_of(course, &name, Some(&last)).ok_or_else(|| no_failure(&name, "replay"))
}

/// What is said where no trace is; `what` somebody wants to do with it.
pub(crate) fn no_failure(name: &TestName, what: &str) -> Error {
    let TestName { lab, test } = name;
    Error::Usage(format!(
        "{name} has left no failure to {what}: run `cargo grade {lab} {test}` first"
    ))
}

#[cfg(test)]
mod tests;
