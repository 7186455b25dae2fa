//! What is kept of a run: nothing while it passes, everything when it is run again because it
//! failed.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use labkit::NodeId;

use crate::{
    disk::LostWrite,
    edits::Decided,
    frame::{Change, Detail, Frame},
    schedule::{Action, Schedule, Timed},
    time::Time,
    violation::shortened,
};

/// One line of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedStep {
    /// When.
    pub at: Time,
    /// What happened.
    pub what: Happening,
    /// What the handler printed (`println!`, `dbg!`), if one ran.
    pub printed: String,
    /// What the handler left with `ctx.note`.
    pub notes: Vec<String>,
    /// In a crash: the writes that no sync had made safe and that are gone.
    pub lost: Vec<LostWrite>,
    /// In a crash: the effects that the node had asked for and that did not happen, in words.
    pub undone: Vec<String>,
    /// What became of its node's state, if that was looked at.
    pub state: Option<Change>,
    /// The world after it, if that was looked at.
    pub world: Option<Box<Frame>>,
}

/// What a trace tells of. Texts are the `Debug` output of the student's own types.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Happening {
    Start {
        node: NodeId,
        incarnation: u64,
    },
    Receive {
        node: NodeId,
        from: NodeId,
        /// The sender's incarnation, and which of its messages it is: copies have one name.
        name: (u64, u64),
        sent: Time,
        message: String,
    },
    Lose {
        from: NodeId,
        to: NodeId,
        sent: Time,
        message: String,
        why: String,
    },
    Timer {
        node: NodeId,
        timer: String,
    },
    Invoke {
        node: NodeId,
        command: String,
    },
    Respond {
        node: NodeId,
        output: String,
    },
    WorkDone {
        node: NodeId,
        work: String,
    },
    Crash {
        node: NodeId,
        after: Option<(u64, u64)>,
    },
    /// A client leaves for good.
    Leave {
        node: NodeId,
    },
    Fault {
        text: String,
    },
    Phase {
        name: String,
    },
    Stop {
        text: String,
    },
}

/// What can happen to a link in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkChange {
    Cut,
    Heal,
    Hold,
    Release,
}

impl LinkChange {
    /// True if nodes are apart by it, or no longer.
    pub fn is_of_partitions(self) -> bool {
        matches!(self, LinkChange::Cut | LinkChange::Heal)
    }
}

/// How links changed at one moment, and which.
type ChangedLinks = Vec<(LinkChange, BTreeSet<(NodeId, NodeId)>)>;

/// Maximum number of steps of a run to keep, the last ones: a node that floods the network must not
/// fill the grader's memory.
const STEPS_KEPT: usize = 50_000;

/// Maximum number of bytes of text in them, together.
const TEXT_KEPT: usize = 64 << 20;

/// A run, written down.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// Everything that was decided, for a replay.
    pub schedule: Schedule,
    /// What was decided and can be left out.
    pub decided: Decided,
    /// The story, for people.
    pub steps: VecDeque<RecordedStep>,
    /// How many steps there were before these.
    pub forgotten: u64,
    /// Those of them of which the world was to be looked at, with their numbers.
    pub looked_at: Vec<(u64, RecordedStep)>,
    /// How much is kept of each step.
    pub(crate) detail: Detail,
    /// All that is to be known of the last step is known.
    pub(crate) complete: bool,
    /// The number of the last step that was about links, and what it told of.
    links: Option<(u64, ChangedLinks)>,
    text: usize,
}

impl Recording {
    pub(crate) fn new(detail: Detail) -> Recording {
        Recording {
            detail,
            ..Recording::default()
        }
    }

    pub(crate) fn act(&mut self, at: Time, planned: bool, action: Action) {
        self.schedule.0.push(Timed {
            at_us: at.0,
            planned,
            action,
        });
    }

    pub(crate) fn step(&mut self, at: Time, what: Happening, state: Option<Change>) {
        self.text += what.text_length();
        self.complete = false;
        self.steps.push_back(RecordedStep {
            at,
            what,
            printed: String::new(),
            notes: Vec::new(),
            lost: Vec::new(),
            undone: Vec::new(),
            state,
            world: None,
        });
        self.forget();
    }

    /// The links that change at this moment, this one among them, and whether the last step tells
    /// of the others.
    pub(crate) fn links_with(
        &self,
        at: Time,
        change: LinkChange,
        link: (NodeId, NodeId),
    ) -> (ChangedLinks, bool) {
        let is_now = self.steps.back().is_some_and(|step| step.at == at);
        let known = self
            .links
            .as_ref()
            .filter(|(step, _)| is_now && *step == self.last_number());
        let mut changed = known.map(|(_, links)| links.clone()).unwrap_or_default();
        // What is cut and healed within a moment is healed.
        for (known, links) in &mut changed {
            if known.is_of_partitions() == change.is_of_partitions() {
                links.remove(&link);
            }
        }
        match changed.iter_mut().find(|(known, _)| *known == change) {
            Some((_, links)) => drop(links.insert(link)),
            None => changed.push((change, BTreeSet::from([link]))),
        }
        changed.retain(|(_, links)| !links.is_empty());
        (changed, known.is_some())
    }

    /// The last step tells of these links, in these words.
    pub(crate) fn last_is_of_links(&mut self, changed: ChangedLinks, text: String) {
        let Some(step) = self.steps.back_mut() else {
            return;
        };
        self.text = (self.text + text.len()).saturating_sub(step.what.text_length());
        step.what = Happening::Fault { text };
        self.complete = false;
        self.links = Some((self.last_number(), changed));
    }

    fn last_number(&self) -> u64 {
        self.forgotten + self.steps.len() as u64
    }

    /// True if the state of the next step's node is to be kept.
    pub(crate) fn looks_at_next(&self) -> bool {
        let next = self.forgotten + self.steps.len() as u64 + 1;
        match &self.detail {
            Detail::Words => false,
            Detail::States(steps) | Detail::Worlds(steps) => steps.contains(&next),
        }
    }

    /// True if the world after the step with this number is to be kept.
    fn looks_at(&self, number: u64) -> bool {
        matches!(&self.detail, Detail::Worlds(steps) if steps.contains(&number))
    }

    /// The same of the last step.
    pub(crate) fn looks_at_last(&self) -> bool {
        self.looks_at(self.forgotten + self.steps.len() as u64)
    }

    /// What came of the last step.
    pub(crate) fn complete(&mut self, after: Option<Arc<str>>, world: Option<Frame>) {
        let Some(step) = self.steps.back_mut() else {
            return;
        };
        if let Some(change) = &mut step.state {
            change.after = after;
        }
        step.world = world.map(Box::new);
        self.complete = true;
    }

    pub(crate) fn add_to_last(&mut self, printed: String, note: Option<&str>) {
        if let Some(step) = self.steps.back_mut() {
            self.text += printed.len() + note.map_or(0, str::len);
            step.printed.push_str(&printed);
            step.notes.extend(note.map(shortened));
        }
        self.forget();
    }

    /// What the crash that is the last step took from the node's disk, and what it left undone.
    pub(crate) fn lost(&mut self, writes: Vec<LostWrite>, undone: Vec<String>) {
        if let Some(step) = self.steps.back_mut() {
            (step.lost, step.undone) = (writes, undone);
        }
    }

    /// Drops the oldest steps that are too many, but for those that somebody wants to look at.
    fn forget(&mut self) {
        while self.steps.len() > STEPS_KEPT || (self.text > TEXT_KEPT && self.steps.len() > 1) {
            let Some(step) = self.steps.pop_front() else {
                return;
            };
            let notes: usize = step.notes.iter().map(String::len).sum();
            self.text -= (step.what.text_length() + step.printed.len() + notes).min(self.text);
            self.forgotten += 1;
            if self.looks_at(self.forgotten) {
                self.looked_at.push((self.forgotten, step));
            }
        }
    }
}

impl Happening {
    /// The node at which it happened.
    pub fn node(&self) -> Option<NodeId> {
        match self {
            Happening::Start { node, .. }
            | Happening::Receive { node, .. }
            | Happening::Timer { node, .. }
            | Happening::Invoke { node, .. }
            | Happening::Respond { node, .. }
            | Happening::WorkDone { node, .. }
            | Happening::Crash { node, .. }
            | Happening::Leave { node } => Some(*node),
            Happening::Lose { .. }
            | Happening::Fault { .. }
            | Happening::Phase { .. }
            | Happening::Stop { .. } => None,
        }
    }

    fn text_length(&self) -> usize {
        match self {
            Happening::Receive { message: text, .. }
            | Happening::Lose { message: text, .. }
            | Happening::Timer { timer: text, .. }
            | Happening::Invoke { command: text, .. }
            | Happening::Respond { output: text, .. }
            | Happening::WorkDone { work: text, .. }
            | Happening::Fault { text }
            | Happening::Phase { name: text }
            | Happening::Stop { text } => text.len(),
            Happening::Start { .. } | Happening::Crash { .. } | Happening::Leave { .. } => 0,
        }
    }
}
