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
    frame::Seen,
    history::{Operation, Via, Workload},
    metrics::{Limits, Phase, measure},
    network::{Conditions, Link},
    node::{Cause, Condition, Node, NodeSpec, Received},
    plan::Plan,
    record::{Happening, Recording},
    schedule::{Action, FaultAction, Life, Script},
    store::File,
    sweep::Sweep,
    time::{Time, ms},
    trial::RunMode,
    violation::{Kind, Outcome, Stop, Violation, stop_for},
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
pub(crate) enum What {
    Fault {
        index: u32,
    },
    Plan {
        index: u32,
    },
    Start {
        slot: u16,
    },
    Timer {
        slot: u16,
        incarnation: u32,
        nth: u64,
    },
    Synced {
        slot: u16,
        incarnation: u32,
        nth: u64,
    },
    Deliver {
        message: u32,
    },
    Think {
        slot: u16,
    },
    Worked {
        slot: u16,
        work: u32,
    },
}

/// Something that will happen. Simultaneous things are ordered by what they are, never by when they
/// were planned, so that a replay meets them in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Item {
    pub at: Time,
    pub rank: u64,
    pub what: What,
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
    pub(crate) queue: BinaryHeap<Reverse<Item>>,
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
    pub(crate) named: BTreeMap<(Life, NodeId, u64), u32>,
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
    pub(crate) seen: Seen,
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
            seen: Seen::default(),
            sweep: Sweep::default(),
            inputs: setup.inputs,
            works: Works::new(setup.machines, setup.slow_machines),
            files: BTreeMap::new(),
        };
        for (node, clock) in setup.clocks {
            let slot = world.slot(node);
            world.nodes[slot].clock = Some(clock);
        }
        world.queue_scripted_faults();
        for slot in 0..count {
            if !world.nodes[slot].spec.starts {
                continue;
            }
            let late = choices
                .draw(About::Think, slot as u64, u64::MAX)
                .between(&(Duration::ZERO..=setup.start_spread));
            world.push(
                Time::ZERO + late,
                slot as u64,
                What::Start { slot: slot as u16 },
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
    pub(crate) fn slot(&self, node: NodeId) -> usize {
        self.find(node)
            .unwrap_or_else(|| panic!("the test has no node {node}"))
    }

    pub(crate) fn find(&self, node: NodeId) -> Option<usize> {
        self.nodes.iter().position(|known| known.spec.id == node)
    }

    /// A slot of the backend without a node, for questions about messages.
    pub(crate) fn clerk(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn has_instance(&self, slot: usize) -> bool {
        let node = &self.nodes[slot];
        node.condition != Condition::Down && !node.is_puppet()
    }

    pub(crate) fn push(&mut self, at: Time, identity: u64, what: What) {
        let class = match what {
            What::Fault { .. } => 0u64,
            What::Plan { .. } => 1,
            What::Start { .. } => 2,
            What::Synced { .. } => 3,
            What::Timer { .. } => 4,
            What::Deliver { .. } => 5,
            What::Think { .. } => 6,
            What::Worked { .. } => 7,
        };
        let rank = class << 60 | (identity & ((1 << 60) - 1));
        self.queue.push(Reverse(Item {
            at: at.max(self.now),
            rank,
            what,
        }));
    }

    /// Does the next thing, unless it is later than `until`. False if there is none.
    pub(crate) fn advance(&mut self, until: Time) -> Outcome<bool> {
        match self.queue.peek() {
            Some(Reverse(item)) if item.at <= until => {}
            _ => return Ok(false),
        }
        // Before the next thing leaves the queue: a timer that fires is no longer set.
        self.look_back();
        let Some(Reverse(item)) = self.queue.pop() else {
            return Ok(false);
        };
        self.now = item.at;
        match item.what {
            What::Fault { index } => self.do_scripted_fault(index as usize)?,
            What::Plan { index } => self.run_plan(index as usize)?,
            What::Start { slot } => self.start_slot(usize::from(slot))?,
            What::Timer {
                slot,
                incarnation,
                nth,
            } => self.fire(usize::from(slot), u64::from(incarnation), nth)?,
            What::Synced {
                slot,
                incarnation,
                nth,
            } => self.synced(usize::from(slot), u64::from(incarnation), nth)?,
            What::Deliver { message } => self.arrive(message)?,
            What::Think { slot } => self.invoke_next(usize::from(slot))?,
            What::Worked { slot, work } => self.worked(usize::from(slot), work)?,
        }
        Ok(true)
    }

    pub(crate) fn call(
        &mut self,
        slot: usize,
        op: Op,
        argument: &[u8],
        doing: &str,
    ) -> Outcome<Vec<u8>> {
        let before = self.backend.fuel_used();
        let result = self.backend.call(slot, op, argument);
        self.fuel += self.backend.fuel_used() - before;
        result.map_err(|error| {
            let node = self
                .nodes
                .get(slot)
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

    pub(crate) fn start_slot(&mut self, slot: usize) -> Outcome {
        let node = &mut self.nodes[slot];
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
                .draw(About::Entropy, slot as u64, incarnation)
                .bits();
            self.backend
                .start(slot, &start, entropy)
                .map(<[u8]>::to_vec)
        };
        self.record(|_| Happening::Start {
            node: id,
            incarnation,
        });
        let effects = self.checked(slot, effects, "starting")?;
        self.finish_event(slot, &effects, None, "starting")?;
        if self.nodes[slot].is_client() {
            self.think(slot);
        }
        Ok(())
    }

    /// The bytes of a step, or the end of the run; what was printed is kept in either case.
    pub(crate) fn checked<T>(
        &mut self,
        slot: usize,
        result: Result<T, BackendError>,
        doing: &str,
    ) -> Outcome<T> {
        if self.mode.recording.is_some() {
            let printed = self.backend.take_printed(slot);
            if let Some(recording) = &mut self.mode.recording {
                recording.add_to_last(printed, None);
            }
        }
        result.map_err(|error| {
            let node = self.nodes[slot].spec.id.to_string();
            stop_for(error, &node, doing, self.now)
        })
    }

    /// Lets the node handle what is at its door, now or once it is back.
    pub(crate) fn happen(&mut self, slot: usize, cause: Cause) -> Outcome {
        match self.nodes[slot].condition {
            Condition::Down => Ok(()),
            Condition::Syncing | Condition::Paused => {
                self.nodes[slot].backlog.push_back(cause);
                Ok(())
            }
            Condition::Up => self.handle(slot, cause),
        }
    }

    /// Handles what queued up while the node was away, as far as it is up.
    pub(crate) fn catch_up(&mut self, slot: usize) -> Outcome {
        while self.nodes[slot].condition == Condition::Up {
            let Some(cause) = self.nodes[slot].backlog.pop_front() else {
                break;
            };
            self.handle(slot, cause)?;
        }
        Ok(())
    }

    fn handle(&mut self, slot: usize, cause: Cause) -> Outcome {
        if matches!(cause, Cause::Synced) {
            return self.go_on_after_sync(slot);
        }
        self.events += 1;
        self.current_phase().events += 1;
        if self.events > self.limits.events {
            return Err(self.over_budget(format!(
                "the nodes handled more than {} events",
                self.limits.events
            )));
        }
        self.record_cause(slot, &cause);
        if let (true, Cause::Message { from, sent, bytes }) = (self.nodes[slot].is_puppet(), &cause)
        {
            let (from, sent) = (self.nodes[*from].spec.id, *sent);
            self.nodes[slot].inbox.push_back(Received {
                at: self.now,
                sent,
                from,
                message: bytes.clone(),
            });
            return Ok(());
        }
        let node = &mut self.nodes[slot];
        node.events += 1;
        node.effects_done = 0;
        self.upon = None;
        let (event, doing) = match &cause {
            Cause::Message { from, sent, bytes } => {
                self.upon = Some(Via {
                    from: self.nodes[*from].spec.id,
                    sent: *sent,
                });
                if let Some((_, heard)) = &mut self.nodes[slot].open {
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
        let clock = self.clock_of(slot);
        let event = clock.map_or(event, |clock| Event::At {
            clock,
            event: &event,
        });
        let result = self
            .backend
            .step(slot, &event)
            .map(|bytes| effects.extend_from_slice(bytes));
        self.fuel += self.backend.fuel_used() - before;
        self.checked(slot, result, doing)?;
        self.finish_event(slot, &effects, Some(&cause), doing)?;
        self.spare.push(effects);
        if let Cause::Message { bytes, .. } = cause {
            self.spare.push(bytes);
        }
        Ok(())
    }

    /// Counts what an event has used up and says whether the run is still within its budget.
    fn count_event(&mut self, slot: usize, effects: &[u8]) -> Outcome {
        self.bytes += effects.len() as u64;
        if self.bytes > self.limits.bytes {
            let (limit, node) = (self.limits.bytes >> 20, self.nodes[slot].spec.id);
            return Err(self.over_budget(format!(
                "more than {limit} MiB were sent and written; {node} was the last to"
            )));
        }
        if self.fuel > self.limits.fuel {
            let observed = "all handlers of this run together computed for too long".to_owned();
            return Err(Stop::Violation(Violation::new(
                Kind::Timeout,
                observed,
                self.now,
            )));
        }
        Ok(())
    }

    fn finish_event(
        &mut self,
        slot: usize,
        effects: &[u8],
        cause: Option<&Cause>,
        doing: &str,
    ) -> Outcome {
        self.count_event(slot, effects)?;
        self.apply_effects(slot, effects, doing)?;
        // This is the grader's doing, so it counts apart from what the program computes, and ends
        // when it is as much.
        if self.mode.as_bytes && self.turning < self.limits.fuel && self.has_instance(slot) {
            let before = self.fuel;
            self.turn_into_bytes_and_back(slot, doing)?;
            self.turning += std::mem::replace(&mut self.fuel, before) - before;
        }
        if self.watchers.is_empty() {
            return Ok(());
        }
        let mut watchers = std::mem::take(&mut self.watchers);
        let node = self.nodes[slot].spec.id;
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

    fn record_cause(&mut self, slot: usize, cause: &Cause) {
        if self.mode.recording.is_none() {
            return;
        }
        let node = self.nodes[slot].spec.id;
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
                timer: self.describe_for_recording(slot, Subject::Timer, bytes),
            },
            Cause::Invoke { bytes } => Happening::Invoke {
                node,
                command: self.describe_for_recording(slot, Subject::Command, bytes),
            },
            Cause::WorkDone { work, .. } => Happening::WorkDone {
                node,
                work: self.works()[*work].label.clone(),
            },
            Cause::Synced => return,
        };
        self.record(|_| what);
    }

    pub(crate) fn sync_time(&self, slot: usize, nth: u64) -> Duration {
        self.choices
            .draw(About::Sync, self.who(slot), nth)
            .between(&self.sync)
    }

    /// A number for this life of this node, for choices.
    pub(crate) fn who(&self, slot: usize) -> u64 {
        (slot as u64) << 32 | self.nodes[slot].incarnation
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
        for slot in 0..=2 * self.nodes.len() {
            self.backend.stop(slot);
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
