//! Does a state survive being serialized and deserialized? If not, which field was lost?
//!
//! A node is its state: in some runs the grader keeps the bytes of a node after an event and
//! continues with another instance. Anything outside the state (a `static`, a field that serde
//! skips) is then lost, so a program that relies on it fails in some runs and not in others. This
//! module finds the fields; statics show when an instance is replaced.

use std::{collections::BTreeMap, fmt::Debug};

use serde::{Serialize, de::DeserializeOwned};

use crate::codec;

/// The state again, from its bytes.
///
/// # Errors
/// What did not survive, in the student's terms. Bytes alone cannot show a field that serde skips,
/// so a `thorough` round trip compares the `Debug` outputs too, as multisets of lines: the order of
/// a `HashMap` may differ and nothing else.
pub(crate) fn round_trip<T: Serialize + DeserializeOwned + Debug>(
    state: &T,
    thorough: bool,
) -> Result<T, String> {
    let bytes = codec::to_bytes(state)
        .map_err(|error| format!("the state cannot be serialized: {error}"))?;
    let again: T = codec::from_bytes(&bytes)
        .map_err(|error| format!("the state cannot be deserialized: {error}"))?;
    match codec::to_bytes(&again) {
        Ok(second) if second == bytes => {}
        Ok(_) => {
            return Err("the deserialized state does not serialize to the same bytes".to_owned());
        }
        Err(error) => {
            return Err(format!(
                "the deserialized state cannot be serialized: {error}"
            ));
        }
    }
    if !thorough {
        return Ok(again);
    }
    // On one line first: what `{:#?}` costs grows with the square of the depth.
    if same_words(&format!("{state:?}"), &format!("{again:?}")) {
        return Ok(again);
    }
    let (before, after) = (format!("{state:#?}"), format!("{again:#?}"));
    match first_lost_line(&before, &after) {
        None => Ok(again),
        Some(path) => Err(format!(
            "the state does not survive being serialized and deserialized: `{path}` is lost (is \
             the field marked #[serde(skip)], or set by a custom Serialize?)"
        )),
    }
}

/// The same values in any order: that of a `HashMap` may be another one.
fn same_words(before: &str, after: &str) -> bool {
    before == after || words(before) == words(after)
}

fn words(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> = text
        .split(['{', '}', '(', ')', '[', ']', ','])
        .map(str::trim)
        .collect();
    words.sort_unstable();
    words
}

/// The path of the first line of `before` that `after` lacks.
fn first_lost_line(before: &str, after: &str) -> Option<String> {
    if before == after {
        return None;
    }
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for line in after.lines() {
        *left.entry(line).or_default() += 1;
    }
    let mut parents: Vec<(usize, &str)> = Vec::new();
    for line in before.lines() {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        parents.retain(|(parent, _)| *parent < indent);
        match left.get_mut(line) {
            Some(count) if *count > 0 => *count -= 1,
            _ => {
                let names = parents
                    .iter()
                    .map(|(_, name)| *name)
                    .chain([text.trim_end_matches(',')]);
                return Some(
                    names
                        .filter(|name| !name.is_empty())
                        .collect::<Vec<_>>()
                        .join("."),
                );
            }
        }
        parents.push((
            indent,
            text.split([':', ' ', '(', '{']).next().unwrap_or_default(),
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Serialize, Deserialize)]
    struct Inner {
        kept: u64,
        #[serde(skip)]
        cache: u64,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Server {
        table: HashMap<u64, Inner>,
    }

    #[test]
    fn a_hash_map_survives_and_a_skipped_field_is_named() {
        let table = |cache| {
            (0..50)
                .map(|key| (key, Inner { kept: key, cache }))
                .collect()
        };
        assert_eq!(
            round_trip(&Server { table: table(0) }, true).unwrap().table[&49].cache,
            0
        );
        let error = round_trip(&Server { table: table(7) }, true).unwrap_err();
        assert!(error.contains("cache: 7"), "{error}");
        assert!(error.contains("Server.table"), "{error}");
    }

    #[test]
    fn the_same_words_in_another_order_are_the_same_state() {
        assert!(same_words(
            "S { a: {1: T { x: 2, y: 3 }, 4: T { x: 5, y: 6 }} }",
            "S { a: {4: T { x: 5, y: 6 }, 1: T { x: 2, y: 3 }} }"
        ));
        assert!(!same_words("S { a: 1, b: 2 }", "S { a: 1, b: 0 }"));
        assert!(!same_words("[1, 1, 2]", "[1, 2, 2]"));
    }
}
