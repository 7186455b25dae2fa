//! Hints: a question that leads on, for the kind of failure that a test had last. On request only,
//! and never the fix.

use std::path::Path;

use faultline_suites::suites;

use crate::{
    error::{Error, nearest},
    plan::lab_of,
    trace::Trace,
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

/// The hint for the last failure of a public test, which its trace in `target/grade` tells of.
///
/// # Errors
/// An unknown test, or one that has not failed in the last run.
pub fn hint(root: &Path, test: &str) -> Result<Hint, Error> {
    let labs = suites();
    let lab = labs
        .iter()
        .find(|suite| suite.tests.iter().any(|known| known.id == test));
    let Some(lab) = lab.map(|suite| suite.lab) else {
        let known = labs
            .iter()
            .flat_map(|suite| suite.tests.iter().map(|known| known.id));
        let text = format!(
            "there is no test {test:?}{}; `cargo grade LAB --list` lists them",
            nearest(test, known)
        );
        return Err(Error::Usage(text));
    };
    let (_, rubric) = lab_of(root, lab)?;
    let row = rubric
        .tests
        .iter()
        .find(|row| row.id == test)
        .expect("the rubric has a row for each test");
    let path = root
        .join("target/grade")
        .join(lab)
        .join(format!("{test}.trace.json"));
    if !path.exists() {
        let text = format!(
            "{test} has left no failure to give a hint for: run `cargo grade {lab} {test}` first"
        );
        return Err(Error::Usage(text));
    }
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
        lab: lab.to_owned(),
        test: test.to_owned(),
        kind,
        text,
        handout,
    })
}
