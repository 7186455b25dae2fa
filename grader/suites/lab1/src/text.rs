//! Texts to count: words with the frequencies of a natural language (Zipf's law: the n-th most
//! frequent word occurs 1/n as often as the first; G. K. Zipf, "Human Behavior and the Principle of
//! Least Effort", 1949), in sentences and lines.

use std::collections::BTreeSet;

use faultline_sim::choice::{About, Choices, Draw};

/// A language: words by their rank, and how often each comes.
pub struct Language {
    choices: Choices,
    words: Vec<String>,
    /// Up to each rank, the sum of all weights.
    weights: Vec<u64>,
}

const ONSETS: [&str; 16] = [
    "b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "st",
];
const VOWELS: [&str; 8] = ["a", "e", "i", "o", "u", "ea", "ou", "é"];
const CODAS: [&str; 8] = ["", "", "", "n", "r", "s", "t", "ll"];

impl Language {
    /// A language of this number of words.
    pub fn new(choices: Choices, words: u64) -> Language {
        let mut sum = 0;
        let weights = (1..=words)
            .map(|rank| {
                sum += 1_000_000 / rank;
                sum
            })
            .collect();
        // Some syllables can be read in two ways, and the words that they make with them.
        let mut known = BTreeSet::new();
        let words = (1..)
            .map(word)
            .filter(|word| known.insert(word.clone()))
            .take(words as usize)
            .collect();
        Language {
            choices,
            words,
            weights,
        }
    }

    /// A text of at least this number of bytes, and of a word at least unless that is none. The
    /// `nth` text is another than the others.
    pub fn text(&self, nth: u64, bytes: usize) -> String {
        let mut text = String::with_capacity(bytes + 64);
        let (mut line, mut at) = (0, 0);
        let mut begins = true;
        while text.len() < bytes {
            let mut draw = self.choices.draw(About::Workload, 0x7E87_0000 | nth, at);
            at += 1;
            self.add_word(&mut text, begins, &mut draw);
            begins = draw.chance(120);
            text.push_str(if begins {
                draw.pick::<&str>(&[".", "!", "?", ";"])
            } else {
                draw.pick::<&str>(&["", "", "", "", "", "", "", ","])
            });
            let ends_line = text.len() - line > 72;
            if text.len() < bytes {
                text.push(if ends_line { '\n' } else { ' ' });
            }
            if ends_line {
                line = text.len();
            }
        }
        text
    }

    fn add_word(&self, text: &mut String, capital: bool, draw: &mut Draw) {
        let at = draw.below(self.weights.last().copied().unwrap_or(0));
        let word = &self.words[self.weights.partition_point(|weight| *weight <= at)];
        let mut letters = word.chars();
        if let (true, Some(first)) = (capital, letters.next()) {
            text.extend(first.to_uppercase());
            text.push_str(letters.as_str());
        } else {
            text.push_str(word);
        }
    }
}

/// The word of this rank: the more frequent, the shorter.
fn word(rank: u64) -> String {
    let (mut left, mut word) = (rank - 1, String::new());
    loop {
        let syllable = left % (ONSETS.len() * VOWELS.len()) as u64;
        word.push_str(ONSETS[syllable as usize % ONSETS.len()]);
        word.push_str(VOWELS[syllable as usize / ONSETS.len()]);
        left /= (ONSETS.len() * VOWELS.len()) as u64;
        if left == 0 {
            return word;
        }
        left -= 1;
        word.push_str(CODAS[(left % 8) as usize]);
        left /= 8;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn words_differ_and_come_as_often_as_their_rank_says() {
        let language = Language::new(Choices::new(7), 3_000);
        assert_eq!(language.words.iter().collect::<BTreeSet<_>>().len(), 3_000);
        let text = language.text(1, 300_000);
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for word in text
            .split(|character: char| !character.is_alphabetic())
            .filter(|word| !word.is_empty())
        {
            *counts.entry(word.to_lowercase()).or_default() += 1;
        }
        let count = |rank: usize| counts[&language.words[rank - 1]];
        assert!(count(1) > 4_000, "{}", count(1));
        for (rank, times) in [(2, 2), (4, 4), (10, 10), (50, 50)] {
            let (rare, expected) = (count(rank), count(1) / times);
            assert!(
                rare * 10 > expected * 7 && rare * 10 < expected * 13,
                "{rank}: {rare}, expected {expected}"
            );
        }
        assert_ne!(language.text(2, 100), language.text(3, 100));
        assert_eq!(language.text(2, 0), "");
    }
}
