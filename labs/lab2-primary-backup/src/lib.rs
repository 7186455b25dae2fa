//! Lab 2, a primary/backup key-value service: the commands, the configurations, the messages that
//! the lab defines, and what it requires of your types. The handout is the README beside this
//! crate.
//!
//! Only pings and views are defined here. You design the messages between clients, primary and
//! backup.
//!
//! ```
//! use lab2_api::Command;
//!
//! let command = Command::Append { key: "x".to_owned(), value: "1".to_owned() };
//! assert!(matches!(command, Command::Append { .. }));
//! ```
//!
//! Continue with the handout, then with [`View`] and [`Given`], and with `labkit` for what nodes
//! can do.

use std::{fmt, time::Duration};

use labkit::{
    Carries, Client, Node, NodeId, codec,
    guest::{Lab, Role},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// How often the view server checks which servers are alive.
pub const TICK: Duration = Duration::from_millis(100);

/// How often a server pings the view server.
pub const PING: Duration = Duration::from_millis(25);

/// A server and its incarnation: after a restart the same node is another member. Traces show
/// `s1#2` for server s1 in its second incarnation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Member {
    /// The server.
    pub node: NodeId,
    /// Its [`Context::incarnation`](labkit::Context::incarnation).
    pub incarnation: u64,
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.node, self.incarnation)
    }
}

/// Who is primary and who is backup. Views are numbered 1, 2, 3, ... without gaps; view 0, before
/// the first, has no servers.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct View {
    /// The view's number.
    pub number: u64,
    /// Answers the clients; `None` only in view 0.
    pub primary: Option<Member>,
    /// Holds a copy of the primary's state, if there is such a server.
    pub backup: Option<Member>,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |member: Option<Member>| {
            member.map_or("none".to_owned(), |member| format!("{member:?}"))
        };
        write!(
            f,
            "view {} (primary {}, backup {})",
            self.number,
            show(self.primary),
            show(self.backup)
        )
    }
}

/// The messages that the lab defines; your own `Message` carries them (see [`Carries`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Given {
    /// From a server to the view server, every [`PING`].
    Ping {
        /// The number of the newest view that the server has accepted; 0 before the first. A
        /// primary that pings with the number of the current view acknowledges that view.
        view: u64,
        /// The sender's incarnation.
        incarnation: u64,
    },
    /// From any node to the view server: which view is current?
    GetView,
    /// From the view server: the answer to every `Ping` and every `GetView`.
    View(View),
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
    /// The view server, to be pinged.
    pub view_server: NodeId,
}

/// The configuration of a client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientConfig {
    /// The view server, to be asked for the view.
    pub view_server: NodeId,
}

/// The only part of your nodes that the grader looks at. It explains failures and aims faults; no
/// points depend on it alone.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not tell which view it believes in",
    label = "the lab needs `impl BelievesView for {Self}`"
)]
pub trait BelievesView {
    /// For the view server: the current view. For a server: the newest view that it knows of.
    fn view(&self) -> View;
}

fn observe<N: BelievesView>(node: &N) -> Vec<u8> {
    codec::to_bytes(&node.view()).expect("a view has bytes")
}

/// The lab made of your types: the bounds are what [`glue!`] requires of them.
pub fn lab<V, S, C, M>() -> Lab
where
    V: Node<Config = (), Message = M> + BelievesView + 'static,
    S: Node<Config = ServerConfig, Message = M> + BelievesView + 'static,
    C: Client<Config = ClientConfig, Message = M, Command = Command, Output = Output> + 'static,
    M: Carries<Given> + Serialize + DeserializeOwned + std::fmt::Debug,
{
    Lab::giving::<M, Given>(vec![
        Role::node::<V>(observe),
        Role::node::<S>(observe),
        Role::client::<C>(),
    ])
}

/// The lab of a student's crate, which must have the public types `ViewServer`, `Server`, `Client`
/// and `Message` at its top.
#[macro_export]
macro_rules! glue {
    ($student:ident) => {
        use $student::Client;
        use $student::Message;
        use $student::Server;
        use $student::ViewServer;

        fn lab() -> labkit::guest::Lab {
            lab2_api::lab::<ViewServer, Server, Client, Message>()
        }
    };
}
