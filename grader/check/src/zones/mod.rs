//! Linearizability without a search, for histories of one key in which every written value is
//! another one.
//!
//! Then a read names the write that it saw, and what is left to find is only an order of the
//! values. Gibbons and Korach (SIAM J. Comput. 26(4), 1997) decide such histories of registers in
//! `O(n log n)`; zones are Golab, Li and Shah's (PODC 2011) way to say it. Here they also carry
//! appends, compare-and-sets and versions:
//!
//! - `tokens`: that the preconditions hold, and how a value falls into tokens;
//! - `chains`: what follows what without a gap (a put, the appends and compare-and-sets on it,
//!   their readers);
//! - `order`: in which order the chains can have been current;
//! - `line`: a single chain whose order is known (versions), also with refusals that do not tell
//!   what they saw.
//!
//! Nothing is assumed: whatever is not one of these cases is [`Decision::NotApplicable`] and goes
//! to the search.

mod chains;
mod decision;
mod line;
mod order;
mod tokens;
mod versions;

pub(crate) use decision::{Decision, Event, NEVER};
#[cfg(test)]
pub(crate) use decision::{OFF, Test};
pub(crate) use tokens::written;

use decision::{OrDecision, violated};

use crate::kv::{KvOp, KvState};

/// Decides whether `events`, which are all of one key, are linearizable from the state `initial`
/// on. `O(n log n)` time for `n` events, plus the bytes of the values.
pub(crate) fn decide(events: &[Event<'_>], initial: KvState<'_>) -> Decision {
    if let Some(wrong) = events.iter().find(|event| event.kv == KvOp::Wrong) {
        return violated(
            crate::verdict::Anomaly::WrongReply,
            vec![wrong.index],
            Vec::new(),
        );
    }
    let versioned = |event: &Event<'_>| matches!(event.kv, KvOp::PutAt { .. } | KvOp::GetAt(_));
    let decided = match events.iter().filter(|event| versioned(event)).count() {
        0 => values(events, initial),
        count if count == events.len() => versions::decide(events, initial),
        _ => Err(Decision::NotApplicable),
    };
    decided.map_or_else(|ended| ended, Decision::Linearizable)
}

fn values(events: &[Event<'_>], initial: KvState<'_>) -> OrDecision<Vec<usize>> {
    let tokens = tokens::Tokens::collect(events, initial.value).ok_or(Decision::NotApplicable)?;
    let chains = chains::Chains::build(events, &tokens)?;
    let decided = match chains.refusals.is_empty() {
        true => order::order(&chains),
        false => chains.as_a_line()?.decide(),
    };
    decided.map_err(|ended| chains.with_evidence(ended))
}
