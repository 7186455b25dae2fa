//! What one compilation leaves for the next: rustc's incremental folder, with a digest of it.
//!
//! rustc believes what it finds there. A file with a flipped bit may crash it, or give another
//! module without a word. So the digest is noted when the folder is put away and compared when it
//! is taken out again, in the same pass that copies it.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::stage::Digest;

/// An incremental folder that was put away.
pub(super) struct Kept {
    folder: PathBuf,
    note: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Note {
    /// What it was made from.
    origin: String,
    /// The digest of the folder.
    files: String,
}

impl Kept {
    /// The one of this name in a slot.
    pub fn of(slot: &Path, name: &str) -> Kept {
        Kept {
            folder: slot.join(name),
            note: slot.join(format!("{name}.json")),
        }
    }

    /// Copies it to `target`, which must not be there yet, if it is undamaged and, where `origin`
    /// is given, was made from that. What cannot be used is no more than not there: false, and
    /// `target` is not there either.
    pub fn copy_to(&self, target: &Path, origin: Option<&str>) -> bool {
        let copied = self.note().is_some_and(|note| {
            origin.is_none_or(|origin| origin == note.origin)
                && digest(&self.folder, Some(target)).is_ok_and(|files| files == note.files)
        });
        if !copied {
            let _not_there = fs::remove_dir_all(target);
        }
        copied
    }

    /// Puts `folder` away, in place of what was kept before.
    ///
    /// # Errors
    /// If it cannot be moved or noted; then nothing is kept.
    pub fn keep(&self, folder: &Path, origin: &str) -> io::Result<()> {
        // Without a note nothing is kept, whenever this may end.
        for removed in [
            fs::remove_file(&self.note),
            fs::remove_dir_all(&self.folder),
        ] {
            match removed {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let (origin, files) = (origin.to_owned(), digest(folder, None)?);
        // Beside the folder it is removed with all else, should it not come so far.
        let parent = folder.parent().unwrap_or(Path::new("."));
        let mut note = tempfile::NamedTempFile::new_in(parent)?;
        serde_json::to_writer(&mut note, &Note { origin, files })?;
        fs::rename(folder, &self.folder)?;
        note.flush()?;
        note.persist(&self.note)?;
        Ok(())
    }

    fn note(&self) -> Option<Note> {
        serde_json::from_slice(&fs::read(&self.note).ok()?).ok()
    }
}

/// The digest of the names and contents of everything in a folder, which is copied on the way if
/// `copy` says where to.
fn digest(folder: &Path, copy: Option<&Path>) -> io::Result<String> {
    let mut hash = Sha256::new();
    walk(folder, copy, &mut hash)?;
    Ok(Digest(hash.finalize().into()).to_string())
}

fn walk(folder: &Path, copy: Option<&Path>, hash: &mut Sha256) -> io::Result<()> {
    if let Some(copy) = copy {
        fs::create_dir(copy)?;
    }
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    hash.update((entries.len() as u64).to_le_bytes());
    for entry in entries {
        let name = entry.file_name();
        let copy = copy.map(|copy| copy.join(&name));
        let name = name.as_encoded_bytes();
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        if entry.file_type()?.is_dir() {
            hash.update(b"folder");
            walk(&entry.path(), copy.as_deref(), hash)?;
        } else if entry.file_type()?.is_file() {
            let bytes = fs::read(entry.path())?;
            hash.update(b"file");
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(&bytes);
            if let Some(copy) = copy {
                fs::write(copy, bytes)?;
            }
        } else {
            return Err(io::Error::other("rustc makes files and folders only"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a folder in it, as rustc makes them.
    fn incremental(slot: &Path) -> PathBuf {
        let folder = slot.join("incremental");
        fs::create_dir_all(folder.join("lab2-1/s-1")).expect("it can be made");
        fs::write(folder.join("lab2-1/s-1.lock"), "").expect("it can be written");
        fs::write(folder.join("lab2-1/s-1/a.o"), "machine code").expect("it can be written");
        folder
    }

    #[test]
    fn what_is_kept_comes_back_until_it_is_touched() {
        let slot = tempfile::tempdir().expect("a folder");
        let (kept, target) = (
            Kept::of(slot.path(), "last"),
            slot.path().join("incremental"),
        );
        assert!(!kept.copy_to(&target, None), "nothing is kept yet");
        kept.keep(&incremental(slot.path()), "a")
            .expect("it can be kept");
        assert!(!target.exists(), "it was moved");
        assert!(kept.copy_to(&target, None));
        let copied = fs::read(target.join("lab2-1/s-1/a.o")).expect("it was copied");
        assert_eq!(copied, b"machine code");
        fs::remove_dir_all(&target).expect("it is there");

        assert!(kept.copy_to(&target, Some("a")));
        fs::remove_dir_all(&target).expect("it is there");
        assert!(!kept.copy_to(&target, Some("b")), "of others");
        assert!(!target.exists());

        type Damage = fn(&Path) -> io::Result<()>;
        let damages: [Damage; 4] = [
            |kept| fs::write(kept.join("lab2-1/s-1/a.o"), "machine cope"),
            |kept| fs::write(kept.join("lab2-1/s-1/b.o"), ""),
            |kept| fs::remove_file(kept.join("lab2-1/s-1.lock")),
            |kept| fs::rename(kept.join("lab2-1/s-1/a.o"), kept.join("lab2-1/a.o")),
        ];
        for damage in damages {
            kept.keep(&incremental(slot.path()), "a")
                .expect("it can be kept");
            damage(&slot.path().join("last")).expect("it can be damaged");
            assert!(!kept.copy_to(&target, None));
            assert!(!target.exists(), "of what is damaged nothing is left");
        }
        kept.keep(&incremental(slot.path()), "a")
            .expect("it can be kept");
        fs::write(slot.path().join("last.json"), "{").expect("it can be written");
        assert!(!kept.copy_to(&target, None), "its note is damaged");
    }
}
