//! The messages between client and server.

use labkit::prelude::*;

/// Each may arrive late, twice, after newer ones or never.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    // hole
    // | Add your messages here: a request and a reply. What must each carry so that the server
    // | recognizes a request that it has already carried out, and the client recognizes a reply to
    // | an earlier request?
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
