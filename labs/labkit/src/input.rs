//! What a lab gives all nodes to read.

use std::collections::BTreeMap;

/// The inputs of a world: texts by name, which never change and which every node can read; see
/// [`Context::input`](crate::Context::input).
///
/// They are for what is too large to be sent around and the same for everybody, such as the files
/// that a MapReduce job reads. Since they never change, reading one does not make a handler depend
/// on more than its state, its disk and its event.
pub type Inputs = BTreeMap<String, String>;
