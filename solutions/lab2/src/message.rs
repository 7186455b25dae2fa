//! The messages between nodes.

use lab2_api::Given;
use labkit::prelude::*;

// hole
use lab2_api::{Command, Output};

use crate::server::{Operation, Store};
// end hole
/// The message type that all roles share. A message may arrive late, twice, after newer ones or
/// never.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// A message that the lab defines.
    Given(Given),
    // hole
    // | Add your messages here: between a client and a server (part B), between a primary and its
    // | backup (part C). What must each carry so that its receiver can tell an old one from a new
    // | one?
    /// Client to server: carry this out. A retry is the same message again.
    Request {
        /// Which of the client's operations this is.
        number: u64,
        /// The operation.
        command: Command,
    },
    /// Server to client: the operation is done.
    Reply {
        /// The number of the request.
        number: u64,
        /// Its result.
        output: Output,
    },
    /// Server to client: I am not the primary of any view that I know of.
    NotPrimary {
        /// The number of the request.
        number: u64,
    },
    /// Primary to backup: become a copy of me.
    Transfer {
        /// The view in which the two are primary and backup.
        view: u64,
        /// All that the primary knows: values and last replies.
        store: Store,
    },
    /// Backup to primary: I am a copy of you.
    Transferred {
        /// The view of the transfer.
        view: u64,
    },
    /// Primary to backup: this is the next operation.
    Forward {
        /// The view in which the two are primary and backup.
        view: u64,
        /// The operation.
        operation: Operation,
    },
    /// Backup to primary: I have carried it out, so it survives you.
    Applied {
        /// The view of the forward.
        view: u64,
        /// Whose operation it was.
        client: NodeId,
        /// Which of the client's operations it was.
        number: u64,
    },
    // end hole
}

impl From<Given> for Message {
    fn from(given: Given) -> Message {
        Message::Given(given)
    }
}

impl Carries<Given> for Message {
    fn given(&self) -> Option<&Given> {
        match self {
            Message::Given(given) => Some(given),
            _ => None,
        }
    }
}
