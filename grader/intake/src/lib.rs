//! From a folder of clones or zips and a roster to a [`Batch`], and from a line of that batch to
//! one submission's files.
//!
//! [`import`] finds out who handed in what and when, [`Batch`] is the file `batch.toml` that says
//! so (people read it and change it by hand), [`take`] reads one submission's files. All of it
//! works on what is on the disk: no service is asked, no program is run. Clones are read as objects
//! by their ids; their configuration, hooks, filters and alternates have no effect.

mod archive;
mod batch;
mod bulk;
mod entries;
mod error;
mod history;
mod import;
mod layout;
mod matching;
mod moment;
mod repository;
mod roster;
mod seen;
mod table;
mod take;
mod timing;
mod whole;

pub use batch::{Batch, Student, Submission, TimeSource, Unmatched};
pub use entries::{Entry, What};
pub use error::{IntakeError, TakeError};
pub use import::{Finding, ImportRequest, Imported, import};
pub use layout::Layout;
pub use moment::Moment;
pub use take::{Limits, Taken, take};
