//! From a bad prefix to the few operations of it that cannot be explained together.
//!
//! To drop operations as long as what is left is bad (delta debugging) would prove nothing: drop a
//! put, and whoever read its value is wrong for a new reason. So only such removals are made that
//! keep linearizable histories linearizable; if what is left is bad, the history was, and for that
//! reason:
//!
//! - an operation that only read: nobody needs it;
//! - of a queue, all that added or took one value: the others keep their order;
//! - a write that nobody saw, if no value that was seen has its bytes: up to the next put nobody
//!   looked;
//! - without appends and compare-and-sets: all writes and reads of one value, since each of the
//!   others is explained by its own value;
//! - if all values fall into tokens in one way: one token, out of all values and together with its
//!   appends. (Erasing a letter from all words commutes with appending words to each other.)

use std::{cell::Cell, collections::BTreeMap};

use crate::{
    any_search::AnySearch,
    decide::{Answer, decide},
    fast_path,
    history::{Operation, OperationOf},
    kv::{KvOp, Stored, Swap},
    options::Options,
    queues::QueueEvent,
    rules::Rules,
    search::Progress,
    spec::Spec,
    store::{Store, StoreCall, StoreOp, StoreReply},
    timeline::{Entry, Expected},
    verdict::{Anomaly, Blame},
    zones::Decision,
};

/// Maximum number of configurations for one question.
const FUEL: u64 = 20_000;

/// Maximum number of configurations for all questions together. For long histories asking has a
/// cost, too.
const ALL_FUEL: u64 = 100_000;

/// What it costs to ask about this number of operations.
fn price(operations: usize) -> u64 {
    1 + operations as u64 / 8
}

/// The operations to blame in a prefix that is not linearizable: few, but no certain number of
/// them. `O(k log n)` checks for `n` operations of which `k` remain.
pub(crate) fn shrink<S: Spec>(
    initial: &S,
    history: &[OperationOf<S>],
    prefix: &[Entry<'_, S>],
) -> Blame {
    match translate(initial, history, prefix) {
        Some((initial, bag)) => Shrinking {
            initial,
            fuel: ALL_FUEL,
        }
        .run(bag),
        None => shrink_any(initial, prefix),
    }
}

/// [`shrink`] for what is no key-value store.
fn shrink_any<S: Spec>(initial: &S, prefix: &[Entry<'_, S>]) -> Blame {
    let fuel = Cell::new(ALL_FUEL);
    let is_bad = |trial: &[Entry<'_, S>]| {
        let mut search = AnySearch::new(initial, trial, Rules::ALL);
        let bad = search.run(FUEL.min(fuel.get())) == Progress::Exhausted;
        fuel.set(
            fuel.get()
                .saturating_sub(search.explored() + price(trial.len())),
        );
        bad
    };
    let mut kept = vec![true; prefix.len()];
    let values = values_of_queue(initial, prefix);
    for groups in [&reads(prefix), &values] {
        drop_groups(&fuel, &mut kept, groups, |kept| {
            let rest = (0..prefix.len()).filter(|&at| kept[at]);
            is_bad(&rest.map(|at| prefix[at]).collect::<Vec<_>>())
        });
    }
    // What was taken as another value has not taken one of those that are left, which nobody would
    // know without it.
    let is_take = |at: &usize| prefix[*at].reply.is_some() && is_take(&prefix[*at]);
    let takes: Vec<usize> = values.into_iter().flatten().filter(is_take).collect();
    let others: Vec<Vec<usize>> = takes
        .iter()
        .map(|&at| vec![at])
        .filter(|at| !kept[at[0]])
        .collect();
    let mut told = kept.clone();
    others.iter().flatten().for_each(|&at| told[at] = true);
    drop_groups(&fuel, &mut told, &others, |told| {
        let as_known = |at: usize| match told[at] {
            true => prefix[at],
            false => Entry {
                call: 0,
                reply: None,
                demand: (prefix[at].demand.0, None),
                ..prefix[at]
            },
        };
        let reads = |at: &usize| told[*at] || !only_reads(&prefix[*at]);
        let trial = (0..prefix.len()).filter(reads).map(as_known);
        is_bad(&trial.collect::<Vec<_>>())
    });
    let named = |these: &dyn Fn(usize) -> bool| {
        let all = (0..prefix.len()).filter(|&at| these(at));
        all.map(|at| prefix[at].index).collect()
    };
    let context = named(&|at| told[at] && !kept[at]);
    Blame::new(Anomaly::Unexplained, named(&|at| kept[at]), context)
}

/// Drops those of `groups` from what is `kept` without which it is still bad, while there is fuel.
fn drop_groups(
    fuel: &Cell<u64>,
    kept: &mut Vec<bool>,
    groups: &[Vec<usize>],
    still_bad: impl Fn(&[bool]) -> bool,
) {
    let numbers: Vec<usize> = (0..groups.len()).collect();
    drop_chunks(&numbers, &mut |chunk: &[usize]| {
        if fuel.get() == 0 {
            return false;
        }
        let mut trial = kept.clone();
        let dropped = chunk.iter().flat_map(|&group| &groups[group]);
        dropped.for_each(|&at| trial[at] = false);
        let bad = still_bad(&trial);
        if bad {
            *kept = trial;
        }
        bad
    });
}

fn only_reads<S: Spec>(entry: &Entry<'_, S>) -> bool {
    match entry.demand {
        (op, Some(Expected::Exactly(reply))) => S::read_only(op) || S::only_reads(op, reply),
        (op, _) => S::read_only(op),
    }
}

fn is_take<S: Spec>(entry: &Entry<'_, S>) -> bool {
    let reply = match entry.demand.1 {
        Some(Expected::Exactly(reply)) => Some(reply),
        _ => None,
    };
    matches!(
        S::as_queue(entry.demand.0, reply),
        Some(QueueEvent::Take(Some(_)))
    )
}

/// The operations that only read, each for itself.
fn reads<S: Spec>(prefix: &[Entry<'_, S>]) -> Vec<Vec<usize>> {
    let reads = |at: &usize| only_reads(&prefix[*at]);
    (0..prefix.len()).filter(reads).map(|at| vec![at]).collect()
}

/// The operations that add or take a value, for each value of a queue. Without all of these the
/// others are in the same order, and whoever found the queue empty does.
fn values_of_queue<S: Spec>(initial: &S, prefix: &[Entry<'_, S>]) -> Vec<Vec<usize>> {
    let mut of_value: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    if !initial.is_empty_queue() {
        return Vec::new();
    }
    for (at, entry) in prefix.iter().enumerate() {
        let (op, expected) = entry.demand;
        let reply = match expected {
            Some(Expected::Exactly(reply)) => Some(reply),
            _ => None,
        };
        match S::as_queue(op, reply) {
            Some(QueueEvent::Add(value) | QueueEvent::Take(Some(value))) => {
                of_value.entry(value).or_default().push(at)
            }
            Some(QueueEvent::Take(None) | QueueEvent::TakeUnknown) => {}
            None => return Vec::new(),
        }
    }
    of_value.into_values().collect()
}

/// Drops as much of `candidates` as `still_bad` allows: all at once, or each half for itself.
fn drop_chunks<T: Copy>(candidates: &[T], still_bad: &mut impl FnMut(&[T]) -> bool) -> bool {
    if candidates.is_empty() {
        return false;
    }
    if still_bad(candidates) {
        return true;
    }
    if candidates.len() == 1 {
        return false;
    }
    let (left, right) = candidates.split_at(candidates.len() / 2);
    let left = drop_chunks(left, still_bad);
    drop_chunks(right, still_bad) || left
}

/// Operations of one key, each with its index in the history.
type Bag = Vec<(usize, Operation<StoreCall, StoreReply>)>;

/// The prefix as operations of a [`Store`].
fn translate<S: Spec>(
    initial: &S,
    history: &[OperationOf<S>],
    prefix: &[Entry<'_, S>],
) -> Option<(Store, Bag)> {
    let state = initial.kv_state()?;
    let initial = Store {
        value: state.value.to_vec(),
        version: state.version,
    };
    let operation = |entry: &Entry<'_, S>| {
        let (command, expected) = entry.demand;
        let (op, reply) = match expected {
            Some(Expected::Exactly(reply)) => translated(&S::as_kv(command, Some(reply))?, true)?,
            _ => translated(&S::as_kv(command, None)?, false)?,
        };
        let command = StoreCall {
            key: String::new(),
            op,
        };
        let client = history[entry.index].client;
        Some((
            entry.index,
            Operation {
                client,
                command,
                call: entry.call,
                reply: entry.reply.zip(reply),
            },
        ))
    };
    Some((
        initial,
        prefix.iter().map(operation).collect::<Option<_>>()?,
    ))
}

fn translated(kv: &KvOp<'_>, answered: bool) -> Option<(StoreOp, Option<StoreReply>)> {
    let done = answered.then_some(StoreReply::Done);
    Some(match *kv {
        KvOp::Put(value) => (StoreOp::Put(value.to_vec()), done),
        KvOp::Append(value) => (StoreOp::Append(value.to_vec()), done),
        KvOp::Get(value) => (
            StoreOp::Get,
            value.map(|value| StoreReply::Value(value.to_vec())),
        ),
        KvOp::GetAt(seen) => (
            StoreOp::GetAt,
            seen.map(|(value, version)| StoreReply::Versioned(value.to_vec(), version)),
        ),
        KvOp::Cas { from, to, outcome } => {
            let reply = outcome.map(|outcome| match outcome {
                Swap::Done => StoreReply::Done,
                Swap::Saw(value) => StoreReply::NotSwapped(Some(value.to_vec())),
                Swap::Refused => StoreReply::NotSwapped(None),
            });
            (
                StoreOp::Cas {
                    from: from.to_vec(),
                    to: to.to_vec(),
                },
                reply,
            )
        }
        KvOp::PutAt {
            version,
            value,
            outcome,
        } => {
            let reply = outcome.map(|outcome| match outcome {
                Stored::Done => StoreReply::Done,
                Stored::Saw(version) => StoreReply::NotStored(Some(version)),
                Stored::Refused => StoreReply::NotStored(None),
            });
            (
                StoreOp::PutAt {
                    version,
                    value: value.to_vec(),
                },
                reply,
            )
        }
        KvOp::Wrong => return None,
    })
}

/// Removes what is not needed for a contradiction.
struct Shrinking {
    initial: Store,
    fuel: u64,
}

impl Shrinking {
    fn run(mut self, mut bag: Bag) -> Blame {
        // Each pass can enable the others; each removes something or is the last.
        while self.drop_reads(&mut bag)
            | self.drop_unseen(&mut bag)
            | self.drop_values(&mut bag)
            | self.erase(&mut bag)
        {}
        let operations: Vec<_> = bag.iter().map(|(_, operation)| operation.clone()).collect();
        let all: Vec<usize> = (0..bag.len()).collect();
        let named = |blamed: &[usize]| blamed.iter().map(|&at| bag[at].0).collect::<Vec<_>>();
        match fast_path::decide(&self.initial, &operations, &all) {
            Decision::Violated(blame) => {
                Blame::new(blame.kind, named(&blame.core), named(&blame.context))
            }
            _ => Blame::new(Anomaly::Unexplained, named(&all), Vec::new()),
        }
    }

    fn is_bad(&mut self, bag: &Bag) -> bool {
        if self.fuel == 0 {
            return false;
        }
        let operations: Vec<_> = bag.iter().map(|(_, operation)| operation.clone()).collect();
        let options = Options {
            budget: FUEL.min(self.fuel),
            ..Options::default()
        };
        let Ok(decided) = decide(&self.initial, &operations, &options) else {
            return false;
        };
        self.fuel = self
            .fuel
            .saturating_sub(decided.explored + price(bag.len()));
        matches!(decided.answer, Answer::Bad { .. })
    }

    /// Removes as many of `candidates` as it can; `without` tells the bag without some of them.
    fn drop_from<T: Copy>(
        &mut self,
        bag: &mut Bag,
        candidates: &[T],
        without: impl Fn(&Bag, &[T]) -> Bag,
    ) -> bool {
        drop_chunks(candidates, &mut |chunk: &[T]| {
            let trial = without(bag, chunk);
            let bad = self.is_bad(&trial);
            if bad {
                *bag = trial;
            }
            bad
        })
    }

    fn drop_indices(
        &mut self,
        bag: &mut Bag,
        wanted: impl Fn(&Operation<StoreCall, StoreReply>) -> bool,
    ) -> bool {
        let candidates: Vec<usize> = bag
            .iter()
            .filter(|(_, operation)| wanted(operation))
            .map(|(index, _)| *index)
            .collect();
        self.drop_from(bag, &candidates, |bag, chunk| {
            bag.iter()
                .filter(|(index, _)| !chunk.contains(index))
                .cloned()
                .collect()
        })
    }

    fn drop_reads(&mut self, bag: &mut Bag) -> bool {
        self.drop_indices(bag, |operation| {
            let reply = operation.reply.as_ref().map(|(_, reply)| reply);
            Store::as_kv(&operation.command, reply).is_some_and(|kv| kv.only_reads())
        })
    }

    /// Values that somebody saw or compared with; `None` if somebody was refused without a value,
    /// and so saw them all.
    fn seen(bag: &Bag) -> Option<Vec<Vec<u8>>> {
        let mut seen = Vec::new();
        for (_, operation) in bag {
            let reply = operation.reply.as_ref().map(|(_, reply)| reply);
            match Store::as_kv(&operation.command, reply)? {
                KvOp::Get(Some(value)) => seen.push(value.to_vec()),
                KvOp::Cas {
                    outcome: Some(Swap::Refused),
                    ..
                }
                | KvOp::PutAt { .. }
                | KvOp::GetAt(_) => return None,
                KvOp::Cas { from, outcome, .. } => {
                    seen.push(from.to_vec());
                    seen.extend(if let Some(Swap::Saw(value)) = outcome {
                        Some(value.to_vec())
                    } else {
                        None
                    });
                }
                _ => {}
            }
        }
        Some(seen)
    }

    fn drop_unseen(&mut self, bag: &mut Bag) -> bool {
        let Some(seen) = Shrinking::seen(bag) else {
            return false;
        };
        let has = |seen: &[u8], token: &[u8]| {
            token.is_empty() || seen.windows(token.len()).any(|at| at == token)
        };
        self.drop_indices(bag, |operation| match &operation.command.op {
            StoreOp::Put(value) => !seen.iter().any(|seen| seen.starts_with(value)),
            StoreOp::Append(value) => !seen.iter().any(|seen| has(seen, value)),
            _ => false,
        })
    }

    /// All operations of one value. Only where there is nothing but puts and gets.
    fn drop_values(&mut self, bag: &mut Bag) -> bool {
        fn value_of(operation: &Operation<StoreCall, StoreReply>) -> Option<&[u8]> {
            match (&operation.command.op, &operation.reply) {
                (StoreOp::Put(value), _) | (StoreOp::Get, Some((_, StoreReply::Value(value)))) => {
                    Some(value)
                }
                _ => None,
            }
        }
        let mut clusters: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
        for (index, operation) in bag.iter() {
            match (&operation.command.op, value_of(operation)) {
                (StoreOp::Put(_) | StoreOp::Get, Some(value)) => {
                    clusters.entry(value.to_vec()).or_default().push(*index)
                }
                (StoreOp::Get, None) => {}
                _ => return false,
            }
        }
        let clusters: Vec<Vec<usize>> = clusters.into_values().collect();
        let candidates: Vec<usize> = (0..clusters.len()).collect();
        self.drop_from(bag, &candidates, |bag, chunk| {
            let gone = |index: &usize| {
                chunk
                    .iter()
                    .any(|&cluster| clusters[cluster].contains(index))
            };
            bag.iter()
                .filter(|(index, _)| !gone(index))
                .cloned()
                .collect()
        })
    }

    /// Tokens of appends, out of all values.
    fn erase(&mut self, bag: &mut Bag) -> bool {
        let Some(words) = Words::read(bag, &self.initial.value) else {
            return false;
        };
        let appended: Vec<usize> = (0..words.tokens.len())
            .filter(|&token| words.appended[token])
            .collect();
        self.drop_from(bag, &appended, |bag, chunk| words.without(bag, chunk))
    }
}

/// The values of a bag as sequences of tokens.
struct Words {
    tokens: Vec<Vec<u8>>,
    /// Which of them are only appended, never put.
    appended: Vec<bool>,
}

impl Words {
    /// `None` if some value does not fall into tokens, or could do so in more than one way, or
    /// there is something else than puts, appends and gets.
    fn read(bag: &Bag, initial: &[u8]) -> Option<Words> {
        let mut tokens: BTreeMap<&[u8], bool> = BTreeMap::new();
        if !initial.is_empty() {
            tokens.insert(initial, false);
        }
        for (_, operation) in bag {
            match &operation.command.op {
                StoreOp::Put(value) if value.is_empty() => {}
                StoreOp::Append(value) if value.is_empty() => return None,
                StoreOp::Put(value) => drop(tokens.insert(value, false)),
                StoreOp::Append(value) => drop(tokens.entry(value).or_insert(true)),
                StoreOp::Get => {}
                _ => return None,
            }
        }
        let all: Vec<&[u8]> = tokens.keys().copied().collect();
        if all.windows(2).any(|pair| pair[1].starts_with(pair[0])) {
            return None;
        }
        let words = Words {
            tokens: all.iter().map(|token| token.to_vec()).collect(),
            appended: tokens.values().copied().collect(),
        };
        let readable = |operation: &Operation<StoreCall, StoreReply>| match &operation.reply {
            Some((_, StoreReply::Value(value))) => words.split(value).is_some(),
            _ => true,
        };
        bag.iter()
            .all(|(_, operation)| readable(operation))
            .then_some(words)
    }

    fn split(&self, value: &[u8]) -> Option<Vec<usize>> {
        let (mut at, mut split) = (0, Vec::new());
        while at < value.len() {
            // The only token that can be here is the last one that is not behind the rest.
            let after = self
                .tokens
                .partition_point(|token| token[..] <= value[at..]);
            let token = after
                .checked_sub(1)
                .filter(|&token| value[at..].starts_with(&self.tokens[token]))?;
            split.push(token);
            at += self.tokens[token].len();
        }
        Some(split)
    }

    fn without(&self, bag: &Bag, erased: &[usize]) -> Bag {
        let erase = |value: &[u8]| -> Vec<u8> {
            let left = self
                .split(value)
                .unwrap_or_default()
                .into_iter()
                .filter(|token| !erased.contains(token));
            left.flat_map(|token| self.tokens[token].iter().copied())
                .collect()
        };
        let keep = |operation: &Operation<StoreCall, StoreReply>| match &operation.command.op {
            StoreOp::Append(value) => !erased.iter().any(|&token| self.tokens[token] == *value),
            _ => true,
        };
        let mut rest: Bag = bag
            .iter()
            .filter(|(_, operation)| keep(operation))
            .cloned()
            .collect();
        for (_, operation) in &mut rest {
            if let Some((_, StoreReply::Value(value))) = &mut operation.reply {
                *value = erase(value);
            }
        }
        rest
    }
}
