//! Versioned puts: the version says at which place of the chain an operation was, whatever the
//! values are.

use std::collections::BTreeMap;

use super::{
    decision::{Decision, Event, NEVER, OrDecision, Test, on, violated},
    line::{Line, Refusal},
};
use crate::{
    kv::{KvOp, KvState, Stored},
    verdict::Anomaly,
};

/// What is known of one version.
#[derive(Default)]
struct Version<'a> {
    /// The put that was acknowledged on it.
    stored: Option<u32>,
    /// The puts on it with lost replies.
    lost: Vec<u32>,
    /// Who saw it, and the value if they saw that.
    readers: Vec<(u32, Option<&'a [u8]>)>,
    refused: Vec<u32>,
}

/// Decides events that are all versioned. `O(n log n)`.
pub(super) fn decide(events: &[Event<'_>], initial: KvState<'_>) -> OrDecision<Vec<usize>> {
    let index = |number: u32| events[number as usize].index;
    let versions = collect(events)?;
    let mut line = Line::new(events);
    // The put that led to the version, and the one that leads to the next.
    let (mut write, mut value, mut version) = (None, initial.value, initial.version);
    let none = Version::default();
    let highest = versions
        .iter()
        .rev()
        .find(|(_, known)| known.stored.is_some() || !known.readers.is_empty());
    let highest = highest.map_or(initial.version, |(version, known)| {
        version + u64::from(known.stored.is_some())
    });
    if let Some((_, known)) = versions
        .range(..initial.version)
        .find(|(_, known)| known.saw().is_some())
    {
        let saw = known.saw().expect("somebody saw it");
        return Err(violated(Anomaly::Phantom, vec![index(saw)], Vec::new()));
    }
    let refused = versions
        .iter()
        .rev()
        .find(|(_, known)| !known.refused.is_empty())
        .map_or(0, |(version, _)| *version);
    loop {
        let known = versions.get(&version).unwrap_or(&none);
        let place = line.add_place(write);
        for &(reader, seen) in &known.readers {
            if seen.is_some_and(|seen| seen != value) && on(Test::VersionValue) {
                let core = [Some(reader), write]
                    .into_iter()
                    .flatten()
                    .map(index)
                    .collect();
                return Err(violated(Anomaly::Phantom, core, Vec::new()));
            }
        }
        line.add_readers(known.readers.iter().map(|&(reader, _)| reader));
        line.refusals
            .extend(known.refused.iter().map(|&by| Refusal { place, by }));
        let next = match known.stored {
            Some(stored) => Some(stored),
            None if version < highest => known.lost_put(events, versions.get(&(version + 1))),
            // Beyond what anybody saw, a put with a lost reply may be why others were refused.
            None if version <= refused => known.lost_put(events, None),
            None => None,
        };
        let Some(next) = next else { break };
        let KvOp::PutAt { value: put, .. } = events[next as usize].kv else {
            unreachable!("it is a put")
        };
        (write, value, version) = (Some(next), put, version + 1);
    }
    let elsewhere = versions
        .iter()
        .filter(|(at, _)| !(initial.version..=version).contains(at));
    line.rightly_refused
        .extend(elsewhere.flat_map(|(_, known)| known.refused.iter().copied()));
    match versions
        .range(version + 1..)
        .find_map(|(_, known)| known.saw())
    {
        Some(saw) if on(Test::VersionGap) => {
            Err(violated(Anomaly::Phantom, vec![index(saw)], Vec::new()))
        }
        _ => line.decide(),
    }
}

impl Version<'_> {
    /// Somebody who was at this version.
    fn saw(&self) -> Option<u32> {
        self.readers
            .first()
            .map(|&(reader, _)| reader)
            .or(self.stored)
    }

    /// Of the puts with lost replies, the one that was called first of those that write what was
    /// seen next. (They are interchangeable otherwise, and whatever the others can do, the first
    /// one can.)
    fn lost_put(&self, events: &[Event<'_>], next: Option<&Version<'_>>) -> Option<u32> {
        let seen = next.and_then(|next| next.readers.iter().find_map(|&(_, seen)| seen));
        let fits = |put: &&u32| match events[**put as usize].kv {
            KvOp::PutAt { value, .. } => seen.is_none_or(|seen| seen == value),
            _ => false,
        };
        let first = |put: &&u32| (events[**put as usize].call, **put);
        // If none fits, some read of the next version is wrong; any put will show that.
        self.lost
            .iter()
            .filter(fits)
            .min_by_key(first)
            .or(self.lost.iter().min_by_key(first))
            .copied()
    }
}

fn collect<'a>(events: &[Event<'a>]) -> OrDecision<BTreeMap<u64, Version<'a>>> {
    let mut versions: BTreeMap<u64, Version<'a>> = BTreeMap::new();
    for (number, event) in (0_u32..).zip(events) {
        match event.kv {
            // So that "the next version" is always a number.
            KvOp::GetAt(Some((_, u64::MAX)))
            | KvOp::PutAt {
                version: u64::MAX, ..
            }
            | KvOp::PutAt {
                outcome: Some(Stored::Saw(u64::MAX)),
                ..
            } => return Err(Decision::NotApplicable),
            KvOp::GetAt(Some((value, version))) => {
                versions
                    .entry(version)
                    .or_default()
                    .readers
                    .push((number, Some(value)));
            }
            KvOp::PutAt {
                version,
                outcome: Some(Stored::Saw(seen)),
                ..
            } => {
                if seen == version {
                    return Err(violated(Anomaly::WrongReply, vec![event.index], Vec::new()));
                }
                versions
                    .entry(seen)
                    .or_default()
                    .readers
                    .push((number, None));
            }
            KvOp::PutAt {
                version,
                outcome: Some(Stored::Refused),
                ..
            } => {
                versions.entry(version).or_default().refused.push(number);
            }
            KvOp::PutAt {
                version,
                outcome: Some(Stored::Done),
                ..
            } => {
                let stored = &mut versions.entry(version).or_default().stored;
                if let Some(other) = stored.replace(number).filter(|_| on(Test::VersionTwice)) {
                    let core = vec![events[other as usize].index, event.index];
                    return Err(violated(Anomaly::LostUpdate, core, Vec::new()));
                }
            }
            KvOp::PutAt {
                version,
                outcome: None,
                ..
            } => {
                debug_assert_eq!(event.ret, NEVER);
                versions.entry(version).or_default().lost.push(number);
            }
            _ => {}
        }
    }
    Ok(versions)
}
