//! What reports draw of a failure besides its trace: which events led to it, what held for how
//! long, and what clients saw, key by key.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use faultline_sim::{
    FaultAction, Happening, NodeId, Recording, Time, Violation,
    schedule::{Action, Timed},
};
use faultline_verdict::{
    Asked, Band, Diagram, Drawn, DrawnKind, Held, Judged, KeyHistory, TraceLine,
};

use super::causal_slice::fatal;

/// The maximum number of operations of a key that are listed: the last ones.
const OPERATIONS: usize = 40;

/// The maximum number of operations that are listed in all.
const OPERATIONS_IN_ALL: usize = 60;

/// How the lines of a trace are drawn.
pub fn draw(recording: &Recording, violation: &Violation, trace: &[TraceLine]) -> Diagram {
    let shown: BTreeSet<usize> = trace
        .iter()
        .filter_map(|line| line.number.checked_sub(recording.forgotten + 1))
        .map(|index| index as usize)
        .collect();
    let fatal = fatal(recording, violation);
    let led = fatal
        .map(|index| past(recording, index))
        .unwrap_or_default();
    let drawn = |index: usize| Drawn {
        number: recording.forgotten + index as u64 + 1,
        what: what(&recording.steps[index].what),
        led: led.contains(&index),
        fatal: fatal == Some(index),
    };
    let events: Vec<Drawn> = shown
        .iter()
        .filter(|index| **index < recording.steps.len())
        .map(|i| drawn(*i))
        .collect();
    let mut nodes: Vec<NodeId> = shown
        .iter()
        .filter_map(|index| recording.steps.get(*index))
        .flat_map(|step| match step.what {
            Happening::Receive { node, from, .. } => [Some(from), Some(node)],
            Happening::Lose { from, to, .. } => [Some(from), Some(to)],
            ref other => [other.node(), None],
        })
        .flatten()
        .collect();
    nodes.sort();
    nodes.dedup();
    let (begin, end) = (
        trace.first().map_or(0, |line| line.at_us),
        violation.about.0,
    );
    let bands = bands(recording, end).into_iter().filter(|band| {
        let known = |name: &String| nodes.iter().any(|node| node.to_string() == *name);
        band.from_us < end
            && band.to_us > begin
            && band.to_us > band.from_us
            && known(&band.node)
            && band.to.iter().all(known)
    });
    let bands = bands
        .map(|band| Band {
            to_us: band.to_us.min(end),
            ..band
        })
        .collect();
    Diagram {
        nodes: nodes.iter().map(NodeId::to_string).collect(),
        events,
        bands,
    }
}

fn what(what: &Happening) -> DrawnKind {
    let name = NodeId::to_string;
    match what {
        Happening::Start { node, .. } => DrawnKind::Start { node: name(node) },
        Happening::Receive {
            node, from, sent, ..
        } => DrawnKind::Receive {
            node: name(node),
            from: name(from),
            sent_us: sent.0,
        },
        Happening::Lose { from, to, .. } => DrawnKind::Lose {
            from: name(from),
            to: name(to),
        },
        // Like a timer, the end of work is an event that nobody else has to do with.
        Happening::Timer { node, .. } | Happening::WorkDone { node, .. } => {
            DrawnKind::Timer { node: name(node) }
        }
        Happening::Invoke { node, .. } => DrawnKind::Invoke { node: name(node) },
        Happening::Respond { node, .. } => DrawnKind::Answer { node: name(node) },
        Happening::Crash { node, .. } | Happening::Leave { node } => {
            DrawnKind::Crash { node: name(node) }
        }
        Happening::Fault { .. } => DrawnKind::Fault,
        Happening::Phase { .. } => DrawnKind::Phase,
        Happening::Stop { .. } => DrawnKind::Stop,
    }
}

/// The events that happened before this one (Lamport), itself included.
fn past(recording: &Recording, last: usize) -> BTreeSet<usize> {
    let steps = &recording.steps;
    let mut of: HashMap<NodeId, Vec<usize>> = HashMap::new();
    for (index, step) in steps.iter().enumerate().take(last + 1) {
        if let Some(node) = step.what.node() {
            of.entry(node).or_default().push(index);
        }
    }
    let mut past = BTreeSet::new();
    let mut open = vec![last];
    while let Some(index) = open.pop() {
        if !past.insert(index) {
            continue;
        }
        let step = &steps[index];
        let before = |node: NodeId, fits: &dyn Fn(usize) -> bool| {
            let own = of.get(&node).map(Vec::as_slice).unwrap_or_default();
            own[..own.partition_point(|known| *known < index)]
                .iter()
                .rev()
                .copied()
                .find(|known| fits(*known))
        };
        // A life knows nothing of the one before but what the disk kept, which no trace tells.
        if !matches!(step.what, Happening::Start { .. }) {
            open.extend(step.what.node().and_then(|node| before(node, &|_| true)));
        }
        if let Happening::Receive { from, sent, .. } = step.what {
            open.extend(before(from, &|known| steps[known].at <= sent));
        }
    }
    past
}

/// What held from when to when.
fn bands(recording: &Recording, end: u64) -> Vec<Band> {
    let mut open: BTreeMap<(Held, NodeId, Option<NodeId>), u64> = BTreeMap::new();
    let mut bands = Vec::new();
    let mut changes: Vec<(u64, Change)> = recording.schedule.0.iter().flat_map(faults).collect();
    changes.extend(lives(recording));
    // Within a moment in the order given; between the two lists there is nothing to order.
    changes.sort_by_key(|(at, _)| *at);
    for (at, change) in changes {
        match change {
            Change::Begins(what) => {
                open.entry(what).or_insert(at);
            }
            Change::Ends(what) => bands.extend(open.remove(&what).map(|from| band(what, from, at))),
            Change::Healed => {
                let ended: Vec<_> = open
                    .keys()
                    .copied()
                    .filter(|(held, ..)| *held != Held::Down)
                    .collect();
                bands.extend(
                    ended
                        .into_iter()
                        .filter_map(|what| open.remove(&what).map(|from| band(what, from, at))),
                );
            }
        }
    }
    bands.extend(open.into_iter().map(|(what, from)| band(what, from, end)));
    bands.sort_by_key(|band| (band.from_us, band.what, band.node.clone(), band.to.clone()));
    bands
}

type Holding = (Held, NodeId, Option<NodeId>);

enum Change {
    Begins(Holding),
    Ends(Holding),
    Healed,
}

fn band((what, node, to): Holding, from_us: u64, to_us: u64) -> Band {
    Band {
        what,
        node: node.to_string(),
        to: to.map(|to| to.to_string()),
        from_us,
        to_us,
    }
}

fn faults(timed: &Timed) -> Option<(u64, Change)> {
    let Action::Fault(fault) = &timed.action else {
        return None;
    };
    let change = match *fault {
        FaultAction::Pause { node } => Change::Begins((Held::Paused, node, None)),
        FaultAction::Resume { node } => Change::Ends((Held::Paused, node, None)),
        FaultAction::Slow { node, by_us: 0 } => Change::Ends((Held::Slow, node, None)),
        FaultAction::Slow { node, .. } => Change::Begins((Held::Slow, node, None)),
        FaultAction::Cut { from, to } => Change::Begins((Held::Cut, from, Some(to))),
        FaultAction::Heal { from, to } => Change::Ends((Held::Cut, from, Some(to))),
        FaultAction::Hold { from, to } => Change::Begins((Held::HeldUp, from, Some(to))),
        FaultAction::Release { from, to } => Change::Ends((Held::HeldUp, from, Some(to))),
        FaultAction::HealAll => Change::Healed,
        FaultAction::Crash { .. }
        | FaultAction::Restart { .. }
        | FaultAction::LoseDisk { .. }
        | FaultAction::Leave { .. }
        | FaultAction::StepClock { .. }
        | FaultAction::DriftClock { .. } => return None,
    };
    Some((timed.at_us, change))
}

/// When which node was down.
fn lives(recording: &Recording) -> Vec<(u64, Change)> {
    let mut seen: BTreeSet<NodeId> = BTreeSet::new();
    let mut changes = Vec::new();
    for step in &recording.steps {
        match step.what {
            Happening::Start { node, .. } => {
                if seen.insert(node) {
                    changes.push((0, Change::Begins((Held::Down, node, None))));
                }
                changes.push((step.at.0, Change::Ends((Held::Down, node, None))));
            }
            Happening::Crash { node, .. } | Happening::Leave { node } => {
                changes.push((step.at.0, Change::Begins((Held::Down, node, None))))
            }
            _ => {}
        }
    }
    changes
}

/// What clients asked until the failure and were answered until it was noticed, key by key; only
/// the key of the impossible answer, if there is one.
pub fn history(asked: &[faultline_sim::Asked], violation: &Violation) -> Vec<KeyHistory> {
    let impossible = asked
        .iter()
        .find(|asked| asked.judged == faultline_sim::Judged::Impossible);
    let matters = |operation: &&faultline_sim::Asked| {
        operation.from <= violation.about
            && impossible.is_none_or(|wrong| wrong.about == operation.about)
    };
    let mut keys: BTreeMap<&str, Vec<Asked>> = BTreeMap::new();
    for operation in asked.iter().filter(matters) {
        keys.entry(&operation.about)
            .or_default()
            .push(shown(operation, violation.at));
    }
    let each = (OPERATIONS_IN_ALL / keys.len().max(1)).clamp(1, OPERATIONS);
    let mut left = OPERATIONS_IN_ALL;
    let mut histories = Vec::new();
    for (key, mut operations) in keys {
        let drop = operations.len().saturating_sub(each.min(left));
        let operations = operations.split_off(drop);
        left -= operations.len();
        if !operations.is_empty() {
            histories.push(KeyHistory {
                key: key.to_owned(),
                left_out: drop as u64,
                operations,
            });
        }
    }
    histories
}

/// An operation as it was known at that moment.
fn shown(operation: &faultline_sim::Asked, until: Time) -> Asked {
    let answer = operation.answer.as_ref().filter(|(at, _)| *at <= until);
    Asked {
        client: operation.client.to_string(),
        command: operation.command.clone(),
        answer: answer.map(|(_, text)| text.clone()),
        from_us: operation.from.0,
        to_us: answer.map(|(at, _)| at.0),
        judged: match operation.judged {
            faultline_sim::Judged::Plain => Judged::Plain,
            faultline_sim::Judged::Explains => Judged::Explains,
            faultline_sim::Judged::Impossible => Judged::Impossible,
        },
    }
}
