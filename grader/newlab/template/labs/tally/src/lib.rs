//! What the lab gives: what users ask and get, and what is asked of your types. The handout is the
//! README beside this crate.

use labkit::{
    Client, Node, NodeId,
    guest::{Lab, Role},
};
use serde::{Deserialize, Serialize};

/// What a client is told at its start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientConfig {
    /// The one server.
    pub server: NodeId,
}

/// What a user asks: add this to the total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Add {
    /// At least 1.
    pub amount: u64,
}

/// What the user gets: the total with this amount in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Total(
    /// The sum of all amounts that were added so far, each once.
    pub u64,
);

/// The lab made of your types: what [`glue!`] asks of them stands here as bounds.
pub fn lab<Server, User>() -> Lab
where
    Server: Node<Config = ()> + 'static,
    User: Client<Config = ClientConfig, Message = Server::Message, Command = Add, Output = Total>
        + 'static,
{
    // Nothing inside a server is looked at: what counts is what its users get.
    Lab::new(vec![
        Role::node::<Server>(|_| Vec::new()),
        Role::client::<User>(),
    ])
}

/// Makes the graded program of a student's crate, which must have the public types `TotalServer`
/// and `TotalClient` at its top.
#[macro_export]
macro_rules! glue {
    ($student:ident) => {
        use $student::TotalClient;
        use $student::TotalServer;
        labkit::export_lab!($crate::lab::<TotalServer, TotalClient>());
    };
}
