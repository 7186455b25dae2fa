//! What properties may look at.

use std::{borrow::Cow, collections::BTreeMap};

use faultline_sim::{Fate, File, Outcome, Work, World};
use labkit::NodeId;

use crate::{
    local::{Condition, Local, Open},
    model::Model,
    space::Space,
};

/// One state of the world, of a search or of a simulated run. It shows what the lab observes and
/// what clients did, never a node's own state: a property must hold for every correct program.
#[derive(Clone, Copy)]
pub struct View<'s>(Of<'s>);

#[derive(Clone, Copy)]
enum Of<'s> {
    State {
        space: &'s Space<'s>,
        state: &'s [u32],
    },
    World(&'s WorldView<'s>),
}

/// A message: sender, receiver, bytes.
type Sent = (NodeId, NodeId, Vec<u8>);

/// A simulated world at one moment.
pub(crate) struct WorldView<'s> {
    model: &'s Model,
    nodes: Vec<NodeView>,
    files: &'s BTreeMap<String, File>,
    works: &'s [Work],
    /// Asked for only where a property wants to know: there may be very many.
    in_flight: Box<dyn Fn() -> Vec<Sent> + 's>,
}

struct NodeView {
    observation: Option<Vec<u8>>,
    incarnation: u64,
    answered: u32,
}

impl<'s> WorldView<'s> {
    pub fn of(world: &'s mut World<'_>, model: &'s Model) -> Outcome<WorldView<'s>> {
        let mut nodes = Vec::with_capacity(model.nodes.len());
        for node in &model.nodes {
            let answers = world
                .history()
                .iter()
                .filter(|operation| operation.client == node.id);
            let answered = answers
                .filter(|operation| operation.reply.is_some())
                .count() as u32;
            let observation = world.observe(node.id)?;
            nodes.push(NodeView {
                observation,
                incarnation: world.incarnation(node.id),
                answered,
            });
        }
        let world = &*world;
        let in_flight = Box::new(|| world.in_flight());
        Ok(WorldView {
            model,
            nodes,
            files: world.files(),
            works: world.works(),
            in_flight,
        })
    }

    pub fn view(&self) -> View<'_> {
        View(Of::World(self))
    }

    fn node(&self, node: NodeId) -> &NodeView {
        &self.nodes[index_of(self.model, node)]
    }
}

impl<'s> View<'s> {
    pub(crate) fn new(space: &'s Space<'_>, state: &'s [u32]) -> View<'s> {
        View(Of::State { space, state })
    }

    fn model(&self) -> &'s Model {
        match self.0 {
            Of::State { space, .. } => space.model,
            Of::World(seen) => seen.model,
        }
    }

    /// The lab's observation of a node that is up.
    ///
    /// # Panics
    /// Here and below: if the model has no such node, a mistake in the test.
    pub fn observation(&self, node: NodeId) -> Option<&'s [u8]> {
        match self.0 {
            Of::State { space, state } => {
                let local = local(space, state, node);
                (local.condition != Condition::Down)
                    .then(|| &space.steps.calls.bytes[local.observation])
            }
            Of::World(seen) => seen.node(node).observation.as_deref(),
        }
    }

    /// Whether a node runs (or waits for its disk).
    pub fn is_up(&self, node: NodeId) -> bool {
        self.observation(node).is_some()
    }

    /// The number of a node's present or last incarnation; 0 before the first.
    pub fn incarnation(&self, node: NodeId) -> u64 {
        match self.0 {
            Of::State { space, state } => u64::from(local(space, state, node).incarnation),
            Of::World(seen) => seen.node(node).incarnation,
        }
    }

    /// How many operations of a client were answered.
    pub fn answered(&self, client: NodeId) -> u32 {
        match self.0 {
            Of::State { space, state } => {
                let local = local(space, state, client);
                local.invoked - u32::from(local.open != Open::No)
            }
            Of::World(seen) => seen.node(client).answered,
        }
    }

    /// Whether all operations of all clients were invoked and answered.
    pub fn all_answered(&self) -> bool {
        let model = self.model();
        model
            .nodes
            .iter()
            .zip(&model.operations)
            .all(|(node, all)| self.answered(node.id) as usize == all.len())
    }

    /// The records of a file in the shared store, if there is one of this name.
    pub fn file(&self, name: &str) -> Option<Vec<&'s [u8]>> {
        match self.0 {
            Of::State { space, state } => {
                let bytes = &space.steps.calls.bytes;
                let outside = space.watch.outside(space.outside(state));
                let records = outside.files.get(&bytes.find(name.as_bytes())?)?;
                Some(records.iter().map(|record| &bytes[*record]).collect())
            }
            Of::World(seen) => Some(
                seen.files
                    .get(name)?
                    .records
                    .iter()
                    .map(Vec::as_slice)
                    .collect(),
            ),
        }
    }

    /// Whether the machine of a node has computed what the lab calls so, in whatever incarnation.
    pub fn has_computed(&self, node: NodeId, label: &str) -> bool {
        match self.0 {
            Of::State { space, state } => {
                let node_index = index_of(space.model, node) as u16;
                let label = space.steps.calls.bytes.find(label.as_bytes());
                label.is_some_and(|label| {
                    space
                        .watch
                        .outside(space.outside(state))
                        .computed
                        .contains(&(node_index, label))
                })
            }
            Of::World(seen) => {
                let is_it = |work: &&Work| {
                    work.by.node == node && work.label == label && work.fate == Fate::Done
                };
                seen.works.iter().any(|work| is_it(&work))
            }
        }
    }

    /// Whether the machine of a node is at what the lab calls so, or will be next.
    pub fn is_computing(&self, node: NodeId, label: &str) -> bool {
        match self.0 {
            Of::State { space, state } => {
                let bytes = &space.steps.calls.bytes;
                local(space, state, node)
                    .works
                    .iter()
                    .any(|work| bytes[work.label] == *label.as_bytes())
            }
            Of::World(seen) => {
                let under_way = |work: &Work| matches!(work.fate, Fate::Waiting | Fate::Running);
                seen.works
                    .iter()
                    .any(|work| work.by.node == node && work.label == label && under_way(work))
            }
        }
    }

    /// The messages in the network: sender, receiver, bytes.
    pub fn in_flight(&self) -> Vec<(NodeId, NodeId, Cow<'s, [u8]>)> {
        match self.0 {
            Of::State { space, state } => {
                let name = |node_index: u16| space.model.nodes[usize::from(node_index)].id;
                let flights = space
                    .network(state)
                    .iter()
                    .map(|flight| &space.steps.flights[*flight]);
                let bytes = |bytes: u32| Cow::Borrowed(&space.steps.calls.bytes[bytes]);
                flights
                    .map(|flight| (name(flight.from), name(flight.to), bytes(flight.bytes)))
                    .collect()
            }
            Of::World(seen) => (seen.in_flight)()
                .into_iter()
                .map(|(from, to, bytes)| (from, to, Cow::Owned(bytes)))
                .collect(),
        }
    }
}

fn local<'s>(space: &'s Space<'_>, state: &[u32], node: NodeId) -> &'s Local {
    &space.steps.locals[state[index_of(space.model, node)]]
}

fn index_of(model: &Model, node: NodeId) -> usize {
    model
        .node_index(node)
        .unwrap_or_else(|| panic!("the model has no node {node}"))
}
