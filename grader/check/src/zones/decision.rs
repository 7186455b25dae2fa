//! What all parts of the fast path share: the operations, the tests, and how a test ends.

use crate::{
    kv::KvOp,
    verdict::{Anomaly, Blame},
};

/// Before everything: when the initial value was written.
pub(super) const BEFORE: i64 = i64::MIN;

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
pub(super) type OrDecision<T = ()> = Result<T, Decision>;

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
pub(super) fn on(test: Test) -> bool {
    #[cfg(test)]
    return OFF.get() != Some(test);
    #[cfg(not(test))]
    {
        let _ = test;
        true
    }
}

pub(super) fn violated(kind: Anomaly, core: Vec<usize>, context: Vec<usize>) -> Decision {
    Decision::Violated(Blame::new(kind, core, context))
}
