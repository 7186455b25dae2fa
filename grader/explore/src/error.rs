//! How an exploration can end without an answer.

use faultline_sim::backend::{BackendError, Fault};
use thiserror::Error;

/// The grader's own failure, a model that makes no sense, or a program for which no search is long
/// enough.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// The backend broke, so there is no verdict.
    #[error("the grader broke while it explored: {0}")]
    Broken(String),
    /// A handler did not do again what it did before, so a path cannot be told.
    #[error("a path of the search could not be walked again")]
    LostPath,
    /// The handlers have computed for too long. This is the program's fault, and the only one that
    /// ends an exploration so.
    #[error("all handlers of this search together computed for too long")]
    OutOfFuel,
}

/// A fault in words, for the sentence of a violation.
pub(crate) fn fault_text(fault: &Fault) -> String {
    match fault {
        Fault::Panic { message, place } => {
            let place = place
                .as_ref()
                .map(|place| format!(" at {place}"))
                .unwrap_or_default();
            format!("it panicked{place}: {message}")
        }
        Fault::Trap { what } | Fault::State { what } => what.clone(),
        Fault::Refused { what, place } => match place {
            Some(place) => format!("at {place} {what}"),
            None => what.clone(),
        },
        Fault::OutOfFuel { mostly_printing } => Fault::out_of_fuel(*mostly_printing).to_owned(),
        Fault::OutOfMemory { limit_bytes } => {
            format!("it wanted more than {} MiB of memory", limit_bytes >> 20)
        }
        Fault::Malformed => "what the handler returned are no effects".to_owned(),
    }
}

/// The node's own fault, or the end of the exploration.
pub(crate) fn own_fault<T>(result: Result<T, BackendError>) -> Result<Result<T, String>, Error> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(BackendError::Fault(fault)) => Ok(Err(fault_text(&fault))),
        Err(BackendError::Broken(why)) => Err(Error::Broken(why)),
    }
}
