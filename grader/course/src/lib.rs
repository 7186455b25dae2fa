//! The registry: which labs this course has. The program `faultline` (`cargo grade`) is the grader
//! of `faultline-cli` with these labs.
//!
//! `cargo grade new-lab NAME` makes a lab, its line in [`suites`] included. This crate must not
//! know how anything is graded; it names labs, and that is all. Nothing but its own tests and the
//! program with all commands, `grader/full`, may depend on it.
//!
//! ```
//! let labs: Vec<&str> = faultline::suites().iter().map(|suite| suite.lab).collect();
//! assert_eq!(labs[0], "lab0");
//! // Each has a digest of what it was compiled from, which fingerprints of results hold.
//! assert!(labs.iter().all(|lab| faultline::origin().labs.contains_key(*lab)));
//! ```
//!
//! Read on in `grader/grade/src/course.rs`, which is what a registry and a project make together,
//! and in `grader/cli/src/lib.rs`.

use faultline_labtest::Suite;
use faultline_origin::Origin;

/// All labs, in the order of the course.
pub fn suites() -> Vec<Suite> {
    faultline_labtest::suites! {
        lab0_suite with lab0_hidden;
        lab1_suite with lab1_hidden;
        lab2_suite with lab2_hidden;
        lab3_suite with lab3_hidden;
    }
}

/// What the labs were compiled from.
pub fn origin() -> Origin {
    include!(concat!(env!("OUT_DIR"), "/origin.rs"))
}
