//! A file of the store that all nodes share: what is in it outlives them all.

use crate::{schedule::IncarnationId, time::Time};

/// A file of the shared store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its records, encoded by the program.
    pub records: Vec<Vec<u8>>,
    /// Who created, appended or renamed it last.
    pub by: IncarnationId,
    /// When.
    pub at: Time,
}
