//! Steps of single nodes, their outcomes, and the table that maps the one to the other.

use std::{
    hash::{Hash, Hasher},
    ops::Range,
    sync::Arc,
};

use faultline_sim::choice::mix;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    calls::Calls,
    intern::{Interner, NONE},
    local::Local,
    monitor::ExternalEvent,
};

/// A message on its way. Equal messages between the same nodes are the same: the network is a
/// multiset of these.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Flight {
    pub from: u16,
    pub to: u16,
    pub bytes: u32,
}

/// A node and what happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocalStep {
    pub local: u32,
    /// The message that is delivered; [`NONE`] stands for everything that the node does by itself.
    pub flight: u32,
}

impl Hash for LocalStep {
    /// One number rather than two: it is looked up for every message of every state.
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(u64::from(self.local) << 32 | u64::from(self.flight));
    }
}

/// What began a step or a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    Deliver,
    Fire {
        timer: u32,
    },
    Synced,
    /// The machine is done with what it was at.
    Worked,
    Invoke,
    Start,
    /// A crash while no handler runs.
    Crash,
    /// A puppet sends what the test wants it to.
    Say,
}

/// The effects that one part of a step carried out: the first `done` of `effects`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub trigger: Trigger,
    pub effects: u32,
    pub done: u32,
}

/// One outcome of a step: a handler that may be cut short by a crash has several.
#[derive(Clone, Debug)]
pub(crate) struct StepOutcome {
    pub local: u32,
    /// Flights that were sent, in order.
    pub sends: Arc<[u32]>,
    /// The sum of their hashes.
    pub sends_hash: u64,
    /// What was seen from outside, interned; 0 if nothing.
    pub external_events: u32,
    /// A crash is part of it.
    pub crash: bool,
    /// The crash takes the disk along.
    pub loses_disk: bool,
    /// What is wrong with it, if the program broke a promise: a number of [`StepTable::faults`].
    pub fault: u32,
    /// What happened, for people.
    pub parts: Arc<[Part]>,
}

/// All nodes, messages and steps so far.
pub(crate) struct StepTable {
    pub calls: Calls,
    pub locals: Interner<Local>,
    /// The node of each local, by its index in the model.
    pub owners: Vec<u16>,
    pub flights: Interner<Flight>,
    /// The node to which each flight goes.
    pub targets: Vec<u16>,
    pub external_events: Interner<[ExternalEvent]>,
    pub outcomes: Vec<StepOutcome>,
    pub faults: Vec<String>,
    /// False if a crash could have left more disks than were tried.
    pub all_disks: bool,
    /// The outcomes of a delivery: where they begin, and how many.
    pub(super) deliveries: FxHashMap<LocalStep, (u32, u32)>,
    /// The same of what each local does by itself; [`UNKNOWN`] if that was not worked out yet.
    pub(super) own: Vec<(u32, u32)>,
    /// The interned empty bytes.
    pub nothing: u32,
    pub(super) entropy: u64,
}

/// No outcomes, because nobody has asked.
pub(super) const UNKNOWN: (u32, u32) = (NONE, 0);

/// What a flight adds to the hash of the network that it is in.
#[inline]
pub(crate) fn flight_hash(flight: u32) -> u64 {
    mix(u64::from(flight) | 1 << 32)
}

impl StepTable {
    pub fn new(entropy: u64) -> StepTable {
        let mut steps = StepTable {
            calls: Calls::default(),
            locals: Interner::default(),
            owners: Vec::new(),
            flights: Interner::default(),
            targets: Vec::new(),
            external_events: Interner::default(),
            outcomes: Vec::new(),
            faults: Vec::new(),
            all_disks: true,
            deliveries: FxHashMap::default(),
            own: Vec::new(),
            nothing: 0,
            entropy,
        };
        steps.nothing = steps.calls.bytes.intern(&[][..]);
        steps.external_events.intern(&[][..]);
        steps
    }

    /// The outcomes of a step, or `None` if it was not worked out yet.
    #[inline]
    pub fn outcomes(&self, step: LocalStep) -> Option<Range<usize>> {
        let (start, length) = match step.flight {
            NONE => self.own[step.local as usize],
            _ => *self.deliveries.get(&step)?,
        };
        (start != NONE).then_some(start as usize..start as usize + length as usize)
    }

    /// The messages whose delivery changed something somewhere.
    #[expect(
        clippy::disallowed_methods,
        reason = "a set comes out, in which no order shows"
    )]
    pub fn heeded(&self) -> FxHashSet<u32> {
        let heeded = self
            .deliveries
            .iter()
            .filter(|(_, (_, length))| *length > 0);
        heeded.map(|(step, _)| step.flight).collect()
    }

    /// The number of a local.
    pub fn intern_local(&mut self, local: Local) -> u32 {
        let node_index = local.node_index;
        let id = self.locals.intern(local);
        if id as usize == self.owners.len() {
            self.owners.push(node_index);
            self.own.push(UNKNOWN);
        }
        id
    }

    /// The number of a message that is sent.
    pub fn intern_flight(&mut self, flight: Flight) -> u32 {
        let to = flight.to;
        let number = self.flights.intern(flight);
        if number as usize == self.targets.len() {
            self.targets.push(to);
        }
        number
    }

    /// How many different steps were worked out.
    pub fn len(&self) -> usize {
        self.deliveries.len() + self.own.iter().filter(|own| **own != UNKNOWN).count()
    }

    /// The number of a message between these slots.
    pub fn find_flight(&self, from: u16, to: Option<usize>, message: &[u8]) -> Option<u32> {
        let bytes = self.calls.bytes.find(message)?;
        self.flights.find(&Flight {
            from,
            to: to? as u16,
            bytes,
        })
    }
}
