//! What a grading run says, as plain data. Runs write it, reports read it, and neither knows the
//! other.
//!
//! [`Grade`] is the JSON document that SPEC.md describes. Nothing in it depends on the machine, the
//! time or the number of threads: equal inputs give equal bytes.
//!
//! What it does not know: other crates of the project. It runs, scores, reads, writes and lays out
//! nothing, and what a reader may see of a verdict is only named here ([`Visibility`],
//! [`Audience`]); reports act on it.
//!
//! ```
//! use faultline_verdict::{Audience, Visibility};
//!
//! let students = Audience::Students { after_deadline: false };
//! assert!(students.sees(Visibility::Public));
//! assert!(!students.sees(Visibility::AfterDeadline));
//! assert!(Audience::Staff.sees(Visibility::Hidden));
//! ```
//!
//! Read on in [`Event`] (what a run tells while it goes on), [`TestVerdict`] and [`Failure`] (one
//! test), [`Diagram`] and [`Lane`] (what is drawn of a failure), [`Class`] (many submissions),
//! [`Matrix`] (wrong solutions against tests), [`CheckReport`] (recorded histories), [`Walk`] (one
//! run, step by step) and [`Timings`] (where the time went).

mod checked;
mod class;
mod correction;
mod diagram;
mod matrix;
mod picture;
mod timings;
mod walk;

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

pub use checked::{
    CHECK_FORMAT, CheckReport, HistoryReport, HistoryVerdict, KeyOrder, OperationLine,
    ViolationReport,
};
pub use class::{
    CLASS_FORMAT, Class, ClassEvent, ClassPlan, ClassRow, ClassStatus, PlanStep, PlannedWork,
    Stopped,
};
pub use correction::{Correction, Decision};
pub use diagram::{Asked, Band, Diagram, Drawn, DrawnKind, Held, Judged, KeyHistory};
pub use matrix::{MATRIX_FORMAT, Matrix, MatrixRow, MatrixTest};
pub use picture::{Lane, Span, Tone};
pub use timings::{Stage, StageTime, Timings};
pub use walk::{FieldChange, Walk, WalkFlight, WalkNode, WalkStep};

/// The version of a [`Grade`] as a JSON document. A change that a reader must know of raises it.
pub const FORMAT: u32 = 2;

/// Something that happened while grading, in the order in which reports hear of it.
#[derive(Clone, Debug)]
pub enum Event {
    /// Grading begins.
    Started {
        /// The lab's id, such as `lab2`.
        lab: String,
        /// The lab's title.
        title: String,
        /// Where the submission lies, as the user named it.
        submission: String,
        /// How many tests will run.
        tests: usize,
        /// How many of them are hidden from students, but not from the reader of this stream.
        hidden_in_full: usize,
    },
    /// The submission has compiled.
    Built {
        /// The compiler's warnings, if any, as it prints them.
        warnings: String,
        /// Real milliseconds; for the terminal only.
        took_ms: u64,
    },
    /// Some of the runs (one test with one seed) are over.
    Progress {
        /// Runs that are over.
        done: u64,
        /// Runs in all.
        of: u64,
    },
    /// A test is over. These come in the order of the rubric.
    Tested(Box<TestVerdict>),
    /// Grading is over.
    Finished {
        /// The result.
        grade: Box<Grade>,
        /// Real milliseconds; for the terminal only.
        took_ms: u64,
    },
    /// Where the time went, after all else; for the terminal only.
    Timed(Box<Timings>),
}

/// The result of grading one submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grade {
    /// [`FORMAT`].
    pub format: u32,
    /// The lab's id.
    pub lab: String,
    /// The lab's title.
    pub title: String,
    /// What the result depends on.
    pub fingerprint: Fingerprint,
    /// Whether it could be graded.
    pub outcome: Outcome,
    /// True if not everything was run (a filter, other seeds), so that this is no grade.
    pub partial: bool,
    /// The points in all.
    pub score: Score,
    /// The points of the hidden tests that were not run; with any, the score is not the whole
    /// grade.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hidden_points_not_run: u32,
    /// The points of each part.
    pub parts: Vec<PartScore>,
    /// The compiler's errors, if the submission does not build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_error: Option<String>,
    /// Why it was rejected or not scored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// True if it was built without a sandbox in an official grading, because somebody asked for
    /// it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsafe_build: bool,
    /// Files of the submission that were not taken, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// What somebody decided by hand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corrections: Vec<Correction>,
    /// The tests, in the order of the rubric.
    pub tests: Vec<TestVerdict>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Whether a submission could be graded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It compiled, and the tests ran.
    Graded,
    /// It did not compile.
    DoesNotBuild,
    /// It was not graded: a human must look at it. That is not 0 points.
    Rejected,
    /// It was not graded, and that is the machine's fault.
    NotScored,
}

/// Digests (SHA-256, hexadecimal) of all that a result depends on: two results with equal
/// fingerprints are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The submission's source files.
    pub submission: String,
    /// The lab's suite, its API, labkit and the grader's engines.
    pub suite: String,
    /// The rubric file.
    pub rubric: String,
    /// The course's secret, if one was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// `Cargo.lock`.
    pub lock: String,
    /// The compiler's version line.
    pub rustc: String,
}

impl fmt::Display for Fingerprint {
    /// The first digits of each, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |digest: &str| digest.chars().take(8).collect::<String>();
        write!(
            f,
            "{}-{}-{}",
            short(&self.submission),
            short(&self.suite),
            short(&self.rubric)
        )
    }
}

/// Points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Points earned.
    pub earned: u32,
    /// Points that could be earned. Points that were not scored are not among them.
    pub possible: u32,
    /// Points of tests that could not be scored; course staff must look at them.
    pub not_scored: u32,
}

/// The points of one part of a lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartScore {
    /// `A`, `B`, ...
    pub part: String,
    /// The part's title.
    pub title: String,
    /// Its points.
    pub score: Score,
}

/// The verdict of one test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestVerdict {
    /// The test's name, a fact about a correct program.
    pub id: String,
    /// The same in words.
    pub title: String,
    /// The promise that it holds a program to, in one sentence.
    pub property: String,
    /// The part of the lab.
    pub part: String,
    /// What sort of promise: safety, progress, ...
    pub category: String,
    /// Who may see more of it than that it failed.
    #[serde(default, skip_serializing_if = "Visibility::is_public")]
    pub visibility: Visibility,
    /// The test's points.
    pub points: u32,
    /// The points earned.
    pub earned: u32,
    /// What came out.
    pub status: Status,
    /// How many seeds were run; 0 if the reader may not know.
    pub seeds: u64,
    /// How many of them failed. After a block of seeds with a failure no more are run.
    pub failing_seeds: u64,
    /// Why the test was not scored or its points withheld, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// The failure of the lowest failing seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Counts per phase, over all seeds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<PhaseCounts>,
    /// How often each kind of fault happened, over all seeds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub faults: BTreeMap<String, u64>,
    /// What searches through every order of events have seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub searched: Vec<Searched>,
}

/// One search through the orders of events in a small world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Searched {
    /// Where it began: `the start`, or `where a value is chosen`.
    pub from: String,
    /// How many random walks it was; 0 (and absent) for a search of all orders.
    #[serde(default, skip_serializing_if = "no_walks")]
    pub walks: u64,
    /// Different states of the world; 0 for walks, which do not count them.
    pub states: u64,
    /// Whether these are all that can be reached with the faults of the test; else they are the
    /// nearest ones.
    pub all: bool,
    /// The most steps that one of them is away from where the search began.
    pub depth: u64,
    /// Ways from a state to a state.
    pub transitions: u64,
    /// Calls of handlers; every other step was looked up.
    pub calls: u64,
}

fn no_walks(walks: &u64) -> bool {
    *walks == 0
}

/// Who may see a test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Visibility {
    /// Everybody, always.
    #[default]
    Public,
    /// Students, once the late period has ended.
    AfterDeadline,
    /// Course staff.
    Hidden,
}

impl Visibility {
    /// True for what everybody may see.
    pub fn is_public(&self) -> bool {
        *self == Visibility::Public
    }
}

/// Whom a result is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Audience {
    /// Course staff, who see everything.
    #[default]
    Staff,
    /// Students.
    Students {
        /// True once the late period has ended.
        after_deadline: bool,
    },
}

impl Audience {
    /// True if these readers see a test with this visibility in full.
    pub fn sees(self, visibility: Visibility) -> bool {
        match (self, visibility) {
            (Audience::Staff, _) | (Audience::Students { .. }, Visibility::Public) => true,
            (Audience::Students { after_deadline }, Visibility::AfterDeadline) => after_deadline,
            (Audience::Students { .. }, Visibility::Hidden) => false,
        }
    }
}

/// What came out of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// No seed failed.
    Passed,
    /// Some seed failed.
    Failed,
    /// Nothing failed, but a test that this one needs did, so its points are withheld.
    Withheld,
    /// A fault never fired or a check stayed undecided: neither pass nor fail.
    NotScored,
}

/// A failure, as the student sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The sort of failure: `violation`, `no-progress`, `crash`, ...
    pub kind: String,
    /// What was seen.
    pub observed: String,
    /// Where it was noticed: the check of the suite and what sort of contradiction it found, or the
    /// line of the panic. Failures of one kind and source are told together.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// How the world was set up.
    pub setting: String,
    /// The number of the seed.
    pub seed: u64,
    /// Virtual microseconds since the run began.
    pub at_us: u64,
    /// The section of the handout that explains the promise.
    pub handout: String,
    /// The command that shows the failure again; none if no trace was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
    /// What the test drew of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub picture: Vec<Lane>,
    /// What was left out of the run that failed, if a smaller one fails in the same way. All else
    /// is about that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shrunk: Option<Shrunk>,
    /// What clients asked and were answered, key by key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<KeyHistory>,
    /// How the trace is drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagram: Option<Diagram>,
    /// What happened, routine left out.
    pub trace: Vec<TraceLine>,
}

/// How much smaller a failing run became.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shrunk {
    /// Events of the run that failed.
    pub from_events: u64,
    /// Events of the smaller one.
    pub to_events: u64,
    /// How many operations of the workload were left out.
    pub operations: u64,
    /// How many faults of plans were left out.
    pub faults: u64,
    /// How many runs that took.
    pub runs: u64,
}

/// One line of a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceLine {
    /// The number of the event in the whole run, from 1; 0 for a line that stands for several.
    pub number: u64,
    /// Virtual microseconds since the run began.
    pub at_us: u64,
    /// What happened.
    pub text: String,
    /// What the handler printed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub printed: Vec<String>,
    /// What changed in the state of the node at which it happened, what tells most first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<FieldChange>,
    /// How many of these changes, from the first on, a screen shows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub telling: u32,
    /// True for the line where the promise was broken.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub broke: bool,
}

/// What happened in one phase of a test, over all its seeds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseCounts {
    /// The phase's name.
    pub phase: String,
    /// Virtual milliseconds.
    pub lasted_ms: u64,
    /// Events that nodes handled.
    pub events: u64,
    /// Messages sent.
    pub messages: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// Operations answered.
    pub operations: u64,
    /// Mean virtual microseconds from invoke to answer.
    pub latency_mean_us: u64,
    /// The longest.
    pub latency_max_us: u64,
    /// The median, at most 7 % too long.
    #[serde(default)]
    pub latency_p50_us: u64,
    /// What 99 of 100 operations took at most, likewise.
    #[serde(default)]
    pub latency_p99_us: u64,
    /// Of the windows of 100 ms in which an answer came or an operation was open throughout, how
    /// many in a thousand brought an answer; none without such a window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_permille: Option<u64>,
    /// From healing the world to the first answer, the longest of all seeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_max_us: Option<u64>,
}
