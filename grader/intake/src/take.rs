//! One submission's files.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use gix_hash::ObjectId;
use gix_object::tree;

use crate::{
    archive::{Archive, NamedKind, below},
    batch::Submission,
    choosing::is_noise,
    entries::{Collected, Entry, EntryKind, Limits, check_path},
    error::TakeError,
    repository::{Blob, Repository, TreeEntry, guarded},
};

/// Maximum nesting depth of folders below `src` that are listed.
const MAX_DEPTH: usize = 64;

/// Where a submission's files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The folder of a crate on the disk. No part of the path below the submission is a link.
    Folder(PathBuf),
    /// What a commit or a zip file holds: all at the top of the crate, and all below its `src`, by
    /// path.
    Entries(Vec<Entry>),
}

fn problem<T>(text: impl Into<String>) -> Result<T, TakeError> {
    Err(TakeError::Submission(text.into()))
}

/// Finds the crate of a submission and reads its files, or says where they are.
///
/// The crate is in the folder that the submission names, or the first of `starter/LAB`, `LAB` and
/// the top that has a `src/lib.rs`; in a zip file with one folder at its top, the same below that
/// folder. `base` is the folder of `batch.toml`.
///
/// # Errors
/// A submission that is not what it should be needs a human; what this machine cannot read is
/// nobody's mistake.
pub fn take(
    base: &Path,
    submission: &Submission,
    lab: &str,
    limits: Limits,
) -> Result<Taken, TakeError> {
    if let Some(folder) = &submission.crate_dir
        && folder != "."
    {
        check_path(folder)?;
    }
    let path = base.join(&submission.path);
    let metadata = match fs::symlink_metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(TakeError::Machine(format!(
                "there is no `{}`: import the batch again",
                submission.path
            )));
        }
        Err(error) => return Err(TakeError::reading(&path, &error)),
    };
    let choice = Choice::new(submission, lab);
    match &submission.commit {
        _ if metadata.is_symlink() => problem(format!(
            "`{}` is a link, which is not followed",
            submission.path
        )),
        Some(commit) => guarded(|| from_commit(&path, commit, &choice, limits)),
        None if metadata.is_dir() => from_folder(&path, &choice),
        None if metadata.is_file() => guarded(|| from_archive(&path, &choice, limits)),
        None => problem(format!(
            "`{}` is neither a folder nor a zip file",
            submission.path
        )),
    }
}

/// Where a crate may be, relative to the submission; `""` is its top.
struct Choice<'a> {
    named: Option<&'a str>,
    lab: &'a str,
}

impl<'a> Choice<'a> {
    fn new(submission: &'a Submission, lab: &'a str) -> Choice<'a> {
        Choice {
            named: submission.crate_dir.as_deref(),
            lab,
        }
    }

    /// The places, the first one first, below the folders that may count as the top.
    fn places(&self, tops: &[&str]) -> Vec<String> {
        let below_top = match self.named {
            Some(".") => vec![String::new()],
            Some(folder) => vec![folder.trim_end_matches('/').to_owned()],
            None => vec![
                format!("starter/{}", self.lab),
                self.lab.to_owned(),
                String::new(),
            ],
        };
        let join = |top: &str, place: &str| match (top, place) {
            ("", place) => place.to_owned(),
            (top, "") => top.to_owned(),
            (top, place) => format!("{top}/{place}"),
        };
        tops.iter()
            .flat_map(|top| below_top.iter().map(|place| join(top, place)))
            .collect()
    }

    fn nothing<T>(&self, besides: &str) -> Result<T, TakeError> {
        let expected = match self.named {
            Some(folder) => format!("expected it in `{folder}`, as `crate` says"),
            None => {
                format!(
                    "expected it in `starter/{0}`, in `{0}` or at the top; or name its folder with \
                     `crate`",
                    self.lab
                )
            }
        };
        problem(format!(
            "there is no crate with a `src/lib.rs`: {expected}{besides}"
        ))
    }
}

fn from_folder(path: &Path, choice: &Choice<'_>) -> Result<Taken, TakeError> {
    let single = single_folder(path);
    let tops = [Some(""), single.as_deref()];
    for place in choice.places(&tops.into_iter().flatten().collect::<Vec<_>>()) {
        let library = if place.is_empty() {
            "src/lib.rs".to_owned()
        } else {
            format!("{place}/src/lib.rs")
        };
        let mut current = path.to_owned();
        let mut parts = library.split('/').peekable();
        let found = loop {
            let Some(part) = parts.next() else { break true };
            current.push(part);
            match fs::symlink_metadata(&current) {
                Ok(metadata) if metadata.is_symlink() => {
                    return problem(format!(
                        "`{part}` in the path `{library}` is a link, which is not followed"
                    ));
                }
                Ok(metadata) if parts.peek().is_some() => {
                    if !metadata.is_dir() {
                        break false;
                    }
                }
                Ok(metadata) => break metadata.is_file(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => break false,
                Err(error) => return Err(TakeError::reading(&current, &error)),
            }
        };
        if found {
            return Ok(Taken::Folder(if place.is_empty() {
                path.to_owned()
            } else {
                path.join(place)
            }));
        }
    }
    choice.nothing("")
}

/// The only thing in a folder, if it is a folder.
fn single_folder(path: &Path) -> Option<String> {
    let entries = fs::read_dir(path).ok()?;
    let name = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut visible = entries
        .flatten()
        .filter(|entry| !name(entry).starts_with('.') && !is_noise(&name(entry)));
    let (first, second) = (visible.next()?, visible.next());
    let is_folder = first.file_type().is_ok_and(|kind| kind.is_dir());
    (second.is_none() && is_folder).then(|| first.file_name().into_string().ok())?
}

fn from_archive(path: &Path, choice: &Choice<'_>, limits: Limits) -> Result<Taken, TakeError> {
    let mut archive = Archive::of_submission(path)?;
    let tops = archive.names().iter().map(|named| {
        let (top, is_folder) = match named.path.split_once('/') {
            Some((top, _)) => (top, true),
            None => (named.path.as_str(), named.kind == NamedKind::Folder),
        };
        (top.to_owned(), is_folder)
    });
    let tops: BTreeSet<(String, bool)> = tops.filter(|(top, _)| !is_noise(top)).collect();
    let single = match tops.iter().collect::<Vec<_>>().as_slice() {
        [(top, true)] => Some(top.clone()),
        _ => None,
    };
    let places = choice.places(
        &[Some(""), single.as_deref()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>(),
    );
    let is_library = |place: &str| {
        let library = |path| below(path, place) == Some("src/lib.rs");
        archive
            .names()
            .iter()
            .any(|named| named.kind == NamedKind::File && library(&named.path))
    };
    let Some(place) = places.into_iter().find(|place| is_library(place)) else {
        let nested = archive
            .names()
            .iter()
            .find(|named| named.path.to_lowercase().ends_with(".zip"));
        let besides = nested.map(|nested| {
            format!(
                " (zip files inside of it, such as `{}`, are not opened)",
                nested.path
            )
        });
        return choice.nothing(&besides.unwrap_or_default());
    };
    let mut collected = Collected::new(limits);
    archive.collect(&place, &mut collected)?;
    Ok(Taken::Entries(collected.finish()?))
}

fn from_commit(
    path: &Path,
    commit: &str,
    choice: &Choice<'_>,
    limits: Limits,
) -> Result<Taken, TakeError> {
    let Ok(id) = ObjectId::from_hex(commit.as_bytes()) else {
        return problem(format!(
            "`{commit}` is no commit: expected all 40 hexadecimal digits (64 in a SHA-256 \
             repository)"
        ));
    };
    if !crate::repository::is_repository(path) {
        return problem(
            "it has no `.git` to read the commit from: clone it again, or remove `commit`",
        );
    }
    let repository = Repository::open(path)?;
    let top = repository.commit(id)?.tree;
    for place in choice.places(&[""]) {
        let Some(crate_dir) = folder_at(&repository, top, &place)? else {
            continue;
        };
        let entries = repository.tree(crate_dir)?;
        let source = entries
            .iter()
            .find(|entry| entry.name == "src" && entry.kind == tree::EntryKind::Tree);
        let Some(source) = source else { continue };
        let in_source = repository.tree(source.id)?;
        if !in_source
            .iter()
            .any(|entry| entry.name == "lib.rs" && is_file(entry))
        {
            continue;
        }
        let mut collected = Collected::new(limits);
        for entry in entries {
            add(&repository, entry.name.clone(), &entry, &mut collected)?;
        }
        collect(&repository, "src", in_source, 1, &mut collected)?;
        return Ok(Taken::Entries(collected.finish()?));
    }
    choice.nothing(&match repository.inner(top)?.as_slice() {
        [] => " (in the commit)".to_owned(),
        inner => format!(" (in the commit). {}", inner.join("; ")),
    })
}

fn is_file(entry: &TreeEntry) -> bool {
    matches!(
        entry.kind,
        tree::EntryKind::Blob | tree::EntryKind::BlobExecutable
    )
}

/// The folder at a path of a commit; none if there is none.
fn folder_at(
    repository: &Repository,
    top: ObjectId,
    path: &str,
) -> Result<Option<ObjectId>, TakeError> {
    let mut folder = top;
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let entry = repository
            .tree(folder)?
            .into_iter()
            .find(|entry| entry.name == part);
        match entry {
            Some(entry) if entry.kind == tree::EntryKind::Tree => folder = entry.id,
            Some(entry) if entry.kind == tree::EntryKind::Link => {
                return problem(format!(
                    "`{part}` in the path `{path}` is a link, which is not followed"
                ));
            }
            _ => return Ok(None),
        }
    }
    Ok(Some(folder))
}

fn add(
    repository: &Repository,
    path: String,
    entry: &TreeEntry,
    collected: &mut Collected,
) -> Result<(), TakeError> {
    let what = match entry.kind {
        tree::EntryKind::Tree => EntryKind::Folder,
        tree::EntryKind::Link => EntryKind::Link,
        tree::EntryKind::Commit => EntryKind::Special,
        tree::EntryKind::Blob | tree::EntryKind::BlobExecutable => match collected.room(&path) {
            None => EntryKind::File(Vec::new()),
            Some(room) => match repository.blob(entry.id, room)? {
                Blob::Content(content) => EntryKind::File(content),
                Blob::TooBig(size) => EntryKind::TooBig(size),
            },
        },
    };
    collected.add(path, what)
}

fn collect(
    repository: &Repository,
    folder: &str,
    entries: Vec<TreeEntry>,
    depth: usize,
    collected: &mut Collected,
) -> Result<(), TakeError> {
    for entry in entries {
        let path = format!("{folder}/{}", entry.name);
        add(repository, path.clone(), &entry, collected)?;
        if entry.kind == tree::EntryKind::Tree {
            if depth == MAX_DEPTH {
                return problem(format!(
                    "its folders nest deeper than {MAX_DEPTH} (at `{path}`)"
                ));
            }
            collect(
                repository,
                &path,
                repository.tree(entry.id)?,
                depth + 1,
                collected,
            )?;
        }
    }
    Ok(())
}
