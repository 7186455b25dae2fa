//! How a state is left: the choice that is made there, and where it leads.

use crate::{
    intern::NONE,
    steps::{LocalStep, StepTable},
};

/// How a state is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The message that is delivered or lost, or [`NONE`].
    pub flight: u32,
    /// The outcome of the step, or [`NONE`]: the message is lost.
    pub outcome: u32,
    /// The message stays in the network, to be delivered once more.
    pub keeps: bool,
    /// What there is outside nodes and network after it.
    pub outside: u32,
}

impl Choice {
    /// A choice without a fault: of an outcome in which a node goes on.
    pub fn is_healthy(self, steps: &StepTable) -> bool {
        self.outcome != NONE && !self.keeps && !steps.outcomes[self.outcome as usize].crash
    }
}

/// A transition to another state, or to a broken promise.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Transition {
    To {
        fingerprint: u64,
        choice: Choice,
    },
    /// The program breaks a promise here.
    Broken {
        choice: Choice,
        why: Broken,
    },
}

/// Which promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// A number of [`StepTable::faults`].
    Fault(u32),
    /// A number of [`Watch::faults`](crate::monitor::Watch::faults).
    Monitor(u32),
}

/// What must be worked out before a state can be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Step(LocalStep),
    Watch { outside: u32, external_events: u32 },
}
