//! What the terminal says once all tests are over: the first failure in full, the others in short,
//! the points, and what to do next.

use colored::Colorize;
use faultline_verdict::{Grade, Outcome, Score, Status, TestVerdict};

use crate::{
    alike::{Alike, alike},
    failure::{failure_text, hidden_text, others_text, short_text},
    places::Places,
    safe::{printable, wrap},
    terminal::{count, parts_run, points},
};

/// Maximum number of failures that are told in short; the page has all of them.
const IN_SHORT: usize = 6;

/// Maximum number of tests that are named in one line.
const NAMED: usize = 8;

/// The failures: the first in full, of those like it the names, the others in short.
pub(crate) fn failures_text(grade: &Grade, width: usize, places: &Places) -> String {
    let mut out = String::new();
    let groups = alike(&grade.tests);
    for (index, group) in groups.iter().enumerate().take(1 + IN_SHORT) {
        let Alike {
            verdict,
            failure,
            also,
        } = group;
        out.push('\n');
        out += &match index {
            0 => failure_text(verdict, failure, width, places),
            _ => short_text(&grade.lab, verdict, failure, width, places),
        };
        if !also.is_empty() {
            let more = match also.len() {
                1 => "1 more test fails the same way".to_owned(),
                many => format!("{many} more tests fail the same way"),
            };
            out += &others_text(&format!("{more}: {}", names(also.iter().copied())), width);
        }
    }
    let rest: Vec<&TestVerdict> = groups
        .iter()
        .skip(1 + IN_SHORT)
        .flat_map(|group| std::iter::once(group.verdict).chain(group.also.iter().copied()))
        .collect();
    if !rest.is_empty() {
        let more = count(rest.len(), "more failure");
        let text = format!("{more} (the page has all): {}", names(rest.iter().copied()));
        out += &format!("\n{}", others_text(&text, width));
    }
    for verdict in with_status(grade, Status::Failed).filter(|test| test.failure.is_none()) {
        out += &format!("\n{}", hidden_text(verdict, width));
    }
    out
}

/// What was left out, the points, and which tests failed.
pub(crate) fn summary_text(grade: &Grade, width: usize) -> String {
    let mut out = String::new();
    // What does not build says so itself, below the errors.
    let builds = grade.outcome != Outcome::DoesNotBuild;
    for file in grade.left_out.iter().filter(|_| builds) {
        let room = width.saturating_sub(11);
        let lines = wrap(&printable(file), room, "").join(&format!("\n{:11}", ""));
        out += &format!("{:>9}  {lines}\n", "left out".yellow());
    }
    if with_status(grade, Status::Passed).count() + 1 < grade.tests.len() {
        for part in parts_run(grade) {
            let points = points_or_none(&part.score);
            out += &format!("{points:>9}  part {}: {}\n", part.part, part.title);
        }
    }
    out += &score(grade);
    let tests = outcomes(grade);
    if !tests.is_empty() {
        let room = width.saturating_sub(11);
        for (index, line) in wrap(&printable(&tests), room, "").iter().enumerate() {
            let name = if index == 0 { "tests" } else { "" };
            out += &format!("{name:>9}  {line}\n");
        }
    }
    out
}

/// The points, or that there are none: a tutorial has tests without points.
fn points_or_none(score: &Score) -> String {
    match score.possible + score.not_scored {
        0 => "no points".to_owned(),
        _ => points(score),
    }
}

fn score(grade: &Grade) -> String {
    let score = points_or_none(&grade.score);
    let score = match grade.score {
        Score {
            possible: 0,
            not_scored: 0,
            ..
        } => score.normal(),
        Score {
            earned, possible, ..
        } if earned == possible && possible > 0 => score.green(),
        _ => score.red(),
    };
    let what = match (grade.partial, grade.hidden_points_not_run) {
        (true, _) if grade.score.possible + grade.score.not_scored == 0 => {
            "for the tests that ran (not a grade)".to_owned()
        }
        (true, _) => "points for the tests that ran (not a grade)".to_owned(),
        (false, 0) => "points".to_owned(),
        (false, more) => {
            format!("points from public tests; hidden tests are worth {more} more")
        }
    };
    let unscored = match grade.score.not_scored {
        0 => String::new(),
        1 => "; 1 point could not be scored: ask your course staff".to_owned(),
        points => format!("; {points} points could not be scored: ask your course staff"),
    };
    format!("{:>9}  {what}{unscored}\n", score.bold())
}

/// `47 passed; 2 failed: put_append_get, failover_chaos; 1 withheld`.
fn outcomes(grade: &Grade) -> String {
    let told = [
        (Status::Passed, "passed"),
        (Status::Failed, "failed"),
        (Status::Withheld, "withheld"),
        (Status::NotScored, "not scored"),
    ];
    let told = told.into_iter().filter_map(|(status, word)| {
        let tests: Vec<&TestVerdict> = with_status(grade, status).collect();
        let names = match status {
            // The reason stands with each that is withheld.
            Status::Passed | Status::Withheld => String::new(),
            _ => format!(": {}", names(tests.iter().copied())),
        };
        (!tests.is_empty()).then(|| format!("{} {word}{names}", tests.len()))
    });
    told.collect::<Vec<_>>().join("; ")
}

/// What to do about the first failure.
pub(crate) fn next_text(grade: &Grade) -> String {
    let groups = alike(&grade.tests);
    let Some(Alike {
        verdict, failure, ..
    }) = groups.first()
    else {
        return String::new();
    };
    let name = printable(&format!("{}/{}", grade.lab, verdict.id));
    let mut out = String::new();
    let mut row = |word: &str, command: &str| {
        out += &format!("{:>9}  {command}\n", word.cyan());
    };
    if failure.replay.is_none() {
        return out;
    }
    if verdict.visibility.is_public() {
        row("hint", &format!("cargo grade hint {name}"));
    }
    // At a hole there is nothing to go through.
    if failure.kind != "not-implemented" {
        row("step", &format!("cargo grade replay {name} --step"));
    }
    out
}

fn with_status(grade: &Grade, status: Status) -> impl Iterator<Item = &TestVerdict> {
    let tests = grade.tests.iter();
    tests.filter(move |verdict| verdict.status == status)
}

/// The first few names, and how many more there are.
fn names<'g>(tests: impl Iterator<Item = &'g TestVerdict>) -> String {
    let mut names: Vec<&str> = tests.map(|verdict| verdict.id.as_str()).collect();
    let more = names.len().saturating_sub(NAMED);
    // One more name is as short as the remark that there is one.
    if more > 1 {
        names.truncate(NAMED);
        return format!("{} and {more} more", names.join(", "));
    }
    names.join(", ")
}
