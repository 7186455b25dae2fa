//! A run step by step, with the world after each step.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// One change of a node's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The field: names, keys and positions from the outside to the inside.
    pub path: String,
    /// Its value before; `None` if it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Its value after; `None` if it is not there any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl fmt::Display for FieldChange {
    /// `view.number: 1 -> 2`, `acks: + s2`, `acks: - s2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colon = if self.path.is_empty() { "" } else { ": " };
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "{}{colon}{before} -> {after}", self.path),
            (None, Some(after)) => write!(f, "{}{colon}+ {after}", self.path),
            (Some(before), None) => write!(f, "{}{colon}- {before}", self.path),
            (None, None) => f.write_str(&self.path),
        }
    }
}

/// A run that can be gone through.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    /// The steps of which the world is known, in order. Between two of them others may be missing.
    pub steps: Vec<WalkStep>,
    /// How many are missing in all.
    pub folded: u64,
    /// How many steps the run has.
    pub of: u64,
}

/// One step, and the world after it.
#[derive(Clone, Debug, Default)]
pub struct WalkStep {
    /// Its number in the run, from 1.
    pub number: u64,
    /// Virtual microseconds since the run began.
    pub at_us: u64,
    /// What happened.
    pub text: String,
    /// What the handler printed.
    pub printed: Vec<String>,
    /// True for the step in which the promise was broken.
    pub broke: bool,
    /// True if the failure's trace shows it.
    pub matters: bool,
    /// The node at which it happened.
    pub node: Option<String>,
    /// What changed in that node's state.
    pub changed: Vec<FieldChange>,
    /// The nodes after it.
    pub nodes: Vec<WalkNode>,
    /// The messages under way after it.
    pub flights: Vec<WalkFlight>,
}

/// One node at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalkNode {
    /// Its name.
    pub name: String,
    /// What it is doing, in words.
    pub doing: String,
    /// Its state, a field a line; none if it has none or it cannot be shown.
    pub state: Arc<Vec<String>>,
    /// When each of its timers fires, in virtual microseconds, and the timer.
    pub timers: Vec<(u64, String)>,
    /// Its disk, a blob a line.
    pub disk: Vec<String>,
}

/// A message under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalkFlight {
    /// `s1 -> s2`.
    pub way: String,
    /// What it says.
    pub message: String,
    /// When it was sent, in virtual microseconds.
    pub sent_us: u64,
    /// When it arrives; none while it is held up.
    pub arrives_us: Option<u64>,
}
