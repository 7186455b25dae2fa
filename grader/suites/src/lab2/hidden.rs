//! The hidden tests, which course staff run with `--hidden`. In a release for students this file is a stub without tests.

use crate::Test;

/// The hidden tests, in the order of the rubric, each named `H-`, its part and a number.
pub fn tests() -> Vec<Test> {
    Vec::new()
}
