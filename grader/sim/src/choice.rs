//! What the world leaves to chance.
//!
//! There is no generator with a state: every choice is a hash of the run's seed and of *what is
//! chosen* (the latency of the 7th message of s1's 2nd incarnation, say). So a choice does not
//! depend on the order in which choices are made, and a message more or less changes the fate of no
//! other: a failing run stays much the same while it is being shrunk. (Counter-based generators:
//! Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.)

use std::{ops::RangeInclusive, time::Duration};

use crate::time::micros;

/// What a choice is about; choices about different things are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum About {
    Fate = 1,
    Copy = 2,
    Timer = 3,
    Sync = 4,
    Entropy = 5,
    DiskKept = 6,
    Restore = 7,
    Slowness = 8,
    Plan = 9,
    Workload = 10,
    Think = 11,
}

/// The source of all choices of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choices {
    seed: u64,
}

impl Choices {
    /// The choices of the run with this seed.
    pub fn new(seed: u64) -> Choices {
        Choices { seed }
    }

    /// A uniform 64-bit number for this choice. `who` and `nth` say which choice it is.
    #[inline]
    pub fn draw(self, about: About, who: u64, nth: u64) -> Draw {
        let mut hash = mix(self.seed ^ (about as u64) << 56);
        hash = mix(hash ^ who);
        hash = mix(hash ^ nth);
        Draw(hash)
    }
}

/// A number drawn for one choice, of which parts can be used up one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Draw(u64);

impl Draw {
    /// All 64 bits.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// A number below `bound` (0 if that is 0), of a bias below 2^-32 for the bounds used here.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        let value = ((u128::from(self.0) * u128::from(bound)) >> 64) as u64;
        self.0 = mix(self.0);
        value
    }

    /// True in `per_mille` of 1000 cases.
    #[inline]
    pub fn chance(&mut self, per_mille: u32) -> bool {
        self.below(1000) < u64::from(per_mille)
    }

    /// A duration from the range, in whole microseconds.
    #[inline]
    pub fn between(&mut self, range: &RangeInclusive<Duration>) -> Duration {
        let (low, high) = (micros(*range.start()), micros(*range.end()));
        Duration::from_micros(low.saturating_add(self.below((high - low).saturating_add(1))))
    }

    /// One of the elements.
    ///
    /// # Panics
    /// If there is none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), after a step of its sequence.
#[inline]
pub fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A seed made of a name and a number, the same on every machine.
pub fn seed_of(name: &str, number: u64, salt: u64) -> u64 {
    let named = name
        .bytes()
        .fold(mix(salt), |hash, byte| mix(hash ^ u64::from(byte)));
    mix(named ^ number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_even_and_independent_of_one_another() {
        let choices = Choices::new(7);
        let mut counts = [0u32; 10];
        for nth in 0..10_000 {
            counts[choices.draw(About::Fate, 1, nth).below(10) as usize] += 1;
        }
        assert!(
            counts.iter().all(|count| (850..1150).contains(count)),
            "{counts:?}"
        );
        assert_ne!(
            choices.draw(About::Fate, 1, 2).bits(),
            choices.draw(About::Fate, 2, 1).bits()
        );
        assert_ne!(
            choices.draw(About::Fate, 1, 2).bits(),
            choices.draw(About::Copy, 1, 2).bits()
        );
    }

    #[test]
    fn a_seed_is_the_same_for_ever() {
        assert_eq!(seed_of("failover_chaos", 3, 0), 2_294_938_898_171_703_552);
    }
}
