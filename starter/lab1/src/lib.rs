//! Lab 1: MapReduce. The handout says what each role must do.
#![allow(unused, clippy::todo)] // take this line out when you have filled the holes
#![forbid(unsafe_code)]

mod apps;
mod coordinator;
mod message;
mod worker;

pub use apps::{InvertedIndex, Sequential, WordCount};
pub use coordinator::Coordinator;
pub use message::Message;
pub use worker::Worker;
