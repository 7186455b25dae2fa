//! The public tests of lab 1, part by part.

pub mod applications;
pub mod budget;
pub mod distribution;
pub mod exploration;
pub mod failures;
pub mod recovery;
