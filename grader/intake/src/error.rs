//! What can go wrong, told for the person who grades.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why there is no batch.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are the parts of the message")]
pub enum IntakeError {
    /// Something that was given cannot be used: it says what was wrong, what was expected and what
    /// to do.
    #[error("{}: {problem}", path.display())]
    Input { path: PathBuf, problem: String },
    /// A file could not be read or written.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl IntakeError {
    pub(crate) fn input(path: &Path, problem: impl Into<String>) -> IntakeError {
        IntakeError::Input {
            path: path.to_owned(),
            problem: problem.into(),
        }
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> IntakeError {
        let path = path.to_owned();
        move |source| IntakeError::Io {
            action,
            path,
            source,
        }
    }
}

/// Why a submission's files cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TakeError {
    /// The submission is not what it should be: somebody has to look at it.
    #[error("{0}")]
    Submission(String),
    /// This machine could not read it: nothing is known of the submission.
    #[error("{0}")]
    Machine(String),
}

impl TakeError {
    pub(crate) fn reading(path: &Path, error: &io::Error) -> TakeError {
        TakeError::Machine(format!("cannot read `{}`: {error}", path.display()))
    }
}
