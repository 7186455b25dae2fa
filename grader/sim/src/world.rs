//! The world itself: a queue of what is to come, in virtual time, and the nodes it happens to.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap},
    ops::RangeInclusive,
    sync::Arc,
    time::Duration,
};

use labkit::{
    Boot, Inputs, NodeId,
    abi::{Event, Op, Start, Subject},
};

use crate::{
    backend::{Backend, BackendError},
    choice::{About, Choices},
    clock::Clock,
    edits::Wake,
    frame::Descriptions,
    history::{Operation, Via, Workload},
    metrics::{Limits, Phase, measure},
    network::{Conditions, Link},
    node::{Cause, Condition, Node, NodeSpec, Received},
    plan::Plan,
    record::{Happening, Recording},
    schedule::{Action, FaultAction, IncarnationId, Script},
    store::File,
    sweep::Sweep,
    time::{Time, ms},
    trial::RunMode,
    violation::{FailureKind, Outcome, Stop, Violation, stop_for},
    watch::{Look, Watcher},
    work::{Machines, Works},
};

/// What a world is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The nodes, in the order in which they start.
    pub nodes: Vec<NodeSpec>,
    /// The conditions on every link at first.
    pub conditions: Conditions,
    /// What the run may use.
    pub limits: Limits,
    /// How long a sync takes.
    pub sync: RangeInclusive<Duration>,
    /// Whether a crash takes all with it that was not synced. Else some of it may survive, as on
    /// most disks.
    pub unsynced_is_lost: bool,
    /// Nodes start within this time after the beginning, each at its own moment.
    pub start_spread: Duration,
    /// Where a run follows a schedule: what the schedule does not name happens after this moment
    /// only.
    pub quiet_until: Time,
    /// The nodes that have a clock, and what it reads at the beginning: none, unless the lab grants
    /// clocks.
    pub clocks: BTreeMap<NodeId, Clock>,
    /// What every node can read.
    pub inputs: Inputs,
    /// What the nodes' machines compute: nothing, unless the lab lets them.
    pub machines: Option<Arc<dyn Machines>>,
    /// The machines that are slow, and how many times as long everything takes on them.
    pub slow_machines: BTreeMap<NodeId, u32>,
}

impl Setup {
    /// A world of these nodes under these conditions, with the default limits, in which all start
    /// at once.
    pub fn new(nodes: Vec<NodeSpec>, conditions: Conditions) -> Setup {
        Setup {
            nodes,
            conditions,
            limits: Limits::default(),
            sync: ms(1)..=ms(5),
            unsynced_is_lost: false,
            start_spread: Duration::ZERO,
            quiet_until: Time::ZERO,
            clocks: BTreeMap::new(),
            inputs: Inputs::new(),
            machines: None,
            slow_machines: BTreeMap::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum QueuedEvent {
    Fault {
        index: u32,
    },
    Plan {
        index: u32,
    },
    Start {
        node_index: u16,
    },
    Timer {
        node_index: u16,
        incarnation: u32,
        nth: u64,
    },
    Synced {
        node_index: u16,
        incarnation: u32,
        nth: u64,
    },
    Deliver {
        message: u32,
    },
    Think {
        node_index: u16,
    },
    Worked {
        node_index: u16,
        work: u32,
    },
}

/// Something that will happen. Simultaneous things are ordered by what they are, never by when they
/// were planned, so that a replay meets them in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QueueEntry {
    pub at: Time,
    pub rank: u64,
    pub event: QueuedEvent,
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
        setup: Setup,
        mode: RunMode,
    ) -> World<'b> {
        let count = setup.nodes.len();
        let choices = Choices::new(seed);
        let mut world = World {
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
        };
        for (node, clock) in setup.clocks {
            let node_index = world.node_index(node);
            world.nodes[node_index].clock = Some(clock);
        }
        world.queue_scripted_faults();
        for node_index in 0..count {
            if !world.nodes[node_index].spec.starts {
                continue;
            }
            let late = choices
                .draw(About::Think, node_index as u64, u64::MAX)
                .between(&(Duration::ZERO..=setup.start_spread));
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

    /// The backend's slot for an instance beside the run that holds a copy of this node, so that
    /// what is asked of it leaves no mark on the node itself.
    pub(crate) fn scratch_instance_of(&self, node_index: usize) -> usize {
        self.scratch_instance() + 1 + node_index
    }

    pub(crate) fn has_instance(&self, node_index: usize) -> bool {
        let node = &self.nodes[node_index];
        node.condition != Condition::Down && !node.is_puppet()
    }

    pub(crate) fn push(&mut self, at: Time, identity: u64, event: QueuedEvent) {
        let class = match event {
            QueuedEvent::Fault { .. } => 0u64,
            QueuedEvent::Plan { .. } => 1,
            QueuedEvent::Start { .. } => 2,
            QueuedEvent::Synced { .. } => 3,
            QueuedEvent::Timer { .. } => 4,
            QueuedEvent::Deliver { .. } => 5,
            QueuedEvent::Think { .. } => 6,
            QueuedEvent::Worked { .. } => 7,
        };
        let rank = class << 60 | (identity & ((1 << 60) - 1));
        self.queue.push(Reverse(QueueEntry {
            at: at.max(self.now),
            rank,
            event,
        }));
    }

    /// Does the next thing, unless it is later than `until`. False if there is none.
    pub(crate) fn advance(&mut self, until: Time) -> Outcome<bool> {
        match self.queue.peek() {
            Some(Reverse(entry)) if entry.at <= until => {}
            _ => return Ok(false),
        }
        // Before the next thing leaves the queue: a timer that fires is no longer set.
        self.look_back();
        let Some(Reverse(entry)) = self.queue.pop() else {
            return Ok(false);
        };
        self.now = entry.at;
        match entry.event {
            QueuedEvent::Fault { index } => self.do_scripted_fault(index as usize)?,
            QueuedEvent::Plan { index } => self.run_plan(index as usize)?,
            QueuedEvent::Start { node_index } => self.start_node(usize::from(node_index))?,
            QueuedEvent::Timer {
                node_index,
                incarnation,
                nth,
            } => self.fire(usize::from(node_index), u64::from(incarnation), nth)?,
            QueuedEvent::Synced {
                node_index,
                incarnation,
                nth,
            } => self.synced(usize::from(node_index), u64::from(incarnation), nth)?,
            QueuedEvent::Deliver { message } => self.arrive(message)?,
            QueuedEvent::Think { node_index } => self.invoke_next(usize::from(node_index))?,
            QueuedEvent::Worked { node_index, work } => {
                self.worked(usize::from(node_index), work)?
            }
        }
        Ok(true)
    }

    pub(crate) fn call(
        &mut self,
        node_index: usize,
        op: Op,
        argument: &[u8],
        doing: &str,
    ) -> Outcome<Vec<u8>> {
        let before = self.backend.fuel_used();
        let result = self.backend.call(node_index, op, argument);
        self.fuel += self.backend.fuel_used() - before;
        result.map_err(|error| {
            let node = self
                .nodes
                .get(node_index)
                .map_or("the program".to_owned(), |node| node.spec.id.to_string());
            stop_for(error, &node, doing, self.now)
        })
    }

    pub(crate) fn record(&mut self, what: impl FnOnce(&mut Self) -> Happening) {
        if self.mode.recording.is_some() {
            self.look_back();
            let (now, what) = (self.now, what(self));
            let state = self.look_ahead(&what);
            if let Some(recording) = &mut self.mode.recording {
                recording.step(now, what, state);
            }
        }
    }

    pub(crate) fn record_action(&mut self, action: impl FnOnce(&Self) -> Action) {
        if self.mode.recording.is_some() {
            let (now, planned, action) = (self.now, self.planned, action(self));
            if let Some(recording) = &mut self.mode.recording {
                recording.act(now, planned, action);
            }
        }
    }

    pub(crate) fn start_node(&mut self, node_index: usize) -> Outcome {
        let node = &mut self.nodes[node_index];
        if node.condition != Condition::Down {
            return Ok(());
        }
        // Until something is safe on the new disk, nothing on it can tell the node that it is new.
        node.disk_lost &= node.disk.is_empty();
        let boot = match (node.incarnation, node.disk_lost) {
            (0, _) => Boot::First,
            (_, true) => Boot::DiskLost,
            (_, false) => Boot::Restarted,
        };
        let clock = node.clock.map(|clock| clock.at(self.now));
        node.incarnation += 1;
        node.condition = Condition::Up;
        (
            node.events,
            node.sends,
            node.timers_set,
            node.syncs,
            node.effects_done,
        ) = (1, 0, 0, 0, 0);
        let (id, incarnation) = (node.spec.id, node.incarnation);
        let effects = {
            let Some((role, config)) = node.start_role() else {
                return Ok(());
            };
            let (disk, inputs) = (node.disk.contents(), &self.inputs);
            let start = Start {
                role,
                id,
                incarnation,
                boot,
                clock,
                config,
                disk,
                inputs,
            };
            let entropy = self
                .choices
                .draw(About::Entropy, node_index as u64, incarnation)
                .bits();
            self.backend
                .start(node_index, &start, entropy)
                .map(<[u8]>::to_vec)
        };
        self.record(|_| Happening::Start {
            node: id,
            incarnation,
        });
        let effects = self.checked(node_index, effects, "starting")?;
        self.finish_event(node_index, &effects, None, "starting")?;
        if self.nodes[node_index].is_client() {
            self.think(node_index);
        }
        Ok(())
    }

    /// The bytes of a step, or the end of the run; what was printed is kept in either case.
    pub(crate) fn checked<T>(
        &mut self,
        node_index: usize,
        result: Result<T, BackendError>,
        doing: &str,
    ) -> Outcome<T> {
        if self.mode.recording.is_some() {
            let printed = self.backend.take_printed(node_index);
            if let Some(recording) = &mut self.mode.recording {
                recording.add_to_last(printed, None);
            }
        }
        result.map_err(|error| {
            let node = self.nodes[node_index].spec.id.to_string();
            stop_for(error, &node, doing, self.now)
        })
    }

    /// Lets the node handle what is at its door, now or once it is back.
    pub(crate) fn happen(&mut self, node_index: usize, cause: Cause) -> Outcome {
        match self.nodes[node_index].condition {
            Condition::Down => Ok(()),
            Condition::Syncing | Condition::Paused => {
                self.nodes[node_index].backlog.push_back(cause);
                Ok(())
            }
            Condition::Up => self.handle(node_index, cause),
        }
    }

    /// Handles what queued up while the node was away, as far as it is up.
    pub(crate) fn catch_up(&mut self, node_index: usize) -> Outcome {
        while self.nodes[node_index].condition == Condition::Up {
            let Some(cause) = self.nodes[node_index].backlog.pop_front() else {
                break;
            };
            self.handle(node_index, cause)?;
        }
        Ok(())
    }

    fn handle(&mut self, node_index: usize, cause: Cause) -> Outcome {
        if matches!(cause, Cause::Synced) {
            return self.go_on_after_sync(node_index);
        }
        self.events += 1;
        self.current_phase().events += 1;
        if self.events > self.limits.events {
            return Err(self.over_budget(format!(
                "the nodes handled more than {} events",
                self.limits.events
            )));
        }
        self.record_cause(node_index, &cause);
        if let (true, Cause::Message { from, sent, bytes }) =
            (self.nodes[node_index].is_puppet(), &cause)
        {
            let (from, sent) = (self.nodes[*from].spec.id, *sent);
            self.nodes[node_index].inbox.push_back(Received {
                at: self.now,
                sent,
                from,
                message: bytes.clone(),
            });
            return Ok(());
        }
        let node = &mut self.nodes[node_index];
        node.events += 1;
        node.effects_done = 0;
        self.upon = None;
        let (event, doing) = match &cause {
            Cause::Message { from, sent, bytes } => {
                self.upon = Some(Via {
                    from: self.nodes[*from].spec.id,
                    sent: *sent,
                });
                if let Some((_, heard)) = &mut self.nodes[node_index].open {
                    *heard = true;
                }
                (
                    Event::Message {
                        from: self.nodes[*from].spec.id,
                        message: bytes,
                    },
                    "handling a message",
                )
            }
            Cause::Timer { bytes } => (Event::Timer { timer: bytes }, "handling a timer"),
            Cause::Invoke { bytes } => (Event::Invoke { command: bytes }, "being invoked"),
            Cause::WorkDone { token, bytes, .. } => (
                Event::WorkDone {
                    token: *token,
                    done: bytes,
                },
                "handling the end of work",
            ),
            Cause::Synced => unreachable!("handled above"),
        };
        let mut effects = self.spare.pop().unwrap_or_default();
        effects.clear();
        let before = self.backend.fuel_used();
        let clock = self.clock_of(node_index);
        let event = clock.map_or(event, |clock| Event::At {
            clock,
            event: &event,
        });
        let result = self
            .backend
            .step(node_index, &event)
            .map(|bytes| effects.extend_from_slice(bytes));
        self.fuel += self.backend.fuel_used() - before;
        self.checked(node_index, result, doing)?;
        self.finish_event(node_index, &effects, Some(&cause), doing)?;
        self.spare.push(effects);
        if let Cause::Message { bytes, .. } = cause {
            self.spare.push(bytes);
        }
        Ok(())
    }

    /// Counts what an event has used up and says whether the run is still within its budget.
    fn count_event(&mut self, node_index: usize, effects: &[u8]) -> Outcome {
        self.bytes += effects.len() as u64;
        if self.bytes > self.limits.bytes {
            let (limit, node) = (self.limits.bytes >> 20, self.nodes[node_index].spec.id);
            return Err(self.over_budget(format!(
                "more than {limit} MiB were sent and written; {node} was the last to"
            )));
        }
        if self.fuel > self.limits.fuel {
            let observed = "all handlers of this run together computed for too long".to_owned();
            return Err(Stop::Violation(Violation::new(
                FailureKind::Timeout,
                observed,
                self.now,
            )));
        }
        Ok(())
    }

    fn finish_event(
        &mut self,
        node_index: usize,
        effects: &[u8],
        cause: Option<&Cause>,
        doing: &str,
    ) -> Outcome {
        self.count_event(node_index, effects)?;
        self.apply_effects(node_index, effects, doing)?;
        // This is the grader's doing, so it counts apart from what the program computes, and ends
        // when it is as much.
        if self.mode.as_bytes && self.turning < self.limits.fuel && self.has_instance(node_index) {
            let before = self.fuel;
            self.turn_into_bytes_and_back(node_index, doing)?;
            self.turning += std::mem::replace(&mut self.fuel, before) - before;
        }
        if self.watchers.is_empty() {
            return Ok(());
        }
        let mut watchers = std::mem::take(&mut self.watchers);
        let node = self.nodes[node_index].spec.id;
        let mut result = Ok(());
        for watcher in &mut watchers {
            if let Some(Cause::Message { from, bytes, .. }) = cause {
                let from = self.nodes[*from].spec.id;
                result = result
                    .and_then(|()| watcher.delivered(&mut Look { world: self }, node, from, bytes));
            }
            result = result.and_then(|()| watcher.handled(&mut Look { world: self }, node));
        }
        self.watchers = watchers;
        result
    }

    fn record_cause(&mut self, node_index: usize, cause: &Cause) {
        if self.mode.recording.is_none() {
            return;
        }
        let node = self.nodes[node_index].spec.id;
        let what = match cause {
            Cause::Message { from, sent, bytes } => {
                let message = self.describe_for_recording(*from, Subject::Message, bytes);
                Happening::Receive {
                    node,
                    from: self.nodes[*from].spec.id,
                    sent: *sent,
                    message,
                }
            }
            Cause::Timer { bytes } => Happening::Timer {
                node,
                timer: self.describe_for_recording(node_index, Subject::Timer, bytes),
            },
            Cause::Invoke { bytes } => Happening::Invoke {
                node,
                command: self.describe_for_recording(node_index, Subject::Command, bytes),
            },
            Cause::WorkDone { work, .. } => Happening::WorkDone {
                node,
                work: self.works()[*work].label.clone(),
            },
            Cause::Synced => return,
        };
        self.record(|_| what);
    }

    pub(crate) fn sync_time(&self, node_index: usize, nth: u64) -> Duration {
        self.choices
            .draw(About::Sync, self.who(node_index), nth)
            .between(&self.sync)
    }

    /// A number for this incarnation of this node, for choices.
    pub(crate) fn who(&self, node_index: usize) -> u64 {
        (node_index as u64) << 32 | self.nodes[node_index].incarnation
    }

    pub(crate) fn spare_buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// The end of the run: what was recorded, and how many scripted actions were not possible.
    pub(crate) fn finish(mut self, stop: Option<&Stop>) -> Finished {
        if let Some(Stop::Violation(violation)) = stop {
            let text = violation.observed.clone();
            self.record(|_| Happening::Stop { text });
        }
        self.look_back();
        self.record_faults_to_come();
        self.close_phase();
        measure(&mut self.phases, &self.history, self.healed);
        for node_index in 0..=2 * self.nodes.len() {
            self.backend.stop(node_index);
        }
        let skipped = self.mode.script.as_ref().map_or(0, Script::left_over);
        Finished {
            recording: self.mode.recording.take(),
            skipped,
            phases: self.phases,
            fired: self.fired,
            sweep: self.sweep,
            fuel: self.fuel + self.turning + self.looking,
        }
    }
}

/// What remains of a world.
pub(crate) struct Finished {
    pub recording: Option<Recording>,
    pub skipped: usize,
    pub phases: Vec<Phase>,
    pub fired: BTreeMap<&'static str, u64>,
    pub sweep: Sweep,
    pub fuel: u64,
}
