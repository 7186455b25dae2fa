//! Branches and tags that are kept in tables: git's `reftable` format, of which only the blocks of
//! references are read. (The library for references reads files only.)

use std::{collections::BTreeMap, fs, path::Path};

use gix_hash::{Kind, ObjectId};
use gix_ref::{FullName, Target};

use crate::error::TakeError;

/// Maximum number of tables; git joins them when there are a few.
const MAX_TABLES: usize = 1_000;
/// Maximum size of all tables together.
const MAX_BYTES: u64 = 16 << 20;

/// Reads what all tables of a folder say together: later ones win.
pub(crate) fn read(folder: &Path, hash: Kind) -> Result<BTreeMap<String, Target>, TakeError> {
    let damaged = || {
        TakeError::Submission(
            "the tables of branches in its `.git/reftable` cannot be read: clone it again".into(),
        )
    };
    let file = |name: &str, room: u64| {
        let path = folder.join(name);
        let metadata = fs::symlink_metadata(&path).map_err(|_| damaged())?;
        if !metadata.is_file() || metadata.len() > room {
            return Err(damaged());
        }
        fs::read(&path).map_err(|error| TakeError::reading(&path, &error))
    };
    let list = file("tables.list", MAX_BYTES)?;
    let list = String::from_utf8(list).map_err(|_| damaged())?;
    let (mut references, mut room) = (BTreeMap::new(), MAX_BYTES);
    for (index, name) in list.lines().enumerate() {
        if index == MAX_TABLES || name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(damaged());
        }
        let bytes = file(name, room)?;
        room -= bytes.len() as u64;
        for (name, target) in records(&bytes, hash).ok_or_else(damaged)? {
            match target {
                Some(target) => references.insert(name, target),
                None => references.remove(&name),
            };
        }
    }
    Ok(references)
}

/// The references of one table, by name; none where it says that there is none any more.
fn records(table: &[u8], hash: Kind) -> Option<Vec<(String, Option<Target>)>> {
    if table.get(..4)? != b"REFT" {
        return None;
    }
    let header = match table.get(4)? {
        1 => 24,
        2 => 28,
        _ => return None,
    };
    let block_size = number(table.get(5..8)?);
    let (mut records, mut start) = (Vec::new(), 0);
    loop {
        // The first block has the header of the table in it.
        let at = if start == 0 { header } else { start };
        // Blocks of other kinds follow, or the end of the table.
        if table.get(at) != Some(&b'r') {
            return Some(records);
        }
        let length = number(table.get(at + 1..at + 4)?);
        let block = table.get(start..start + length)?;
        let restarts = number(block.get(length.checked_sub(2)?..)?);
        let end = length.checked_sub(2 + 3 * restarts)?;
        let mut reader = Reader {
            bytes: block.get(..end)?,
            at: at - start + 4,
        };
        let mut name = Vec::new();
        while reader.at < reader.bytes.len() {
            let target = reader.record(&mut name, hash)?;
            records.push((String::from_utf8_lossy(&name).into_owned(), target));
        }
        // Blocks of one kind are padded to their size, and the last one need not be.
        let is_padded = length < block_size && table.get(start + length) == Some(&0);
        start += if is_padded { block_size } else { length };
    }
}

/// A number of a few bytes, the highest first.
fn number(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | usize::from(*byte))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(taken)
    }

    /// A number of as many bytes as it needs: each but the last one has its highest bit set.
    fn number(&mut self) -> Option<usize> {
        let mut byte = self.take(1)?[0];
        let mut number = usize::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            byte = self.take(1)?[0];
            let high = number.checked_add(1)?.checked_mul(128)?;
            number = high | usize::from(byte & 0x7f);
        }
        Some(number)
    }

    /// A record, whose name begins like the one before.
    fn record(&mut self, name: &mut Vec<u8>, hash: Kind) -> Option<Option<Target>> {
        let shared = self.number()?;
        let rest = self.number()?;
        if shared > name.len() {
            return None;
        }
        name.truncate(shared);
        name.extend_from_slice(self.take(rest >> 3)?);
        let _update = self.number()?;
        let id = |bytes: &[u8]| ObjectId::try_from(bytes).ok().map(Target::Object);
        Some(match rest & 7 {
            0 => None,
            1 => Some(id(self.take(hash.len_in_bytes())?)?),
            2 => {
                let target = id(self.take(hash.len_in_bytes())?)?;
                // What a tag leads to in the end; it is found out again.
                self.take(hash.len_in_bytes())?;
                Some(target)
            }
            3 => {
                let length = self.number()?;
                let target =
                    FullName::try_from(String::from_utf8_lossy(self.take(length)?).as_ref());
                Some(Target::Symbolic(target.ok()?))
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of one block: HEAD and two branches.
    fn table() -> Vec<u8> {
        let mut bytes = b"REFT\x01\x00\x10\x00".to_vec();
        bytes.extend([0; 16]);
        let mut records = vec![0, 4 << 3 | 3];
        records.extend(b"HEAD\x00\x0frefs/heads/main");
        records.extend([0, 15 << 3 | 1]);
        records.extend(b"refs/heads/main\x00");
        records.extend([7; 20]);
        // `refs/heads/master` shares `refs/heads/ma`.
        records.extend([13, 4 << 3 | 1]);
        records.extend(b"ster\x00");
        records.extend([8; 20]);
        let length = 24 + 4 + records.len() + 3 + 2;
        bytes.extend([b'r', 0, 0, u8::try_from(length).expect("a short block")]);
        bytes.extend(records);
        bytes.extend([0, 0, 28, 0, 1]);
        bytes.extend(b"REFT");
        bytes
    }

    #[test]
    fn references_of_a_table_are_read() {
        let records = records(&table(), Kind::Sha1).expect("a table");
        let names: Vec<&str> = records.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["HEAD", "refs/heads/main", "refs/heads/master"]);
        let id = |byte| Some(Target::Object(ObjectId::from_bytes_or_panic(&[byte; 20])));
        assert_eq!((&records[1].1, &records[2].1), (&id(7), &id(8)));
        let head = FullName::try_from("refs/heads/main").expect("a name");
        assert_eq!(records[0].1, Some(Target::Symbolic(head)));
    }

    #[test]
    fn a_damaged_table_is_no_table_and_never_a_panic() {
        let whole = table();
        for length in 0..whole.len() - 4 {
            // What ends before its first block has no references.
            let read = records(&whole[..length], Kind::Sha1);
            assert!(read.is_none_or(|records| records.is_empty()), "{length}");
        }
        for at in 0..whole.len() {
            for byte in [0, 1, 0x7f, 0x80, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = byte;
                let _whatever = records(&damaged, Kind::Sha1);
            }
        }
    }
}
