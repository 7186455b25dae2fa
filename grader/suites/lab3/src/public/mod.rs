//! The tests that students have.

pub mod agreement;
pub mod budget;
pub mod exploration;
pub mod memory;
pub mod recovery;
pub mod store;
