//! A class in a temporary folder.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use faultline_intake::{
    Entry, EntryKind, ImportRequest, Imported, Limits, Moment, Submission, TakeError, Taken, take,
};
use zip::{ZipWriter, write::SimpleFileOptions};

pub const LIMITS: Limits = Limits {
    files: 256,
    bytes: 4 << 20,
};

pub fn moment(text: &str) -> Moment {
    Moment::parse(text).expect("a moment")
}

/// Noon of a day of November 2026.
pub fn noon(day: u32) -> String {
    format!("2026-11-{day:02}T12:00:00Z")
}

pub struct Class {
    folder: tempfile::TempDir,
}

impl Class {
    pub fn new() -> Class {
        Class {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("written");
    }

    /// A crate, not a clone.
    pub fn write_crate(&self, folder: &str) {
        self.write(
            &format!("{folder}/Cargo.toml"),
            "[package]\nname = \"lab2\"\n",
        );
        self.write(&format!("{folder}/src/lib.rs"), "// a library\n");
    }

    /// Runs git in a folder, deaf to the machine's configuration, at a given date.
    pub fn git(&self, folder: &str, date: &str, arguments: &[&str]) -> String {
        self.git_with_input(folder, date, arguments, b"")
    }

    pub fn git_with_input(
        &self,
        folder: &str,
        date: &str,
        arguments: &[&str],
        input: &[u8],
    ) -> String {
        let mut command = Command::new("git");
        command.current_dir(self.path(folder)).args([
            "-c",
            "init.defaultBranch=main",
            "-c",
            "core.fsync=none",
        ]);
        command.args([
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@x.org",
            "-c",
            "gc.auto=0",
            "-c",
            "protocol.file.allow=always",
        ]);
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            command.env_remove(name);
        }
        command
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("HOME", self.path(""));
        command
            .env("GIT_AUTHOR_DATE", date)
            .env("GIT_COMMITTER_DATE", date);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("git runs");
        child
            .stdin
            .take()
            .expect("piped")
            .write_all(input)
            .expect("git reads");
        let output = child.wait_with_output().expect("git ends");
        assert!(
            output.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout)
            .expect("UTF-8")
            .trim()
            .to_owned()
    }

    /// A repository with a crate and a first commit; gives the commit's id.
    pub fn clone_of(&self, folder: &str, date: &str) -> String {
        self.write_crate(folder);
        self.git(folder, date, &["init", "-q"]);
        self.commit(folder, date)
    }

    pub fn commit(&self, folder: &str, date: &str) -> String {
        self.git(folder, date, &["add", "-A", "."]);
        self.git(
            folder,
            date,
            &["commit", "-q", "--no-verify", "--allow-empty", "-m", date],
        );
        self.git(folder, date, &["rev-parse", "HEAD"])
    }

    pub fn request(&self, dir: &str, day: u32) -> ImportRequest {
        ImportRequest {
            dir: self.path(dir),
            layout: None,
            out: None,
            roster: None,
            grades: None,
            teams: None,
            extensions: None,
            deadline: None,
            now: moment(&noon(day)),
            take_late: false,
            prefer_tags: false,
            replace: false,
        }
    }

    /// Imports a folder, with a deadline at noon of a day, and writes the batch.
    pub fn import(&self, dir: &str, deadline: u32, day: u32) -> Imported {
        let mut request = self.request(dir, day);
        request.deadline = Some(moment(&noon(deadline)));
        import(&request)
    }

    pub fn take(&self, submission: &Submission) -> Result<Taken, TakeError> {
        take(self.folder.path(), submission, "lab2", LIMITS)
    }

    /// The entries of a path, at a commit if one is given.
    pub fn entries(&self, path: &str, commit: Option<&str>) -> Result<Vec<Entry>, String> {
        let commit = commit.map(str::to_owned);
        let submission = Submission {
            id: "x".into(),
            path: path.into(),
            commit,
            ..Submission::default()
        };
        match self.take(&submission) {
            Ok(Taken::Entries(entries)) => Ok(entries),
            Ok(Taken::Folder(folder)) => panic!("{} is a folder", folder.display()),
            Err(TakeError::Submission(problem)) => Err(problem),
            Err(TakeError::Machine(problem)) => panic!("{problem}"),
        }
    }

    pub fn zip(&self, path: &str, files: &[(&str, &[u8])]) {
        let mut zip = ZipWriter::new(fs::File::create(self.path(path)).expect("a file"));
        for (name, content) in files {
            match name.strip_suffix('/') {
                Some(_) => zip
                    .add_directory(*name, SimpleFileOptions::default())
                    .expect("added"),
                None => {
                    zip.start_file(*name, SimpleFileOptions::default())
                        .expect("added");
                    zip.write_all(content).expect("written");
                }
            }
        }
        zip.finish().expect("a zip file");
    }
}

pub fn import(request: &ImportRequest) -> Imported {
    let imported = faultline_intake::import(request).expect("imported");
    imported.write().expect("written");
    imported
}

/// The only submission of an import.
pub fn only(imported: &Imported) -> &Submission {
    assert_eq!(
        imported.batch.submissions.len(),
        1,
        "{:?}",
        imported.batch.submissions
    );
    &imported.batch.submissions[0]
}

pub fn what<'a>(entries: &'a [Entry], path: &str) -> &'a EntryKind {
    &entries
        .iter()
        .find(|entry| entry.path == path)
        .unwrap_or_else(|| panic!("{path} in {entries:?}"))
        .what
}

pub fn has_note(submission: &Submission, text: &str) -> bool {
    submission.notes.iter().any(|note| note.contains(text))
}

pub fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
