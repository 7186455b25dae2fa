//! The registry: which labs this course has.

use faultline_labtest::Suite;
use faultline_origin::Origin;

/// All labs, in the order of the course.
pub fn suites() -> Vec<Suite> {
    faultline_labtest::suites! {
    }
}

/// What the labs were compiled from.
pub fn origin() -> Origin {
    include!(concat!(env!("OUT_DIR"), "/origin.rs"))
}
