//! What is left out, in which order: larger pieces first.

use std::collections::BTreeSet;

use faultline_sim::{Decided, Edits, Kept, Noise, Time};

use super::search::Search;
use crate::error::Error;

/// Maximum number of attempts at removing network noise, of which there is much and most is not
/// needed.
const NOISE_ATTEMPTS: u64 = 60;

/// Maximum number of attempts at separating operations, and the time between them.
const APART_ATTEMPTS: u64 = 24;
const APART_US: u64 = 1_000;

/// The times after the last fault or operation at which the time of plans may end.
const LATER_MS: [u64; 4] = [0, 100, 500, 1_500];

/// A message that takes longer was held up on its way.
const USUAL_US: u64 = 30_000;

/// The maximum number of rounds of all passes.
const ROUNDS: u32 = 3;

impl Search<'_> {
    /// All passes, until they leave nothing more out.
    pub fn passes(&mut self, mut decided: Decided) -> Result<(), Error> {
        for _ in 0..ROUNDS {
            let before = self.best.clone();
            self.attempt(Edits {
                plain: true,
                ..self.best.clone()
            })?;
            self.attempt(Edits {
                plain_values: true,
                ..self.best.clone()
            })?;
            self.calm(&decided)?;
            self.faults(&decided)?;
            self.operations(&decided)?;
            self.noise()?;
            self.time(&decided)?;
            if self.best == before || self.exhausted() {
                break;
            }
            // What is left is named anew: the messages of this run are not those of the whole one.
            let Some(now) = self.record()? else { break };
            decided = now;
        }
        Ok(())
    }

    /// Takes all noise from the network at once, or as much as the failure can do without.
    fn calm(&mut self, decided: &Decided) -> Result<(), Error> {
        if self.best.noise.as_ref().is_some_and(Vec::is_empty) {
            self.attempt(Edits {
                early_timers: true,
                ..self.best.clone()
            })?;
            return Ok(());
        }
        let calm = Edits {
            noise: Some(Vec::new()),
            ..self.best.clone()
        };
        if self.attempt(Edits {
            early_timers: true,
            ..calm.clone()
        })? || self.attempt(calm)?
        {
            return Ok(());
        }
        if self.best.noise.is_some() {
            return Ok(());
        }
        let all = || decided.noise.iter().map(|(noise, _)| noise);
        // Losses and copies without the latencies; then the latencies, too.
        let is_usual =
            |noise: &Noise| matches!(noise.takes_us.as_slice(), [takes] if *takes <= USUAL_US);
        let some = all().filter(|noise| !is_usual(noise)).cloned().collect();
        if !self.attempt(Edits {
            noise: Some(some),
            ..self.best.clone()
        })? {
            let mut all: Vec<_> = all().cloned().collect();
            // By link, so that large pieces are about one of them.
            all.sort_by_key(|noise| (noise.message.from, noise.message.to));
            self.attempt(Edits {
                noise: Some(all),
                ..self.best.clone()
            })?;
        }
        Ok(())
    }

    fn faults(&mut self, decided: &Decided) -> Result<(), Error> {
        let wakes = match &self.best.faults {
            Some(wakes) => wakes.clone(),
            None => decided.faults.iter().map(|(wake, _)| *wake).collect(),
        };
        self.fewer(wakes, |edits, faults| edits.faults = Some(faults))?;
        self.time(decided)
    }

    /// The time of plans may end when nothing comes any more: soon after the last fault or
    /// operation, or later.
    fn time(&mut self, decided: &Decided) -> Result<(), Error> {
        let Some(began) = decided.plans_from else {
            return Ok(());
        };
        let kept = |wake| {
            self.best
                .faults
                .as_ref()
                .is_none_or(|kept| kept.contains(wake))
        };
        let faults = decided
            .faults
            .iter()
            .filter(|(wake, _)| kept(wake))
            .map(|(_, at)| at.0);
        let last = faults.max().unwrap_or(0).max(began.0);
        let operations = self.best.operations.iter().flatten().map(|kept| kept.at_us);
        let busy = operations.max().unwrap_or(0).max(last);
        let mut ends: Vec<u64> = [last, busy]
            .into_iter()
            .flat_map(|end| LATER_MS.map(|later| end + later * 1000))
            .collect();
        ends.sort_unstable();
        ends.dedup();
        for until in ends.into_iter().map(Time) {
            if self
                .best
                .plans_until
                .is_some_and(|present| until >= present)
            {
                break;
            }
            if self.attempt(Edits {
                plans_until: Some(until),
                ..self.best.clone()
            })? {
                break;
            }
        }
        Ok(())
    }

    fn operations(&mut self, decided: &Decided) -> Result<(), Error> {
        let mut all = match &self.best.operations {
            Some(all) => all.clone(),
            None => decided.operations.clone(),
        };
        // What was asked after the moment that the failure is about does not lead to it.
        let about = self.failing.about.0;
        let before: Vec<Kept> = all
            .iter()
            .filter(|kept| kept.at_us <= about)
            .copied()
            .collect();
        if before.len() < all.len()
            && self.attempt(Edits {
                operations: Some(before.clone()),
                ..self.best.clone()
            })?
        {
            all = before;
        }
        // By client, so that large pieces are about one of them.
        all.sort();
        self.fewer(all, |edits, operations| edits.operations = Some(operations))
    }

    fn noise(&mut self) -> Result<(), Error> {
        let Some(noise) = self.best.noise.clone() else {
            return Ok(());
        };
        self.limit = self.used.runs + NOISE_ATTEMPTS;
        let result = self.fewer(noise, |edits, noise| edits.noise = Some(noise));
        self.limit = u64::MAX;
        result
    }

    /// Operations that overlap although the failure does not need it come one after the other, so
    /// that they read like a story.
    pub fn apart(&mut self) -> Result<(), Error> {
        if self.exhausted() {
            return Ok(());
        }
        self.limit = self.used.runs + APART_ATTEMPTS;
        let mut tried = BTreeSet::new();
        let mut calls = self.calls()?;
        while !self.exhausted() {
            let overlap = calls
                .windows(2)
                .find(|pair| pair[1].0.at_us <= pair[0].1 && !tried.contains(&pair[1].0));
            let Some([(_, answered_us), (later, _)]) = overlap else {
                break;
            };
            tried.insert(*later);
            let moved = Kept {
                at_us: answered_us + APART_US,
                ..*later
            };
            let mut operations: Vec<Kept> = calls
                .iter()
                .map(|(kept, _)| *kept)
                .filter(|kept| kept != later)
                .collect();
            operations.push(moved);
            operations.sort();
            if self.attempt(Edits {
                operations: Some(operations),
                ..self.best.clone()
            })? {
                calls = self.calls()?;
            }
        }
        self.limit = u64::MAX;
        Ok(())
    }
}
