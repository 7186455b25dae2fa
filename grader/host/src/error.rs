//! The two ways in which things go wrong, kept apart by type: the tool's own troubles here, the
//! student's in [`StageError`](crate::stage::StageError) and
//! [`DoesNotBuild`](crate::build::DoesNotBuild).

use std::{io, path::PathBuf};

/// The grader's own machinery failed. It says nothing about the submission and is never a score.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// A program that the grader needs could not be run.
    #[error("cannot run `{}`: {source}. {advice}", program.display())]
    CannotRun {
        /// The program.
        program: PathBuf,
        /// Why not.
        source: io::Error,
        /// What to do.
        advice: &'static str,
    },
    /// A program that the grader needs ran and failed.
    #[error("`{command}` failed ({status}):\n{output}")]
    Failed {
        /// What was run.
        command: String,
        /// Its exit status, in words.
        status: String,
        /// What it printed.
        output: String,
    },
    /// The compiler has no standard library for the nodes' target, and it could not be installed.
    #[error(
        "the compiler in `{}` has no `{target}` target, which submissions are compiled to, and \
         installing it failed: {reason}\nrun this once, with a network connection, and then grade \
         again:\n\n    {command}\n",
        sysroot.display()
    )]
    NoTarget {
        /// The compiler's folder.
        sysroot: PathBuf,
        /// The missing target.
        target: &'static str,
        /// Why the installation failed.
        reason: String,
        /// What the user can run.
        command: String,
    },
    /// A file or folder of the grader's own could not be read or written.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// Such as "read".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The prebuilt libraries are not what a submission needs.
    #[error(
        "building `{package}` for submissions gave no `{missing}`; is `{package}` a package of \
         this project?"
    )]
    Incomplete {
        /// The lab's package.
        package: String,
        /// The library that is missing.
        missing: String,
    },
    /// The glue between the lab and a submission does not become a module for a reason that lies in
    /// this machine: there is no linker, or a file cannot be written.
    #[error("the lab and the submission cannot be linked here:\n{output}")]
    Glue {
        /// What the compiler said.
        output: String,
    },
    /// The wasm engine refused something.
    #[error("the wasm engine cannot {action}: {reason}")]
    Engine {
        /// Such as "load the module".
        action: &'static str,
        /// Why not.
        reason: String,
    },
}

impl ToolError {
    /// For `map_err`: a failed access to one of the grader's own files.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> ToolError {
        let path = path.into();
        move |source| ToolError::Io {
            action,
            path,
            source,
        }
    }

    /// For `map_err`: a refusal of the wasm engine.
    pub(crate) fn engine(action: &'static str) -> impl FnOnce(wasmtime::Error) -> ToolError {
        move |error| ToolError::Engine {
            action,
            reason: format!("{error:#}"),
        }
    }
}
