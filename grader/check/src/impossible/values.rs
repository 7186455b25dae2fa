//! Values of one key that nobody wrote, or nobody in time.
//!
//! For each value the earliest moment at which it can be the current one: that at which somebody
//! is asked to put it; or to put it in place of another one, but not before that one can be there.
//! What was refused brings nothing. With appends a value is one that was put, followed by tokens
//! that were appended, in any way that gives its bytes. How often each was written, and in which
//! order, is for the search.

use std::{cmp::Reverse, collections::BinaryHeap};

use rustc_hash::FxHashMap;

use super::Impossible;
use crate::kv::{KvOp, KvState, Stored, Swap};

/// With appends, no more than so many parts of values are looked at,
const STEPS: usize = 5_000_000;

/// of which a long one counts once for each so many bytes.
const BYTES_PER_STEP: usize = 64;

/// An operation of one key.
pub(super) struct Event<'a> {
    pub kv: KvOp<'a>,
    pub call: u64,
    /// `u64::MAX` if the reply is lost.
    pub ret: u64,
}

/// When a value can be there, and who must have been asked by then; nobody for the initial one.
type Since = (u64, Option<usize>);

/// What an event saw.
fn seen<'a>(kv: &KvOp<'a>) -> Option<&'a [u8]> {
    match *kv {
        KvOp::Get(Some(value))
        | KvOp::GetAt(Some((value, _)))
        | KvOp::Cas {
            outcome: Some(Swap::Saw(value)),
            ..
        } => Some(value),
        KvOp::Cas {
            from,
            outcome: Some(Swap::Done),
            ..
        } => Some(from),
        _ => None,
    }
}

/// What an event may write as a whole, and the value that it needs before.
fn whole<'a>(kv: &KvOp<'a>) -> Option<(&'a [u8], Option<&'a [u8]>)> {
    match *kv {
        KvOp::Put(value)
        | KvOp::PutAt {
            value,
            outcome: None | Some(Stored::Done),
            ..
        } => Some((value, None)),
        KvOp::Cas {
            from,
            to,
            outcome: None | Some(Swap::Done),
        } => Some((to, Some(from))),
        _ => None,
    }
}

/// The first reply that is impossible.
pub(super) fn impossible(initial: KvState<'_>, events: &[Event<'_>]) -> Option<Impossible> {
    let mut readers: Vec<(u64, usize, &[u8])> = (0..)
        .zip(events)
        .filter_map(|(at, event)| Some((event.ret, at, seen(&event.kv)?)))
        .collect();
    readers.sort_unstable();
    let appends = events
        .iter()
        .any(|event| matches!(event.kv, KvOp::Append(_)));
    let known = since(initial.value, events, !appends);
    let mut tokens = appends.then(|| Tokens::new(initial.value, events, &known));
    for (ret, reader, value) in readers {
        let since = match &mut tokens {
            None => known.get(value).copied(),
            Some(tokens) => tokens.since(value)?,
        };
        match since {
            None => return Some(Impossible::phantom(reader)),
            Some((from, Some(writer))) if from > ret => {
                // Who was asked too late may only have had to bring what another one needed.
                let wrote = whole(&events[writer].kv).is_none_or(|(written, _)| written == value);
                return Some(match wrote {
                    true => Impossible::future(reader, writer),
                    false => Impossible::phantom(reader),
                });
            }
            Some(_) => {}
        }
    }
    None
}

/// Since when the values that were written as a whole can be there. If not all are `exact`, it is
/// not asked when what they need can be.
fn since<'a>(initial: &'a [u8], events: &[Event<'a>], exact: bool) -> FxHashMap<&'a [u8], Since> {
    let mut known: FxHashMap<&[u8], Since> = FxHashMap::default();
    let mut needing: FxHashMap<&[u8], Vec<(usize, &[u8])>> = FxHashMap::default();
    let mut next = BinaryHeap::from([Reverse((0, None, initial))]);
    for (at, event) in events.iter().enumerate() {
        match whole(&event.kv) {
            Some((value, Some(from))) if exact => {
                needing.entry(from).or_default().push((at, value))
            }
            Some((value, _)) => next.push(Reverse((event.call, Some(at), value))),
            None => {}
        }
    }
    while let Some(Reverse((from, by, value))) = next.pop() {
        if known.contains_key(value) {
            continue;
        }
        known.insert(value, (from, by));
        for (at, written) in needing.remove(value).unwrap_or_default() {
            let call = events[at].call;
            next.push(Reverse(match call >= from {
                true => (call, Some(at), written),
                false => (from, by, written),
            }));
        }
    }
    known
}

/// What values with appends consist of.
struct Tokens<'a, 'k> {
    bases: &'k FxHashMap<&'a [u8], Since>,
    base_lengths: Vec<usize>,
    appended: FxHashMap<&'a [u8], Since>,
    lengths: Vec<usize>,
    steps: usize,
}

impl<'a, 'k> Tokens<'a, 'k> {
    fn new(
        initial: &[u8],
        events: &[Event<'a>],
        bases: &'k FxHashMap<&'a [u8], Since>,
    ) -> Tokens<'a, 'k> {
        let mut appended: FxHashMap<&[u8], Since> = FxHashMap::default();
        for (at, event) in events.iter().enumerate() {
            if let KvOp::Append(token) = event.kv
                && !token.is_empty()
            {
                let known = appended.entry(token).or_insert((event.call, Some(at)));
                *known = (*known).min((event.call, Some(at)));
            }
        }
        let sorted = |mut lengths: Vec<usize>| {
            lengths.sort_unstable();
            lengths.dedup();
            lengths
        };
        let tokens = events.iter().filter_map(|event| match event.kv {
            KvOp::Append(token) if !token.is_empty() => Some(token.len()),
            _ => None,
        });
        let wholes = events.iter().filter_map(|event| whole(&event.kv));
        let wholes = wholes.map(|(value, _)| value.len()).chain([initial.len()]);
        Tokens {
            base_lengths: sorted(wholes.collect()),
            lengths: sorted(tokens.collect()),
            bases,
            appended,
            steps: 0,
        }
    }

    /// Since when `value` can be there; the outer `None` if that is too much work.
    fn since(&mut self, value: &[u8]) -> Option<Option<Since>> {
        let steps = |lengths: &[usize]| -> usize {
            let fitting = lengths.iter().take_while(|&&length| length <= value.len());
            fitting.map(|length| 1 + length / BYTES_PER_STEP).sum()
        };
        let of_each = (value.len() + 1).saturating_mul(steps(&self.lengths));
        self.steps = self
            .steps
            .saturating_add(of_each)
            .saturating_add(steps(&self.base_lengths));
        if self.steps > STEPS {
            return None;
        }
        let mut best: Vec<Option<Since>> = vec![None; value.len() + 1];
        for &length in &self.base_lengths {
            let Some(begin) = value.get(..length) else {
                break;
            };
            best[length] = self.bases.get(begin).copied();
        }
        for at in 0..value.len() {
            let Some(so_far) = best[at] else { continue };
            for &length in &self.lengths {
                let Some(token) = value.get(at..at + length) else {
                    break;
                };
                if let Some(&since) = self.appended.get(token) {
                    let since = since.max(so_far);
                    let end = &mut best[at + length];
                    *end = Some(end.map_or(since, |other| other.min(since)));
                }
            }
        }
        Some(best[value.len()])
    }
}
