//! What the world looks like between two steps of a recording, for people who go through it step by
//! step.

use std::{collections::BTreeSet, sync::Arc};

use labkit::NodeId;

use crate::{disk::Blob, time::Time};

/// How much a recording keeps of its steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Words only.
    #[default]
    Words,
    /// Words, and the state of the node before and after these steps, which are numbered from 1.
    States(BTreeSet<u64>),
    /// The same, and the whole world after each of these steps. Who asks knows how many that are:
    /// all of them are kept, however long the run is.
    Worlds(BTreeSet<u64>),
}

/// The state of a node before and after one of its events, as its own `Debug` writes it (`{:#?}`);
/// `None` where it has none: before its start, after a crash, or if its `Debug` fails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Before.
    pub before: Option<Arc<str>>,
    /// After.
    pub after: Option<Arc<str>>,
}

/// The whole world at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The nodes, in the order of the test.
    pub nodes: Vec<NodeFrame>,
    /// The messages under way, the next to arrive first, those held up last.
    pub flights: Vec<FlightFrame>,
}

/// One node at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFrame {
    /// The node.
    pub node: NodeId,
    /// Its incarnation; 0 before its first start.
    pub incarnation: u64,
    /// What it is doing.
    pub condition: Doing,
    /// Its state, as its own `Debug` writes it.
    pub state: Option<Arc<str>>,
    /// Its timers and when they fire, the next first.
    pub timers: Vec<(Time, Arc<str>)>,
    /// Its disk.
    pub disk: Vec<Blob>,
    /// How many events wait for it.
    pub waiting: usize,
    /// How many effects wait for the end of its sync.
    pub behind_sync: usize,
}

/// Whether a node takes events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// The test plays it.
    Puppet,
    /// It has not started, or has crashed.
    Down,
    /// It takes events.
    Up,
    /// It waits for its disk.
    Syncing,
    /// A fault has stopped it.
    Paused,
}

/// A message under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlightFrame {
    /// The sender.
    pub from: NodeId,
    /// The receiver.
    pub to: NodeId,
    /// When it was sent.
    pub sent: Time,
    /// When it arrives; `None` while it is held up.
    pub arrives: Option<Time>,
    /// What it says.
    pub message: Arc<str>,
}
