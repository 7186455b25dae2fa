//! Builds submissions and runs their nodes: the only crate that touches a student's code.
//!
//! The way of a submission: [`Staged`] (its sources, copied) → [`Prebuilt::compile`] (a wasm
//! module) → [`Machine::load`] (a [`Program`], compiled to machine code) → [`Program::backend`] (a
//! [`WasmBackend`] per world). Untrusted submissions are compiled in a [`Sandbox`].
//!
//! What is the student's and what is the tool's never share a type:
//! [`StageError`](stage::StageError), [`DoesNotBuild`](build::DoesNotBuild) and
//! [`Fault`](faultline_sim::backend::Fault) are verdicts, [`ToolError`] never is. Between them
//! stand [`Rejected`] (a human must look) and [`NotScored`] (the machine's trouble).
//!
//! What it does not know: tests, points and what a correct program is. It names no lab (the caller
//! does, with [`LabCrates`]), and where a submission came from and who handed it in is nothing to
//! it.
//!
//! What reaches out of the submission is refused before the compiler sees it:
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! let code = r#"pub const SECRET: &str = include_str!("/etc/passwd");"#;
//! let sources = BTreeMap::from([("src/lib.rs".to_owned(), code.to_owned())]);
//! let rejected = faultline_host::scan(&sources).expect_err("it reads another file");
//! assert!(rejected.text.contains("src/lib.rs:1:26: `include_str!`"));
//! ```
//!
//! From a folder to a program that can run:
//!
//! ```no_run
//! use std::{path::Path, sync::atomic::AtomicBool};
//!
//! use faultline_host::{
//!     LabCrates, Machine, Prebuilt, Program, Sandbox, Staged, Toolchain, build::Options,
//!     machine::Limits,
//! };
//!
//! fn program(project: &Path, submission: &Path) -> Result<Program, Box<dyn std::error::Error>> {
//!     let toolchain = Toolchain::find(project)?;
//!     let sandbox = Sandbox::find(&toolchain)?;
//!     let lab = Prebuilt::build(project, &toolchain, LabCrates::of("lab2"))?;
//!     let staged = Staged::from_folder(submission)?;
//!     let built = lab.compile(&staged, &Options::new(&sandbox, &AtomicBool::new(false)))?;
//!     Ok(Machine::new(Limits::default())?.load(&built.wasm)?)
//! }
//! ```
//!
//! Read on in [`stage`], [`build`] (`submission.rs` compiles, `scan.rs` and `foreign.rs` refuse,
//! `ending.rs` tells whose trouble an end is), [`sandbox`], [`supervise`], and [`machine`].

pub mod build;
mod environment;
mod error;
pub mod machine;
pub mod sandbox;
pub mod stage;
pub mod supervise;
pub mod toolchain;

pub use build::{BuildError, LabCrates, MAX_NESTING, NotScored, Prebuilt, Rejected, scan};
pub use error::ToolError;
pub use machine::{Machine, Program, WORLD_STACK_BYTES, WasmBackend, on_world_stack};
pub use sandbox::{NoSandbox, Sandbox};
pub use stage::Staged;
pub use toolchain::Toolchain;
