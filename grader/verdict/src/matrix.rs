//! Which test catches which wrong solution.

use serde::{Deserialize, Serialize};

/// The version of a [`Matrix`] as a JSON document.
pub const MATRIX_FORMAT: u32 = 1;

use crate::{Score, Status, Visibility};

/// The kill matrix of a lab: its correct and wrong solutions against its tests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matrix {
    /// [`MATRIX_FORMAT`].
    pub format: u32,
    /// The lab's id.
    pub lab: String,
    /// True if only some of the wrong solutions were asked for.
    pub partial: bool,
    /// The columns: the public tests, then the hidden ones, both in the rubric's order.
    pub tests: Vec<MatrixTest>,
    /// The rows: the correct solutions, then the wrong ones by name.
    pub rows: Vec<MatrixRow>,
    /// What the solutions promise and do not keep, a sentence each.
    pub broken_promises: Vec<String>,
}

/// A column of the matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixTest {
    /// The test.
    pub id: String,
    /// Its part of the lab.
    pub part: String,
    /// Its points.
    pub points: u32,
    /// Who may see it.
    #[serde(default, skip_serializing_if = "Visibility::is_public")]
    pub visibility: Visibility,
}

/// A row of the matrix: one solution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixRow {
    /// The solution's name.
    pub name: String,
    /// True for a correct solution.
    pub correct: bool,
    /// What came out of each test, in the order of the columns; empty if the solution does not
    /// build.
    pub cells: Vec<Status>,
    /// Its points.
    pub score: Score,
    /// The tests that it says it loses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loses: Vec<String>,
    /// The tests that it says it passes all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passes: Vec<String>,
}

impl Matrix {
    /// The wrong solutions.
    pub fn wrong(&self) -> impl Iterator<Item = &MatrixRow> {
        self.rows.iter().filter(|row| !row.correct)
    }

    /// How many wrong solutions the test in this column catches.
    pub fn kills(&self, column: usize) -> usize {
        self.wrong()
            .filter(|row| row.cells.get(column) == Some(&Status::Failed))
            .count()
    }

    /// True if a public test fails this solution, or a hidden one.
    pub fn fails_in(&self, row: &MatrixRow, public: bool) -> bool {
        let mut cells = self.tests.iter().zip(&row.cells);
        cells.any(|(test, status)| {
            test.visibility.is_public() == public && *status == Status::Failed
        })
    }

    /// How many wrong solutions a public test catches, and how many only a hidden one does.
    pub fn killed(&self) -> (usize, usize) {
        let by_public = self.wrong().filter(|row| self.fails_in(row, true)).count();
        let hidden_only = self
            .wrong()
            .filter(|row| !self.fails_in(row, true) && self.fails_in(row, false))
            .count();
        (by_public, hidden_only)
    }
}
