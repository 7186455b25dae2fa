//! A hint beside errors about numbers that have no room in a `usize`.

use super::diagnostics::{Diagnostic, Level};

const HINT: &str = "\
hint: nodes are 32-bit programs, so `usize` and `isize` have 32 bits there:
      use `u64` (or `i64`) for numbers that may be larger";

/// What the compiler says of a number that has no room in its type. It names that type only now and
/// then, but it shows the line.
const NO_ROOM: [&str; 4] = [
    "literal out of range for",
    "this arithmetic operation will overflow",
    "which would overflow",
    "evaluation of constant value failed",
];

/// The hint, if one of the errors may need it.
pub(super) fn hint(diagnostics: &[Diagnostic]) -> Option<&'static str> {
    let about_room = |text: &str| NO_ROOM.iter().any(|each| text.contains(each));
    let about_width = |each: &&Diagnostic| {
        each.level == Level::Error
            && (about_room(&each.message) || each.plain.contains("which would overflow"))
            && (each.plain.contains("usize") || each.plain.contains("isize"))
    };
    diagnostics.iter().find(about_width).map(|_| HINT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(message: &str, line: &str) -> Diagnostic {
        Diagnostic {
            level: Level::Error,
            code: None,
            message: message.to_owned(),
            spans: Vec::new(),
            notes: Vec::new(),
            plain: format!("error: {message}\n  |\n1 | {line}\n"),
            coloured: String::new(),
        }
    }

    #[test]
    fn only_numbers_without_room_in_a_usize_have_the_hint() {
        for (message, line, hinted) in [
            (
                "literal out of range for `usize`",
                "let n: usize = 5_000_000_000;",
                true,
            ),
            (
                "this arithmetic operation will overflow",
                "let n: usize = 1 << 40;",
                true,
            ),
            (
                "attempt to multiply with overflow, which would overflow",
                "const N: usize = 100_000 * 100_000;",
                true,
            ),
            ("literal out of range for `u8`", "let n: u8 = 256;", false),
            ("mismatched types", "let n: usize = 5_u64;", false),
            (
                "cannot find value `usize_max` in this scope",
                "usize_max",
                false,
            ),
        ] {
            let found = hint(&[error(message, line)]);
            assert_eq!(found.is_some(), hinted, "{message}: {line}");
        }
    }
}
