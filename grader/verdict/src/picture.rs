//! What a test drew: lanes of spans over virtual time, such as who was primary when.

use serde::{Deserialize, Serialize};

/// A row of a picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// What it is about, in a word.
    pub name: String,
    /// What was when, in order.
    pub spans: Vec<Span>,
}

/// A stretch of time in which something held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// When it began, in virtual microseconds.
    pub from_us: u64,
    /// When it ended.
    pub to_us: u64,
    /// What held, in a word or two.
    pub label: String,
    /// How it is drawn.
    pub tone: Tone,
}

/// How a span is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// It holds for good: an acknowledged view, a server in its role.
    Firm,
    /// It holds, but not for good yet.
    Tentative,
    /// There is nothing: a node that is down.
    Void,
    /// It held, and what came of it is lost.
    Lost,
}
