//! Lab 2: a key-value service that survives the death of a server, built on one log per view.
//!
//! All that a primary tells its backup in a view is one numbered sequence: first the whole state,
//! then the writes. The backup takes it in order and says how far it has come; what it has passed
//! is carried out and answered. Reads are not in the log: they wait until the backup has confirmed
//! that it still is one.
#![forbid(unsafe_code)]

mod client;
mod log;
mod message;
mod server;
mod store;
mod view_server;

pub use client::Client;
pub use message::Message;
pub use server::Server;
pub use store::{Entry, Write};
pub use view_server::ViewServer;
