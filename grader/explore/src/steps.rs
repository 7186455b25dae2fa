//! What one node does in one step, and the table that remembers it.
//!
//! A step is a delivery or something of the node's own (a timer, the end of a sync or of work, an
//! invocation, a crash, a start). The table maps (node, step) to its outcomes, all of them numbers;
//! a miss asks [`calls`](crate::calls) what the handler does and carries out the effects once.

use std::{
    hash::{Hash, Hasher},
    ops::Range,
    sync::Arc,
};

use faultline_sim::{Computation, IncarnationId, choice::mix};
use labkit::{
    NodeId,
    abi::{Effect, split_effect},
};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    calls::{Call, Calls, Cause, Machine},
    disk::{Blobs, Disk},
    error::Error,
    intern::{Interner, NONE},
    local::{Condition, Local, Open, Timer, Work},
    model::{Model, Pace},
    monitor::ExternalEvent,
    transitions::Choice,
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

/// Needs the answer to this call first.
struct Missing(Call);

/// How a step ends for its node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    GoesOn,
    Crash,
    LostDisk,
}

/// A step in the making.
#[derive(Clone)]
struct Draft {
    local: Local,
    sends: Vec<u32>,
    external_events: Vec<ExternalEvent>,
    parts: Vec<Part>,
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
    deliveries: FxHashMap<LocalStep, (u32, u32)>,
    /// The same of what each local does by itself; [`UNKNOWN`] if that was not worked out yet.
    own: Vec<(u32, u32)>,
    /// The interned empty bytes.
    pub nothing: u32,
    entropy: u64,
}

/// No outcomes, because nobody has asked.
const UNKNOWN: (u32, u32) = (NONE, 0);

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

    /// The outcome of a puppet's saying something, after which it is `local`.
    pub fn add_saying(&mut self, local: Local, flight: u32) -> u32 {
        let part = Part {
            trigger: Trigger::Say,
            effects: self.nothing,
            done: 0,
        };
        let draft = Draft {
            sends: vec![flight],
            parts: vec![part],
            ..Draft::of(local)
        };
        let mut outcomes = Vec::new();
        self.push(draft, Ends::GoesOn, None, &mut outcomes);
        self.outcomes.append(&mut outcomes);
        self.outcomes.len() as u32 - 1
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

    /// A choice without a fault: of an outcome in which a node goes on.
    pub fn is_healthy(&self, choice: Choice) -> bool {
        choice.outcome != NONE && !choice.keeps && !self.outcomes[choice.outcome as usize].crash
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

    /// Works out steps. Those that are known are skipped; the numbers that new things get follow
    /// the order of `steps`.
    pub fn resolve(
        &mut self,
        steps: &[LocalStep],
        model: &Model,
        machine: &Machine<'_>,
    ) -> Result<(), Error> {
        let mut distinct = FxHashSet::default();
        let mut todo: Vec<LocalStep> = steps
            .iter()
            .copied()
            .filter(|step| self.outcomes(*step).is_none() && distinct.insert(*step))
            .collect();
        while !todo.is_empty() {
            let (mut needed, mut asked) = (Vec::new(), FxHashSet::default());
            todo.retain(|step| match self.work_out(*step, model) {
                Ok(outcomes) => {
                    let range = (self.outcomes.len() as u32, outcomes.len() as u32);
                    match step.flight {
                        NONE => self.own[step.local as usize] = range,
                        _ => _ = self.deliveries.insert(*step, range),
                    }
                    self.outcomes.extend(outcomes);
                    false
                }
                Err(Missing(call)) => {
                    if asked.insert(call) {
                        needed.push(call);
                    }
                    true
                }
            });
            self.calls.make(&needed, model, machine, self.entropy)?;
        }
        Ok(())
    }

    fn work_out(&mut self, step: LocalStep, model: &Model) -> Result<Vec<StepOutcome>, Missing> {
        let local = (*self.locals.get(step.local)).clone();
        let mut out = Vec::new();
        if step.flight != NONE {
            if local.condition == Condition::Up {
                let Flight { from, bytes, .. } = self.flights[step.flight];
                self.handle(
                    Draft::of(local),
                    Trigger::Deliver,
                    Cause::Message { from, bytes },
                    model,
                    &mut out,
                )?;
            }
        } else {
            self.own_steps(&local, model, &mut out)?;
        }
        // What changes nothing and sends nothing is no step. A message that is ignored stays in the
        // network.
        let ignored = |outcome: &StepOutcome| {
            let same = outcome.local == step.local && outcome.sends.is_empty();
            same && outcome.external_events == 0 && outcome.fault == NONE
        };
        if out.first().is_some_and(ignored) && step.flight != NONE {
            out.clear();
        }
        out.retain(|outcome| !ignored(outcome));
        Ok(out)
    }

    /// Everything that a node can do without a message, in a fixed order.
    fn own_steps(
        &mut self,
        local: &Local,
        model: &Model,
        out: &mut Vec<StepOutcome>,
    ) -> Result<(), Missing> {
        let node_index = usize::from(local.node_index);
        if model.crashes(node_index) && local.condition != Condition::Down {
            let mut draft = Draft::of(local.clone());
            draft.parts.push(Part {
                trigger: Trigger::Crash,
                effects: self.nothing,
                done: 0,
            });
            self.crash(&draft, model, out);
        }
        match local.condition {
            Condition::Down
                if model.is_puppet(node_index)
                    || (local.incarnation > 0 && !model.comes_back(node_index)) => {}
            Condition::Down => {
                let mut draft = Draft::of(local.clone());
                draft.local.incarnation += 1;
                self.handle(draft, Trigger::Start, Cause::Start, model, out)?;
            }
            Condition::Syncing { tail } => {
                let mut draft = Draft::of(local.clone());
                draft.local.disk.sync();
                draft.local.condition = Condition::Up;
                self.carry_out(draft, Trigger::Synced, tail, model, out)?;
            }
            Condition::Up => {
                if model.pace == Pace::Free && local.open == Open::No {
                    self.invoke_next(Draft::of(local.clone()), model, out)?;
                }
                for index in (0..local.timers.len()).filter(|index| local.can_fire(*index)) {
                    let mut draft = Draft::of(local.clone());
                    let bytes = draft.local.timers.remove(index).bytes;
                    let trigger = Trigger::Fire {
                        timer: index as u32,
                    };
                    self.handle(draft, trigger, Cause::Timer { bytes }, model, out)?;
                }
                if !local.works.is_empty() {
                    let mut draft = Draft::of(local.clone());
                    let Work {
                        token,
                        label,
                        done: bytes,
                        ..
                    } = draft.local.works.remove(0);
                    draft.external_events.push(ExternalEvent::Worked {
                        node: local.node_index,
                        label,
                    });
                    self.handle(
                        draft,
                        Trigger::Worked,
                        Cause::Work { token, bytes },
                        model,
                        out,
                    )?;
                }
            }
        }
        Ok(())
    }

    fn invoke_next(
        &mut self,
        mut draft: Draft,
        model: &Model,
        out: &mut Vec<StepOutcome>,
    ) -> Result<(), Missing> {
        let node_index = usize::from(draft.local.node_index);
        let Some(command) = model.operations[node_index].get(draft.local.invoked as usize) else {
            return Ok(());
        };
        let bytes = self.calls.bytes.intern(command.as_slice());
        draft.local.invoked += 1;
        draft.local.open = Open::Unheard;
        draft.external_events.push(ExternalEvent::Invoked {
            client: draft.local.node_index,
            command: bytes,
        });
        self.handle(draft, Trigger::Invoke, Cause::Invoke { bytes }, model, out)
    }

    /// Lets the handler run and carries out its effects.
    fn handle(
        &mut self,
        mut draft: Draft,
        trigger: Trigger,
        cause: Cause,
        model: &Model,
        out: &mut Vec<StepOutcome>,
    ) -> Result<(), Missing> {
        let local = &draft.local;
        let disk: Blobs = local.disk.seen_by_node();
        let before = if cause == Cause::Start {
            NONE
        } else {
            local.snapshot
        };
        let disk = self.calls.disks.intern(disk);
        let lost = cause == Cause::Start && local.disk.is_new();
        let call = Call {
            node_index: local.node_index,
            incarnation: local.incarnation,
            before,
            disk,
            lost,
            cause,
        };
        let done = match self.calls.answer(&call) {
            None => return Err(Missing(call)),
            Some(Ok(done)) => *done,
            Some(Err(fault)) => {
                let fault = format!("{}: {fault}", model.nodes[usize::from(local.node_index)].id);
                draft.parts.push(Part {
                    trigger,
                    effects: self.nothing,
                    done: 0,
                });
                self.push(draft, Ends::GoesOn, Some(fault), out);
                return Ok(());
            }
        };
        // A message that is ignored has told the client nothing.
        let told = done.after != draft.local.snapshot || done.effects != self.nothing;
        if told && matches!(cause, Cause::Message { .. }) && draft.local.open == Open::Unheard {
            draft.local.open = Open::Heard;
        }
        (draft.local.snapshot, draft.local.observation) = (done.after, done.observation);
        draft.local.condition = Condition::Up;
        self.carry_out(draft, trigger, done.effects, model, out)
    }

    /// Carries out effects in order. Where nodes may crash, each boundary before an effect is one
    /// more outcome, and a sync makes the node wait. Without crashes nobody can tell when a sync
    /// ends, so it ends at once.
    fn carry_out(
        &mut self,
        mut draft: Draft,
        trigger: Trigger,
        effects: u32,
        model: &Model,
        out: &mut Vec<StepOutcome>,
    ) -> Result<(), Missing> {
        let may_crash = model.crashes(usize::from(draft.local.node_index));
        let bytes = self.calls.bytes.get(effects);
        let mut rest = &bytes[..];
        let mut crashed = Vec::new();
        draft.parts.push(Part {
            trigger,
            effects,
            done: 0,
        });
        while !rest.is_empty() {
            if may_crash {
                self.crash(&draft, model, &mut crashed);
            }
            let Ok((effect, behind)) = split_effect(rest) else {
                let fault = format!(
                    "{}: what it returned are no effects",
                    self.name(&draft, model)
                );
                self.push(draft, Ends::GoesOn, Some(fault), out);
                return Ok(());
            };
            rest = behind;
            draft.parts.last_mut().expect("pushed above").done += 1;
            if effect == Effect::Sync && may_crash {
                draft.local.condition = Condition::Syncing {
                    tail: self.calls.bytes.intern(rest),
                };
                break;
            }
            if let Err(fault) = self.apply(&mut draft, &effect, model) {
                self.push(draft, Ends::GoesOn, Some(fault), out);
                return Ok(());
            }
        }
        let node_index = usize::from(draft.local.node_index);
        let more = (draft.local.invoked as usize) < model.operations[node_index].len();
        let idle = draft.local.open == Open::No && draft.local.condition == Condition::Up;
        if model.pace == Pace::Eager && more && idle {
            self.invoke_next(draft, model, out)?;
        } else {
            self.push(draft, Ends::GoesOn, None, out);
        }
        for outcome in crashed {
            add(outcome, out);
        }
        Ok(())
    }

    fn name(&self, draft: &Draft, model: &Model) -> NodeId {
        model.nodes[usize::from(draft.local.node_index)].id
    }

    fn apply(
        &mut self,
        draft: &mut Draft,
        effect: &Effect<'_>,
        model: &Model,
    ) -> Result<(), String> {
        let local = &mut draft.local;
        match *effect {
            Effect::Send { to, message } => {
                // Nothing arrives at a node that does not exist, and a puppet does not listen.
                if let Some(to) = model.node_index(to).filter(|to| !model.is_puppet(*to)) {
                    let bytes = self.calls.bytes.intern(message);
                    draft.sends.push(self.intern_flight(Flight {
                        from: local.node_index,
                        to: to as u16,
                        bytes,
                    }));
                }
            }
            Effect::SetTimer {
                timer,
                at_least,
                at_most,
            } => {
                let bytes = self.calls.bytes.intern(timer);
                local.set_timer(Timer {
                    bytes,
                    at_least,
                    at_most,
                });
            }
            Effect::Cancel { timer } => {
                let bytes = self.calls.bytes.intern(timer);
                local.timers.retain(|running| running.bytes != bytes);
            }
            Effect::Respond { output } => {
                let heard = std::mem::replace(&mut local.open, Open::No);
                let (client, output) = (local.node_index, self.calls.bytes.intern(output));
                draft
                    .external_events
                    .push(ExternalEvent::Answered { client, output });
                match heard {
                    Open::Heard => {}
                    Open::No => {
                        return Err(format!(
                            "{} answered although no operation is open",
                            self.name(draft, model)
                        ));
                    }
                    Open::Unheard => {
                        let name = self.name(draft, model);
                        return Err(format!(
                            "{name} answered without having received any message since it was \
                             invoked"
                        ));
                    }
                }
            }
            Effect::Write { .. } | Effect::Append { .. } | Effect::Remove { .. } => {
                local.disk.apply(effect)
            }
            Effect::Sync => local.disk.sync(),
            Effect::Note { .. } => {}
            Effect::StartWork { token, task } => {
                local.works.retain(|work| work.token != token);
                let work = self.start_work(&draft.local, token, task, model)?;
                draft.local.works.push(work);
            }
            Effect::CancelWork { token } => local.works.retain(|work| work.token != token),
            Effect::StoreCreate { name } => {
                let name = self.calls.bytes.intern(name.as_bytes());
                draft.external_events.push(ExternalEvent::Created { name });
            }
            Effect::StoreAppend { name, record } => {
                let (name, record) = (
                    self.calls.bytes.intern(name.as_bytes()),
                    self.calls.bytes.intern(record),
                );
                draft
                    .external_events
                    .push(ExternalEvent::Appended { name, record });
            }
            Effect::StoreRename { from, to } => {
                let (from, to) = (
                    self.calls.bytes.intern(from.as_bytes()),
                    self.calls.bytes.intern(to.as_bytes()),
                );
                draft
                    .external_events
                    .push(ExternalEvent::Renamed { from, to });
            }
        }
        Ok(())
    }

    fn start_work(
        &mut self,
        local: &Local,
        token: u64,
        task: &[u8],
        model: &Model,
    ) -> Result<Work, String> {
        let node = model.nodes[usize::from(local.node_index)].id;
        let Some(machines) = &model.machines else {
            return Err(format!(
                "{node} started work, but the lab lets it compute nothing"
            ));
        };
        let by = IncarnationId {
            node,
            incarnation: u64::from(local.incarnation),
        };
        let Computation { label, takes, ends } = machines.compute(by, task)?;
        let faultline_sim::Ends::Done(done) = ends else {
            panic!("{label} crashes its machine, and that is not explored")
        };
        let (label, done) = (
            self.calls.bytes.intern(label.as_bytes()),
            self.calls.bytes.intern(done.as_slice()),
        );
        Ok(Work {
            token,
            label,
            done,
            takes,
        })
    }

    /// The node crashes here: one outcome for each disk that it may leave, and one without its
    /// disk.
    fn crash(&mut self, draft: &Draft, model: &Model, out: &mut Vec<StepOutcome>) {
        let (disks, all) = draft.local.disk.after_crash();
        self.all_disks &= all;
        for (disk, _) in disks {
            let local = draft.local.clone().crashed(disk, self.nothing);
            self.push(
                Draft {
                    local,
                    ..draft.clone()
                },
                Ends::Crash,
                None,
                out,
            );
        }
        if model.faults.lost_disks > 0 {
            let local = draft.local.clone().crashed(Disk::replaced(), self.nothing);
            self.push(
                Draft {
                    local,
                    ..draft.clone()
                },
                Ends::LostDisk,
                None,
                out,
            );
        }
    }

    fn push(
        &mut self,
        draft: Draft,
        ends: Ends,
        fault: Option<String>,
        out: &mut Vec<StepOutcome>,
    ) {
        let fault = fault.map_or(NONE, |fault| {
            self.faults.push(fault);
            self.faults.len() as u32 - 1
        });
        let local = self.intern_local(draft.local);
        let sends_hash = draft
            .sends
            .iter()
            .fold(0, |sum: u64, flight| sum.wrapping_add(flight_hash(*flight)));
        let external_events = self
            .external_events
            .intern(draft.external_events.as_slice());
        let (sends, parts) = (draft.sends.into(), draft.parts.into());
        let (crash, loses_disk) = (ends != Ends::GoesOn, ends == Ends::LostDisk);
        add(
            StepOutcome {
                local,
                sends,
                sends_hash,
                external_events,
                crash,
                loses_disk,
                fault,
                parts,
            },
            out,
        );
    }
}

/// Two boundaries between which nothing happened that lasts are one.
fn add(outcome: StepOutcome, out: &mut Vec<StepOutcome>) {
    let same = |other: &StepOutcome| {
        (other.local, other.crash, other.loses_disk)
            == (outcome.local, outcome.crash, outcome.loses_disk)
            && other.external_events == outcome.external_events
            && other.sends == outcome.sends
    };
    if !(outcome.crash && outcome.fault == NONE && out.iter().any(same)) {
        out.push(outcome);
    }
}

impl Draft {
    fn of(local: Local) -> Draft {
        Draft {
            local,
            sends: Vec::new(),
            external_events: Vec::new(),
            parts: Vec::new(),
        }
    }
}
