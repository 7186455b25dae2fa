//! From a failing run to a small one that fails in the same way.
//!
//! A run has thousands of events, of which a failure needs a few. So what can be left out of a run
//! (operations of a workload, faults of plans, what the network does to single messages, chance in
//! timers) is left out piece by piece, larger pieces first, as long as the same promise is broken
//! in the same place (delta debugging: Zeller and Hildebrandt, TSE 2002). The result is recorded
//! and must fail once more when it is replayed; otherwise the whole run is shown.
//!
//! The cost is bounded in runs and events, not in seconds, so the result is the same on every
//! machine.
//!
//! `search` tries one thing and keeps what is smaller, `passes` says what is tried, `budget` when
//! that ends.

mod budget;
mod passes;
mod search;

#[cfg(test)]
#[path = "../../../../sim/tests/register/mod.rs"]
#[allow(dead_code, reason = "the world's own tests use the rest")]
mod register;
#[cfg(test)]
mod tests;

use faultline_sim::{Edits, Facts, FailureKind, Violation};

pub(crate) use budget::Budget;
use search::{Run, Search, Shrunk};

use crate::error::Error;

/// How many events a recording has.
pub(crate) fn events(facts: &Facts) -> u64 {
    facts.recording.as_ref().map_or(0, |recording| {
        recording.forgotten + recording.steps.len() as u64
    })
}

/// True for failures that a smaller run can show. The others are as small as they get, or too
/// expensive to repeat.
fn can_be_smaller(kind: FailureKind) -> bool {
    !matches!(
        kind,
        FailureKind::NotImplemented | FailureKind::Timeout | FailureKind::Memory
    )
}

/// Shrinks a failure of which `recorded` is known. `None` if nothing can be left out.
pub(crate) fn shrink(
    run: &Run<'_>,
    violation: &Violation,
    recorded: &Facts,
    budget: Budget,
) -> Result<Option<Shrunk>, Error> {
    let Some(recording) = recorded
        .recording
        .as_ref()
        .filter(|_| can_be_smaller(violation.kind))
    else {
        return Ok(None);
    };
    let mut search = Search {
        run,
        failing: violation.clone(),
        best: Edits {
            crash_at: recorded.crash_at,
            plans_from: recording.decided.plans_from,
            ..Edits::default()
        },
        budget,
        used: Budget { runs: 0, events: 0 },
        limit: u64::MAX,
    };
    let begin = search.best.clone();
    search.passes(recording.decided.clone())?;
    search.apart()?;
    if search.best == begin {
        return Ok(None);
    }
    // A calmer network delivers more, so a plainer run may be longer; then the whole one is as
    // good.
    Ok(search
        .replayed()?
        .filter(|shrunk| events(&shrunk.facts) <= events(recorded)))
}
