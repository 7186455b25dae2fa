//! Points from verdicts.

use std::collections::BTreeSet;

use faultline_verdict::{Grade, Outcome, PartScore, Score, Status, TestVerdict};

use crate::rubric::{Part, Rubric, RubricRow};

/// Withholds the points of tests that need a failed one, and says so.
pub fn withhold(rubric: &Rubric, verdicts: &mut [TestVerdict]) {
    let failed: BTreeSet<String> = verdicts
        .iter()
        .filter(|verdict| verdict.status == Status::Failed)
        .map(|verdict| verdict.id.clone())
        .collect();
    for verdict in verdicts {
        if let Some(row) = rubric.tests.iter().find(|row| row.id == verdict.id) {
            withhold_one(row, verdict, &failed);
        }
    }
}

/// Withholds the points of a test that passed, if one that it needs is among those that `failed`.
pub fn withhold_one(row: &RubricRow, verdict: &mut TestVerdict, failed: &BTreeSet<String>) {
    let missing = row.needs.iter().find(|need| failed.contains(*need));
    if let (Status::Passed, Some(missing)) = (verdict.status, missing) {
        verdict.status = Status::Withheld;
        verdict
            .remarks
            .push(format!("withheld {}: needs {missing}", verdict.points));
        verdict.earned = 0;
    }
}

/// The points of each part and in all.
pub fn add_up(rubric: &Rubric, verdicts: &[TestVerdict]) -> (Vec<PartScore>, Score) {
    let mut all = Score::default();
    let parts = rubric.parts.iter().map(|part| {
        let mut score = Score::default();
        for verdict in verdicts.iter().filter(|verdict| verdict.part == part.id) {
            match verdict.status {
                Status::NotScored => score.not_scored += verdict.points,
                _ => score.possible += verdict.points,
            }
            score.earned += verdict.earned;
        }
        all.earned += score.earned;
        all.possible += score.possible;
        all.not_scored += score.not_scored;
        PartScore {
            part: part.id.clone(),
            title: part.title.clone(),
            score,
        }
    });
    let parts = parts.collect();
    (parts, all)
}

/// The points of the hidden tests among these.
pub fn hidden_points(rows: &mut dyn Iterator<Item = &RubricRow>) -> u32 {
    rows.filter(|row| !row.is_public())
        .map(|row| row.points)
        .sum()
}

/// Makes a grade out of one that was not given: its points count neither as earned nor as possible.
pub fn not_scored(
    grade: &mut Grade,
    outcome: Outcome,
    why: String,
    rubric: &Rubric,
    rows: &[&RubricRow],
) {
    let (parts, all) = nothing(rubric, rows);
    let unscored = |score: Score| Score {
        earned: 0,
        possible: 0,
        not_scored: score.possible,
    };
    grade.parts = parts
        .into_iter()
        .map(|part| PartScore {
            score: unscored(part.score),
            ..part
        })
        .collect();
    (grade.outcome, grade.trouble, grade.score) = (outcome, Some(why), unscored(all));
}

/// The score of a submission that does not build, of the points of these rows.
pub fn nothing(rubric: &Rubric, rows: &[&RubricRow]) -> (Vec<PartScore>, Score) {
    let of = |rows: &mut dyn Iterator<Item = &&RubricRow>| Score {
        possible: rows.map(|row| row.points).sum(),
        ..Score::default()
    };
    let part = |part: &Part| PartScore {
        part: part.id.clone(),
        title: part.title.clone(),
        score: of(&mut rows.iter().filter(|row| row.part == part.id)),
    };
    (
        rubric.parts.iter().map(part).collect(),
        of(&mut rows.iter()),
    )
}
