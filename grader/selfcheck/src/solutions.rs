//! The starter, and correct solutions.

use std::{fs, path::Path};

use faultline_grade::{correct_solutions, derive_starter};
use faultline_verdict::{Outcome, Status};
use libtest_mimic::Failed;

use crate::lab::{Lab, ensure};

/// The starter is what the reference makes of it, and nothing else.
pub fn starter_is_derived(lab: &Lab) -> Result<(), Failed> {
    let derived = derive_starter(&lab.course.root, lab.id);
    for (path, text) in derived.map_err(|error| error.to_string())? {
        let file = lab.starter().join(&path);
        let present = fs::read_to_string(&file).unwrap_or_default();
        ensure(present == text, || {
            format!(
                "{} is not up to date: run `cargo grade starter {}`",
                file.display(),
                lab.id
            )
        })?;
    }
    Ok(())
}

/// Untouched, the starter builds without a warning and fails where something is to be written.
pub fn starter_scores_nothing(lab: &Lab) -> Result<(), Failed> {
    let (grade, warnings) = lab.graded(&lab.request(&lab.starter()))?;
    ensure(grade.outcome == Outcome::Graded, || {
        grade.build_error.clone().unwrap_or_default()
    })?;
    ensure(warnings.trim().is_empty(), || {
        format!("the starter has warnings:\n{warnings}")
    })?;
    ensure(grade.score.earned == 0, || {
        format!("the starter earned {} points", grade.score.earned)
    })?;
    for verdict in &grade.tests {
        // What is worth nothing is a tutorial on a program that works.
        if verdict.points == 0 && verdict.status == Status::Passed {
            continue;
        }
        let failure = verdict.failure.as_ref();
        let kind = failure.map(|failure| failure.kind.as_str());
        ensure(kind == Some("not-implemented"), || {
            format!("{}: {kind:?}, expected a hole of the starter", verdict.id)
        })?;
    }
    Ok(())
}

/// Correct solutions that have nothing in common with the reference but the handout.
pub fn other_designs_score_everything(lab: &Lab) -> Result<(), Failed> {
    let all = correct_solutions(&lab.course.root, lab.id);
    let others = all.iter().filter(|(name, _)| name != lab.id);
    for (name, folder) in others {
        scores_everything(lab, folder)
            .map_err(|failed| format!("{name}: {}", failed.message().unwrap_or_default()))?;
    }
    Ok(())
}

/// A correct solution builds without a warning and passes every test.
pub fn scores_everything(lab: &Lab, solution: &Path) -> Result<(), Failed> {
    let (grade, warnings) = lab.graded(&lab.request(solution))?;
    ensure(grade.outcome == Outcome::Graded, || {
        grade.build_error.clone().unwrap_or_default()
    })?;
    ensure(warnings.trim().is_empty(), || {
        format!("it has warnings:\n{warnings}")
    })?;
    for verdict in &grade.tests {
        ensure(verdict.status == Status::Passed, || {
            format!(
                "{}: {:?} {:?} {:?}",
                verdict.id, verdict.status, verdict.remarks, verdict.failure
            )
        })?;
    }
    let score = grade.score;
    let all = score.earned == score.possible && score.possible > 0 && score.not_scored == 0;
    ensure(all, || format!("{score:?}"))
}
