//! The space-time diagram of a failure: which lines of its trace stand where, and what held for a
//! while.
//!
//! Texts stand in the trace; a diagram only adds what is needed to draw its lines.

use serde::{Deserialize, Serialize};

/// A diagram of the lines of a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagram {
    /// The nodes, in the order in which they are drawn.
    pub nodes: Vec<String>,
    /// The lines of the trace that are events, in its order.
    pub events: Vec<Drawn>,
    /// What held for a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bands: Vec<Band>,
}

/// An event as it is drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawn {
    /// The number of its line in the trace.
    pub number: u64,
    /// What it is.
    #[serde(flatten)]
    pub what: DrawnKind,
    /// True if what broke the promise may have come of it: messages lead from it there (Lamport's
    /// "happened before").
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub led: bool,
    /// True for the event that broke the promise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fatal: bool,
}

/// What an event is, as far as it is drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum DrawnKind {
    Start {
        node: String,
    },
    Receive {
        node: String,
        from: String,
        sent_us: u64,
    },
    Lose {
        from: String,
        to: String,
    },
    Timer {
        node: String,
    },
    Invoke {
        node: String,
    },
    Answer {
        node: String,
    },
    Crash {
        node: String,
    },
    Fault,
    Phase,
    Stop,
}

/// Something that held for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// What held.
    pub what: Held,
    /// The node; for a link its beginning.
    pub node: String,
    /// The end of the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// When it began, in virtual microseconds.
    pub from_us: u64,
    /// When it ended, or the end of the trace.
    pub to_us: u64,
}

/// What can hold for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    /// The node was not running.
    Down,
    /// It was stopped and had kept its state.
    Paused,
    /// What came to it and its timers were late.
    Slow,
    /// Messages on the link were lost.
    Cut,
    /// Messages on the link were held up.
    HeldUp,
}

/// What clients asked about one key, in the order of their calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyHistory {
    /// The key.
    pub key: String,
    /// How many earlier operations are left out.
    #[serde(default, skip_serializing_if = "no")]
    pub left_out: u64,
    /// The operations.
    pub operations: Vec<Asked>,
}

fn no(number: &u64) -> bool {
    *number == 0
}

/// One operation of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The client.
    pub client: String,
    /// What it asked for.
    pub command: String,
    /// What it was answered; none while it was open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// When it was called, in virtual microseconds.
    pub from_us: u64,
    /// When it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_us: Option<u64>,
    /// What the verdict says of it.
    #[serde(default, skip_serializing_if = "Judged::is_plain")]
    pub judged: Judged,
}

/// What a verdict says of an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judged {
    /// Nothing.
    #[default]
    Plain,
    /// It is among those that make the impossible answer impossible.
    Explains,
    /// Its answer cannot be.
    Impossible,
}

impl Judged {
    /// True if the verdict says nothing of it.
    pub fn is_plain(&self) -> bool {
        *self == Judged::Plain
    }
}
