//! What a test shows besides its verdict: lanes of spans over virtual time, such as who was primary
//! when, and what clients asked, in the words of the lab.

use labkit::NodeId;

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
    /// It held, and what came of it is lost.
    Lost,
}

/// An operation of a client in words, and what the verdict says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The part of the service's state that it is about, such as a key.
    pub about: String,
    /// The client.
    pub client: NodeId,
    /// What it asked for.
    pub command: String,
    /// When.
    pub from: Time,
    /// When and what it was answered.
    pub answer: Option<(Time, String)>,
    /// What the verdict says of it.
    pub judged: Judged,
}

/// What a verdict says of an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Judged {
    /// Nothing.
    #[default]
    Plain,
    /// It is among those that make the impossible answer impossible.
    Explains,
    /// Its answer cannot be.
    Impossible,
}
