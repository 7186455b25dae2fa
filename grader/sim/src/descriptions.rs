//! The memory of what was described before, for frames: the same states and texts are looked at
//! again and again.

use std::{collections::HashMap, sync::Arc};

/// What was described before: the same things are looked at again and again.
#[derive(Debug, Default)]
pub(crate) struct Descriptions {
    /// By node: at which event of which incarnation, and the state then.
    pub states: HashMap<usize, (EventCount, Option<Arc<str>>)>,
    pub texts: HashMap<(u8, usize, Vec<u8>), Arc<str>>,
    pub computed: u64,
}

/// An incarnation of a node, and the number of events that it has had.
type EventCount = (u64, u64);
