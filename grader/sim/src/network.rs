//! Links between nodes: what happens to a message.

use std::{ops::RangeInclusive, time::Duration};

use crate::{
    choice::{About, Choices},
    time::ms,
};

/// How a link treats messages while it is up. Rates are per mille.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// How long a message takes. Each message draws its own latency, so links are not FIFO.
    pub latency: RangeInclusive<Duration>,
    /// How many messages are lost.
    pub loss: u32,
    /// The maximum number of losses in a row on one link; the next message gets through. A
    /// fair-loss link: what is sent again and again arrives, and a bound makes "again and again" a
    /// number that a handout can state.
    pub losses_in_a_row: u32,
    /// How many messages arrive twice.
    pub duplication: u32,
    /// How many messages are late by a time from `straggle`, and so are overtaken by many others.
    pub stragglers: u32,
    /// How late.
    pub straggle: RangeInclusive<Duration>,
}

impl Conditions {
    /// Nothing is dropped or duplicated; 1 to 10 ms.
    pub fn clean() -> Conditions {
        Conditions {
            latency: ms(1)..=ms(10),
            loss: 0,
            losses_in_a_row: 0,
            duplication: 0,
            stragglers: 0,
            straggle: ms(0)..=ms(0),
        }
    }

    /// The same latency for every message, so that a failing run is easy to read.
    pub fn steady() -> Conditions {
        Conditions {
            latency: ms(2)..=ms(2),
            ..Conditions::clean()
        }
    }

    /// Drops, duplicates and reorders messages; up to 25 ms, at most two losses in a row on a link.
    pub fn bad() -> Conditions {
        Conditions {
            latency: ms(1)..=ms(25),
            loss: 150,
            losses_in_a_row: 2,
            duplication: 100,
            stragglers: 0,
            straggle: ms(0)..=ms(0),
        }
    }
}

/// One direction between two nodes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    pub cut: bool,
    pub held: bool,
    /// Other conditions than the world's, by index.
    pub conditions: Option<Box<Conditions>>,
    losses_in_a_row: u32,
}

/// Up to two latencies: the message's own and its duplicate's.
pub(crate) type Fate = [Option<Duration>; 2];

impl Link {
    /// Decides about a message in a run of which something was left out: each copy takes as long as
    /// is said, or one copy a steady time. Whatever is said, the link's conditions are kept.
    pub fn edited_fate(
        &mut self,
        of_world: &Conditions,
        steady: Duration,
        takes_us: Option<&[u64]>,
    ) -> Fate {
        let conditions = self.conditions.as_deref().unwrap_or(of_world);
        let (fastest, mut slowest) = (*conditions.latency.start(), *conditions.latency.end());
        let calm = [Some(steady.clamp(fastest, slowest)), None];
        let row = std::mem::take(&mut self.losses_in_a_row);
        let Some(takes_us) = takes_us else {
            return calm;
        };
        if takes_us.is_empty() && conditions.loss > 0 && row < conditions.losses_in_a_row {
            self.losses_in_a_row = row + 1;
            return [None, None];
        }
        if conditions.stragglers > 0 {
            slowest += *conditions.straggle.end();
        }
        let mut copies = takes_us
            .iter()
            .map(|takes| Duration::from_micros(*takes).clamp(fastest, slowest));
        match copies.next() {
            Some(first) => [
                Some(first),
                copies.next().filter(|_| conditions.duplication > 0),
            ],
            None => calm,
        }
    }

    /// Decides about the `nth` message of the incarnation with number `who`.
    #[inline]
    pub fn fate(&mut self, of_world: &Conditions, choices: Choices, who: u64, nth: u64) -> Fate {
        let conditions = self.conditions.as_deref().unwrap_or(of_world);
        let mut draw = choices.draw(About::Fate, who, nth);
        if conditions.loss > 0 {
            if self.losses_in_a_row < conditions.losses_in_a_row && draw.chance(conditions.loss) {
                self.losses_in_a_row += 1;
                return [None, None];
            }
            self.losses_in_a_row = 0;
        }
        let mut latency = draw.between(&conditions.latency);
        if conditions.stragglers > 0 && draw.chance(conditions.stragglers) {
            latency += draw.between(&conditions.straggle);
        }
        let twice = conditions.duplication > 0 && draw.chance(conditions.duplication);
        let copy = twice.then(|| {
            let mut draw = choices.draw(About::Copy, who, nth);
            let late = conditions.stragglers > 0 && draw.chance(conditions.stragglers);
            draw.between(&conditions.latency)
                + if late {
                    draw.between(&conditions.straggle)
                } else {
                    Duration::ZERO
                }
        });
        [Some(latency), copy]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_more_losses_in_a_row_than_stated() {
        let conditions = Conditions {
            loss: 900,
            ..Conditions::bad()
        };
        let (mut link, mut row, mut worst, mut lost) = (Link::default(), 0, 0, 0);
        for nth in 0..10_000 {
            match link.fate(&conditions, Choices::new(1), 0, nth) {
                [None, _] => {
                    row += 1;
                    lost += 1;
                    worst = worst.max(row);
                }
                _ => row = 0,
            }
        }
        assert_eq!(worst, 2);
        assert!(lost > 5_000, "{lost}");
    }
}
