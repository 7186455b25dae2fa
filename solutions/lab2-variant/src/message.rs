//! The messages between nodes.

use lab2_api::{Command, Given, Output};
use labkit::prelude::*;

use crate::Entry;

/// The message type that all roles share. A message may arrive late, twice, after newer ones or
/// never.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// A message that the lab defines.
    Given(Given),
    /// From a client to the primary. A retry has the number of the first attempt.
    Request {
        /// Counts the operations of this client.
        number: u64,
        /// What to do.
        command: Command,
    },
    /// From the primary to a client.
    Reply {
        /// The number of the request.
        number: u64,
        /// What came of it.
        output: Output,
    },
    /// From a server that is not the primary, to a client that took it for one.
    NotPrimary {
        /// The number of the request.
        number: u64,
    },
    /// From the primary to its backup: a stretch of the view's log, from the first entry on that
    /// the backup has not acknowledged. Empty if there is none and only the round matters.
    Batch {
        /// The view whose log this is.
        view: u64,
        /// Grows with every batch; a read waits for the echo of a round that began after the read
        /// had arrived.
        round: u64,
        /// The index of the first entry.
        first: u64,
        /// The entries.
        entries: Vec<Entry>,
    },
    /// From the backup to the primary, in answer to every batch of their view.
    Ack {
        /// The view of the batch.
        view: u64,
        /// The round of the batch.
        round: u64,
        /// The backup has all entries of the view's log up to this index.
        upto: u64,
    },
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
