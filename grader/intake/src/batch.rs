//! `batch.toml`: who handed in what, written by an import, read by people and by the grader.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    error::IntakeError,
    lines::{Lines, Place},
    moment::Moment,
    overrides::{ByHand, Overrides},
    whole::write_whole,
};

/// The format that is written and read.
const FORMAT: u32 = 1;

/// What an id may be long.
pub(crate) const ID_LENGTH: usize = 64;

/// Stands before the digest of what an import wrote, so that it can be told from what was changed
/// by hand.
const DIGEST: &str = "# As imported: ";

const HEAD: &str = "\
# A batch of submissions, made by `cargo grade import`. Times are RFC 3339, in UTC. Corrections \
belong into
# `overrides.toml` beside it, which imports leave alone; changes of this file are lost at the next \
import.
#
# deadline      when submissions had to be there
# [[submission]]
#   id            names the folder of results: letters, digits, `.`, `_`, `-`
#   path          the clone, folder or zip file, relative to this file
#   commit        read this commit of the clone, not the files in its folder
#   crate         the folder of the crate inside of it, where it is not found by itself
#   submitted_at  when it was there
#   time_source   how that is known: server-record, first-import (an import saw it, or did not see \
it yet), or
#                 committer-unproven (the student's clock says so)
#   late_s        how many seconds after the deadline (the student's own, if there is one)
#   problem       somebody has to look at it: it is not graded before `overrides.toml` says \
`solved = true`, or
#                 which `path` or `commit` it is
#   instead_of    there are several for one student, and this is another one than that id: graded \
if `overrides.toml`
#                 names its path
#   notes         what is worth knowing
# [[student]]     a row of the roster; `submission` is the id of what is graded for it, absent if \
nothing was found;
#                 `deadline` is the student's own; `platform` holds what Canvas or Moodle want \
back in a gradebook
# [[unmatched]]   a submission that belongs to nobody on the roster: it is graded all the same
";

/// A class's submissions: the file `batch.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// The format, 1.
    pub format: u32,
    /// When submissions had to be there: RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// What was handed in.
    #[serde(default, rename = "submission", skip_serializing_if = "Vec::is_empty")]
    pub submissions: Vec<Submission>,
    /// Who is on the roster.
    #[serde(default, rename = "student", skip_serializing_if = "Vec::is_empty")]
    pub students: Vec<Student>,
    /// Submissions that belong to nobody on the roster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmatched: Vec<Unmatched>,
    /// What `overrides.toml` says; in `batch.toml` there is nothing of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_hand: Vec<ByHand>,
}

/// What somebody, or a team, handed in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// Names the folder of results: 1 to 64 of `A-Z a-z 0-9 . _ -`, no dot first, unique without
    /// case.
    pub id: String,
    /// The clone, folder or zip file, relative to the folder of `batch.toml`, with `/`.
    pub path: String,
    /// The id of the commit to read; without it the files are read as they lie there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The crate's folder inside of it, where it cannot be found.
    #[serde(default, rename = "crate", skip_serializing_if = "Option::is_none")]
    pub crate_dir: Option<String>,
    /// When it was there: RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted_at: Option<String>,
    /// How that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_source: Option<TimeSource>,
    /// How many seconds after the deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_s: Option<u64>,
    /// Why somebody has to look at it before it is graded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The id of the submission that is a student's before somebody chooses this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
    /// What is worth knowing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// How the time of a submission is known, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeSource {
    /// A server wrote it down.
    ServerRecord,
    /// An import saw it, or did not see it yet.
    FirstImport,
    /// The clock of the machine that made the commit, which anybody can set.
    CommitterUnproven,
}

/// A row of the roster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Student {
    /// What the course calls the student.
    pub identifier: String,
    /// The name of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// The full name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The section of the course.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// The team whose submission is the student's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The id of the submission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission: Option<String>,
    /// The student's own deadline: RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// What Canvas or Moodle want back in a gradebook, by the headings of their file.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub platform: BTreeMap<String, String>,
}

/// A folder or file that belongs to nobody on the roster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unmatched {
    /// Where it is, relative to the folder of `batch.toml`.
    pub path: String,
    /// The account that its name tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// The id of the submission.
    pub submission: String,
}

impl Batch {
    /// An empty batch.
    pub(crate) fn new(deadline: Option<Moment>) -> Batch {
        let deadline = deadline.map(|moment| moment.to_string());
        Batch {
            format: FORMAT,
            deadline,
            submissions: Vec::new(),
            students: Vec::new(),
            unmatched: Vec::new(),
            by_hand: Vec::new(),
        }
    }

    /// Reads and checks the file, and corrects it by the `overrides.toml` beside it, if there is
    /// one.
    ///
    /// # Errors
    /// If one of them cannot be read, is no such file, or contradicts itself or the other.
    pub fn read(path: &Path) -> Result<Batch, IntakeError> {
        let mut batch = Batch::as_imported(path)?;
        Overrides::beside(path)?.correct(&mut batch)?;
        Ok(batch)
    }

    /// Reads and checks the file.
    fn as_imported(path: &Path) -> Result<Batch, IntakeError> {
        let text = fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => IntakeError::input(
                path,
                "there is no such file: `cargo grade import DIR` writes one",
            ),
            std::io::ErrorKind::InvalidData => IntakeError::input(path, "it is not UTF-8 text"),
            _ => IntakeError::io("read", path)(error),
        })?;
        let batch: Batch =
            toml::from_str(&text).map_err(|error| IntakeError::input(path, error.to_string()))?;
        batch.check().map_err(|(place, problem)| {
            let line = Lines::of(&text).line(&place);
            IntakeError::input(path, format!("line {line}: {problem}"))
        })?;
        Ok(batch)
    }

    /// The file's text: equal batches give equal bytes.
    pub fn to_toml(&self) -> String {
        let body = toml::to_string(self).expect("texts, numbers and lists of tables are TOML");
        format!("{HEAD}{DIGEST}{}\n\n{body}", digest(&body))
    }

    /// Writes the file whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), IntakeError> {
        write_whole(path, self.to_toml().as_bytes()).map_err(IntakeError::io("write", path))
    }

    fn check(&self) -> Result<(), (Place, String)> {
        if self.format != FORMAT {
            let problem = format!(
                "it has format {}, and this program reads format {FORMAT}: import again",
                self.format
            );
            return Err((Place::Top("format"), problem));
        }
        check_moment(self.deadline.as_deref(), "the deadline")
            .map_err(|problem| (Place::Top("deadline"), problem))?;
        if !self.by_hand.is_empty() {
            let problem = "corrections are not part of this file: write them into overrides.toml";
            return Err((Place::Top("by_hand"), problem.to_owned()));
        }
        let mut ids = BTreeMap::new();
        for (index, submission) in self.submissions.iter().enumerate() {
            let place = |key| Place::In("submission", index, key);
            let id = &submission.id;
            if !is_id(id) {
                let problem = format!(
                    "the id `{id}` of a submission cannot name a folder: expected 1 to {ID_LENGTH} \
                     letters, digits, `.`, `_` or `-`, not a dot first"
                );
                return Err((place("id"), problem));
            }
            if let Some(other) = ids.insert(id.to_lowercase(), id) {
                let problem = format!(
                    "two submissions have the ids `{other}` and `{id}`: they must differ in more \
                     than case; rename this one, here and as the `submission` of its students"
                );
                return Err((place("id"), problem));
            }
            submission
                .check()
                .map_err(|(key, problem)| (place(key), format!("submission `{id}`: {problem}")))?;
        }
        self.check_students(&ids)?;
        let is_known = |id: &String| ids.get(&id.to_lowercase()) == Some(&id);
        let unmatched = self.unmatched.iter().map(|unmatched| &unmatched.submission);
        let others = self.submissions.iter().map(|one| one.instead_of.as_ref());
        let all = unmatched
            .enumerate()
            .map(|(index, id)| (Place::In("unmatched", index, "submission"), id))
            .chain(others.enumerate().filter_map(|(index, id)| {
                Some((Place::In("submission", index, "instead_of"), id?))
            }));
        for (place, id) in all {
            if !is_known(id) {
                return Err((place, names_nothing(id)));
            }
        }
        Ok(())
    }

    fn check_students(&self, ids: &BTreeMap<String, &String>) -> Result<(), (Place, String)> {
        let mut known = BTreeMap::new();
        for (index, student) in self.students.iter().enumerate() {
            let place = |key| Place::In("student", index, key);
            let names = [
                ("identifier", Some(&student.identifier)),
                ("login", student.login.as_ref()),
            ];
            for (key, name) in names {
                let Some(name) = name else { continue };
                let first = known
                    .entry((key, name.trim().to_lowercase()))
                    .or_insert(index);
                if *first != index {
                    let problem = format!(
                        "the student with the {key} `{name}` is there twice: remove one of the two"
                    );
                    return Err((place(key), problem));
                }
            }
            if let Some(id) = &student.submission
                && ids.get(&id.to_lowercase()) != Some(&id)
            {
                return Err((place("submission"), names_nothing(id)));
            }
            check_moment(student.deadline.as_deref(), "the deadline of a student")
                .map_err(|problem| (place("deadline"), problem))?;
        }
        Ok(())
    }
}

fn names_nothing(id: &str) -> String {
    format!(
        "`{id}` names no [[submission]]: correct it, add one with this id, or remove this line \
         (then nothing is graded for it)"
    )
}

impl Submission {
    fn check(&self) -> Result<(), (&'static str, String)> {
        if self.path.is_empty() {
            let problem = "`path` is empty: expected the clone, folder or zip file";
            return Err(("path", problem.to_owned()));
        }
        if let Some(commit) = &self.commit {
            check_commit(commit).map_err(|problem| ("commit", problem))?;
        }
        check_moment(self.submitted_at.as_deref(), "`submitted_at`")
            .map_err(|problem| ("submitted_at", problem))
    }
}

/// All digits of an id, so that it is the same commit for ever.
pub(crate) fn check_commit(commit: &str) -> Result<(), String> {
    let is_whole = [40, 64].contains(&commit.len());
    if is_whole && commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(format!(
        "`commit = \"{commit}\"` is no commit: expected all 40 hexadecimal digits (64 in a SHA-256 \
         repository), as `git rev-parse HEAD` prints them"
    ))
}

pub(crate) fn check_moment(moment: Option<&str>, what: &str) -> Result<(), String> {
    let problem = moment.map(Moment::parse).transpose().err();
    problem.map_or(Ok(()), |problem| {
        Err(format!(
            "{what} `{}`: {problem}",
            moment.unwrap_or_default()
        ))
    })
}

/// Whether a text can name a folder everywhere.
pub(crate) fn is_id(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=ID_LENGTH).contains(&id.len()) && id.bytes().all(allowed) && !id.starts_with('.')
}

/// Whether a file that an import wrote was changed since (or was not written by an import).
pub(crate) fn is_changed_by_hand(text: &str) -> bool {
    let Some((head, rest)) = text.split_once(DIGEST) else {
        return true;
    };
    let Some((told, body)) = rest.split_once("\n\n") else {
        return true;
    };
    head != HEAD || told != digest(body)
}

fn digest(body: &str) -> String {
    Sha256::digest(body.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Batch {
        let mut batch = Batch::new(Moment::parse("2026-11-01T23:59:00Z").ok());
        batch.submissions.push(Submission {
            id: "ann".into(),
            path: "lab2-ann".into(),
            commit: Some("0123456789abcdef0123456789abcdef01234567".into()),
            time_source: Some(TimeSource::CommitterUnproven),
            notes: vec!["a note with \"quotes\"\nand \u{1b}[31m".into()],
            ..Submission::default()
        });
        batch.students.push(Student {
            identifier: "1".into(),
            submission: Some("ann".into()),
            ..Student::default()
        });
        batch
    }

    fn read(text: &str) -> Result<Batch, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("batch.toml");
        fs::write(&path, text).expect("written");
        Batch::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = batch().to_toml();
        assert_eq!(read(&text), Ok(batch()));
        assert!(!is_changed_by_hand(&text));
        assert!(is_changed_by_hand(&text.replace("lab2-ann", "lab2-bob")));
        assert!(is_changed_by_hand("format = 1\n"));
    }

    #[test]
    fn a_batch_that_contradicts_itself_is_refused_with_the_line_and_what_to_do() {
        let text = batch().to_toml();
        let line_of = |start: &str| {
            let at = text.lines().position(|line| line.starts_with(start));
            at.expect("a line") + 1
        };
        for (from, to, says) in [
            (
                "format = 1",
                "format = 2",
                "format 2, and this program reads format 1: import again",
            ),
            (
                "id = \"ann\"",
                "id = \"../ann\"",
                "cannot name a folder: expected 1 to 64",
            ),
            (
                "submission = \"ann\"",
                "submission = \"bob\"",
                "`bob` names no [[submission]]: corr",
            ),
            (
                "commit = \"0123",
                "commit = \"012x",
                "is no commit: expected all 40 hexadecimal",
            ),
            (
                "deadline = \"2026",
                "deadline = \"in 2026",
                "the deadline `in 2026-",
            ),
            ("path = \"", "path = \"\" # \"", "`path` is empty"),
        ] {
            let error = read(&text.replace(from, to)).expect_err(to);
            assert!(error.contains(says), "{to}: {error}");
            let line = format!("batch.toml: line {}: ", line_of(from));
            assert!(error.contains(&line), "{line}: {error}");
        }
        let error = read(&text.replace("path = ", "pfad = ")).expect_err("another key");
        assert!(error.contains("unknown field `pfad`"), "{error}");
        let line = format!("at line {}", line_of("path = "));
        assert!(error.contains(&line), "{error}");
    }

    #[test]
    fn the_same_student_twice_is_refused() {
        for (identifier, login, says) in [
            (
                "1",
                None,
                "the student with the identifier `1` is there twice",
            ),
            (
                "2",
                Some("ANN"),
                "the student with the login `ANN` is there twice",
            ),
        ] {
            let mut batch = batch();
            batch.students[0].login = Some("ann".into());
            batch.students.push(Student {
                identifier: identifier.into(),
                login: login.map(str::to_owned),
                ..Student::default()
            });
            let text = batch.to_toml();
            let key = if login.is_some() {
                "login"
            } else {
                "identifier"
            };
            let line = text
                .lines()
                .collect::<Vec<_>>()
                .iter()
                .rposition(|l| l.starts_with(key));
            let error = read(&text).expect_err("twice");
            assert!(error.contains(says), "{error}");
            let line = format!("line {}: ", line.expect("a line") + 1);
            assert!(error.contains(&line), "{line}: {error}");
        }
    }

    #[test]
    fn ids_differ_in_more_than_case() {
        let mut batch = batch();
        batch.submissions.push(Submission {
            id: "ANN".into(),
            path: "x".into(),
            ..Submission::default()
        });
        assert!(
            read(&batch.to_toml())
                .expect_err("two ids")
                .contains("differ in more than case")
        );
    }
}
