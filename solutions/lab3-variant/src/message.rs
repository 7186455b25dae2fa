//! The messages between nodes.
#![allow(
    missing_docs,
    reason = "what a message's fields mean stands above the message"
)]

use std::fmt;

use lab3_api::{Bytes, Command, Given, Output, Slot, Value};
use labkit::prelude::*;

use crate::store::{Operation, Store};

/// An attempt at a slot; the server's number keeps those of two servers apart.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ballot {
    pub round: u64,
    pub server: u32,
}

impl fmt::Debug for Ballot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.round, self.server)
    }
}

/// What can be chosen in a slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Entry {
    Noop,
    Given(Bytes),
    Batch(Vec<Operation>),
}

impl Entry {
    pub fn value(&self) -> Value {
        match self {
            Entry::Noop => Value::Noop,
            Entry::Given(bytes) => Value::Bytes(bytes.clone()),
            Entry::Batch(batch) => Value::Bytes(Bytes(
                labkit::codec::to_bytes(batch).expect("a batch has bytes"),
            )),
        }
    }
}

/// What an acceptor has said in a slot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Vote {
    pub promised: Ballot,
    pub accepted: Option<(Ballot, Entry)>,
}

/// The one message type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    Given(Given),
    /// Phase 1 of one slot.
    Prepare {
        slot: Slot,
        ballot: Ballot,
    },
    Promise {
        slot: Slot,
        ballot: Ballot,
        accepted: Option<(Ballot, Entry)>,
    },
    /// Phase 2 of one slot.
    Accept {
        slot: Slot,
        ballot: Ballot,
        entry: Entry,
    },
    Accepted {
        slot: Slot,
        ballot: Ballot,
    },
    /// This slot has seen a higher round.
    Refused {
        slot: Slot,
        round: u64,
    },
    /// These are chosen.
    Learn {
        chosen: Map<Slot, Entry>,
    },
    /// What all slots up to the store's led to.
    Snapshot {
        store: Store,
    },
    /// Now and then, to all: all slots up to this one are carried out here, and these others are
    /// known.
    Status {
        applied: Slot,
        known: Set<Slot>,
    },
    /// For a read: what is the last slot in which you have accepted anything?
    Ask {
        client: NodeId,
        number: u64,
    },
    Told {
        client: NodeId,
        number: u64,
        last: Slot,
    },
    Request {
        number: u64,
        command: Command,
    },
    Reply {
        number: u64,
        output: Output,
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
