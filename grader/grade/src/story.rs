//! From a recording to the lines that a person reads.
//!
//! A run of a few virtual seconds has thousands of events, most of them pings. What repeats word for word is folded, and
//! of what is left the end is shown, where the promise was broken, and before it only what clients saw, what was done
//! to the world, and messages that came for the first time.

use std::collections::HashMap;

use faultline_sim::{Happening, Recording, Step, Time};
use faultline_verdict::{Lane, Span, Tone, TraceLine};

/// So many lines at the end are shown whatever they tell.
const TAIL: usize = 40;

/// So many lines before them are shown if they matter.
const HEAD: usize = 40;

/// An event that happens word for word for the third time is routine.
const ROUTINE: usize = 2;

/// The longest text of a message or state in a line.
const LONGEST: usize = 160;

/// What the test drew, for reports, up to the moment that the failure is about.
pub fn lane(lane: &faultline_sim::Lane, about: Time) -> Lane {
    let span = |span: &faultline_sim::Span| Span {
        from_us: span.from.0,
        to_us: span.to.min(about).0,
        label: span.label.clone(),
        tone: match span.tone {
            faultline_sim::Tone::Firm => Tone::Firm,
            faultline_sim::Tone::Tentative => Tone::Tentative,
            faultline_sim::Tone::Void => Tone::Void,
        },
    };
    Lane { name: lane.name.clone(), spans: lane.spans.iter().filter(|span| span.from <= about).map(span).collect() }
}

/// The lines of a recorded run, up to the moment that the failure is about. `number` counts the events of the whole run, folded ones included.
pub fn tell(recording: &Recording, about: Time) -> Vec<TraceLine> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut lines: Vec<Item> = Vec::new();
    for (index, step) in recording.steps.iter().enumerate() {
        let number = recording.forgotten + index as u64 + 1;
        let times = seen.entry(words(&step.what)).or_insert(0);
        *times += 1;
        let over = step.at > about && !matches!(step.what, Happening::Stop { .. });
        let routine = over || (may_be_routine(step) && *times > ROUTINE);
        match (routine, lines.last_mut()) {
            (true, Some(Item::Folded { count, .. })) => *count += 1,
            (true, _) => lines.push(Item::Folded { at: step.at, count: 1 }),
            (false, _) => {
                let matters = !may_be_routine(step) || *times == 1;
                lines.push(Item::Line { line: line(number, step), matters });
            }
        }
    }
    cut(lines)
}

enum Item {
    Line { line: TraceLine, matters: bool },
    Folded { at: Time, count: usize },
}

/// Keeps the tail whole and of the rest what matters, and says what was left out.
fn cut(lines: Vec<Item>) -> Vec<TraceLine> {
    let tail_from = lines.len().saturating_sub(TAIL);
    let mattering = lines[..tail_from].iter().filter(|item| matches!(item, Item::Line { matters: true, .. })).count();
    let mut drop = mattering.saturating_sub(HEAD);
    let mut told: Vec<TraceLine> = Vec::new();
    let (mut left_out, mut left_out_at) = (0, Time::ZERO);
    let flush = |told: &mut Vec<TraceLine>, left_out: &mut usize, at: Time| {
        if *left_out > 0 {
            let plural = if *left_out == 1 { "event" } else { "events" };
            told.push(plain(0, at, format!("({left_out} {plural} left out)")));
            *left_out = 0;
        }
    };
    for (index, item) in lines.into_iter().enumerate() {
        match item {
            Item::Folded { at, count } => {
                left_out += count;
                left_out_at = at;
            }
            Item::Line { line, matters } => {
                let shown = index >= tail_from || (matters && drop == 0);
                if matters && index < tail_from {
                    drop = drop.saturating_sub(1);
                }
                if shown {
                    flush(&mut told, &mut left_out, left_out_at);
                    told.push(line);
                } else {
                    left_out += 1;
                    left_out_at = Time(line.at_us);
                }
            }
        }
    }
    flush(&mut told, &mut left_out, left_out_at);
    told
}

fn plain(number: u64, at: Time, text: String) -> TraceLine {
    TraceLine { number, at_us: at.0, text, printed: Vec::new(), broke: false }
}

fn line(number: u64, step: &Step) -> TraceLine {
    let printed = step.printed.lines().map(str::to_owned);
    let notes = step.notes.iter().map(|note| format!("note: {note}"));
    TraceLine {
        number,
        at_us: step.at.0,
        text: words(&step.what),
        printed: printed.chain(notes).collect(),
        broke: matches!(step.what, Happening::Stop { .. }),
    }
}

/// Messages and timers repeat; what clients saw and what was done to the world always matters.
fn may_be_routine(step: &Step) -> bool {
    let may_repeat = matches!(step.what, Happening::Receive { .. } | Happening::Timer { .. } | Happening::Lose { .. });
    may_repeat && step.printed.is_empty() && step.notes.is_empty()
}

fn words(what: &Happening) -> String {
    match what {
        Happening::Start { node, incarnation: 1 } => format!("{node} starts"),
        Happening::Start { node, incarnation } => format!("{node} starts again, incarnation {incarnation}"),
        Happening::Receive { node, from, message, .. } => format!("{from} -> {node}  {}", short(message)),
        Happening::Lose { from, to, message, why } => format!("{from} -x {to}  {} ({why})", short(message)),
        Happening::Timer { node, timer } => format!("{node}  timer {}", short(timer)),
        Happening::Invoke { node, command } => format!("{node}  invoke {}", short(command)),
        Happening::Respond { node, output } => format!("{node}  answers {}", short(output)),
        Happening::Crash { node, after: None } => format!("{node} crashes"),
        Happening::Crash { node, after: Some((_, effects)) } => {
            let plural = if *effects == 1 { "effect" } else { "effects" };
            format!("{node} crashes in this event, after {effects} {plural} of it")
        }
        Happening::Fault { text } => text.clone(),
        Happening::Phase { name } => format!("--- {name} ---"),
        Happening::Stop { text } => text.lines().next().unwrap_or_default().to_owned(),
    }
}

/// A text of the student's, not longer than a line or two.
fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}... ({} characters)", &text[..end], text.chars().count()),
        None => text.to_owned(),
    }
}
