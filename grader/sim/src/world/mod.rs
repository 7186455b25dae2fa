//! The world itself: virtual time, the nodes, and the queue of what is to come.
//!
//! This file holds the state of a world. What a world does is in the files beside it, each an
//! `impl World`, so none of them needs another one's types:
//!
//! ```text
//! run       the loop: take the next entry of the queue, let a node handle it
//! effects   what a handler asked for, one effect after the other, and crashes in between
//! messages  sending, losing, arriving
//! clients   invoking, thinking, answering; puppets
//! faults    what a test does to nodes and links
//! links     what a trace says of links that change
//! plans     faults that come by plan, and those that a schedule lists
//! clocks    what tests and plans do to clocks
//! computing what machines compute beside the handlers
//! store     the files that outlive all nodes
//! edited    what is left out of a run
//! progress  letting time pass, and saying what went wrong in it
//! observe   looking on while a run goes
//! frames    what a recording shows of the world after each step
//! describe  a program's own types as text
//! bytes     nodes that are turned into bytes and back
//! ```

mod bytes;
mod clients;
pub(crate) mod clocks;
mod computing;
mod describe;
mod edited;
mod effects;
mod faults;
mod frames;
mod links;
mod messages;
mod observe;
pub(crate) mod plans;
mod progress;
mod run;
mod store;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap},
    ops::RangeInclusive,
    time::Duration,
};

use labkit::{Inputs, NodeId};

use crate::{
    backend::Backend,
    choice::{About, Choices},
    descriptions::Descriptions,
    edits::Wake,
    history::{Operation, Via, Workload},
    metrics::{Limits, Phase},
    mode::RunMode,
    network::{Conditions, Link},
    node::{Condition, Node},
    queue::{QueueEntry, QueuedEvent},
    record::Happening,
    schedule::{FaultAction, IncarnationId},
    setup::Setup,
    store::File,
    sweep::Sweep,
    time::Time,
    violation::Outcome,
    work::Works,
};

/// A source of faults that can be laid over any workload. It is woken now and then, looks at the
/// world (the view, say, so as not to ask for the impossible) and does something to it. What it
/// does is recorded, so a replay needs no plan.
pub trait Plan {
    /// What it does, in words for reports: `crashes of the primary`.
    fn name(&self) -> &'static str;

    /// Acts, and says after which time it wants to be woken again; `None` ends it. It returns true
    /// if a fault fired.
    ///
    /// # Errors
    /// Whatever the world runs into meanwhile.
    fn wake(&mut self, world: &mut World<'_>) -> Outcome<(bool, Option<Duration>)>;
}

/// Something that looks at the world after every event, to check an invariant or to know when a
/// fault is legitimate. It changes nothing.
pub trait Watcher {
    /// `to` has handled a message from `from`.
    ///
    /// # Errors
    /// A violation, if the watcher checks an invariant.
    fn delivered(
        &mut self,
        look: &mut Look<'_, '_>,
        to: NodeId,
        from: NodeId,
        message: &[u8],
    ) -> Outcome;

    /// `node` has handled an event of any kind (a message included; `delivered` comes first).
    ///
    /// # Errors
    /// A violation, if the watcher checks an invariant.
    fn handled(&mut self, look: &mut Look<'_, '_>, node: NodeId) -> Outcome;
}

/// A world that can only be looked at.
pub struct Look<'w, 'b> {
    pub(crate) world: &'w mut World<'b>,
}

/// A message on its way.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    pub from: usize,
    pub incarnation: u64,
    pub nth: u64,
    pub to: usize,
    pub sent: Time,
    pub bytes: Vec<u8>,
}

/// A world of nodes, its network and its clients.
pub struct World<'b> {
    pub(crate) backend: &'b mut dyn Backend,
    pub(crate) choices: Choices,
    pub(crate) mode: RunMode,
    pub(crate) now: Time,
    pub(crate) nodes: Vec<Node>,
    pub(crate) links: Vec<Link>,
    pub(crate) conditions: Conditions,
    pub(crate) limits: Limits,
    sync: RangeInclusive<Duration>,
    pub(crate) unsynced_is_lost: bool,
    pub(crate) quiet_until: Time,
    pub(crate) queue: BinaryHeap<Reverse<QueueEntry>>,
    pub(crate) flights: Vec<Flight>,
    pub(crate) free_flights: Vec<u32>,
    /// Messages held up: the link, the flight, when it would have arrived.
    pub(crate) held: Vec<(usize, u32, Time)>,
    /// Whether a link that is held lets nothing arrive, not even what is under way.
    pub(crate) holds_arrivals: bool,
    spare: Vec<Vec<u8>>,
    pub(crate) history: Vec<Operation>,
    pub(crate) moments: u64,
    /// The message that is being handled.
    pub(crate) upon: Option<Via>,
    pub(crate) workload: Option<Box<dyn Workload>>,
    /// Plans that go on, and how often each was woken.
    pub(crate) plans: Vec<Option<(Box<dyn Plan>, u64)>>,
    pub(crate) planned: bool,
    /// The plan that is being woken.
    pub(crate) awake: Option<Wake>,
    /// How often each message was sent, if messages are named.
    pub(crate) named: BTreeMap<(IncarnationId, NodeId, u64), u32>,
    pub(crate) faults: Vec<FaultAction>,
    pub(crate) fired: BTreeMap<&'static str, u64>,
    watchers: Vec<Box<dyn Watcher>>,
    pub(crate) phases: Vec<Phase>,
    phase_began: Time,
    /// When the world was last healed.
    pub(crate) healed: Option<Time>,
    pub(crate) messages: u64,
    bytes: u64,
    events: u64,
    /// What handlers have computed.
    pub(crate) fuel: u64,
    /// What observations have computed.
    pub(crate) looking: u64,
    /// What turning nodes into bytes and back has computed.
    turning: u64,
    /// What writing out messages and timers for a recording has computed.
    pub(crate) describing: u64,
    pub(crate) given_cache: HashMap<Vec<u8>, Option<Vec<u8>>>,
    pub(crate) descriptions: Descriptions,
    pub(crate) sweep: Sweep,
    pub(crate) inputs: Inputs,
    pub(crate) works: Works,
    pub(crate) files: BTreeMap<String, File>,
}

impl<'b> World<'b> {
    pub(crate) fn new(
        backend: &'b mut dyn Backend,
        seed: u64,
        mut setup: Setup,
        mode: RunMode,
    ) -> World<'b> {
        let (clocks, spread) = (std::mem::take(&mut setup.clocks), setup.start_spread);
        let mut world = World::at_rest(backend, seed, setup, mode);
        for (node, clock) in clocks {
            let node_index = world.node_index(node);
            world.nodes[node_index].clock = Some(clock);
        }
        world.queue_scripted_faults();
        for node_index in 0..world.nodes.len() {
            if !world.nodes[node_index].spec.starts {
                continue;
            }
            let late = world
                .choices
                .draw(About::Think, node_index as u64, u64::MAX)
                .between(&(Duration::ZERO..=spread));
            world.push(
                Time::ZERO + late,
                node_index as u64,
                QueuedEvent::Start {
                    node_index: node_index as u16,
                },
            );
        }
        world
    }

    /// A world in which nothing is to come.
    fn at_rest(backend: &'b mut dyn Backend, seed: u64, setup: Setup, mode: RunMode) -> World<'b> {
        let count = setup.nodes.len();
        let choices = Choices::new(seed);
        World {
            backend,
            choices,
            mode,
            now: Time::ZERO,
            nodes: setup.nodes.into_iter().map(Node::new).collect(),
            links: (0..count * count).map(|_| Link::default()).collect(),
            conditions: setup.conditions,
            limits: setup.limits,
            sync: setup.sync,
            unsynced_is_lost: setup.unsynced_is_lost,
            quiet_until: setup.quiet_until,
            queue: BinaryHeap::new(),
            flights: Vec::new(),
            free_flights: Vec::new(),
            held: Vec::new(),
            holds_arrivals: false,
            spare: Vec::new(),
            history: Vec::new(),
            moments: 0,
            upon: None,
            workload: None,
            plans: Vec::new(),
            planned: false,
            awake: None,
            named: BTreeMap::new(),
            faults: Vec::new(),
            fired: BTreeMap::new(),
            watchers: Vec::new(),
            phases: vec![Phase::named("start", Time::ZERO)],
            phase_began: Time::ZERO,
            healed: None,
            messages: 0,
            bytes: 0,
            events: 0,
            fuel: 0,
            looking: 0,
            turning: 0,
            describing: 0,
            given_cache: HashMap::new(),
            descriptions: Descriptions::default(),
            sweep: Sweep::default(),
            inputs: setup.inputs,
            works: Works::new(setup.machines, setup.slow_machines),
            files: BTreeMap::new(),
        }
    }

    /// The virtual time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The source of this run's choices, for workloads and plans.
    pub fn choices(&self) -> Choices {
        self.choices
    }

    /// What clients were asked and answered so far.
    pub fn history(&self) -> &[Operation] {
        &self.history
    }

    /// The counts of the phases so far.
    pub fn phases(&mut self) -> &[Phase] {
        self.close_phase();
        &self.phases
    }

    /// Begins a phase; counts from here on are its own.
    pub fn phase(&mut self, name: &str) {
        self.close_phase();
        self.phases.push(Phase::named(name, self.now));
        self.record(|_| Happening::Phase {
            name: name.to_owned(),
        });
    }

    fn close_phase(&mut self) {
        if let Some(phase) = self.phases.last_mut() {
            phase.lasted_us += self.now.0 - self.phase_began.0;
        }
        self.phase_began = self.now;
    }

    pub(crate) fn current_phase(&mut self) -> &mut Phase {
        self.phases.last_mut().expect("there is always a phase")
    }

    /// Lets a watcher look on from now on.
    pub fn watch(&mut self, watcher: impl Watcher + 'static) {
        self.watchers.push(Box::new(watcher));
    }

    /// The position of a node.
    ///
    /// # Panics
    /// If the test has no such node: a mistake in the test.
    pub(crate) fn node_index(&self, node: NodeId) -> usize {
        self.find(node)
            .unwrap_or_else(|| panic!("the test has no node {node}"))
    }

    pub(crate) fn find(&self, node: NodeId) -> Option<usize> {
        self.nodes.iter().position(|known| known.spec.id == node)
    }

    /// The backend's slot for an instance beside the run that holds no node: it answers questions
    /// about messages. (The slots before it are those of the nodes, by their index.)
    pub(crate) fn scratch_instance(&self) -> usize {
        self.nodes.len()
    }

    /// The same with a fresh instance, for what decides about the run: a program that keeps
    /// something outside its messages must not find it there, whatever was asked before.
    pub(crate) fn fresh_scratch_instance(&mut self) -> usize {
        let slot = self.scratch_instance();
        self.backend.stop(slot);
        slot
    }

    /// The backend's slot for an instance beside the run that holds a copy of this node, so that
    /// what is asked of it leaves no mark on the node itself.
    pub(crate) fn scratch_instance_of(&self, node_index: usize) -> usize {
        self.scratch_instance() + 1 + node_index
    }

    pub(crate) fn has_instance(&self, node_index: usize) -> bool {
        let node = &self.nodes[node_index];
        node.condition != Condition::Down && !node.is_puppet()
    }

    /// A number for this incarnation of this node, for choices.
    pub(crate) fn who(&self, node_index: usize) -> u64 {
        (node_index as u64) << 32 | self.nodes[node_index].incarnation
    }

    pub(crate) fn spare_buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }
}
