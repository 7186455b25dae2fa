//! A crash at every boundary between two effects.

/// Counts the boundaries that a node passes while it is watched, and crashes it at one of them.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    pub node_index: Option<usize>,
    pub passed: u64,
    /// The boundary at which the node crashes, counted from 0; `None` only counts.
    pub target: Option<u64>,
}

impl Sweep {
    /// True if the node shall crash at this boundary.
    pub fn hits(&mut self, node_index: usize) -> bool {
        if self.node_index != Some(node_index) {
            return false;
        }
        let hit = self.target == Some(self.passed);
        self.passed += 1;
        hit
    }
}
