//! What the exit code says.

/// Every test passed, and all points are earned.
pub const ALL_PASSED: u8 = 0;
/// Graded, and something failed.
pub const SOMETHING_FAILED: u8 = 1;
/// The command is wrong.
pub const USAGE: u8 = 2;
/// The submission does not build.
pub const DOES_NOT_BUILD: u8 = 3;
/// The grader itself failed: there is no score.
pub const BROKEN: u8 = 4;
/// Somebody has no score: a human must look at a submission, or it must be graded again.
pub const NOT_SCORED: u8 = 5;
/// Somebody pressed Ctrl-C.
pub const INTERRUPTED: u8 = 130;
