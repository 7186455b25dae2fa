//! From staged sources to a wasm module.
//!
//! What a lab gives is built once by cargo ([`Prebuilt`]). A submission is then compiled by direct
//! calls of rustc in a folder that holds nothing else (`slot.rs`): no cargo configuration and no
//! environment variable can take part. What an earlier build has left can ([`Cache`], `kept.rs`),
//! where somebody waits for a verdict; it saves time and changes no byte of the module.

mod artifacts;
#[cfg(test)]
mod caches;
mod crates;
mod diagnostics;
mod ending;
mod error;
mod foreign;
mod glue;
mod joining;
mod kept;
mod origins;
mod prebuilt;
mod rustc;
mod scan;
mod slot;
mod stamp;
mod submission;
mod width;

pub use crates::LabCrates;
pub use diagnostics::{Diagnostic, Level, Span};
pub use error::{BuildError, DoesNotBuild, NotScored, Obstacle, Rejected};
pub use glue::EXPORTS;
pub use prebuilt::Prebuilt;
pub use rustc::EDITION;
pub use scan::{MAX_NESTING, scan};
pub use submission::{Built, Cache, Options};
