//! What a world does of which something is left out; see [`Edits`](crate::Edits).

use std::time::Duration;

use labkit::NodeId;

use crate::{
    choice::mix,
    edits::{MessageName, Noise, Wake},
    network::Fate,
    time::{Time, micros, ms},
    world::World,
};

/// Default time that a message takes, if its link is as fast as that.
const STEADY: Duration = ms(2);

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
