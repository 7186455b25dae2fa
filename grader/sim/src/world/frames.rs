//! Frames of a recording: the world after each step.
//!
//! Looking must not touch the run: states are described beside it, in nodes made of snapshots, and
//! what that computes counts for nothing.

use std::sync::Arc;

use labkit::{
    Boot, Inputs,
    abi::{Op, Start, Subject, effects},
};

use crate::{
    backend::BackendError,
    frame::{Change, Doing, FlightFrame, Frame, NodeFrame},
    node::Condition,
    record::Happening,
    time::Time,
    world::World,
};

/// What all looks of a run may compute, in the backend's unit; later ones see no states.
const MOST: u64 = 20_000_000_000;

/// The longest text of a state, in bytes. Its reader can do with a part of it.
const LONGEST: usize = 128 << 10;

/// The maximum number of texts that are remembered.
const TEXTS: usize = 20_000;

impl World<'_> {
    /// Completes what is known of the last step, now that all is done that came of it.
    pub(crate) fn look_back(&mut self) {
        let Some(recording) = self
            .mode
            .recording
            .as_ref()
            .filter(|recording| !recording.complete)
        else {
            return;
        };
        let Some(step) = recording.steps.back() else {
            return;
        };
        let whole = recording.looks_at_last();
        if !whole && step.state.is_none() {
            return;
        }
        let after = step
            .what
            .node()
            .and_then(|node| self.state_of(self.node_index(node)));
        let frame = whole.then(|| self.frame());
        let Some(recording) = &mut self.mode.recording else {
            return;
        };
        recording.complete(after, frame);
    }

    /// What is to be known of the step that is recorded next, before anything comes of it.
    pub(crate) fn look_ahead(&mut self, what: &Happening) -> Option<Change> {
        let recording = self.mode.recording.as_ref()?;
        if !recording.looks_at_next() {
            return None;
        }
        let node = what.node()?;
        // It is recorded once the node has started, so the state that it has now came of it.
        let before = match what {
            Happening::Start { .. } => None,
            _ => self.state_of(self.node_index(node)),
        };
        Some(Change {
            before,
            after: None,
        })
    }

    fn state_of(&mut self, node_index: usize) -> Option<Arc<str>> {
        let node = &self.nodes[node_index];
        if !self.has_instance(node_index) {
            return None;
        }
        let when = (node.incarnation, node.events);
        if let Some((known, state)) = self.descriptions.states.get(&node_index)
            && *known == when
        {
            return state.clone();
        }
        let before = self.backend.fuel_used();
        let state = (self.descriptions.computed < MOST)
            .then(|| self.describe_state(node_index))
            .flatten();
        self.descriptions.computed += self.backend.fuel_used() - before;
        self.descriptions
            .states
            .insert(node_index, (when, state.clone()));
        state
    }

    /// In a node of its own, made of a snapshot: what a `Debug` does to its node must not be seen
    /// in the run.
    fn describe_state(&mut self, node_index: usize) -> Option<Arc<str>> {
        let snapshot = self.backend.call(node_index, Op::Snapshot, &[]).ok()?;
        let beside = self.copy_of(node_index, &snapshot)?.ok()?;
        let text = self
            .backend
            .call(beside, Op::Describe, &[Subject::State as u8])
            .ok()?;
        let text = String::from_utf8_lossy(&text);
        let end = text.floor_char_boundary(LONGEST);
        Some(text[..end].into())
    }

    /// Makes a copy of this node beside the run, of its bytes, and says in which slot of the
    /// backend; `None` for what is no node of the program.
    pub(crate) fn copy_of(
        &mut self,
        node_index: usize,
        snapshot: &[u8],
    ) -> Option<Result<usize, BackendError>> {
        let node = &self.nodes[node_index];
        let (role, config) = node.start_role()?;
        let disk = node.disk.seen_by_node();
        let (id, incarnation) = (node.spec.id, node.incarnation);
        let (boot, clock) = (Boot::First, self.clock_of(node_index));
        let start = Start {
            role,
            id,
            incarnation,
            boot,
            clock,
            config,
            disk: &disk,
            inputs: &Inputs::new(),
        };
        let beside = self.scratch_instance_of(node_index);
        let made = self.backend.restore(beside, &start, snapshot, 0);
        Some(made.map(|()| beside))
    }

    fn text_of(&mut self, node_index: usize, subject: Subject, bytes: &[u8]) -> Arc<str> {
        let key = (subject as u8, node_index, bytes.to_vec());
        if let Some(text) = self.descriptions.texts.get(&key) {
            return Arc::clone(text);
        }
        let text: Arc<str> = self
            .describe_for_recording(node_index, subject, bytes)
            .into();
        if self.descriptions.texts.len() < TEXTS {
            self.descriptions.texts.insert(key, Arc::clone(&text));
        }
        text
    }

    fn frame(&mut self) -> Frame {
        Frame {
            nodes: (0..self.nodes.len())
                .map(|node_index| self.node_frame(node_index))
                .collect(),
            flights: self.flight_frames(),
        }
    }

    fn node_frame(&mut self, node_index: usize) -> NodeFrame {
        let state = self.state_of(node_index);
        let mut running: Vec<(Time, Vec<u8>)> = self.nodes[node_index]
            .timers
            .iter()
            .map(|timer| (timer.at, timer.bytes.clone()))
            .collect();
        running.sort();
        let timers = running
            .into_iter()
            .map(|(at, bytes)| (at, self.text_of(node_index, Subject::Timer, &bytes)))
            .collect();
        let node = &self.nodes[node_index];
        let condition = match node.condition {
            _ if node.is_puppet() => Doing::Puppet,
            Condition::Down => Doing::Down,
            Condition::Up => Doing::Up,
            Condition::Syncing => Doing::Syncing,
            Condition::Paused => Doing::Paused,
        };
        NodeFrame {
            node: node.spec.id,
            incarnation: node.incarnation,
            condition,
            state,
            timers,
            disk: node.disk.blobs(),
            waiting: node.backlog.len(),
            behind_sync: effects(&node.tail).count(),
        }
    }

    fn flight_frames(&mut self) -> Vec<FlightFrame> {
        self.under_way()
            .into_iter()
            .map(|(arrives, index)| {
                let flight = &self.flights[index as usize];
                let (from, to, sent, bytes) =
                    (flight.from, flight.to, flight.sent, flight.bytes.clone());
                let message = self.text_of(from, Subject::Message, &bytes);
                FlightFrame {
                    from: self.nodes[from].spec.id,
                    to: self.nodes[to].spec.id,
                    sent,
                    arrives,
                    message,
                }
            })
            .collect()
    }
}
