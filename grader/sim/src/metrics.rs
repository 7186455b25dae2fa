//! Counts of a run, per phase.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What happened in one phase of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// The phase's name, such as `healthy` or `healed`.
    pub name: String,
    /// Virtual microseconds that it lasted.
    pub lasted_us: u64,
    /// Events that nodes handled.
    pub events: u64,
    /// Messages that nodes sent, lost ones included.
    pub messages: u64,
    /// Bytes of those messages.
    pub bytes: u64,
    /// Operations that were answered.
    pub operations: u64,
    /// The sum of the virtual microseconds that those operations took.
    pub latency_sum_us: u64,
    /// The longest of them.
    pub latency_max_us: u64,
}

impl Phase {
    pub(crate) fn named(name: &str) -> Phase {
        Phase { name: name.to_owned(), ..Phase::default() }
    }

    pub(crate) fn answered(&mut self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.operations += 1;
        self.latency_sum_us += took;
        self.latency_max_us = self.latency_max_us.max(took);
    }
}

/// How much one run may use. Deterministic: no seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Events handled by all nodes together.
    pub events: u64,
    /// Messages sent by all nodes together.
    pub messages: u64,
    /// Bytes of all effects together: messages, answers, writes, timers, notes.
    pub bytes: u64,
    /// What all handlers together may compute, in the backend's unit. Far above what any sensible program needs; it
    /// keeps one that is just below the limit of a single handler, again and again, from taking hours.
    pub fuel: u64,
    /// Effects of one handler.
    pub effects_per_event: u64,
    /// Timers that one node may have running.
    pub timers_per_node: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            events: 1_000_000,
            messages: 200_000,
            bytes: 256 << 20,
            fuel: 3_000_000_000,
            effects_per_event: 10_000,
            timers_per_node: 10_000,
        }
    }
}
