//! A submission's sources, copied.
//!
//! Only regular files `src/**/*.rs` are taken. What else a submission brings (a cargo
//! configuration, a build script, a lock file, links out of its folder) cannot reach the compiler
//! because it is not there.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Maximum number of source files in a submission.
pub const MAX_FILES: usize = 256;

/// Maximum size of all source files of a submission together, in bytes.
pub const MAX_BYTES: u64 = 4 << 20;

/// How much of a manifest is looked at. No grade depends on it.
const MAX_MANIFEST_BYTES: u64 = 64 << 10;

/// Maximum nesting depth of folders below `src`.
const MAX_DEPTH: usize = 16;

/// Maximum length of a source's path, and of each name in it, in bytes. Where it is compiled there
/// is a folder in front of it, and no machine's file system takes more.
const MAX_PATH_BYTES: usize = 1_000;
const MAX_NAME_BYTES: usize = 200;

const NOT_A_SOURCE: &str = "only `src/**/*.rs` is graded";
const NOT_FOLLOWED: &str = "links are not followed";
const TOO_DEEP: &str = "its folders nest too deep";
const TOO_LONG: &str = "its path has more than 1,000 bytes, or a name in it more than 200";
const MANIFEST_TOO_BIG: &str = "it is longer than 64 KiB: nobody reads it";
const NOT_TEXT: &str = "it is not UTF-8 text: save it as UTF-8";
const NOT_REGULAR: &str = "it is no regular file";

/// Why a submission cannot be taken. It is the student's (or whoever named the path) to repair.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are the parts of the message")]
pub enum StageError {
    /// The path is no crate.
    #[error("`{}` is no submission: {problem}. Expected the folder of a crate, with `Cargo.toml` \
             and `src/lib.rs`{hint}", path.display())]
    NoCrate {
        path: PathBuf,
        problem: String,
        hint: String,
    },
    /// Too many source files.
    #[error(
        "the submission has more than {MAX_FILES} source files below `src`: remove what is not \
         needed"
    )]
    TooManyFiles,
    /// Too many bytes.
    #[error("the submission has more than {} KiB of source text (at `{path}`): remove what is not \
             needed", MAX_BYTES >> 10)]
    TooBig { path: String },
    /// A source file is not text.
    #[error("`{path}` is not UTF-8 text: save it as UTF-8")]
    NotText { path: String },
    /// Two paths that are one on some machines.
    #[error(
        "`{first}` and `{second}` are the same file or folder on machines that do not tell apart \
         upper and lower case, or one of them is in the way of the other: rename one, so that \
         every machine compiles the same"
    )]
    Collision { first: String, second: String },
    /// A name given with text in memory that is no source file's.
    #[error("`{path}` cannot be a source file: expected a path such as `src/server.rs`")]
    BadPath { path: String },
    /// A file could not be read or written.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

/// Something in a submission's folder that is not graded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Where it is, relative to the submission, with `/` between folders.
    pub path: String,
    /// Why it is not graded.
    pub why: Cow<'static, str>,
}

impl LeftOut {
    /// Whether whoever wrote it may think that it is graded: what stands among the sources, and
    /// what cargo would obey.
    pub fn matters(&self) -> bool {
        let obeyed = [
            ".cargo",
            "Cargo.toml",
            "build.rs",
            "rust-toolchain",
            "rust-toolchain.toml",
        ];
        self.path.starts_with("src/") || obeyed.contains(&self.path.as_str())
    }
}

/// Something that a submission holds, read from elsewhere than a folder: from an archive, or from
/// git's objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is, relative to the submission, with `/` between folders.
    pub path: String,
    /// What it is.
    pub what: EntryKind,
}

/// What an [`Entry`] of a submission is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file with this content.
    File(Vec<u8>),
    /// A regular file that is too big to be read; the number is its length in bytes.
    TooBig(u64),
    /// A symbolic link.
    Link,
    /// Something else that is no regular file: a device, a pipe, another repository.
    Special,
    /// A folder. Those that hold something need no entry of their own.
    Folder,
}

/// The SHA-256 of a submission's sources; it does not depend on the folder, on file times or on
/// what was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What is taken of a submission.
#[derive(Clone, Debug)]
pub struct Staged {
    sources: BTreeMap<String, String>,
    manifest: Option<String>,
    left_out: Vec<LeftOut>,
}

impl Staged {
    /// Takes the sources of the crate in the folder `path`.
    ///
    /// # Errors
    /// If there is no crate, it is too large, a source is not text, or files cannot be read or
    /// written.
    pub fn from_folder(path: &Path) -> Result<Staged, StageError> {
        check_crate(path)?;
        let mut collector = Collector::default();
        for entry in entries(path)? {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == "Cargo.toml" {
                let why = collector.manifest(read_manifest(&entry.path()));
                why.into_iter()
                    .for_each(|why| collector.leave_out(name.clone(), why));
            } else if name != "src" {
                collector.leave_out(name, NOT_A_SOURCE);
            }
        }
        collector.folder(&path.join("src"), "src", 0)?;
        if !collector.sources.contains_key("src/lib.rs") {
            return Err(no_crate(path, "`src/lib.rs` is no regular file"));
        }
        Ok(collector.staged())
    }

    /// Takes the sources among entries that were read from an archive or from git, by the same
    /// rules as [`from_folder`](Self::from_folder). The order of the entries makes no difference.
    ///
    /// # Errors
    /// As for a folder; besides, two entries may have one path.
    pub fn from_entries(mut entries: Vec<Entry>) -> Result<Staged, StageError> {
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        let here = Path::new("these files");
        let mut has_manifest = false;
        let mut collector = Collector::default();
        let mut outside = BTreeMap::new();
        for Entry { path, what } in entries {
            match path.split('/').next() {
                Some("Cargo.toml")
                    if path == "Cargo.toml"
                        && matches!(what, EntryKind::File(_) | EntryKind::TooBig(_)) =>
                {
                    has_manifest = true;
                    let bytes = match what {
                        EntryKind::File(bytes) => Ok(bytes),
                        _ => Err(MANIFEST_TOO_BIG),
                    };
                    let why = collector.manifest(bytes);
                    outside.extend(why.map(|why| (path, why)));
                }
                Some("src") if path == "src" && what != EntryKind::Folder => {
                    return Err(no_crate(here, "it has no folder `src`"));
                }
                Some("src") if path != "src" => collector.entry(path, what)?,
                Some("src") => {}
                top => {
                    outside.insert(top.unwrap_or_default().to_owned(), NOT_A_SOURCE);
                }
            }
        }
        if !has_manifest {
            return Err(no_crate(here, "it has no `Cargo.toml`"));
        }
        if !collector.sources.contains_key("src/lib.rs") {
            return Err(no_crate(here, "`src/lib.rs` is no regular file"));
        }
        let below_src = std::mem::take(&mut collector.left_out);
        for (name, why) in outside {
            collector.leave_out(name, why);
        }
        for each in below_src {
            collector.leave_out(each.path, each.why);
        }
        Ok(collector.staged())
    }

    /// Takes sources in memory: texts by paths such as `src/server.rs`.
    ///
    /// # Errors
    /// A path that no source file can have, no `src/lib.rs`, too much text, or files that cannot be
    /// written.
    pub fn from_files(sources: &BTreeMap<String, String>) -> Result<Staged, StageError> {
        if let Some(path) = sources.keys().find(|path| !is_source_path(path)) {
            return Err(StageError::BadPath { path: path.clone() });
        }
        if !sources.contains_key("src/lib.rs") {
            return Err(no_crate(
                Path::new("these files"),
                "there is no `src/lib.rs`",
            ));
        }
        let mut collector = Collector::default();
        for (path, text) in sources {
            collector.source(path.clone(), text.clone())?;
        }
        Ok(collector.staged())
    }

    /// The same submission, of which this was left out when its sources were taken.
    pub fn with_left_out(mut self, left_out: Vec<LeftOut>) -> Staged {
        self.left_out = left_out;
        self
    }

    /// The same submission, of which this was left out besides.
    pub fn and_left_out(mut self, more: impl IntoIterator<Item = LeftOut>) -> Staged {
        self.left_out.extend(more);
        self
    }

    /// The text of `Cargo.toml`, if it could be read. Nothing is compiled as it says.
    pub fn manifest(&self) -> Option<&str> {
        self.manifest.as_deref()
    }

    /// The sources, by path (`src/lib.rs`, with `/` between folders). Patches start from these.
    pub fn sources(&self) -> &BTreeMap<String, String> {
        &self.sources
    }

    /// What the submission holds besides.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// The digest of the sources: paths in order and texts, each with its length before it.
    pub fn digest(&self) -> Digest {
        let mut hash = Sha256::new();
        for piece in self.sources.iter().flat_map(|(path, text)| [path, text]) {
            hash.update((piece.len() as u64).to_le_bytes());
            hash.update(piece);
        }
        Digest(hash.finalize().into())
    }
}

#[derive(Default)]
struct Collector {
    sources: BTreeMap<String, String>,
    manifest: Option<String>,
    left_out: Vec<LeftOut>,
    bytes: u64,
    /// The names of files (`true`) and folders so far, by the same names in lower case.
    names: BTreeMap<String, (String, bool)>,
}

impl Collector {
    fn staged(self) -> Staged {
        let Collector {
            sources,
            manifest,
            left_out,
            ..
        } = self;
        Staged {
            sources,
            manifest,
            left_out,
        }
    }

    /// Takes the text of the manifest, or tells why it is not known.
    fn manifest(&mut self, bytes: Result<Vec<u8>, &'static str>) -> Option<&'static str> {
        let text = bytes.and_then(|bytes| match bytes.len() as u64 > MAX_MANIFEST_BYTES {
            true => Err(MANIFEST_TOO_BIG),
            false => String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text: nobody reads it"),
        });
        match text {
            Ok(text) => {
                self.manifest = Some(text);
                None
            }
            Err(why) => Some(why),
        }
    }

    fn leave_out(&mut self, path: String, why: impl Into<Cow<'static, str>>) {
        // A folder with a million strange files must not fill the memory, or the report.
        if self.left_out.len() < MAX_FILES {
            self.left_out.push(LeftOut {
                path,
                why: why.into(),
            });
        }
    }

    fn folder(&mut self, folder: &Path, name: &str, depth: usize) -> Result<(), StageError> {
        for entry in entries(folder)? {
            let Ok(entry_name) = entry.file_name().into_string() else {
                self.leave_out(
                    format!("{name}/{}", entry.file_name().to_string_lossy()),
                    "its name is not UTF-8",
                );
                continue;
            };
            let (path, name) = (entry.path(), format!("{name}/{entry_name}"));
            // The kind of the entry itself: links are not followed.
            let kind = entry.file_type().map_err(io_error("read", &path))?;
            if kind.is_symlink() {
                self.leave_out(name, NOT_FOLLOWED);
            } else if kind.is_dir() && depth >= MAX_DEPTH {
                self.leave_out(name, TOO_DEEP);
            } else if kind.is_dir() {
                self.folder(&path, &name, depth + 1)?;
            } else if !kind.is_file() {
                self.leave_out(name, NOT_REGULAR);
            } else if !is_source_path(&name) {
                self.leave_out(name, NOT_A_SOURCE);
            } else {
                let bytes = read_bytes(&path, &name)?;
                self.bytes_of_source(name, bytes)?;
            }
        }
        Ok(())
    }

    /// Takes what stands below `src` in an archive.
    fn entry(&mut self, path: String, what: EntryKind) -> Result<(), StageError> {
        let folders = path.matches('/').count() - 1;
        match what {
            EntryKind::Folder => {}
            EntryKind::Link => self.leave_out(path, NOT_FOLLOWED),
            EntryKind::Special => self.leave_out(path, NOT_REGULAR),
            EntryKind::File(_) | EntryKind::TooBig(_) if !is_source_path(&path) => {
                self.leave_out(path, NOT_A_SOURCE)
            }
            EntryKind::File(_) | EntryKind::TooBig(_) if folders > MAX_DEPTH => {
                self.leave_out(path, TOO_DEEP)
            }
            EntryKind::TooBig(_) => return Err(StageError::TooBig { path }),
            EntryKind::File(bytes) => self.bytes_of_source(path, bytes)?,
        }
        Ok(())
    }

    /// A file that is no text stands in the way of those only that are built with it: whoever names
    /// it as a module gets an error that says so.
    fn bytes_of_source(&mut self, path: String, bytes: Vec<u8>) -> Result<(), StageError> {
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) if path == "src/lib.rs" => return Err(StageError::NotText { path }),
            Err(_) => {
                self.leave_out(path.clone(), NOT_TEXT);
                format!("compile_error!({:?});\n", format!("`{path}`: {NOT_TEXT}"))
            }
        };
        self.source(path, text)
    }

    fn source(&mut self, path: String, text: String) -> Result<(), StageError> {
        let mut names = path.split('/');
        if path.len() > MAX_PATH_BYTES || names.any(|name| name.len() > MAX_NAME_BYTES) {
            self.leave_out(path, TOO_LONG);
            return Ok(());
        }
        self.bytes += text.len() as u64;
        if self.bytes > MAX_BYTES {
            return Err(StageError::TooBig { path });
        }
        if self.sources.len() >= MAX_FILES {
            return Err(StageError::TooManyFiles);
        }
        self.take_names(&path)?;
        self.sources.insert(path, text);
        Ok(())
    }

    /// Notes the names of a file and of the folders that it is in.
    fn take_names(&mut self, path: &str) -> Result<(), StageError> {
        let ends = path
            .match_indices('/')
            .map(|(end, _)| end)
            .chain([path.len()]);
        for end in ends {
            let name = &path[..end];
            let is_file = end == path.len();
            match self.names.get(&name.to_lowercase()) {
                None => {
                    self.names
                        .insert(name.to_lowercase(), (name.to_owned(), is_file));
                }
                // Folders may hold several files; a file is there once.
                Some((taken, was_file)) if taken != name || is_file || *was_file => {
                    return Err(StageError::Collision {
                        first: taken.clone(),
                        second: path.to_owned(),
                    });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

fn read_manifest(path: &Path) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::new();
    let read = fs::File::open(path)
        .and_then(|file| file.take(MAX_MANIFEST_BYTES + 1).read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|_| "it cannot be read")
}

/// Reads no more than is allowed, whatever the file's size claims to be.
fn read_bytes(path: &Path, name: &str) -> Result<Vec<u8>, StageError> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(io_error("read", path))?;
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(io_error("read", path))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(StageError::TooBig {
            path: name.to_owned(),
        });
    }
    Ok(bytes)
}

/// Whether a relative path with `/` names a Rust file below `src`, on every operating system,
/// without leaving it.
fn is_source_path(path: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && !part.contains(['\\', ':', '\0', '\n', '\r'])
    };
    path.starts_with("src/") && path.ends_with(".rs") && path.split('/').all(plain)
}

fn check_crate(path: &Path) -> Result<(), StageError> {
    let kind = |name: &str| {
        fs::symlink_metadata(path.join(name))
            .map(|found| found.file_type())
            .ok()
    };
    if !path.exists() {
        return Err(no_crate(path, "there is no such folder"));
    }
    if !path.is_dir() {
        return Err(no_crate(path, "it is a file"));
    }
    if !kind("Cargo.toml").is_some_and(|kind| kind.is_file()) {
        return Err(no_crate(path, "it has no `Cargo.toml`"));
    }
    if !kind("src").is_some_and(|kind| kind.is_dir()) {
        return Err(no_crate(path, "it has no folder `src`"));
    }
    Ok(())
}

fn no_crate(path: &Path, problem: &str) -> StageError {
    // The most common slip: the folder around the crate.
    let inner = entries(path)
        .unwrap_or_default()
        .into_iter()
        .map(|entry| entry.path());
    let inner = inner
        .into_iter()
        .find(|inner| inner.join("Cargo.toml").is_file() && inner.join("src").is_dir());
    let hint = inner.map_or_else(String::new, |inner| {
        format!("; did you mean `{}`?", inner.display())
    });
    StageError::NoCrate {
        path: path.to_owned(),
        problem: problem.to_owned(),
        hint,
    }
}

/// The entries of a folder in the order of their names, so that nothing depends on the file system.
fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>, StageError> {
    let found = fs::read_dir(folder).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
    let mut found = found.map_err(io_error("read", folder))?;
    found.sort_by_key(fs::DirEntry::file_name);
    Ok(found)
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StageError {
    let path = path.to_owned();
    move |source| StageError::Io {
        action,
        path,
        source,
    }
}
