//! What clients did and saw, as it was recorded at their side.

use rustc_hash::FxHashMap;
use stateright::semantics::SequentialSpec;
use thiserror::Error;

use crate::spec::Spec;

/// One operation of a history.
///
/// `call` and the position of the reply lie on one axis, whatever its unit is (the world uses
/// virtual microseconds with a tie-break in the low digits). An operation takes effect at one
/// moment of the *closed* interval between the two, so of two operations the first precedes the
/// second only if its reply is strictly before the other's call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operation<C, R> {
    /// Who called. Reports show it; the verdict does not depend on it, and a client may have
    /// several calls open.
    pub client: u32,
    /// What was asked.
    pub command: C,
    /// When it was asked.
    pub call: u64,
    /// When the answer came and what it was. `None` is an unknown outcome: the reply is lost or has
    /// not come yet, and the operation may have taken effect at any moment from its call on, or
    /// never.
    pub reply: Option<(u64, R)>,
}

/// An [`Operation`] in the terms of a [`Spec`].
pub type OperationOf<S> = Operation<<S as SequentialSpec>::Op, <S as SequentialSpec>::Ret>;

/// Why something is not a history. The recorder is broken then, not the system under test.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HistoryError {
    /// An operation was answered before it was called.
    #[error("operation {index} has its reply at {reply}, before its call at {call}")]
    ReplyBeforeCall {
        /// The operation's place in the history.
        index: usize,
        /// When it was called.
        call: u64,
        /// When it was answered.
        reply: u64,
    },
}

/// Refuses what cannot have happened.
pub(crate) fn validate<C, R>(history: &[Operation<C, R>]) -> Result<(), HistoryError> {
    for (index, operation) in history.iter().enumerate() {
        if let Some((reply, _)) = operation.reply
            && reply < operation.call
        {
            return Err(HistoryError::ReplyBeforeCall {
                index,
                call: operation.call,
                reply,
            });
        }
    }
    Ok(())
}

/// The indices of the operations of each partition, in the order of the keys; a single partition if
/// the history cannot be split.
pub(crate) fn split<S: Spec>(history: &[OperationOf<S>]) -> Vec<Vec<usize>> {
    let mut numbers: FxHashMap<S::Key<'_>, usize> = FxHashMap::default();
    let mut parts: Vec<Vec<usize>> = Vec::new();
    for (index, operation) in history.iter().enumerate() {
        let Some(key) = S::partition(&operation.command) else {
            return vec![(0..history.len()).collect()];
        };
        let number = *numbers.entry(key).or_insert(parts.len());
        if number == parts.len() {
            parts.push(Vec::new());
        }
        parts[number].push(index);
    }
    parts.sort_unstable_by_key(|part| S::partition(&history[part[0]].command));
    parts
}
