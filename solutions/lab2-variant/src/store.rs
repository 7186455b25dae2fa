//! What a server holds, and the log entries that change it.

use std::{collections::HashMap, iter};

use labkit::prelude::*;

/// The values, and what is needed to carry out every write once. The order of a `HashMap` differs
/// from node to node and from moment to moment, so nothing here may depend on it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Store {
    values: HashMap<String, String>,
    /// The number of each client's last write. Its reply is always the same, so the number is all
    /// there is to keep; and a client has one operation open at a time, so nobody waits for
    /// anything about an earlier one.
    done: HashMap<NodeId, u64>,
}

/// One step of a view's log. The entries before the first write rebuild the primary's state at the
/// view's beginning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Entry {
    /// Forget everything: what a new backup still holds may come from a view in which it was
    /// deposed.
    Clear,
    /// The value of a key.
    Value {
        /// The key.
        key: String,
        /// Its value.
        value: String,
    },
    /// The last write of a client.
    Done {
        /// The client.
        client: NodeId,
        /// The number of the write.
        number: u64,
    },
    /// A write that a client asked for.
    Write(Write),
}

/// A put or an append. The client's name and the number identify it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Write {
    /// Who asked for it.
    pub client: NodeId,
    /// The number of the client's operation.
    pub number: u64,
    /// The key.
    pub key: String,
    /// The new value, or what is appended.
    pub value: String,
    /// Whether the old value stays, in front of the new one.
    pub append: bool,
}

impl Store {
    /// The value of a key; a key that was never written holds the empty string.
    pub(crate) fn get(&self, key: &str) -> String {
        self.values.get(key).cloned().unwrap_or_default()
    }

    /// Carries out a write, unless that has been done. Returns whether its client may still wait
    /// for the reply.
    pub(crate) fn write(&mut self, write: Write) -> bool {
        let last = self.done.entry(write.client).or_default();
        if write.number <= *last {
            return write.number == *last;
        }
        *last = write.number;
        let value = self.values.entry(write.key).or_default();
        if !write.append {
            value.clear();
        }
        value.push_str(&write.value);
        true
    }

    /// What a backup does with an entry of the log.
    pub(crate) fn apply(&mut self, entry: Entry) {
        match entry {
            Entry::Clear => *self = Store::default(),
            Entry::Value { key, value } => {
                self.values.insert(key, value);
            }
            Entry::Done { client, number } => {
                self.done.insert(client, number);
            }
            Entry::Write(write) => {
                self.write(write);
            }
        }
    }

    /// The entries that make any store equal to this one. They are sorted: the order of the maps is
    /// another one each time that the node was bytes in between, and must not show in what it
    /// sends.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let values = self.values.iter().map(|(key, value)| Entry::Value {
            key: key.clone(),
            value: value.clone(),
        });
        let done = self.done.iter().map(|(client, number)| Entry::Done {
            client: *client,
            number: *number,
        });
        let mut entries: Vec<_> = iter::once(Entry::Clear).chain(values).chain(done).collect();
        entries[1..].sort_unstable();
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(number: u64, key: &str, value: &str) -> Write {
        Write {
            client: NodeId::new('c', 1),
            number,
            key: key.into(),
            value: value.into(),
            append: true,
        }
    }

    #[test]
    fn a_write_is_carried_out_once_and_only_the_last_one_is_answered_again() {
        let mut store = Store::default();
        let answered =
            [1, 1, 2, 1].map(|number| store.write(append(number, "k", &format!("{number};"))));
        assert_eq!(answered, [true, true, true, false]);
        assert_eq!(store.get("k"), "1;2;");
    }

    #[test]
    fn the_entries_of_a_store_replace_another_one_and_are_in_order() {
        let (mut store, mut other) = (Store::default(), Store::default());
        for number in 1..=40 {
            store.write(append(number, &format!("k{number:02}"), "x"));
        }
        other.write(append(99, "old", "x"));
        let entries = store.entries();
        assert!(entries.is_sorted());
        entries.iter().cloned().for_each(|entry| other.apply(entry));
        assert_eq!(other.entries(), entries);
    }
}
