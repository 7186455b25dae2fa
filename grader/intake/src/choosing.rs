//! Which of several files or folders that were handed in is the submission: the one with a crate.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    archive::{Archive, NamedKind},
    layout::{Found, FoundKind, is_zip},
};

/// What to do where several fit. (A later choice looks for these words.)
pub(crate) const CHOOSE: &str = "name one as `path` in overrides.toml";

/// What is said of a repository that an upload holds.
const GIT: &str = "it holds a `.git`, which is the student's own: the files that were uploaded and \
                   the time of the upload count";

/// Maximum number of entries of a folder that are looked at.
const MAX_ENTRIES: usize = 5_000;
/// How deep in a folder a crate is looked for.
const MAX_DEPTH: usize = 4;

/// What lies in a folder.
#[derive(Default)]
struct Survey {
    has_crate: bool,
    has_git: bool,
    /// Zip files at its top.
    archives: Vec<PathBuf>,
    seen: usize,
}

impl Survey {
    fn of(folder: &Path) -> Survey {
        let mut survey = Survey::default();
        survey.look(folder, 0);
        survey
    }

    /// What cannot be read is found out when it is taken.
    fn look(&mut self, folder: &Path, depth: usize) {
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        let mut entries: Vec<_> = entries.flatten().collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            self.seen += 1;
            let name = entry.file_name().to_string_lossy().into_owned();
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            self.has_git |= name == ".git";
            if self.seen > MAX_ENTRIES || name.starts_with('.') || is_noise(&name) {
                continue;
            }
            if kind.is_dir() {
                self.has_crate |= name == "src" && entry.path().join("lib.rs").is_file();
                if depth < MAX_DEPTH && name != "target" {
                    self.look(&entry.path(), depth + 1);
                }
            } else if kind.is_file() && depth == 0 && is_zip(&name) {
                self.archives.push(entry.path());
            }
        }
    }
}

/// What macOS and desktops add is not the student's.
pub(crate) fn is_noise(name: &str) -> bool {
    matches!(name, "__MACOSX" | ".DS_Store" | "Thumbs.db" | "desktop.ini")
}

/// What an upload brings of a repository is the student's word; the platform's counts.
pub(crate) fn without_git(found: &mut Found) {
    if found.kind == FoundKind::Clone {
        found.kind = FoundKind::Folder;
    }
    let has_git = match found.kind {
        FoundKind::Folder => Survey::of(&found.path).has_git,
        FoundKind::Zip => names_in(&found.path)
            .iter()
            .any(|path| path.split('/').any(|part| part == ".git")),
        FoundKind::Clone | FoundKind::Other => false,
    };
    if has_git {
        found.notes.push(GIT.to_owned());
    }
}

/// A folder without a crate stands for the zip file with one that lies in it, whatever else was
/// uploaded.
pub(crate) fn archive_inside(found: &mut Found) {
    if found.kind != FoundKind::Folder {
        return;
    }
    let Survey {
        has_crate,
        archives,
        ..
    } = Survey::of(&found.path);
    if has_crate {
        return;
    }
    let with_crate: Vec<PathBuf> = archives
        .iter()
        .filter(|path| holds_crate(path))
        .cloned()
        .collect();
    let name = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        format!("`{name}`")
    };
    match (with_crate.as_slice(), archives.as_slice()) {
        ([one], _) | ([], [one]) => {
            let one = one.clone();
            let others = archives.iter().filter(|other| **other != one);
            let others: Vec<String> = others.map(|other| name(other)).collect();
            if !others.is_empty() {
                let text = format!("{} has no crate, and is not graded", others.join(", "));
                found.notes.push(text);
            }
            found.path = one;
            found.kind = FoundKind::Zip;
        }
        ([], _) => {}
        (several, _) => {
            let names: Vec<String> = several.iter().map(|path| name(path)).collect();
            let text = format!("{} all hold a crate: {CHOOSE}", names.join(", "));
            found.problem.get_or_insert(text);
        }
    }
}

/// How likely it is that this is what is to be graded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// A report, a picture.
    NoSource,
    /// It could hold a crate, and holds none, or cannot be read.
    NoCrate,
    Crate,
}

pub(crate) fn rank(found: &Found) -> Rank {
    let holds_crate = match found.kind {
        FoundKind::Other => return Rank::NoSource,
        FoundKind::Clone => true,
        FoundKind::Folder => Survey::of(&found.path).has_crate,
        FoundKind::Zip => holds_crate(&found.path),
    };
    match holds_crate {
        true => Rank::Crate,
        false => Rank::NoCrate,
    }
}

fn holds_crate(archive: &Path) -> bool {
    let is_library = |path: &String| path == "src/lib.rs" || path.ends_with("/src/lib.rs");
    names_in(archive).iter().any(is_library)
}

/// The files and folders that an archive lists; none if it cannot be read.
fn names_in(archive: &Path) -> Vec<String> {
    let Ok(archive) = Archive::of_submission(archive) else {
        return Vec::new();
    };
    let names = archive.names().iter();
    names
        .filter(|named| matches!(named.kind, NamedKind::File | NamedKind::Folder))
        .map(|named| named.path.clone())
        .collect()
}
