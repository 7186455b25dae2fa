//! The API that students program against.
//!
//! A distributed system is a set of [`Node`]s that share nothing and exchange messages. You write
//! each node as an *event handler*: something happens (a message arrives, a timer fires), your
//! handler changes the node's state and asks for *effects* through its [`Context`] (send a message,
//! set a timer). The grader owns everything else: the network, the clocks, the disks, the crashes.
//! That is why it can repeat any run exactly.
//!
//! The crate knows nothing of the grader, of any lab, of wasm, of sockets, threads or real clocks.
//! It depends on serde and on nothing else, so a program that is written against it runs in a
//! simulated world, in a model checker and in your own unit tests without a change.
//!
//! # Why handlers and effects?
//!
//! A program that waits in the middle of a function (`reply = call(server)`) keeps a part of its
//! state on the stack, where nobody can look at it, and everything that may happen meanwhile, such
//! as another message, a crash or the reply to an older call, hides in that one line. A handler
//! waits nowhere. All that the node knows lies in `self`, and each thing that can happen has a
//! function of its own. You have to say what the node does when the reply comes late, twice or
//! never, since the types ask you to.
//!
//! Asking for effects instead of having them makes a handler a *function*: of the state, of the
//! disk and of the event. The same three give the same new state and the same effects. So you can
//! test one handler without a network (see below), the grader can repeat a run from a seed, and a
//! search can try every order of events.
//!
//! # The rules of the world
//!
//! * **Effects happen after the handler returns, in the order in which you asked for them.** A
//!   handler takes no time.
//! * **Nobody waits inside a handler.** There is no `sleep` and no "call and wait for the reply":
//!   send, set a timer to send again, return; the reply is another event.
//! * **The network promises little.** A message may arrive late, twice, out of order or never. A
//!   message to yourself uses the network too. A message that was sent before its sender crashed
//!   may still arrive afterwards.
//! * **A crash takes the state, the timers and every effect that had not happened yet.** The disk
//!   stays. A crash may fall between any two effects of one handler.
//! * **A node is its state.** In some runs the grader turns a node into bytes and back between two
//!   events, so what lives in a `static`, in a thread-local or in a field that serde skips is lost.
//! * **Computing takes time only where a lab says so**: see [`Compute`]. Handlers run meanwhile.
//! * **A node has no clock**, unless the lab grants one: see [`Context::clock`], and do not trust
//!   it.
//! * **A node has nothing of the machine**: no file, thread, socket, environment variable, `sleep`
//!   or `process::exit`. A call of one fails the test as `refused`, even if you ignore its answer.
//!   Use [`Context::disk`], timers and [`Context::send`]; `println!` shows up in the trace.
//! * **Nodes are 32-bit programs.** There a `usize` ends at 4,294,967,295, although it does not on
//!   your own machine. Use `u64` for what is counted, timed or numbered, and `usize` for lengths
//!   and indices only. (`as usize` cuts a larger number off without a word.)
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
//! | what crosses the border to the grader | [`abi`] (not needed for any lab) |

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

/// A map in a state whose order is the same on every node and in every run.
///
/// A `HashMap` may stand in a state, too, but a loop over one takes its entries in an order that is
/// another one on each node: two replicas that "apply all entries" then send in different orders,
/// and the first entry is not the smallest one. With a `Map`, the order is that of the keys.
pub type Map<K, V> = std::collections::BTreeMap<K, V>;

/// A set in a state whose order is the same on every node and in every run.
///
/// A `HashSet` in a state or a message is refused: serde sees it as any sequence, so the
/// [`codec`] could not sort it, and equal sets would have different bytes.
pub type Set<T> = std::collections::BTreeSet<T>;

/// What nearly every file of a lab begins with: `use labkit::prelude::*;`.
pub mod prelude {
    pub use crate::{Boot, Carries, Client, Compute, Context, Map, Node, NodeId, Set};
    pub use serde::{Deserialize, Serialize};
    pub use std::time::Duration;
}
