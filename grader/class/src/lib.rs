//! Grades a class: each submission once, by a process of its own, and what is done is never done
//! again.
//!
//! It is a crate of its own because a student needs none of it: what reads clones, zip files and
//! rosters (`grader/intake`) is built where `cargo grade batch` is asked for. How one submission is
//! graded is not decided here (`grader/grade` does), nor how results look (`grader/report`).
//!
//! Data flows one way:
//!
//! ```text
//! request  what to grade, and who is told        plan        who handed in what, and the rows
//!    |                                             |
//!    +--> common  what all submissions share <-----+
//!            |
//!          class  what is there, what is to be done     preflight  is this machine sure?
//!            |
//!          pool --> submission  the files of one        worker  a process that grades one
//!            |
//!          store  the folder, its records (record, sealed) and sources (tree)
//!            |
//!          merge  joins what machines did
//! ```
//!
//! A result counts once its record is there, the record is written last, and it holds the key of
//! all that the result depends on. So going on after a power cut, grading one student again and
//! joining shards are one mechanism: look at what is there, do what is missing. Begin with `class`.
//!
//! ```
//! use faultline_class::Shard;
//!
//! let third = Shard { part: 3, of: 16 };
//! assert_eq!(third.part, 3);
//! ```

mod class;
mod common;
mod merge;
mod plan;
mod pool;
mod preflight;
mod record;
mod request;
mod sealed;
mod store;
mod submission;
mod tree;
mod worker;

pub use class::{batch, plan_of_batch};
pub use merge::{MergeRequest, merge};
pub use request::{BatchRequest, ClassListener, GradedClass, Kept, Shard};
pub use worker::{Worker, serve};
