//! A node between two events: everything of it that can make a difference later, and nothing else.

use std::time::Duration;

use crate::disk::Disk;

/// The whole of one node. Equal locals have the same future, so there is no event count and no
/// trace in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Local {
    pub node_index: u16,
    /// 0 before its first start.
    pub incarnation: u32,
    pub condition: Condition,
    /// The state's bytes, if it is up.
    pub snapshot: u32,
    /// What the lab sees of that state.
    pub observation: u32,
    pub disk: Disk,
    /// In the order in which they were set.
    pub timers: Vec<Timer>,
    /// What its machine has to do, what it is at first.
    pub works: Vec<Work>,
    /// How many operations of this client were invoked.
    pub invoked: u32,
    pub open: Open,
}

/// Whether a node takes events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Condition {
    /// Not started, or crashed.
    Down,
    Up,
    /// Waits for its disk; the effects behind the sync are still to come.
    Syncing {
        tail: u32,
    },
}

/// A client's operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Open {
    No,
    /// No message has come since it was invoked, so there can be no answer yet.
    Unheard,
    Heard,
}

/// A running timer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Timer {
    pub bytes: u32,
    pub at_least: Duration,
    pub at_most: Duration,
}

/// Work that is not done yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Work {
    pub token: u64,
    /// What the lab calls it.
    pub label: u32,
    /// What comes of it.
    pub done: u32,
    /// How long it takes where nothing is slow.
    pub takes: Duration,
}

impl Local {
    /// A node that never ran.
    pub fn new(node_index: u16, nothing: u32) -> Local {
        Local {
            node_index,
            incarnation: 0,
            condition: Condition::Down,
            snapshot: nothing,
            observation: nothing,
            disk: Disk::default(),
            timers: Vec::new(),
            works: Vec::new(),
            invoked: 0,
            open: Open::No,
        }
    }

    /// Sets a timer; an equal one that runs is replaced.
    pub fn set_timer(&mut self, timer: Timer) {
        self.timers.retain(|running| running.bytes != timer.bytes);
        self.timers.push(timer);
    }

    /// Whether this timer can be the next to fire: one that was set earlier and is due no later
    /// goes first, whatever the time is. (Timers of different nodes are in no order: a slow node's
    /// fire late.)
    pub fn can_fire(&self, index: usize) -> bool {
        let timer = &self.timers[index];
        self.timers[..index]
            .iter()
            .all(|earlier| earlier.at_most > timer.at_least)
    }

    /// Everything that ends with an incarnation is gone; the disk holds this.
    pub fn crashed(mut self, disk: Disk, nothing: u32) -> Local {
        self.condition = Condition::Down;
        (self.snapshot, self.observation) = (nothing, nothing);
        self.timers.clear();
        self.works.clear();
        Local { disk, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timer(bytes: u32, at_least_ms: u64, at_most_ms: u64) -> Timer {
        let ms = Duration::from_millis;
        Timer {
            bytes,
            at_least: ms(at_least_ms),
            at_most: ms(at_most_ms),
        }
    }

    #[test]
    fn a_timer_overtakes_only_one_that_may_be_due_later() {
        let mut local = Local::new(0, 0);
        local.set_timer(timer(1, 10, 10));
        local.set_timer(timer(2, 10, 10));
        local.set_timer(timer(3, 5, 20));
        local.set_timer(timer(4, 9, 9));
        assert_eq!(
            [0, 1, 2, 3].map(|index| local.can_fire(index)),
            [true, false, true, true]
        );
        local.set_timer(timer(1, 10, 10));
        assert_eq!(
            local.timers[0].bytes, 2,
            "a timer that is set again is the youngest"
        );
    }
}
