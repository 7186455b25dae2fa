//! A new lab: a whole small one, from which a teacher goes on.
//!
//! It is written where the labs of a project are, or into a workspace of its own that has Faultline
//! as a dependency. Either all of it is there afterwards or nothing: everything is made in a folder
//! beside, and then renamed.
//!
//! This crate must not know how a lab is graded. What a lab consists of stands in `template`, as
//! the lab `tally`: its name and its title are replaced.
//!
//! ```
//! use faultline_newlab::{NewLab, Source, write_outside};
//!
//! # fn main() -> Result<(), faultline_grade::Error> {
//! # let folder = tempfile::tempdir().expect("a temporary folder");
//! # let folder = folder.path();
//! let lab = NewLab::new("demo", Some("A running total"), "", &[])?;
//! let faultline = Source::Git {
//!     url: "https://example.org/faultline".to_owned(),
//!     rev: None,
//! };
//! write_outside(&lab, &folder.join("my-labs"), &faultline, "")?;
//! assert!(folder.join("my-labs/labs/demo/README.md").is_file());
//! assert!(NewLab::new("Demo!", None, "", &[]).is_err());
//! # Ok(())
//! # }
//! ```
//!
//! Read on in `name` (what a lab may be called), `template` (its files), `lines` (what else a new
//! lab changes in a project) and `outside` (the files around it in a workspace of its own);
//! `docs/a-lab-of-your-own.md` is for teachers.

mod lines;
mod name;
mod outside;
mod template;

use std::{
    fs,
    path::{Path, PathBuf},
};

use faultline_grade::{Error, derive_starter, write_whole};
use tempfile::TempDir;

pub use lines::Line;
pub use name::NewLab;
pub use outside::Source;

use template::File;

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The new folders and files, below the project.
    pub new: Vec<String>,
    /// The lines that were added to other files.
    pub lines: Vec<Line>,
}

/// Writes a lab into the project at `root`, which has a registry in `grader/course`, and the lines
/// by which the rest of the project knows of it.
///
/// # Errors
/// [`Error::Usage`] if something is in the way or the project has no place for the lines; then
/// nothing was written. [`Error::Broken`] if the machine is in the way.
pub fn write_inside(lab: &NewLab, root: &Path) -> Result<Written, Error> {
    let folders = template::folders(lab);
    for folder in &folders {
        refuse_existing(&root.join(folder))?;
    }
    refuse_longer_names(lab, root)?;
    let edits = lines::edits(lab, root)?;
    let staged = staged(root, lab, template::lab(lab))?;
    move_all(staged.path(), root, &folders)?;
    for edit in &edits.files {
        let written = write_whole(&edit.path, edit.text.as_bytes());
        if let Err(error) = written {
            for edit in &edits.files {
                let _ = write_whole(&edit.path, edit.before.as_bytes());
            }
            take_back(root, &folders);
            return Err(error);
        }
    }
    Ok(Written {
        new: folders,
        lines: edits.lines,
    })
}

/// Writes a workspace with the lab as its only one. `lock` is the `Cargo.lock` of Faultline, so
/// that the workspace begins with the same versions of all dependencies.
///
/// # Errors
/// [`Error::Usage`] if the folder is there or cannot be; then nothing was written.
/// [`Error::Broken`] if the machine is in the way.
pub fn write_outside(
    lab: &NewLab,
    folder: &Path,
    faultline: &Source,
    lock: &str,
) -> Result<Written, Error> {
    refuse_existing(folder)?;
    let absolute = std::path::absolute(folder).map_err(broken(folder))?;
    let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        return Err(Error::Usage(format!(
            "{} cannot be a new folder: expected DIR, a folder that is not there yet",
            folder.display()
        )));
    };
    if !parent.is_dir() {
        return Err(Error::Usage(format!(
            "{} is no folder, so {} cannot be made in it: make it first",
            parent.display(),
            name.display()
        )));
    }
    let mut files = template::lab(lab);
    files.extend(outside::files(lab, faultline, lock)?);
    let staged = staged(parent, lab, files)?;
    fs::rename(staged.path(), &absolute).map_err(broken(&absolute))?;
    Ok(Written {
        new: vec![folder.display().to_string()],
        lines: Vec::new(),
    })
}

/// Whatever is there is somebody's work, an empty folder and a dangling link included.
fn refuse_existing(path: &Path) -> Result<(), Error> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(Error::Usage(format!(
            "{} is there already, and nothing was written: choose another name, or move it away",
            path.display()
        ))),
        Err(_) => Ok(()),
    }
}

/// A folder `labs/NAME-more` would become this lab's, and no longer count for the lab that it is
/// of.
fn refuse_longer_names(lab: &NewLab, root: &Path) -> Result<(), Error> {
    let begin = format!("{}-", lab.name);
    for entry in fs::read_dir(root.join("labs"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(&begin) {
            return Err(Error::Usage(format!(
                "labs/{name} begins with the name {:?}, so it would be taken for a folder of the \
                 new lab, and nothing was written: choose another name",
                lab.name
            )));
        }
    }
    Ok(())
}

/// The files in a folder of their own beside the place where they go, the starter included.
fn staged(beside: &Path, lab: &NewLab, files: Vec<File>) -> Result<TempDir, Error> {
    let mut folder = tempfile::Builder::new();
    // A folder for temporary files is readable by its owner alone; this one becomes the project's.
    #[cfg(unix)]
    folder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755));
    let folder = folder
        .prefix(".new-lab-")
        .tempdir_in(beside)
        .map_err(broken(beside))?;
    for file in files {
        write_new(&folder.path().join(file.path), &file.text)?;
    }
    for (path, text) in derive_starter(folder.path(), &lab.name)? {
        let starter = folder.path().join("starter").join(&lab.name);
        write_new(&starter.join(path), &text)?;
    }
    Ok(folder)
}

fn write_new(path: &Path, text: &str) -> Result<(), Error> {
    let folder = path.parent().expect("a file stands in a folder");
    fs::create_dir_all(folder).map_err(broken(folder))?;
    fs::write(path, text).map_err(broken(path))
}

/// Moves these from a folder to another; all of them or none.
fn move_all(from: &Path, to: &Path, names: &[String]) -> Result<(), Error> {
    for (index, name) in names.iter().enumerate() {
        let target = to.join(name);
        let folder = target.parent().expect("a name stands in a folder");
        let moved = fs::create_dir_all(folder).and_then(|()| fs::rename(from.join(name), &target));
        if let Err(error) = moved {
            take_back(to, &names[..index]);
            return Err(broken(&target)(error));
        }
    }
    Ok(())
}

/// Removes what this run has just made.
fn take_back(root: &Path, names: &[String]) {
    for name in names {
        let path = root.join(name);
        let _ = match path.is_dir() {
            true => fs::remove_dir_all(path),
            false => fs::remove_file(path),
        };
    }
}

fn broken(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path: PathBuf = path.to_owned();
    move |error| Error::Broken(format!("{} cannot be written: {error}", path.display()))
}
