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
    lock: Option<File>,
    /// Instead of a lock: a folder that nobody else knows.
    _own: Option<TempDir>,
    keeps: bool,
}

impl Slot {
    /// Takes a slot in the folder `slots`: the first that is free. Where that cannot be (the folder
    /// is another user's, or the file system has no locks), the slot is a new folder elsewhere.
    pub fn take(slots: &Path) -> Result<Slot, ToolError> {
        if let Some(slot) = Slot::shared(slots) {
            return Ok(slot);
        }
        let own = tempfile::Builder::new().prefix("faultline-").tempdir();
        let own = own.map_err(ToolError::io("make a folder in", std::env::temp_dir()))?;
        Ok(Slot {
            folder: own.path().to_owned(),
            lock: None,
            _own: Some(own),
            keeps: false,
        })
    }

    fn shared(slots: &Path) -> Option<Slot> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        for number in 0.. {
            let folder = slots.join(number.to_string());
            private_folder(&folder).ok()?;
            // (Windows locks no file that is only appended to.)
            let lock = File::options()
                .create(true)
                .read(true)
                .append(true)
                .open(folder.join("lock"))
                .ok()?;
            match lock.try_lock() {
                Ok(()) => {
                    inherit(&lock)?;
                    return Some(Slot {
                        folder,
                        lock: Some(lock),
                        _own: None,
                        // More slots than cores are there for a moment only.
                        keeps: number < cores,
                    });
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(_)) => return None,
            }
        }
        None
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
        // Said aloud: what other threads have started meanwhile may hold the lock, too.
        let _ended = self.lock.as_ref().map(File::unlock);
    }
}

/// Makes a folder, and those above it, for its user alone: what is compiled in it is nobody else's.
fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Whoever is started from now on holds the lock, too: when a grader is killed, its compiler still
/// writes for a while, and the slot is free when that has ended.
#[cfg(unix)]
fn inherit(lock: &File) -> Option<()> {
    rustix::io::fcntl_setfd(lock, rustix::io::FdFlags::empty()).ok()
}

/// Windows does not let go of files that somebody uses: what is left of a killed grader is in the
/// way of the next one, which says so.
#[cfg(not(unix))]
fn inherit(_: &File) -> Option<()> {
    Some(())
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

    /// As when a grader is killed: nobody says that the slot is free, and its compiler goes on.
    #[cfg(unix)]
    #[test]
    fn a_slot_is_taken_as_long_as_a_compiler_of_a_killed_grader_works_in_it() {
        use std::process::{Command, Stdio};
        let slots = tempfile::tempdir().expect("a folder");
        let take = || Slot::take(slots.path()).expect("there is one");
        let mut killed = take();
        let mut compiler = Command::new("cat")
            .stdin(Stdio::piped())
            .spawn()
            .expect("it can be started");
        drop(killed.lock.take());
        assert_eq!(take().folder(), slots.path().join("1"));
        drop(compiler.stdin.take());
        compiler.wait().expect("it ends with its input");
        // Compilers of other tests may have been started meanwhile; they end, too.
        while take().folder() != slots.path().join("0") {
            std::thread::yield_now();
        }
        drop(killed);
        // What was started beside a build is no compiler in its slot.
        let slot = take();
        let mut beside = Command::new("cat")
            .stdin(Stdio::piped())
            .spawn()
            .expect("it can be started");
        drop(slot);
        assert_eq!(take().folder(), slots.path().join("0"));
        drop(beside.stdin.take());
        beside.wait().expect("it ends with its input");
    }

    #[test]
    fn where_no_slot_can_be_made_a_folder_elsewhere_is_one() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let slot = Slot::take(file.path()).expect("there is one");
        assert!(!slot.keeps() && !slot.folder().starts_with(file.path()));
        let folder = slot.folder().to_owned();
        assert!(folder.is_dir());
        drop(slot);
        assert!(!folder.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_slot_is_its_users_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let project = tempfile::tempdir().expect("a folder");
        let slot = Slot::take(&project.path().join("slots/lab2")).expect("there is one");
        let mode = fs::metadata(slot.folder())
            .expect("it is there")
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o700);
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
        slot.kept("last")
            .keep(&slot.incremental(), "a")
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
