//! Where submissions are compiled: folders with fixed names.
//!
//! rustc takes nothing from an incremental folder if any path in its command is another one. So
//! there is a slot for each build that goes on at the same time, taken by a lock on a file in it,
//! and everything in the command is relative to the slot or the same in all of them.

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::kept::Kept;
use crate::ToolError;

/// The folder that the compiler may write to, relative to the slot.
pub(super) const OUT: &str = "out";

/// The source of the glue, relative to the slot.
pub(super) const GLUE: &str = "glue.rs";

/// rustc's incremental folder, relative to the slot.
pub(super) const INCREMENTAL: &str = "out/incremental";

/// A folder in which one submission is compiled.
pub(super) struct Slot {
    folder: PathBuf,
    /// Held as long as the slot is taken.
    _lock: Option<File>,
    /// Instead of a lock: a folder that nobody else knows.
    _own: Option<TempDir>,
    keeps: bool,
}

impl Slot {
    /// Takes a slot in the folder `slots`: the first that is free.
    pub fn take(slots: &Path) -> Result<Slot, ToolError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        for number in 0.. {
            let folder = slots.join(number.to_string());
            fs::create_dir_all(&folder).map_err(ToolError::io("make", &folder))?;
            let path = folder.join("lock");
            let lock = File::options().create(true).append(true).open(&path);
            let lock = lock.map_err(ToolError::io("open", &path))?;
            match lock.try_lock() {
                // More slots than cores are there for a moment only: they keep nothing.
                Ok(()) => {
                    return Ok(Slot {
                        folder,
                        _lock: Some(lock),
                        _own: None,
                        keeps: number < cores,
                    });
                }
                Err(TryLockError::WouldBlock) => {}
                // A file system without locks, where rustc would need one, too.
                Err(TryLockError::Error(_)) => break,
            }
        }
        let own = tempfile::Builder::new().prefix("faultline-").tempdir();
        let own = own.map_err(ToolError::io("make a folder in", std::env::temp_dir()))?;
        Ok(Slot {
            folder: own.path().to_owned(),
            _lock: None,
            _own: Some(own),
            keeps: false,
        })
    }

    /// The slot's folder, in which the compiler works.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder that the compiler may write to.
    pub fn out(&self) -> PathBuf {
        self.folder.join(OUT)
    }

    /// Where the compiler's temporary files go.
    pub fn temporary(&self) -> PathBuf {
        self.folder.join("out/tmp")
    }

    /// rustc's incremental folder.
    pub fn incremental(&self) -> PathBuf {
        self.folder.join(INCREMENTAL)
    }

    /// What is kept in this slot under a name.
    pub fn kept(&self, name: &str) -> Kept {
        Kept::of(&self.folder, name)
    }

    /// Whether anything may be kept in it.
    pub fn keeps(&self) -> bool {
        self.keeps
    }

    /// Makes it ready for these sources: nothing else is in it but what is kept.
    pub fn prepare(&self, sources: &BTreeMap<String, String>) -> Result<(), ToolError> {
        self.clear().map_err(ToolError::io("empty", &self.folder))?;
        let temporary = self.temporary();
        fs::create_dir_all(&temporary).map_err(ToolError::io("make", &temporary))?;
        for (name, text) in sources {
            let path = self.folder.join(name);
            let parent = path.parent().unwrap_or(&self.folder);
            fs::create_dir_all(parent).map_err(ToolError::io("make", parent))?;
            fs::write(&path, text).map_err(ToolError::io("write", &path))?;
        }
        Ok(())
    }

    fn clear(&self) -> io::Result<()> {
        for removed in [
            fs::remove_dir_all(self.folder.join("src")),
            fs::remove_dir_all(self.out()),
            fs::remove_file(self.folder.join(GLUE)),
        ] {
            match removed {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for Slot {
    /// Nobody's sources stay. (If that fails now, the next build does it, or fails.)
    fn drop(&mut self) {
        let _later = self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_somebodys_alone_and_the_first_free_one() {
        let slots = tempfile::tempdir().expect("a folder");
        let take = || Slot::take(slots.path()).expect("there is one");
        let (first, second) = (take(), take());
        assert_eq!(first.folder(), slots.path().join("0"));
        assert_eq!(second.folder(), slots.path().join("1"));
        drop(first);
        assert_eq!(take().folder(), slots.path().join("0"));
    }

    #[test]
    fn of_a_build_only_what_is_kept_stays() {
        let slots = tempfile::tempdir().expect("a folder");
        let sources = |name: &str| BTreeMap::from([(name.to_owned(), String::new())]);
        let slot = Slot::take(slots.path()).expect("there is one");
        slot.prepare(&sources("src/deep/a.rs"))
            .expect("it can be filled");
        fs::write(slot.out().join("module.wasm"), "").expect("it can be written");
        fs::create_dir(slot.incremental()).expect("it can be made");
        let digest = crate::stage::Digest([1; 32]);
        slot.kept("last")
            .keep(&slot.incremental(), digest)
            .expect("it can be kept");
        slot.prepare(&sources("src/b.rs"))
            .expect("it can be filled");
        assert!(slot.folder().join("src/b.rs").is_file());
        assert!(!slot.folder().join("src/deep").exists());
        assert!(!slot.out().join("module.wasm").exists());
        assert!(slot.kept("last").copy_to(&slot.incremental(), None));
        drop(slot);
        let left = fs::read_dir(slots.path().join("0")).expect("it is there");
        let mut left: Vec<_> = left.flatten().map(|entry| entry.file_name()).collect();
        left.sort();
        assert_eq!(left, ["last", "last.json", "lock"]);
    }
}
