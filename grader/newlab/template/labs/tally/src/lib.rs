//! The lab's API: what users ask and get, and what the lab requires of your types. The handout is
//! the README beside this crate.

use labkit::{
    Client, Node, NodeId,
    guest::{Lab, Role},
};
use serde::{Deserialize, Serialize};

/// The configuration of a client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientConfig {
    /// The one server.
    pub server: NodeId,
}

/// A user's request: add this to the total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Add {
    /// At least 1.
    pub amount: u64,
}

/// The answer to the user: the total, with this amount included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Total(
    /// The sum of all amounts that were added so far, each once.
    pub u64,
);

/// The lab made of your types: the bounds are what [`glue!`] requires of them.
pub fn lab<Server, User>() -> Lab
where
    Server: Node<Config = ()> + 'static,
    User: Client<Config = ClientConfig, Message = Server::Message, Command = Add, Output = Total>
        + 'static,
{
    // The grader does not look inside servers: what counts is what their users get.
    Lab::new(vec![
        Role::node::<Server>(|_| Vec::new()),
        Role::client::<User>(),
    ])
}

/// The lab of a student's crate, which must have the public types `TotalServer` and `TotalClient`
/// at its top.
#[macro_export]
macro_rules! glue {
    ($student:ident) => {
        use $student::TotalClient;
        use $student::TotalServer;

        fn lab() -> labkit::guest::Lab {
            $crate::lab::<TotalServer, TotalClient>()
        }
    };
}
