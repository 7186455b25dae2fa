//! From a recording of whole worlds to a run that people go through step by step.

use std::{collections::HashMap, sync::Arc};

use faultline_sim::{Blob, Doing, Frame, NodeFrame, RecordedStep, Recording};
use faultline_verdict::{Failure, FieldChange, Walk, WalkFlight, WalkNode, WalkStep};

use super::{fields, words::full_words};

/// The maximum number of bytes of a blob that are shown.
const BLOB: usize = 24;

/// The steps of which the recording has the world; `failure` says which of them it shows.
pub fn walk(recording: &Recording, failure: Option<&Failure>) -> Walk {
    let trace = failure.map_or(&[][..], |failure| &failure.trace);
    let drawn = failure
        .and_then(|failure| failure.diagram.as_ref())
        .map_or(&[][..], |diagram| &diagram.events);
    let mut texts = States::default();
    let all = recording.forgotten + recording.steps.len() as u64;
    let mut steps = Vec::new();
    for (index, step) in recording.steps.iter().enumerate() {
        let number = recording.forgotten + index as u64 + 1;
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
        forgotten: all - steps.len() as u64,
        of: all,
        steps,
    }
}

/// What the step changed in its node's state.
pub fn changed(step: &RecordedStep) -> Vec<FieldChange> {
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
