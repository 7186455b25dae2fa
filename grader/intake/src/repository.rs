//! A clone, read as objects.
//!
//! The clone is untrusted in all its parts. Of `.git` only `HEAD`, `refs`, `packed-refs`,
//! `reftable`, `shallow` and `objects` are read, by libraries that run nothing. Of the
//! configuration nothing counts but whether ids are SHA-256, so there are no filters, hooks,
//! includes or monitors, and no replacements or grafts. What would lead out of the folder (links,
//! alternates, a `.git` that is a file) is refused before anything is opened. Sizes are looked up
//! before an object is inflated, and what an id names is checked to have that id.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use gix_hash::ObjectId;
use gix_object::{CommitRefIter, Find as _, FindHeader as _, Kind, TreeRefIter, tree::EntryKind};
use gix_odb::store::init::Options;
use gix_ref::{Target, file::Store};

use crate::{error::TakeError, moment::Moment, reftable};

/// The largest allocation for one object and the deltas that it is made of.
const ALLOCATION_BYTES: usize = 32 << 20;
/// Maximum size of a commit or a tag.
const COMMIT_BYTES: u64 = 64 << 10;
/// Maximum size of one folder's list.
const TREE_BYTES: u64 = 8 << 20;
/// Maximum size of the files beside the objects.
const LIST_BYTES: u64 = 16 << 20;
/// Maximum size of the file of a branch or tag.
const REF_BYTES: u64 = 4 << 10;
/// Maximum number of files in the parts of `.git` that are read.
const MAX_FILES: usize = 500_000;
/// Maximum number of branches and tags in a clone.
const MAX_REFS: usize = 20_000;
/// Maximum number of branches that are named where HEAD is none of them.
const UNBORN_NAMED: usize = 3;
/// Maximum nesting depth of folders in `.git`.
const MAX_DEPTH: usize = 32;

/// A clone that may be read.
pub(crate) struct Repository {
    objects: gix_odb::Handle,
    git_dir: PathBuf,
    /// SHA-1 or SHA-256.
    hash: gix_hash::Kind,
    /// All branches and tags, if they are kept in tables instead of files.
    tables: Option<BTreeMap<String, Target>>,
    shallow: BTreeSet<ObjectId>,
}

/// Where the clone stands.
#[derive(Debug)]
pub(crate) struct Head {
    /// The full name of the branch; none if it stands at a commit of no branch.
    pub(crate) branch: Option<String>,
    pub(crate) commit: ObjectId,
}

/// A branch or tag.
#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) name: String,
    pub(crate) commit: ObjectId,
}

/// What is of interest in a commit.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub(crate) tree: ObjectId,
    pub(crate) parents: Vec<ObjectId>,
    /// None if the date is one that no calendar has.
    pub(crate) committed: Option<Moment>,
}

/// An entry of a folder in a commit.
#[derive(Debug)]
pub(crate) struct TreeEntry {
    pub(crate) name: String,
    pub(crate) kind: EntryKind,
    pub(crate) id: ObjectId,
}

/// A file's content, if it is not too large.
#[derive(Debug)]
pub(crate) enum Blob {
    Content(Vec<u8>),
    TooBig(u64),
}

fn problem<T>(text: impl Into<String>) -> Result<T, TakeError> {
    Err(TakeError::Submission(text.into()))
}

/// Libraries that read what a hostile person wrote may have a panic left: it is that submission's,
/// not the class's.
pub(crate) fn guarded<T>(what: impl FnOnce() -> Result<T, TakeError>) -> Result<T, TakeError> {
    catch_unwind(AssertUnwindSafe(what)).unwrap_or_else(|_| {
        problem("its `.git` is damaged: reading it made the reader stop; clone it again")
    })
}

/// Whether there is anything that calls itself a repository: a `.git`, or the parts of one without
/// a work tree.
pub(crate) fn is_repository(folder: &Path) -> bool {
    fs::symlink_metadata(folder.join(".git")).is_ok() || is_bare(folder)
}

fn is_bare(folder: &Path) -> bool {
    folder.join("HEAD").is_file()
        && folder.join("objects").is_dir()
        && folder.join("refs").is_dir()
        && !folder.join("src").exists()
}

impl Repository {
    /// Looks at all that would lead elsewhere, then opens the clone.
    pub(crate) fn open(folder: &Path) -> Result<Repository, TakeError> {
        let within = folder.join(".git");
        let is_within = fs::symlink_metadata(&within).is_ok();
        let git_dir = match is_bare(folder) && !is_within {
            true => folder.to_owned(),
            false => within,
        };
        let metadata =
            fs::symlink_metadata(&git_dir).map_err(|error| TakeError::reading(&git_dir, &error))?;
        if !metadata.is_dir() {
            let kind = if metadata.is_symlink() {
                "a link"
            } else {
                "a file"
            };
            return problem(format!(
                "its `.git` is {kind}, not a folder: it would lead to another repository, which is \
                 not followed; clone it again (without --separate-git-dir or worktrees)"
            ));
        }
        refuse_ways_out(&git_dir)?;
        let shallow = read_shallow(&git_dir)?;
        let hash = hash_of(&git_dir);
        let options = Options {
            use_multi_pack_index: false,
            alloc_limit_bytes: Some(ALLOCATION_BYTES),
            ..Options::default()
        };
        let objects =
            gix_odb::at_opts(git_dir.join("objects"), hash, None, options).map_err(|error| {
                TakeError::Submission(format!("the objects of its `.git` cannot be read: {error}"))
            })?;
        let tables = match git_dir.join("reftable").is_dir() {
            true => Some(reftable::read(&git_dir.join("reftable"), hash)?),
            false => None,
        };
        Ok(Repository {
            objects,
            git_dir,
            hash,
            tables,
            shallow,
        })
    }

    /// Whether the clone leaves out older commits.
    pub(crate) fn is_shallow(&self) -> bool {
        !self.shallow.is_empty()
    }

    /// The branch and commit that the clone stands at.
    pub(crate) fn head(&self) -> Result<Head, TakeError> {
        let mut name = "HEAD".to_owned();
        let mut branch = None;
        // Git itself follows five.
        for _ in 0..6 {
            match self.target(&name)? {
                None if name == "HEAD" => return problem("its `.git` has no HEAD: clone it again"),
                None => return self.unborn(&name),
                Some(Target::Object(id)) => {
                    let Some(commit) = self.peel(id)? else {
                        return problem(format!("`{name}` is no commit"));
                    };
                    return Ok(Head { branch, commit });
                }
                Some(Target::Symbolic(next)) => {
                    name = next.as_bstr().to_string();
                    branch = Some(name.clone());
                }
            }
        }
        problem("HEAD in its `.git` leads from branch to branch without an end")
    }

    /// The clone stands at a branch that does not exist (yet).
    fn unborn(&self, name: &str) -> Result<Head, TakeError> {
        let name = name.trim_start_matches("refs/heads/");
        let mut others = Vec::new();
        for reference in self.all_references()? {
            let short = reference.name.trim_start_matches("refs/heads/");
            let committed = self.commit(reference.commit)?.committed;
            let when = committed.map_or("no date".to_owned(), |moment| moment.to_string());
            others.push(format!("{short} ({}, {when})", reference.commit));
        }
        if others.is_empty() {
            return problem(format!(
                "it has no commit at all (its HEAD is the branch `{name}`, which is empty): was \
                 anything pushed?"
            ));
        }
        let more = others.len().saturating_sub(UNBORN_NAMED);
        others.truncate(UNBORN_NAMED);
        let more = match more {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        problem(format!(
            "its HEAD is the branch `{name}`, which has no commit, so nobody knows what to grade. \
             It has: {}{more}. Name one of these as `commit` in overrides.toml",
            others.join(", ")
        ))
    }

    /// What a name leads to.
    fn target(&self, name: &str) -> Result<Option<Target>, TakeError> {
        if let Some(tables) = &self.tables {
            return Ok(tables.get(name).cloned());
        }
        match self.references().try_find(name) {
            Ok(found) => Ok(found.map(|reference| reference.target)),
            Err(_) => problem(format!(
                "`{name}` in its `.git` cannot be read: clone it again"
            )),
        }
    }

    /// All branches and tags that lead to commits, by name.
    pub(crate) fn all_references(&self) -> Result<Vec<Reference>, TakeError> {
        let unreadable = |error: &dyn std::fmt::Display| {
            TakeError::Submission(format!(
                "the branches in its `.git` cannot be read ({error}): clone it again"
            ))
        };
        let mut targets = Vec::new();
        if let Some(tables) = &self.tables {
            let named = tables.iter().filter(|(name, _)| name.starts_with("refs/"));
            targets.extend(named.map(|(name, target)| (name.clone(), target.clone())));
        } else {
            let store = self.references();
            let platform = store.iter().map_err(|error| unreadable(&error))?;
            for reference in platform.all().map_err(|error| unreadable(&error))? {
                let reference = reference.map_err(|error| unreadable(&error))?;
                targets.push((reference.name.as_bstr().to_string(), reference.target));
                if targets.len() > MAX_REFS {
                    break;
                }
            }
        }
        if targets.len() > MAX_REFS {
            return problem(format!(
                "its `.git` has more than {MAX_REFS} branches and tags"
            ));
        }
        let mut references = Vec::new();
        for (name, target) in targets {
            // Symbolic ones (origin/HEAD) lead to others of the list.
            if let Target::Object(id) = target
                && let Some(commit) = self.peel(id)?
            {
                references.push(Reference { name, commit });
            }
        }
        references.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(references)
    }

    /// A commit. Where a shallow clone ends, it has no parents.
    pub(crate) fn commit(&self, id: ObjectId) -> Result<Commit, TakeError> {
        let content = self.read(id, Kind::Commit, COMMIT_BYTES)?;
        let unreadable = || TakeError::Submission(format!("the commit {id} cannot be understood"));
        let commit = |content| CommitRefIter::from_bytes(content, self.hash);
        let tree = commit(&content).tree_id().map_err(|_| unreadable())?;
        let committer = commit(&content).committer().map_err(|_| unreadable())?;
        let seconds = committer
            .time
            .split_whitespace()
            .next()
            .and_then(|seconds| seconds.parse().ok());
        let committed = seconds.and_then(Moment::from_seconds);
        // A shallow clone says where its history ends; the parents behind are not there.
        let parents = if self.shallow.contains(&id) {
            Vec::new()
        } else {
            commit(&content).parent_ids().collect()
        };
        Ok(Commit {
            tree,
            parents,
            committed,
        })
    }

    /// What a folder in a commit holds.
    pub(crate) fn tree(&self, id: ObjectId) -> Result<Vec<TreeEntry>, TakeError> {
        let content = self.read(id, Kind::Tree, TREE_BYTES)?;
        let mut entries = Vec::new();
        for entry in TreeRefIter::from_bytes(&content, self.hash) {
            let Ok(entry) = entry else {
                return problem(format!(
                    "the folder {id} in the commit cannot be understood"
                ));
            };
            let name = text_of(entry.filename);
            if name.contains('/') {
                return problem(format!(
                    "a file in the commit has a name with a slash: `{name}`"
                ));
            }
            entries.push(TreeEntry {
                name,
                kind: entry.mode.kind(),
                id: entry.oid.to_owned(),
            });
        }
        Ok(entries)
    }

    /// What is to be said of repositories inside of a commit's top folder, whose files are not part
    /// of it.
    pub(crate) fn inner(&self, top: ObjectId) -> Result<Vec<String>, TakeError> {
        let entries = self.tree(top)?;
        let is_told = entries.iter().any(|entry| entry.name == ".gitmodules");
        let inner = entries
            .iter()
            .filter(|entry| entry.kind == EntryKind::Commit);
        let said = inner.map(|entry| {
            let what = match is_told {
                true => "is a submodule, which is not followed",
                // Who runs `git init` in the folder of the lab commits no file of it outside.
                false => "is a repository inside of the repository (it has a `.git` of its own)",
            };
            format!(
                "`{}` in the commit {what}: none of its files is part of the commit",
                entry.name
            )
        });
        Ok(said.collect())
    }

    /// A file of at most `most` bytes.
    pub(crate) fn blob(&self, id: ObjectId, most: u64) -> Result<Blob, TakeError> {
        let size = self.size(id, Kind::Blob)?;
        if size > most {
            return Ok(Blob::TooBig(size));
        }
        self.read(id, Kind::Blob, most).map(Blob::Content)
    }

    fn references(&self) -> Store {
        Store::at(self.git_dir.clone(), self.hash)
    }

    /// The commit that an id names, through tags; none if it is something else.
    fn peel(&self, mut id: ObjectId) -> Result<Option<ObjectId>, TakeError> {
        for _ in 0..6 {
            match self.objects.try_header(&id) {
                Ok(Some(header)) if header.kind == Kind::Commit => return Ok(Some(id)),
                Ok(Some(header)) if header.kind == Kind::Tag => {
                    let content = self.read(id, Kind::Tag, COMMIT_BYTES)?;
                    let target =
                        gix_object::TagRefIter::from_bytes(&content, self.hash).target_id();
                    let Ok(target) = target else {
                        return problem(format!("the tag {id} cannot be understood"));
                    };
                    id = target;
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    fn size(&self, id: ObjectId, kind: Kind) -> Result<u64, TakeError> {
        match self.objects.try_header(&id) {
            Ok(Some(header)) if header.kind == kind => Ok(header.size),
            Ok(Some(header)) => problem(format!(
                "{id} in its `.git` is no {kind}, but a {}",
                header.kind
            )),
            Ok(None) => problem(format!(
                "the {kind} {id} is missing in its `.git`: clone it again, and whole"
            )),
            Err(error) => problem(format!(
                "the {kind} {id} in its `.git` cannot be read ({error}): clone it again"
            )),
        }
    }

    fn read(&self, id: ObjectId, kind: Kind, most: u64) -> Result<Vec<u8>, TakeError> {
        let size = self.size(id, kind)?;
        if size > most {
            return problem(format!(
                "the {kind} {id} has {size} bytes, and more than {most} are not read"
            ));
        }
        let mut content = Vec::new();
        match self.objects.try_find(&id, &mut content) {
            Ok(Some(_)) => {}
            Ok(None) => {
                return problem(format!(
                    "the {kind} {id} is missing in its `.git`: clone it again, and whole"
                ));
            }
            Err(error) => {
                return problem(format!(
                    "the {kind} {id} in its `.git` cannot be read ({error}): clone it again"
                ));
            }
        }
        // An index can name any content by any id.
        match gix_object::compute_hash(self.hash, kind, &content) {
            Ok(found) if found == id => Ok(content),
            _ => problem(format!(
                "the {kind} {id} in its `.git` is damaged: clone it again"
            )),
        }
    }
}

/// A name as text: two names stay two, whatever bytes are in them.
fn text_of(name: &[u8]) -> String {
    let mut text = String::new();
    for chunk in name.utf8_chunks() {
        text += chunk.valid();
        for byte in chunk.invalid() {
            text += &format!("%{byte:02X}");
        }
    }
    text
}

/// Refuses links, devices and alternates in what is going to be read.
fn refuse_ways_out(git_dir: &Path) -> Result<(), TakeError> {
    let mut files = 0;
    for name in [
        "HEAD",
        "packed-refs",
        "shallow",
        "refs",
        "objects",
        "reftable",
    ] {
        visit(&git_dir.join(name), name, 0, &mut files)?;
    }
    for name in ["objects/info/alternates", "objects/info/http-alternates"] {
        if fs::symlink_metadata(git_dir.join(name)).is_ok() {
            return problem(format!(
                "its `.git/{name}` leads to another repository, which is not followed: clone it \
                 again (without --shared or --reference)"
            ));
        }
    }
    for name in ["HEAD", "packed-refs", "shallow"] {
        let size = fs::symlink_metadata(git_dir.join(name)).map_or(0, |metadata| metadata.len());
        if size > LIST_BYTES {
            return problem(format!(
                "its `.git/{name}` has {size} bytes, and more than {LIST_BYTES} are not read"
            ));
        }
    }
    Ok(())
}

fn visit(path: &Path, name: &str, depth: usize, files: &mut usize) -> Result<(), TakeError> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(TakeError::reading(path, &error)),
    };
    *files += 1;
    if *files > MAX_FILES || depth > MAX_DEPTH {
        return problem(format!(
            "its `.git` has more than {MAX_FILES} files, or they nest deeper than {MAX_DEPTH} \
             folders"
        ));
    }
    if metadata.is_file() {
        if name.starts_with("refs/") && metadata.len() > REF_BYTES {
            return problem(format!(
                "its `.git/{name}` has {} bytes, which no branch or tag has",
                metadata.len()
            ));
        }
        return Ok(());
    }
    if !metadata.is_dir() {
        let kind = if metadata.is_symlink() {
            "a link"
        } else {
            "no regular file"
        };
        return problem(format!(
            "its `.git/{name}` is {kind}, which is not followed: clone it again"
        ));
    }
    for entry in fs::read_dir(path).map_err(|error| TakeError::reading(path, &error))? {
        let entry = entry.map_err(|error| TakeError::reading(path, &error))?;
        visit(
            &entry.path(),
            &format!("{name}/{}", entry.file_name().to_string_lossy()),
            depth + 1,
            files,
        )?;
    }
    Ok(())
}

/// By which hash objects have their ids. Of the configuration nothing else is looked at, and it
/// makes nothing run: a wrong word there only makes the objects unreadable.
fn hash_of(git_dir: &Path) -> gix_hash::Kind {
    let path = git_dir.join("config");
    let is_short = fs::symlink_metadata(&path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.len() <= LIST_BYTES);
    let text = is_short.then(|| fs::read(&path).ok()).flatten();
    let text = String::from_utf8_lossy(&text.unwrap_or_default()).to_lowercase();
    let is_sha256 = text.lines().any(|line| {
        let (key, value) = line.split_once('=').unwrap_or_default();
        key.trim() == "objectformat" && value.trim() == "sha256"
    });
    match is_sha256 {
        true => gix_hash::Kind::Sha256,
        false => gix_hash::Kind::Sha1,
    }
}

fn read_shallow(git_dir: &Path) -> Result<BTreeSet<ObjectId>, TakeError> {
    let path = git_dir.join("shallow");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            return problem("its `.git/shallow` is no list of commits: clone it again");
        }
        Err(error) => return Err(TakeError::reading(&path, &error)),
    };
    let ids = text
        .lines()
        .map(|line| ObjectId::from_hex(line.trim().as_bytes()));
    ids.collect::<Result<_, _>>()
        .or_else(|_| problem("its `.git/shallow` is no list of commits: clone it again"))
}
