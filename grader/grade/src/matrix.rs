//! The kill matrix: each solution of a lab, right or wrong, against each of its tests.

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use faultline_verdict::{
    Audience, Event, MATRIX_FORMAT, Matrix, MatrixRow, MatrixTest, Outcome, Status, Timings,
};
use tempfile::TempDir;

use crate::{
    building::{Building, Cache},
    course::Course,
    error::Error,
    grading::{Request, grade},
    mutants::{Mutant, mutants},
    plan::Selection,
    rubric::{Rubric, RubricRow},
    run::Seeds,
};

/// What a kill matrix is made of.
#[derive(Clone, Debug)]
pub struct MatrixRequest {
    /// The lab's id.
    pub lab: String,
    /// Only these wrong solutions; all if empty.
    pub names: Vec<String>,
    /// As in [`Request`].
    pub threads: Option<usize>,
}

/// A solution, ready to be graded.
struct Solution {
    row: MatrixRow,
    folder: PathBuf,
    /// Holds a wrong solution's folder until it is graded.
    _temporary: Option<TempDir>,
}

/// Grades a lab's correct and wrong solutions with all tests. `listen` is told of the columns (a
/// matrix without rows) as soon as they are known, and then of each row; `timed`, of where the time
/// of each grade went.
///
/// # Errors
/// What keeps the solutions from being graded; each patch is applied before the first one is.
pub fn matrix(
    course: &Course,
    request: &MatrixRequest,
    listen: &mut dyn FnMut(&Matrix),
    timed: &mut (dyn FnMut(&Timings) + Send),
    interrupt: &AtomicBool,
) -> Result<Matrix, Error> {
    let (suite, rubric) = course.lab(&request.lab)?;
    let solutions = solutions(course, request)?;
    let hidden = !suite.hidden.is_empty();
    let tests = columns(&rubric, hidden);
    let mut matrix = Matrix {
        format: MATRIX_FORMAT,
        lab: request.lab.clone(),
        partial: !request.names.is_empty(),
        tests,
        rows: Vec::new(),
        broken_promises: Vec::new(),
    };
    listen(&matrix);
    for mut solution in solutions {
        let request = Request {
            lab: request.lab.clone(),
            submission: Some(solution.folder.clone()),
            tests: Selection {
                filters: Vec::new(),
                hidden,
            },
            seeds: Seeds::Rubric,
            salt: None,
            threads: request.threads,
            traces: None,
            building: Building::from(Cache::Reference),
            shrink: false,
            audience: Audience::Staff,
        };
        let mut heard = |event: Event| {
            if let Event::Timed(timings) = event {
                timed(&timings);
            }
        };
        let grade = grade(course, &request, &mut heard, interrupt)?;
        solution.row.score = grade.score;
        if grade.outcome == Outcome::Graded {
            let status = |id: &str| {
                grade
                    .tests
                    .iter()
                    .find(|verdict| verdict.id == id)
                    .map(|verdict| verdict.status)
            };
            let cells = matrix.tests.iter().map(|test| status(&test.id));
            solution.row.cells = cells.collect::<Option<_>>().ok_or_else(|| {
                Error::Broken(format!(
                    "{}: a test of the rubric has no verdict",
                    solution.row.name
                ))
            })?;
        }
        matrix.rows.push(solution.row);
        listen(&matrix);
    }
    matrix.broken_promises = broken_promises(&matrix);
    Ok(matrix)
}

/// The tests, the public ones first.
fn columns(rubric: &Rubric, hidden: bool) -> Vec<MatrixTest> {
    let column = |row: &RubricRow| MatrixTest {
        id: row.id.clone(),
        part: row.part.clone(),
        points: row.points,
        visibility: row.visibility.into(),
    };
    let rows = rubric.tests.iter();
    let mut tests: Vec<MatrixTest> = rows
        .filter(|row| hidden || row.is_public())
        .map(column)
        .collect();
    tests.sort_by_key(|test| !test.visibility.is_public());
    tests
}

/// The correct solutions (the reference, and another design if there is one), then the wrong ones.
fn solutions(course: &Course, request: &MatrixRequest) -> Result<Vec<Solution>, Error> {
    let row = |name: &str, correct: bool| MatrixRow {
        name: name.to_owned(),
        correct,
        cells: Vec::new(),
        score: Default::default(),
        loses: Vec::new(),
        passes: Vec::new(),
    };
    let wrong = |mutant: Mutant| -> Result<Solution, Error> {
        let folder = mutant.apply()?;
        let row = MatrixRow {
            loses: mutant.loses,
            passes: mutant.passes,
            ..row(&mutant.name, false)
        };
        Ok(Solution {
            row,
            folder: folder.path().to_owned(),
            _temporary: Some(folder),
        })
    };
    let mutants = mutants(&course.root, &request.lab, &request.names)?;
    let correct = correct_solutions(&course.root, &request.lab).into_iter();
    let correct = correct.map(|(name, folder)| {
        Ok(Solution {
            row: row(&name, true),
            folder,
            _temporary: None,
        })
    });
    correct.chain(mutants.into_iter().map(wrong)).collect()
}

/// What is put behind a lab's name to name correct solutions of other designs.
const OTHER_DESIGNS: [&str; 2] = ["-variant", "-third"];

/// The correct solutions of a lab that are here, by name and folder: the reference first.
pub fn correct_solutions(root: &Path, lab: &str) -> Vec<(String, PathBuf)> {
    let ends = [""].into_iter().chain(OTHER_DESIGNS);
    let names = ends.map(|end| format!("{lab}{end}"));
    let all = names.map(|name| (name.clone(), root.join("solutions").join(name)));
    all.filter(|(_, folder)| folder.is_dir()).collect()
}

/// The percentage of all points that whoever passes all public tests has at least.
const LEAST_PERCENT_WITH_ALL_PUBLIC: u32 = 80;

/// What the solutions, taken together with the tests, ought to keep and do not.
fn broken_promises(matrix: &Matrix) -> Vec<String> {
    let mut broken: Vec<String> = matrix
        .rows
        .iter()
        .flat_map(|row| broken_by(matrix, row))
        .collect();
    let (all, (by_public, _)) = (matrix.wrong().count(), matrix.killed());
    // Of a few that somebody chose, no share is promised.
    if !matrix.partial && by_public * 3 < all * 2 {
        broken.push(format!(
            "public tests catch {by_public} of {all} wrong solutions, expected at least two thirds"
        ));
    }
    broken
}

fn broken_by(matrix: &Matrix, row: &MatrixRow) -> Vec<String> {
    let name = &row.name;
    if row.cells.is_empty() {
        return vec![format!("{name} does not build")];
    }
    let of = |id: &str| {
        matrix
            .tests
            .iter()
            .position(|test| test.id == id)
            .map(|column| row.cells[column])
    };
    let say = |status: Option<Status>| match status {
        None => "which there is not",
        Some(Status::Passed) => "but passes it",
        Some(Status::Failed) => "but fails it",
        Some(Status::Withheld) => "but its points are withheld",
        Some(Status::NotScored) => "but it is not scored",
    };
    if row.correct {
        let not_passed = matrix
            .tests
            .iter()
            .filter(|test| of(&test.id) != Some(Status::Passed));
        return not_passed
            .map(|test| {
                format!(
                    "{name} is correct and must pass {}, {}",
                    test.id,
                    say(of(&test.id))
                )
            })
            .collect();
    }
    let mut broken = Vec::new();
    if !row.cells.contains(&Status::Failed) {
        broken.push(format!("{name} is wrong, and no test fails it"));
    }
    for (ids, verb, status) in [
        (&row.loses, "loses", Status::Failed),
        (&row.passes, "passes", Status::Passed),
    ] {
        let unkept = ids.iter().filter(|id| of(id) != Some(status));
        broken.extend(unkept.map(|id| format!("{name} says that it {verb} {id}, {}", say(of(id)))));
    }
    let public = matrix
        .tests
        .iter()
        .zip(&row.cells)
        .filter(|(test, _)| test.visibility.is_public());
    let (earned, possible) = (row.score.earned, row.score.possible);
    let all_public = public
        .into_iter()
        .all(|(_, status)| *status == Status::Passed);
    if all_public && earned * 100 < possible * LEAST_PERCENT_WITH_ALL_PUBLIC {
        broken.push(format!(
            "{name} passes all public tests, but has only {earned} of {possible} points, expected \
             at least \
             {LEAST_PERCENT_WITH_ALL_PUBLIC} %"
        ));
    }
    broken
}

#[cfg(test)]
mod tests {
    use faultline_verdict::{Score, Visibility};

    use super::*;

    /// `a` and `b` are public, `H-C1` and `H-C2` hidden; cells as on the terminal, 10 points each.
    fn row(name: &str, correct: bool, cells: &str) -> MatrixRow {
        let status = |cell: char| match cell {
            '.' => Status::Passed,
            'X' => Status::Failed,
            'w' => Status::Withheld,
            _ => Status::NotScored,
        };
        let cells: Vec<Status> = cells.chars().map(status).collect();
        let earned = 10 * cells.iter().filter(|cell| **cell == Status::Passed).count() as u32;
        let score = Score {
            earned,
            possible: 40,
            not_scored: 0,
        };
        MatrixRow {
            name: name.to_owned(),
            correct,
            cells,
            score,
            loses: Vec::new(),
            passes: Vec::new(),
        }
    }

    fn says(loses: &str, passes: &str, row: MatrixRow) -> MatrixRow {
        let list = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        MatrixRow {
            loses: list(loses),
            passes: list(passes),
            ..row
        }
    }

    fn broken(rows: Vec<MatrixRow>) -> Vec<String> {
        let test = |id: &str, visibility| MatrixTest {
            id: id.to_owned(),
            part: "C".to_owned(),
            points: 10,
            visibility,
        };
        let tests = vec![
            test("a", Visibility::Public),
            test("b", Visibility::Public),
            test("H-C1", Visibility::Hidden),
            test("H-C2", Visibility::AfterDeadline),
        ];
        let mut matrix = Matrix {
            format: MATRIX_FORMAT,
            lab: "lab0".to_owned(),
            partial: false,
            tests,
            rows,
            broken_promises: Vec::new(),
        };
        matrix.broken_promises = broken_promises(&matrix);
        matrix.broken_promises
    }

    #[test]
    fn kept_promises_are_not_mentioned() {
        let good = row("lab0", true, "....");
        let wrong = |name: &str| says("b", "a H-C1", row(name, false, ".X.."));
        assert_eq!(
            broken(vec![good, wrong("x"), wrong("y")]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn every_broken_promise_is_named() {
        for (rows, expected) in [
            (
                vec![row("lab0", true, ".X.?")],
                "lab0 is correct and must pass b, but fails it",
            ),
            (
                vec![row("lab0", true, "...?")],
                "lab0 is correct and must pass H-C2, but it is not scored",
            ),
            (
                vec![row("x", false, ".w?.")],
                "x is wrong, and no test fails it",
            ),
            (
                vec![says("b", "", row("x", false, "X..."))],
                "x says that it loses b, but passes it",
            ),
            (
                vec![says("", "a", row("x", false, "X..."))],
                "x says that it passes a, but fails it",
            ),
            (
                vec![says("", "b", row("x", false, "Xw.."))],
                "x says that it passes b, but its points are withheld",
            ),
            (
                vec![says("c", "", row("x", false, "X..."))],
                "x says that it loses c, which there is not",
            ),
            (
                vec![row("x", false, "..X.")],
                "x passes all public tests, but has only 30 of 40 points, expected at least 80 %",
            ),
            (
                vec![row("x", false, "..X.")],
                "public tests catch 0 of 1 wrong solutions, expected at least two thirds",
            ),
            (vec![row("x", false, "")], "x does not build"),
        ] {
            let broken = broken(rows);
            assert!(
                broken.iter().any(|promise| promise == expected),
                "{expected}: {broken:#?}"
            );
        }
    }
}
