//! What is kept of a result beside the result itself: above all, what it depends on.

use faultline_origin::hex;
use faultline_verdict::{ClassStatus, Fingerprint, Grade, Outcome, Score};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The version of a record's form.
pub(super) const FORMAT: u32 = 1;

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
            (self.hidden != now.hidden, "whether hidden tests are run"),
            (
                self.unsafe_build != now.unsafe_build,
                "how submissions are built",
            ),
            (self.shrink != now.shrink, "whether failures are shrunk"),
        ];
        let changed: Vec<&str> = changes
            .iter()
            .filter(|(changed, _)| *changed)
            .map(|(_, what)| *what)
            .collect();
        (!changed.is_empty()).then(|| format!("changed: {}", changed.join(", ")))
    }
}

/// What is kept of a result beside the result itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub format: u32,
    /// None if it never came to grading.
    pub key: Option<Key>,
    pub status: ClassStatus,
    pub score: Score,
    /// Why it was rejected or not scored, in one line.
    pub why: Option<String>,
    pub warnings: String,
    pub layers: Vec<String>,
    /// The SHA-256 of `result.json`.
    pub result: String,
}

impl Record {
    pub fn of(grade: &Grade, key: Option<Key>, warnings: String, layers: Vec<String>) -> Record {
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
            key,
            status,
            score: grade.score,
            why,
            warnings,
            layers,
            result,
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
