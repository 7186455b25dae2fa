//! What tests are called: `lab3/put_append_get` everywhere, since several labs have tests of the
//! same name; just `put_append_get` where that is clear.

use std::fmt;

use faultline_labtest::Suite;

use crate::{
    course::Course,
    error::{Error, nearest},
};

/// A test of a lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestName {
    /// `lab3`.
    pub lab: String,
    /// `put_append_get`.
    pub test: String,
}

impl TestName {
    pub(crate) fn new(lab: &str, test: &str) -> TestName {
        TestName {
            lab: lab.to_owned(),
            test: test.to_owned(),
        }
    }
}

impl fmt::Display for TestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.lab, self.test)
    }
}

/// Which of the tests a name may stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Among {
    /// What students know.
    Public,
    /// The hidden ones, too.
    All,
}

impl Among {
    fn ids(self, suite: &Suite) -> impl Iterator<Item = &'static str> {
        let hidden = match self {
            Among::Public => &[][..],
            Among::All => &suite.hidden,
        };
        suite.tests.iter().chain(hidden).map(|test| test.id)
    }
}

/// The tests that a name may stand for: one, or one of each of several labs.
///
/// # Errors
/// [`Error::Usage`] if there is no such test.
pub(crate) fn candidates(
    course: &Course,
    name: &str,
    among: Among,
) -> Result<Vec<TestName>, Error> {
    if let Some((lab, test)) = name.split_once('/') {
        let (suite, _) = course.lab(lab)?;
        if among.ids(suite).any(|id| id == test) {
            return Ok(vec![TestName::new(lab, test)]);
        }
        return Err(Error::Usage(format!(
            "{lab} has no test {test:?}{}; `cargo grade {lab} --list` lists them",
            nearest(test, among.ids(suite))
        )));
    }
    let suites = course.suites.iter();
    let with_it = suites.filter(|suite| among.ids(suite).any(|id| id == name));
    let all: Vec<TestName> = with_it
        .map(|suite| TestName::new(suite.lab, name))
        .collect();
    if all.is_empty() {
        let known = course.suites.iter().flat_map(|suite| among.ids(suite));
        return Err(Error::Usage(format!(
            "there is no test {name:?}{}; `cargo grade LAB --list` lists them",
            nearest(name, known)
        )));
    }
    Ok(all)
}
