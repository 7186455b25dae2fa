//! What a grader was compiled from.
//!
//! A verdict depends on the engines (the simulator, the checker, what runs nodes and adds up
//! points) and on one lab: its tests, and what it gives to students. Build scripts digest both, and
//! a run digests what lies in the project with the very same functions and compares. So a grader
//! that is handed on as a program cannot put another project's fingerprint on its verdicts, and an
//! edit of one lab changes nothing about the others.
//!
//! This crate must know no other of the project, since build scripts use it. It reads sources and
//! nothing else: what a verdict is, and which labs are registered, is not known here.
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! let folder = tempfile::tempdir()?;
//! let root = folder.path();
//! for (file, text) in [
//!     ("labs/lab7-queues/src/lib.rs", "// what students are given"),
//!     ("grader/suites/lab7/src/lib.rs", "// the tests"),
//!     ("labs/lab8-locks/src/lib.rs", "// another lab"),
//! ] {
//!     let path = root.join(file);
//!     std::fs::create_dir_all(path.parent().expect("a folder"))?;
//!     std::fs::write(path, text)?;
//! }
//! let before = faultline_origin::of_lab(root, "lab7")?;
//! std::fs::write(root.join("labs/lab8-locks/src/lib.rs"), "// changed")?;
//! assert_eq!(faultline_origin::of_lab(root, "lab7")?, before);
//! std::fs::write(root.join("grader/suites/lab7/src/lib.rs"), "// changed")?;
//! assert_ne!(faultline_origin::of_lab(root, "lab7")?, before);
//! # Ok(())
//! # }
//! ```
//!
//! Read on in `build` (what the build scripts of `grader/grade` and of the registry,
//! `grader/course`, call), `digest` (the digests) and in `grader/grade/src/origin.rs` (the
//! comparison).

mod build;
mod digest;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

pub use build::{emit, emit_engines};
pub use digest::{LOCK, hex, of_engines, of_file, of_lab, of_suite};

/// What the labs of a grader were compiled from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The digest of `Cargo.lock`: the pinned dependencies, among them the engine that nodes run
    /// in.
    pub lock: String,
    /// The digest of each lab, by its id.
    pub labs: BTreeMap<String, String>,
}

impl Origin {
    /// As the registry's build script writes it down.
    pub fn new(lock: &str, labs: &[(&str, &str)]) -> Origin {
        let labs = labs.iter().map(|(lab, digest)| {
            let (lab, digest) = (*lab, *digest);
            (lab.to_owned(), digest.to_owned())
        });
        Origin {
            lock: lock.to_owned(),
            labs: labs.collect(),
        }
    }

    /// That of the project at `root`, as it is now.
    ///
    /// # Errors
    /// If a source cannot be read.
    pub fn of(root: &Path) -> io::Result<Origin> {
        let labs = digest::labs(root)?.into_iter().map(|lab| {
            let digest = of_lab(root, &lab)?;
            Ok((lab, digest))
        });
        Ok(Origin {
            lock: of_file(&root.join(LOCK))?,
            labs: labs.collect::<io::Result<_>>()?,
        })
    }
}

/// The file that marks the root of a project. Nothing in it is read: that it is there is what
/// counts.
pub const MARK: &str = "faultline.toml";

/// The project that a folder belongs to: the nearest folder from there upward that is marked by a
/// file `faultline.toml`, or has what each project has, labs and rubrics. One of the two is not
/// enough: `labs` is a common name.
pub fn project_above(start: &Path) -> Option<PathBuf> {
    let both = |folder: &Path| folder.join("rubrics").is_dir() && folder.join("labs").is_dir();
    start
        .ancestors()
        .find(|folder| folder.join(MARK).is_file() || both(folder))
        .map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_nearest_project_above_is_found() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let outer = folder.path();
        let inner = outer.join("inner");
        for project in [outer, &inner] {
            for part in ["labs/lab2", "rubrics", "starter/lab2/src"] {
                fs::create_dir_all(project.join(part)).expect("a new folder");
            }
        }
        assert_eq!(
            project_above(&inner.join("starter/lab2/src")),
            Some(inner.clone())
        );
        assert_eq!(
            project_above(&outer.join("starter")).as_deref(),
            Some(outer)
        );
        fs::remove_dir(inner.join("rubrics")).expect("it is there");
        assert_eq!(
            project_above(&inner.join("starter/lab2/src")).as_deref(),
            Some(outer)
        );
        // Whoever marks a root says where it is, even if it has no labs yet.
        fs::write(inner.join(MARK), "").expect("a new file");
        assert_eq!(
            project_above(&inner.join("starter/lab2/src")),
            Some(inner.clone())
        );
    }
}
