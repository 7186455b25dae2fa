//! The tests that students have.

pub mod failover;
pub mod single;
pub mod views;
