//! The registry: which labs this course has. The program `faultline` (`cargo grade`) is the grader
//! of `faultline-cli` with these labs.
//!
//! To add a lab, add a line to [`suites`], and a rubric to `rubrics/`. This crate must not know how
//! anything is graded; it names labs, and that is all. Nothing but its own tests may depend on it.
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
    vec![
        lab0_suite::suite().with_hidden(lab0_hidden::tests()),
        lab1_suite::suite().with_hidden(lab1_hidden::tests()),
        lab2_suite::suite().with_hidden(lab2_hidden::tests()),
        lab3_suite::suite().with_hidden(lab3_hidden::tests()),
    ]
}

/// What the labs were compiled from.
pub fn origin() -> Origin {
    include!(concat!(env!("OUT_DIR"), "/origin.rs"))
}
