//! Hints: a question that leads on, for the kind of failure that a test had last. On request only,
//! and never the fix.

use crate::{
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
    let (_, rubric) = course.lab(&name.lab)?;
    let row = rubric
        .tests
        .iter()
        .find(|row| row.id == name.test)
        .expect("the rubric has a row for each test");
    let path = trace_of(course, &name, last.as_ref());
    let path = path.ok_or_else(|| no_failure(&name, "give a hint for"))?;
    let kind = Trace::read(&path)?.kind;
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
    })
}
