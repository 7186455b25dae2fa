//! The ballot ladder of a slot: what each server had promised and accepted there, and since when.
//! It says values as readers know them: by the texts that clients wrote.

use std::collections::BTreeMap;

use faultline_sim::{Lane, Operation, Span, Time, Tone};
use lab3_api::{Command, Slot, Status, Value};
use labkit::{NodeId, codec};

use super::group::Size;

/// All ladders of a run.
#[derive(Default)]
pub struct Ladders {
    /// Since when a server stood on which rung in a slot.
    rungs: BTreeMap<(Slot, NodeId), Vec<(Time, Rung)>>,
    /// What clients wrote.
    texts: Vec<String>,
}

/// What a server showed of a slot.
#[derive(Clone, PartialEq)]
enum Rung {
    Down,
    Up {
        status: Status,
        promised: String,
        /// What was promised when the value came.
        since: String,
    },
}

impl Ladders {
    /// A server shows this of a slot now.
    pub fn stands(&mut self, now: Time, at: (Slot, NodeId), status: &Status, promised: &str) {
        let ladder = self.rungs.entry(at).or_default();
        let before = ladder.iter().rev().find_map(|(_, rung)| match rung {
            Rung::Down => None,
            Rung::Up { status, since, .. } => Some((status, since)),
        });
        let since = match before {
            Some((known, since)) if value_of(known) == value_of(status) => since.clone(),
            _ => promised.to_owned(),
        };
        let rung = Rung::Up {
            status: status.clone(),
            promised: promised.to_owned(),
            since,
        };
        if ladder.last().is_none_or(|(_, last)| *last != rung) {
            ladder.push((now, rung));
        }
    }

    /// A server is down.
    pub fn falls(&mut self, now: Time, server: NodeId) {
        let ladders = self.rungs.iter_mut();
        for (_, ladder) in ladders.filter(|((_, of), _)| *of == server) {
            if ladder.last().is_some_and(|(_, last)| *last != Rung::Down) {
                ladder.push((now, Rung::Down));
            }
        }
    }

    /// The last slot of which a server showed anything.
    pub fn last_slot(&self) -> Option<Slot> {
        self.rungs.keys().map(|(slot, _)| *slot).max()
    }

    /// What clients were asked to write.
    pub fn learn(&mut self, history: &[Operation]) {
        let text =
            |operation: &Operation| match codec::from_bytes::<Command>(&operation.command).ok()? {
                Command::Put { value, .. } | Command::Append { value, .. } => Some(value),
                Command::Get { .. } => None,
            };
        self.texts = history.iter().filter_map(text).collect();
        self.texts.retain(|text| !text.is_empty());
    }

    /// What clients wrote of what is in a value, as they wrote it.
    pub fn texts_in(&self, value: &Value) -> Vec<&str> {
        let Value::Bytes(bytes) = value else {
            return Vec::new();
        };
        let has = |text: &&String| {
            bytes
                .0
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        let all: Vec<&str> = self.texts.iter().filter(has).map(String::as_str).collect();
        let mut found: Vec<&str> = Vec::new();
        for text in &all {
            // A text may be a part of another one.
            let inside = all
                .iter()
                .any(|other| other != text && other.contains(text));
            if !inside && !found.contains(text) {
                found.push(text);
            }
        }
        found
    }

    /// A value in a word: what a test proposes is text; of what servers propose for clients what
    /// these wrote, if they wrote anything.
    pub fn say(&self, value: &Value) -> String {
        let texts = self.texts_in(value);
        match (value, texts.as_slice()) {
            (Value::Noop, _) => "no-op".to_owned(),
            (Value::Bytes(bytes), []) => format!("{bytes:?}"),
            (Value::Bytes(bytes), [text]) if bytes.0 == text.as_bytes() => format!("{bytes:?}"),
            (Value::Bytes(_), texts) => {
                let texts: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
                texts.join("+")
            }
        }
    }

    /// A status in words.
    pub fn say_status(&self, status: &Status) -> String {
        match status {
            Status::Empty => "empty".to_owned(),
            Status::Accepted(value) => format!("accepted {}", self.say(value)),
            Status::Chosen(value) => format!("chosen {}", self.say(value)),
            Status::Cleared => "cleared".to_owned(),
        }
    }

    /// The ladders of a slot, up to now.
    pub fn draw(&self, slot: Slot, size: Size, now: Time) -> Vec<Lane> {
        let mut lanes = vec![Lane {
            name: format!("slot {slot}"),
            spans: Vec::new(),
        }];
        for server in size.servers() {
            let rungs = self.rungs.get(&(slot, server));
            let rungs = rungs.map(Vec::as_slice).unwrap_or_default();
            let mut spans: Vec<Span> = Vec::new();
            for (index, (from, rung)) in rungs.iter().enumerate() {
                let to = rungs.get(index + 1).map_or(now, |(next, _)| *next);
                let (label, tone) = self.label(rung);
                match spans.last_mut() {
                    // What changed does not show.
                    Some(last) if last.label == label => last.to = to,
                    _ => spans.push(Span {
                        from: *from,
                        to,
                        label,
                        tone,
                    }),
                }
            }
            lanes.push(Lane {
                name: server.to_string(),
                spans,
            });
        }
        lanes
    }

    /// A value is accepted since a ballot: a promise that came later says nothing of it.
    fn label(&self, rung: &Rung) -> (String, Tone) {
        let Rung::Up {
            status,
            promised,
            since,
        } = rung
        else {
            return ("down".to_owned(), Tone::Void);
        };
        let said = short(&self.say_status(status));
        match status {
            Status::Chosen(_) | Status::Cleared => (said, Tone::Firm),
            Status::Accepted(_) if !since.is_empty() && since == promised => {
                (format!("{said} since {since}"), Tone::Tentative)
            }
            Status::Accepted(_) if !since.is_empty() => (
                format!("{said} since {since}, p{promised}"),
                Tone::Tentative,
            ),
            Status::Empty if !promised.is_empty() => (format!("p{promised}"), Tone::Tentative),
            _ => (said, Tone::Tentative),
        }
    }
}

/// The longest status in a ladder: of long values the beginning tells them apart.
const LONGEST: usize = 24;

fn short(said: &str) -> String {
    match said.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &said[..end]),
        None => said.to_owned(),
    }
}

fn value_of(status: &Status) -> Option<&Value> {
    match status {
        Status::Accepted(value) | Status::Chosen(value) => Some(value),
        Status::Empty | Status::Cleared => None,
    }
}

#[cfg(test)]
mod tests {
    use faultline_sim::ms;
    use lab3_api::Bytes;

    use super::*;

    fn bytes(text: &str) -> Value {
        Value::Bytes(Bytes(text.as_bytes().to_vec()))
    }

    fn at(moment: u64) -> Time {
        Time::ZERO + ms(moment)
    }

    #[test]
    fn a_later_promise_does_not_say_when_a_value_was_accepted() {
        let (size, s1) = (Size::alone(1), super::super::server(1));
        let mut ladders = Ladders::default();
        let value = Status::Accepted(bytes("first"));
        let seen = [
            (1, Some((Status::Empty, "8.3"))),
            (2, Some((value.clone(), "8.3"))),
            (3, None),
            (4, Some((value.clone(), "8.3"))),
            (5, Some((value, "9.2"))),
            (6, Some((Status::Accepted(bytes("second")), "9.2"))),
            (7, Some((Status::Chosen(bytes("second")), "9.2"))),
        ];
        for (moment, shown) in seen {
            match shown {
                Some((status, promised)) => {
                    ladders.stands(at(moment), (17, s1), &status, promised);
                }
                None => ladders.falls(at(moment), s1),
            }
        }
        let lanes = ladders.draw(17, size, at(8));
        let labels: Vec<&str> = lanes[1].spans.iter().map(|span| &*span.label).collect();
        let expected = [
            "p8.3",
            "accepted \"first\" since 8.3",
            "down",
            "accepted \"first\" since 8.3",
            "accepted \"first\" since 8.3, p9.2",
            "accepted \"second\" since 9.2",
            "chosen \"second\"",
        ];
        assert_eq!(labels, expected);
    }

    #[test]
    fn a_digest_is_told_by_what_clients_wrote() {
        let ladders = Ladders {
            texts: ["c1.2;", "c1.1;", "2;"].map(str::to_owned).into(),
            ..Ladders::default()
        };
        assert_eq!(ladders.say(&bytes("\u{1}key\u{5}c1.2;")), "\"c1.2;\"");
        assert_eq!(
            ladders.say(&bytes("\u{1}c1.2;\u{1}c1.1;")),
            "\"c1.2;\"+\"c1.1;\""
        );
        assert_eq!(ladders.say(&bytes("plain")), "\"plain\"");
        assert_eq!(ladders.say(&Value::Noop), "no-op");
        let unknown = bytes("\u{1}read");
        assert!(ladders.say(&unknown).starts_with('#'));
    }
}
