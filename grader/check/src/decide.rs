//! Whether a history is linearizable, before anything is explained: split it, decide what needs no
//! search, search the rest in turns.

use crate::{
    any_search::AnySearch,
    fast_path,
    history::{HistoryError, OperationOf, split, validate},
    impossible,
    options::Options,
    search::Progress,
    spec::Spec,
    timeline::entries,
    verdict::Blame,
    zones::Decision,
};

/// The first turn of each partition, in configurations. Most are decided in it.
const FIRST_TURN: u64 = 4_000;

/// Factor by which each turn is longer than the one before.
const TURN_GROWTH: u64 = 8;

/// How it was found out that there is no linearization.
pub(crate) enum Found {
    ByZones(Blame),
    /// Some reply is impossible whatever the order.
    AtOnce(Blame),
    BySearch {
        /// How many configurations it took.
        explored: u64,
        /// The number of replies, from the first on, that can be explained.
        deepest: usize,
    },
}

/// The answer, and what it took.
pub(crate) struct Decided {
    pub answer: Answer,
    pub by_zones: usize,
    pub by_search: usize,
    pub explored: u64,
}

pub(crate) enum Answer {
    /// For each partition an order that explains it.
    Linearizable(Vec<Vec<usize>>),
    /// The first partition that was found to have none.
    Bad {
        part: Vec<usize>,
        found: Found,
    },
    OutOfBudget,
}

/// Decides a history: first, without a search, the partitions that the zones can decide, then the
/// others in turns. The first bad one ends it.
///
/// # Errors
/// A history that cannot have been recorded.
pub(crate) fn decide<S: Spec>(
    initial: &S,
    history: &[OperationOf<S>],
    options: &Options,
) -> Result<Decided, HistoryError> {
    validate(history)?;
    let mut parts = split::<S>(history);
    let mut orders: Vec<Vec<usize>> = vec![Vec::new(); parts.len()];
    let (mut by_zones, mut undecided) = (0, Vec::new());
    for number in 0..parts.len() {
        let decision = match options.zones {
            true => fast_path::decide(initial, history, &parts[number]),
            false => Decision::NotApplicable,
        };
        match decision {
            Decision::Linearizable(order) => orders[number] = order,
            Decision::Violated(blame) => {
                let part = parts.swap_remove(number);
                return Ok(without_search(by_zones + 1, part, Found::ByZones(blame)));
            }
            Decision::NotApplicable => {
                undecided.push(number);
                continue;
            }
        }
        by_zones += 1;
    }
    let entries_of = |at: usize| entries::<S>(history, &parts[undecided[at]]);
    let impossible = |at: usize| Some((at, impossible::at_once(initial, &entries_of(at))?));
    let all = if options.zones { undecided.len() } else { 0 };
    if let Some((at, blame)) = (0..all).find_map(impossible) {
        let part = parts.swap_remove(undecided[at]);
        return Ok(without_search(by_zones + 1, part, Found::AtOnce(blame)));
    }
    let new = |at: usize| AnySearch::new(initial, &entries_of(at), options.rules);
    let mut searches = Vec::with_capacity(undecided.len());
    let turns = take_turns(&mut searches, undecided.len(), new, options.budget);
    let explored = searches.iter().map(AnySearch::explored).sum();
    let answer = match turns {
        Turns::AllFound => {
            for (number, search) in undecided.iter().zip(&searches) {
                orders[*number] = search.order().to_vec();
            }
            Answer::Linearizable(orders)
        }
        Turns::Bad(at) => {
            let found = Found::BySearch {
                explored: searches[at].explored(),
                deepest: searches[at].deepest(),
            };
            drop(searches);
            Answer::Bad {
                part: parts.swap_remove(undecided[at]),
                found,
            }
        }
        Turns::OutOfBudget => Answer::OutOfBudget,
    };
    Ok(Decided {
        answer,
        by_zones,
        by_search: undecided.len(),
        explored,
    })
}

/// A history of which a part was found to be bad before anything was searched.
fn without_search(by_zones: usize, part: Vec<usize>, found: Found) -> Decided {
    Decided {
        answer: Answer::Bad { part, found },
        by_zones,
        by_search: 0,
        explored: 0,
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
    searches: &mut Vec<AnySearch<'h, S>>,
    count: usize,
    new: impl Fn(usize) -> AnySearch<'h, S>,
    budget: u64,
) -> Turns {
    let mut undecided: Vec<usize> = (0..count).collect();
    let mut turn = FIRST_TURN;
    let mut left = budget;
    while !undecided.is_empty() {
        let mut still = Vec::new();
        for number in undecided {
            let before = searches.get(number).map_or(0, AnySearch::explored);
            if number == searches.len() {
                if left == 0 && number > 0 {
                    // To lay out what there is no budget for would take memory, too.
                    return Turns::OutOfBudget;
                }
                searches.push(new(number));
            }
            let search = &mut searches[number];
            // (A new one may have cost something.)
            let rest = left.saturating_sub(search.explored() - before);
            let progress = search.run(turn.min(rest));
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
