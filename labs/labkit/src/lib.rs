//! The API that students program against.
//!
//! A distributed system is a set of [`Node`]s that share nothing and exchange messages. You write
//! each node as an *event handler*. When something happens (a message arrives, a timer fires), your
//! handler changes the node's state and asks for *effects* through its [`Context`] (send a message,
//! set a timer). The grader controls everything else: the network, the clocks, the disks, the
//! crashes. That is why it can repeat any run exactly.
//!
//! The crate knows nothing about the grader, the labs, WebAssembly, sockets, threads or real
//! clocks. It depends only on serde. So a program written against it runs unchanged in a simulated
//! world, in a model checker and in your own unit tests.
//!
//! # Why handlers and effects?
//!
//! A program that waits in the middle of a function (`reply = call(server)`) keeps part of its
//! state on the stack, where nobody can see it. Everything that may happen in the meantime, such as
//! another message, a crash or the reply to an older call, is hidden in that one line. A handler
//! never waits. Everything that the node knows is in `self`, and each kind of event has its own
//! function. So the types force you to say what the node does when the reply comes late, twice or
//! never.
//!
//! Because a handler only asks for effects, it is a *function* of the state, the disk and the
//! event: the same three give the same new state and the same effects. So you can test one handler
//! without a network (see below), the grader can repeat a run from a seed, and a search can try
//! every order of events.
//!
//! # The rules of the world
//!
//! * **Effects happen after the handler returns, in the order in which you asked for them.** A
//!   handler takes no time.
//! * **A handler never waits.** There is no `sleep` and no "call and wait for the reply": send, set
//!   a timer to retry, return; the reply is another event.
//! * **The network promises little.** A message may arrive late, twice, out of order or never. A
//!   message to yourself uses the network too. A message that was sent before its sender crashed
//!   may still arrive afterwards.
//! * **A crash erases the state, the timers and every effect that has not happened yet.** The disk
//!   survives. A crash may fall between any two effects of one handler.
//! * **A node is its state.** In some runs the grader serializes and deserializes a node between
//!   two events. Anything kept in a `static`, in a thread-local or in a field that serde skips is
//!   then lost.
//! * **Computing takes time only where a lab says so**: see [`Compute`]. Handlers run meanwhile.
//! * **A node has no clock**, unless the lab grants one: see [`Context::clock`]. Do not trust it.
//! * **A node has nothing of the machine**: no file, thread, socket, environment variable, `sleep`
//!   or `process::exit`. A call of one fails the test as `refused`, even if you ignore its answer.
//!   Use [`Context::disk`], timers and [`Context::send`]; `println!` shows up in the trace.
//! * **Nodes are 32-bit programs.** There a `usize` ends at 4,294,967,295, although it does not on
//!   your own machine. Use `u64` for what is counted, timed or numbered, and `usize` for lengths
//!   and indices only. (`as usize` silently truncates a larger number.)
//!
//! # An echo server in 25 lines
//!
//! ```
//! use labkit::prelude::*;
//!
//! #[derive(Debug, Serialize, Deserialize)]
//! enum Message {
//!     Echo(String),
//!     EchoReply(String),
//! }
//!
//! #[derive(Debug, Serialize, Deserialize)]
//! struct Server;
//!
//! impl Node for Server {
//!     type Config = ();
//!     type Message = Message;
//!     type Timer = ();
//!
//!     fn start(_: &(), _: Boot, _: &mut Context<Self>) -> Self {
//!         Server
//!     }
//!     fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
//!         if let Message::Echo(text) = message {
//!             ctx.send(from, Message::EchoReply(text));
//!         }
//!     }
//!     fn on_timer(&mut self, _: (), _: &mut Context<Self>) {}
//! }
//!
//! // Your own unit test: no network, no grader, just the handler and the effects it asked for.
//! let mut ctx = Context::for_tests(NodeId::new('s', 1));
//! let mut server = Server::start(&(), Boot::First, &mut ctx);
//! server.on_message(NodeId::new('c', 1), Message::Echo("hello".into()), &mut ctx);
//! assert_eq!(format!("{:?}", ctx.sent()), r#"[(c1, EchoReply("hello"))]"#);
//! ```
//!
//! # Where to read on
//!
//! | you want to know | read |
//! |---|---|
//! | what a node and a client have to do | [`Node`], [`Client`], [`Boot`] |
//! | what a handler can ask for | [`Context`], [`Disk`], [`Store`], [`Compute`] |
//! | how to test your own handlers | [`Context::for_tests`] |
//! | which types can be a state or a message | [`codec`] |
//! | what node and grader exchange | [`abi`] (not needed for any lab) |

pub mod abi;
pub mod codec;
mod context;
mod disk;
#[doc(hidden)]
pub mod guest;
mod id;
mod input;
mod node;
mod round_trip;
mod store;
mod testing;
mod work;

pub use context::Context;
pub use disk::{Disk, Record};
pub use id::{Boot, NodeId};
pub use input::Inputs;
pub use node::{Carries, Client, Node};
pub use store::{Store, StoreCall};
pub use testing::TestTimer;
pub use work::Compute;

/// A map for your state, with the same iteration order on every node and in every run.
///
/// A state may contain a `HashMap`, too, but its iteration order differs from node to node: two
/// replicas that "apply all entries" then send in different orders, and the first entry is not the
/// smallest one. A `Map` iterates in the order of its keys.
pub type Map<K, V> = std::collections::BTreeMap<K, V>;

/// A set for your state, with the same iteration order on every node and in every run.
///
/// A `HashSet` in a state or a message is refused: to serde it looks like any other sequence, so
/// the [`codec`] could not sort it, and equal sets would have different bytes.
pub type Set<T> = std::collections::BTreeSet<T>;

/// The names that nearly every file of a lab needs: `use labkit::prelude::*;`.
pub mod prelude {
    pub use crate::{Boot, Carries, Client, Compute, Context, Map, Node, NodeId, Set};
    pub use serde::{Deserialize, Serialize};
    pub use std::time::Duration;
}
