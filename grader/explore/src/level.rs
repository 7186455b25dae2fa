//! The states of one level, the ways out of them, and the record of how every state was found.

use rayon::prelude::*;

use crate::{
    space::{Broken, Choice, Need, Space, Way},
    visited::{SHARDS, shard_of},
};

/// How many states a thread takes at once.
const CHUNK: usize = 1 << 9;

/// States that are equally far from the beginning.
#[derive(Debug, Default)]
pub(crate) struct Level {
    /// The states, one after the other.
    words: Vec<u32>,
    /// Where each ends.
    ends: Vec<usize>,
    prints: Vec<u64>,
    /// The number of each state in the log.
    numbers: Vec<u32>,
}

impl Level {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn state(&self, at: usize) -> &[u32] {
        let begin = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.words[begin..self.ends[at]]
    }

    pub fn number(&self, at: usize) -> u32 {
        self.numbers[at]
    }

    pub fn push(&mut self, state: &[u32], print: u64, number: u32) {
        self.words.extend_from_slice(state);
        self.ends.push(self.words.len());
        self.prints.push(print);
        self.numbers.push(number);
    }

    pub fn bytes(&self) -> u64 {
        (self.words.capacity() * 4 + self.ends.capacity() * 8 + self.prints.capacity() * 8 + self.numbers.capacity() * 4)
            as u64
    }

    /// The ways out of the states at these places, as far as they are known, in pieces whose order and content do not
    /// depend on the number of threads.
    pub fn list(&self, space: &Space<'_>, places: &[u32]) -> Vec<Listed> {
        places.par_chunks(CHUNK).map(|places| self.list_chunk(space, places)).collect()
    }

    fn list_chunk(&self, space: &Space<'_>, places: &[u32]) -> Listed {
        let mut listed = Listed::default();
        let mut candidates = Vec::with_capacity(places.len() * 8);
        for place in places.iter().copied() {
            let at = place as usize;
            let (known, needed) = (candidates.len(), listed.needs.len());
            let mut broken = None;
            let goes_on = space.ways(self.state(at), self.prints[at], &mut listed.needs, |way| match way {
                Way::To { print, choice } => candidates.push(Candidate { print, place, choice }),
                Way::Broken { choice, why } => broken = broken.or(Some((place, choice, why))),
            });
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

/// A way to a state that may be new.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub print: u64,
    /// From where in its level.
    pub place: u32,
    pub choice: Choice,
}

/// The ways out of some states of a level.
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
            begins[shard_of(candidate.print) + 1] += 1;
        }
        for shard in 0..SHARDS {
            begins[shard + 1] += begins[shard];
        }
        let mut free = begins.clone();
        if let Some(any) = candidates.first() {
            self.candidates = vec![*any; candidates.len()];
        }
        for candidate in candidates {
            let place = &mut free[shard_of(candidate.print)];
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

/// How each state was found: its print and the number of the state before it. The way itself is found again by
/// walking: of all ways out of the state before, it is the one with this print.
#[derive(Debug, Default)]
pub(crate) struct Log {
    prints: Vec<u64>,
    before: Vec<u32>,
}

impl Log {
    pub fn len(&self) -> usize {
        self.prints.len()
    }

    pub fn push(&mut self, print: u64, before: u32) -> u32 {
        self.prints.push(print);
        self.before.push(before);
        self.prints.len() as u32 - 1
    }

    pub fn print(&self, number: usize) -> u64 {
        self.prints[number]
    }

    pub fn bytes(&self) -> u64 {
        (self.prints.capacity() * 8 + self.before.capacity() * 4) as u64
    }

    /// The number of the state with which the way to this one begins, and the prints after it.
    pub fn way(&self, mut number: u32, first: usize) -> (usize, Vec<u64>) {
        let mut prints = Vec::new();
        while number as usize >= first {
            prints.push(self.prints[number as usize]);
            number = self.before[number as usize];
        }
        prints.reverse();
        (number as usize, prints)
    }
}
