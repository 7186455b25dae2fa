//! Work: what the machines of nodes compute beside the handlers, in virtual time.
//!
//! What a task is, how long it takes and what comes out is the lab's ([`Machines`]); when it begins
//! and ends, and what becomes of it, is the world's.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Debug,
    sync::Arc,
    time::Duration,
};

use labkit::NodeId;

use crate::{schedule::IncarnationId, time::Time};

/// What the machines of a world can compute. Equal tasks of equal incarnations must give equal
/// answers.
pub trait Machines: Debug + Send + Sync {
    /// What comes of a task that this incarnation of a node starts.
    ///
    /// # Errors
    /// What the program did wrong, in a sentence, if it may not start this; the run fails with it.
    fn compute(&self, by: IncarnationId, task: &[u8]) -> Result<Computation, String>;
}

/// What comes of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Computation {
    /// The task in a word or two, for traces and pictures: `map 3`.
    pub label: String,
    /// How long it takes on a machine that is not slow.
    pub takes: Duration,
    /// How it ends.
    pub ends: Ends,
}

/// How work ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ends {
    /// With this, encoded by the lab.
    Done(Vec<u8>),
    /// It crashes the machine that computes it.
    Crash,
}

/// Work that some node started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// Who started it.
    pub by: IncarnationId,
    /// What the program called it.
    pub token: u64,
    /// What the lab calls it.
    pub label: String,
    /// When it was started.
    pub asked: Time,
    /// When the machine began with it.
    pub began: Option<Time>,
    /// When it was over, in whatever way.
    pub ended: Option<Time>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The machine does something else first.
    Waiting,
    /// The machine is at it.
    Running,
    /// It was computed, and the node is told.
    Done,
    /// The node did not want it any more.
    Cancelled,
    /// The machine crashed before it was done: because of something else, or of this.
    Crashed,
}

/// All work of a run.
#[derive(Debug, Default)]
pub(crate) struct Works {
    pub machines: Option<Arc<dyn Machines>>,
    /// How many times as long everything takes; absent means once.
    pub slow: BTreeMap<NodeId, u32>,
    pub log: Vec<Work>,
    /// How much each incarnation has started.
    pub started: BTreeMap<IncarnationId, u64>,
    /// What each machine has to do, the work that is running first.
    pub queues: BTreeMap<usize, VecDeque<Queued>>,
}

#[derive(Debug)]
pub(crate) struct Queued {
    /// The position in the log.
    pub work: usize,
    /// Counts what its incarnation has started, from 1.
    pub nth: u64,
    pub takes: Duration,
    pub ends: Ends,
}

impl Works {
    pub fn new(machines: Option<Arc<dyn Machines>>, slow: BTreeMap<NodeId, u32>) -> Works {
        Works {
            machines,
            slow,
            ..Works::default()
        }
    }
}
