//! A run that is simpler than its seed would make it, by leaving something out: operations of the
//! workload, faults of plans, what the network does to single messages.
//!
//! An edited run is still a run that the test could have had: plans look at the world before they
//! do something, links keep to their conditions, clients ask one thing after the other. So an
//! edited failure is a failure like any other.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use labkit::NodeId;

use serde::{Deserialize, Serialize};

use crate::{schedule::IncarnationId, time::Time};

/// What is left out of a run. The default leaves out nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Edits {
    /// The operations of the workload that are still carried out; all if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<Kept>>,
    /// The wakes of plans in which a fault may begin; all if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faults: Option<Vec<Wake>>,
    /// What the network still does to messages; all others take the same short time. `None`: as the
    /// seed decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<Vec<Noise>>,
    /// Timers with a range fire at its beginning.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub early_timers: bool,
    /// Nodes are not serialized and deserialized.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub plain: bool,
    /// Operations have plainer values, where the workload has such.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub plain_values: bool,
    /// In a test with a crash at each effect: the one at which the node crashes, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crash_at: Option<u64>,
    /// When the first plan was laid over the run, as far as it waits for operations that may be
    /// left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plans_from: Option<Time>,
    /// When the time of plans is over, if it is earlier than the test says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plans_until: Option<Time>,
}

/// An operation of the workload, and when it was invoked in the whole run: it never is earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Kept {
    /// The client.
    pub client: NodeId,
    /// Counts the client's operations from 0.
    pub nth: u64,
    /// When, at the earliest.
    pub at_us: u64,
}

/// One time that a plan was woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Wake {
    /// Counts the plans of the run from 0.
    pub plan: u32,
    /// Counts the plan's wakes from 1.
    pub nth: u64,
}

/// A message, named by what it says, so that leaving out another one does not rename it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MessageName {
    /// The sender.
    pub from: IncarnationId,
    /// The receiver.
    pub to: NodeId,
    /// A hash of its bytes.
    pub content: u64,
    /// Counts the messages with these bytes on this way, from 1.
    pub nth: u32,
}

/// What the network does to one message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Noise {
    /// Which one.
    pub message: MessageName,
    /// How long each copy takes, in microseconds; none arrives if it is empty.
    pub takes_us: Vec<u64>,
}

/// What was decided in a run, as far as it can be left out.
#[derive(Clone, Debug, Default)]
pub struct Decided {
    /// The operations of the workload.
    pub operations: Vec<Kept>,
    /// The wakes in which a fault began, and when.
    pub faults: Vec<(Wake, Time)>,
    /// What happened to messages, and when they were sent.
    pub noise: Vec<(Noise, Time)>,
    /// When the first plan was laid over the run.
    pub plans_from: Option<Time>,
}

/// Edits in the form in which a world asks for them.
#[derive(Debug, Default)]
pub(crate) struct Editing {
    pub edits: Arc<Edits>,
    pub operations: Option<BTreeMap<(NodeId, u64), Time>>,
    pub faults: Option<BTreeSet<Wake>>,
    pub noise: Option<BTreeMap<MessageName, Vec<u64>>>,
}

impl Editing {
    pub fn new(edits: &Arc<Edits>) -> Editing {
        let kept = |kept: &Kept| ((kept.client, kept.nth), Time(kept.at_us));
        let noise = |noise: &Noise| (noise.message, noise.takes_us.clone());
        Editing {
            edits: Arc::clone(edits),
            operations: edits
                .operations
                .as_ref()
                .map(|all| all.iter().map(kept).collect()),
            faults: edits
                .faults
                .as_ref()
                .map(|all| all.iter().copied().collect()),
            noise: edits
                .noise
                .as_ref()
                .map(|all| all.iter().map(noise).collect()),
        }
    }
}
