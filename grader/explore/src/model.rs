//! What is explored: the nodes, what clients ask, and how much may go wrong.

use std::sync::Arc;

use faultline_sim::{Machines, NodeSpec, Role};
use labkit::{Inputs, NodeId};

/// How often each fault may happen on one path. All are 0 by default: then every message is
/// delivered at most once, at any time or never, and no node crashes.
///
/// A message that is never delivered and one that is lost look the same to every node, so safety
/// needs no losses; they matter to goals that speak of the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Crashes of servers, at any boundary between two effects. A crashed node may restart at any
    /// later time, with whatever its disk may have kept. Clients do not crash.
    pub crashes: u8,
    /// Crashes, among these, that take the disk along: the node starts again on an empty one
    /// ([`Boot::DiskLost`](labkit::Boot)).
    pub lost_disks: u8,
    /// Messages that are lost.
    pub losses: u8,
    /// Deliveries that leave their message in the network, to be delivered once more.
    pub duplicates: u8,
}

impl Faults {
    /// No limit: the count is then not part of a state. (Unlimited crashes mean unlimited states,
    /// since each incarnation has a number.)
    pub const UNLIMITED: u8 = u8::MAX;
}

/// When a client's next operation is invoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// At any time after the answer to the one before: every real-time order of operations occurs.
    #[default]
    Free,
    /// At once, in the same step as the answer (or the start). Far fewer states, but operations of
    /// different clients overlap whenever they can, so some violations of linearizability have no
    /// chance to show.
    Eager,
}

/// A small world. Its nodes have no clocks: what a clock reads would make every event another one.
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) nodes: Vec<NodeSpec>,
    /// Per node, the commands of its operations, encoded.
    pub(crate) operations: Vec<Vec<Vec<u8>>>,
    pub(crate) pace: Pace,
    pub(crate) faults: Faults,
    pub(crate) copies: usize,
    pub(crate) lasting: Vec<NodeId>,
    pub(crate) mortal: Vec<NodeId>,
    pub(crate) inputs: Inputs,
    pub(crate) machines: Option<Arc<dyn Machines>>,
}

impl Model {
    /// A world of these nodes, without operations and faults. Nodes that the simulator would start
    /// at once are up in the first state; others may start at any time. Puppets say what they are
    /// made to say ([`Explorer::say`](crate::Explorer::say)) and hear nothing.
    ///
    /// # Panics
    /// If there is no node or more than 2^16 of them: a mistake in the test.
    pub fn new(nodes: Vec<NodeSpec>) -> Model {
        assert!(
            !nodes.is_empty() && nodes.len() < usize::from(u16::MAX),
            "between 1 and 65534 nodes"
        );
        let operations = vec![Vec::new(); nodes.len()];
        Model {
            nodes,
            operations,
            pace: Pace::Free,
            faults: Faults::default(),
            copies: usize::MAX,
            lasting: Vec::new(),
            mortal: Vec::new(),
            inputs: Inputs::new(),
            machines: None,
        }
    }

    /// What a client asks, one operation after the other, encoded as the lab encodes commands.
    ///
    /// # Panics
    /// If there is no such client: a mistake in the test.
    #[must_use]
    pub fn operations(mut self, client: NodeId, commands: Vec<Vec<u8>>) -> Model {
        let node_index = self
            .node_index(client)
            .filter(|node_index| self.is_client(*node_index));
        self.operations[node_index.unwrap_or_else(|| panic!("the model has no client {client}"))] =
            commands;
        self
    }

    /// When operations are invoked.
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> Model {
        self.pace = pace;
        self
    }

    /// How much may go wrong.
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Model {
        self.faults = faults;
        self
    }

    /// This node never crashes, although it is a server: the lab says so.
    ///
    /// # Panics
    /// If there is no such node: a mistake in the test.
    #[must_use]
    pub fn lasting(mut self, node: NodeId) -> Model {
        assert!(
            self.node_index(node).is_some(),
            "the model has no node {node}"
        );
        self.lasting.push(node);
        self
    }

    /// This node has one incarnation: after a crash it never starts again.
    ///
    /// # Panics
    /// If there is no such node: a mistake in the test.
    #[must_use]
    pub fn mortal(mut self, node: NodeId) -> Model {
        assert!(
            self.node_index(node).is_some(),
            "the model has no node {node}"
        );
        self.mortal.push(node);
        self
    }

    /// What nodes read as inputs.
    #[must_use]
    pub fn inputs(mut self, inputs: Inputs) -> Model {
        self.inputs = inputs;
        self
    }

    /// What the machines of the nodes can compute. Work takes any time, as on a machine that is as
    /// slow as it likes; in fair worlds it takes the time that it takes.
    ///
    /// # Panics
    /// Later, if work crashes its machine, which is not explored: a mistake in the test.
    #[must_use]
    pub fn machines(mut self, machines: Arc<dyn Machines>) -> Model {
        self.machines = Some(machines);
        self
    }

    /// The maximum number of equal messages from one node to another in the network; a further one
    /// is lost when it is sent. Without this bound (the default) a client that sends again and
    /// again makes a space without end.
    ///
    /// # Panics
    /// If it is 0.
    #[must_use]
    pub fn copies(mut self, most: usize) -> Model {
        assert!(most > 0, "a network that loses everything explores nothing");
        self.copies = most;
        self
    }

    pub(crate) fn node_index(&self, node: NodeId) -> Option<usize> {
        self.nodes.iter().position(|known| known.id == node)
    }

    pub(crate) fn is_client(&self, node_index: usize) -> bool {
        matches!(self.nodes[node_index].role, Role::Client { .. })
    }

    pub(crate) fn is_puppet(&self, node_index: usize) -> bool {
        matches!(self.nodes[node_index].role, Role::Puppet { .. })
    }

    /// Whether this node may crash on some path.
    pub(crate) fn crashes(&self, node_index: usize) -> bool {
        let node = &self.nodes[node_index];
        self.faults.crashes > 0
            && matches!(node.role, Role::Server { .. })
            && !self.lasting.contains(&node.id)
    }

    /// Whether this node starts again after a crash.
    pub(crate) fn comes_back(&self, node_index: usize) -> bool {
        !self.mortal.contains(&self.nodes[node_index].id)
    }

    pub(crate) fn role(&self, node_index: usize) -> (u8, &[u8]) {
        match &self.nodes[node_index].role {
            Role::Server { role, config } | Role::Client { role, config } => (*role, config),
            Role::Puppet { role } => (*role, &[]),
        }
    }
}
