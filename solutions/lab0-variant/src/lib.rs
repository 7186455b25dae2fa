//! Lab 0, in another way: each ping has a timer of its own, servers repeat a reply until
//! they are thanked, and ids are reserved on disk in blocks.
#![forbid(unsafe_code)]

mod echo;
mod ids;
mod pingpong;

pub use echo::{EchoClient, EchoServer};
pub use ids::{IdClient, IdServer};
pub use pingpong::{PingClient, PingServer};
