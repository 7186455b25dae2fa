//! A crash at every boundary between two effects.

use labkit::NodeId;

use crate::world::World;

/// Counts the boundaries that a node passes while it is watched, and crashes it at one of them.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    node_index: Option<usize>,
    pub passed: u64,
    /// The boundary at which the node crashes, counted from 0; `None` only counts.
    pub target: Option<u64>,
}

impl World<'_> {
    /// From here on, until [`sweep_over`](World::sweep_over), every boundary between two effects of
    /// this node is one at which [`Trial::crash_sweep`](crate::Trial::crash_sweep) lets it crash,
    /// each in a run of its own.
    pub fn sweep(&mut self, node: NodeId) {
        self.sweep.node_index = Some(self.node_index(node));
    }

    /// Ends the stretch that [`sweep`](World::sweep) began.
    pub fn sweep_over(&mut self) {
        self.sweep.node_index = None;
    }

    /// True if the node shall crash at this boundary.
    pub(crate) fn sweep_hits(&mut self, node_index: usize) -> bool {
        if self.sweep.node_index != Some(node_index) {
            return false;
        }
        let hit = self.sweep.target == Some(self.sweep.passed);
        self.sweep.passed += 1;
        hit
    }
}
