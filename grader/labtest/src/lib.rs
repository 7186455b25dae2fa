//! What the suites of all labs share.
//!
//! A suite is a list of tests. A test is a function of a [`Trial`](faultline_sim::Trial): it
//! builds a world, does something to it and says what must hold. It sees a submission only through
//! the world: messages that the lab gives, answers of clients, observations. Points, titles and
//! seeds stand in the lab's rubric, not here.

mod suite;

pub use suite::{Suite, Test};
