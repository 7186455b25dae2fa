//! Tests and suites, as the grader sees them.

use faultline_sim::{
    Outcome, Trial,
    choice::{About, Choices, Draw},
};

/// One test.
#[derive(Clone, Copy, Debug)]
pub struct Test {
    /// Its name, a fact about a correct program.
    pub id: &'static str,
    /// Runs it with one seed.
    pub run: fn(&mut Trial<'_>) -> Outcome,
}

/// The tests of one lab.
#[derive(Clone, Debug)]
pub struct Suite {
    /// `lab2`.
    pub lab: &'static str,
    /// The package that holds what the lab gives, such as `lab2-api`.
    pub api_package: &'static str,
    /// The public tests, in the order of the handout.
    pub tests: Vec<Test>,
    /// The hidden tests, with opaque names such as `H-C3`; none in a release for students.
    pub hidden: Vec<Test>,
}

impl Suite {
    /// The public tests of a lab, whose id is also the beginning of its packages' names.
    pub fn new(lab: &'static str, api_package: &'static str, tests: Vec<Test>) -> Suite {
        Suite {
            lab,
            api_package,
            tests,
            hidden: Vec::new(),
        }
    }

    /// The suite with these hidden tests.
    #[must_use]
    pub fn with_hidden(self, hidden: Vec<Test>) -> Suite {
        Suite { hidden, ..self }
    }

    /// The test with this name, public or hidden.
    pub fn test(&self, id: &str) -> Option<Test> {
        self.tests
            .iter()
            .chain(&self.hidden)
            .find(|test| test.id == id)
            .copied()
    }
}

/// What a hidden test draws for itself: from the run's seed, and so from the course's salt.
pub fn drawn(trial: &Trial<'_>) -> Draw {
    Choices::new(trial.seed()).draw(About::Plan, 9, 0)
}

/// The labs of a registry: of each the crate of its suite, and the crate of its hidden tests. One
/// line for each, whatever its name: `suites! { lab1_suite with lab1_hidden; }`.
#[macro_export]
macro_rules! suites {
    ($($suite:ident with $hidden:ident;)*) => {
        vec![$($suite::suite().with_hidden($hidden::tests())),*]
    };
}

/// Hidden tests with their opaque names: `hidden_tests! { "H-A1" one, "H-A2" another }`.
#[macro_export]
macro_rules! hidden_tests {
    ($($id:literal $test:ident),* $(,)?) => {
        vec![$($crate::Test { id: $id, run: $test }),*]
    };
}

/// Tests named after their functions, by module: `tests! { views: one, another; single: third; }`.
#[macro_export]
macro_rules! tests {
    ($($module:ident: $($id:ident),* $(,)?;)*) => {
        vec![$($($crate::Test { id: stringify!($id), run: $module::$id }),*),*]
    };
}
