//! A violation in one sentence.

use crate::verdict::{Anomaly, Violation};

/// How a reader knows an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whose it is and what it is: `c2's get x`.
    pub name: String,
    /// When it was called: `3.2 ms`.
    pub called: String,
    /// When it was answered, if it was.
    pub answered: Option<String>,
}

impl Told {
    /// `c2's get x (3.2 ms - 3.9 ms)`.
    fn with_times(&self) -> String {
        match &self.answered {
            Some(answered) => format!("{} ({} - {answered})", self.name, self.called),
            None => format!("{} (called at {})", self.name, self.called),
        }
    }

    fn end(&self) -> &str {
        self.answered.as_deref().unwrap_or("never")
    }
}

impl Anomaly {
    /// A name for machines, such as `stale-read`.
    pub fn id(self) -> &'static str {
        match self {
            Anomaly::WrongReply => "wrong-reply",
            Anomaly::Phantom => "phantom",
            Anomaly::FutureRead => "future-read",
            Anomaly::AppliedTwice => "applied-twice",
            Anomaly::Fork => "fork",
            Anomaly::Reordered => "reordered",
            Anomaly::StaleRead => "stale-read",
            Anomaly::NonMonotonicRead => "non-monotonic-read",
            Anomaly::LostWrite => "lost-write",
            Anomaly::StaleOrLost => "stale-read-or-lost-write",
            Anomaly::LostUpdate => "lost-update",
            Anomaly::Overlap => "overlap",
            Anomaly::Cycle => "cycle",
            Anomaly::WrongRefusal => "wrong-refusal",
            Anomaly::Unexplained => "unexplained",
        }
    }

    /// A name for people, such as `stale read`.
    pub fn title(self) -> String {
        self.id().replace('-', " ")
    }
}

impl Violation {
    /// What is wrong, in one sentence without a full stop. `tell` names the operations of
    /// [`core`](Violation::core).
    pub fn sentence(&self, tell: impl Fn(usize) -> Told) -> String {
        let core: Vec<Told> = self.core.iter().map(|&index| tell(index)).collect();
        let [first, rest @ ..] = &core[..] else {
            return format!(
                "no order explains the reply of {}",
                tell(self.impossible).with_times()
            );
        };
        let one = first.with_times();
        about_values(self.kind, &one, rest)
            .or_else(|| about_order(self.kind, &one, rest))
            .or_else(|| self.about_conditions(&one, &core))
            .unwrap_or_else(|| {
                format!(
                    "no order of {} operations explains their replies: with that of {} it became \
                     impossible",
                    core.len(),
                    tell(self.impossible).with_times()
                )
            })
    }

    /// Values that were current in turns, compare-and-sets and refusals.
    fn about_conditions(&self, one: &str, core: &[Told]) -> Option<String> {
        Some(match (self.kind, &core[1..]) {
            (Anomaly::Overlap, [..]) if core.len() == 4 => format!(
                "two values were current in turns: one for {one} and {}, the other for {} and \
                 {}",
                core[2].with_times(),
                core[1].with_times(),
                core[3].with_times()
            ),
            (Anomaly::Cycle, []) => format!("{one} used the value that it wrote itself"),
            (Anomaly::Cycle, [next, ..]) => match self.context.len() {
                0 => format!(
                    "{one} and {} each needed the value that the other one wrote",
                    next.with_times()
                ),
                more => {
                    let next = next.with_times();
                    format!(
                        "{one}, {next} and {more} more each needed the value that another one of \
                         them wrote"
                    )
                }
            },
            (Anomaly::WrongRefusal, [..]) => {
                format!("{one} was refused although its condition held throughout")
            }
            _ => return None,
        })
    }
}

/// Values that no order of the writes gives.
fn about_values(kind: Anomaly, one: &str, rest: &[Told]) -> Option<String> {
    Some(match (kind, rest) {
        (Anomaly::WrongReply, _) => {
            format!("{one} got a reply that such an operation never gives")
        }
        (Anomaly::Phantom, [write, ..]) => {
            format!(
                "{one} saw a value that no order of the writes produces: {} is in the wrong place",
                write.name
            )
        }
        (Anomaly::Phantom, []) => {
            format!("{one} saw a value that no order of the writes produces")
        }
        (Anomaly::FutureRead, [write, ..]) => {
            format!(
                "{one} saw what {} wrote, which was called only at {}",
                write.name, write.called
            )
        }
        (Anomaly::AppliedTwice, [read]) => {
            format!("{one} was applied twice, as {} shows", read.with_times())
        }
        (Anomaly::AppliedTwice, [read, other, ..]) => {
            let (read, other) = (read.with_times(), other.with_times());
            format!("{one} was applied to two different values, as {read} and {other} show")
        }
        (Anomaly::Fork, [other, ..]) => {
            format!(
                "{one} and {} saw two values, neither of which extends the other",
                other.with_times()
            )
        }
        _ => return None,
    })
}

/// Values that are older than they may be.
fn about_order(kind: Anomaly, one: &str, rest: &[Told]) -> Option<String> {
    Some(match (kind, rest) {
        (Anomaly::Reordered, [later, ..]) => {
            format!(
                "{one} had ended when {} was called at {}, but took effect after it",
                later.name, later.called
            )
        }
        (Anomaly::StaleRead, [newer, ..]) => {
            format!(
                "{one} used a value from before {}, which had ended at {}",
                newer.name,
                newer.end()
            )
        }
        (Anomaly::NonMonotonicRead, [newer, ..]) => {
            format!(
                "{one} used an older value than {} had seen by {}",
                newer.name,
                newer.end()
            )
        }
        (Anomaly::LostWrite, [write, ..]) => format!(
            "{}, acknowledged at {}, was lost: {one} came later and used the value from \
             before it",
            write.name,
            write.end()
        ),
        (Anomaly::StaleOrLost, [write, ..]) => format!(
            "{one} came after {}, acknowledged at {}, and used the value from before it; no later \
             read says whether that write is still there",
            write.name,
            write.end()
        ),
        (Anomaly::LostUpdate, [other, ..]) => {
            format!(
                "{one} and {} both took effect on the same value: one of them is lost",
                other.with_times()
            )
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        check::check_with,
        history::Operation,
        options::Options,
        store::{Store, StoreCall, StoreOp, StoreReply},
        verdict::Verdict,
    };

    /// One operation in a few words, such as `1-4 put a`, `2-9 get = ab`, `3- append b`,
    /// `1-2 cas a b = done`.
    fn operation(client: u32, words: &str) -> Operation<StoreCall, StoreReply> {
        let (times, rest) = words.split_once(' ').expect("times first");
        let (call, ret) = times.split_once('-').expect("two times");
        let (asked, answer) = rest.split_once(" = ").unwrap_or((rest, "done"));
        let bytes = |text: &&str| text.trim_matches('\'').as_bytes().to_vec();
        let asked: Vec<&str> = asked.split(' ').collect();
        let op = match asked[..] {
            ["put", value] => StoreOp::Put(bytes(&value)),
            ["append", value] => StoreOp::Append(bytes(&value)),
            ["cas", from, to] => StoreOp::Cas {
                from: bytes(&from),
                to: bytes(&to),
            },
            _ => StoreOp::Get,
        };
        let reply = match (&op, answer) {
            (StoreOp::Get, value) => StoreReply::Value(bytes(&value)),
            (_, "refused") => StoreReply::NotSwapped(None),
            (_, "done") => StoreReply::Done,
            (_, value) => StoreReply::Value(bytes(&value)),
        };
        let reply = (!ret.is_empty()).then(|| (ret.parse().expect("a time"), reply));
        let command = StoreCall {
            key: String::new(),
            op,
        };
        Operation {
            client,
            command,
            call: call.parse().expect("a time"),
            reply,
        }
    }

    fn told(lines: &[&str]) -> (Anomaly, String) {
        let history: Vec<_> = (0..)
            .zip(lines)
            .map(|(client, words)| operation(client, words))
            .collect();
        let checked = check_with(&Store::default(), &history, &Options::default())
            .expect("replies follow calls");
        let Verdict::Violated(violation) = checked.verdict else {
            panic!("{lines:?} is linearizable")
        };
        let sentence = violation.sentence(|index| {
            let words = lines[index].split_once(' ').expect("times first").1;
            let name = format!(
                "{}'s {}",
                (b'A' + index as u8) as char,
                words.split(" = ").next().expect("a command")
            );
            let answered = history[index].reply.as_ref().map(|(at, _)| at.to_string());
            Told {
                name,
                called: history[index].call.to_string(),
                answered,
            }
        });
        (violation.kind, sentence)
    }

    const EXAMPLES: [(Anomaly, &[&str], &str); 21] = [
        (
            Anomaly::WrongReply,
            &["1-2 put a = b"],
            "A's put a (1 - 2) got a reply that such an operation never gives",
        ),
        (
            Anomaly::Phantom,
            &["1-2 put a", "3-4 get = x"],
            "B's get (3 - 4) saw a value that no order of the writes produces",
        ),
        (
            Anomaly::Phantom,
            &["1-2 put a;", "1-2 append b;", "3-4 get = b;a;"],
            "C's get (3 - 4) saw a value that no order of the writes produces: A's put a; is in \
             the wrong place",
        ),
        (
            Anomaly::FutureRead,
            &["1-2 get = a", "3-4 put a"],
            "A's get (1 - 2) saw what B's put a wrote, which was called only at 3",
        ),
        (
            Anomaly::AppliedTwice,
            &["1-2 append a;", "3-4 get = a;a;"],
            "A's append a; (1 - 2) was applied twice, as B's get (3 - 4) shows",
        ),
        (
            Anomaly::AppliedTwice,
            &[
                "1-9 append a;",
                "1-3 get = a;",
                "1-9 put b;",
                "5-9 get = b;a;",
            ],
            "A's append a; (1 - 9) was applied to two different values, as D's get (5 - 9) and B's \
             get (1 - 3) show",
        ),
        (
            Anomaly::Fork,
            &[
                "1-9 append a;",
                "1-9 append b;",
                "10-11 get = a;b;",
                "12-13 get = b;a;",
            ],
            "C's get (10 - 11) and D's get (12 - 13) saw two values, neither of which \
             extends the other",
        ),
        (
            Anomaly::Reordered,
            &["1-2 append a;", "3-4 append b;", "5-6 get = b;a;"],
            "A's append a; (1 - 2) had ended when B's append b; was called at 3, but took effect \
             after it",
        ),
        (
            Anomaly::StaleRead,
            &["1-2 put a", "3-4 put b", "5-6 get = b", "7-8 get = a"],
            "D's get (7 - 8) used a value from before B's put b, which had ended at 4",
        ),
        (
            Anomaly::StaleRead,
            &[
                "1-2 append a;",
                "3-4 append b;",
                "5-6 get = a;",
                "7-8 get = a;b;",
            ],
            "C's get (5 - 6) used a value from before B's append b;, which had ended at 4",
        ),
        (
            Anomaly::NonMonotonicRead,
            &["1-20 put a", "3-4 get = a", "5-6 get = ''"],
            "C's get (5 - 6) used an older value than B's get had seen by 4",
        ),
        (
            Anomaly::NonMonotonicRead,
            &[
                "1-20 append a;",
                "3-4 get = a;",
                "5-6 get = ''",
                "5-6 append b;",
            ],
            "C's get (5 - 6) used an older value than B's get had seen by 4",
        ),
        (
            Anomaly::StaleOrLost,
            &["1-2 put a", "3-4 put b", "5-6 get = a"],
            "C's get (5 - 6) came after B's put b, acknowledged at 4, and used the value from \
             before it; no later read says whether that write is still there",
        ),
        (
            Anomaly::LostWrite,
            &["1-2 put a", "3-4 put b", "5-6 get = a", "7-8 get = a"],
            "B's put b, acknowledged at 4, was lost: C's get (5 - 6) came later and used the value \
             from before it",
        ),
        (
            Anomaly::StaleRead,
            &["1-2 put a", "3-4 put b", "5-6 get = a", "7-8 get = b"],
            "C's get (5 - 6) used a value from before B's put b, which had ended at 4",
        ),
        (
            Anomaly::LostUpdate,
            &["1-3 cas '' a", "2-4 cas '' b"],
            "A's cas '' a (1 - 3) and B's cas '' b (2 - 4) both took effect on the same value: one \
             of them is lost",
        ),
        (
            Anomaly::Overlap,
            &[
                "0-20 put a",
                "0-20 put b",
                "1-2 get = a",
                "1-2 get = b",
                "5-6 get = a",
                "5-6 get = b",
            ],
            "two values were current in turns: one for C's get (1 - 2) and E's get (5 - 6), the \
             other for D's get (1 - 2) and F's get (5 - 6)",
        ),
        (
            Anomaly::Cycle,
            &["1-4 cas a b", "1-4 cas b a"],
            "A's cas a b (1 - 4) and B's cas b a (1 - 4) each needed the value that the other one \
             wrote",
        ),
        (
            Anomaly::Cycle,
            &["1-4 cas a b", "1-4 cas b c", "1-4 cas c a"],
            "A's cas a b (1 - 4), B's cas b c (1 - 4) and 1 more each needed the value that \
             another one of them wrote",
        ),
        (
            Anomaly::WrongRefusal,
            &["1-2 cas '' a", "3-4 cas a b = refused", "5-6 get = a"],
            "B's cas a b (3 - 4) was refused although its condition held throughout",
        ),
        (
            Anomaly::Unexplained,
            &["1-2 put a", "1-2 put a", "3-4 put b", "5-6 get = a"],
            "no order of 4 operations explains their replies: with that of D's get (5 - 6) it \
             became impossible",
        ),
    ];

    #[test]
    fn every_kind_has_its_sentence() {
        for (kind, lines, sentence) in EXAMPLES {
            assert_eq!(told(lines), (kind, sentence.to_owned()), "{lines:?}");
        }
    }
}
