//! What properties may look at.

use labkit::NodeId;

use crate::{
    local::{Condition, Local, Open},
    space::Space,
};

/// One state of the world, for properties. It shows what the lab observes and what clients did, never a node's own
/// state: a property must hold for every correct program.
#[derive(Clone, Copy)]
pub struct View<'s> {
    space: &'s Space<'s>,
    state: &'s [u32],
}

impl<'s> View<'s> {
    pub(crate) fn new(space: &'s Space<'_>, state: &'s [u32]) -> View<'s> {
        View { space, state }
    }

    fn local(&self, node: NodeId) -> &'s Local {
        let slot = self.space.model.slot(node).unwrap_or_else(|| panic!("the model has no node {node}"));
        &self.space.steps.locals[self.state[slot]]
    }

    /// The lab's observation of a node that is up.
    ///
    /// # Panics
    /// Here and below: if the model has no such node, a mistake in the test.
    pub fn observation(&self, node: NodeId) -> Option<&'s [u8]> {
        let local = self.local(node);
        (local.condition != Condition::Down).then(|| &self.space.steps.calls.bytes[local.observation])
    }

    /// Whether a node runs (or waits for its disk).
    pub fn is_up(&self, node: NodeId) -> bool {
        self.local(node).condition != Condition::Down
    }

    /// How many operations of a client were answered.
    pub fn answered(&self, client: NodeId) -> u32 {
        let local = self.local(client);
        local.invoked - u32::from(local.open != Open::No)
    }

    /// Whether all operations of all clients were invoked and answered.
    pub fn all_answered(&self) -> bool {
        let model = self.space.model;
        model.nodes.iter().zip(&model.operations).all(|(node, all)| self.answered(node.id) as usize == all.len())
    }

    /// The messages in the network: sender, receiver, bytes.
    pub fn in_flight(&self) -> impl Iterator<Item = (NodeId, NodeId, &'s [u8])> {
        let (space, name) = (self.space, |slot: u16| self.space.model.nodes[usize::from(slot)].id);
        space.network(self.state).iter().map(move |flight| {
            let flight = &space.steps.flights[*flight];
            (name(flight.from), name(flight.to), &space.steps.calls.bytes[flight.bytes])
        })
    }
}
