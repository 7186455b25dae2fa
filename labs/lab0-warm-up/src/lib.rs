//! Lab 0, the warm-up: three small programs, each with a server and a client. This crate holds what
//! their users ask and get, and what the lab asks of your types. The handout is the README beside
//! it.
//!
//! Nothing here says what client and server send to each other: that is yours.
//!
//! ```
//! use lab0_api::{Echo, Payload};
//!
//! let asked = Echo { payload: Payload::Text("hello".to_owned()) };
//! assert_eq!(asked.payload, Payload::Text("hello".to_owned()));
//! ```
//!
//! Read on in the handout, then in [`lab`], whose bounds say what your types must be, and in
//! `labkit` for what nodes can do.

use labkit::{
    Client, Map, Node, NodeId,
    guest::{Lab, Role},
};
use serde::{Deserialize, Serialize};

/// What a client is told at its start, in all three programs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientConfig {
    /// The one server that this client speaks to.
    pub server: NodeId,
}

/// Part A, what a user asks: play ping-pong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping(
    /// The user's number of this ping.
    pub u64,
);

/// Part A, what the user gets: the answer to the ping with this number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong(
    /// The number of the ping.
    pub u64,
);

/// Part B, what a user asks: send this back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    /// Anything.
    pub payload: Payload,
}

/// Part B, what the user gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echoed {
    /// What the user sent, unchanged.
    pub payload: Payload,
    /// How many requests the server has carried out, this one included: 1 for the first of all
    /// clients, then 2, and so on without gaps. A request that arrives twice is still one request.
    pub nth: u64,
}

/// What can be echoed: about what fits into JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number, all of its 64 bits.
    Number(i64),
    /// Any text.
    Text(String),
    /// Things in a row.
    List(Vec<Payload>),
    /// Things by name.
    Object(Map<String, Payload>),
}

/// Part C, what a user asks: an id that nobody else ever gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewId;

/// Part C, what the user gets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Id(
    /// As many of its bits as you like.
    pub u128,
);

/// The lab made of your types: what [`glue!`] asks of them stands here as bounds.
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

/// Nothing inside a server is looked at: what counts is what its users get.
fn server<N: Node + 'static>() -> Role {
    Role::node::<N>(|_| Vec::new())
}

/// Makes the graded program of a student's crate, which must have the public types `PingServer`,
/// `PingClient`, `EchoServer`, `EchoClient`, `IdServer` and `IdClient` at its top.
#[macro_export]
macro_rules! glue {
    ($student:ident) => {
        use $student::EchoClient;
        use $student::EchoServer;
        use $student::IdClient;
        use $student::IdServer;
        use $student::PingClient;
        use $student::PingServer;
        labkit::export_lab!(lab0_api::lab::<
            PingServer,
            PingClient,
            EchoServer,
            EchoClient,
            IdServer,
            IdClient,
        >());
    };
}
