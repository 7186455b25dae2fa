//! From a recording of whole worlds to a run that people go through step by step.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use faultline_sim::{Blob, Doing, Frame, Happening, NodeFrame, RecordedStep, Recording};
use faultline_verdict::{Failure, FieldChange, TraceLine, Walk, WalkFlight, WalkNode, WalkStep};

use super::{fields, words::full_words};

/// The maximum number of bytes of a blob that are shown.
const BLOB: usize = 24;

/// How many steps of a long run are gone through at its beginning, and how many at its end.
const AT_EACH_END: u64 = 2_500;

/// How many crashes and other faults between the two are gone through, too: the last ones.
const FAULTS: usize = 1_000;

/// The steps of a run, of which there is a recording in words, that people go through: the first
/// and the last, those of the failure's lines, crashes and other faults, and the one that is asked
/// for.
pub fn steps_to_show(recording: &Recording, lines: &[TraceLine], at: Option<u64>) -> BTreeSet<u64> {
    let all = recording.forgotten + recording.steps.len() as u64;
    let ends = (1..=AT_EACH_END.min(all)).chain(all.saturating_sub(AT_EACH_END) + 1..=all);
    let from_the_end = (1..=all).rev().zip(recording.steps.iter().rev());
    let is_fault = |step: &RecordedStep| {
        matches!(
            step.what,
            Happening::Crash { .. } | Happening::Leave { .. } | Happening::Fault { .. }
        )
    };
    let faults = from_the_end.filter(|(_, step)| is_fault(step));
    ends.chain(faults.take(FAULTS).map(|(number, _)| number))
        .chain(
            lines
                .iter()
                .map(|line| line.number)
                .filter(|number| *number > 0),
        )
        .chain(at.filter(|at| (1..=all).contains(at)))
        .collect()
}

/// The steps of which the recording has the world; `failure` says which of them it shows.
pub fn walk(recording: &Recording, failure: Option<&Failure>) -> Walk {
    let trace = failure.map_or(&[][..], |failure| &failure.trace);
    let drawn = failure
        .and_then(|failure| failure.diagram.as_ref())
        .map_or(&[][..], |diagram| &diagram.events);
    let mut texts = States::default();
    let all = recording.forgotten + recording.steps.len() as u64;
    let early = recording.looked_at.iter();
    let early = early.map(|(number, step)| (*number, step));
    let late = (recording.forgotten + 1..).zip(&recording.steps);
    let mut steps = Vec::new();
    for (number, step) in early.chain(late) {
        let fatal = drawn
            .iter()
            .any(|drawn| drawn.number == number && drawn.fatal);
        if let Some(world) = &step.world {
            steps.push(WalkStep {
                number,
                at_us: step.at.0,
                text: full_words(&step.what),
                printed: printed(step),
                broke: fatal,
                matters: trace.iter().any(|line| line.number == number),
                node: step.what.node().map(|node| node.to_string()),
                changed: changed(step),
                nodes: world.nodes.iter().map(|node| texts.node(node)).collect(),
                flights: flights(world),
            });
        }
    }
    Walk {
        folded: all - steps.len() as u64,
        of: all,
        steps,
    }
}

/// What the step changed in its node's state.
fn changed(step: &RecordedStep) -> Vec<FieldChange> {
    let states = step
        .state
        .as_ref()
        .and_then(|state| state.before.as_ref().zip(state.after.as_ref()));
    states
        .map(|(before, after)| fields::changes(before, after))
        .unwrap_or_default()
}

/// What a step's handler printed and noted, a line each.
pub fn printed(step: &RecordedStep) -> Vec<String> {
    let notes = step.notes.iter().map(|note| format!("note: {note}"));
    step.printed
        .lines()
        .map(str::to_owned)
        .chain(notes)
        .collect()
}

/// States as lines; most steps leave most states as they are.
#[derive(Default)]
struct States(HashMap<Arc<str>, Arc<Vec<String>>>);

impl States {
    fn node(&mut self, node: &NodeFrame) -> WalkNode {
        let state = match &node.state {
            Some(text) => Arc::clone(
                self.0
                    .entry(Arc::clone(text))
                    .or_insert_with(|| Arc::new(fields::lines(text))),
            ),
            None => Arc::default(),
        };
        WalkNode {
            name: node.node.to_string(),
            doing: doing(node),
            state,
            timers: node
                .timers
                .iter()
                .map(|(at, timer)| (at.0, timer.to_string()))
                .collect(),
            disk: node.disk.iter().map(blob).collect(),
        }
    }
}

fn doing(node: &NodeFrame) -> String {
    let plural =
        |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let life = match node.incarnation {
        0 => "not started".to_owned(),
        1 => String::new(),
        life => format!("incarnation {life}"),
    };
    let condition = match node.condition {
        Doing::Puppet => "played by the test".to_owned(),
        Doing::Down if node.incarnation == 0 => String::new(),
        Doing::Down => "down".to_owned(),
        Doing::Up => "up".to_owned(),
        Doing::Syncing => format!(
            "waits for its disk, {} behind the sync",
            plural(node.behind_sync, "effect")
        ),
        Doing::Paused => "paused".to_owned(),
    };
    let waiting = if node.waiting > 0 {
        format!("{} waiting", plural(node.waiting, "event"))
    } else {
        String::new()
    };
    let life = if node.condition == Doing::Puppet {
        String::new()
    } else {
        life
    };
    [condition, life, waiting]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ")
}

fn blob(blob: &Blob) -> String {
    let synced = match &blob.synced {
        Some(bytes) => format!("{} bytes synced{}", bytes.len(), preview(bytes)),
        None => "nothing synced".to_owned(),
    };
    match blob.unsynced.as_slice() {
        [] => format!("{}: {synced}", blob.name),
        writes => format!("{}: {synced}; not synced: {}", blob.name, writes.join(", ")),
    }
}

fn preview(bytes: &[u8]) -> String {
    let begin = &bytes[..bytes.len().min(BLOB)];
    let more = if bytes.len() > BLOB { " ..." } else { "" };
    if bytes.is_empty() {
        return String::new();
    }
    match std::str::from_utf8(begin) {
        Ok(text) if !text.chars().any(char::is_control) => format!(" {text:?}{more}"),
        _ => {
            let hex: Vec<String> = begin.iter().map(|byte| format!("{byte:02x}")).collect();
            format!(" {}{more}", hex.join(" "))
        }
    }
}

fn flights(world: &Frame) -> Vec<WalkFlight> {
    let flight = |flight: &faultline_sim::FlightFrame| WalkFlight {
        way: format!("{} -> {}", flight.from, flight.to),
        message: flight.message.to_string(),
        sent_us: flight.sent.0,
        arrives_us: flight.arrives.map(|at| at.0),
    };
    world.flights.iter().map(flight).collect()
}

#[cfg(test)]
mod tests {
    use faultline_sim::Time;

    use super::*;

    /// The crash that mattered, and lines that the trace prints, lie in the middle of a long run.
    #[test]
    fn what_matters_in_a_long_run_is_shown_wherever_it_is() {
        let mut recording = Recording::default();
        for number in 1..=20_000u64 {
            let what = match number {
                9_000 => Happening::Crash {
                    node: faultline_sim::NodeId::new('s', 1),
                    after: None,
                },
                _ => Happening::Phase {
                    name: number.to_string(),
                },
            };
            recording.steps.push_back(RecordedStep {
                at: Time(number),
                what,
                printed: String::new(),
                notes: Vec::new(),
                state: None,
                lost: Vec::new(),
                undone: Vec::new(),
                world: None,
            });
        }
        let lines = [0, 7_000, 19_999].map(|number| TraceLine {
            number,
            ..TraceLine::default()
        });
        let shown = steps_to_show(&recording, &lines, Some(12_345));
        let between: Vec<u64> = shown.range(2_501..=17_500).copied().collect();
        assert_eq!(between, [7_000, 9_000, 12_345]);
        assert_eq!(shown.len(), 5_003);
        let shown = steps_to_show(&recording, &[], Some(20_001));
        assert_eq!(shown.last(), Some(&20_000), "there is no such step");
    }
}
