//! The room where a failure becomes a lesson: from a recorded run of thousands of events to what
//! one person reads, sees and goes through.
//!
//! ```text
//! run that failed --> shrink        a smaller run that fails in the same way
//!                       |
//!                  causal_slice     which of its events led to the failure
//!                       |
//!                     story         those as lines (words, shorten), with what changed (states)
//!                       |
//!                    failure <----- diagram   what reports draw of them
//!
//! recording of whole worlds --> walk          the run step by step
//! ```
//!
//! Nothing here runs a program: `shrink` is handed a function that does. Nothing decides about
//! right and wrong either; a violation comes in, and the same violation is told. Begin with
//! `failure`, then read `story` and `causal_slice`.

mod causal_slice;
mod diagram;
mod failure;
mod fields;
mod shorten;
mod shrink;
mod states;
mod story;
mod walk;
mod words;

pub(crate) use failure::failure;
pub(crate) use shrink::{Budget, events, shrink};
pub(crate) use states::to_look_at;
pub(crate) use walk::{steps_to_show, walk};
