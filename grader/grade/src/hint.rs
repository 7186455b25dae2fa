//! Hints: a question that leads on, for the kind of failure that a test had last. On request only,
//! and never the fix.

use faultline_labtest::Suite;

use crate::{
    building::stage,
    course::Course,
    error::Error,
    last::last_run,
    names::Among,
    trace::Trace,
    traces::{meant, no_failure, trace_of},
};

/// What is said to somebody who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The lab.
    pub lab: String,
    /// The test.
    pub test: String,
    /// How it failed last.
    pub kind: String,
    /// The hint.
    pub text: String,
    /// The section of the handout that explains the promise.
    pub handout: String,
    /// Why the failure may be none of the program as it is now, in a sentence.
    pub stale: Option<String>,
}

/// The hint for the last failure of a public test, which its trace tells of. The test is
/// `lab2/put_append_get`, or its name alone where that is clear.
///
/// # Errors
/// An unknown test, one that several labs have, or one that has not failed in the last run.
pub fn hint(course: &Course, asked: &str) -> Result<Hint, Error> {
    let last = last_run(course)?;
    let name = meant(
        course,
        asked,
        Among::Public,
        last.as_ref(),
        "cargo grade hint",
    )?;
    let (suite, rubric) = course.lab(&name.lab)?;
    let row = rubric
        .tests
        .iter()
        .find(|row| row.id == name.test)
        .expect("the rubric has a row for each test");
    let of_lab = last.as_ref().filter(|last| last.lab == name.lab);
    if of_lab.is_some_and(|last| last.passed(&name.test)) {
        return Err(Error::Usage(format!(
            "{name} did not fail in the last run, so there is nothing to give a hint for"
        )));
    }
    let path = trace_of(course, &name, last.as_ref());
    let path = path.ok_or_else(|| no_failure(&name, "give a hint for"))?;
    let trace = Trace::read(&path)?;
    let stale = stale(course, suite, &trace);
    let kind = trace.kind;
    let text = row
        .hints
        .get(&kind)
        .or_else(|| rubric.hints.get(&kind))
        .cloned();
    let text = text.unwrap_or_else(|| {
        "There is no hint for this kind of failure; read the handout's section.".to_owned()
    });
    let handout = format!("{}#{}", rubric.handout, row.handout);
    Ok(Hint {
        lab: name.lab,
        test: name.test,
        kind,
        text,
        handout,
        stale,
    })
}

/// A hint is for how the program failed; if its sources are others now, it may fail differently.
fn stale(course: &Course, suite: &Suite, trace: &Trace) -> Option<String> {
    let Trace { lab, test, .. } = trace;
    let submission = &trace.submission;
    let why = match stage(&course.root.join(submission), suite) {
        Ok(staged) if staged.digest().to_string() == trace.digest => return None,
        Ok(_) => format!("{submission} has changed since it failed so"),
        Err(_) => format!("{submission}, which failed so, is no submission any more"),
    };
    Some(format!(
        "{why}: run `cargo grade {lab} {test}` to see how it fails now."
    ))
}
