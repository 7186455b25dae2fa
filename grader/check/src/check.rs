//! The check of a whole history: split it, search all parts in turns, explain.

use crate::{
    history::{HistoryError, OperationOf, split, validate},
    search::{Progress, Search},
    spec::Spec,
    verdict::Verdict,
    violation::{entries, explain},
};

/// A budget for [`check`] that decides what workloads of a few hundred operations produce, with room to spare, and
/// keeps the worst case at about a second and 100 MB.
pub const DEFAULT_BUDGET: u64 = 500_000;

/// The first turn of each partition, in configurations. Most are decided in it.
const FIRST_TURN: u64 = 4_000;

/// By how much each turn is longer than the one before.
const TURN_GROWTH: u64 = 8;

/// Whether `history` is linearizable: whether each operation can have taken effect at one moment between its call and
/// its reply, such that all replies are those of `S` from the state `initial` on. Each partition starts from `initial`.
///
/// `budget` limits the work, in configurations of the search over all partitions; time and memory grow with it. The
/// partitions are searched in turns that grow, so a bad one is found even if another one is too hard. If one is found
/// bad, the search for the explanation does not count towards the budget; it has one of its own, a small multiple of
/// what the verdict took.
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
///     type Key = ();
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
pub fn check<S: Spec>(initial: &S, history: &[OperationOf<S>], budget: u64) -> Result<Verdict, HistoryError> {
    validate(history)?;
    let parts = split::<S>(history);
    let new = |part: &Vec<usize>| Search::new(initial, &entries::<S>(history, part));
    let mut searches: Vec<_> = parts.iter().map(new).collect();
    let mut undecided: Vec<usize> = (0..parts.len()).collect();
    let mut turn = FIRST_TURN;
    let mut left = budget;
    while !undecided.is_empty() {
        let mut still = Vec::new();
        for number in undecided {
            let search = &mut searches[number];
            let before = search.explored();
            let progress = search.run(turn.min(left));
            left = left.saturating_sub(search.explored() - before);
            match progress {
                Progress::Found => {}
                Progress::OutOfFuel => still.push(number),
                Progress::Exhausted => {
                    return Ok(Verdict::Violated(explain(initial, history, &parts[number], search)));
                }
            }
        }
        if left == 0 && !still.is_empty() {
            return Ok(Verdict::Undecided { explored: searches.iter().map(Search::explored).sum() });
        }
        undecided = still;
        turn = turn.saturating_mul(TURN_GROWTH);
    }
    Ok(Verdict::Linearizable { witness: searches.iter().map(|search| search.order().to_vec()).collect() })
}
