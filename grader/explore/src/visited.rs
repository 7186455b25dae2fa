//! Which states were seen, as 64-bit prints.
//!
//! The set holds hashes, not states: of `n` states, one is taken for another with a probability of
//! about `n^2 / 2^65` (4 in 100 million for a million states). Exact sets cost 33 to 58 bytes a
//! state, this one about 12. (C. Courcoubetis, M. Vardi, P. Wolper, M. Yannakakis: Memory-efficient
//! algorithms for the verification of temporal properties, 1992; U. Stern, D. Dill: Improved
//! probabilistic verification by hash compaction, 1995.)

/// The set is split by the upper bits of a print, so that several threads can add at once and the
/// result does not depend on how many they are.
pub(crate) const SHARDS: usize = 64;

/// Open addressing with linear probing; 0 marks a free place.
#[derive(Clone, Debug)]
pub(crate) struct Shard {
    places: Vec<u64>,
    used: usize,
}

/// The shard of a print.
#[inline]
pub(crate) fn shard_of(print: u64) -> usize {
    (print >> (64 - SHARDS.trailing_zeros())) as usize
}

impl Default for Shard {
    fn default() -> Shard {
        Shard {
            places: vec![0; 64],
            used: 0,
        }
    }
}

impl Shard {
    /// Adds a print; false if it was there. Expected constant time.
    #[inline]
    pub fn insert(&mut self, print: u64) -> bool {
        // The one print that would look like a free place gets a neighbour's.
        let print = print.max(1);
        let place = self.find(print);
        if self.places[place] == print {
            return false;
        }
        self.places[place] = print;
        self.used += 1;
        if self.used * 4 > self.places.len() * 3 {
            self.grow();
        }
        true
    }

    #[inline]
    fn find(&self, print: u64) -> usize {
        let mask = self.places.len() - 1;
        let mut place = print as usize & mask;
        while self.places[place] != 0 && self.places[place] != print {
            place = (place + 1) & mask;
        }
        place
    }

    fn grow(&mut self) {
        let larger = vec![0; self.places.len() * 2];
        for print in std::mem::replace(&mut self.places, larger) {
            if print != 0 {
                let place = self.find(print);
                self.places[place] = print;
            }
        }
    }

    pub fn bytes(&self) -> u64 {
        self.places.len() as u64 * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_print_is_new_once() {
        let mut shard = Shard::default();
        let print = |nth: u64| nth.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for nth in 0..10_000 {
            assert!(shard.insert(print(nth)));
        }
        assert!((0..10_000).all(|nth| !shard.insert(print(nth))));
        assert!(shard.insert(print(10_000)));
    }
}
