//! The tests of each lab.
//!
//! A test is a function of a [`Trial`]: it builds a world, does something to it and says what must
//! hold. It sees a submission only through the world: messages that the lab gives, answers of
//! clients, observations. Points, titles and seeds stand in the lab's rubric, not here.

mod lab0;
mod lab1;
mod lab2;
mod lab3;

use faultline_sim::{Outcome, Trial};

/// One test.
#[derive(Clone, Copy)]
pub struct Test {
    /// Its name, a fact about a correct program.
    pub id: &'static str,
    /// Runs it with one seed.
    pub run: fn(&mut Trial<'_>) -> Outcome,
}

/// The tests of one lab.
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
    /// The test with this name, public or hidden.
    pub fn test(&self, id: &str) -> Option<Test> {
        self.tests
            .iter()
            .chain(&self.hidden)
            .find(|test| test.id == id)
            .copied()
    }
}

/// All labs, in the order of the course.
pub fn suites() -> Vec<Suite> {
    vec![lab0::suite(), lab1::suite(), lab2::suite(), lab3::suite()]
}

/// A [`Test`] named after its function.
macro_rules! tests {
    ($($module:ident: $($id:ident),* $(,)?;)*) => {
        vec![$($(crate::Test { id: stringify!($id), run: $module::$id }),*),*]
    };
}
pub(crate) use tests;
