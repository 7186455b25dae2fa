//! The primary's side of a view's log: what the backup has not acknowledged yet.

use std::{collections::VecDeque, mem};

use labkit::prelude::*;

use crate::{Entry, Write};

/// The most entries in a batch while writes are replicated.
const BATCH: usize = 16;

/// The most entries in a batch while the state is transferred: then there is more to send, and
/// nobody is answered before all of it has arrived.
const CHUNK: usize = 32;

/// The entries of a view's log, numbered from 1, without those that the backup has acknowledged.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Log {
    entries: VecDeque<Entry>,
    /// The index of the last acknowledged entry.
    acknowledged: u64,
    /// The index of the last entry that was sent at least once.
    sent: u64,
}

impl Log {
    /// Begins the log of a new view with the state. The writes of the old view that are still open
    /// come after it.
    pub(crate) fn begin(&mut self, state: Vec<Entry>) {
        let open = mem::take(&mut self.entries)
            .into_iter()
            .filter(|entry| matches!(entry, Entry::Write(_)));
        *self = Log {
            entries: state.into_iter().chain(open).collect(),
            ..Log::default()
        };
    }

    /// Adds a write, unless it is a retry of one that is here. A retry of one that was carried out
    /// is added: it does nothing and is answered again, when the backup is known to have it, like
    /// all others.
    pub(crate) fn push(&mut self, write: Write) {
        let is_open = self.entries.iter().any(|entry| match entry {
            Entry::Write(open) => (open.client, open.number) == (write.client, write.number),
            _ => false,
        });
        if !is_open {
            self.entries.push_back(Entry::Write(write));
        }
    }

    /// Whether the backup has the whole state. The state stands in front of the writes.
    pub(crate) fn is_transferred(&self) -> bool {
        self.entries
            .front()
            .is_none_or(|entry| matches!(entry, Entry::Write(_)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether the next batch would contain an entry that was not sent before.
    pub(crate) fn has_news(&self) -> bool {
        self.sent < self.acknowledged + self.batch_len() as u64
    }

    /// The next batch and the index of its first entry. Every batch begins with the first entry
    /// that is not acknowledged: so it may overtake others, or replace them if they are lost,
    /// without leaving a gap.
    pub(crate) fn batch(&mut self) -> (u64, Vec<Entry>) {
        let len = self.batch_len();
        self.sent = self.sent.max(self.acknowledged + len as u64);
        (
            self.acknowledged + 1,
            self.entries.iter().take(len).cloned().collect(),
        )
    }

    /// Takes out everything up to this index, or to the end.
    pub(crate) fn acknowledge(&mut self, upto: u64) -> Vec<Entry> {
        let passed = upto
            .saturating_sub(self.acknowledged)
            .min(self.entries.len() as u64);
        self.acknowledged += passed;
        self.entries.drain(..passed as usize).collect()
    }

    fn batch_len(&self) -> usize {
        let most = if self.is_transferred() { BATCH } else { CHUNK };
        self.entries.len().min(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(number: u64) -> Write {
        let (key, value) = ("k".into(), "v".into());
        Write {
            client: NodeId::new('c', 1),
            number,
            key,
            value,
            append: true,
        }
    }

    #[test]
    fn a_batch_begins_after_the_acknowledgement_and_is_limited() {
        let mut log = Log::default();
        (1..=20).for_each(|number| log.push(write(number)));
        let (first, entries) = log.batch();
        assert_eq!((first, entries.len(), log.has_news()), (1, 16, false));
        assert_eq!(log.acknowledge(3).len(), 3);
        assert!(
            log.acknowledge(2).is_empty(),
            "acknowledgements may overtake each other"
        );
        assert!(log.has_news());
        let (first, entries) = log.batch();
        assert_eq!((first, entries.first()), (4, Some(&Entry::Write(write(4)))));
    }

    #[test]
    fn open_writes_follow_the_state_into_the_next_view() {
        let mut log = Log::default();
        log.begin(vec![Entry::Clear]);
        [1, 2, 2]
            .into_iter()
            .for_each(|number| log.push(write(number)));
        log.acknowledge(2);
        log.begin(vec![Entry::Clear]);
        assert!(!log.is_transferred());
        assert_eq!(log.batch(), (1, vec![Entry::Clear, Entry::Write(write(2))]));
        log.acknowledge(1);
        assert!(log.is_transferred());
    }
}
