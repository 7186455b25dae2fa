//! Lab 3, a Paxos-based key-value service: the commands, the configurations, the one message that
//! the lab defines, and what the grader looks at inside your servers. The handout is the README
//! beside this crate.
//!
//! Only one message is defined here, the proposal of part A. You design the messages between
//! servers.
//!
//! ```
//! use lab3_api::{Bytes, Status, Value};
//!
//! let chosen = Status::Chosen(Value::Bytes(Bytes(b"x".to_vec())));
//! assert_ne!(chosen, Status::Empty);
//! ```
//!
//! Continue with the handout, then with [`ShowsLog`] (what the grader looks at), and with `labkit`
//! for what nodes can do.

use std::fmt;

use labkit::{
    Carries, Client, Node, NodeId, codec,
    guest::{Lab, Role},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A position in the log: 1, 2, 3, ...
pub type Slot = u64;

/// What a slot can hold, as the grader sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Value {
    /// No operation: the slot has no effect.
    Noop,
    /// The proposed bytes. The grader only compares them: what they mean, and whether they hold one
    /// operation or a batch, is up to you.
    Bytes(Bytes),
}

/// Opaque bytes. A trace shows them as text if they are text, and otherwise as a short digest.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(&self.0) {
            Ok(text)
                if text
                    .bytes()
                    .all(|byte| byte == b' ' || byte.is_ascii_graphic()) =>
            {
                write!(f, "{text:?}")
            }
            _ => {
                // FNV-1a (Fowler, Noll, Vo): enough to tell two values apart.
                let mix =
                    |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
                write!(f, "#{:08x}", self.0.iter().fold(0x811c_9dc5, mix))
            }
        }
    }
}

/// What a server knows about a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// It has accepted nothing in this slot.
    Empty,
    /// It has accepted this value, and does not know whether it is chosen: an accepted value may
    /// lose.
    Accepted(Value),
    /// It knows that this value is chosen.
    Chosen(Value),
    /// A value was chosen, and this server has carried it out and cleared the slot.
    Cleared,
}

/// The one message that the lab defines; your own `Message` carries it (see [`Carries`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Given {
    /// From the test to a server, in part A: get this value chosen in this slot, if no other is.
    Propose {
        /// The slot.
        slot: Slot,
        /// What to propose.
        value: Bytes,
    },
}

/// What a user asks of the service.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Command {
    /// Sets the value of a key.
    Put {
        /// The key.
        key: String,
        /// The new value.
        value: String,
    },
    /// Appends to the value of a key; a key that was never written holds the empty string.
    Append {
        /// The key.
        key: String,
        /// What is appended.
        value: String,
    },
    /// Reads the value of a key.
    Get {
        /// The key.
        key: String,
    },
}

/// What the user gets back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Output {
    /// A put or an append has taken effect.
    Done,
    /// The value that a get found; the empty string if the key was never written.
    Value(String),
}

/// The configuration of a server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerConfig {
    /// All servers of the group, this one included. It never changes.
    pub servers: Vec<NodeId>,
    /// False in part A: there no slot may be cleared, so that the grader can look at all of them.
    /// True elsewhere.
    pub may_clear: bool,
}

/// The configuration of a client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientConfig {
    /// All servers of the group.
    pub servers: Vec<NodeId>,
}

/// What the grader looks at inside a server, after each of its events.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not show its log",
    label = "the lab needs `impl ShowsLog for {Self}`"
)]
pub trait ShowsLog {
    /// What this server knows about a slot.
    fn status(&self, slot: Slot) -> Status;

    /// The first slot that this server has not cleared: 1 until it clears one.
    fn first_uncleared(&self) -> Slot;

    /// The last slot that is not empty on this server, cleared ones included; 0 if there is none.
    fn last_nonempty(&self) -> Slot;

    /// The highest ballot that this server has promised in this slot, as a text of any form. It
    /// appears only in the picture of a failure.
    fn promised(&self, slot: Slot) -> String;
}

/// What a server shows of its log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The first slot that is not cleared.
    pub first_uncleared: Slot,
    /// The last slot that is not empty.
    pub last_nonempty: Slot,
    /// The slots from the first to the last, or the last [`SHOWN`] of them: what was promised in
    /// each, and its status.
    pub slots: Vec<(Slot, String, Status)>,
}

/// Maximum number of slots that the grader looks at.
pub const SHOWN: u64 = 64;

fn observe<N: ShowsLog>(node: &N) -> Vec<u8> {
    let (first_uncleared, last_nonempty) = (node.first_uncleared(), node.last_nonempty());
    let first = first_uncleared
        .max(1)
        .max(last_nonempty.saturating_sub(SHOWN - 1));
    let slots = (first..=last_nonempty)
        .map(|slot| (slot, node.promised(slot), node.status(slot)))
        .collect();
    codec::to_bytes(&Shown {
        first_uncleared,
        last_nonempty,
        slots,
    })
    .expect("what is shown has bytes")
}

/// The lab made of your types: the bounds are what [`glue!`] requires of them.
pub fn lab<S, C, M>() -> Lab
where
    S: Node<Config = ServerConfig, Message = M> + ShowsLog + 'static,
    C: Client<Config = ClientConfig, Message = M, Command = Command, Output = Output> + 'static,
    M: Carries<Given> + Serialize + DeserializeOwned + std::fmt::Debug,
{
    Lab::giving::<M, Given>(vec![Role::node::<S>(observe), Role::client::<C>()])
}

/// The lab of a student's crate, which must have the public types `Server`, `Client` and `Message`
/// at its top.
#[macro_export]
macro_rules! glue {
    ($student:ident) => {
        use $student::Client;
        use $student::Message;
        use $student::Server;

        fn lab() -> labkit::guest::Lab {
            lab3_api::lab::<Server, Client, Message>()
        }
    };
}
