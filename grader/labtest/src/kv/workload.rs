//! What clients ask in chaos.

use std::{marker::PhantomData, time::Duration};

use faultline_sim::{
    Operation, Outcome, Workload, World,
    choice::{About, Choices},
    ms,
};
use labkit::NodeId;

use super::{KvLab, append, get, put};

/// The longest time that a client thinks between two operations, in milliseconds.
const THINK_MS: u64 = 150;

const KEYS: [&str; 3] = ["x", "y", "z"];

/// Puts, appends and gets on few keys; every value that is written is a token that occurs nowhere
/// else.
pub struct KvWorkload<L> {
    choices: Choices,
    operations: u64,
    reader: NodeId,
    padding: &'static str,
    lab: PhantomData<fn() -> L>,
}

impl<L: KvLab> KvWorkload<L> {
    /// Each client but the reader carries out this number of operations. What is written is filled
    /// up with `padding`.
    pub fn new(choices: Choices, operations: u64, reader: NodeId, padding: &'static str) -> Self {
        KvWorkload {
            choices,
            operations,
            reader,
            padding,
            lab: PhantomData,
        }
    }

    fn operation(&self, client: NodeId, nth: u64, padding: &str) -> (Duration, Vec<u8>) {
        let number = u64::from(client.number());
        let mut draw = self.choices.draw(About::Workload, number, nth);
        let think = draw.between(&(ms(1)..=ms(THINK_MS)));
        let key = *draw.pick(&KEYS);
        let token = format!("{client}.{nth}{padding};");
        let command = match draw.below(10) {
            0 | 1 => put(key, &token),
            2..=5 => append(key, &token),
            _ => get(key),
        };
        (think, L::to_bytes(&command))
    }
}

impl<L: KvLab> Workload for KvWorkload<L> {
    fn next(&mut self, client: NodeId, nth: u64) -> Option<(Duration, Vec<u8>)> {
        if nth >= self.operations || client == self.reader {
            return None;
        }
        Some(self.operation(client, nth, self.padding))
    }

    fn plainer(&self, client: NodeId, nth: u64) -> Option<Vec<u8>> {
        (!self.padding.is_empty()).then(|| self.operation(client, nth, "").1)
    }
}

/// Clients that ask again as soon as they are answered, or a while after.
pub struct Busy<L> {
    think: Duration,
    operations: u64,
    lab: PhantomData<fn() -> L>,
}

impl<L: KvLab> Busy<L> {
    /// Each client carries out this number of operations, and waits this long before each.
    pub fn new(operations: u64, think: Duration) -> Busy<L> {
        Busy {
            think,
            operations,
            lab: PhantomData,
        }
    }
}

impl<L: KvLab> Workload for Busy<L> {
    fn next(&mut self, client: NodeId, nth: u64) -> Option<(Duration, Vec<u8>)> {
        let command = append("x", &format!("{client}.{nth};"));
        (nth < self.operations).then(|| (self.think, L::to_bytes(&command)))
    }
}

/// Complains if an answered operation waited longer than this. `why` says what makes the bound
/// right.
///
/// # Errors
/// Over budget, with the operation that waited longest.
#[track_caller]
pub fn waits_at_most(world: &World<'_>, bound: Duration, why: &str) -> Outcome {
    let took = |operation: &Operation| {
        let reply = operation.reply.as_ref();
        reply.map(|(moment, _)| moment.at.since(operation.invoked.at))
    };
    let slowest = world.history().iter().max_by_key(|one| took(one));
    let Some((operation, longest)) = slowest.and_then(|one| Some((one, took(one)?))) else {
        return Ok(());
    };
    if longest <= bound {
        return Ok(());
    }
    Err(world.over_budget(format!(
        "{why}, and an operation that {} began at {} waited for {} ms; {} are allowed",
        operation.client,
        operation.invoked.at,
        longest.as_millis(),
        bound.as_millis()
    )))
}
