//! The state machine: the values, and the last reply to each client.

use labkit::prelude::*;

/// The store. The same operations in the same order produce the same store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Store {
    // What is the result of a log? What must be remembered so that an operation that is in the
    // log twice is carried out once?
}
