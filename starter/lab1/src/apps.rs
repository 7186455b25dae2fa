//! Part A: two applications, and MapReduce on one machine.

use lab1_api::{Application, Record, Runner, Split};

/// How often does each word occur?
#[derive(Debug, Default)]
pub struct WordCount;

/// In which documents does each word occur?
#[derive(Debug, Default)]
pub struct InvertedIndex;

/// Runs any application on one machine: what the distributed system must give, too.
#[derive(Debug)]
pub struct Sequential;

impl Application for WordCount {
    fn map(&self, split: &Split) -> Vec<Record> {
        // One record for each word of the text. What is a word? The handout says it.
        todo!("WordCount::map")
    }

    fn reduce(&self, key: &str, values: &[String]) -> String {
        // How often the word occurs in all splits, as a number in decimal digits.
        todo!("WordCount::reduce")
    }
}

impl Application for InvertedIndex {
    fn map(&self, split: &Split) -> Vec<Record> {
        // Which words does this document contain? A word that it contains twice is still one.
        todo!("InvertedIndex::map")
    }

    fn reduce(&self, key: &str, values: &[String]) -> String {
        // The names of the documents in alphabetical order, each once, with a `,` between two.
        // May a name come twice?
        todo!("InvertedIndex::reduce")
    }
}

impl Runner for Sequential {
    fn run(app: &dyn Application, splits: &[Split]) -> Vec<Record> {
        // Map each split, in order. Group the values by key: in which order must they reach
        // `reduce`? One record for each key comes out, in the order of the keys.
        todo!("Sequential::run")
    }
}
