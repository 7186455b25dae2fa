//! Builds submissions and runs their nodes: the only crate that touches a student's code.
//!
//! The way of a submission: [`Staged`] (its sources, copied) → [`Prebuilt::compile`] (a wasm
//! module) → [`Machine::load`] (a [`Program`], compiled to machine code) → [`Program::backend`] (a
//! [`WasmBackend`] per world).
//!
//! What is the student's and what is the tool's never share a type:
//! [`StageError`](stage::StageError), [`DoesNotBuild`](build::DoesNotBuild) and
//! [`Fault`](faultline_sim::backend::Fault) are verdicts, [`ToolError`] never is. Between them
//! stand [`Rejected`] (a human must look) and [`NotScored`] (the machine's trouble).
//!
//! Untrusted submissions are compiled in a [`Cage`].

pub mod build;
pub mod cage;
mod environment;
mod error;
pub mod machine;
mod scan;
pub mod stage;
pub mod supervise;
pub mod toolchain;

pub use build::{BuildError, LabCrates, NotScored, Prebuilt, Rejected};
pub use cage::{Cage, NoCage};
pub use error::ToolError;
pub use machine::{Machine, Program, WORLD_STACK_BYTES, WasmBackend, on_world_stack};
pub use scan::{MAX_NESTING, scan};
pub use stage::Staged;
pub use toolchain::Toolchain;
