//! How long operations took, in buckets of fixed bounds: whatever is added in whatever order, the
//! sums are the same.

use serde::{Deserialize, Serialize};

/// The number of buckets that each doubling is split into, so a bucket is at most 1/16 wider than
/// its beginning.
const SPLIT: u64 = 16;
const SPLIT_BITS: u32 = SPLIT.ilog2();

/// Counts of durations in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Latencies(Vec<u64>);

impl Latencies {
    pub(crate) fn count(&mut self, us: u64) {
        let bucket = bucket(us);
        if self.0.len() <= bucket {
            self.0.resize(bucket + 1, 0);
        }
        self.0[bucket] += 1;
    }

    /// Adds all that others counted.
    pub fn add(&mut self, other: &Latencies) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0
            .iter_mut()
            .zip(&other.0)
            .for_each(|(sum, count)| *sum += count);
    }

    /// The number of microseconds that this share (per mille) took no longer than, rounded up to
    /// the end of a bucket; 0 of none.
    pub fn quantile_us(&self, permille: u64) -> u64 {
        let all: u64 = self.0.iter().sum();
        let rank = (all * permille).div_ceil(1000).max(1);
        let mut below = 0;
        let found = self.0.iter().position(|count| {
            below += count;
            below >= rank
        });
        found.map_or(0, longest)
    }
}

fn bucket(us: u64) -> usize {
    if us < SPLIT {
        return us as usize;
    }
    let octave = us.ilog2() - SPLIT_BITS;
    (u64::from(octave) * SPLIT + (us >> octave)) as usize
}

/// The longest duration in a bucket.
fn longest(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < SPLIT {
        return bucket;
    }
    let octave = bucket / SPLIT - 1;
    let first = (bucket - octave * SPLIT) << octave;
    first + ((1 << octave) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_narrow_and_have_no_gaps() {
        for us in (0..5_000).chain([65_535, 65_536, 1_000_000, 60_000_000, u64::MAX]) {
            let end = longest(bucket(us));
            assert!(us <= end && end - us <= us / SPLIT, "{us} {end}");
            assert!(
                us == u64::MAX || bucket(us) <= bucket(us + 1) && bucket(us + 1) <= bucket(us) + 1
            );
        }
    }

    #[test]
    fn quantiles() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile_us(500), 0);
        (1..=10).for_each(|us| latencies.count(us));
        assert_eq!(
            (latencies.quantile_us(500), latencies.quantile_us(990)),
            (5, 10)
        );
        let mut sum = Latencies::default();
        sum.count(1_000);
        sum.add(&latencies);
        assert_eq!(
            (sum.quantile_us(500), sum.quantile_us(1000)),
            (6, longest(bucket(1_000)))
        );
    }
}
