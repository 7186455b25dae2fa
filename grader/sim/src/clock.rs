//! The clock of a node, for labs that grant one: what it reads is a function of the virtual time
//! and of what tests and plans did to it, so a replay reads the same.

use std::time::Duration;

use crate::time::{Time, micros};

/// Microseconds in a second: what a true clock advances in one.
const TRUE_RATE: i64 = 1_000_000;

/// What a clock gains that stands still.
pub(crate) const STILL: i64 = -TRUE_RATE;

/// The clock of one node. It belongs to the machine: crashes and lost disks leave it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// What it read at `since`, in microseconds since the beginning of 1970.
    reads_us: u64,
    since: Time,
    /// How many microseconds it gains in a second: negative if it is slow, -1,000,000 if it stands
    /// still.
    gains_ppm: i64,
}

impl Clock {
    /// A clock that reads this at the beginning of the world, and runs true.
    pub fn reading(reads: Duration) -> Clock {
        Clock {
            reads_us: micros(reads),
            since: Time::ZERO,
            gains_ppm: 0,
        }
    }

    /// What it reads now.
    pub(crate) fn at(&self, now: Time) -> Duration {
        let rate = u64::try_from(TRUE_RATE + self.gains_ppm).unwrap_or(0);
        let passed = u128::from(now.0 - self.since.0) * u128::from(rate)
            / u128::from(TRUE_RATE.unsigned_abs());
        Duration::from_micros(
            self.reads_us
                .saturating_add(u64::try_from(passed).unwrap_or(u64::MAX)),
        )
    }

    /// Sets it forward, or back if `by_us` is negative; never to before 1970.
    pub(crate) fn step(&mut self, now: Time, by_us: i64) {
        (self.reads_us, self.since) = (micros(self.at(now)).saturating_add_signed(by_us), now);
    }

    /// Lets it gain so much from now on.
    pub(crate) fn drift(&mut self, now: Time, gains_ppm: i64) {
        (self.reads_us, self.since) = (micros(self.at(now)), now);
        self.gains_ppm = gains_ppm.max(STILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_steps_drifts_and_stands_still() {
        let at = |seconds: u64| Time(seconds * 1_000_000);
        let mut clock = Clock::reading(Duration::from_secs(1_000));
        assert_eq!(clock.at(at(10)), Duration::from_secs(1_010));
        clock.step(at(10), -7_000_000);
        assert_eq!(clock.at(at(10)), Duration::from_secs(1_003));
        clock.drift(at(20), 500_000);
        assert_eq!(
            clock.at(at(30)),
            Duration::from_secs(1_028),
            "10 s and half as much again after 1,013 s"
        );
        clock.drift(at(30), STILL);
        assert_eq!(clock.at(at(90)), Duration::from_secs(1_028));
        clock.drift(at(90), 0);
        clock.step(at(91), i64::MIN);
        assert_eq!(clock.at(at(91)), Duration::ZERO);
    }
}
