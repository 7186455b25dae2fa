//! The tests that students have.

pub mod budget;
pub mod exploration;
pub mod failover;
pub mod silence;
pub mod single;
pub mod split;
pub mod views;
