//! The values of a key for the search: as beginnings of what somebody saw, by number.
//!
//! A value matters only as far as somebody who is still to be placed can tell it from others: it is
//! what an operation saw or compared with, or with appends the beginning of that. All other values
//! are one, [`NOBODY_CARES`]: no operation can tell two of them apart, now or after any further
//! steps. So the order of appends that nobody looks at is not searched. (An abstraction by
//! observational equivalence; the proof is an induction over the remaining steps.)
//!
//! The values that were seen are sorted, so those that begin with a value are neighbours, and a
//! value is the range of them together with its length. No value is ever copied.

use rustc_hash::FxHashMap;

use crate::{
    kv::{KvOp, Swap},
    spec::Spec,
    timeline::{Demand, Expected, Timeline, number},
};

/// The state of which nobody can tell which value it is.
const NOBODY_CARES: u32 = 0;

/// Nothing was seen that begins with this value.
const NO_VALUE: Value = Value {
    first: 0,
    end: 0,
    length: 0,
};

/// A value as the range of the seen ones that begin with it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Value {
    first: u32,
    end: u32,
    length: u32,
}

/// What a demand does to a state.
#[derive(Clone, Copy)]
enum Effect<'h> {
    Put(u32),
    Append(&'h [u8]),
    /// The state must be this; the second one is the place of the value among the seen ones.
    Is(u32, u32),
    IsNot(u32),
    Swap {
        from: u32,
        to: u32,
    },
    /// With a lost reply: swaps if it can.
    MaySwap {
        from: u32,
        to: u32,
    },
    Never,
}

/// The values of one key.
pub(crate) struct KvStates<'h> {
    /// What was seen or compared with, sorted, each once.
    seen: Vec<&'h [u8]>,
    /// Of each of `seen`, the last rank that can tell; above the leaves their maxima (a segment
    /// tree).
    last: Vec<u32>,
    appends: bool,
    values: Vec<Value>,
    /// For each of `values`, the last rank that can tell it from others.
    until: Vec<u32>,
    numbers: FxHashMap<(u32, u32), u32>,
    effects: Vec<Effect<'h>>,
    appended: FxHashMap<(u32, u32), u32>,
    /// The initial state.
    pub start: u32,
}

/// Every value that was seen or compared with, and the rank of who did, sorted.
fn seen_values<'h>(operations: &[KvOp<'h>], last_rank: &[u32]) -> Vec<(&'h [u8], u32)> {
    let mut seen = Vec::new();
    for (operation, &last) in operations.iter().zip(last_rank) {
        match *operation {
            KvOp::Get(Some(value)) => seen.push((value, last)),
            KvOp::Cas {
                from,
                outcome: None,
                ..
            } => seen.push((from, u32::MAX)),
            KvOp::Cas {
                outcome: Some(Swap::Saw(value)),
                ..
            } => seen.push((value, last)),
            KvOp::Cas { from, .. } => seen.push((from, last)),
            _ => {}
        }
    }
    seen.sort_unstable();
    seen
}

impl<'h> KvStates<'h> {
    /// The states of the operations in `timeline`; `None` if they are not all operations of a
    /// key-value store without versions, or are not demanded to have replied something definite.
    pub fn new<S: Spec>(
        initial: &S,
        demands: &[Demand<'h, S>],
        timeline: &Timeline,
    ) -> Option<KvStates<'h>> {
        let operation = |&(command, expected): &Demand<'h, S>| match expected {
            Some(Expected::NoneOf(_)) => None,
            Some(Expected::Exactly(reply)) => S::as_kv(command, Some(reply)),
            None => S::as_kv(command, None),
        };
        let operations: Vec<KvOp<'h>> = demands.iter().map(operation).collect::<Option<_>>()?;
        if operations
            .iter()
            .any(|operation| matches!(operation, KvOp::PutAt { .. } | KvOp::GetAt(_)))
        {
            return None;
        }
        let initial = initial.kv_state()?.value;
        let mut last_rank = vec![0; demands.len()];
        for (rank, operation) in timeline.completed.iter().enumerate() {
            last_rank[operation.demand as usize] = number(rank);
        }
        let seen = seen_values(&operations, &last_rank);
        let mut states = KvStates {
            seen: Vec::with_capacity(seen.len()),
            last: Vec::new(),
            appends: operations
                .iter()
                .any(|operation| matches!(operation, KvOp::Append(_))),
            values: vec![NO_VALUE],
            until: vec![u32::MAX],
            numbers: FxHashMap::default(),
            effects: Vec::with_capacity(operations.len()),
            appended: FxHashMap::default(),
            start: NOBODY_CARES,
        };
        let mut leaves: Vec<u32> = Vec::with_capacity(seen.len());
        for (value, last) in seen {
            if states.seen.last() == Some(&value) {
                // Sorted by rank, too, so this is the later one.
                *leaves.last_mut().expect("as many as seen") = last;
            } else {
                states.seen.push(value);
                leaves.push(last);
            }
        }
        states.build_maxima(&leaves);
        states.start = states.of(initial);
        for operation in &operations {
            let effect = states.effect(operation);
            states.effects.push(effect);
        }
        Some(states)
    }

    fn effect(&mut self, operation: &KvOp<'h>) -> Effect<'h> {
        match *operation {
            KvOp::Put(value) => Effect::Put(self.of(value)),
            KvOp::Append(token) => Effect::Append(token),
            KvOp::Get(Some(value)) => self.is(value),
            KvOp::Cas {
                from,
                outcome: Some(Swap::Saw(value)),
                ..
            } if from != value => self.is(value),
            KvOp::Cas {
                from,
                to,
                outcome: Some(Swap::Done),
            } => Effect::Swap {
                from: self.of(from),
                to: self.of(to),
            },
            KvOp::Cas {
                from,
                to,
                outcome: None,
            } => Effect::MaySwap {
                from: self.of(from),
                to: self.of(to),
            },
            KvOp::Cas {
                from,
                outcome: Some(Swap::Refused),
                ..
            } => Effect::IsNot(self.of(from)),
            _ => Effect::Never,
        }
    }

    fn is(&mut self, value: &'h [u8]) -> Effect<'h> {
        Effect::Is(
            self.of(value),
            self.seen.partition_point(|seen| *seen < value) as u32,
        )
    }

    fn build_maxima(&mut self, leaves: &[u32]) {
        let count = leaves.len();
        self.last = vec![0; count];
        self.last.extend_from_slice(leaves);
        for at in (1..count).rev() {
            self.last[at] = self.last[2 * at].max(self.last[2 * at + 1]);
        }
    }

    fn last_of(&self, value: Value) -> u32 {
        let count = self.seen.len();
        let (mut low, mut high) = (value.first as usize + count, value.end as usize + count);
        let mut most = 0;
        while low < high {
            if low % 2 == 1 {
                most = most.max(self.last[low]);
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                most = most.max(self.last[high]);
            }
            (low, high) = (low / 2, high / 2);
        }
        most
    }

    /// The number of the state with this value. `O(log n)` comparisons.
    fn of(&mut self, value: &[u8]) -> u32 {
        let first = self.seen.partition_point(|seen| *seen < value);
        let begins = |seen: &&[u8]| {
            if self.appends {
                seen.starts_with(value)
            } else {
                *seen == value
            }
        };
        let end = first + self.seen[first..].partition_point(begins);
        self.number(Value {
            first: first as u32,
            end: end as u32,
            length: value.len() as u32,
        })
    }

    fn number(&mut self, value: Value) -> u32 {
        if value.first == value.end {
            return NOBODY_CARES;
        }
        if let Some(&known) = self.numbers.get(&(value.first, value.length)) {
            return known;
        }
        let new = number(self.values.len());
        self.numbers.insert((value.first, value.length), new);
        self.until.push(self.last_of(value));
        self.values.push(value);
        new
    }

    fn append(&mut self, state: u32, demand: u32, token: &[u8]) -> u32 {
        if state == NOBODY_CARES {
            return NOBODY_CARES;
        }
        if let Some(&known) = self.appended.get(&(state, demand)) {
            return known;
        }
        let Value { first, end, length } = self.values[state as usize];
        let rest = |seen: &&'h [u8]| &seen[length as usize..];
        let range = &self.seen[first as usize..end as usize];
        let skipped = range.partition_point(|seen| rest(seen) < token);
        let begin = range[skipped..].partition_point(|seen| rest(seen).starts_with(token));
        let first = first + skipped as u32;
        let next = self.number(Value {
            first,
            end: first + begin as u32,
            length: length + token.len() as u32,
        });
        self.appended.insert((state, demand), next);
        next
    }

    /// The state after an operation with this demand is done in `state`; `None` if it would reply
    /// something else.
    pub fn step(&mut self, state: u32, demand: u32) -> Option<u32> {
        match self.effects[demand as usize] {
            Effect::Put(to) => Some(to),
            Effect::Append(token) => Some(self.append(state, demand, token)),
            Effect::Is(value, _) => (state == value).then_some(state),
            Effect::IsNot(value) => (state != value).then_some(state),
            Effect::Swap { from, to } => (state == from).then_some(to),
            Effect::MaySwap { from, to } => Some(if state == from { to } else { state }),
            Effect::Never => None,
        }
    }

    /// The state that stands for `state` once all operations below `rank` are placed.
    pub fn quotient(&self, state: u32, rank: usize) -> u32 {
        if (self.until[state as usize] as usize) < rank {
            NOBODY_CARES
        } else {
            state
        }
    }

    /// Whether `others` may lead from `state` to one that meets the demand of a read.
    pub fn can_lead_to(
        &self,
        state: u32,
        read: u32,
        mut others: impl Iterator<Item = u32>,
    ) -> bool {
        let Effect::Is(value, place) = self.effects[read as usize] else {
            return true;
        };
        let leads = |state: u32| {
            let Value { first, end, .. } = self.values[state as usize];
            (first..end).contains(&place)
        };
        let missing = leads(state)
            .then(|| &self.seen[place as usize][self.values[state as usize].length as usize..]);
        state == value
            || others.any(|other| match self.effects[other as usize] {
                Effect::Put(to) | Effect::Swap { to, .. } | Effect::MaySwap { to, .. } => leads(to),
                Effect::Append(token) => missing.is_some_and(|missing| missing.starts_with(token)),
                _ => false,
            })
    }
}
