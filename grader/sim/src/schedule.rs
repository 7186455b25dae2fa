//! A run as a list of actions, and the file that holds one.
//!
//! Each action names its object by who it belongs to and a count in that node's own incarnation
//! (the 7th message that s1's 2nd incarnation sent), never by a position in the run. Taking an
//! action out therefore renames no other.

use std::collections::BTreeMap;

use labkit::NodeId;
use serde::{Deserialize, Serialize};

use crate::time::Time;

/// Names one incarnation of a node: the time from a start to the next crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IncarnationId {
    /// The node.
    pub node: NodeId,
    /// Its incarnation, from 1.
    pub incarnation: u64,
}

/// One thing that the world did or decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// A client was asked to carry out its `nth` operation, or the test sent its `nth` message in
    /// the name of a puppet.
    Invoke {
        /// The client or puppet.
        client: NodeId,
        /// Counts its operations or messages from 1.
        nth: u64,
    },
    /// The `nth` message of `from` reached its destination (a duplicated one does so more than
    /// once).
    Deliver {
        /// The sender.
        from: IncarnationId,
        /// Counts the sender's messages from 1.
        nth: u64,
    },
    /// The `nth` message of `from` was lost.
    Drop {
        /// The sender.
        from: IncarnationId,
        /// Counts the sender's messages from 1.
        nth: u64,
    },
    /// The `nth` timer that `of` set fired.
    Fire {
        /// The node.
        of: IncarnationId,
        /// Counts the timers that this incarnation has set, from 1.
        nth: u64,
    },
    /// The `nth` sync of `of` was over.
    Synced {
        /// The node.
        of: IncarnationId,
        /// Counts the syncs of this incarnation from 1.
        nth: u64,
    },
    /// The `nth` piece of work that `of` started was over.
    Worked {
        /// The node.
        of: IncarnationId,
        /// Counts the work that this incarnation has started, from 1.
        nth: u64,
    },
    /// A node crashed in its `event`-th event, after `effects` of that event's effects.
    Crash {
        /// The node.
        of: IncarnationId,
        /// Counts the events of this incarnation; the start is number 1.
        event: u64,
        /// How many effects of the event still happened.
        effects: u64,
    },
    /// What the crash that ended an incarnation left of the unsynced writes to one blob. Where
    /// nothing was unsynced there is none.
    Survived {
        /// The incarnation that ended.
        of: IncarnationId,
        /// The blob.
        blob: String,
        /// How many of its unsynced writes survived, from the first.
        writes: u64,
        /// How many bytes of the last of them, if it is an append.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
    },
    /// A fault of another kind.
    Fault(FaultAction),
}

/// A fault that a script or a plan put on the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "each is the method of `World` of the same name"
)]
pub enum FaultAction {
    Crash { node: NodeId },
    Restart { node: NodeId },
    Pause { node: NodeId },
    Resume { node: NodeId },
    Cut { from: NodeId, to: NodeId },
    Heal { from: NodeId, to: NodeId },
    Hold { from: NodeId, to: NodeId },
    Release { from: NodeId, to: NodeId },
    Slow { node: NodeId, by_us: u64 },
    LoseDisk { node: NodeId },
    Leave { node: NodeId },
    StepClock { node: NodeId, by_us: i64 },
    DriftClock { node: NodeId, ppm: i64 },
    HealAll,
}

/// An action and when it happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timed {
    /// Virtual microseconds.
    pub at_us: u64,
    /// True if a fault plan did it; the test's own script does its actions again in a replay.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub planned: bool,
    /// What happened.
    #[serde(flatten)]
    pub action: Action,
}

/// The actions of a run, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schedule(pub Vec<Timed>);

/// What a crash leaves of the unsynced writes to a blob: the first `writes` of them, and of the
/// last of these the first `bytes` bytes if it is an append.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Survival {
    pub writes: u64,
    pub bytes: Option<u64>,
}

/// A schedule in the form in which a replaying world asks for it: what was decided about this
/// message, this timer?
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// When each copy of a message ended its way, and whether it was lost.
    pub messages: BTreeMap<(IncarnationId, u64), Vec<(Time, bool)>>,
    pub timers: BTreeMap<(IncarnationId, u64), Time>,
    pub syncs: BTreeMap<(IncarnationId, u64), Time>,
    pub works: BTreeMap<(IncarnationId, u64), Time>,
    pub crashes: BTreeMap<(IncarnationId, u64), u64>,
    pub survivals: BTreeMap<IncarnationId, BTreeMap<String, Survival>>,
    pub faults: Vec<(Time, FaultAction)>,
}

impl Script {
    pub fn new(schedule: &Schedule) -> Script {
        let mut script = Script::default();
        for timed in &schedule.0 {
            let at = Time(timed.at_us);
            match &timed.action {
                Action::Invoke { .. } => {}
                Action::Deliver { from, nth } => {
                    script
                        .messages
                        .entry((*from, *nth))
                        .or_default()
                        .push((at, false));
                }
                Action::Drop { from, nth } => {
                    script
                        .messages
                        .entry((*from, *nth))
                        .or_default()
                        .push((at, true));
                }
                Action::Fire { of, nth } => {
                    script.timers.insert((*of, *nth), at);
                }
                Action::Synced { of, nth } => {
                    script.syncs.insert((*of, *nth), at);
                }
                Action::Worked { of, nth } => {
                    script.works.insert((*of, *nth), at);
                }
                Action::Crash { of, event, effects } => {
                    script.crashes.insert((*of, *event), *effects);
                }
                Action::Survived {
                    of,
                    blob,
                    writes,
                    bytes,
                } => {
                    let survival = Survival {
                        writes: *writes,
                        bytes: *bytes,
                    };
                    script
                        .survivals
                        .entry(*of)
                        .or_default()
                        .insert(blob.clone(), survival);
                }
                Action::Fault(fault) if timed.planned => script.faults.push((at, fault.clone())),
                Action::Fault(_) => {}
            }
        }
        script
    }

    /// How many actions were not possible in this run.
    pub fn left_over(&self) -> usize {
        self.messages.values().map(Vec::len).sum::<usize>()
            + self.timers.len()
            + self.syncs.len()
            + self.works.len()
            + self.crashes.len()
            + self.survivals.len()
            + self.faults.len()
    }
}
