//! Why there is no grade.

use std::path::PathBuf;

use thiserror::Error;

/// Why there is no grade. A submission that does not compile is no error here: it is graded, with 0
/// points.
#[derive(Debug, Error)]
pub enum Error {
    /// The request cannot be carried out as it stands; the message says what was expected.
    #[error("{0}")]
    Usage(String),
    /// A rubric that is not right.
    #[error("{}: {what}", path.display())]
    Rubric {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A trace file that is not right.
    #[error("{}: {what}", path.display())]
    Trace {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The submission cannot be compiled: for a replay, which has no grade to put this into.
    #[error("the submission does not build")]
    DoesNotBuild {
        /// The compiler's errors.
        text: String,
    },
    /// A human must look at the submission before it is graded: for a replay, which has no grade to
    /// put this into.
    #[error("the submission cannot be graded: {text}")]
    Rejected {
        /// Why.
        text: String,
    },
    /// The machine got in the way of building the submission: likewise.
    #[error("the submission could not be built on this machine: {text}")]
    NotScored {
        /// What happened.
        text: String,
    },
    /// The project is not the one that this grader was compiled from, so its verdicts would not be
    /// this project's.
    #[error(
        "this grader was built from another version of the project: {differ} differ from what it \
         was built from, so \
         there is no score. Run `cargo grade` in the project, which builds the right one, or \
         download the release of \
         the project's version"
    )]
    OtherProject {
        /// What is different.
        differ: String,
    },
    /// The grader itself failed.
    #[error("the grader itself failed, so there is no score: {0}")]
    Broken(String),
    /// Somebody pressed Ctrl-C while a class was graded.
    #[error("interrupted; what was done is kept: run the same command to resume")]
    BatchInterrupted,
    /// Somebody pressed Ctrl-C.
    #[error("interrupted; nothing was written")]
    Interrupted,
}

/// `; did you mean ...?`, if something known is near.
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(unknown, name), name))
        .filter(|(distance, name)| *distance <= name.len().max(3) / 3)
        .min()
        .map(|(_, name)| format!("; did you mean `{name}`?"))
        .unwrap_or_default()
}

/// The grader itself failed, for this reason.
pub fn broken(error: impl std::fmt::Display) -> Error {
    Error::Broken(error.to_string())
}
