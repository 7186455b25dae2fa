//! The check of a whole history: split it, decide what needs no search, search the rest in turns,
//! explain.

use crate::{
    history::{HistoryError, OperationOf, split, validate},
    kv::KvOp,
    search::{Progress, Rules, Search},
    spec::Spec,
    verdict::Verdict,
    violation::{Found, entries, explain},
    zones::{self, Decision, Event, NEVER},
};

/// A budget for [`check`] that decides what workloads of a few hundred operations produce, with
/// room to spare, and keeps the worst case at about a second and 100 MB.
pub const DEFAULT_BUDGET: u64 = 500_000;

/// The first turn of each partition, in configurations. Most are decided in it.
const FIRST_TURN: u64 = 4_000;

/// By how much each turn is longer than the one before.
const TURN_GROWTH: u64 = 8;

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

/// How to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The limit of the search, in configurations over all partitions.
    pub budget: u64,
    /// Whether to decide without a search what can be decided so.
    pub zones: bool,
    /// What the search leaves out.
    pub rules: Rules,
    /// Whether to look for the explanation of a violation. If not, its `kind` and `core` are those
    /// of the first contradiction that was met (of a search:
    /// [`Anomaly::Unexplained`](crate::Anomaly::Unexplained) and none), and
    /// [`Violation::prefix`](crate::Violation::prefix), `linearization` and the possible values are
    /// empty.
    pub explain: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            budget: DEFAULT_BUDGET,
            zones: true,
            rules: Rules::ALL,
            explain: true,
        }
    }
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
    validate(history)?;
    let parts = split::<S>(history);
    let mut orders: Vec<Vec<usize>> = vec![Vec::new(); parts.len()];
    let mut checked = Checked {
        verdict: Verdict::Undecided { explored: 0 },
        by_zones: 0,
        by_search: 0,
        explored: 0,
    };
    let mut undecided = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        match if options.zones {
            decide(initial, history, part)
        } else {
            Decision::NotApplicable
        } {
            Decision::Linearizable(order) => orders[number] = order,
            Decision::Violated(blame) => {
                checked.by_zones += 1;
                let violation = explain(initial, history, part, Found::ByZones(blame), options);
                checked.verdict = Verdict::Violated(violation);
                return Ok(checked);
            }
            Decision::NotApplicable => {
                undecided.push(number);
                continue;
            }
        }
        checked.by_zones += 1;
    }
    checked.by_search = undecided.len();
    let new = |at: usize| {
        Search::new(
            initial,
            &entries::<S>(history, &parts[undecided[at]]),
            options.rules,
        )
    };
    let mut searches = Vec::with_capacity(undecided.len());
    let found = take_turns(&mut searches, undecided.len(), new, options.budget);
    checked.explored = searches.iter().map(Search::explored).sum();
    checked.verdict = match found {
        Turns::AllFound => {
            for (number, search) in undecided.iter().zip(&searches) {
                orders[*number] = search.order().to_vec();
            }
            Verdict::Linearizable { witness: orders }
        }
        Turns::Bad(at) => {
            let found = Found::BySearch {
                explored: searches[at].explored(),
                deepest: searches[at].deepest(),
            };
            drop(searches);
            Verdict::Violated(explain(
                initial,
                history,
                &parts[undecided[at]],
                found,
                options,
            ))
        }
        Turns::OutOfBudget => Verdict::Undecided {
            explored: checked.explored,
        },
    };
    Ok(checked)
}

/// The operations `part` of `history` in the terms of the fast path, if they have them.
pub(crate) fn events<'h, S: Spec>(
    history: &'h [OperationOf<S>],
    part: &[usize],
) -> Option<Vec<Event<'h>>> {
    let event = |&index: &usize| {
        let operation = &history[index];
        let reply = operation.reply.as_ref();
        // The ends of the axis stand for "before everything" and "never".
        let time = |at: u64| i64::try_from(at).ok().filter(|&at| at < NEVER);
        let kv: KvOp<'h> = S::as_kv(&operation.command, reply.map(|(_, reply)| reply))?;
        let ret = reply.map_or(Some(NEVER), |&(at, _)| time(at))?;
        Some(Event {
            index,
            call: time(operation.call)?,
            ret,
            kv,
        })
    };
    part.iter().map(event).collect()
}

/// What the fast path says of the operations `part`.
pub(crate) fn decide<S: Spec>(initial: &S, history: &[OperationOf<S>], part: &[usize]) -> Decision {
    match (initial.kv_state(), events::<S>(history, part)) {
        (Some(state), Some(events)) => zones::decide(&events, state),
        _ => Decision::NotApplicable,
    }
}

/// How the searches of all partitions ended.
enum Turns {
    AllFound,
    /// This one found that there is no linearization.
    Bad(usize),
    OutOfBudget,
}

/// Searches in turns that grow, so that a bad partition is found even if another one is too hard.
fn take_turns<'h, S: Spec>(
    searches: &mut Vec<Search<'h, S>>,
    count: usize,
    new: impl Fn(usize) -> Search<'h, S>,
    budget: u64,
) -> Turns {
    let mut undecided: Vec<usize> = (0..count).collect();
    let mut turn = FIRST_TURN;
    let mut left = budget;
    while !undecided.is_empty() {
        let mut still = Vec::new();
        for number in undecided {
            if number == searches.len() {
                searches.push(new(number));
            }
            let search = &mut searches[number];
            let before = search.explored();
            let progress = search.run(turn.min(left));
            left = left.saturating_sub(search.explored() - before);
            match progress {
                Progress::Found => {}
                Progress::OutOfFuel => still.push(number),
                Progress::Exhausted => return Turns::Bad(number),
            }
        }
        if left == 0 && !still.is_empty() {
            return Turns::OutOfBudget;
        }
        undecided = still;
        turn = turn.saturating_mul(TURN_GROWTH);
    }
    Turns::AllFound
}
