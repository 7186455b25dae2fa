//! Nodes that live as bytes between events.

use labkit::{
    Boot,
    abi::{Op, Start},
};

use crate::{Outcome, World, choice::About, node::Condition};

impl World<'_> {
    /// A node is its bytes. Mostly the same instance goes on with the restored state; now and then
    /// a fresh one does, which also loses whatever the program keeps outside its state.
    pub(crate) fn turn_into_bytes_and_back(&mut self, node_index: usize, doing: &str) -> Outcome {
        self.nodes[node_index].restores += 1;
        let restores = self.nodes[node_index].restores;
        let thorough = restores < 64 || restores.is_multiple_of(16);
        self.call(node_index, Op::RoundTrip, &[u8::from(thorough)], doing)?;
        if !restores.is_multiple_of(16) || self.nodes[node_index].condition == Condition::Syncing {
            return Ok(());
        }
        let snapshot = self.call(node_index, Op::Snapshot, &[], doing)?;
        let node = &self.nodes[node_index];
        let Some((role, config)) = node.start_role() else {
            return Ok(());
        };
        let disk = node.disk.seen_by_node();
        let (id, incarnation) = (node.spec.id, node.incarnation);
        let clock = self.clock_of(node_index);
        let (boot, inputs) = (Boot::First, &self.inputs);
        let start = Start {
            role,
            id,
            incarnation,
            boot,
            clock,
            config,
            disk: &disk,
            inputs,
        };
        let entropy = self
            .choices
            .draw(About::Restore, node_index as u64, restores)
            .bits();
        let result = self.backend.restore(node_index, &start, &snapshot, entropy);
        self.checked(node_index, result, doing)
    }
}
