//! From staged sources to a wasm module.
//!
//! What a lab gives is built once by cargo ([`Prebuilt`]). A submission is then compiled by direct
//! calls of rustc into a folder of its own: no cargo configuration, environment variable or old
//! build product can take part.

mod artifacts;
mod crates;
mod diagnostics;
mod ending;
mod error;
mod foreign;
mod glue;
mod prebuilt;
mod rustc;
mod scan;
mod stamp;
mod submission;

pub use crates::LabCrates;
pub use diagnostics::{Diagnostic, Level, Span};
pub use error::{BuildError, DoesNotBuild, NotScored, Obstacle, Rejected};
pub use prebuilt::Prebuilt;
pub use scan::{MAX_NESTING, scan};
pub use submission::{Built, Options};
