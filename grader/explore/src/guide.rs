//! Where a search looks first: which links are slow, who crashes, whether timers fire.
//!
//! A guide forbids nothing to the world. Whatever is left out of a stage might only have happened
//! later, so what a guided search finds could happen in any world; it merely gets deeper with as
//! many states.

use faultline_sim::{Outcome, World};
use labkit::NodeId;
use rustc_hash::FxHashSet;

use crate::{guidance::Guidance, space::Space};

/// What a stage leaves for later. The default leaves nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guide {
    held: Vec<(NodeId, NodeId)>,
    late: Vec<(NodeId, NodeId)>,
    crashes: Option<Vec<NodeId>>,
    slow_disks: Vec<NodeId>,
    slow_machines: Vec<NodeId>,
    timers: Option<Vec<NodeId>>,
}

impl Guide {
    /// A guide that leaves nothing for later.
    pub fn new() -> Guide {
        Guide::default()
    }

    /// Messages on this link, in this direction, are still on their way.
    #[must_use]
    pub fn held(mut self, from: NodeId, to: NodeId) -> Guide {
        self.held.push((from, to));
        self
    }

    /// What is on this link now is late: later messages overtake it. (Simulated worlds have no such
    /// messages; there nothing may depend on it.)
    #[must_use]
    pub fn late(mut self, from: NodeId, to: NodeId) -> Guide {
        self.late.push((from, to));
        self
    }

    /// Messages between nodes of different groups, both ways, are still on their way. Nodes in no
    /// group keep all links.
    #[must_use]
    pub fn apart(mut self, groups: &[&[NodeId]]) -> Guide {
        for (index, group) in groups.iter().enumerate() {
            for (_, others) in groups
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index)
            {
                self.held.extend(
                    group
                        .iter()
                        .flat_map(|from| others.iter().map(|to| (*from, *to))),
                );
            }
        }
        self
    }

    /// Only these nodes crash.
    #[must_use]
    pub fn crashes(mut self, nodes: &[NodeId]) -> Guide {
        self.crashes = Some(nodes.to_vec());
        self
    }

    /// The disks of these nodes are slow: no sync of theirs ends. (Simulated worlds have no such
    /// disks; there nothing may depend on it.)
    #[must_use]
    pub fn slow_disks(mut self, nodes: &[NodeId]) -> Guide {
        self.slow_disks = nodes.to_vec();
        self
    }

    /// The machines of these nodes are slow: no work of theirs ends. (Simulated worlds have no such
    /// machines; there nothing may depend on it.)
    #[must_use]
    pub fn slow_machines(mut self, nodes: &[NodeId]) -> Guide {
        self.slow_machines = nodes.to_vec();
        self
    }

    /// Only timers of these nodes fire. (So it is in searches; the simulated world knows of no such
    /// thing.)
    #[must_use]
    pub fn timers(mut self, nodes: &[NodeId]) -> Guide {
        self.timers = Some(nodes.to_vec());
        self
    }

    /// Holds up the same links in a simulated world.
    pub(crate) fn lay_over(&self, before: &Guide, world: &mut World<'_>) -> Outcome {
        for (from, to) in before.held.iter().filter(|link| !self.held.contains(link)) {
            world.release(*from, *to)?;
        }
        self.held
            .iter()
            .filter(|link| !before.held.contains(link))
            .try_for_each(|(from, to)| world.hold(*from, *to))
    }

    /// The same in the numbers of this state's space.
    pub(crate) fn in_numbers(&self, space: &Space<'_>, state: &[u32]) -> Guidance {
        let model = space.model;
        let node_index = |node: NodeId| {
            model
                .node_index(node)
                .unwrap_or_else(|| panic!("the model has no node {node}")) as u16
        };
        let all_but = |nodes: &Option<Vec<NodeId>>| -> FxHashSet<u16> {
            let nodes = nodes.as_deref().map(|nodes| {
                nodes
                    .iter()
                    .map(|node| node_index(*node))
                    .collect::<Vec<_>>()
            });
            let Some(nodes) = nodes else {
                return FxHashSet::default();
            };
            (0..model.nodes.len() as u16)
                .filter(|node_index| !nodes.contains(node_index))
                .collect()
        };
        let late: FxHashSet<(u16, u16)> = self
            .late
            .iter()
            .map(|(from, to)| (node_index(*from), node_index(*to)))
            .collect();
        let is_late = |flight: &u32| {
            late.contains(&(
                space.steps.flights[*flight].from,
                space.steps.flights[*flight].to,
            ))
        };
        Guidance {
            late: space
                .network(state)
                .iter()
                .copied()
                .filter(is_late)
                .collect(),
            held: self
                .held
                .iter()
                .map(|(from, to)| (node_index(*from), node_index(*to)))
                .collect(),
            spared: all_but(&self.crashes),
            slow_disks: self
                .slow_disks
                .iter()
                .map(|node| node_index(*node))
                .collect(),
            slow_machines: self
                .slow_machines
                .iter()
                .map(|node| node_index(*node))
                .collect(),
            without_timers: all_but(&self.timers),
        }
    }
}
