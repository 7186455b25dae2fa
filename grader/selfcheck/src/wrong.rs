//! Wrong solutions: each is caught by the tests that it names.

use std::{collections::BTreeSet, path::Path};

use faultline_grade::{Category, Mutant, Replayer, RubricRow, Steps, Traces};
use faultline_verdict::{Grade, Status};
use libtest_mimic::Failed;

use crate::{
    lab::{Lab, ensure, is_hidden},
    lesson::is_caught_by_chaos,
};

/// One that every `cargo test` tries: the first that chaos catches, so that a suite which has gone
/// blind does not wait for the check of them all.
pub fn tried_always(all: &[Mutant]) -> Option<String> {
    let first = all.iter().find(|mutant| is_caught_by_chaos(mutant));
    first.or(all.first()).map(|mutant| mutant.name.clone())
}

/// Each test catches some wrong solution, or is a first step.
pub fn every_test_has_a_purpose(lab: &Lab) -> Result<(), Failed> {
    let all = lab.mutants()?;
    let killers = all.iter().flat_map(|mutant| &mutant.loses);
    let killers: BTreeSet<&str> = killers.map(String::as_str).collect();
    let tests = lab.rows()?;
    let known: BTreeSet<&str> = tests.iter().map(|row| row.id.as_str()).collect();
    let listed = lab.rubric.self_check.first_steps.iter();
    for id in killers.iter().copied().chain(listed.map(String::as_str)) {
        ensure(known.contains(id), || {
            format!("a wrong solution or the rubric's self_check names {id}, which is no test")
        })?;
    }
    // Hidden chaos meets what nobody thought of, so no known mistake has to lose it.
    let excused = |row: &RubricRow| {
        lab.rubric.self_check.first_steps.contains(&row.id)
            || (!row.is_public() && row.category == Category::Chaos)
    };
    let ids = tests.iter().filter(|row| !excused(row));
    let ids = ids.map(|row| row.id.as_str());
    let idle: Vec<&str> = ids.filter(|id| !killers.contains(id)).collect();
    ensure(idle.is_empty(), || {
        format!("no wrong solution is caught by {idle:?}")
    })
}

/// Loses nothing that a student can see.
fn is_caught_in_hidden_only(mutant: &Mutant) -> bool {
    mutant.loses.iter().all(|test| is_hidden(test))
}

/// Students learn of most mistakes before they hand in.
pub fn public_tests_catch_most(lab: &Lab) -> Result<(), Failed> {
    let all = lab.mutants()?;
    let public = all.iter().filter(|one| !is_caught_in_hidden_only(one));
    let (public, of) = (public.count(), all.len());
    ensure(public * 3 >= of * 2, || {
        format!("only {public} of {of} wrong solutions name a public test that they lose")
    })
}

/// It builds, loses each test that it says it loses, and passes each that it says it passes. Where
/// it says so, failures show what caused them. One that only hidden tests catch passes all public
/// ones and keeps most of the points. And each of its failures replays.
pub fn is_caught(lab: &Lab, mutant: &Mutant) -> Result<(), Failed> {
    let folder = mutant.apply().map_err(|error| error.to_string())?;
    let mut request = lab.request_for_wrong(folder.path());
    // Whether it is caught does not hang on it; `lesson` looks at what shrinking does.
    request.shrink = false;
    let whole = is_caught_in_hidden_only(mutant);
    if !whole {
        request.tests.filters = mutant.passes.iter().chain(&mutant.loses).cloned().collect();
    }
    request.traces = Some(Traces::in_folder(folder.path().join("traces")));
    let (grade, replayer) = lab.graded_to_replay(&request)?;
    for (tests, status) in [
        (&mutant.passes, Status::Passed),
        (&mutant.loses, Status::Failed),
    ] {
        ensure(!tests.is_empty(), || {
            let name = &mutant.name;
            format!("{name}: no test is named that it must have {status:?}")
        })?;
        for test in tests {
            has(&grade, &mutant.name, test, status)?;
        }
    }
    for (test, text) in &mutant.shows {
        tells(&grade, &mutant.name, test, text)?;
    }
    if whole {
        keeps_most_points(&grade, &mutant.name)?;
    }
    every_failure_replays(&replayer, folder.path(), &grade)
}

fn has(grade: &Grade, name: &str, test: &str, status: Status) -> Result<(), Failed> {
    let verdict = grade.tests.iter().find(|verdict| verdict.id == test);
    let verdict = verdict.ok_or_else(|| format!("there is no test {test}"))?;
    let seen = verdict.failure.as_ref();
    let seen = seen.map_or("", |failure| failure.observed.as_str());
    ensure(verdict.status == status, || {
        format!(
            "{name} must have {test} {status:?}, but it is {:?}. {seen}",
            verdict.status
        )
    })
}

/// The lines of a failure, a screen of them, hold what a reader must see.
fn tells(grade: &Grade, name: &str, test: &str, text: &str) -> Result<(), Failed> {
    let verdict = grade.tests.iter().find(|verdict| verdict.id == test);
    let failure = verdict.and_then(|verdict| verdict.failure.as_ref());
    let failure = failure.ok_or_else(|| format!("{name}: {test} has no failure"))?;
    let lines: Vec<&str> = failure.trace.iter().map(|line| &*line.text).collect();
    ensure(lines.iter().any(|line| line.contains(text)), || {
        let lines = lines.join("\n  ");
        format!("{name}: the failure of {test} must show {text:?}, but it shows\n  {lines}")
    })?;
    ensure(lines.len() <= LINES, || {
        format!("{name}: the failure of {test} has {} lines", lines.len())
    })
}

/// The maximum number of lines of a failure that fit a screen or so.
const LINES: usize = 32;

/// Whoever passes all public tests has most of the points, whatever the hidden ones say.
fn keeps_most_points(grade: &Grade, name: &str) -> Result<(), Failed> {
    let public = grade.tests.iter().filter(|one| one.visibility.is_public());
    for verdict in public {
        ensure(verdict.status == Status::Passed, || {
            format!(
                "{name} names only hidden tests, but {} is {:?}",
                verdict.id, verdict.status
            )
        })?;
    }
    let (earned, possible) = (grade.score.earned, grade.score.possible);
    ensure(earned * 100 >= possible * 80, || {
        format!("{name} has only {earned} of {possible} points")
    })
}

/// No replay of a failure may end otherwise than its trace says.
fn every_failure_replays(
    replayer: &Replayer<'_>,
    folder: &Path,
    grade: &Grade,
) -> Result<(), Failed> {
    let failed = grade.tests.iter().filter(|one| one.failure.is_some());
    let failed: Vec<&str> = failed.map(|verdict| verdict.id.as_str()).collect();
    let mut differ = Vec::new();
    for test in failed {
        let trace = folder.join(format!("traces/{test}.trace.json"));
        let replayed = replayer.replay(&trace, Steps::Unasked);
        let replayed = replayed.map_err(|error| format!("{test}: {error}"))?;
        if !replayed.same_failure || replayed.changed || replayed.skipped != 0 {
            differ.push(format!("{test}: {replayed:?}"));
        }
    }
    ensure(differ.is_empty(), || {
        format!("replayed, it does something else:\n{}", differ.join("\n"))
    })
}
