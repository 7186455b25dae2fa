//! A node's disk as part of a state: what is safe on it, and what a crash may leave of the rest.

use std::collections::BTreeMap;

use labkit::abi::Effect;

/// Named blobs, as a node reads them.
pub(crate) type Blobs = BTreeMap<String, Vec<u8>>;

/// The most disks that one crash may leave behind. Unsynced writes to several blobs survive
/// independently of each other, so there can be very many; [`Disk::after_crash`] says when some are
/// left out.
const MOST_SURVIVALS: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Write {
    Replace(Vec<u8>),
    Append(Vec<u8>),
    Remove,
}

/// The disk of one node. Equal disks behave alike: no count and no history is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Disk {
    synced: Blobs,
    /// Per blob, what was written since the last sync, in order.
    unsynced: BTreeMap<String, Vec<Write>>,
    /// It was put in the place of one that broke, and nothing is safe on it yet.
    is_new: bool,
}

impl Disk {
    /// What a disk holds after a crash, all of it safe.
    fn holding(&self, synced: Blobs) -> Disk {
        Disk {
            is_new: self.is_new && synced.is_empty(),
            synced,
            unsynced: BTreeMap::new(),
        }
    }

    /// An empty disk in the place of one that broke.
    pub fn replaced() -> Disk {
        Disk {
            is_new: true,
            ..Disk::default()
        }
    }

    /// Whether a node that starts must be told that its disk was lost.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// The same disk without what was not synced.
    pub fn synced_only(&self) -> Disk {
        self.holding(self.synced.clone())
    }

    /// Carries out a disk effect that is not a sync; other effects are none of its business.
    pub fn apply(&mut self, effect: &Effect<'_>) {
        let (name, write) = match effect {
            Effect::Write { name, bytes } => (*name, Write::Replace(bytes.to_vec())),
            Effect::Append { name, bytes } => (*name, Write::Append(bytes.to_vec())),
            Effect::Remove { name } => (*name, Write::Remove),
            _ => return,
        };
        self.unsynced
            .entry(name.to_owned())
            .or_default()
            .push(write);
    }

    /// Everything written so far is safe.
    pub fn sync(&mut self) {
        for (name, writes) in std::mem::take(&mut self.unsynced) {
            let kept = writes.len();
            keep(&mut self.synced, &name, &writes, kept, false);
        }
        self.is_new &= self.synced.is_empty();
    }

    /// What the node itself reads, unsynced writes included.
    pub fn seen_by_node(&self) -> Blobs {
        let mut all = self.clone();
        all.sync();
        all.synced
    }

    /// Disks that a crash may leave, what survives on each, and whether these are all. Of each
    /// blob's unsynced writes a first part survives; an append that is the last to survive may be
    /// torn, and half of it stands for every part.
    pub fn after_crash(&self) -> (Vec<(Disk, Survivals)>, bool) {
        let mut left = BTreeMap::from([(self.synced.clone(), Survivals::new())]);
        let mut all = true;
        for (name, writes) in &self.unsynced {
            let mut next = BTreeMap::new();
            for (blobs, survivals) in &left {
                for kept in 0..=writes.len() {
                    let appended = match kept.checked_sub(1).map(|last| &writes[last]) {
                        Some(Write::Append(bytes)) => Some(bytes.len()),
                        _ => None,
                    };
                    all &= appended.is_none_or(|length| length <= 2);
                    let half = appended.map(|length| Some(length / 2));
                    for bytes in [None].into_iter().chain(half) {
                        let (mut blobs, mut survivals) = (blobs.clone(), survivals.clone());
                        keep(&mut blobs, name, writes, kept, bytes.is_some());
                        survivals.insert(name.clone(), (kept, bytes));
                        next.entry(blobs).or_insert(survivals);
                    }
                }
            }
            all &= next.len() <= MOST_SURVIVALS;
            left = next.into_iter().take(MOST_SURVIVALS).collect();
        }
        (
            left.into_iter()
                .map(|(blobs, survivals)| (self.holding(blobs), survivals))
                .collect(),
            all,
        )
    }
}

/// Of each blob, how many unsynced writes survive a crash, and how many bytes of the last of them
/// if it is torn.
pub(crate) type Survivals = BTreeMap<String, (usize, Option<usize>)>;

/// Carries out the first `kept` writes to a blob, the last of them perhaps by half.
fn keep(blobs: &mut Blobs, name: &str, writes: &[Write], kept: usize, torn: bool) {
    let mut blob = blobs.remove(name);
    for (nth, write) in writes[..kept].iter().enumerate() {
        let halved = torn && nth + 1 == kept;
        match write {
            Write::Replace(bytes) => blob = Some(bytes.clone()),
            Write::Append(bytes) => {
                let length = if halved { bytes.len() / 2 } else { bytes.len() };
                blob.get_or_insert_default()
                    .extend_from_slice(&bytes[..length]);
            }
            Write::Remove => blob = None,
        }
    }
    if let Some(blob) = blob {
        blobs.insert(name.to_owned(), blob);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_crash_leaves_every_mixture_of_old_new_and_torn() {
        let mut disk = Disk::default();
        disk.apply(&Effect::Write {
            name: "a",
            bytes: &[0],
        });
        disk.sync();
        disk.apply(&Effect::Write {
            name: "a",
            bytes: &[1],
        });
        disk.apply(&Effect::Write {
            name: "a",
            bytes: &[2],
        });
        disk.apply(&Effect::Append {
            name: "log",
            bytes: b"wxyz",
        });
        assert_eq!(disk.seen_by_node()["a"], [2]);
        let (left, all) = disk.after_crash();
        let seen: BTreeSet<_> = left
            .iter()
            .map(|(disk, _)| disk.seen_by_node())
            .map(|mut blobs| (blobs["a"].clone(), blobs.remove("log").unwrap_or_default()))
            .collect();
        assert!(!all, "an append of four bytes has more ways to be torn");
        assert_eq!(
            seen.len(),
            3 * 3,
            "each value of a with no, half and all of the log: {seen:?}"
        );
        assert!(seen.contains(&(vec![1], b"wx".to_vec())));
    }

    #[test]
    fn too_many_survivals_are_cut_and_say_so() {
        let mut disk = Disk::default();
        for name in ["a", "b", "c", "d", "e", "f", "g"] {
            disk.apply(&Effect::Write { name, bytes: &[1] });
        }
        let (left, all) = disk.after_crash();
        assert_eq!((left.len(), all), (MOST_SURVIVALS, false));
    }
}
