//! Part A: two applications, and MapReduce on one machine.

use lab1_api::{Application, Record, Runner, Split};
// hole
use labkit::prelude::*;
// end hole

/// How often does each word occur?
#[derive(Debug, Default)]
pub struct WordCount;

/// In which documents does each word occur?
#[derive(Debug, Default)]
pub struct InvertedIndex;

/// Runs any application on one machine: what the distributed system must give, too.
#[derive(Debug)]
pub struct Sequential;

// hole
/// The longest runs of letters, in lower case.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|character: char| !character.is_alphabetic())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

// end hole
impl Application for WordCount {
    fn map(&self, split: &Split) -> Vec<Record> {
        // hole: WordCount::map
        // | One record for each word of the text. What is a word? The handout says it.
        words(&split.text)
            .map(|word| Record::new(word, "1"))
            .collect()
        // end hole
    }

    fn reduce(&self, key: &str, values: &[String]) -> String {
        // hole: WordCount::reduce
        // | How often the word occurs in all splits, as a number in decimal digits.
        let _ = key;
        values
            .iter()
            .map(|value| value.parse::<u64>().unwrap_or(0))
            .sum::<u64>()
            .to_string()
        // end hole
    }
}

impl Application for InvertedIndex {
    fn map(&self, split: &Split) -> Vec<Record> {
        // hole: InvertedIndex::map
        // | Which words does this document contain? A word that it contains twice is still one.
        let words: Set<String> = words(&split.text).collect();
        words
            .into_iter()
            .map(|word| Record::new(word, &split.name))
            .collect()
        // end hole
    }

    fn reduce(&self, key: &str, values: &[String]) -> String {
        // hole: InvertedIndex::reduce
        // | The names of the documents in alphabetical order, each once, with a `,` between two.
        // | May a name come twice?
        let _ = key;
        let names: Set<&str> = values.iter().map(String::as_str).collect();
        names.into_iter().collect::<Vec<_>>().join(",")
        // end hole
    }
}

impl Runner for Sequential {
    fn run(app: &dyn Application, splits: &[Split]) -> Vec<Record> {
        // hole: Sequential::run
        // | Map each split, in order. Group the values by key: in which order must they reach
        // | `reduce`? One record for each key comes out, in the order of the keys.
        let mut values: Map<String, Vec<String>> = Map::new();
        for split in splits {
            for record in app.map(split) {
                values.entry(record.key).or_default().push(record.value);
            }
        }
        values
            .into_iter()
            .map(|(key, values)| Record::new(key.clone(), app.reduce(&key, &values)))
            .collect()
        // end hole
    }
}
