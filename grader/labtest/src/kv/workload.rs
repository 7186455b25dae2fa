//! What clients ask in chaos.

use std::{marker::PhantomData, time::Duration};

use faultline_sim::{
    Workload,
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
