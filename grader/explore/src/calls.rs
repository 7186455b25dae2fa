//! Calls of handlers, and the memory of their answers: the only part of an exploration that runs a
//! student's code.
//!
//! A handler is a function of (node state, disk, event), so it is called once for each; everything
//! else looks up what it did. [`verify`](crate::verify) checks that it is a function.

use std::cell::RefCell;

use faultline_sim::{
    Activity, Timed, Timekeeper,
    backend::{Backend, BackendError},
    choice::mix,
};
use labkit::{
    Boot,
    abi::{Event, Op, Start, Subject},
};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::{
    disk::Blobs,
    error::{Error, own_fault},
    intern::{Interner, NONE},
    model::Model,
};

/// Makes the machine that nodes run on; each thread has its own.
pub type Factory<'a> = &'a (dyn Fn() -> Box<dyn Backend> + Sync);

/// The number of calls from which more than one thread and a machine for each are worth it.
const PARALLEL_CALLS: usize = 16;

/// The number of calls that are made before it is asked whether they have computed too much.
const CALLS_AT_ONCE: usize = 256;

/// The maximum that all calls of one exploration compute, in the backend's unit: some seconds of a
/// processor, forty times what any solution of a lab needs. Without a bound, handlers that each
/// stay within theirs could keep a grader busy for hours.
const MOST_FUEL: u64 = 50_000_000_000;

/// The slot of the backend in which calls are made. Nodes are restored there one after the other.
const SLOT: usize = 0;

/// What a handler is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Cause {
    Start,
    Message { from: u16, bytes: u32 },
    Timer { bytes: u32 },
    Invoke { bytes: u32 },
    Work { token: u64, bytes: u32 },
}

/// Everything that a handler can see. Numbers are those of interned bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Call {
    pub node_index: u16,
    /// The node can ask for it.
    pub incarnation: u32,
    /// The state's bytes; none before a start.
    pub before: u32,
    /// What the node reads from its disk.
    pub disk: u32,
    /// In a start: its disk was lost.
    pub lost: bool,
    pub cause: Cause,
}

/// What a handler did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub after: u32,
    pub observation: u32,
    pub effects: u32,
}

/// What a handler did, not interned yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raw {
    pub after: Vec<u8>,
    pub observation: Vec<u8>,
    pub effects: Vec<u8>,
    /// What it computed, in the backend's unit, getting there and back included.
    pub fuel: u64,
}

/// The answer of a call: what the handler did, or how it failed in words.
pub(crate) type Answer = Result<Done, String>;

/// Interned bytes, disks, and the answers to all calls so far.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub bytes: Interner<[u8]>,
    pub disks: Interner<Blobs>,
    answers: FxHashMap<Call, Answer>,
    /// All calls in the order in which they were first made.
    order: Vec<Call>,
    /// What they have computed.
    fuel: u64,
}

impl Calls {
    pub fn answer(&self, call: &Call) -> Option<&Answer> {
        self.answers.get(call)
    }

    pub fn all(&self) -> &[Call] {
        &self.order
    }

    /// Makes calls that were not made before, on all threads, and remembers the answers in the
    /// order of `calls`.
    pub fn make(
        &mut self,
        calls: &[Call],
        model: &Model,
        machine: &Machine<'_>,
        entropy: u64,
    ) -> Result<(), Error> {
        for calls in calls.chunks(CALLS_AT_ONCE) {
            let raw = self.run(calls, model, machine, entropy, Activity::Search);
            for (call, raw) in calls.iter().zip(raw) {
                let answer = raw?.map(|raw| {
                    self.fuel = self.fuel.saturating_add(raw.fuel);
                    Done {
                        after: self.bytes.intern(raw.after.as_slice()),
                        observation: self.bytes.intern(raw.observation.as_slice()),
                        effects: self.bytes.intern(raw.effects.as_slice()),
                    }
                });
                self.answers.insert(*call, answer);
                self.order.push(*call);
            }
            if self.fuel > MOST_FUEL {
                return Err(Error::OutOfFuel);
            }
        }
        Ok(())
    }

    /// What these calls do, in their order, each in a fresh instance.
    pub fn run(
        &self,
        calls: &[Call],
        model: &Model,
        machine: &Machine<'_>,
        entropy: u64,
        activity: Activity,
    ) -> Vec<Result<Result<Raw, String>, Error>> {
        let run = |backend: &mut dyn Backend, call: &Call| {
            own_fault(self.run_one(backend, model, call, entropy))
        };
        if calls.len() < PARALLEL_CALLS {
            let mut backend = machine.own.borrow_mut();
            return calls.iter().map(|call| run(&mut **backend, call)).collect();
        }
        let (factory, timed) = (machine.factory, machine.timed(activity));
        calls
            .par_chunks(PARALLEL_CALLS / 2)
            .map_init(
                || quiet(factory),
                |backend, calls| {
                    let _begun = timed.begin();
                    calls
                        .iter()
                        .map(|call| run(&mut **backend, call))
                        .collect::<Vec<_>>()
                },
            )
            .flatten_iter()
            .collect()
    }

    fn run_one(
        &self,
        backend: &mut dyn Backend,
        model: &Model,
        call: &Call,
        entropy: u64,
    ) -> Result<Raw, BackendError> {
        let before = backend.fuel_used();
        let effects = self.enter(backend, model, call, entropy)?;
        look(backend, effects, before)
    }

    /// What these calls of one incarnation of a node do one after the other in one instance, which
    /// is fresh only for the first of them and after a fault.
    pub fn run_incarnation(
        &self,
        calls: &[Call],
        model: &Model,
        backend: &mut dyn Backend,
        entropy: u64,
    ) -> Vec<Result<Result<Raw, String>, Error>> {
        let mut alive = false;
        let mut answers = Vec::with_capacity(calls.len());
        for call in calls {
            let answer = match self.event(model, call.cause).filter(|_| alive) {
                None => own_fault(self.run_one(backend, model, call, entropy)),
                Some(event) => own_fault(self.run_again(backend, model, call, &event)),
            };
            alive = matches!(answer, Ok(Ok(_)));
            answers.push(answer);
        }
        answers
    }

    /// Lets the instance that is there handle the event in the call's state.
    fn run_again(
        &self,
        backend: &mut dyn Backend,
        model: &Model,
        call: &Call,
        event: &Event<'_>,
    ) -> Result<Raw, BackendError> {
        let before = backend.fuel_used();
        let mut argument = Vec::new();
        self.start(model, call, &self.disks[call.disk])
            .write(&mut argument);
        argument.extend_from_slice(&self.bytes[call.before]);
        backend.call(SLOT, Op::Restore, &argument)?;
        let effects = backend.step(SLOT, event)?.to_vec();
        look(backend, effects, before)
    }

    /// How the node started.
    fn start<'s>(&self, model: &'s Model, call: &Call, disk: &'s Blobs) -> Start<'s> {
        let (role, config) = model.role(usize::from(call.node_index));
        let id = model.nodes[usize::from(call.node_index)].id;
        let boot = match (call.incarnation, call.lost) {
            (1, _) => Boot::First,
            (_, true) => Boot::DiskLost,
            (_, false) => Boot::Restarted,
        };
        let (incarnation, inputs) = (u64::from(call.incarnation), &model.inputs);
        Start {
            role,
            id,
            incarnation,
            boot,
            clock: None,
            config,
            disk,
            inputs,
        }
    }

    /// What a handler is given; a start is none.
    fn event(&self, model: &Model, cause: Cause) -> Option<Event<'_>> {
        match cause {
            Cause::Start => None,
            Cause::Message { from, bytes } => Some(Event::Message {
                from: model.nodes[usize::from(from)].id,
                message: &self.bytes[bytes],
            }),
            Cause::Timer { bytes } => Some(Event::Timer {
                timer: &self.bytes[bytes],
            }),
            Cause::Invoke { bytes } => Some(Event::Invoke {
                command: &self.bytes[bytes],
            }),
            Cause::Work { token, bytes } => Some(Event::WorkDone {
                token,
                done: &self.bytes[bytes],
            }),
        }
    }

    /// Brings a fresh instance into the call's state and lets it handle the event.
    fn enter(
        &self,
        backend: &mut dyn Backend,
        model: &Model,
        call: &Call,
        entropy: u64,
    ) -> Result<Vec<u8>, BackendError> {
        let entropy = mix(mix(entropy ^ u64::from(call.node_index)) ^ u64::from(call.incarnation));
        let start = self.start(model, call, &self.disks[call.disk]);
        let Some(event) = self.event(model, call.cause) else {
            return backend.start(SLOT, &start, entropy).map(<[u8]>::to_vec);
        };
        backend.restore(SLOT, &start, &self.bytes[call.before], entropy)?;
        backend.step(SLOT, &event).map(<[u8]>::to_vec)
    }

    /// The node's own words for a state, or nothing if it has none.
    pub fn describe_state(
        &self,
        machine: &Machine<'_>,
        model: &Model,
        call: &Call,
        state: &[u8],
    ) -> Option<String> {
        let mut backend = machine.own.borrow_mut();
        let disk = Blobs::new();
        let start = self.start(model, call, &disk);
        backend.restore(SLOT, &start, state, 0).ok()?;
        let text = backend
            .call(SLOT, Op::Describe, &[Subject::State as u8])
            .ok()?;
        Some(String::from_utf8_lossy(&text).into_owned())
    }

    /// The node's own words for a message that it sends, or a timer, command or answer; `of` is its
    /// slot, an incarnation and a state of it (a message needs none).
    pub fn describe(
        &self,
        machine: &Machine<'_>,
        model: &Model,
        of: (u16, u32, u32),
        subject: Subject,
        bytes: &[u8],
    ) -> String {
        let (node_index, incarnation, state) = of;
        let call = Call {
            node_index,
            incarnation,
            before: state,
            disk: NONE,
            lost: false,
            cause: Cause::Start,
        };
        let mut argument = vec![subject as u8];
        if subject == Subject::Message {
            argument.push(model.role(usize::from(node_index)).0);
        } else if state != NONE {
            // Timers and commands have the node's own types, so a node must be there to ask.
            self.describe_state(machine, model, &call, &self.bytes[state]);
        }
        argument.extend_from_slice(bytes);
        match machine.own.borrow_mut().call(SLOT, Op::Describe, &argument) {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(_) => format!("({} bytes)", bytes.len()),
        }
    }
}

/// The node after a handler.
fn look(backend: &mut dyn Backend, effects: Vec<u8>, before: u64) -> Result<Raw, BackendError> {
    let after = backend.call(SLOT, Op::Snapshot, &[])?;
    let observation = backend.call(SLOT, Op::Observe, &[])?;
    Ok(Raw {
        after,
        observation,
        effects,
        fuel: backend.fuel_used() - before,
    })
}

/// Where handlers run: a machine of the exploring thread itself, and the way to make more.
pub(crate) struct Machine<'a> {
    pub factory: Factory<'a>,
    own: RefCell<Box<dyn Backend>>,
    pub timekeeper: Option<&'a dyn Timekeeper>,
}

/// A machine of which nobody sees what nodes print. How much that is would depend on the threads:
/// each has a machine of its own.
pub(crate) fn quiet(factory: Factory<'_>) -> Box<dyn Backend> {
    let mut backend = factory();
    backend.mute();
    backend
}

impl<'a> Machine<'a> {
    pub fn new(factory: Factory<'a>) -> Machine<'a> {
        Machine {
            factory,
            own: RefCell::new(quiet(factory)),
            timekeeper: None,
        }
    }

    /// What all threads are at now.
    pub fn timed(&self, activity: Activity) -> Timed<'a> {
        Timed::new(self.timekeeper, activity)
    }

    /// A given message as one of the program's own, in this role.
    pub fn wrap(&self, role: u8, given: &[u8]) -> Result<Result<Vec<u8>, String>, Error> {
        let argument = [&[role], given].concat();
        let mut backend = self.own.borrow_mut();
        // In a fresh instance, as in a simulated world.
        backend.stop(SLOT);
        own_fault(backend.call(SLOT, Op::WrapGiven, &argument))
    }
}
