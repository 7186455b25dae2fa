//! From a folder of clones or zips and a roster to a [`Batch`], and from a line of that batch to
//! one submission's files.
//!
//! [`import`] finds out who handed in what and when, [`Batch`] is the file `batch.toml` that says
//! so (people read it, and write what they decide beside it), [`take`] reads one submission's
//! files.
//!
//! What it does not know: labs, tests and points, and of the project's other crates all but the
//! data of a decision (`verdict::Correction`). All of it works on what is on the disk: no service
//! is asked, no program is run, no compiler, no git. Clones are read as objects by their ids; their
//! configuration (but for the kind of ids), hooks, filters and alternates have no effect.
//!
//! ```
//! use faultline_intake::{Batch, Limits, Taken, take};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let class = tempfile::tempdir()?;
//! std::fs::create_dir_all(class.path().join("ann/src"))?;
//! std::fs::write(class.path().join("ann/src/lib.rs"), "// a library")?;
//! let file = class.path().join("batch.toml");
//! std::fs::write(&file, "format = 1\n[[submission]]\nid = \"ann\"\npath = \"ann\"\n")?;
//!
//! let batch = Batch::read(&file)?;
//! let limits = Limits { files: 256, bytes: 1 << 20 };
//! let taken = take(class.path(), &batch.submissions[0], "lab2", limits)?;
//! assert_eq!(taken, Taken::Folder(class.path().join("ann")));
//! # Ok(())
//! # }
//! ```
//!
//! Read on in `import.rs` and `assemble.rs`, which call the rest: `layout.rs` (what lies in the
//! folder), `claim.rs` and `matching.rs` (whose is it?), `choosing.rs` (which of several?),
//! `repository.rs` and `history.rs` (clones), `timing.rs` (which commit was there in time).
//! `overrides.rs` is what people decide by hand. `take.rs` is the way to one submission's files.

mod account;
mod archive;
mod assemble;
mod batch;
mod bulk;
mod choosing;
mod claim;
mod entries;
mod error;
mod history;
mod import;
mod layout;
mod lines;
mod matching;
mod moment;
mod overrides;
mod reftable;
mod repository;
mod roster;
mod seen;
mod table;
mod take;
mod timing;
mod whole;

pub use batch::{Batch, Student, Submission, TimeSource, Unmatched};
pub use entries::{Entry, EntryKind, Limits};
pub use error::{IntakeError, TakeError};
pub use import::{Finding, ImportRequest, Imported, import};
pub use layout::Layout;
pub use moment::Moment;
pub use overrides::ByHand;
pub use take::{Taken, take};
