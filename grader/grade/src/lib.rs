//! Plan, run, score: from a submission to a stream of events.
//!
//! [`grade()`] does all of it; [`replay()`] runs one recorded failure again; [`matrix()`] grades a
//! lab's own right and wrong solutions. A class is graded by `grader/class`, from the [`parts`].
//!
//! This crate must not know any lab. What there is to grade comes in as a [`Course`]: a project and
//! the tests of its labs, which a registry lists (`grader/course`). Nor does it print, or know the
//! command line: what happens is told as events of `faultline-verdict`. It runs student code only
//! through `faultline-host`.
//!
//! ```
//! use faultline_grade::{Course, Error, Origin, Selection, Suite, tests};
//!
//! let course = Course {
//!     root: "/where/the/project/is".into(),
//!     suites: vec![Suite::new("lab7", "lab7-api", Vec::new())],
//!     origin: Origin::default(),
//! };
//! let Err(Error::Usage(text)) = tests(&course, "lab8", &Selection::default()) else {
//!     panic!("there is no such lab");
//! };
//! assert!(text.contains("did you mean `lab7`?"), "{text}");
//! ```
//!
//! The stages are modules: `plan` (what to run), `run` (one test with one seed is a run), `score`
//! (points); `grading` puts them together and is the place to read on. The room `lesson` (what is
//! made of a failure) has a page at the door.

mod building;
mod clock;
mod course;
mod error;
mod files;
mod grading;
mod hint;
mod histories;
mod last;
mod lesson;
mod manifest;
mod matrix;
mod mutants;
mod names;
mod origin;
pub mod parts;
mod plan;
mod progress;
mod rebase;
mod replay;
mod rubric;
mod run;
mod salt;
mod score;
mod starter;
mod timings;
mod trace;
mod traces;

pub use building::{Building, Cache, Health, LockIn, doctor};
pub use course::{Course, LabInfo, has_hidden_tests, labs, rubric, tests};
pub use error::Error;
pub use faultline_labtest::{Suite, Test};
pub use faultline_origin::Origin;
pub use files::write_whole;
pub use grading::{Request, Traces, grade, grade_to_replay};
pub use hint::{Hint, hint};
pub use histories::{CheckRequest, HistoryModel, check_histories};
pub use last::{LastRun, last_run, remember};
pub use matrix::{MatrixRequest, correct_solutions, matrix};
pub use mutants::{Mutant, mutants};
pub use names::TestName;
pub use plan::Selection;
pub use progress::LastGrade;
pub use rebase::{Rebased, rebase};
pub use replay::{Replayed, Replayer, Steps, replay};
pub use rubric::{Category, Nightly, Rubric, RubricRow, SelfCheck, Visibility};
pub use run::Seeds;
pub use salt::Salt;
pub use starter::{derive_starter, write_starter};
pub use trace::Trace;
pub use traces::{find_trace, usual_folder};
