//! Events in words.

use faultline_sim::Happening;

/// The longest text of a message or state in a line.
const LONGEST: usize = 160;

/// An event in words that fit a line or two.
pub fn words(what: &Happening) -> String {
    in_words(what, short)
}

/// An event in words, what the program says in full.
pub fn full_words(what: &Happening) -> String {
    in_words(what, str::to_owned)
}

fn in_words(what: &Happening, short: fn(&str) -> String) -> String {
    match what {
        Happening::Start {
            node,
            incarnation: 1,
        } => format!("{node} starts"),
        Happening::Start { node, incarnation } => {
            format!("{node} starts again, incarnation {incarnation}")
        }
        Happening::Receive {
            node,
            from,
            message,
            ..
        } => format!("{from} -> {node}  {}", short(message)),
        Happening::Lose {
            from,
            to,
            message,
            why,
            ..
        } => format!("{from} -x {to}  {} ({why})", short(message)),
        Happening::Timer { node, timer } => format!("{node}  timer {}", short(timer)),
        Happening::Invoke { node, command } => format!("{node}  invoke {}", short(command)),
        Happening::WorkDone { node, work } => format!("{node}  is done with {work}"),
        Happening::Respond { node, output } => format!("{node}  answers {}", short(output)),
        Happening::Crash { node, after: None } => format!("{node} crashes"),
        Happening::Crash {
            node,
            after: Some((_, effects)),
        } => {
            let plural = if *effects == 1 { "effect" } else { "effects" };
            format!("{node} crashes in this event, after {effects} {plural} of it")
        }
        Happening::Fault { text } => text.clone(),
        Happening::Phase { name } => format!("--- {name} ---"),
        Happening::Stop { text } => text.lines().next().unwrap_or_default().to_owned(),
    }
}

/// A text of the student's, not longer than a line or two.
pub fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}... ({} characters)", &text[..end], text.chars().count()),
        None => text.to_owned(),
    }
}
