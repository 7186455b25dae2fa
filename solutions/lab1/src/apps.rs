//! Part A: two applications, and MapReduce on one machine.

use lab1_api::{Application, Record, Runner, Split};
// hole
use labkit::prelude::*;
// end hole

/// Counts how often each word occurs.
#[derive(Debug, Default)]
pub struct WordCount;

/// Finds the documents in which each word occurs.
#[derive(Debug, Default)]
pub struct InvertedIndex;

/// Runs any application on one machine. The distributed system must give the same result.
#[derive(Debug)]
pub struct Sequential;

// hole
/// Maximal runs of letters, in lower case.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|character: char| !character.is_alphabetic())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

// end hole
impl Application for WordCount {
    fn map(&self, split: &Split) -> Vec<Record> {
        // hole: WordCount::map
        // | Return one record for each word of the text. The handout defines what a word is.
        words(&split.text)
            .map(|word| Record::new(word, "1"))
            .collect()
        // end hole
    }

    fn reduce(&self, key: &str, values: &[String]) -> String {
        // hole: WordCount::reduce
        // | Return how often the word occurs in all splits, in decimal digits.
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
        // | Return the words of this document. A word that it contains twice counts once.
        let words: Set<String> = words(&split.text).collect();
        words
            .into_iter()
            .map(|word| Record::new(word, &split.name))
            .collect()
        // end hole
    }

    fn reduce(&self, key: &str, values: &[String]) -> String {
        // hole: InvertedIndex::reduce
        // | Return the names of the documents in alphabetical order, each once, separated by `,`.
        // | Can a name occur twice?
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
        // | `reduce`? Return one record for each key, in the order of the keys.
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
