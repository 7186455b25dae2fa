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
mod line;
mod order;
mod tokens;
mod versions;

pub(crate) use tokens::written;

use crate::{
    kv::{KvOp, KvState},
    verdict::Blame,
};

/// Before everything: when the initial value was written.
const BEFORE: i64 = i64::MIN;

/// After everything: when a lost reply comes.
pub(crate) const NEVER: i64 = i64::MAX;

/// An operation of one key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<'a> {
    /// Its place in the history.
    pub index: usize,
    pub call: i64,
    /// When it was answered, or [`NEVER`].
    pub ret: i64,
    pub kv: KvOp<'a>,
}

/// What the fast path says.
#[derive(Debug)]
pub(crate) enum Decision {
    /// Linearizable, for example in this order (indices in the history).
    Linearizable(Vec<usize>),
    /// Not linearizable, as these operations show.
    Violated(Blame),
    /// The preconditions do not hold.
    NotApplicable,
}

/// The steps that can end early.
type OrDecision<T = ()> = Result<T, Decision>;

/// One test of the fast path. The crate's own tests switch them off, one at a time, to see that it
/// would be noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(test), allow(dead_code, reason = "only tests name them all"))]
pub(crate) enum Test {
    Unique,
    PrefixFree,
    Unwritten,
    Torn,
    Fork,
    AppliedTwice,
    TwoEpochs,
    UpdateInTheMiddle,
    Cycle,
    SweepWrites,
    SweepReads,
    ForwardForward,
    BackwardForward,
    Unobserved,
    InitialFirst,
    VersionTwice,
    VersionGap,
    VersionValue,
    LineWrites,
    LineReads,
    Refusals,
}

#[cfg(test)]
thread_local! {
    /// The test that is switched off.
    pub(crate) static OFF: std::cell::Cell<Option<Test>> = const { std::cell::Cell::new(None) };
}

/// Whether this test is made; always, outside the crate's own tests.
#[inline]
fn on(test: Test) -> bool {
    #[cfg(test)]
    return OFF.get() != Some(test);
    #[cfg(not(test))]
    {
        let _ = test;
        true
    }
}

/// Decides whether `events`, which are all of one key, are linearizable from the state `initial`
/// on. `O(n log n)` time for `n` events, plus the bytes of the values.
pub(crate) fn decide(events: &[Event<'_>], initial: KvState<'_>) -> Decision {
    if let Some(wrong) = events.iter().find(|event| event.kv == KvOp::Wrong) {
        return violated(crate::Anomaly::WrongReply, vec![wrong.index], Vec::new());
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

fn violated(kind: crate::Anomaly, core: Vec<usize>, context: Vec<usize>) -> Decision {
    Decision::Violated(Blame::new(kind, core, context))
}
