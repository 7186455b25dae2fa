//! The results of a class: a row for each student, whatever became of the submission.

use serde::{Deserialize, Serialize};

use crate::{Fingerprint, PartScore, Score};

/// The version of [`Class`] as a JSON document.
pub const CLASS_FORMAT: u32 = 1;

/// What came out of grading a class. Equal inputs give equal bytes: no time of the machine, no path
/// of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// [`CLASS_FORMAT`].
    pub format: u32,
    /// The lab's id.
    pub lab: String,
    /// Its title.
    pub title: String,
    /// Whether the hidden tests were run.
    pub hidden: bool,
    /// What all results depend on besides the submission, whose digest is empty here.
    pub fingerprint: Fingerprint,
    /// The version of the grader.
    pub grader: String,
    /// The points of a whole grade.
    pub points: u32,
    /// The points of the hidden tests that were not run; with any, no score is a whole grade.
    #[serde(default, skip_serializing_if = "crate::is_zero")]
    pub hidden_points_not_run: u32,
    /// When submissions had to be there, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// True if submissions were built without a sandbox, because somebody asked for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsafe_build: bool,
    /// A row for each student, in the order of their identifiers; then the submissions that belong
    /// to nobody.
    pub rows: Vec<ClassRow>,
}

/// A student and what became of the submission. Members of a team have a row each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassRow {
    /// The student as the gradebook knows them; empty for a submission that belongs to nobody on
    /// the roster.
    pub student: String,
    /// The account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The section of the course.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// The team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The folder of the results, if there is a submission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission: Option<String>,
    /// What became of it.
    pub status: ClassStatus,
    /// The points.
    pub score: Score,
    /// The points of each part, if there is a result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartScore>,
    /// The student's own deadline, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// When it was handed in, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted_at: Option<String>,
    /// Who says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_source: Option<String>,
    /// By how many seconds it is late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_s: Option<u64>,
    /// The commit that was graded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// What somebody decided by hand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corrections: Vec<crate::Correction>,
    /// What the platform that the roster comes from wants back in its gradebook, by the headings
    /// of its file.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub platform: std::collections::BTreeMap<String, String>,
    /// How the build was sandboxed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub build_layers: Vec<String>,
    /// What a human should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// True if another shard grades it, so that nothing is missing here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub elsewhere: bool,
}

/// What became of a submission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassStatus {
    /// It was graded.
    Graded,
    /// It was graded, with 0 points: it does not compile.
    DoesNotBuild,
    /// It was not graded: a human must look at it.
    Rejected,
    /// It was not graded, and that is the machine's fault: the same command tries again.
    NotScored,
    /// It has not been graded yet: the same command goes on.
    #[default]
    Pending,
    /// There is none.
    Missing,
}

impl ClassStatus {
    /// The word for it in every report.
    pub fn word(self) -> &'static str {
        match self {
            ClassStatus::Graded => "graded",
            ClassStatus::DoesNotBuild => "does-not-build",
            ClassStatus::Rejected => "rejected",
            ClassStatus::NotScored => "not-scored",
            ClassStatus::Pending => "pending",
            ClassStatus::Missing => "missing",
        }
    }

    /// True if somebody still waits for points that the grader cannot give now.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            ClassStatus::Rejected | ClassStatus::NotScored | ClassStatus::Pending
        )
    }
}

impl Class {
    /// The rows that should have a result here and have none, or not a whole one.
    pub fn open(&self) -> impl Iterator<Item = &ClassRow> {
        self.rows
            .iter()
            .filter(|row| row.points_by_hand().is_none())
            .filter(|row| !row.elsewhere && (row.status.is_open() || row.score.not_scored > 0))
    }

    /// The parts that are worth anything, in the order of the rubric, as far as results tell them.
    pub fn parts(&self) -> Vec<&PartScore> {
        let known = self.rows.iter().find(|row| !row.parts.is_empty());
        let is_worth = |part: &&PartScore| part.score.possible + part.score.not_scored > 0;
        let parts = known.map(|row| row.parts.iter().filter(is_worth).collect());
        parts.unwrap_or_default()
    }
}

/// Something that happened while a class was graded.
#[derive(Clone, Debug)]
pub enum ClassEvent {
    /// It begins.
    Started {
        /// The lab's id.
        lab: String,
        /// Its title.
        title: String,
        /// How many submissions there are.
        submissions: usize,
        /// How many of them have their results already.
        done: usize,
        /// How many rows the gradebook has.
        rows: usize,
        /// How builds are sandboxed.
        layers: Vec<String>,
        /// What is different since the folder of the results was last graded into, in words.
        changes: Vec<String>,
        /// The submissions that have a result which does not count any more, and why.
        again: Vec<PlanStep>,
    },
    /// The course's own solutions earn on this machine what they must.
    Sure {
        /// Points of the reference.
        reference: Score,
        /// Points of the untouched starter.
        starter: Score,
        /// Real milliseconds; for the terminal only.
        took_ms: u64,
    },
    /// A submission has its result.
    Done {
        /// The folder of its results.
        id: String,
        /// What became of it.
        status: ClassStatus,
        /// The points.
        score: Score,
        /// Why it was rejected or not scored, in one line.
        why: Option<String>,
        /// Real milliseconds; for the terminal only.
        took_ms: u64,
        /// How many are left.
        left: usize,
        /// How long the rest will take, if the others are like those so far; for the terminal only.
        estimate_ms: u64,
    },
    /// It is over, or was stopped.
    Finished {
        /// All rows.
        class: Box<Class>,
        /// Why not all submissions were graded.
        stopped: Option<Stopped>,
        /// Real milliseconds; for the terminal only.
        took_ms: u64,
    },
}

/// Why a class was not graded to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The time that it was given is over.
    Budget,
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

/// What a run would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassPlan {
    /// The submissions, in the order in which they are graded.
    pub steps: Vec<PlanStep>,
    /// Students without a submission.
    pub missing: Vec<String>,
    /// What is different since the folder of the results was last graded into, in words.
    pub changes: Vec<String>,
}

/// What a run would do about one submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanStep {
    /// The folder of its results.
    pub id: String,
    /// What would be done.
    pub what: PlannedWork,
    /// Why, in a few words.
    pub why: String,
}

/// See [`PlanStep`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlannedWork {
    /// It would be graded.
    Grade,
    /// Its result is there.
    Keep,
    /// It cannot be graded: a human must look.
    Reject,
}
