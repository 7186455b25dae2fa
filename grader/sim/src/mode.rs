//! How one world is carried out.

use crate::{edits::Editing, record::Recording, schedule::Script};

/// How one world of a trial is carried out: written down, along a schedule, with something left
/// out.
#[derive(Debug, Default)]
pub(crate) struct RunMode {
    pub recording: Option<Recording>,
    pub script: Option<Script>,
    pub editing: Option<Editing>,
    /// Nodes are serialized and deserialized after every event.
    pub as_bytes: bool,
}
