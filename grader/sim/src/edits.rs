//! A run that is simpler than its seed would make it, by leaving something out: operations of the
//! workload, faults of plans, what the network does to single messages.
//!
//! An edited run is still a run that the test could have had: plans look at the world before they
//! do something, links keep to their conditions, clients ask one thing after the other. So an
//! edited failure is a failure like any other.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use labkit::NodeId;
use serde::{Deserialize, Serialize};

use crate::{
    choice::mix,
    network::Fate,
    schedule::IncarnationId,
    time::{Time, micros, ms},
    world::World,
};

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
    /// Nodes are not turned into bytes and back.
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

/// How long a message takes of which nothing else is said, if its link is as fast as that.
const STEADY: Duration = ms(2);

/// Edits in the form in which a world asks for them.
#[derive(Debug, Default)]
pub(crate) struct Editing {
    pub edits: Arc<Edits>,
    operations: Option<BTreeMap<(NodeId, u64), Time>>,
    faults: Option<BTreeSet<Wake>>,
    noise: Option<BTreeMap<MessageName, Vec<u64>>>,
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

impl World<'_> {
    /// True if the plan that is awake may begin a fault now. A plan that has something to end ends
    /// it in any case.
    pub fn may_begin_fault(&self) -> bool {
        let allowed = self
            .mode
            .editing
            .as_ref()
            .and_then(|editing| editing.faults.as_ref());
        allowed
            .zip(self.awake)
            .is_none_or(|(allowed, awake)| allowed.contains(&awake))
    }

    /// True if a test may carry out one of the steps that it draws; in a run of which something was
    /// left out it may be one of those. Steps are left out like the faults of plans, of which such
    /// a test must have none.
    pub fn may_do(&mut self, step: u64) -> bool {
        let wake = Wake { plan: 0, nth: step };
        let allowed = self
            .mode
            .editing
            .as_ref()
            .and_then(|editing| editing.faults.as_ref());
        let may = allowed.is_none_or(|allowed| allowed.contains(&wake));
        if let (true, Some(recording)) = (may, &mut self.mode.recording) {
            recording.decided.faults.push((wake, self.now));
        }
        may
    }

    /// In a run of which something was left out: when plans began in the whole run. There a test
    /// need not wait any more for what happened before.
    pub fn plans_began(&self) -> Option<Time> {
        self.mode
            .editing
            .as_ref()
            .and_then(|editing| editing.edits.plans_from)
    }

    /// Lets the time of plans pass; in a run of which something was left out it may be shorter.
    ///
    /// # Errors
    /// Whatever ends the run in that time.
    pub fn run_plans_for(&mut self, time: Duration) -> crate::Outcome {
        let until = self
            .mode
            .editing
            .as_ref()
            .and_then(|editing| editing.edits.plans_until);
        let until = until.map_or(time, |until| until.since(self.now).min(time));
        self.run_for(until)
    }

    pub(crate) fn early_timers(&self) -> bool {
        self.mode
            .editing
            .as_ref()
            .is_some_and(|editing| editing.edits.early_timers)
    }

    /// The command of a client's operation, with plainer values if that is wanted and there are
    /// such.
    pub(crate) fn worded(&self, client: NodeId, nth: u64, command: Vec<u8>) -> Vec<u8> {
        let plain = self
            .mode
            .editing
            .as_ref()
            .is_some_and(|editing| editing.edits.plain_values);
        let workload = self.workload.as_ref().filter(|_| plain);
        workload
            .and_then(|workload| workload.plainer(client, nth))
            .unwrap_or(command)
    }

    /// Goes past the operations of a client that are left out. Says when the next one may be
    /// invoked.
    pub(crate) fn skip_operations(&mut self, node_index: usize) -> Time {
        let Some(kept) = self
            .mode
            .editing
            .as_ref()
            .and_then(|editing| editing.operations.as_ref())
        else {
            return Time::ZERO;
        };
        let Some(workload) = &mut self.workload else {
            return Time::ZERO;
        };
        let node = &mut self.nodes[node_index];
        loop {
            match kept.get(&(node.spec.id, node.operations)) {
                Some(at) => return *at,
                None if workload.next(node.spec.id, node.operations).is_none() => {
                    return Time::ZERO;
                }
                None => node.operations += 1,
            }
        }
    }

    /// Names a message that is being sent, if anybody wants to know.
    pub(crate) fn name_message(
        &mut self,
        node_index: usize,
        to: NodeId,
        message: &[u8],
    ) -> Option<MessageName> {
        let edited = self
            .mode
            .editing
            .as_ref()
            .is_some_and(|editing| editing.noise.is_some());
        if !edited && self.mode.recording.is_none() {
            return None;
        }
        let words = message.chunks(8).map(|word| {
            word.iter()
                .fold(0u64, |sum, byte| sum << 8 | u64::from(*byte))
        });
        let content = words.fold(mix(message.len() as u64), |hash, word| mix(hash ^ word));
        let from = self.nodes[node_index].incarnation_id();
        let nth = self.named.entry((from, to, content)).or_insert(0);
        *nth += 1;
        Some(MessageName {
            from,
            to,
            content,
            nth: *nth,
        })
    }

    /// What becomes of a message that is sent on this link now.
    pub(crate) fn fate(
        &mut self,
        link: usize,
        who: u64,
        nth: u64,
        name: Option<MessageName>,
    ) -> Fate {
        let noise = self
            .mode
            .editing
            .as_ref()
            .and_then(|editing| editing.noise.as_ref())
            .zip(name);
        let fate = match noise {
            Some((noise, name)) => self.links[link].edited_fate(
                &self.conditions,
                STEADY,
                noise.get(&name).map(Vec::as_slice),
            ),
            None => self.links[link].fate(&self.conditions, self.choices, who, nth),
        };
        if let (Some(recording), Some(message)) = (&mut self.mode.recording, name) {
            let takes_us = fate.into_iter().flatten().map(micros).collect();
            recording
                .decided
                .noise
                .push((Noise { message, takes_us }, self.now));
        }
        fate
    }
}
