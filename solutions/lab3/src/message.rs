//! The messages between nodes.
#![allow(
    missing_docs,
    reason = "what a message's fields mean stands above the message"
)]

use lab3_api::Given;
use labkit::prelude::*;

// hole
use std::fmt;

use lab3_api::{Bytes, Command, Output, Slot, Value};

use crate::store::{Operation, Store};

/// Orders the attempts to lead. No two servers ever use the same one: the server's number is part
/// of it.
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
pub enum Proposal {
    Noop,
    /// From the test, in part A.
    Given(Bytes),
    /// Of a client.
    Operation(Operation),
}

impl Proposal {
    /// As the grader sees it.
    pub fn value(&self) -> Value {
        match self {
            Proposal::Noop => Value::Noop,
            Proposal::Given(bytes) => Value::Bytes(bytes.clone()),
            Proposal::Operation(operation) => Value::Bytes(Bytes(
                labkit::codec::to_bytes(operation).expect("an operation has bytes"),
            )),
        }
    }
}

// end hole
/// The message type that all roles share. A message may arrive late, twice, after newer ones or
/// never.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// A message that the lab defines.
    Given(Given),
    // hole
    // | Add your messages here: between servers (part A), between a client and a server (part B).
    // | What must each carry so that its receiver can tell an old one from a new one?
    /// Candidate to all: promise me to accept nothing of lower ballots, and tell me what you have
    /// accepted from this slot on.
    Prepare { ballot: Ballot, from: Slot },
    /// The promise, for this ballot, with all that was accepted and all that is known to be chosen
    /// from that slot on.
    Promise {
        ballot: Ballot,
        accepted: Map<Slot, (Ballot, Proposal)>,
        chosen: Map<Slot, Proposal>,
    },
    /// Leader to all: accept this.
    Accept {
        ballot: Ballot,
        slot: Slot,
        proposal: Proposal,
    },
    /// Accepted, in this ballot.
    Accepted { ballot: Ballot, slot: Slot },
    /// I have promised this higher ballot.
    Refused { promised: Ballot },
    /// Leader to all: what you have accepted from me in this ballot and slot is chosen.
    Chosen { ballot: Ballot, slot: Slot },
    /// Leader to all: I lead.
    Heartbeat { ballot: Ballot },
    /// The answer: I hear you, and this is the first slot of which I do not know what is chosen.
    Following { ballot: Ballot, unknown: Slot },
    /// To whom lacks them: these are chosen.
    Learn { chosen: Map<Slot, Proposal> },
    /// To whom lacks slots that the sender has cleared: a snapshot of the state.
    Snapshot { store: Store },
    /// To the leader: a proposal of part A.
    Forward { slot: Slot, value: Bytes },
    /// Client to server: carry this out. A retry is the same message again.
    Request { number: u64, command: Command },
    /// Server to client: the operation is done.
    Reply { number: u64, output: Output },
    /// Server to client: I do not lead, but perhaps this server does.
    Redirect { number: u64, leader: Option<NodeId> },
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
