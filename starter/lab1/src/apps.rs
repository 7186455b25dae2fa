//! Part A: two applications, and MapReduce on one machine.

use lab1_api::{Application, Record, Runner, Split};

/// Counts how often each word occurs.
#[derive(Debug, Default)]
pub struct WordCount;

/// Finds the documents in which each word occurs.
#[derive(Debug, Default)]
pub struct InvertedIndex;

/// Runs any application on one machine. The distributed system must give the same result.
#[derive(Debug)]
pub struct Sequential;

impl Application for WordCount {
    fn map(&self, split: &Split) -> Vec<Record> {
        // Return one record for each word of the text. The handout defines what a word is.
        todo!("WordCount::map")
    }

    fn reduce(&self, key: &str, values: &[String]) -> String {
        // Return how often the word occurs in all splits, in decimal digits.
        todo!("WordCount::reduce")
    }
}

impl Application for InvertedIndex {
    fn map(&self, split: &Split) -> Vec<Record> {
        // Return the words of this document. A word that it contains twice counts once.
        todo!("InvertedIndex::map")
    }

    fn reduce(&self, key: &str, values: &[String]) -> String {
        // Return the names of the documents in alphabetical order, each once, separated by `,`.
        // Can a name occur twice?
        todo!("InvertedIndex::reduce")
    }
}

impl Runner for Sequential {
    fn run(app: &dyn Application, splits: &[Split]) -> Vec<Record> {
        // Map each split, in order. Group the values by key: in which order must they reach
        // `reduce`? Return one record for each key, in the order of the keys.
        todo!("Sequential::run")
    }
}
