//! The tests that students have.

pub mod clocks;
pub mod echo;
pub mod pingpong;
pub mod servers;
pub mod stretch;
