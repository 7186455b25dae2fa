//! Trying to leave something out, and keeping the smallest run that fails in the same way.

use std::{collections::BTreeSet, sync::Arc};

use faultline_sim::{
    Decided, Edits, Facts, Happening, Kept, Mode, RecordedStep, Schedule, Violation,
};

use super::budget::{Budget, cost};
use crate::error::Error;

/// A failure that became smaller.
pub(crate) struct Shrunk {
    /// How it fails now.
    pub violation: Violation,
    /// What is known of the smaller run.
    pub facts: Facts,
    pub schedule: Schedule,
    pub edits: Edits,
    pub runs: u64,
}

/// Carries out the test's run in some mode.
pub(crate) type Run<'a> = dyn Fn(Mode) -> Result<(Result<(), Violation>, Facts), Error> + 'a;

/// The smallest run so far, and what finding it has cost.
pub(super) struct Search<'a> {
    pub run: &'a Run<'a>,
    /// The smallest failure so far.
    pub failing: Violation,
    pub best: Edits,
    pub budget: Budget,
    pub used: Budget,
    /// The number of runs after which the present pass ends.
    pub limit: u64,
}

impl Search<'_> {
    /// True once nothing more may be tried.
    pub fn exhausted(&self) -> bool {
        self.used.runs >= self.budget.runs.min(self.limit) || self.used.events >= self.budget.events
    }

    /// Runs the test with these edits and keeps them if it fails in the same way.
    pub fn attempt(&mut self, edits: Edits) -> Result<bool, Error> {
        if edits == self.best || self.exhausted() {
            return Ok(false);
        }
        let edits = Arc::new(edits);
        let (outcome, facts) = (self.run)(Mode {
            edits: Some(Arc::clone(&edits)),
            ..Mode::default()
        })?;
        self.used.runs += 1;
        self.used.events += cost(&facts);
        match outcome {
            Err(violation) if same(&violation, &self.failing) => {
                self.failing = violation;
                self.best = Arc::unwrap_or_clone(edits);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// The operations of the best run's workload and when they were answered, in the order of their
    /// calls; those that were not answered count as answered at once. Empty if the run cannot be
    /// recorded.
    pub fn calls(&mut self) -> Result<Vec<(Kept, u64)>, Error> {
        let (outcome, facts) = (self.run)(recorded(&Arc::new(self.best.clone())))?;
        self.used.runs += 1;
        self.used.events += cost(&facts);
        let Some(recording) = facts
            .recording
            .filter(|_| outcome.as_ref() == Err(&self.failing))
        else {
            return Ok(Vec::new());
        };
        let answered = |kept: &Kept| {
            let answers = recording
                .steps
                .iter()
                .filter(|step| step.at.0 >= kept.at_us);
            let of_it = |step: &&RecordedStep| {
                matches!(step.what, Happening::Respond { node, .. } if node
                == kept.client)
            };
            answers
                .filter(of_it)
                .map(|step| step.at.0)
                .next()
                .unwrap_or(0)
        };
        let mut calls: Vec<(Kept, u64)> = recording
            .decided
            .operations
            .iter()
            .map(|kept| (*kept, answered(kept)))
            .collect();
        calls.sort_by_key(|(kept, _)| kept.at_us);
        Ok(calls)
    }

    /// Leaves out as many of these as possible: all, halves, quarters, ..., single ones, the last
    /// first.
    pub fn fewer<T: Clone>(
        &mut self,
        items: Vec<T>,
        put: impl Fn(&mut Edits, Vec<T>),
    ) -> Result<(), Error> {
        let with = |best: &Edits, items: &[T]| {
            let mut edits = best.clone();
            put(&mut edits, items.to_vec());
            edits
        };
        if items.is_empty() || self.attempt(with(&self.best, &[]))? {
            return Ok(());
        }
        let mut items = items;
        let mut size = items.len().div_ceil(2);
        loop {
            let (mut end, mut removed) = (items.len(), false);
            while end > 0 && items.len() > 1 {
                let begin = end.saturating_sub(size);
                let mut fewer = items[..begin].to_vec();
                fewer.extend_from_slice(&items[end..]);
                if self.attempt(with(&self.best, &fewer))? {
                    (items, removed) = (fewer, true);
                }
                if self.exhausted() {
                    return Ok(());
                }
                end = begin;
            }
            if size > 1 {
                size = size.div_ceil(2);
            } else if !removed {
                return Ok(());
            }
        }
    }

    /// The best run so far, written down: what is left in it. `None` if it is another failure with
    /// a recording, which no recording should bring about.
    pub fn record(&mut self) -> Result<Option<Decided>, Error> {
        let (outcome, facts) = (self.run)(recorded(&Arc::new(self.best.clone())))?;
        self.used.runs += 1;
        self.used.events += cost(&facts);
        let Some(recording) = facts
            .recording
            .filter(|_| outcome.as_ref() == Err(&self.failing))
        else {
            return Ok(None);
        };
        if let Some(noise) = &mut self.best.noise {
            let there: BTreeSet<_> = recording
                .decided
                .noise
                .iter()
                .map(|(noise, _)| noise.message)
                .collect();
            noise.retain(|noise| there.contains(&noise.message));
        }
        Ok(Some(recording.decided))
    }

    /// Writes the best run down, and replays what was written: what is shown comes from there.
    pub fn replayed(mut self) -> Result<Option<Shrunk>, Error> {
        let edits = Arc::new(self.best);
        let (outcome, facts) = (self.run)(recorded(&edits))?;
        let Some(recording) = facts
            .recording
            .filter(|_| outcome.as_ref() == Err(&self.failing))
        else {
            return Ok(None);
        };
        let schedule = recording.schedule;
        let (again, facts) = (self.run)(Mode {
            schedule: Some(schedule.clone()),
            ..recorded(&edits)
        })?;
        self.used.runs += 2;
        if again.as_ref() != Err(&self.failing) {
            return Ok(None);
        }
        let edits = Arc::unwrap_or_clone(edits);
        Ok(Some(Shrunk {
            violation: self.failing,
            facts,
            schedule,
            edits,
            runs: self.used.runs,
        }))
    }
}

fn recorded(edits: &Arc<Edits>) -> Mode {
    Mode {
        edits: Some(Arc::clone(edits)),
        ..Mode::recorded()
    }
}

/// The same promise, broken in the same place.
pub(crate) fn same(one: &Violation, other: &Violation) -> bool {
    one.kind == other.kind && one.source == other.source
}
