//! Part A.

use lab1_api::{Application, Record, Runner, Split};
use labkit::prelude::*;

/// Counts how often each word occurs.
#[derive(Debug, Default)]
pub struct WordCount;

/// Finds the documents in which each word occurs.
#[derive(Debug, Default)]
pub struct InvertedIndex;

/// Runs any application on one machine.
#[derive(Debug)]
pub struct Sequential;

/// The words of a text, character by character.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    for character in text.chars().chain([' ']) {
        if character.is_alphabetic() {
            word.push(character);
        } else if !word.is_empty() {
            words.push(std::mem::take(&mut word).to_lowercase());
        }
    }
    words
}

impl Application for WordCount {
    fn map(&self, split: &Split) -> Vec<Record> {
        // Counted within the split already: fewer records to move.
        let mut counts: Map<String, u64> = Map::new();
        for word in words(&split.text) {
            *counts.entry(word).or_default() += 1;
        }
        counts
            .into_iter()
            .map(|(word, count)| Record::new(word, count.to_string()))
            .collect()
    }

    fn reduce(&self, _key: &str, values: &[String]) -> String {
        values
            .iter()
            .filter_map(|value| value.parse::<u64>().ok())
            .sum::<u64>()
            .to_string()
    }
}

impl Application for InvertedIndex {
    fn map(&self, split: &Split) -> Vec<Record> {
        words(&split.text)
            .into_iter()
            .map(|word| Record::new(word, &split.name))
            .collect()
    }

    fn reduce(&self, _key: &str, values: &[String]) -> String {
        let mut names = values.to_vec();
        names.sort();
        names.dedup();
        names.join(",")
    }
}

impl Runner for Sequential {
    fn run(app: &dyn Application, splits: &[Split]) -> Vec<Record> {
        let mut records: Vec<Record> = splits.iter().flat_map(|split| app.map(split)).collect();
        // A stable sort keeps the order of the values of each key.
        records.sort_by(|one, other| one.key.cmp(&other.key));
        let groups = records.chunk_by(|one, other| one.key == other.key);
        groups
            .map(|group| {
                let values: Vec<String> = group.iter().map(|record| record.value.clone()).collect();
                Record::new(&group[0].key, app.reduce(&group[0].key, &values))
            })
            .collect()
    }
}
