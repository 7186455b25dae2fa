//! The test bench of part A: a node that calls your functions and returns their results.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use labkit::prelude::*;

use crate::{App, Application, Record, Runner, Split};

/// The questions of part A's tests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    /// What does `WordCount` give for these splits?
    WordCount(Vec<Split>),
    /// What does `InvertedIndex` give for these splits?
    InvertedIndex(Vec<Split>),
    /// What does `Sequential` give for this application and these splits?
    Sequential(App, Vec<Split>),
}

/// The result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer(
    /// One record for each key.
    pub Vec<Record>,
);

/// The messages between the test and the bench.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asked {
    /// From the test.
    Question(Question),
    /// From the bench.
    Answer(Answer),
}

impl Carries<Asked> for Asked {
    fn given(&self) -> Option<&Asked> {
        Some(self)
    }
}

/// Calls your functions: `W`, `I` and `S` are yours.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Bench<W, I, S>(PhantomData<W>, PhantomData<I>, PhantomData<S>);

impl<W, I, S> fmt::Debug for Bench<W, I, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bench")
    }
}

impl<W, I, S> Node for Bench<W, I, S>
where
    W: Application + Default + 'static,
    I: Application + Default + 'static,
    S: Runner + 'static,
{
    type Config = ();
    type Message = Asked;
    type Timer = ();

    fn start(_: &(), _: Boot, _: &mut Context<Self>) -> Self {
        Bench(PhantomData, PhantomData, PhantomData)
    }

    fn on_message(&mut self, from: NodeId, message: Asked, ctx: &mut Context<Self>) {
        let Asked::Question(question) = message else {
            return;
        };
        let records = match question {
            Question::WordCount(splits) => in_turn(&W::default(), &splits),
            Question::InvertedIndex(splits) => in_turn(&I::default(), &splits),
            Question::Sequential(app, splits) => S::run(&app, &splits),
        };
        ctx.send(from, Asked::Answer(Answer(records)));
    }

    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}
}

/// Runs an application, so that a mistake in it is not taken for one in the student's `Sequential`.
fn in_turn(app: &dyn Application, splits: &[Split]) -> Vec<Record> {
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
