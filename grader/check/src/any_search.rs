//! The search that suits an object.

use crate::{
    queues::QueueSearch,
    rules::Rules,
    search::{Progress, Search},
    spec::Spec,
    timeline::Entry,
};

/// A search for a linearization of one partition. It can be paused.
pub(crate) enum AnySearch<'h, S: Spec> {
    /// Through the states of any object.
    States(Box<Search<'h, S>>),
    /// Through the pairs of a queue.
    Pairs(Box<QueueSearch>),
    /// Of what is too much to be laid out: so many operations are open at once. It finds nothing,
    /// and uses up what it is given.
    TooMuch {
        /// How much that was.
        explored: u64,
    },
}

impl<'h, S: Spec> AnySearch<'h, S> {
    /// A search for a linearization of `entries`, which are all of one partition.
    pub fn new(initial: &S, entries: &[Entry<'h, S>], rules: Rules) -> AnySearch<'h, S> {
        let pairs = match rules.pairs {
            true => QueueSearch::new(initial, entries),
            false => None,
        };
        let search = match pairs {
            Some(pairs) => pairs.map(|pairs| AnySearch::Pairs(Box::new(pairs))),
            None => Search::new(initial, entries, rules)
                .map(|states| AnySearch::States(Box::new(states))),
        };
        search.unwrap_or(AnySearch::TooMuch { explored: 0 })
    }

    /// How many configurations were explored.
    pub fn explored(&self) -> u64 {
        match self {
            AnySearch::States(search) => search.explored(),
            AnySearch::Pairs(search) => search.explored(),
            AnySearch::TooMuch { explored } => *explored,
        }
    }

    /// How many completed operations, in the order of their replies, could all be placed. A prefix
    /// of the history that ends with one of these replies is linearizable.
    pub fn deepest(&self) -> usize {
        match self {
            AnySearch::States(search) => search.deepest(),
            AnySearch::Pairs(search) => search.deepest(),
            AnySearch::TooMuch { .. } => 0,
        }
    }

    /// After [`Progress::Found`]: the linearization, by indices in the history.
    pub fn order(&self) -> &[usize] {
        match self {
            AnySearch::States(search) => search.order(),
            AnySearch::Pairs(search) => search.order(),
            AnySearch::TooMuch { .. } => &[],
        }
    }

    /// Explores at least `fuel` further configurations, and hardly more, unless it finds a
    /// linearization or the end.
    pub fn run(&mut self, fuel: u64) -> Progress {
        match self {
            AnySearch::States(search) => search.run(fuel),
            AnySearch::Pairs(search) => search.run(fuel),
            AnySearch::TooMuch { explored } => {
                *explored = explored.saturating_add(fuel);
                Progress::OutOfFuel
            }
        }
    }
}
