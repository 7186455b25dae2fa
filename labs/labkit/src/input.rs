//! Inputs that every node can read.

use std::collections::BTreeMap;

/// The inputs of a world: texts by name, which never change and which every node can read; see
/// [`Context::input`](crate::Context::input).
///
/// They hold data that is too large to send and the same for all nodes, such as the files that a
/// MapReduce job reads. Since inputs never change, a handler that reads one is still a function of
/// its state, its disk and its event.
pub type Inputs = BTreeMap<String, String>;
