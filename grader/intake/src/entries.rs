//! Entries of a crate that are not read from a folder: what they are, and which are read.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;

use crate::error::TakeError;

/// Maximum size of a manifest that is read. (It has no effect; the grader looks at it to tell
/// people so.)
const MANIFEST_BYTES: u64 = 64 << 10;

/// Maximum number of entries in a crate, whatever they are.
pub(crate) const MAX_ENTRIES: usize = 20_000;

/// How much of a submission is read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Maximum number of source files.
    pub files: usize,
    /// Maximum number of bytes in all source files together.
    pub bytes: u64,
}

/// Something in a crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is, relative to the crate, with `/`.
    pub path: String,
    /// What it is.
    pub what: EntryKind,
}

/// What an [`Entry`] of a submission is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file. Its content is there for `Cargo.toml` and `src/**/*.rs`, and empty for
    /// others, which are not read.
    File(Vec<u8>),
    /// A regular file that was not read, since it is too big; the number is its length in bytes (or
    /// a lower bound of it, if an archive lies about it).
    TooBig(u64),
    /// A symbolic link.
    Link,
    /// Something else: a submodule, a device, a pipe.
    Special,
    /// A folder.
    Folder,
}

/// Collects entries, and refuses what no crate is.
#[derive(Debug)]
pub(crate) struct Collected {
    limits: Limits,
    files: usize,
    bytes: u64,
    entries: Vec<Entry>,
    by_name: BTreeMap<String, String>,
    folders: BTreeMap<String, String>,
}

impl Collected {
    pub(crate) fn new(limits: Limits) -> Collected {
        let (by_name, folders) = (BTreeMap::new(), BTreeMap::new());
        Collected {
            limits,
            files: 0,
            bytes: 0,
            entries: Vec::new(),
            by_name,
            folders,
        }
    }

    /// How many bytes of a file with this path may be read: none if its content is of no interest.
    pub(crate) fn room(&self, path: &str) -> Option<u64> {
        let source = path.starts_with("src/") && path.ends_with(".rs");
        match path {
            "Cargo.toml" => Some(MANIFEST_BYTES),
            _ => source.then_some(self.limits.bytes - self.bytes),
        }
    }

    pub(crate) fn add(&mut self, path: String, what: EntryKind) -> Result<(), TakeError> {
        check_path(&path)?;
        if self.entries.len() == MAX_ENTRIES {
            return Err(TakeError::Submission(format!(
                "the crate has more than {MAX_ENTRIES} files: remove what is not needed"
            )));
        }
        if let Some(other) = self.by_name.insert(same_name(&path), path.clone()) {
            return Err(alike(&other, &path));
        }
        self.lies_in(&path)?;
        if path.starts_with("src/")
            && path.ends_with(".rs")
            && let EntryKind::File(content) = &what
        {
            self.files += 1;
            self.bytes += content.len() as u64;
            if self.files > self.limits.files {
                let most = self.limits.files;
                return Err(TakeError::Submission(format!(
                    "the crate has more than {most} source files: remove what is not needed"
                )));
            }
        }
        self.entries.push(Entry { path, what });
        Ok(())
    }

    /// Notes the folders that a path lies in: archives need not list them, and they must not differ
    /// only in case either.
    pub(crate) fn lies_in(&mut self, path: &str) -> Result<(), TakeError> {
        for (end, _) in path.match_indices('/') {
            let folder = &path[..end];
            let other = self
                .folders
                .entry(same_name(folder))
                .or_insert_with(|| folder.to_owned());
            if other != folder {
                return Err(alike(other, folder));
            }
        }
        Ok(())
    }

    /// The entries, by path. What is no folder has nothing in it: an archive that says otherwise
    /// wants something written through a link.
    pub(crate) fn finish(mut self) -> Result<Vec<Entry>, TakeError> {
        self.entries.sort_by(|one, other| one.path.cmp(&other.path));
        let is_both = |entry: &&Entry| {
            entry.what != EntryKind::Folder && self.folders.contains_key(&same_name(&entry.path))
        };
        match self.entries.iter().find(is_both) {
            Some(entry) => Err(TakeError::Submission(format!(
                "`{}` is no folder, but there are files in it",
                entry.path
            ))),
            None => Ok(self.entries),
        }
    }
}

fn alike(one: &str, other: &str) -> TakeError {
    TakeError::Submission(if one == other {
        format!("`{one}` is there twice")
    } else {
        format!(
            "`{one}` and `{other}` differ only in case, or in the Unicode form of a letter: on \
             some machines only one of them exists"
        )
    })
}

/// What names have in common that are one on some machines: those that tell apart neither case nor
/// the forms in which Unicode writes a letter.
pub(crate) fn same_name(name: &str) -> String {
    name.nfc().flat_map(char::to_lowercase).nfc().collect()
}

/// Paths go down, and mean the same on every system.
pub(crate) fn check_path(path: &str) -> Result<(), TakeError> {
    let problem = if path.is_empty() {
        "it is empty"
    } else if path.starts_with('/') {
        "it is absolute"
    } else if path.contains('\\') {
        "it has a backslash"
    } else if path.split('/').any(|part| part == "..") {
        "it leaves the submission"
    } else if path.split('/').any(|part| part.is_empty() || part == ".") {
        "it has an empty part"
    } else if path.contains('\0') {
        "it has a null byte"
    } else if path.as_bytes().get(1) == Some(&b':') && path.as_bytes()[0].is_ascii_alphabetic() {
        "it begins with a drive"
    } else {
        return Ok(());
    };
    Err(TakeError::Submission(format!(
        "a file has the path `{path}`: {problem}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_are_refused() {
        for path in [
            "",
            "/etc/passwd",
            "../x",
            "src/../../x",
            "src\\lib.rs",
            "C:/x",
            "src//x",
            "./x",
            "src/a\0b.rs",
        ] {
            assert!(check_path(path).is_err(), "{path:?}");
        }
        for path in [
            "src/lib.rs",
            "Cargo.toml",
            "src/..a.rs",
            "=cmd()",
            "src/a\nb.rs",
        ] {
            assert_eq!(check_path(path), Ok(()), "{path:?}");
        }
    }

    #[test]
    fn limits_are_those_of_source_files() {
        let mut collected = Collected::new(Limits {
            files: 2,
            bytes: 10,
        });
        collected
            .add("src/a.rs".into(), EntryKind::File(vec![0; 6]))
            .expect("the first");
        assert_eq!(collected.room("src/b.rs"), Some(4));
        assert_eq!(collected.room("src/b.txt"), None);
        collected
            .add("src/b.rs".into(), EntryKind::File(vec![0; 4]))
            .expect("the second");
        collected
            .add("src/b.txt".into(), EntryKind::File(Vec::new()))
            .expect("no source file");
        assert!(
            collected
                .add("src/c.rs".into(), EntryKind::File(Vec::new()))
                .is_err()
        );
    }

    #[test]
    fn paths_that_differ_only_in_case_are_refused() {
        let mut collected = Collected::new(Limits {
            files: 9,
            bytes: 10,
        });
        collected
            .add("src/Server.rs".into(), EntryKind::File(Vec::new()))
            .expect("the first");
        let error = collected
            .add("src/server.rs".into(), EntryKind::File(Vec::new()))
            .expect_err("the second");
        assert!(error.to_string().contains("differ only in case"));
        collected
            .add("src/a/x.rs".into(), EntryKind::File(Vec::new()))
            .expect("another folder");
        let error = collected
            .add("src/A/y.rs".into(), EntryKind::File(Vec::new()))
            .expect_err("folders, too");
        assert!(
            error
                .to_string()
                .contains("`src/a` and `src/A` differ only in case")
        );
        collected
            .add("src/\u{e4}.rs".into(), EntryKind::File(Vec::new()))
            .expect("one letter");
        let error = collected
            .add("src/a\u{308}.rs".into(), EntryKind::File(Vec::new()))
            .expect_err("the same letter in two parts");
        assert!(error.to_string().contains("the Unicode form"), "{error}");
    }
}
