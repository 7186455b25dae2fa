//! The labs of this course.

pub use faultline_labtest::{Suite, Test};

/// All labs, in the order of the course.
pub fn suites() -> Vec<Suite> {
    vec![
        lab0_suite::suite().with_hidden(lab0_hidden::tests()),
        lab1_suite::suite().with_hidden(lab1_hidden::tests()),
        lab2_suite::suite().with_hidden(lab2_hidden::tests()),
        lab3_suite::suite().with_hidden(lab3_hidden::tests()),
    ]
}
