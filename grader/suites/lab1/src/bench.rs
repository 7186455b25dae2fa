//! Part A: asking functions and comparing what they give.

use std::collections::BTreeMap;

use faultline_sim::{Conditions, NodeSpec, Outcome, Role, Setup, Trial, World, ms};
use lab1_api::{Answer, App, Application, Asked, Question, Record, Split};
use labkit::{NodeId, codec};

use super::cluster::bytes;

const A1: NodeId = NodeId::new('a', 1);
const T1: NodeId = NodeId::new('t', 1);

/// The role of the bench.
const BENCH: u8 = 3;

/// A bench that answers.
pub struct BenchFixture<'w, 'b> {
    world: &'w mut World<'b>,
}

/// A piece of input with this name and text.
pub fn split(name: &str, text: &str) -> Split {
    Split {
        name: name.to_owned(),
        text: text.to_owned(),
    }
}

/// Runs a test that only calls functions: there is nothing to be lost or late.
pub fn on_bench(
    trial: &mut Trial<'_>,
    test: impl FnOnce(&mut BenchFixture<'_, '_>) -> Outcome,
) -> Outcome {
    trial.describe_setting("your functions are called, one after the other; no network, no faults");
    let bench = NodeSpec {
        id: A1,
        role: Role::Server {
            role: BENCH,
            config: bytes(&()),
        },
        starts: true,
    };
    let setup = Setup::new(
        vec![bench, NodeSpec::puppet(T1, BENCH)],
        Conditions::steady(),
    );
    trial.run(setup, |world| {
        world.run_for(ms(1))?;
        test(&mut BenchFixture { world })
    })
}

impl BenchFixture<'_, '_> {
    /// Asks; the answer must be that of the lab's own application on one machine.
    #[track_caller]
    pub fn agrees(&mut self, question: Question) -> Outcome {
        let (name, app, splits) = match &question {
            Question::WordCount(splits) => ("WordCount", App::WORD_COUNT, splits),
            Question::InvertedIndex(splits) => ("InvertedIndex", App::INVERTED_INDEX, splits),
            Question::Sequential(app, splits) => ("Sequential", *app, splits),
        };
        let expected = in_turn(app, splits);
        let about = format!("{name} of {}", show_splits(splits));
        let asked = bytes(&Asked::Question(question.clone()));
        self.world.send_given(T1, A1, &asked)?;
        self.world.run_for(ms(10))?;
        let Some(received) = self.world.inbox(T1).pop_front() else {
            return Err(self
                .world
                .no_progress(format!("{about} was requested, and no answer came")));
        };
        let given = self
            .world
            .given(received.from, &received.message)?
            .unwrap_or_default();
        let Ok(Asked::Answer(Answer(got))) = codec::from_bytes(&given) else {
            return Err(self.world.violation(format!(
                "{about} was answered with something other than records"
            )));
        };
        match difference(&expected, &got) {
            Some(text) => Err(self.world.violation(format!("{about}: {text}"))),
            None => Ok(()),
        }
    }
}

fn in_turn(app: App, splits: &[Split]) -> Vec<Record> {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in splits.iter().flat_map(|split| app.map(split)) {
        values.entry(record.key).or_default().push(record.value);
    }
    values
        .into_iter()
        .map(|(key, values)| Record {
            value: app.reduce(&key, &values),
            key,
        })
        .collect()
}

/// The maximum number of wrong records that are shown.
const SHOWN: usize = 4;

/// What is wrong with an answer, key by key; the expected records are in the order of their keys.
fn difference(expected: &[Record], got: &[Record]) -> Option<String> {
    if expected == got {
        return None;
    }
    let mut wrong: Vec<String> = Vec::new();
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for record in got {
        if seen.insert(&record.key, &record.value).is_some() {
            wrong.push(format!("{:?} has more than one record", record.key));
        }
    }
    let wanted: BTreeMap<&str, &str> = expected
        .iter()
        .map(|record| (record.key.as_str(), record.value.as_str()))
        .collect();
    for (key, value) in &wanted {
        match seen.get(key) {
            None => wrong.push(format!("{key:?} is missing, expected {value:?}")),
            Some(got) if got != value => {
                wrong.push(format!("{key:?} is {got:?}, expected {value:?}"))
            }
            Some(_) => {}
        }
    }
    let extra = seen.iter().filter(|(key, _)| !wanted.contains_key(*key));
    wrong.extend(
        extra.map(|(key, value)| format!("{key:?} is {value:?}, and there should be no such key")),
    );
    if wrong.is_empty() {
        let at = expected
            .iter()
            .zip(got)
            .position(|(one, other)| one != other)
            .unwrap_or(0);
        return Some(format!(
            "the records are not in the order of their keys: record {at} is {:?}, expected {:?}",
            got[at].key, expected[at].key
        ));
    }
    let more = wrong.len().saturating_sub(SHOWN);
    wrong.truncate(SHOWN);
    let more = if more == 0 {
        String::new()
    } else {
        format!("; and {more} more differences")
    };
    Some(wrong.join("; ") + &more)
}

fn show_splits(splits: &[Split]) -> String {
    const LONGEST: usize = 60;
    let show = |split: &Split| {
        let short: String = split.text.chars().take(LONGEST).collect();
        let more = if short.len() < split.text.len() {
            "..."
        } else {
            ""
        };
        format!("{}: {short:?}{more}", split.name)
    };
    let mut shown: Vec<String> = splits.iter().take(SHOWN).map(show).collect();
    if splits.len() > SHOWN {
        shown.push(format!("and {} more", splits.len() - SHOWN));
    }
    format!("{{{}}}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_what_is_expected_and_what_came() {
        let record = Record::new;
        let expected = [record("a", "1"), record("b", "2"), record("c", "3")];
        assert_eq!(difference(&expected, &expected), None);
        let got = [record("a", "1"), record("b", "3"), record("d", "1")];
        let text = difference(&expected, &got).unwrap();
        let wanted = "\"b\" is \"3\", expected \"2\"; \"c\" is missing, expected \"3\"; \"d\" is \
                      \"1\", and there should \
                      be no such key";
        assert_eq!(text, wanted);
        let swapped = [record("b", "2"), record("a", "1"), record("c", "3")];
        assert!(
            difference(&expected, &swapped)
                .unwrap()
                .contains("not in the order")
        );
    }
}
