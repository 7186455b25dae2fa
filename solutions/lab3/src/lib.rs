//! Lab 3: a key-value service that agrees on a log by Paxos. The handout says what each role must
//! do.
// starter: #![allow(unused, clippy::todo)] // take this line out when you have filled the holes
#![forbid(unsafe_code)]

mod client;
mod message;
mod server;
mod store;

pub use client::Client;
pub use message::Message;
pub use server::Server;
