//! Zip files that somebody else made.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufReader, Read as _},
    path::Path,
};

use zip::{ZipArchive, result::ZipError};

use crate::{
    entries::{Collected, EntryKind, MAX_ENTRIES, check_path, same_name},
    error::TakeError,
};

/// Maximum size of one submission's zip file.
const SUBMISSION_BYTES: u64 = 32 << 20;

/// What the entries of zip files made on Unix say of their kind, in their mode.
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const SYMBOLIC_LINK: u32 = 0o120_000;

/// A zip file whose list of entries has been read and found to be in order.
#[derive(Debug)]
pub(crate) struct Archive {
    zip: ZipArchive<BufReader<File>>,
    names: Vec<Named>,
}

/// An entry of the list.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    /// With `/` between folders, and none at the end.
    pub(crate) path: String,
    pub(crate) kind: NamedKind,
    /// What the list says; the content may be longer.
    pub(crate) size: u64,
    index: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedKind {
    File,
    Folder,
    Link,
    Special,
}

fn problem<T>(text: impl Into<String>) -> Result<T, TakeError> {
    Err(TakeError::Submission(text.into()))
}

impl Archive {
    /// Reads the list of entries. Paths that leave, encrypted entries and very long lists are
    /// refused.
    pub(crate) fn open(path: &Path, most: u64) -> Result<Archive, TakeError> {
        let metadata =
            fs::symlink_metadata(path).map_err(|error| TakeError::reading(path, &error))?;
        if !metadata.is_file() {
            return problem("it is no regular file");
        }
        if metadata.len() > most {
            return problem(format!(
                "the zip file has {} bytes, and more than {most} are not read",
                metadata.len()
            ));
        }
        let file = File::open(path).map_err(|error| TakeError::reading(path, &error))?;
        let mut zip = match ZipArchive::new(BufReader::new(file)) {
            Ok(zip) => zip,
            Err(ZipError::Io(error)) if error.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(TakeError::reading(path, &error));
            }
            Err(error) => return problem(format!("it is no zip file that can be read: {error}")),
        };
        // The list is kept by name, and of two entries the last would win without a word.
        if zip.has_duplicate_names() {
            return problem(
                "two entries of the zip file have the same name: which of them counts is not \
                 known; ask for one that is packed anew",
            );
        }
        if zip.len() > MAX_ENTRIES {
            return problem(format!(
                "the zip file has {} entries, and more than {MAX_ENTRIES} are not read",
                zip.len()
            ));
        }
        let names = (0..zip.len())
            .map(|index| named(&mut zip, index))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Archive { zip, names })
    }

    /// Reads the list of entries of one submission. Names that are one on some machines are
    /// refused: what is graded must not depend on the machine.
    pub(crate) fn of_submission(path: &Path) -> Result<Archive, TakeError> {
        let archive = Archive::open(path, SUBMISSION_BYTES)?;
        let mut paths = BTreeMap::new();
        for named in &archive.names {
            // `src` and `src/` are two names of the list, and one on every disk.
            if let Some(other) = paths.insert(same_name(&named.path), &named.path)
                && named.path != *other
            {
                return problem(format!(
                    "`{other}` and `{}` in the zip file differ only in case, or in the Unicode \
                     form of a letter: on some machines only one of them exists",
                    named.path
                ));
            }
        }
        Ok(archive)
    }

    pub(crate) fn names(&self) -> &[Named] {
        &self.names
    }

    /// The content of an entry, if it is not longer than `most`, whatever the list says; otherwise
    /// a length that it has at least.
    pub(crate) fn content(
        &mut self,
        named: &Named,
        most: u64,
    ) -> Result<Result<Vec<u8>, u64>, TakeError> {
        if named.size > most {
            return Ok(Err(named.size));
        }
        let damaged = |error: &dyn std::fmt::Display| {
            TakeError::Submission(format!(
                "`{}` in the zip file cannot be read: {error}",
                named.path
            ))
        };
        let entry = self
            .zip
            .by_index(named.index)
            .map_err(|error| damaged(&error))?;
        let mut content = Vec::new();
        entry
            .take(most.saturating_add(1))
            .read_to_end(&mut content)
            .map_err(|error| damaged(&error))?;
        let length = content.len() as u64;
        Ok(if length > most {
            Err(length)
        } else {
            Ok(content)
        })
    }

    /// Adds everything below a folder of the archive that a crate may consist of; contents where
    /// they are of interest.
    pub(crate) fn collect(
        &mut self,
        crate_dir: &str,
        collected: &mut Collected,
    ) -> Result<(), TakeError> {
        let names = self.names.clone();
        for named in &names {
            let Some(path) = below(&named.path, crate_dir) else {
                continue;
            };
            let in_source = path.starts_with("src/");
            if path.contains('/') && !in_source {
                collected.lies_in(path)?;
                continue;
            }
            let what = match named.kind {
                NamedKind::Folder => EntryKind::Folder,
                NamedKind::Link => EntryKind::Link,
                NamedKind::Special => EntryKind::Special,
                NamedKind::File => match collected.room(path) {
                    None => EntryKind::File(Vec::new()),
                    Some(room) => self
                        .content(named, room)?
                        .map_or_else(EntryKind::TooBig, EntryKind::File),
                },
            };
            collected.add(path.to_owned(), what)?;
        }
        Ok(())
    }
}

/// The path relative to a folder of the archive (`""` is its top).
pub(crate) fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    if folder.is_empty() {
        Some(path)
    } else {
        path.strip_prefix(folder)?.strip_prefix('/')
    }
}

fn named(zip: &mut ZipArchive<BufReader<File>>, index: usize) -> Result<Named, TakeError> {
    let entry = match zip.by_index_raw(index) {
        Ok(entry) => entry,
        Err(error) => {
            return problem(format!(
                "entry {} of the zip file cannot be read: {error}",
                index + 1
            ));
        }
    };
    let raw = String::from_utf8_lossy(entry.name_raw()).into_owned();
    if entry.encrypted() {
        return problem(format!(
            "`{raw}` in the zip file is encrypted: ask for one without a password"
        ));
    }
    let path = raw.strip_suffix('/').unwrap_or(&raw);
    check_path(path)?;
    let kind = match entry.unix_mode().map_or(0, |mode| mode & KIND) {
        SYMBOLIC_LINK => NamedKind::Link,
        // Many writers leave the kind out.
        0 | REGULAR | DIRECTORY if raw.ends_with('/') => NamedKind::Folder,
        0 | REGULAR => NamedKind::File,
        DIRECTORY => NamedKind::Folder,
        _ => NamedKind::Special,
    };
    Ok(Named {
        path: path.to_owned(),
        kind,
        size: entry.size(),
        index,
    })
}
