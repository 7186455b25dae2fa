//! Applications: what a user of MapReduce writes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Record;

/// A piece of the input.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Split {
    /// Its name, such as that of a document.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A map and a reduce function. Both are pure: equal arguments give equal results.
pub trait Application {
    /// Returns the records of a split, in an order that is always the same.
    fn map(&self, split: &Split) -> Vec<Record>;

    /// Combines all values of a key into one. It is called only for keys that have a value.
    fn reduce(&self, key: &str, values: &[String]) -> String;
}

/// Runs an application on one machine.
pub trait Runner {
    /// Returns the output for these splits: one record for each key, in the order of the keys.
    fn run(app: &dyn Application, splits: &[Split]) -> Vec<Record>;
}

/// An application as a value that can be sent: how to split a text into tokens, which key and value
/// each token gives, and how to fold the values of a key into one. Jobs carry such values; your
/// coordinator and workers only pass them on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct App {
    /// How a text is split into tokens.
    pub tokens: Tokens,
    /// The key of a token.
    pub key: KeyOf,
    /// The value of a token.
    pub value: ValueOf,
    /// How the values of a key are folded into one.
    pub fold: Fold,
    /// Whether the map function already folds the values of each key within its split (section 4.3
    /// of the paper). Only for folds that give the same result either way.
    pub combine: bool,
}

/// How a text is split into tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Tokens {
    /// Maximal runs of letters, in lower case.
    Words,
    /// Lines; the last one needs no newline.
    Lines,
    /// Characters.
    Characters,
}

/// The key of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyOf {
    /// The token.
    Token,
    /// The number of its characters.
    Length,
    /// Its first character, or the empty string if it has none.
    First,
    /// The name of the split.
    Document,
}

/// The value of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ValueOf {
    /// `1`.
    One,
    /// The token.
    Token,
    /// The name of the split.
    Document,
    /// The number of tokens before it in its split.
    Position,
}

/// How the values of a key are folded into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fold {
    /// Their sum as numbers.
    Sum,
    /// All of them in their order, separated by `,`.
    List,
    /// Each distinct value once, in alphabetical order, separated by `,`.
    Set,
    /// The first and the last, separated by `-`, and their number.
    Ends,
}

impl App {
    /// How often each word occurs.
    pub const WORD_COUNT: App = App {
        tokens: Tokens::Words,
        key: KeyOf::Token,
        value: ValueOf::One,
        fold: Fold::Sum,
        combine: true,
    };

    /// The documents in which each word occurs.
    pub const INVERTED_INDEX: App = App {
        tokens: Tokens::Words,
        key: KeyOf::Token,
        value: ValueOf::Document,
        fold: Fold::Set,
        combine: true,
    };

    fn tokens(self, text: &str) -> Vec<String> {
        match self.tokens {
            Tokens::Words => text
                .split(|character: char| !character.is_alphabetic())
                .filter(|word| !word.is_empty())
                .map(str::to_lowercase)
                .collect(),
            Tokens::Lines => text.lines().map(str::to_owned).collect(),
            Tokens::Characters => text.chars().map(String::from).collect(),
        }
    }

    fn key(self, token: &str, split: &Split) -> String {
        match self.key {
            KeyOf::Token => token.to_owned(),
            KeyOf::Length => token.chars().count().to_string(),
            KeyOf::First => token.chars().next().map(String::from).unwrap_or_default(),
            KeyOf::Document => split.name.clone(),
        }
    }

    fn value(self, token: &str, position: usize, split: &Split) -> String {
        match self.value {
            ValueOf::One => "1".to_owned(),
            ValueOf::Token => token.to_owned(),
            ValueOf::Document => split.name.clone(),
            ValueOf::Position => position.to_string(),
        }
    }
}

impl Application for App {
    fn map(&self, split: &Split) -> Vec<Record> {
        let tokens = self.tokens(&split.text).into_iter().enumerate();
        let records = tokens
            .map(|(at, token)| Record::new(self.key(&token, split), self.value(&token, at, split)));
        if !self.combine {
            return records.collect();
        }
        let mut folded: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for Record { key, value } in records {
            folded.entry(key).or_default().push(value);
        }
        folded
            .into_iter()
            .map(|(key, values)| Record {
                value: self.reduce(&key, &values),
                key,
            })
            .collect()
    }

    fn reduce(&self, _key: &str, values: &[String]) -> String {
        match self.fold {
            Fold::Sum => values
                .iter()
                .filter_map(|value| value.parse::<u64>().ok())
                .sum::<u64>()
                .to_string(),
            Fold::List => values.join(","),
            Fold::Set => {
                let mut different: Vec<&str> = values.iter().map(String::as_str).collect();
                different.sort_unstable();
                different.dedup();
                different.join(",")
            }
            Fold::Ends => {
                let (first, last) = (
                    values.first().map_or("", String::as_str),
                    values.last().map_or("", String::as_str),
                );
                format!("{first}-{last} ({})", values.len())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Split {
        Split {
            name: "a".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn an_application_cuts_keys_and_folds() {
        let app = App {
            combine: false,
            ..App::WORD_COUNT
        };
        let record = |key: &str| Record::new(key, "1");
        assert_eq!(
            app.map(&split("Ein Öl-ein\n")),
            [record("ein"), record("öl"), record("ein")]
        );
        assert_eq!(
            App::WORD_COUNT.map(&split("Ein Öl-ein\n")),
            [Record::new("ein", "2"), Record::new("öl", "1")]
        );
        assert_eq!(app.reduce("ein", &["1".to_owned(), "41".to_owned()]), "42");
        let lines = App {
            tokens: Tokens::Lines,
            key: KeyOf::First,
            value: ValueOf::Position,
            ..app
        };
        assert_eq!(
            lines.map(&split("x\n\ny")),
            [
                Record::new("x", "0"),
                Record::new("", "1"),
                Record::new("y", "2")
            ]
        );
        let values = ["b".to_owned(), "a".to_owned(), "b".to_owned()];
        assert_eq!(
            App {
                fold: Fold::Set,
                ..app
            }
            .reduce("", &values),
            "a,b"
        );
        assert_eq!(
            App {
                fold: Fold::List,
                ..app
            }
            .reduce("", &values),
            "b,a,b"
        );
        assert_eq!(
            App {
                fold: Fold::Ends,
                ..app
            }
            .reduce("", &values),
            "b-b (3)"
        );
    }
}
