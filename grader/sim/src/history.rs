//! What clients were asked and what they answered: the ground truth that checkers judge.

use labkit::NodeId;

use crate::time::Time;

/// One operation of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The client.
    pub client: NodeId,
    /// The command, encoded by the lab.
    pub command: Vec<u8>,
    /// When it was invoked.
    pub invoked: Moment,
    /// When it was answered and the answer, encoded by the lab; `None` while it is open.
    pub reply: Option<(Moment, Vec<u8>)>,
    /// The message upon which it was answered, if it was one.
    pub via: Option<Via>,
}

/// The message that made a client answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Via {
    /// Who sent it.
    pub from: NodeId,
    /// When.
    pub sent: Time,
}

/// A point of a history: no two are equal, and their order is the order in which things happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Virtual time; several moments may share it.
    pub at: Time,
    /// Counts the moments of the run.
    pub order: u64,
}

/// Who asks what: each client gets its next operation some time after the answer to the one before.
pub trait Workload {
    /// The `nth` operation (from 0) of this client: how long it thinks first, and the encoded
    /// command. `None` ends it.
    fn next(&mut self, client: NodeId, nth: u64) -> Option<(std::time::Duration, Vec<u8>)>;

    /// The same operation with values that are easier to read, if there are such: a failure is
    /// shown with them if it is the same with them.
    fn plainer(&self, _client: NodeId, _nth: u64) -> Option<Vec<u8>> {
        None
    }
}
