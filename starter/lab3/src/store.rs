//! What the log leads to: the values, and what each client was last answered.

use labkit::prelude::*;

/// The state machine: the same operations in the same order lead to the same store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Store {
    // What is the result of a log, and what must be remembered so that an operation which stands
    // in it twice is carried out once?
}
