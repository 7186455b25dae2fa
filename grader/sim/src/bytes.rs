//! Nodes that live as bytes between events.

use labkit::{
    Boot,
    abi::{Op, Start},
};

use crate::{Outcome, World, choice::About, node::Condition};

impl World<'_> {
    /// A node is its bytes. Mostly the same instance goes on with the restored state; now and then
    /// a fresh one does, which also loses whatever the program keeps outside its state.
    pub(crate) fn turn_into_bytes_and_back(&mut self, slot: usize, doing: &str) -> Outcome {
        self.nodes[slot].restores += 1;
        let restores = self.nodes[slot].restores;
        let thorough = restores < 64 || restores.is_multiple_of(16);
        self.call(slot, Op::RoundTrip, &[u8::from(thorough)], doing)?;
        if !restores.is_multiple_of(16) || self.nodes[slot].condition == Condition::Syncing {
            return Ok(());
        }
        let snapshot = self.call(slot, Op::Snapshot, &[], doing)?;
        let node = &self.nodes[slot];
        let Some((role, config)) = node.start_role() else {
            return Ok(());
        };
        let disk = node.disk.seen_by_node();
        let (id, incarnation) = (node.spec.id, node.incarnation);
        let clock = self.clock_of(slot);
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
            .draw(About::Restore, slot as u64, restores)
            .bits();
        let result = self.backend.restore(slot, &start, &snapshot, entropy);
        self.checked(slot, result, doing)
    }
}
