//! What is to come: the entries of the queue that a world works off in virtual time.

use crate::time::Time;

/// What is to happen, and to whom. Numbers name nodes by their index, faults and plans by their
/// position in the world's lists, messages by their place among the flights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum QueuedEvent {
    Fault {
        index: u32,
    },
    Plan {
        index: u32,
    },
    Start {
        node_index: u16,
    },
    Timer {
        node_index: u16,
        incarnation: u32,
        nth: u64,
    },
    Synced {
        node_index: u16,
        incarnation: u32,
        nth: u64,
    },
    Deliver {
        message: u32,
    },
    Think {
        node_index: u16,
    },
    Worked {
        node_index: u16,
        work: u32,
    },
}

/// An event and its time. Simultaneous events are ordered by what they are, never by when they
/// were planned, so that a replay meets them in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QueueEntry {
    pub at: Time,
    pub rank: u64,
    pub event: QueuedEvent,
}
