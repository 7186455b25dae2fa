//! What of a fixture cannot be checked in: links, pipes, strange names and times, archives, and
//! what is too large to read.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use serde::Deserialize;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// What stands for `{{CANARY}}`, `{{NEIGHBOUR}}` and `{{HIDDEN}}`.
pub struct Places {
    /// A file of this machine that no submission may read.
    pub canary: PathBuf,
    /// The `src/lib.rs` of another submission.
    pub neighbour: PathBuf,
    /// The hidden tests of the lab.
    pub hidden: PathBuf,
}

impl Places {
    /// The text with the paths in it.
    pub fn fill(&self, text: &str) -> String {
        let places = [
            ("{{CANARY}}", &self.canary),
            ("{{NEIGHBOUR}}", &self.neighbour),
            ("{{HIDDEN}}", &self.hidden),
        ];
        places.iter().fold(text.to_owned(), |text, (name, path)| {
            text.replace(name, &path.display().to_string())
        })
    }
}

/// One `[[make]]` of `expected.toml`. Paths are relative to the submission.
#[derive(Debug, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Make {
    /// Replaces a piece of a file that stands in it once.
    Replace {
        file: String,
        old: String,
        new: String,
    },
    /// Writes a file whose name or text is better not checked in.
    File { path: String, text: String },
    /// Adds bytes that are no text to the end of a file.
    Bytes { path: String, bytes: Vec<u8> },
    /// Writes a file with a piece of text repeated; `{n}` in the piece is its number.
    Repeat {
        path: String,
        #[serde(default)]
        before: String,
        text: String,
        times: usize,
        #[serde(default)]
        middle: String,
        /// Repeated as often behind `middle`.
        #[serde(default)]
        closing: String,
        #[serde(default)]
        after: String,
    },
    /// Writes many files; `{n}` in path and text is the number.
    ManyFiles {
        path: String,
        text: String,
        times: usize,
    },
    /// Copies a file to another name.
    Copy { from: String, to: String },
    /// Puts a link in the place of what is there.
    Symlink { path: String, to: String },
    /// Puts a named pipe in the place of what is there. Who reads it waits for ever.
    Fifo { path: String },
    /// Sets the times of all files to this number of seconds after 1970.
    OldTimes { seconds: u64 },
    /// Packs the folder into a zip file and adds entries to it, whose names and sizes no folder
    /// could have.
    Zip { entries: Vec<Entry> },
}

/// An entry of a zip file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    name: String,
    text: String,
    /// How often the text is repeated.
    #[serde(default = "once")]
    times: usize,
    /// Whether it is a link to what the text names.
    #[serde(default)]
    link: bool,
}

fn once() -> usize {
    1
}

impl Make {
    /// Makes it in the folder of a submission; gives the file that takes the folder's place, if one
    /// does.
    pub fn carry_out(&self, submission: &Path, places: &Places) -> io::Result<Option<PathBuf>> {
        match self {
            Make::Replace { file, old, new } => {
                replace(&submission.join(file), old, &places.fill(new))?
            }
            Make::File { path, text } => write(&submission.join(path), &places.fill(text))?,
            Make::Bytes { path, bytes } => File::options()
                .append(true)
                .open(submission.join(path))?
                .write_all(bytes)?,
            Make::Repeat {
                path,
                before,
                text,
                times,
                middle,
                closing,
                after,
            } => {
                let pieces: String = (0..*times).map(|n| numbered(text, n)).collect();
                let text = format!("{before}{pieces}{middle}{}{after}", closing.repeat(*times));
                write(&submission.join(path), &text)?;
            }
            Make::ManyFiles { path, text, times } => {
                for n in 0..*times {
                    write(&submission.join(numbered(path, n)), &numbered(text, n))?;
                }
            }
            Make::Copy { from, to } => drop(fs::copy(submission.join(from), submission.join(to))?),
            Make::Symlink { path, to } => symlink(places.fill(to), vacant(submission.join(path))?)?,
            Make::Fifo { path } => {
                let path = vacant(submission.join(path))?;
                let made = Command::new("mkfifo").arg(&path).status()?;
                assert!(made.success(), "mkfifo {}: {made}", path.display());
            }
            Make::OldTimes { seconds } => {
                let time = SystemTime::UNIX_EPOCH + Duration::from_secs(*seconds);
                for (path, _) in files(submission)? {
                    File::options()
                        .append(true)
                        .open(path)?
                        .set_modified(time)?;
                }
            }
            Make::Zip { entries } => return pack(submission, entries, places).map(Some),
        }
        Ok(None)
    }
}

fn numbered(text: &str, n: usize) -> String {
    text.replace("{n}", &n.to_string())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(path.parent().expect("it is below the submission"))?;
    fs::write(path, text)
}

fn replace(path: &Path, old: &str, new: &str) -> io::Result<()> {
    let text = fs::read_to_string(path)?;
    assert_eq!(
        text.matches(old).count(),
        1,
        "{} must have {old:?} once",
        path.display()
    );
    fs::write(path, text.replacen(old, new, 1))
}

/// The path, with nothing at it any more.
fn vacant(path: PathBuf) -> io::Result<PathBuf> {
    match fs::symlink_metadata(&path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(&path)?,
        Ok(_) => fs::remove_file(&path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(path)
}

/// All files below a folder, each with its name relative to it.
fn files(folder: &Path) -> io::Result<Vec<(PathBuf, String)>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(folder)
                    .expect("it is below")
                    .to_string_lossy()
                    .into_owned();
                found.push((path, name));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn pack(submission: &Path, entries: &[Entry], places: &Places) -> io::Result<PathBuf> {
    let path = submission.with_extension("zip");
    let mut zip = ZipWriter::new(File::create(&path)?);
    // The same bytes whenever the corpus is written.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default());
    for (file, name) in files(submission)? {
        zip.start_file(name, options)?;
        zip.write_all(&fs::read(file)?)?;
    }
    for Entry {
        name,
        text,
        times,
        link,
    } in entries
    {
        let text = places.fill(text);
        if *link {
            zip.add_symlink(name, text, options)?;
            continue;
        }
        zip.start_file(name, options)?;
        for _ in 0..*times {
            zip.write_all(text.as_bytes())?;
        }
    }
    zip.finish()?;
    fs::remove_dir_all(submission)?;
    Ok(path)
}
