//! The messages between nodes.

use lab2_api::Given;
use labkit::prelude::*;

/// The message type that all roles share. A message may arrive late, twice, after newer ones or
/// never.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// A message that the lab defines.
    Given(Given),
    // Add your messages here: between a client and a server (part B), between a primary and its
    // backup (part C). What must each carry so that its receiver can tell an old one from a new
    // one?
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
