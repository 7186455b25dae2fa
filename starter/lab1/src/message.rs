//! The messages between coordinator, workers and clients.

use lab1_api::Given;
use labkit::prelude::*;

/// The message type that all roles share: the messages that the lab defines, and your own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// A message that the lab defines.
    Given(Given),
    // Add your messages here. Each may arrive late, twice, after newer ones or never.
}

impl From<Given> for Message {
    fn from(given: Given) -> Message {
        Message::Given(given)
    }
}

impl Carries<Given> for Message {
    fn given(&self) -> Option<&Given> {
        // With messages of your own:
        // match self { Message::Given(given) => Some(given), _ => None }
        let Message::Given(given) = self;
        Some(given)
    }
}
