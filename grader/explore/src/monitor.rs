//! What is seen from outside: the shared store, what machines have computed, and on-line monitors
//! of what clients have seen so far, reduced to what still matters.
//!
//! A state that carried its whole history would be new whenever two operations came in another
//! order. A monitor keeps the set of *configurations* instead: which values the object may have,
//! and which open operations may have taken effect. Completed operations are forgotten, so
//! histories that leave the same possibilities are the same state.
//!
//! J. Wing, C. Gong: Testing and verifying concurrent objects, 1993 (configurations); G. Lowe:
//! Testing for linearizability, 2017 (an open operation takes effect only when a reply needs it:
//! just-in-time linearization).

use std::collections::{BTreeMap, BTreeSet};

use faultline_check::Spec;
use labkit::NodeId;
use rustc_hash::FxHashMap;

use crate::{calls::Calls, intern::Interner, model::Model};

/// Something that is seen from outside the nodes. Numbers are those of interned bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ExternalEvent {
    Invoked { client: u16, command: u32 },
    Answered { client: u16, output: u32 },
    Worked { node: u16, label: u32 },
    Created { name: u32 },
    Appended { name: u32, record: u32 },
    Renamed { from: u32, to: u32 },
}

/// What there is outside the nodes and the network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Outside {
    /// The state of the monitor.
    monitor: u32,
    /// The shared store: the records of each file.
    pub files: BTreeMap<u32, Vec<u32>>,
    /// Who has computed what.
    pub computed: BTreeSet<(u16, u32)>,
}

/// Judges what clients see while a world is explored. Its states are numbers that it gives itself;
/// 0 is the first. It must give equal situations equal numbers and must be a function of the number
/// and what is seen.
pub trait Monitor: Send + Sync {
    /// Told once, before anything else: the encoded commands of all operations of the model.
    fn prepare(&mut self, commands: &[&[u8]]);

    /// A client was asked to carry out a command.
    fn invoked(&mut self, state: u32, client: NodeId, command: &[u8]) -> u32;

    /// A client answered its open operation.
    ///
    /// # Errors
    /// What is wrong with the answer, in a sentence.
    fn answered(&mut self, state: u32, client: NodeId, output: &[u8]) -> Result<u32, String>;
}

/// What was seen from outside, and the memory of its steps. Its states are numbers, too; 0 is the
/// first.
pub(crate) struct Watch {
    monitor: Option<Box<dyn Monitor>>,
    states: Interner<Outside>,
    table: FxHashMap<(u32, u32), Result<u32, u32>>,
    pub faults: Vec<String>,
}

impl Watch {
    pub fn new(mut monitor: Option<Box<dyn Monitor>>, model: &Model) -> Watch {
        let commands: Vec<&[u8]> = model
            .operations
            .iter()
            .flatten()
            .map(Vec::as_slice)
            .collect();
        if let Some(monitor) = &mut monitor {
            monitor.prepare(&commands);
        }
        let mut states = Interner::default();
        states.intern(Outside::default());
        Watch {
            monitor,
            states,
            table: FxHashMap::default(),
            faults: Vec::new(),
        }
    }

    pub fn outside(&self, state: u32) -> &Outside {
        &self.states[state]
    }

    /// The state after these events, or the number of what is wrong; `None` if not worked out
    /// yet.
    #[inline]
    pub fn after(&self, state: u32, external_events: u32) -> Option<Result<u32, u32>> {
        self.table.get(&(state, external_events)).copied()
    }

    pub fn resolve(
        &mut self,
        state: u32,
        number: u32,
        external_events: &[ExternalEvent],
        calls: &Calls,
        model: &Model,
    ) {
        if self.table.contains_key(&(state, number)) {
            return;
        }
        let mut outside = self.states[state].clone();
        let result = external_events
            .iter()
            .try_for_each(|event| self.see(&mut outside, *event, calls, model));
        let result = result
            .map(|()| self.states.intern(outside))
            .map_err(|fault| {
                self.faults.push(fault);
                self.faults.len() as u32 - 1
            });
        self.table.insert((state, number), result);
    }

    fn see(
        &mut self,
        outside: &mut Outside,
        event: ExternalEvent,
        calls: &Calls,
        model: &Model,
    ) -> Result<(), String> {
        let name = |client: u16| model.nodes[usize::from(client)].id;
        let state = outside.monitor;
        match (event, &mut self.monitor) {
            (ExternalEvent::Invoked { client, command }, Some(monitor)) => {
                outside.monitor = monitor.invoked(state, name(client), &calls.bytes[command]);
            }
            (ExternalEvent::Answered { client, output }, Some(monitor)) => {
                outside.monitor = monitor.answered(state, name(client), &calls.bytes[output])?;
            }
            (ExternalEvent::Invoked { .. } | ExternalEvent::Answered { .. }, None) => {}
            (ExternalEvent::Worked { node, label }, _) => {
                _ = outside.computed.insert((node, label))
            }
            (ExternalEvent::Created { name }, _) => _ = outside.files.insert(name, Vec::new()),
            (ExternalEvent::Appended { name, record }, _) => {
                outside.files.entry(name).or_default().push(record)
            }
            (ExternalEvent::Renamed { from, to }, _) => {
                if let Some(records) = outside.files.remove(&from) {
                    outside.files.insert(to, records);
                }
            }
        }
        Ok(())
    }
}

/// Whether the answers so far could have come from one object that carries out one operation at a
/// time: the [`Spec`] of `grader/check`, one key at a time where the operations allow it.
///
/// A step costs at most as many steps of the model as there are configurations times the orders of
/// the operations that are open on that key.
pub struct Linearizability<S: Spec> {
    command: fn(&[u8]) -> S::Op,
    output: fn(&S::Op, &[u8]) -> S::Ret,
    /// False if an operation works on several keys, so that all are one object.
    split: bool,
    /// A command on each key.
    keys: Vec<u32>,
    objects: Interner<S>,
    commands: Interner<S::Op>,
    statuses: Interner<Status>,
}

/// What is possible, key by key. Numbers are those of interned values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Status {
    open: BTreeMap<NodeIdKey, Open>,
    /// Keys of which nothing was asked yet are not in it.
    keys: BTreeMap<u32, BTreeSet<Configuration>>,
}

/// Ordered as names are.
type NodeIdKey = (char, u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Open {
    key: u32,
    command: u32,
}

/// One way in which an object may have come to be what it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Configuration {
    object: u32,
    /// The open operations that have taken effect, and the object as each of them found it.
    taken: BTreeMap<NodeIdKey, u32>,
}

fn key_of(client: NodeId) -> NodeIdKey {
    (client.role(), client.number())
}

impl<S: Spec> Linearizability<S> {
    /// Histories that begin with an object (of each key) like `initial`. The functions decode
    /// commands and answers; they may panic, since the lab encoded the one and decoded the other
    /// before.
    pub fn new(
        initial: S,
        command: fn(&[u8]) -> S::Op,
        output: fn(&S::Op, &[u8]) -> S::Ret,
    ) -> Linearizability<S> {
        let mut objects = Interner::default();
        objects.intern(initial);
        let mut statuses = Interner::default();
        statuses.intern(Status::default());
        let (keys, commands) = (Vec::new(), Interner::default());
        Linearizability {
            command,
            output,
            split: true,
            keys,
            objects,
            commands,
            statuses,
        }
    }

    /// The number of a command's key.
    fn key(&mut self, command: u32) -> u32 {
        let of = |command: u32| S::partition(&self.commands[command]);
        let known = self.keys.iter().position(|known| of(*known) == of(command));
        let number = known.unwrap_or_else(|| {
            self.keys.push(command);
            self.keys.len() - 1
        });
        number as u32
    }

    /// All configurations in which the operation of `client` has just been answered with `reply`.
    fn answer(
        &mut self,
        from: &BTreeSet<Configuration>,
        open: &[(NodeIdKey, u32)],
        client: NodeIdKey,
        reply: &S::Ret,
    ) -> BTreeSet<Configuration> {
        let (mut after, mut seen, mut todo) = (
            BTreeSet::new(),
            BTreeSet::new(),
            Vec::from_iter(from.iter().cloned()),
        );
        while let Some(configuration) = todo.pop() {
            let command = |of: NodeIdKey| {
                open.iter()
                    .find(|(other, _)| *other == of)
                    .expect("it is open")
                    .1
            };
            if let Some(found) = configuration.taken.get(&client) {
                let mut object = self.objects[*found].clone();
                if object.is_valid_step(&self.commands[command(client)], reply) {
                    let mut answered = configuration.clone();
                    answered.taken.remove(&client);
                    after.insert(answered);
                }
                continue;
            }
            // It takes effect now, or others do before it.
            for (other, command) in open
                .iter()
                .filter(|(other, _)| !configuration.taken.contains_key(other))
            {
                let mut object = self.objects[configuration.object].clone();
                object.invoke(&self.commands[*command]);
                let mut next = configuration.clone();
                next.taken.insert(*other, configuration.object);
                next.object = self.objects.intern(object);
                if seen.insert(next.clone()) {
                    todo.push(next);
                }
            }
        }
        after
    }
}

impl<S: Spec + Send + Sync> Monitor for Linearizability<S>
where
    S::Op: Send + Sync,
{
    fn prepare(&mut self, commands: &[&[u8]]) {
        self.split = commands
            .iter()
            .all(|bytes| S::partition(&(self.command)(bytes)).is_some());
    }

    fn invoked(&mut self, state: u32, client: NodeId, command: &[u8]) -> u32 {
        let command = (self.command)(command);
        let command = self.commands.intern(command);
        let key = if self.split { self.key(command) } else { 0 };
        let mut status = self.statuses[state].clone();
        status.open.insert(key_of(client), Open { key, command });
        let untouched = || {
            BTreeSet::from([Configuration {
                object: 0,
                taken: BTreeMap::new(),
            }])
        };
        status.keys.entry(key).or_insert_with(untouched);
        self.statuses.intern(status)
    }

    fn answered(&mut self, state: u32, client: NodeId, output: &[u8]) -> Result<u32, String> {
        let mut status = self.statuses[state].clone();
        let Some(Open { key, command }) = status.open.get(&key_of(client)).copied() else {
            return Err(format!("{client} answered although no operation is open"));
        };
        let reply = (self.output)(&self.commands[command], output);
        let on_key = status.open.iter().filter(|(_, open)| open.key == key);
        let open: Vec<(NodeIdKey, u32)> = on_key
            .map(|(client, open)| (*client, open.command))
            .collect();
        let after = self.answer(&status.keys[&key], &open, key_of(client), &reply);
        if after.is_empty() {
            let command = &self.commands[command];
            return Err(format!(
                "not linearizable: {client} was answered {reply:?} to {command:?}, which no order \
                 of the operations allows"
            ));
        }
        status.keys.insert(key, after);
        status.open.remove(&key_of(client));
        Ok(self.statuses.intern(status))
    }
}
