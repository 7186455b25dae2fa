//! Blocks of states that wait to be left, the transitions out of them, and the record of how every
//! state was found.

use std::collections::BTreeSet;

use faultline_sim::{Timed, choice::mix};
use rayon::prelude::*;

use crate::{
    choice::{Broken, Choice, Need, Transition},
    space::Space,
    visited::{SHARDS, shard_of},
};

/// Maximum number of states in a block: enough for all threads, few enough that the lists of their
/// transitions stay small.
const BLOCK: usize = 1 << 14;

/// Number of states that a thread takes at once.
const CHUNK: usize = 1 << 9;

/// States that were found one after the other and are equally far from the beginning.
#[derive(Debug)]
pub(crate) struct Block {
    /// How far.
    pub depth: u32,
    /// The number of the first state in the log.
    first: u32,
    /// The states, one after the other.
    words: Vec<u32>,
    /// Where each ends.
    ends: Vec<u32>,
}

impl Block {
    pub fn new(depth: u32, first: u32) -> Block {
        Block {
            depth,
            first,
            words: Vec::new(),
            ends: Vec::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_full(&self) -> bool {
        self.len() == BLOCK
    }

    /// The state at this place; empty if it is not to be left.
    pub fn state(&self, at: usize) -> &[u32] {
        let begin = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.words[begin as usize..self.ends[at] as usize]
    }

    /// How long the states are, on average.
    pub fn length(&self) -> usize {
        self.words.len() / self.len().max(1)
    }

    pub fn number(&self, at: usize) -> u32 {
        self.first + at as u32
    }

    pub fn push(&mut self, state: &[u32]) {
        if self.words.is_empty() {
            // Most blocks become full, of states of much the same length.
            self.words.reserve(state.len() * BLOCK / 8);
        }
        self.words.extend_from_slice(state);
        self.ends.push(self.words.len() as u32);
    }

    pub fn bytes(&self) -> u64 {
        ((self.words.capacity() + self.ends.capacity()) * 4) as u64
    }

    /// All places of states that are to be left.
    pub fn places(&self) -> Vec<u32> {
        (0..self.len() as u32)
            .filter(|at| !self.state(*at as usize).is_empty())
            .collect()
    }

    /// The transitions out of the states at these places, as far as they are known, in pieces whose
    /// order and content do not depend on the number of threads.
    pub fn list(
        &self,
        space: &Space<'_>,
        log: &Log,
        places: &[u32],
        timed: Timed<'_>,
    ) -> Vec<Listed> {
        places
            .par_chunks(CHUNK)
            .map(|places| {
                let _begun = timed.begin();
                self.list_chunk(space, log, places)
            })
            .collect()
    }

    fn list_chunk(&self, space: &Space<'_>, log: &Log, places: &[u32]) -> Listed {
        let mut listed = Listed::default();
        let mut candidates = Vec::with_capacity(places.len() * 8);
        for place in places.iter().copied() {
            let at = place as usize;
            let (known, needed) = (candidates.len(), listed.needs.len());
            let mut broken = None;
            let fingerprint = log.fingerprint(self.number(at) as usize);
            let goes_on = space.transitions(
                self.state(at),
                fingerprint,
                &mut listed.needs,
                |transition| match transition {
                    Transition::To {
                        fingerprint,
                        choice,
                    } => candidates.push(Candidate {
                        fingerprint,
                        place,
                        choice,
                    }),
                    Transition::Broken { choice, why } => {
                        broken = broken.or(Some((place, choice, why)))
                    }
                },
            );
            if listed.needs.len() > needed {
                candidates.truncate(known);
                listed.again.push(place);
                continue;
            }
            listed.broken = listed.broken.or(broken);
            if !goes_on {
                listed.stuck.push(place);
            }
        }
        listed.sort(&candidates);
        listed
    }
}

/// A transition to a state that may be new.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub fingerprint: u64,
    /// From where in its block.
    pub place: u32,
    pub choice: Choice,
}

/// The transitions out of some states of a block.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    /// By shard, in the order of their states.
    candidates: Vec<Candidate>,
    /// Where each shard's begin, and the end.
    begins: Vec<u32>,
    /// What must be worked out...
    pub needs: Vec<Need>,
    /// ...before these places can be listed.
    pub again: Vec<u32>,
    /// The first broken promise.
    pub broken: Option<(u32, Choice, Broken)>,
    /// Places at which the world cannot go on without a fault.
    pub stuck: Vec<u32>,
}

impl Listed {
    /// Takes candidates over, sorted by shard (a counting sort, which keeps their order).
    fn sort(&mut self, candidates: &[Candidate]) {
        let mut begins = vec![0u32; SHARDS + 1];
        for candidate in candidates {
            begins[shard_of(candidate.fingerprint) + 1] += 1;
        }
        for shard in 0..SHARDS {
            begins[shard + 1] += begins[shard];
        }
        let mut free = begins.clone();
        if let Some(any) = candidates.first() {
            self.candidates = vec![*any; candidates.len()];
        }
        for candidate in candidates {
            let place = &mut free[shard_of(candidate.fingerprint)];
            self.candidates[*place as usize] = *candidate;
            *place += 1;
        }
        self.begins = begins;
    }

    pub fn of_shard(&self, shard: usize) -> &[Candidate] {
        &self.candidates[self.begins[shard] as usize..self.begins[shard + 1] as usize]
    }

    pub fn len(&self) -> usize {
        self.candidates.len()
    }
}

/// How each state was found: its fingerprint and the number of the state before it. The transition
/// itself is found again by walking: of all transitions out of the state before, it is the one with
/// this fingerprint.
#[derive(Debug, Default)]
pub(crate) struct Log {
    fingerprints: Vec<u64>,
    before: Vec<u32>,
}

impl Log {
    pub fn len(&self) -> usize {
        self.fingerprints.len()
    }

    pub fn push(&mut self, fingerprint: u64, before: u32) -> u32 {
        self.fingerprints.push(fingerprint);
        self.before.push(before);
        self.fingerprints.len() as u32 - 1
    }

    pub fn fingerprint(&self, number: usize) -> u64 {
        self.fingerprints[number]
    }

    pub fn bytes(&self) -> u64 {
        self.len() as u64 * 12
    }

    /// The numbers of `count` states, an even choice that depends on the states alone, in the order
    /// of the search.
    pub fn sample(&self, count: usize) -> Vec<u32> {
        let mut drawn = BTreeSet::new();
        for (number, fingerprint) in self.fingerprints.iter().enumerate() {
            let draw = (mix(*fingerprint), number as u32);
            if drawn.len() < count {
                drawn.insert(draw);
            } else if drawn.last().is_some_and(|last| draw < *last) {
                drawn.pop_last();
                drawn.insert(draw);
            }
        }
        let mut numbers: Vec<u32> = drawn.into_iter().map(|(_, number)| number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The number of the state with which the path to this one begins, and the fingerprints after
    /// it.
    pub fn path(&self, mut number: u32, first: usize) -> (usize, Vec<u64>) {
        let mut fingerprints = Vec::new();
        while number as usize >= first {
            fingerprints.push(self.fingerprints[number as usize]);
            number = self.before[number as usize];
        }
        fingerprints.reverse();
        (number as usize, fingerprints)
    }
}
