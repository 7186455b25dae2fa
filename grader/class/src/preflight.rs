//! Before a class is graded: does this machine, with this salt, give the course's own solutions
//! what they must get?

use std::{
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use faultline_host::Staged;
use faultline_verdict::{ClassEvent, Grade, Outcome, Score, Status};
use serde::{Deserialize, Serialize};

use faultline_grade::{
    Error,
    parts::{broken, millis},
};

use super::{pool::WorkerPool, record::Key, sealed, store::PREFLIGHT};

/// What was found, and for what.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Found {
    reference: Sure,
    starter: Sure,
}

/// One of the course's solutions with all its points.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sure {
    key: Key,
    score: Score,
}

/// Grades the reference and the untouched starter, unless that was done before for the same
/// results; and how long it took, if it was done now.
pub(super) fn check(pool: &WorkerPool<'_>) -> Result<(ClassEvent, Option<Duration>), Error> {
    let began = Instant::now();
    let path = pool.store.out().join(PREFLIGHT);
    let (root, lab) = (&pool.common.course.root, &pool.common.request.lab);
    let staged = |folder: &str| {
        let folder = root.join(folder).join(lab);
        Staged::from_folder(&folder).map_err(|error| {
            let why = "grading a class begins with the course's own reference and starter";
            Error::Usage(format!(
                "{error}\n{why}: they must earn everything and nothing on this machine"
            ))
        })
    };
    let own = [staged("solutions")?, staged("starter")?];
    let keys = own.each_ref().map(|staged| pool.common.key(staged));
    let known = sealed::read::<Found>(&path).ok().filter(|found| {
        !pool.common.request.fresh
            && [&found.reference.key, &found.starter.key] == [&keys[0], &keys[1]]
    });
    let (found, took) = match known {
        Some(found) => (found, None),
        None => {
            let [reference, starter] = both(pool, &own)?;
            let took = began.elapsed();
            all_points(&reference, lab)?;
            no_points(&starter, lab)?;
            let [first, second] = keys;
            let found = Found {
                reference: Sure {
                    key: first,
                    score: reference.score,
                },
                starter: Sure {
                    key: second,
                    score: starter.score,
                },
            };
            sealed::write(&path, &found)?;
            (found, Some(took))
        }
    };
    let (reference, starter) = (found.reference.score, found.starter.score);
    Ok((
        ClassEvent::Sure {
            reference,
            starter,
            took_ms: millis(began),
        },
        took,
    ))
}

/// Side by side, as submissions are.
fn both(pool: &WorkerPool<'_>, own: &[Staged; 2]) -> Result<[Grade; 2], Error> {
    let side_by_side = pool.side_by_side.min(2);
    let pool = WorkerPool {
        side_by_side,
        ..*pool
    };
    let one_by_one = Mutex::new(());
    let grade = |staged: &Staged, name: &str| -> Result<Grade, Error> {
        let _turn = (side_by_side < 2).then(|| one_by_one.lock());
        let answer = pool.grade(name, staged, None)?;
        answer
            .map(|answer| answer.grade)
            .map_err(|why| broken(format!("{name} could not be graded: {why}")))
    };
    let [reference, starter] = own;
    thread::scope(|scope| {
        let other = scope.spawn(|| grade(starter, "the starter"));
        let reference = grade(reference, "the reference solution");
        let starter = other
            .join()
            .map_err(|_| broken("a thread of the preflight panicked"))?;
        Ok([reference?, starter?])
    })
}

fn all_points(grade: &Grade, lab: &str) -> Result<(), Error> {
    let Score {
        earned,
        possible,
        not_scored,
    } = grade.score;
    if grade.outcome == Outcome::Graded && earned == possible && not_scored == 0 && possible > 0 {
        return Ok(());
    }
    let tests = grade
        .tests
        .iter()
        .filter(|verdict| verdict.status != Status::Passed);
    let tests: Vec<&str> = tests.map(|verdict| verdict.id.as_str()).collect();
    let trouble = grade.build_error.as_ref().or(grade.trouble.as_ref());
    let why = trouble
        .cloned()
        .unwrap_or_else(|| format!("it does not pass {}", tests.join(", ")));
    Err(broken(format!(
        "the reference solution must earn all points on this machine, with this salt, and has \
         {earned} of {}: {why}\n\
         no submission was graded; `cargo grade {lab} --hidden --path solutions/{lab}` (with \
         --salt, if you use one) tells more",
        possible + not_scored
    )))
}

fn no_points(grade: &Grade, lab: &str) -> Result<(), Error> {
    if grade.outcome == Outcome::Graded && grade.score.earned == 0 && grade.score.not_scored == 0 {
        return Ok(());
    }
    let trouble = grade.build_error.as_ref().or(grade.trouble.as_ref());
    let earned = format!(
        "it has {}, and {} points could not be scored",
        grade.score.earned, grade.score.not_scored
    );
    let why = trouble.cloned().unwrap_or(earned);
    Err(broken(format!(
        "the untouched starter must earn no points: {why}\nno submission was graded; `cargo grade \
         {lab} --hidden` tells more"
    )))
}
