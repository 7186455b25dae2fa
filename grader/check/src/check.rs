//! The check of a whole history: decide it, and explain what is wrong.

use crate::{
    decide::{Answer, decide},
    history::{HistoryError, OperationOf},
    options::Options,
    spec::Spec,
    verdict::Verdict,
    violation::explain,
};

/// Whether `history` is linearizable: whether each operation can have taken effect at one moment
/// between its call and its reply, such that all replies are those of `S` from the state `initial`
/// on. Each partition starts from `initial`.
///
/// `budget` limits the work, in configurations of the search over all partitions; time and memory
/// grow with it. The partitions are searched in turns that grow, so a bad one is found even if
/// another one is too hard. If one is found bad, the search for the explanation does not count
/// towards the budget; it has one of its own, a small multiple of what the verdict took.
///
/// # Errors
///
/// [`HistoryError`] if the history cannot have been recorded: some reply is before its call.
///
/// # Panics
///
/// Only with more than 2^32 operations or states, which no machine holds.
///
/// # Example
///
/// ```
/// use faultline_check::{DEFAULT_BUDGET, Operation, SequentialSpec, Spec, Verdict, check};
///
/// /// A counter that each operation increments; the reply is the old value.
/// #[derive(Clone, Debug, PartialEq, Eq, Hash)]
/// struct Counter(u64);
///
/// impl SequentialSpec for Counter {
///     type Op = ();
///     type Ret = u64;
///     fn invoke(&mut self, (): &()) -> u64 {
///         self.0 += 1;
///         self.0 - 1
///     }
/// }
///
/// impl Spec for Counter {
///     type Key<'a> = ();
///     fn read_only((): &()) -> bool {
///         false
///     }
///     fn partition((): &()) -> Option<()> {
///         Some(())
///     }
/// }
///
/// let history = [
///     Operation { client: 1, command: (), call: 0, reply: Some((10, 0)) },
///     Operation { client: 2, command: (), call: 20, reply: Some((30, 0)) },
/// ];
/// let Ok(Verdict::Violated(violation)) = check(&Counter(0), &history, DEFAULT_BUDGET) else {
///     panic!("the second increment came after the first");
/// };
/// assert_eq!(violation.impossible, 1);
/// assert_eq!(violation.possible_replies.values, ["1"]);
/// ```
pub fn check<S: Spec>(
    initial: &S,
    history: &[OperationOf<S>],
    budget: u64,
) -> Result<Verdict, HistoryError> {
    check_with(
        initial,
        history,
        &Options {
            budget,
            ..Options::default()
        },
    )
    .map(|checked| checked.verdict)
}

/// A verdict, and what it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The verdict.
    pub verdict: Verdict,
    /// How many partitions were decided without a search.
    pub by_zones: usize,
    /// How many partitions were searched, or would have been.
    pub by_search: usize,
    /// How many configurations the search explored, without those for explanations.
    pub explored: u64,
}

/// [`check`] with all options; also tells how the verdict was found. Equal histories and options
/// give equal results.
///
/// First, partitions whose written values are all different are decided in `O(n log n)` each; if
/// one is bad, that is the verdict. The others are searched in turns.
///
/// # Errors
///
/// [`HistoryError`], as for [`check`].
pub fn check_with<S: Spec>(
    initial: &S,
    history: &[OperationOf<S>],
    options: &Options,
) -> Result<Checked, HistoryError> {
    let decided = decide(initial, history, options)?;
    let verdict = match decided.answer {
        Answer::Linearizable(witness) => Verdict::Linearizable { witness },
        Answer::Bad { part, found } => {
            Verdict::Violated(explain(initial, history, &part, found, options))
        }
        Answer::OutOfBudget => Verdict::Undecided {
            explored: decided.explored,
        },
    };
    Ok(Checked {
        verdict,
        by_zones: decided.by_zones,
        by_search: decided.by_search,
        explored: decided.explored,
    })
}
