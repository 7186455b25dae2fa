//! A node's disk: named blobs, and when they are safe.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    abi::{Blobs, EffectWriter},
    codec,
};

/// The disk of a node, from [`Context::disk`](crate::Context::disk).
///
/// The disk is the only part of a node that survives a crash. It holds *blobs*: named sequences of
/// bytes. Writing is quick and guarantees nothing; only a [`sync`](Disk::sync) makes data safe, and
/// it takes time. So every protocol that must remember something follows the same three steps:
/// write, sync, and only then tell others.
///
/// # Contract
/// * Reads see this node's own writes at once, synced or not.
/// * A write is safe only once a later [`sync`](Disk::sync) has finished. A crash before that may
///   keep or lose it, for each blob independently. [`write`](Disk::write) is atomic (the old or a
///   newer value survives); of an [`append`](Disk::append) any prefix may survive. Of the
///   operations on one blob some prefix survives, in their order.
/// * `sync` is a barrier: effects that you ask for after it happen only once everything before it
///   is safe, and the node handles no event until then. A crash during the barrier drops the
///   effects after it.
/// * Bytes that were synced never change by themselves.
///
/// Use a blob either with `write` and `read`, or with `append` and [`records`](Disk::records).
/// There is no list of blobs: you know their names, or one of them lists the others.
///
/// ```
/// # use labkit::prelude::*;
/// # #[derive(Debug, Serialize, Deserialize)] struct Server { term: u64 }
/// # impl Node for Server {
/// #     type Config = (); type Message = u64; type Timer = ();
/// #     fn start(_: &(), _: Boot, ctx: &mut Context<Self>) -> Self { Server { term: 0 } }
/// fn on_message(&mut self, from: NodeId, term: u64, ctx: &mut Context<Self>) {
///     self.term = term;
///     ctx.disk().write("term", &self.term); // 1. on the disk, perhaps
///     ctx.disk().sync(); //                    2. on the disk, for sure
///     ctx.send(from, term); //                 3. only now may anybody know
/// }
/// #     fn on_timer(&mut self, _: (), _: &mut Context<Self>) {}
/// # }
/// ```
pub struct Disk<'a> {
    pub(crate) blobs: &'a mut Blobs,
    pub(crate) effects: &'a mut EffectWriter,
}

/// What [`Disk::records`] found.
#[derive(Debug, PartialEq, Eq)]
pub struct Record<T> {
    /// The complete records, in the order in which they were appended.
    pub whole: Vec<T>,
    /// True if the blob ends in the middle of a record, as a crash may leave it. That record does
    /// not count.
    pub torn: bool,
}

impl Disk<'_> {
    /// Replaces a blob by `value`, atomically: after a crash the blob holds the old value or the
    /// new one, never a mixture. Two blobs are two writes, and a crash can come between them: what
    /// must change together belongs in one blob.
    ///
    /// # Panics
    /// If the value cannot be serialized; see [`codec`](crate::codec).
    pub fn write<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        let bytes = codec::to_bytes(value)
            .unwrap_or_else(|error| panic!("blob `{name}` cannot be serialized: {error}"));
        self.effects.write(name, &bytes);
        self.blobs.insert(name.to_owned(), bytes);
    }

    /// Reads a blob that [`write`](Disk::write) wrote, or `None`.
    ///
    /// # Panics
    /// If the blob does not hold a `T`.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let bytes = self.blobs.get(name)?;
        match codec::from_bytes(bytes) {
            Ok(value) => Some(value),
            Err(error) => {
                panic!("blob `{name}` does not hold a value of the type that is read: {error}")
            }
        }
    }

    /// Appends a checksummed record to a blob, which starts empty. For a growing log this is
    /// cheaper than to [`write`](Disk::write) it as a whole each time.
    ///
    /// # Panics
    /// If the record cannot be serialized; see [`codec`](crate::codec).
    pub fn append<T: Serialize + ?Sized>(&mut self, name: &str, record: &T) {
        let body = codec::to_bytes(record)
            .unwrap_or_else(|error| panic!("a record of `{name}` cannot be serialized: {error}"));
        let mut bytes = Vec::with_capacity(body.len() + 8);
        bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&checksum(&body).to_le_bytes());
        bytes.extend_from_slice(&body);
        self.effects.append(name, &bytes);
        self.blobs
            .entry(name.to_owned())
            .or_default()
            .extend_from_slice(&bytes);
    }

    /// Reads the records that [`append`](Disk::append) wrote. A record torn by a crash ends the
    /// list.
    ///
    /// Do not append to a blob that is [`torn`](Record::torn): records after the torn one are never
    /// read. Copy the complete records to another blob, sync, and continue there.
    ///
    /// # Panics
    /// If a complete record is not a `T`.
    pub fn records<T: DeserializeOwned>(&self, name: &str) -> Record<T> {
        let mut rest = self.blobs.get(name).map_or(&[][..], Vec::as_slice);
        let mut whole = Vec::new();
        while let Some((head, tail)) = rest.split_first_chunk::<8>() {
            let [l0, l1, l2, l3, c0, c1, c2, c3] = *head;
            let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
            let Some(body) = tail.get(..length) else {
                break;
            };
            if checksum(body) != u32::from_le_bytes([c0, c1, c2, c3]) {
                break;
            }
            match codec::from_bytes(body) {
                Ok(record) => whole.push(record),
                Err(error) => {
                    panic!("a record of `{name}` is not of the type that is read: {error}")
                }
            }
            rest = &tail[length..];
        }
        Record {
            whole,
            torn: !rest.is_empty(),
        }
    }

    /// Removes a blob, if there is one. Like a write, the removal is safe only after a sync.
    pub fn remove(&mut self, name: &str) {
        self.effects.remove(name);
        self.blobs.remove(name);
    }

    /// Waits until everything asked for so far is safe; see the contract above.
    ///
    /// The handler itself does not wait; it continues and returns. What waits is every effect after
    /// this call, and the node's next event. So a sync in every handler makes a node slow. One sync
    /// after several writes is as good as one after each.
    pub fn sync(&mut self) {
        self.effects.sync();
    }
}

/// FNV-1a, 32 bits (Fowler, Noll, Vo): enough to tell a torn record from a whole one.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_record_ends_the_list() {
        let (mut blobs, mut effects) = (Blobs::new(), EffectWriter::default());
        let mut disk = Disk {
            blobs: &mut blobs,
            effects: &mut effects,
        };
        disk.append("log", "first");
        disk.append("log", "second");
        assert_eq!(
            disk.records::<String>("log"),
            Record {
                whole: vec!["first".into(), "second".into()],
                torn: false
            }
        );
        let torn = blobs["log"].len() - 1;
        blobs.get_mut("log").unwrap().truncate(torn);
        let disk = Disk {
            blobs: &mut blobs,
            effects: &mut effects,
        };
        assert_eq!(
            disk.records::<String>("log"),
            Record {
                whole: vec!["first".into()],
                torn: true
            }
        );
    }
}
