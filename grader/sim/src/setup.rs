//! What a world is made of.

use std::{collections::BTreeMap, ops::RangeInclusive, sync::Arc, time::Duration};

use labkit::{Inputs, NodeId};

use crate::{
    clock::Clock,
    metrics::Limits,
    network::Conditions,
    node::NodeSpec,
    time::{Time, ms},
    work::Machines,
};

/// What a world is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The nodes, in the order in which they start.
    pub nodes: Vec<NodeSpec>,
    /// The conditions on every link at first.
    pub conditions: Conditions,
    /// What the run may use.
    pub limits: Limits,
    /// How long a sync takes.
    pub sync: RangeInclusive<Duration>,
    /// Whether a crash takes all with it that was not synced. Else some of it may survive, as on
    /// most disks.
    pub unsynced_is_lost: bool,
    /// Nodes start within this time after the beginning, each at its own moment.
    pub start_spread: Duration,
    /// Where a run follows a schedule: what the schedule does not name happens after this moment
    /// only.
    pub quiet_until: Time,
    /// The nodes that have a clock, and what it reads at the beginning: none, unless the lab grants
    /// clocks.
    pub clocks: BTreeMap<NodeId, Clock>,
    /// What every node can read.
    pub inputs: Inputs,
    /// What the nodes' machines compute: nothing, unless the lab lets them.
    pub machines: Option<Arc<dyn Machines>>,
    /// The machines that are slow, and how many times as long everything takes on them.
    pub slow_machines: BTreeMap<NodeId, u32>,
}

impl Setup {
    /// A world of these nodes under these conditions, with the default limits, in which all start
    /// at once.
    pub fn new(nodes: Vec<NodeSpec>, conditions: Conditions) -> Setup {
        Setup {
            nodes,
            conditions,
            limits: Limits::default(),
            sync: ms(1)..=ms(5),
            unsynced_is_lost: false,
            start_spread: Duration::ZERO,
            quiet_until: Time::ZERO,
            clocks: BTreeMap::new(),
            inputs: Inputs::new(),
            machines: None,
            slow_machines: BTreeMap::new(),
        }
    }
}
