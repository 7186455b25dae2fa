//! Whether handlers are functions of (state, disk, event): a search that remembers their answers
//! relies on it, and so does every replay.
//!
//! Every remembered call is made at least twice more, with another seed for what a node can draw of
//! randomness: once in a fresh instance, and once in an instance that has handled others before,
//! where the calls before left whatever a program keeps outside its state (a static, an address on
//! the heap). A different answer is told with the first field that differs.

use std::fmt;

use faultline_sim::{Activity, choice::mix};
use labkit::abi::{Effect, Subject, effects};
use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::{
    calls::{Answer, Call, Calls, Cause, Raw, quiet},
    error::Error,
    explorer::{ENTROPY, Explorer},
};

/// Entropy that differs from the search's, so that every node draws other random numbers.
const OTHER_ENTROPY: u64 = !ENTROPY;

/// Number of calls that one instance handles. It is fixed, so that the effect of earlier calls does
/// not depend on the number of threads.
const CALLS_PER_INSTANCE: usize = 1_000;

/// How often every call is made where there is reason to doubt, and how many calls that may be.
const OFTEN: usize = 32;
const MOST_CALLS_OFTEN: usize = 100_000;

/// Two answers of one handler to the same question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nondeterminism {
    /// The node.
    pub node: labkit::NodeId,
    /// What it handled, in words.
    pub event: String,
    /// Where the answers differ.
    pub difference: Difference,
}

/// Where two answers differ first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// In the state: the field's path and its two values, from what the program's own `Debug`
    /// writes.
    State {
        /// Such as `view.number`; empty if the texts are equal and only the bytes differ.
        field: String,
        /// In the search.
        first: String,
        /// Later.
        second: String,
        /// Both states as a whole (`{:#?}`).
        states: Box<(String, String)>,
    },
    /// In what the handler asked for.
    Effects {
        /// Counted from 1.
        nth: usize,
        /// In the search; `None` if there was no such effect.
        first: Option<String>,
        /// Later.
        second: Option<String>,
    },
    /// In what the lab observes of the state, although the state is the same.
    Observation,
    /// One of them is no answer but a fault.
    Fault {
        /// In the search.
        first: Option<String>,
        /// Later.
        second: Option<String>,
    },
}

/// A sentence.
impl fmt::Display for Nondeterminism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Nondeterminism {
            node,
            event,
            difference,
        } = self;
        let absent = || "nothing".to_owned();
        let what = match difference {
            Difference::State {
                field,
                first,
                second,
                ..
            } if field.is_empty() && first == second => {
                "the bytes of its state differ, although both states print alike".to_owned()
            }
            Difference::State {
                field,
                first,
                second,
                ..
            } => {
                let of = if field.is_empty() {
                    "its state".to_owned()
                } else {
                    format!("the field `{field}` of its state")
                };
                let told = |value: &str| {
                    if value.is_empty() {
                        "not there".to_owned()
                    } else {
                        value.to_owned()
                    }
                };
                format!(
                    "{of} was {} at first and {} later",
                    told(first),
                    told(second)
                )
            }
            Difference::Effects { nth, first, second } => {
                let (first, second) = (
                    first.clone().unwrap_or_else(absent),
                    second.clone().unwrap_or_else(absent),
                );
                format!("its effect number {nth} was at first to {first}, and later to {second}")
            }
            Difference::Observation => {
                "the lab observes something else although its state is the same".to_owned()
            }
            Difference::Fault { first, second } => {
                let of = |fault: &Option<String>| {
                    fault.clone().unwrap_or_else(|| "it went well".to_owned())
                };
                format!("at first {}, later {}", of(first), of(second))
            }
        };
        write!(
            f,
            "{node} handled the same event in the same state with the same disk twice ({event}), \
             and {what}"
        )
    }
}

/// What [`Explorer::verify`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many calls were made again.
    pub calls: u64,
    /// Handlers that answered differently, in the order of the search, each call once.
    pub differences: Vec<Nondeterminism>,
}

impl Explorer<'_> {
    /// Makes every call again that the searches so far remember the answer of, on all threads.
    ///
    /// Time: two calls of a handler for each remembered one, and at least 1,000 for each
    /// incarnation of each node.
    ///
    /// # Errors
    /// A broken grader.
    pub fn verify(&self) -> Result<Verified, Error> {
        let (factory, timed) = (self.machine.factory, self.machine.timed(Activity::Verify));
        let _begun = timed.begin();
        let (calls, model) = (&self.space.steps.calls, self.space.model);
        let all = calls.all();
        let again = calls.run(all, model, &self.machine, OTHER_ENTROPY, Activity::Verify);
        let incarnations = calls.by_incarnation();
        let answers: Vec<_> = incarnations
            .par_iter()
            .map_init(
                || quiet(factory),
                |backend, calls_of_one| {
                    let _begun = timed.begin();
                    calls.run_incarnation(calls_of_one, model, &mut **backend, OTHER_ENTROPY)
                },
            )
            .flatten_iter()
            .collect();
        let again = all
            .iter()
            .copied()
            .zip(again)
            .chain(incarnations.into_iter().flatten().zip(answers));
        let (mut made, mut differences, mut seen) = (0, Vec::new(), FxHashSet::default());
        for (call, raw) in again {
            made += 1;
            let (raw, answer) = (raw?, calls.answer(&call).expect("all calls have answers"));
            if !calls.agrees(answer, &raw) && seen.insert(call) {
                differences.push(self.difference(&call, answer, &raw));
            }
        }
        Ok(Verified {
            calls: made,
            differences,
        })
    }

    /// Makes every call again and again, with other random numbers each time: what a program draws
    /// may make a difference only now and then. Returns the first difference.
    ///
    /// # Errors
    /// A broken grader.
    pub(crate) fn verify_often(&self) -> Result<Option<Nondeterminism>, Error> {
        let (calls, model) = (&self.space.steps.calls, self.space.model);
        let all = calls.all();
        for round in 1..=OFTEN.min(MOST_CALLS_OFTEN / all.len().max(1)) as u64 {
            let entropy = mix(OTHER_ENTROPY ^ round);
            let again = calls.run(all, model, &self.machine, entropy, Activity::Verify);
            for (call, raw) in all.iter().zip(again) {
                let (raw, answer) = (raw?, calls.answer(call).expect("all calls have answers"));
                if !calls.agrees(answer, &raw) {
                    return Ok(Some(self.difference(call, answer, &raw)));
                }
            }
        }
        Ok(None)
    }

    fn difference(
        &self,
        call: &Call,
        answer: &Answer,
        raw: &Result<Raw, String>,
    ) -> Nondeterminism {
        let calls = &self.space.steps.calls;
        let node = self.space.model.nodes[usize::from(call.node_index)].id;
        let event = self.event_text(call);
        let (done, raw) = match (answer, raw) {
            (Ok(done), Ok(raw)) => (done, raw),
            (first, second) => {
                let difference = Difference::Fault {
                    first: first.clone().err(),
                    second: second.as_ref().err().cloned(),
                };
                return Nondeterminism {
                    node,
                    event,
                    difference,
                };
            }
        };
        let difference = if calls.bytes[done.after] != *raw.after {
            let text =
                |state: &[u8]| calls.describe_state(&self.machine, self.space.model, call, state);
            let text = |state: &[u8]| text(state).unwrap_or_default();
            let states = (text(&calls.bytes[done.after]), text(&raw.after));
            let (field, first, second) = first_difference(&states.0, &states.1);
            Difference::State {
                field,
                first,
                second,
                states: Box::new(states),
            }
        } else if calls.bytes[done.effects] != *raw.effects {
            let list = |bytes: &[u8]| -> Vec<String> {
                effects(bytes)
                    .flatten()
                    .map(|effect| self.effect_text(call, done.after, &effect))
                    .collect()
            };
            let (first, second) = (list(&calls.bytes[done.effects]), list(&raw.effects));
            let at = (0..).find(|at| first.get(*at) != second.get(*at) || *at > first.len());
            let at = at.expect("a range without an end");
            Difference::Effects {
                nth: at + 1,
                first: first.get(at).cloned(),
                second: second.get(at).cloned(),
            }
        } else {
            Difference::Observation
        };
        Nondeterminism {
            node,
            event,
            difference,
        }
    }

    fn event_text(&self, call: &Call) -> String {
        let (calls, model) = (&self.space.steps.calls, self.space.model);
        let text = |subject, node_index, bytes: u32| {
            let of = (node_index, call.incarnation, call.before);
            calls.describe(&self.machine, model, of, subject, &calls.bytes[bytes])
        };
        match call.cause {
            Cause::Start => "its start".to_owned(),
            Cause::Message { from, bytes } => {
                format!(
                    "{} from {}",
                    text(Subject::Message, from, bytes),
                    model.nodes[usize::from(from)].id
                )
            }
            Cause::Timer { bytes } => {
                format!("timer {}", text(Subject::Timer, call.node_index, bytes))
            }
            Cause::Invoke { bytes } => {
                format!(
                    "operation {}",
                    text(Subject::Command, call.node_index, bytes)
                )
            }
            Cause::Work { token, .. } => format!("the end of work {token}"),
        }
    }

    fn effect_text(&self, call: &Call, state: u32, effect: &Effect<'_>) -> String {
        let (calls, model) = (&self.space.steps.calls, self.space.model);
        let of = (call.node_index, call.incarnation, state);
        let text = |subject, bytes: &[u8]| calls.describe(&self.machine, model, of, subject, bytes);
        match effect {
            Effect::Send { to, message } => {
                format!("send {} to {to}", text(Subject::Message, message))
            }
            Effect::SetTimer {
                timer,
                at_least,
                at_most,
            } => {
                format!(
                    "set timer {} for {at_least:?} to {at_most:?}",
                    text(Subject::Timer, timer)
                )
            }
            Effect::Cancel { timer } => format!("cancel timer {}", text(Subject::Timer, timer)),
            Effect::Respond { output } => format!("respond {}", text(Subject::Output, output)),
            Effect::Write { name, bytes } => format!("write {} bytes to {name}", bytes.len()),
            Effect::Append { name, bytes } => format!("append {} bytes to {name}", bytes.len()),
            Effect::Remove { name } => format!("remove {name}"),
            Effect::Sync => "sync".to_owned(),
            Effect::Note { text } => format!("note {text:?}"),
            Effect::StartWork { token, .. } => format!("start work {token}"),
            Effect::CancelWork { token } => format!("cancel work {token}"),
            Effect::StoreCreate { name } => format!("create {name}"),
            Effect::StoreAppend { name, record } => {
                format!("append {} bytes to {name} in the store", record.len())
            }
            Effect::StoreRename { from, to } => format!("rename {from} to {to}"),
        }
    }
}

impl Calls {
    fn agrees(&self, answer: &Answer, raw: &Result<Raw, String>) -> bool {
        match (answer, raw) {
            (Ok(done), Ok(raw)) => {
                self.bytes[done.after] == *raw.after
                    && self.bytes[done.effects] == *raw.effects
                    && self.bytes[done.observation] == *raw.observation
            }
            (Err(_), Err(_)) => true,
            _ => false,
        }
    }

    /// All calls but starts, those of each incarnation of each node together, in pieces for one
    /// instance. Where there are few, they come again and again: what a program keeps outside
    /// its state may take its time to show.
    fn by_incarnation(&self) -> Vec<Vec<Call>> {
        let incarnation = |call: &Call| (call.node_index, call.incarnation);
        let mut calls: Vec<Call> = self
            .all()
            .iter()
            .copied()
            .filter(|call| call.cause != Cause::Start)
            .collect();
        calls.sort_by_key(incarnation);
        let of_one = calls.chunk_by(|one, other| incarnation(one) == incarnation(other));
        of_one
            .flat_map(|calls| match calls.len() {
                ..CALLS_PER_INSTANCE => {
                    vec![
                        calls
                            .iter()
                            .copied()
                            .cycle()
                            .take(CALLS_PER_INSTANCE)
                            .collect(),
                    ]
                }
                _ => calls
                    .chunks(CALLS_PER_INSTANCE)
                    .map(<[Call]>::to_vec)
                    .collect(),
            })
            .collect()
    }
}

/// The first field that differs, and its two values. Fields are compared by name, since a hash map
/// writes its entries in an order of its own.
fn first_difference(one: &str, other: &str) -> (String, String, String) {
    let (ones, others) = (fields(one), fields(other));
    let value = |of: &[(String, String)], path: &str| {
        of.iter()
            .find(|(known, _)| known == path)
            .map(|(_, v)| v.clone())
    };
    let differs = |(path, _): &&(String, String)| value(&ones, path) != value(&others, path);
    let Some((path, _)) = ones.iter().chain(&others).find(differs) else {
        return Default::default();
    };
    let told = |of| value(of, path).unwrap_or_default();
    (path.clone(), told(&ones), told(&others))
}

/// Every value in what `{:#?}` writes (one a line) and its path; elements without a name are
/// counted. Of what is of another form, such as a `Debug` written by hand, each line is a value.
fn fields(text: &str) -> Vec<(String, String)> {
    struct Group {
        path: String,
        /// Where its values begin.
        begin: usize,
        unnamed: usize,
    }
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut open = vec![Group {
        path: String::new(),
        begin: 0,
        unnamed: 0,
    }];
    for line in text.lines() {
        let line = line.trim();
        let line = line.strip_suffix(',').unwrap_or(line);
        let mut entry = line
            .split_once(": ")
            .map(|(key, value)| (key.to_owned(), value));
        if line.starts_with(['}', ')', ']']) && open.len() > 1 {
            let group = open.pop().expect("more than one");
            let Some(value) = line[1..].strip_prefix(": ") else {
                continue;
            };
            // The group was a map's key.
            let key: Vec<String> = fields
                .drain(group.begin..)
                .map(|(_, value)| value)
                .collect();
            entry = Some((format!("({})", key.join(", ")), value));
        }
        let within = open.last_mut().expect("the whole is never closed");
        let (key, value) = entry.unwrap_or_else(|| {
            within.unnamed += 1;
            ((within.unnamed - 1).to_string(), line)
        });
        let whole = open.len() == 1;
        let within = &open[open.len() - 1].path;
        let path = match (whole, within.is_empty()) {
            (true, _) => String::new(),
            (false, true) => key,
            (false, false) => format!("{within}.{key}"),
        };
        if value.ends_with(['{', '(', '[']) {
            open.push(Group {
                path,
                begin: fields.len(),
                unnamed: 0,
            });
        } else {
            fields.push((path, value.to_owned()));
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug)]
    #[expect(dead_code, reason = "read by `Debug`")]
    struct State {
        view: (u64, Option<u64>),
        inner: BTreeMap<&'static str, u64>,
    }

    #[test]
    fn the_first_field_that_differs_is_named() {
        let text = |number, count| {
            let inner = BTreeMap::from([("a", 1), ("b", count)]);
            format!(
                "{:#?}",
                State {
                    view: (1, Some(number)),
                    inner
                }
            )
        };
        let told = |field: &str, first: &str, second: &str| {
            (field.to_owned(), first.to_owned(), second.to_owned())
        };
        assert_eq!(
            first_difference(&text(1, 7), &text(1, 8)),
            told("inner.\"b\"", "7", "8")
        );
        assert_eq!(
            first_difference(&text(1, 7), &text(2, 7)),
            told("view.1.0", "1", "2")
        );
        assert_eq!(first_difference("x", "x"), told("", "", ""));
        assert_eq!(first_difference("x", "y"), told("", "x", "y"));
    }

    #[test]
    fn the_order_of_a_hash_map_is_no_difference() {
        let one = "S {\n    m: {\n        (\n            1,\n            2,\n        ): \
                   3,\n        4: 5,\n    },\n}";
        let other = "S {\n    m: {\n        4: 6,\n        (\n            1,\n            \
                     2,\n        ): 3,\n    },\n}";
        let expected = ("m.4".to_owned(), "5".to_owned(), "6".to_owned());
        assert_eq!(first_difference(one, other), expected);
        for text in ["", "}", "(((", "a: {\n}\n}\n}: x", "[\n[\n", "}: {\n]: ("] {
            assert_eq!(
                first_difference(text, text),
                Default::default(),
                "any text is accepted"
            );
        }
    }
}
