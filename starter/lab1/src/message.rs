//! What coordinator, workers and clients say to each other.

use lab1_api::Given;
use labkit::prelude::*;

/// One type for all roles: what the lab gives, and your own messages beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// What the lab gives.
    Given(Given),
    // Your messages stand here. Each may arrive late, twice, after newer ones or never.
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
