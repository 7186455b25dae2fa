//! Lab 2: a key-value service that survives the death of a server. The handout says what each role
//! must do.
#![allow(unused, clippy::todo)] // take this line out when you have filled the holes
#![forbid(unsafe_code)]

mod client;
mod message;
mod server;
mod view_server;

pub use client::Client;
pub use message::Message;
pub use server::Server;
pub use view_server::ViewServer;
