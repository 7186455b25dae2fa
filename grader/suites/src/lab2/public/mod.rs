//! The tests that students have.

pub mod budget;
pub mod failover;
pub mod silence;
pub mod single;
pub mod split;
pub mod views;
