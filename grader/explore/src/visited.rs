//! Which states were seen, as 64-bit fingerprints.
//!
//! The set holds hashes, not states: of `n` states, one is taken for another with a probability of
//! about `n^2 / 2^65` (4 in 100 million for a million states). Exact sets cost 33 to 58 bytes a
//! state, this one about 12. (C. Courcoubetis, M. Vardi, P. Wolper, M. Yannakakis: Memory-efficient
//! algorithms for the verification of temporal properties, 1992; U. Stern, D. Dill: Improved
//! probabilistic verification by hash compaction, 1995.)

/// The set is split by the upper bits of a fingerprint, so that several threads can add at once and
/// the result does not depend on how many they are.
pub(crate) const SHARDS: usize = 64;

/// Open addressing with linear probing; 0 marks a free place.
#[derive(Clone, Debug)]
pub(crate) struct Shard {
    places: Vec<u64>,
    used: usize,
}

/// The shard of a fingerprint.
#[inline]
pub(crate) fn shard_of(fingerprint: u64) -> usize {
    (fingerprint >> (64 - SHARDS.trailing_zeros())) as usize
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
    /// Adds a fingerprint; false if it was there. Expected constant time.
    #[inline]
    pub fn insert(&mut self, fingerprint: u64) -> bool {
        // The one fingerprint that would look like a free place gets a neighbour's.
        let fingerprint = fingerprint.max(1);
        let place = self.find(fingerprint);
        if self.places[place] == fingerprint {
            return false;
        }
        self.places[place] = fingerprint;
        self.used += 1;
        if self.used * 4 > self.places.len() * 3 {
            self.grow();
        }
        true
    }

    #[inline]
    fn find(&self, fingerprint: u64) -> usize {
        let mask = self.places.len() - 1;
        let mut place = fingerprint as usize & mask;
        while self.places[place] != 0 && self.places[place] != fingerprint {
            place = (place + 1) & mask;
        }
        place
    }

    fn grow(&mut self) {
        let larger = vec![0; self.places.len() * 2];
        for fingerprint in std::mem::replace(&mut self.places, larger) {
            if fingerprint != 0 {
                let place = self.find(fingerprint);
                self.places[place] = fingerprint;
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
        let fingerprint = |nth: u64| nth.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for nth in 0..10_000 {
            assert!(shard.insert(fingerprint(nth)));
        }
        assert!((0..10_000).all(|nth| !shard.insert(fingerprint(nth))));
        assert!(shard.insert(fingerprint(10_000)));
    }
}
