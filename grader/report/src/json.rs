//! The JSON document.

use faultline_verdict::Grade;

/// The document of a grade, with a line break at its end; equal grades have equal bytes.
pub fn to_json(grade: &Grade) -> String {
    let mut text = serde_json::to_string_pretty(grade).expect("a grade has only strings as keys");
    text.push('\n');
    text
}
