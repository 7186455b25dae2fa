//! What is kept of a run: nothing while it passes, everything when it is run again because it failed.

use std::collections::VecDeque;

use labkit::NodeId;
use serde::{Deserialize, Serialize};

use crate::{
    schedule::{Action, Schedule, Timed},
    time::Time,
};

/// One line of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub at: Time,
    /// What happened.
    pub what: Happening,
    /// What the handler printed (`println!`, `dbg!`), if one ran.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub printed: String,
    /// What the handler left with `ctx.note`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What a trace tells of. Texts are the `Debug` output of the student's own types.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Happening {
    Start { node: NodeId, incarnation: u64 },
    Receive { node: NodeId, from: NodeId, sent: Time, message: String },
    Lose { from: NodeId, to: NodeId, message: String, why: String },
    Timer { node: NodeId, timer: String },
    Invoke { node: NodeId, command: String },
    Respond { node: NodeId, output: String },
    Crash { node: NodeId, after: Option<(u64, u64)> },
    Fault { text: String },
    Phase { name: String },
    Stop { text: String },
}

/// How many steps of a run are kept, the last ones: a node that floods the network must not fill the grader's memory.
const STEPS_KEPT: usize = 50_000;

/// A run, written down.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// Everything that was decided, for a replay.
    pub schedule: Schedule,
    /// The story, for people.
    pub steps: VecDeque<Step>,
    /// How many steps at the beginning were not kept.
    pub forgotten: u64,
}

impl Recording {
    pub(crate) fn act(&mut self, at: Time, planned: bool, action: Action) {
        self.schedule.0.push(Timed { at_us: at.0, planned, action });
    }

    pub(crate) fn step(&mut self, at: Time, what: Happening) {
        if self.steps.len() == STEPS_KEPT {
            self.steps.pop_front();
            self.forgotten += 1;
        }
        self.steps.push_back(Step { at, what, printed: String::new(), notes: Vec::new() });
    }

    pub(crate) fn add_to_last(&mut self, printed: String, note: Option<&str>) {
        if let Some(step) = self.steps.back_mut() {
            step.printed.push_str(&printed);
            step.notes.extend(note.map(str::to_owned));
        }
    }
}
