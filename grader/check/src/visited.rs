//! What the search remembers: tables that are looked up by hash and never walked in the order of
//! hashes.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use crate::timeline::number;

/// An empty place of a table.
const EMPTY: u32 = u32::MAX;

/// Number of stored configurations that may be compared with a new one at the cost of one
/// configuration.
const COMPARED_PER_UNIT: u64 = 64;

/// The hash of `value`: the same in every run, unlike that of the standard library's maps.
pub(crate) fn hash_of(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Finds the number of something that is stored elsewhere, by its hash. (A map would have to own a
/// second copy.)
#[derive(Default)]
pub(crate) struct Numbers {
    /// Hash and number; the length is a power of two, and at most two thirds are in use.
    places: Vec<(u32, u32)>,
    used: usize,
}

impl Numbers {
    /// The number that was inserted with this hash and for which `is_it` holds.
    pub fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        if self.places.is_empty() {
            return None;
        }
        let hash = hash as u32;
        let mut place = hash as usize & (self.places.len() - 1);
        while self.places[place].1 != EMPTY {
            let (stored, number) = self.places[place];
            if stored == hash && is_it(number) {
                return Some(number);
            }
            place = (place + 1) & (self.places.len() - 1);
        }
        None
    }

    /// Adds a number that is not yet there.
    pub fn insert(&mut self, hash: u64, number: u32) {
        if (self.used + 1) * 3 > self.places.len() * 2 {
            let larger = vec![(0, EMPTY); (self.places.len() * 2).max(64)];
            for (hash, number) in std::mem::replace(&mut self.places, larger) {
                if number != EMPTY {
                    self.put(hash, number);
                }
            }
        }
        self.put(hash as u32, number);
        self.used += 1;
    }

    fn put(&mut self, hash: u32, number: u32) {
        let mut place = hash as usize & (self.places.len() - 1);
        while self.places[place].1 != EMPTY {
            place = (place + 1) & (self.places.len() - 1);
        }
        self.places[place] = (hash, number);
    }
}

/// The configurations that the search has been in.
///
/// A configuration is a few words. The first ones (the *head*) say which completed operations are
/// placed and what the state is; the others are the set of lost-reply operations that are used up.
/// Of two configurations with the same head, the one that has used up less can do all that the
/// other can: it *dominates* it.
pub(crate) struct Visited {
    head: usize,
    width: usize,
    words: Vec<u64>,
    /// For each configuration the next one with the same head.
    next: Vec<u32>,
    /// Finds the first configuration with a head.
    first: Numbers,
}

impl Visited {
    /// Remembers configurations of `width` words, the first `head` of which are the head.
    pub fn new(head: usize, width: usize) -> Visited {
        Visited {
            head,
            width,
            words: Vec::new(),
            next: Vec::new(),
            first: Numbers::default(),
        }
    }

    /// Adds `configuration` unless a stored one dominates it. Returns whether it was added, and the
    /// price of finding that out, in configurations.
    pub fn insert(&mut self, configuration: &[u64]) -> (bool, u64) {
        let (head, used) = configuration.split_at(self.head);
        let hash = hash_of(head);
        let stored = |number: u32| {
            let start = number as usize * self.width;
            self.words[start..start + self.width].split_at(self.head)
        };
        let first = self
            .first
            .find(hash, |candidate| stored(candidate).0 == head);

        let mut compared = 0;
        let mut candidate = first;
        while let Some(number) = candidate {
            compared += 1;
            if stored(number)
                .1
                .iter()
                .zip(used)
                .all(|(&stored, &used)| stored & !used == 0)
            {
                return (false, compared / COMPARED_PER_UNIT);
            }
            candidate = Some(self.next[number as usize]).filter(|&next| next != EMPTY);
        }
        let new = number(self.next.len());
        self.words.extend_from_slice(configuration);
        match first {
            Some(first) => {
                self.next.push(self.next[first as usize]);
                self.next[first as usize] = new;
            }
            None => {
                self.next.push(EMPTY);
                self.first.insert(hash, new);
            }
        }
        (true, 1 + compared / COMPARED_PER_UNIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_again_after_growth() {
        let mut numbers = Numbers::default();
        // Few different hashes, so that most lookups meet strangers on their way.
        let hash = |number: u32| u64::from(number % 7);
        for number in 0..1000 {
            assert_eq!(numbers.find(hash(number), |found| found == number), None);
            numbers.insert(hash(number), number);
        }
        for number in 0..1000 {
            assert_eq!(
                numbers.find(hash(number), |found| found == number),
                Some(number)
            );
        }
    }

    #[test]
    fn a_configuration_that_used_up_less_dominates() {
        let mut visited = Visited::new(1, 2);
        assert_eq!(visited.insert(&[7, 0b0110]), (true, 1));
        assert!(!visited.insert(&[7, 0b0110]).0, "the same one");
        assert!(!visited.insert(&[7, 0b1110]).0, "one that used up more");
        assert!(
            visited.insert(&[7, 0b1010]).0,
            "one that cannot be compared"
        );
        assert!(visited.insert(&[7, 0b0010]).0, "one that used up less");
        assert!(visited.insert(&[8, 0b1110]).0, "another head");
        assert!(!visited.insert(&[7, 0b1010]).0);
    }

    #[test]
    fn heads_with_equal_hashes_are_kept_apart() {
        // Among 300,000 heads some have the same 32 bits of hash.
        let heads = || (0..300_000_u64).map(|head| head.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let hashes: std::collections::BTreeSet<u32> =
            heads().map(|head| hash_of(&[head][..]) as u32).collect();
        assert!(hashes.len() < 300_000);
        let mut visited = Visited::new(1, 1);
        assert!(heads().all(|head| visited.insert(&[head]) == (true, 1)));
        assert!(heads().all(|head| visited.insert(&[head]) == (false, 0)));
    }

    #[test]
    fn long_comparisons_have_their_price() {
        let mut visited = Visited::new(1, 3);
        let one_bit_each = (0..128).map(|bit| {
            if bit < 64 {
                [0, 1 << bit, 0]
            } else {
                [0, 0, 1 << (bit - 64)]
            }
        });
        let prices: Vec<u64> = one_bit_each
            .map(|configuration| visited.insert(&configuration).1)
            .collect();
        assert_eq!(
            (prices[0], prices[63], prices[64], prices[127]),
            (1, 1, 2, 2)
        );
    }
}
