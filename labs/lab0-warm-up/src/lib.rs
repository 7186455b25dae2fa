//! Lab 0, the warm-up: three small programs, each with a server and a client. This crate defines
//! what their users ask and get, and what the lab requires of your types. The handout is the README
//! beside it.
//!
//! The messages between client and server are not defined here: you design them.
//!
//! ```
//! use lab0_api::{Echo, Payload};
//!
//! let asked = Echo { payload: Payload::Text("hello".to_owned()) };
//! assert_eq!(asked.payload, Payload::Text("hello".to_owned()));
//! ```
//!
//! Continue with the handout, then with [`lab`], whose bounds say what your types must implement,
//! and with `labkit` for what nodes can do.

use labkit::{
    Client, Map, Node, NodeId,
    guest::{Lab, Role},
};
use serde::{Deserialize, Serialize};

/// The configuration of a client, in all three programs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientConfig {
    /// The one server that this client talks to.
    pub server: NodeId,
}

/// Part A, a user's request: play ping-pong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping(
    /// The number that the user gave this ping.
    pub u64,
);

/// Part A, the answer to the user: the pong for the ping with this number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong(
    /// The number of the ping.
    pub u64,
);

/// Part B, a user's request: send this back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    /// Anything.
    pub payload: Payload,
}

/// Part B, the answer to the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echoed {
    /// What the user sent, unchanged.
    pub payload: Payload,
    /// How many requests the server has carried out, this one included: 1 for the first of all
    /// clients, then 2, and so on without gaps. A request that arrives twice is still one request.
    pub nth: u64,
}

/// A payload: roughly a JSON value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// An integer of 64 bits.
    Number(i64),
    /// Any text.
    Text(String),
    /// A list of payloads.
    List(Vec<Payload>),
    /// Payloads by name.
    Object(Map<String, Payload>),
}

/// Part C, a user's request: a new, unique id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewId;

/// Part C, the answer to the user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Id(
    /// Use as many of its bits as you like.
    pub u128,
);

/// The lab made of your types: the bounds are what [`glue!`] requires of them.
pub fn lab<PingServer, PingClient, EchoServer, EchoClient, IdServer, IdClient>() -> Lab
where
    PingServer: Node<Config = ()> + 'static,
    PingClient: Client<Config = ClientConfig, Message = PingServer::Message> + 'static,
    PingClient: Client<Command = Ping, Output = Pong>,
    EchoServer: Node<Config = ()> + 'static,
    EchoClient: Client<
            Config = ClientConfig,
            Message = EchoServer::Message,
            Command = Echo,
            Output = Echoed,
        > + 'static,
    IdServer: Node<Config = ()> + 'static,
    IdClient: 'static
        + Client<Config = ClientConfig, Message = IdServer::Message, Command = NewId, Output = Id>,
{
    Lab::new(vec![
        server::<PingServer>(),
        Role::client::<PingClient>(),
        server::<EchoServer>(),
        Role::client::<EchoClient>(),
        server::<IdServer>(),
        Role::client::<IdClient>(),
    ])
}

/// The grader does not look inside servers: what counts is what their users get.
fn server<N: Node + 'static>() -> Role {
    Role::node::<N>(|_| Vec::new())
}

/// The lab of a student's crate, which must have the public types `PingServer`, `PingClient`,
/// `EchoServer`, `EchoClient`, `IdServer` and `IdClient` at its top.
#[macro_export]
macro_rules! glue {
    ($student:ident) => {
        use $student::EchoClient;
        use $student::EchoServer;
        use $student::IdClient;
        use $student::IdServer;
        use $student::PingClient;
        use $student::PingServer;

        fn lab() -> labkit::guest::Lab {
            lab0_api::lab::<PingServer, PingClient, EchoServer, EchoClient, IdServer, IdClient>()
        }
    };
}
