//! How a run can end early.

use std::{fmt, panic::Location};

use labkit::{NodeId, abi::REFUSED};
use serde::{Deserialize, Serialize};

use crate::{
    backend::{BackendError, Fault},
    time::Time,
};

/// What kind of failure it is; hints and reports are keyed by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// Something happened that must never happen.
    Violation,
    /// Something that had to happen did not.
    NoProgress,
    /// A node panicked or was stopped by its machine.
    Crash,
    /// A node reached one of the starter's holes.
    NotImplemented,
    /// A handler computed for too long.
    Timeout,
    /// A node wanted too much memory.
    Memory,
    /// A node used something that the lab does not grant.
    Refused,
    /// A node's state is more than its bytes.
    State,
    /// A run used up more events, messages or bytes than it may.
    Budget,
    /// A handler did something else when it was asked the same again.
    Nondeterminism,
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FailureKind::Violation => "violation",
            FailureKind::NoProgress => "no progress",
            FailureKind::Crash => "crash",
            FailureKind::NotImplemented => "not implemented",
            FailureKind::Timeout => "timeout",
            FailureKind::Memory => "memory",
            FailureKind::Refused => "refused",
            FailureKind::State => "state",
            FailureKind::Budget => "budget",
            FailureKind::Nondeterminism => "nondeterminism",
        })
    }
}

/// What a violation is about, for whoever tells of it: a report shows the events that name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// As texts of the program's own types say it: `nth: 5`, `slot: 3`, `"new;"`.
    pub values: Vec<String>,
    /// Where and when the other side of the contradiction was seen.
    pub moments: Vec<(NodeId, Time)>,
}

/// The program under test broke its promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What kind of failure.
    pub kind: FailureKind,
    /// What was seen, in one or a few sentences.
    pub observed: String,
    /// Where it was noticed: the assertion of the test, the line of the panic. Two failures of the
    /// same kind and source break the same promise.
    pub source: String,
    /// What sort of contradiction it is, where the check that noticed it knows several.
    pub sort: Option<&'static str>,
    /// When.
    pub at: Time,
    /// The moment that it is about, if it was noticed only later: reports show what led to it.
    pub about: Time,
    /// What it is about; empty if the check does not say.
    pub subject: Box<Subject>,
}

impl Violation {
    /// A violation seen now. What was observed may quote what a program wrote, however long that
    /// is.
    #[track_caller]
    pub(crate) fn new(kind: FailureKind, observed: String, at: Time) -> Violation {
        let source = Location::caller().to_string();
        Violation {
            kind,
            observed: shortened(&observed),
            source,
            sort: None,
            at,
            about: at,
            subject: Box::default(),
        }
    }
}

/// The most that a report quotes of one text.
const LONGEST_TEXT: usize = 4_000;

/// A text that is not longer than what people read; the end tells what is missing.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}... ({} bytes in all)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

/// Why a run stopped before its test was through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The program's fault: the test fails.
    Violation(Violation),
    /// The grader's fault: there is no verdict.
    Broken(String),
}

impl Stop {
    /// The same stop, which names a value that it is about, as texts of the program's own types
    /// say it.
    #[must_use]
    pub fn naming(mut self, value: impl Into<String>) -> Stop {
        if let Stop::Violation(violation) = &mut self {
            violation.subject.values.push(value.into());
        }
        self
    }

    /// The same stop, which names what it contradicts: something seen at this node then.
    #[must_use]
    pub fn against(mut self, node: NodeId, at: Time) -> Stop {
        if let Stop::Violation(violation) = &mut self {
            violation.subject.moments.push((node, at));
        }
        self
    }

    /// A promise that was broken in no world, so there is no moment: a handler that did something
    /// else when it was asked the same again, or all handlers that a search called and that
    /// computed for too long.
    #[track_caller]
    pub fn beside_worlds(kind: FailureKind, observed: String) -> Stop {
        Stop::Violation(Violation::new(kind, observed, Time::ZERO))
    }

    /// The same, with what sort of contradiction it is.
    #[must_use]
    pub fn of_sort(self, sort: &'static str) -> Stop {
        match self {
            Stop::Violation(violation) => Stop::Violation(Violation {
                sort: Some(sort),
                ..violation
            }),
            broken => broken,
        }
    }
}

/// What each step of a test returns.
pub type Outcome<T = ()> = Result<T, Stop>;

/// What tells one fault of a program from another: the line, or what the node is, never what it
/// handled.
fn source_of(fault: &Fault, node: &str) -> String {
    let role = node.trim_end_matches(|digit: char| digit.is_ascii_digit());
    match fault {
        Fault::Panic {
            place: Some(place), ..
        }
        | Fault::Refused {
            place: Some(place), ..
        } => place.clone(),
        Fault::Panic { message, .. } => message.clone(),
        Fault::Trap { what } | Fault::Refused { what, .. } | Fault::State { what } => {
            format!("{role}: {what}")
        }
        Fault::OutOfFuel { .. } | Fault::OutOfMemory { .. } | Fault::Malformed => role.to_owned(),
    }
}

pub(crate) fn stop_for(error: BackendError, node: &str, doing: &str, at: Time) -> Stop {
    let fault = match error {
        BackendError::Broken(why) => return Stop::Broken(why),
        BackendError::Fault(fault) => fault,
    };
    let source = source_of(&fault, node);
    let (kind, observed) = match fault {
        Fault::Panic { message, place } => panicked(node, doing, &message, place),
        Fault::Trap { what } => (
            FailureKind::Crash,
            format!("{node} was stopped while {doing}: {what}"),
        ),
        Fault::OutOfFuel { mostly_printing } => {
            let text = Fault::out_of_fuel(mostly_printing);
            (
                FailureKind::Timeout,
                format!("{node} was stopped while {doing}: {text}"),
            )
        }
        Fault::OutOfMemory { limit_bytes } => {
            let limit = limit_bytes >> 20;
            (
                FailureKind::Memory,
                format!(
                    "{node} was stopped while {doing}: it wanted more than {limit} MiB of memory"
                ),
            )
        }
        Fault::Refused { what, place } => (
            FailureKind::Refused,
            format!(
                "{node} was stopped while {doing}{}: {what}",
                at_place(place)
            ),
        ),
        Fault::State { what } => (FailureKind::State, format!("{node}, after {doing}: {what}")),
        Fault::Malformed => {
            let text = "the effects that the handler asked for are several megabytes, or no \
                        effects at all";
            (
                FailureKind::Crash,
                format!("{node} was stopped while {doing}: {text}"),
            )
        }
    };
    Stop::Violation(Violation {
        source,
        ..Violation::new(kind, observed, at)
    })
}

/// What kind of failure a panic is, and what was seen.
fn panicked(
    node: &str,
    doing: &str,
    message: &str,
    place: Option<String>,
) -> (FailureKind, String) {
    let place = at_place(place);
    if let Some(what) = message.strip_prefix(REFUSED) {
        return (
            FailureKind::Refused,
            format!("{node} was stopped while {doing}{place}: {what}"),
        );
    }
    match message.strip_prefix("not yet implemented") {
        Some(hole) => {
            let hole = hole.trim_start_matches(": ");
            let hole = if hole.is_empty() { "a todo!()" } else { hole };
            (
                FailureKind::NotImplemented,
                format!("not implemented: {hole}{place}"),
            )
        }
        None => (
            FailureKind::Crash,
            format!(
                "{node} panicked while {doing}{place}: {message}{}",
                hint_of_width(message)
            ),
        ),
    }
}

fn at_place(place: Option<String>) -> String {
    place
        .map(|place| format!(" at {place}"))
        .unwrap_or_default()
}

/// What panics when a number has no room in its type. No message names the type. Taking away too
/// much is not among them: below 0 there is no room in any unsigned type.
const NO_ROOM: [&str; 6] = [
    "attempt to add with overflow",
    "attempt to multiply with overflow",
    "attempt to shift left with overflow",
    "TryFromIntError",
    "out of range integral type conversion",
    "PosOverflow",
];

/// Why a number that fits on the student's own machine may not fit on a node.
fn hint_of_width(message: &str) -> &'static str {
    if NO_ROOM.iter().any(|text| message.contains(text)) {
        " (hint: if the number is a `usize`, nodes are 32-bit programs, and there `usize` has 32 \
         bits: use `u64`)"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_without_room_has_a_hint() {
        for message in [
            "attempt to add with overflow",
            "fits on my machine: TryFromIntError(())",
            "called `Result::unwrap()` on an `Err` value: ParseIntError { kind: PosOverflow }",
        ] {
            assert!(hint_of_width(message).contains("32 bits"), "{message}");
        }
        for message in [
            "attempt to subtract with overflow",
            "attempt to divide by zero",
            "index out of bounds: the len is 3 but the index is 5",
            "called `Option::unwrap()` on a `None` value",
            "ParseIntError { kind: InvalidDigit }",
        ] {
            assert_eq!(hint_of_width(message), "", "{message}");
        }
    }

    #[test]
    fn a_refusal_has_its_line() {
        let fault = Fault::Refused {
            what: "the program called `std::fs::write`: no".to_owned(),
            place: Some("src/echo.rs:7".to_owned()),
        };
        let Stop::Violation(violation) =
            stop_for(fault.into(), "s1", "handling a message", Time::ZERO)
        else {
            panic!("it is the program's fault");
        };
        assert_eq!(
            violation.observed,
            "s1 was stopped while handling a message at src/echo.rs:7: the program called \
             `std::fs::write`: no"
        );
        assert_eq!(violation.source, "src/echo.rs:7");
    }
}
