//! What `cargo grade watch` shows after each run: the score, what fails, and one failure at a time.

use colored::Colorize;
use faultline_verdict::{Grade, Outcome, Status, TestVerdict};

use crate::{
    failure::failure_text,
    places::Places,
    safe::printable,
    terminal::{count, points, seconds, status_line},
};

/// What of a grade is on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The failure with this number, counted from 0 and around.
    Failure(usize),
    /// All tests.
    List,
}

/// The screen, in lines of at most `width` columns. `took_ms` is the time from the edit to this
/// verdict.
pub fn watch_screen(
    grade: &Grade,
    shown: Shown,
    took_ms: u64,
    width: usize,
    places: &Places,
) -> String {
    let mut out = format!("{}  {}\n", grade.lab.bold(), printable(&grade.title));
    if grade.outcome == Outcome::DoesNotBuild {
        out += &format!("  {}\n", "does not build".red().bold());
        let error = grade.build_error.as_deref().unwrap_or_default();
        out += &format!("\n{}\n\n", printable(&places.in_text(error.trim_end())));
    } else if let Some(trouble) = &grade.trouble {
        let word = if grade.outcome == Outcome::Rejected {
            "rejected"
        } else {
            "unscored"
        };
        out += &format!(
            "{:>9}\n\n{}\n\n",
            word.yellow().bold(),
            printable(trouble.trim_end())
        );
    } else {
        out += &verdicts(grade, shown, width, places);
    }
    let score = points(&grade.score);
    let score = if grade.score.earned == grade.score.possible {
        score.green()
    } else {
        score.red()
    };
    out += &format!(
        "{:>9}  points; edit to verdict {}\n",
        score.bold(),
        seconds(took_ms)
    );
    out += &format!(
        "{:>9}  {}\n",
        "keys",
        "r run again  n next failure  h hint  l list  q quit".dimmed()
    );
    out
}

fn verdicts(grade: &Grade, shown: Shown, width: usize, places: &Places) -> String {
    let mut out = String::new();
    let failing: Vec<&TestVerdict> = grade
        .tests
        .iter()
        .filter(|verdict| verdict.status != Status::Passed)
        .collect();
    let listed: Vec<&TestVerdict> = if shown == Shown::List {
        grade.tests.iter().collect()
    } else {
        failing.clone()
    };
    for verdict in listed {
        out += &format!("{}\n", status_line(verdict, width));
    }
    if failing.is_empty() {
        out += &format!(
            "{:>9}  all {}\n",
            "pass".green().bold(),
            count(grade.tests.len(), "test")
        );
    }
    let failures: Vec<_> = failing
        .iter()
        .filter_map(|verdict| Some((verdict, verdict.failure.as_ref()?)))
        .collect();
    if let Shown::Failure(number) = shown
        && !failures.is_empty()
    {
        let (verdict, failure) = failures[number % failures.len()];
        out += &format!("\n{}\n", failure_text(verdict, failure, width, places));
    }
    out
}
