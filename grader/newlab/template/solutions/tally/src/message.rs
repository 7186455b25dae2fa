//! What client and server say to each other.

use labkit::prelude::*;

/// Any of these may arrive late, twice, after newer ones or never.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    // hole
    // | Your messages stand here: a request and a reply. What must each carry, so that the server
    // | knows a request that it has carried out before, and the client knows a reply to something
    // | that it asked long ago?
    /// Client to server. A retry is the same message again.
    Add {
        /// Which of this client's requests it is.
        number: u64,
        amount: u64,
    },
    /// Server to client.
    Added {
        /// The number of the request.
        number: u64,
        total: u64,
    },
    // end hole
}
