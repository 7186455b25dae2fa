//! The JSON documents.

use faultline_verdict::{CheckReport, Class, Grade, Matrix};
use serde::Serialize;

/// The document of a grade, with a line break at its end; equal grades have equal bytes.
pub fn to_json(grade: &Grade) -> String {
    document(grade)
}

/// The document of a kill matrix, likewise.
pub fn matrix_to_json(matrix: &Matrix) -> String {
    document(matrix)
}

/// The document of a check of histories, likewise.
pub fn check_to_json(report: &CheckReport) -> String {
    document(report)
}

/// The document of a class, likewise.
pub fn class_to_json(class: &Class) -> String {
    document(class)
}

fn document(data: &impl Serialize) -> String {
    let mut text =
        serde_json::to_string_pretty(data).expect("verdict data has only strings as keys");
    text.push('\n');
    text
}
