//! What a test draws besides its verdict: lanes of spans over virtual time, such as who was primary when.

use crate::time::Time;

/// A row of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// What it is about, in a word: `views`, `s1`.
    pub name: String,
    /// What was when, in order.
    pub spans: Vec<Span>,
}

/// A stretch of time in which something held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// When it began.
    pub from: Time,
    /// When it ended.
    pub to: Time,
    /// What held, in a word or two.
    pub label: String,
    /// How it is drawn.
    pub tone: Tone,
}

/// How a span is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It holds for good: an acknowledged view, a server in its role.
    Firm,
    /// It holds, but not for good yet.
    Tentative,
    /// There is nothing: a node that is down.
    Void,
}
