//! Builds submissions and runs their nodes: the only crate that touches a student's code.
//!
//! The way of a submission: [`Staged`] (its sources, copied) → [`Prebuilt::compile`] (a wasm module) →
//! [`Machine::load`] (a [`Program`], compiled to machine code) → [`Program::backend`] (a [`WasmBackend`] per world).
//!
//! What is the student's and what is the tool's never share a type: [`StageError`](stage::StageError),
//! [`DoesNotBuild`](build::DoesNotBuild) and [`Fault`](faultline_sim::backend::Fault) are verdicts, [`ToolError`] never
//! is.

pub mod build;
mod environment;
mod error;
pub mod machine;
pub mod stage;
pub mod toolchain;

pub use build::{BuildError, LabCrates, Prebuilt};
pub use error::ToolError;
pub use machine::{Machine, Program, WORLD_STACK_BYTES, WasmBackend, on_world_stack};
pub use stage::Staged;
pub use toolchain::Toolchain;
