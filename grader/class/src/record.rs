//! What is kept of a result beside the result itself: above all, what it depends on.

use faultline_origin::hex;
use faultline_verdict::{ClassStatus, Fingerprint, Grade, Outcome, PartScore, Score};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The version of a record's form.
pub(super) const FORMAT: u32 = 2;

/// Everything that a result depends on: with an equal key it need not be made again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    pub fingerprint: Fingerprint,
    pub grader: String,
    pub hidden: bool,
    pub unsafe_build: bool,
    pub shrink: bool,
    /// Not graded, but told in the result.
    pub left_out: Vec<String>,
}

impl Key {
    /// What is different now, in a few words.
    pub fn change(&self, now: &Key) -> Option<String> {
        let (old, new) = (&self.fingerprint, &now.fingerprint);
        let changes = [
            (
                old.submission != new.submission || self.left_out != now.left_out,
                "the submission",
            ),
            (old.suite != new.suite, "the suite"),
            (old.rubric != new.rubric, "the rubric"),
            (old.salt != new.salt, "the salt"),
            (old.lock != new.lock, "Cargo.lock"),
            (old.rustc != new.rustc, "the compiler"),
            (self.grader != now.grader, "the grader's version"),
            (self.hidden && !now.hidden, "--hidden (given before)"),
            (!self.hidden && now.hidden, "--hidden (not given before)"),
            (
                self.unsafe_build && !now.unsafe_build,
                "--unsafe-build (given before)",
            ),
            (
                !self.unsafe_build && now.unsafe_build,
                "--unsafe-build (not given before)",
            ),
            (!self.shrink && now.shrink, "--no-shrink (given before)"),
            (self.shrink && !now.shrink, "--no-shrink (not given before)"),
        ];
        let changed: Vec<&str> = changes
            .iter()
            .filter(|(changed, _)| *changed)
            .map(|(_, what)| *what)
            .collect();
        (!changed.is_empty()).then(|| format!("changed: {}", changed.join(", ")))
    }

    /// The same for all submissions of a class.
    pub fn of_any_submission(&self) -> Key {
        let mut key = self.clone();
        key.fingerprint.submission = String::new();
        key.left_out = Vec::new();
        key
    }
}

/// What is kept of a result beside the result itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub format: u32,
    /// The submission: a copy in another folder is no record of that one.
    pub id: String,
    /// None if its sources could not be taken.
    pub key: Option<Key>,
    pub status: ClassStatus,
    pub score: Score,
    pub parts: Vec<PartScore>,
    /// Why it was rejected or not scored, in one line.
    pub why: Option<String>,
    pub warnings: String,
    pub layers: Vec<String>,
    /// The SHA-256 of `result.json`.
    pub result: String,
}

impl Record {
    pub fn of(
        id: &str,
        grade: &Grade,
        key: Option<Key>,
        warnings: String,
        layers: Vec<String>,
    ) -> Record {
        let status = match grade.outcome {
            Outcome::Graded => ClassStatus::Graded,
            Outcome::DoesNotBuild => ClassStatus::DoesNotBuild,
            Outcome::Rejected => ClassStatus::Rejected,
            Outcome::NotScored => ClassStatus::NotScored,
        };
        let why = grade.trouble.as_deref().map(in_short);
        let result = digest(&document(grade));
        Record {
            format: FORMAT,
            id: id.to_owned(),
            key,
            status,
            score: grade.score,
            parts: grade.parts.clone(),
            why,
            warnings,
            layers,
            result,
        }
    }

    /// What is known of a submission whose result does not count any more.
    pub fn pending(id: &str, why: String) -> Record {
        Record {
            format: FORMAT,
            id: id.to_owned(),
            key: None,
            status: ClassStatus::Pending,
            score: Score::default(),
            parts: Vec::new(),
            why: Some(why),
            warnings: String::new(),
            layers: Vec::new(),
            result: String::new(),
        }
    }
}

/// The first two lines that say something (what happened, and where), cut.
fn in_short(text: &str) -> String {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .take(2);
    let line = lines.collect::<Vec<_>>().join(": ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    match line.char_indices().nth(300) {
        Some((end, _)) => format!("{}\u{2026}", &line[..end]),
        None => line.to_owned(),
    }
}

/// A result as it stands in its file.
pub(super) fn document(grade: &Grade) -> Vec<u8> {
    let mut bytes =
        serde_json::to_vec_pretty(grade).expect("verdict data has only strings as keys");
    bytes.push(b'\n');
    bytes
}

/// What a record knows of the file of its result.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
