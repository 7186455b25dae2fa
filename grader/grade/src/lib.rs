//! Plan, run, score: from a submission to a stream of events.
//!
//! [`grade()`] does all of it; [`replay()`] runs one recorded failure again; [`matrix()`] grades
//! the course's own right and wrong solutions. The stages are modules: `plan` (what to run), `run`
//! (one test with one seed is a run), `story` (a recording as lines), `score` (points). Nothing
//! here prints.

mod batch;
mod building;
mod clock;
mod course;
mod diagram;
mod error;
mod fields;
mod files;
mod grading;
mod hint;
mod histories;
mod last;
mod matrix;
mod matters;
mod mutants;
mod names;
mod origin;
mod plan;
mod rebase;
mod replay;
mod rubric;
mod run;
mod salt;
mod score;
mod shrink;
mod starter;
mod story;
mod trace;
mod traces;
mod walk;

pub use batch::{
    BatchRequest, ClassListener, Kept, MergeRequest, Shard, Worker, batch, merge, plan_of_batch,
    serve,
};
pub use building::{Building, Health, LockIn, doctor};
pub use course::{Course, LabInfo, has_hidden_tests, labs, rubric, tests};
pub use error::Error;
pub use faultline_labtest::{Suite, Test};
pub use faultline_origin::Origin;
pub use files::write_whole;
pub use grading::{Request, Traces, grade};
pub use hint::{Hint, hint};
pub use histories::{CheckRequest, HistoryModel, check_histories};
pub use last::{LastRun, last_run, remember};
pub use matrix::{MatrixRequest, matrix};
pub use mutants::{Mutant, mutants};
pub use names::TestName;
pub use plan::Selection;
pub use rebase::{Rebased, rebase};
pub use replay::{Replayed, replay};
pub use rubric::{Category, Nightly, Row, Rubric, SelfCheck, Visibility};
pub use run::Seeds;
pub use salt::Salt;
pub use starter::{derive_starter, write_starter};
pub use trace::Trace;
pub use traces::{find_trace, usual_folder};
