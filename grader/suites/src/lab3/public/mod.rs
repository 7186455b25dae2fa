//! The tests that students have.

pub mod agreement;
pub mod recovery;
