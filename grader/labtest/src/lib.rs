//! What the suites of all labs share.
//!
//! A suite is a list of tests. A test is a function of a [`Trial`](faultline_sim::Trial): it
//! builds a world, does something to it and says what must hold. It sees a submission only through
//! the world: messages that the lab gives, answers of clients, observations. Points, titles and
//! seeds stand in the lab's rubric, not here.
//!
//! This crate knows no lab and no protocol, and neither files, clocks nor threads: a verdict is a
//! function of (submission, suite, seed). `clippy.toml` bans what would let the machine into it.
//!
//! ```
//! use faultline_labtest::{Suite, tests};
//!
//! mod first_steps {
//!     use faultline_sim::{Outcome, Trial};
//!
//!     /// Passes whatever the program does.
//!     pub fn nothing_is_promised(_: &mut Trial<'_>) -> Outcome {
//!         Ok(())
//!     }
//! }
//!
//! let suite = Suite::new("lab9", "lab9-api", tests! { first_steps: nothing_is_promised; });
//! assert!(suite.test("nothing_is_promised").is_some());
//! ```
//!
//! Read on: [`suite`](Suite) for what the grader sees, [`kv`] for the labs with a key-value
//! service, [`chaos`] for the skeleton of a chaos test, [`plans`] for faults, [`orders`] for small
//! worlds in every order of events; then a suite, such as
//! `grader/suites/lab3`.

pub mod chaos;
pub mod kv;
mod names;
pub mod orders;
mod patience;
pub mod plans;
mod suite;

pub use names::{TO_COME, bytes, client, count, say_network, server};
pub use patience::Patience;
pub use suite::{Suite, Test, drawn};
