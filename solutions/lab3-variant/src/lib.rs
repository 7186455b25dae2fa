//! Lab 3 without a leader: every server proposes for its own clients, with both phases for each
//! slot, operations in batches, and reads that a majority confirms without a slot.
#![forbid(unsafe_code)]

mod client;
mod disk;
mod message;
mod proposer;
mod server;
mod store;

pub use client::Client;
pub use message::Message;
pub use server::Server;
