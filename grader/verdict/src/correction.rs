//! What somebody decided by hand about a submission or a student.

use serde::{Deserialize, Serialize};

use crate::ClassRow;

/// A decision by hand, from `overrides.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// What was decided.
    pub what: Decision,
    /// Why; empty where students read it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Who decided.
    pub author: String,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// This commit is graded.
    Commit(String),
    /// The files at this path are graded.
    Path(String),
    /// The crate is in this folder of the submission.
    Crate(String),
    /// It may be handed in until then: RFC 3339, in UTC.
    Deadline(String),
    /// What had to be looked at, if anything, has been looked at.
    Solved,
    /// These points count, whatever the grader found.
    Points(u32),
    /// A remark for the student.
    Comment(String),
}

impl Correction {
    /// What was decided, in a few words.
    pub fn words(&self) -> String {
        match &self.what {
            Decision::Commit(commit) => format!("graded is the commit {commit}"),
            Decision::Path(path) => format!("graded is `{path}`"),
            Decision::Crate(folder) => format!("the crate is in `{folder}`"),
            Decision::Deadline(moment) => format!("the deadline is {moment}"),
            Decision::Solved => "its problem is solved".to_owned(),
            Decision::Points(points) => format!("the score is {points} points"),
            Decision::Comment(comment) => comment.clone(),
        }
    }

    /// All of it in a sentence.
    pub fn sentence(&self) -> String {
        let why = match self.reason.as_str() {
            "" => String::new(),
            reason => format!(": {reason}"),
        };
        format!("by hand: {} ({}{why})", self.words(), self.author)
    }

    /// As students read it: reasons may tell of an illness, and a team reads one page.
    pub fn for_students(&self) -> Correction {
        Correction {
            reason: String::new(),
            ..self.clone()
        }
    }
}

impl ClassRow {
    /// The points that somebody gave by hand; they count, whatever the grader found.
    pub fn points_by_hand(&self) -> Option<u32> {
        let decisions = self.corrections.iter().rev().map(|one| &one.what);
        decisions.into_iter().find_map(|what| match what {
            Decision::Points(points) => Some(*points),
            _ => None,
        })
    }
}
