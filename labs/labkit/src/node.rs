//! What a node is: its name, how it starts, which events it handles.

use std::fmt::{self, Debug, Display};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::Context;

/// The name of a node: a letter for its role and a number, printed as `s1` or `c12`.
///
/// A node keeps its name over restarts; [`Context::incarnation`] tells its lives apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId {
    role: char,
    number: u32,
}

impl NodeId {
    /// The `number`-th node (from 1) of the role with this letter. In a lab the names come to you
    /// with the configuration and with each message; you need this only in your own tests.
    pub const fn new(role: char, number: u32) -> NodeId {
        NodeId { role, number }
    }

    /// The letter of the role.
    pub const fn role(self) -> char {
        self.role
    }

    /// The number within the role, from 1.
    pub const fn number(self) -> u32 {
        self.number
    }
}

impl Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}{}", self.role, self.number))
    }
}

impl Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// How a node comes to life; given to [`Node::start`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Boot {
    /// The first start ever: the disk is empty.
    First,
    /// The node crashed and is back. Its state and timers are gone, its disk holds what was synced
    /// (and perhaps some of what was not).
    Restarted,
    /// The node crashed, its disk broke and was replaced: everything is gone, and the node must
    /// know it. It is told so at each start until something has been synced on the new disk. Only
    /// labs that say so do this.
    DiskLost,
}

/// A node: a server of any role. All its state is in `self`; all it does, it does through
/// [`Context`].
///
/// # Contract
/// * The grader calls one handler at a time. A handler runs to its end before anything else happens
///   to this node.
/// * A panic is a crash that fails the test: handle every message that the lab allows to arrive, at
///   any time.
/// * A handler that computes for more than about a tenth of a second is stopped, and the test
///   fails.
/// * State, messages and timers must survive [`codec`](crate::codec): derive `Serialize` and
///   `Deserialize`, and do not use `#[serde(skip)]`, `flatten` or `untagged`. Use
///   [`Map`](crate::Map) and [`Set`](crate::Set); a `HashMap` works (its order differs from node to
///   node, as in life), a `HashSet` in a state or message is refused.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a node: it does not implement `labkit::Node`",
    label = "the lab needs `impl Node for {Self}`"
)]
pub trait Node: Sized + Serialize + DeserializeOwned + Debug {
    /// What the lab tells the node when it starts, such as the name of another node.
    type Config: DeserializeOwned;
    /// What nodes say to each other: one type, shared by all roles of a program.
    type Message: Serialize + DeserializeOwned + Debug;
    /// What your timers carry. Two timers are the same timer if they are equal (as bytes).
    type Timer: Serialize + DeserializeOwned + Debug;

    /// Called once at each start, before anything else. It builds the state, usually sets the first
    /// timers, and may send. After a crash the state begins anew here: only the disk can bring
    /// something back.
    fn start(config: &Self::Config, boot: Boot, ctx: &mut Context<Self>) -> Self;

    /// A message has arrived. `from` is the node that really sent it. It may be a duplicate, it may
    /// be very old, and its sender may have crashed and restarted since.
    fn on_message(&mut self, from: NodeId, message: Self::Message, ctx: &mut Context<Self>);

    /// A timer that you set has fired. It fires once; set it again if you want it again.
    fn on_timer(&mut self, timer: Self::Timer, ctx: &mut Context<Self>);
}

/// A node that carries out operations for a user.
///
/// # Contract
/// * The world calls [`invoke`](Client::invoke), and your client answers, now or in a later
///   handler, with [`Context::respond`]. It invokes the next operation only after the answer to the
///   one before.
/// * An answer must come from the system: answering without having received any message since the
///   invoke is an error.
/// * Clients do not crash. They use the same network as everybody else.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a client: it does not implement `labkit::Client`",
    label = "the lab needs `impl Client for {Self}`"
)]
pub trait Client: Node {
    /// What a user can ask for; given by the lab.
    type Command: DeserializeOwned;
    /// What a user gets back; given by the lab.
    type Output: Serialize + DeserializeOwned;

    /// A user asks for `command`. Do not wait: send a request, set a timer to send it again,
    /// return.
    fn invoke(&mut self, command: Self::Command, ctx: &mut Context<Self>);
}

/// A message type that has room for the messages which the lab gives.
///
/// Where a lab fixes some messages (so that its suite can play a role), your own enum carries them
/// in a variant:
///
/// ```
/// use labkit::prelude::*;
/// # #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)] enum Given { Ping(u64) }
/// #[derive(Debug, Serialize, Deserialize)]
/// enum Message {
///     Given(Given),
///     Forward { number: u64 },
/// }
/// impl From<Given> for Message {
///     fn from(given: Given) -> Message {
///         Message::Given(given)
///     }
/// }
/// impl Carries<Given> for Message {
///     fn given(&self) -> Option<&Given> {
///         match self {
///             Message::Given(given) => Some(given),
///             _ => None,
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not carry the messages that the lab gives",
    label = "the lab needs `impl Carries<{Given}> for {Self}`"
)]
pub trait Carries<Given>: From<Given> {
    /// The given message inside, if this is one. `M::from(given).given()` must be that message
    /// again.
    fn given(&self) -> Option<&Given>;
}
