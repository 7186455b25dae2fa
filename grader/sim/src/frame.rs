//! What the world looks like between two steps of a recording, for people who go through it step by
//! step.
//!
//! Looking must not touch the run: states are described beside it, in nodes made of snapshots, and
//! what that computes counts for nothing.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use labkit::{
    Boot, Inputs, NodeId,
    abi::{Op, Start, Subject, effects},
};

use crate::{
    disk::Blob,
    node::Condition,
    record::Happening,
    time::Time,
    world::{QueuedEvent, World},
};

/// How much a recording keeps of its steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Words only.
    #[default]
    Words,
    /// Words, and the state of the node before and after these steps, which are numbered from 1.
    States(BTreeSet<u64>),
    /// The states of all steps, and the whole world after each.
    Worlds,
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

/// The maximum number of frames of a run that are kept, the last ones.
pub(crate) const FRAMES_KEPT: usize = 5_000;

/// What all looks of a run may compute, in the backend's unit; later ones see no states.
const MOST: u64 = 20_000_000_000;

/// The longest text of a state, in bytes. Its reader can do with a part of it.
const LONGEST: usize = 128 << 10;

/// What was described before: the same things are looked at again and again.
#[derive(Debug, Default)]
pub(crate) struct Descriptions {
    /// By node: at which event of which incarnation, and the state then.
    states: HashMap<usize, (Moment, Option<Arc<str>>)>,
    texts: HashMap<(u8, usize, Vec<u8>), Arc<str>>,
    computed: u64,
}

/// An incarnation of a node, and how many events it has had.
type Moment = (u64, u64);

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
        let whole = recording.detail == Detail::Worlds;
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
        self.backend.restore(beside, &start, &snapshot, 0).ok()?;
        let text = self
            .backend
            .call(beside, Op::Describe, &[Subject::State as u8])
            .ok()?;
        let text = String::from_utf8_lossy(&text);
        let end = text.floor_char_boundary(LONGEST);
        Some(text[..end].into())
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

    /// The messages under way, as they arrive: sender, receiver, bytes.
    pub fn in_flight(&self) -> Vec<(NodeId, NodeId, Vec<u8>)> {
        let name = |node_index: usize| self.nodes[node_index].spec.id;
        let flights = self
            .under_way()
            .into_iter()
            .map(|(_, index)| &self.flights[index as usize]);
        flights
            .map(|flight| (name(flight.from), name(flight.to), flight.bytes.clone()))
            .collect()
    }

    fn under_way(&self) -> Vec<(Option<Time>, u32)> {
        let mut under_way: Vec<(Option<Time>, u32)> = self
            .queue
            .iter()
            .filter_map(|queued| match queued.0.event {
                QueuedEvent::Deliver { message } => Some((Some(queued.0.at), message)),
                _ => None,
            })
            .collect();
        under_way.extend(self.held.iter().map(|(_, message, _)| (None, *message)));
        // `None` would be first; what is held up arrives last.
        under_way.sort_by_key(|(at, message)| {
            (
                at.is_none(),
                *at,
                self.flights[*message as usize].nth,
                *message,
            )
        });
        under_way
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
