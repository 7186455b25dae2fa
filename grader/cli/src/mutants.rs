//! `cargo grade mutants`: a lab's wrong solutions.

use std::{path::Path, sync::atomic::AtomicBool};

use faultline_grade::{Course, Error, MatrixRequest, Rebased};
use faultline_report::{MatrixScreen, matrix_to_json, printable, timings_text};
use faultline_verdict::{Matrix, Timings};

use crate::{
    exit::{ALL_PASSED, SOMETHING_FAILED},
    output::{print, screen, width},
};

/// Grades a lab's solutions, right and wrong, and tells how each test does.
pub fn mutants(
    course: &Course,
    request: &MatrixRequest,
    json: Option<&Path>,
    timings: bool,
    interrupt: &AtomicBool,
) -> Result<u8, Error> {
    let mut screen = MatrixScreen::new(screen(), width());
    // A reader that has gone away is no error.
    let mut listen = |matrix: &Matrix| drop(screen.grown(matrix));
    let mut sum = Timings::default();
    let mut timed = |timings: &Timings| sum.add(timings);
    let matrix = faultline_grade::matrix(course, request, &mut listen, &mut timed, interrupt)?;
    let _gone = screen.finished(&matrix);
    if timings {
        print(&timings_text(&sum, width()));
    }
    if let Some(file) = json {
        faultline_grade::write_whole(file, matrix_to_json(&matrix).as_bytes())?;
    }
    Ok(if matrix.broken_promises.is_empty() {
        ALL_PASSED
    } else {
        SOMETHING_FAILED
    })
}

/// Carries the wrong solutions' patches along, and tells what became of them.
pub fn rebase(course: &Course, lab: &str, names: &[String], revision: &str) -> Result<u8, Error> {
    // An unknown lab is told as everywhere else.
    faultline_grade::rubric(course, lab)?;
    let rebased = faultline_grade::rebase(&course.root, lab, names, revision)?;
    print(&carried(&rebased));
    Ok(match rebased.conflicts.is_empty() {
        true => ALL_PASSED,
        false => SOMETHING_FAILED,
    })
}

fn carried(rebased: &Rebased) -> String {
    let mut out = String::new();
    for (name, why) in &rebased.conflicts {
        out += &format!("does not merge  {name}: {}\n", printable(why));
    }
    out += &format!(
        "{} patches rewritten, {} unchanged, {} that do not merge (left as they were)\n",
        rebased.carried.len(),
        rebased.unchanged.len(),
        rebased.conflicts.len()
    );
    out
}
