//! The messages between nodes.
#![allow(
    missing_docs,
    reason = "what a message's fields mean stands above the message"
)]

use lab3_api::Given;
use labkit::prelude::*;

/// The message type that all roles share. A message may arrive late, twice, after newer ones or
/// never.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// A message that the lab defines.
    Given(Given),
    // Add your messages here: between servers (part A), between a client and a server (part B).
    // What must each carry so that its receiver can tell an old one from a new one?
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
