//! What a lab gives all nodes to read.

use std::collections::BTreeMap;

/// The inputs of a world: texts by name, which never change and which every node can read; see
/// [`Context::input`](crate::Context::input).
pub type Inputs = BTreeMap<String, String>;
