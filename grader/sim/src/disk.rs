//! What is on a node's disk, and what of it is safe.

use labkit::abi::Effect;
use std::collections::{BTreeMap, BTreeSet};

use crate::{choice::Draw, schedule::Survival, time::Time};

type Blobs = BTreeMap<String, Vec<u8>>;

#[derive(Clone, Debug)]
enum Write {
    Replace(Vec<u8>),
    Append(Vec<u8>),
    Remove,
}

/// A blob at one moment, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its name.
    pub name: String,
    /// What a crash would leave of it; `None` if it would not be there.
    pub synced: Option<Vec<u8>>,
    /// What was written since, in words, in order; a crash may take it away from the end.
    pub unsynced: Vec<String>,
}

/// A write that a crash took away, or part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostWrite {
    /// The blob.
    pub blob: String,
    /// What was written, in words.
    pub what: String,
    /// When it was written.
    pub at: Time,
}

/// The disk of one node over all its incarnations.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeDisk {
    synced: Blobs,
    /// Per blob, what was written since the last sync, in order.
    unsynced: BTreeMap<String, Vec<(Time, Write)>>,
    pub bytes_written: u64,
}

impl NodeDisk {
    /// Carries out a disk effect that is not a sync; other effects are none of its business.
    pub fn apply(&mut self, effect: &Effect<'_>, now: Time) {
        let (name, write) = match effect {
            Effect::Write { name, bytes } => (*name, Write::Replace(bytes.to_vec())),
            Effect::Append { name, bytes } => (*name, Write::Append(bytes.to_vec())),
            Effect::Remove { name } => (*name, Write::Remove),
            _ => return,
        };
        if let Write::Replace(bytes) | Write::Append(bytes) = &write {
            self.bytes_written += bytes.len() as u64;
        }
        self.unsynced
            .entry(name.to_owned())
            .or_default()
            .push((now, write));
    }

    /// Everything written so far is safe.
    pub fn sync(&mut self) {
        for (name, writes) in std::mem::take(&mut self.unsynced) {
            let count = writes.len();
            keep(&mut self.synced, name, writes, count, usize::MAX);
        }
    }

    /// What a crash leaves of each blob's unsynced writes: a first part, drawn for each blob on its
    /// own; an append that is the last to survive may be torn.
    pub fn draw_survivals(&self, mut draw: Draw) -> BTreeMap<String, Survival> {
        let mut survival = |writes: &Vec<(Time, Write)>| {
            let kept = draw.below(writes.len() as u64 + 1);
            let bytes = match writes.get((kept as usize).wrapping_sub(1)) {
                Some((_, Write::Append(bytes))) => Some(draw.below(bytes.len() as u64 + 1)),
                _ => None,
            };
            Survival {
                writes: kept,
                bytes,
            }
        };
        self.unsynced
            .iter()
            .map(|(name, writes)| (name.clone(), survival(writes)))
            .collect()
    }

    /// Of the unsynced writes only these survive. Says what of it there was to survive.
    pub fn crash(&mut self, survivals: &BTreeMap<String, Survival>) -> Vec<(String, Survival)> {
        let mut left = Vec::new();
        for (name, writes) in std::mem::take(&mut self.unsynced) {
            let survival = survivals.get(&name).copied().unwrap_or_default();
            let kept = usize::try_from(survival.writes)
                .unwrap_or(usize::MAX)
                .min(writes.len());
            let torn = survival.bytes.map_or(usize::MAX, |bytes| {
                usize::try_from(bytes).unwrap_or(usize::MAX)
            });
            left.push((
                name.clone(),
                Survival {
                    writes: kept as u64,
                    ..survival
                },
            ));
            keep(&mut self.synced, name, writes, kept, torn);
        }
        left
    }

    /// What a crash that leaves only these would take away.
    pub fn would_lose(&self, survivals: &BTreeMap<String, Survival>) -> Vec<LostWrite> {
        let mut lost = Vec::new();
        for (name, writes) in &self.unsynced {
            let survival = survivals.get(name).copied().unwrap_or_default();
            for (nth, (at, write)) in (1..).zip(writes) {
                let torn = match (write, survival.bytes) {
                    (Write::Append(all), Some(kept)) if nth == survival.writes => {
                        (kept < all.len() as u64).then(|| format!(", of which {kept} were kept"))
                    }
                    _ => None,
                };
                if nth > survival.writes || torn.is_some() {
                    lost.push(LostWrite {
                        blob: name.clone(),
                        what: say(write) + &torn.unwrap_or_default(),
                        at: *at,
                    });
                }
            }
        }
        lost
    }

    /// True if a crash would leave nothing.
    pub fn is_empty(&self) -> bool {
        self.synced.is_empty()
    }

    /// What the node itself reads, unsynced writes included.
    pub fn seen_by_node(&self) -> Blobs {
        let mut all = self.clone();
        all.sync();
        all.synced
    }

    /// Every blob, what of it is safe and what is not.
    pub fn blobs(&self) -> Vec<Blob> {
        let names: BTreeSet<&String> = self.synced.keys().chain(self.unsynced.keys()).collect();
        let blob = |name: &String| Blob {
            name: name.clone(),
            synced: self.synced.get(name).cloned(),
            unsynced: self
                .unsynced
                .get(name)
                .into_iter()
                .flatten()
                .map(|(_, write)| say(write))
                .collect(),
        };
        names.into_iter().map(blob).collect()
    }

    /// What the node reads after a crash; there is nothing unsynced then.
    pub fn contents(&self) -> &Blobs {
        &self.synced
    }
}

fn say(write: &Write) -> String {
    match write {
        Write::Replace(bytes) => match bytes.len() {
            1 => "write 1 byte".to_owned(),
            many => format!("write {many} bytes"),
        },
        Write::Append(bytes) => format!("append {} bytes", bytes.len()),
        Write::Remove => "remove".to_owned(),
    }
}

fn keep(
    blobs: &mut Blobs,
    name: String,
    writes: Vec<(Time, Write)>,
    count: usize,
    last_append: usize,
) {
    let mut blob = blobs.remove(&name);
    for (nth, (_, write)) in writes.into_iter().take(count).enumerate() {
        let limit = if nth + 1 == count {
            last_append
        } else {
            usize::MAX
        };
        match write {
            Write::Replace(bytes) => blob = Some(bytes),
            Write::Append(bytes) => {
                blob.get_or_insert_default()
                    .extend_from_slice(&bytes[..bytes.len().min(limit)]);
            }
            Write::Remove => blob = None,
        }
    }
    if let Some(blob) = blob {
        blobs.insert(name, blob);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::{About, Choices};

    fn write(name: &'static str, byte: u8) -> Effect<'static> {
        Effect::Write {
            name,
            bytes: [[0u8], [1], [2]][usize::from(byte)].as_slice(),
        }
    }

    #[test]
    fn a_crash_keeps_what_was_synced_and_a_first_part_of_the_rest() {
        let mut seen = std::collections::BTreeSet::new();
        for nth in 0..200 {
            let mut disk = NodeDisk::default();
            disk.apply(&write("a", 0), Time::ZERO);
            disk.sync();
            disk.apply(&write("a", 1), Time(1));
            disk.apply(&write("a", 2), Time(2));
            let append = Effect::Append {
                name: "log",
                bytes: b"xyz",
            };
            disk.apply(&append, Time(3));
            let survivals = disk.draw_survivals(Choices::new(1).draw(About::DiskKept, 0, nth));
            let lost = disk.would_lose(&survivals);
            disk.crash(&survivals);
            let log = disk.contents().get("log").cloned().unwrap_or_default();
            assert!(b"xyz".starts_with(&log));
            let of = |blob: &str| lost.iter().filter(|lost| lost.blob == blob).count();
            assert_eq!(of("a"), 2 - usize::from(disk.contents()["a"][0]));
            assert_eq!(of("log"), usize::from(log.len() < 3));
            seen.insert((disk.contents()["a"].clone(), log));
        }
        assert_eq!(seen.len(), 3 * 4, "every combination occurs: {seen:?}");
    }
}
