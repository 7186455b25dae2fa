//! The tests of each lab.
//!
//! A test is a function of a [`Trial`]: it builds a world, does something to it and says what must
//! hold. It sees a submission only through the world: messages that the lab gives, answers of
//! clients, observations. Points, titles and seeds stand in the lab's rubric, not here.

mod lab0;
mod lab1;
mod lab2;
mod lab3;

use faultline_labtest::tests;
pub use faultline_labtest::{Suite, Test};

/// All labs, in the order of the course.
pub fn suites() -> Vec<Suite> {
    vec![lab0::suite(), lab1::suite(), lab2::suite(), lab3::suite()]
}
