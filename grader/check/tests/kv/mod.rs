//! A key-value store as a model, and histories of it out of a random number generator.

// Each test program uses a part of this.
#![allow(dead_code)]

use std::fmt;

use faultline_check::{Operation, SequentialSpec, Spec};

/// The value of one key; the empty string if it was never written.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(pub String);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    Put(u8, String),
    Append(u8, String),
    Get(u8),
    /// Sets the value if it is the first one given.
    Cas(u8, String, String),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reply {
    Done,
    Value(String),
    Swapped(bool),
}

pub type Op = Operation<Command, Reply>;

impl SequentialSpec for Value {
    type Op = Command;
    type Ret = Reply;

    fn invoke(&mut self, command: &Command) -> Reply {
        match command {
            Command::Put(_, value) => {
                self.0.clone_from(value);
                Reply::Done
            }
            Command::Append(_, value) => {
                self.0.push_str(value);
                Reply::Done
            }
            Command::Get(_) => Reply::Value(self.0.clone()),
            Command::Cas(_, from, to) => {
                let swapped = self.0 == *from;
                if swapped {
                    self.0.clone_from(to);
                }
                Reply::Swapped(swapped)
            }
        }
    }
}

impl Spec for Value {
    type Key<'a> = u8;

    fn read_only(command: &Command) -> bool {
        matches!(command, Command::Get(_))
    }

    fn partition(command: &Command) -> Option<u8> {
        let (Command::Put(key, _)
        | Command::Append(key, _)
        | Command::Get(key)
        | Command::Cas(key, _, _)) = command;
        Some(*key)
    }
}

/// The same model, which also tells what a value can become.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Foresighted(pub Value);

impl fmt::Debug for Foresighted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl SequentialSpec for Foresighted {
    type Op = Command;
    type Ret = Reply;

    fn invoke(&mut self, command: &Command) -> Reply {
        self.0.invoke(command)
    }
}

impl Spec for Foresighted {
    type Key<'a> = u8;

    fn read_only(command: &Command) -> bool {
        Value::read_only(command)
    }

    fn partition(command: &Command) -> Option<u8> {
        Value::partition(command)
    }

    fn can_lead_to<'a>(
        &self,
        _: &Command,
        reply: &Reply,
        mut others: impl Iterator<Item = &'a Command>,
    ) -> bool {
        let Reply::Value(seen) = reply else {
            return true;
        };
        let missing = seen.strip_prefix(&self.0.0);
        missing == Some("")
            || others.any(|other| match other {
                Command::Put(_, value) | Command::Cas(_, _, value) => seen.starts_with(value),
                Command::Append(_, value) => {
                    missing.is_some_and(|missing| missing.starts_with(value))
                }
                Command::Get(_) => false,
            })
    }
}

/// Splitmix64 (Steele, Lea and Flood 2014): a few lines, and the same numbers everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn chance(&mut self, per_cent: u64) -> bool {
        self.below(100) < per_cent
    }
}

/// What kind of histories are wanted.
#[derive(Clone, Copy)]
pub struct Shape {
    pub operations: u64,
    /// The number of operations that are open at the same time.
    pub clients: u64,
    pub keys: u64,
    /// Out of 100 operations.
    pub lost: u64,
    /// Every written value is another one, as in the workloads of the suites; otherwise values
    /// repeat often.
    pub unique: bool,
    /// Weights of put, append, get and compare-and-set.
    pub mix: [u64; 4],
}

/// A history that a correct store could have produced: every client runs its operations one after
/// the other, and each takes effect at a random moment while it is open. Few moments, so many are
/// equal.
pub fn linearizable(random: &mut Random, shape: Shape) -> Vec<Op> {
    // (the moment of the effect, the operation, whether its reply is lost, whether it takes effect
    // at all)
    let mut planned = Vec::new();
    let mut clocks = vec![0; shape.clients as usize];
    for number in 0..shape.operations {
        let client = random.below(shape.clients);
        let call = clocks[client as usize] + random.below(4);
        let length = random.below(6);
        let lost = random.chance(shape.lost);
        let late = if lost { random.below(20) } else { 0 };
        let command = command(random, shape, client, number);
        let effect = call * 10 + random.below(length * 10 + 1) + late * 10;
        clocks[client as usize] = call + length + 1;
        let operation = Op {
            client: client as u32,
            command,
            call,
            reply: Some((call + length, Reply::Done)),
        };
        planned.push((effect, operation, lost, !lost || random.chance(50)));
    }
    planned.sort_by_key(|plan| plan.0);
    let mut values = vec![Value::default(); shape.keys as usize];
    let mut history = Vec::new();
    for (_, mut operation, lost, happens) in planned {
        let key = Value::partition(&operation.command).expect("each has a key");
        if happens {
            let reply = values[key as usize].invoke(&operation.command);
            operation.reply.as_mut().expect("still planned").1 = reply;
        }
        if lost {
            operation.reply = None;
        }
        history.push(operation);
    }
    history.sort_by_key(|operation| (operation.call, operation.client));
    history
}

fn command(random: &mut Random, shape: Shape, client: u64, number: u64) -> Command {
    let key = random.below(shape.keys) as u8;
    let value = |random: &mut Random| match shape.unique {
        true => format!("c{client}.{number};"),
        false => ["a", "b", "ab"][random.below(3) as usize].to_owned(),
    };
    let mut ticket = random.below(shape.mix.iter().sum());
    let mut kind = 0;
    while ticket >= shape.mix[kind] {
        ticket -= shape.mix[kind];
        kind += 1;
    }
    match kind {
        0 => Command::Put(key, value(random)),
        1 => Command::Append(key, value(random)),
        2 => Command::Get(key),
        _ => Command::Cas(key, value(random), value(random)),
    }
}

/// Lets one reply be that of another operation (which may do no harm), or a get return what nobody
/// wrote.
pub fn corrupt(random: &mut Random, history: &mut [Op]) {
    let answered: Vec<usize> = (0..history.len())
        .filter(|&at| {
            matches!(
                history[at].reply,
                Some((_, Reply::Value(_) | Reply::Swapped(_)))
            )
        })
        .collect();
    if answered.is_empty() {
        return;
    }
    let at = answered[random.below(answered.len() as u64) as usize];
    let other = answered[random.below(answered.len() as u64) as usize];
    let other = history[other].reply.clone().map(|(_, reply)| reply);
    let reply = &mut history[at].reply.as_mut().expect("it is answered").1;
    match (reply, other) {
        (Reply::Swapped(swapped), _) => *swapped = !*swapped,
        (Reply::Value(value), Some(Reply::Value(other))) if *value != other => *value = other,
        (Reply::Value(value), _) => value.push('b'),
        _ => {}
    }
}

/// Whether `order` is a linearization of the operations `part` of `history`, by the definition and
/// nothing else.
pub fn explains(history: &[Op], part: &[usize], order: &[usize]) -> bool {
    let mut value = Value::default();
    let replies_fit = order.iter().all(|&at| {
        let reply = value.invoke(&history[at].command);
        history[at]
            .reply
            .as_ref()
            .is_none_or(|(_, seen)| *seen == reply)
    });
    let precedes = |a: usize, b: usize| {
        history[a]
            .reply
            .as_ref()
            .is_some_and(|(at, _)| *at < history[b].call)
    };
    let in_time =
        (0..order.len()).all(|i| (i + 1..order.len()).all(|j| !precedes(order[j], order[i])));
    let each_once = order
        .iter()
        .all(|at| order.iter().filter(|other| *other == at).count() == 1 && part.contains(at));
    let complete = part
        .iter()
        .all(|at| history[*at].reply.is_none() || order.contains(at));
    replies_fit && in_time && each_once && complete
}
