//! Lab 1, another way: workers ask for tasks and are lent them for a while; map output stays in
//! their memory; reducers complain about what they cannot fetch; the coordinator's disk is its
//! state, written whole.
#![forbid(unsafe_code)]

mod apps;
mod coordinator;
mod ledger;
mod message;
mod worker;

pub use apps::{InvertedIndex, Sequential, WordCount};
pub use coordinator::Coordinator;
pub use message::Message;
pub use worker::Worker;
