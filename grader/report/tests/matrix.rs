//! The kill matrix, at 80 and 120 columns. After a wanted change:
//! `INSTA_UPDATE=always cargo test -p faultline-report`, and read the difference.

use faultline_report::{MatrixScreen, matrix_to_json};
use faultline_verdict::{FORMAT, Matrix, MatrixRow, MatrixTest, Score, Status, Visibility};

/// A solution that fails the tests with these numbers.
fn row(tests: &[MatrixTest], name: &str, correct: bool, failed: &[usize]) -> MatrixRow {
    let status = |column: usize| match failed.contains(&column) {
        true => Status::Failed,
        false if failed.contains(&0) && column == 2 => Status::Withheld,
        false if failed.contains(&1) && column == 3 => Status::NotScored,
        false => Status::Passed,
    };
    let cells: Vec<Status> = (0..tests.len()).map(status).collect();
    let earned = cells.iter().filter(|cell| **cell == Status::Passed).count() as u32;
    let score = Score {
        earned,
        possible: tests.len() as u32,
        not_scored: 0,
    };
    let loses = failed
        .iter()
        .filter_map(|column| tests.get(*column))
        .map(|test| test.id.clone())
        .collect();
    MatrixRow {
        name: name.to_owned(),
        correct,
        cells,
        score,
        loses,
        passes: Vec::new(),
    }
}

/// A matrix of this number of public and hidden tests, and a few solutions.
fn matrix(public: usize, hidden: usize) -> Matrix {
    let test = |id: String, visibility| MatrixTest {
        id,
        part: "C".to_owned(),
        points: 1,
        visibility,
    };
    let tests: Vec<MatrixTest> = (1..=public)
        .map(|number| test(format!("public_promise_{number}"), Visibility::Public))
        .chain((1..=hidden).map(|number| test(format!("H-C{number}"), Visibility::Hidden)))
        .collect();
    let row = |name: &str, correct, failed: &[usize]| row(&tests, name, correct, failed);
    let rows = vec![
        row("lab2", true, &[]),
        row("lab2-variant", true, &[]),
        row("answers-before-the-backup-has-it", false, &[0, 1, public]),
        MatrixRow {
            cells: Vec::new(),
            ..row("does-not-compile", false, &[])
        },
        row(
            "forgets-what-it-has-answered-when-the-third-view-comes-late",
            false,
            &[public + hidden - 1],
        ),
        row("survives", false, &[]),
    ];
    let broken_promises = vec![
        "does-not-compile does not build".to_owned(),
        "survives is wrong, and no test fails it".to_owned(),
        format!(
            "{} says that it loses public_promise_1, but passes it",
            rows[4].name
        ),
    ];
    Matrix {
        format: FORMAT,
        lab: "lab2".to_owned(),
        partial: false,
        tests,
        rows,
        broken_promises,
    }
}

fn screen(matrix: &Matrix, width: usize) -> String {
    let mut out = Vec::new();
    let mut screen = MatrixScreen::new(&mut out, width);
    for rows in 0..=matrix.rows.len() {
        let grown = Matrix {
            rows: matrix.rows[..rows].to_vec(),
            ..matrix.clone()
        };
        screen.grown(&grown).expect("a vector can be written to");
    }
    screen.finished(matrix).expect("a vector can be written to");
    String::from_utf8(out).expect("UTF-8")
}

/// One test, since colour is a setting of the whole process.
#[test]
fn matrices() {
    colored::control::set_override(false);
    for (public, hidden) in [(45, 25), (12, 3), (12, 0), (70, 70)] {
        for width in [80, 120] {
            let text = screen(&matrix(public, hidden), width);
            for line in text.lines() {
                assert!(
                    line.chars().count() <= width,
                    "{} columns: {line}",
                    line.chars().count()
                );
                assert_eq!(line, line.trim_end(), "no spaces at the end");
            }
            if (public, hidden) == (45, 25) {
                insta::assert_snapshot!(format!("matrix_{width}"), text);
            }
        }
    }
    let kept = Matrix {
        broken_promises: Vec::new(),
        ..matrix(12, 3)
    };
    insta::assert_snapshot!("matrix_small", screen(&kept, 80));
    colored::control::set_override(true);
    insta::assert_snapshot!(
        "matrix_colour",
        screen(&matrix(4, 1), 80).replace('\u{1b}', "ESC")
    );
}

#[test]
fn the_document_comes_back_as_it_was() {
    let matrix = matrix(3, 2);
    let text = matrix_to_json(&matrix);
    assert_eq!(
        serde_json::from_str::<Matrix>(&text).expect("the document is a matrix"),
        matrix
    );
}
