//! Text on the page. Everything that is shown goes through [`shown`], so that nothing a program
//! wrote steers the page: `maud` escapes what HTML would take for markup, and what changes how text
//! is shown is made visible before.

use faultline_verdict::TraceLine;

use crate::safe::printable;

/// The text with what is invisible made visible.
pub fn shown(text: &str) -> String {
    printable(text)
}

/// The same, cut after `most` characters.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => {
            let more = text[end..].chars().count();
            format!("{}\u{2026} ({more} more characters)", shown(&text[..end]))
        }
        None => shown(text),
    }
}

/// What the grader says of links, with real arrows. What programs say stays as it is.
pub fn arrows(line: &TraceLine, text: &str) -> String {
    const OF_LINKS: [&str; 6] = [
        "the link ",
        "the links ",
        "partition {",
        "the partition {",
        "messages ",
        "delayed messages ",
    ];
    match OF_LINKS.iter().any(|begin| line.text.starts_with(begin)) {
        true => text
            .replace(" <-> ", " \u{2194} ")
            .replace(" -> ", " \u{2192} "),
        false => text.to_owned(),
    }
}

/// `412.3`: virtual milliseconds.
pub fn ms(us: u64) -> String {
    format!("{}.{}", us / 1000, us % 1000 / 100)
}

/// `1 test`, `2 tests`.
pub fn count(number: u64, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}

/// A share in percent with one decimal.
pub fn percent(permille: u64) -> String {
    format!("{}.{} %", permille / 10, permille % 10)
}

/// A coordinate or width in hundredths of a percent or pixel, as an attribute: `12.5`, `40`.
pub fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_says_what_is_missing() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(
            cut("ab\u{202e}cd", 3),
            "ab\\u{202e}\u{2026} (2 more characters)"
        );
        assert_eq!(
            (number(12.5), number(40.04), ms(1_234_567)),
            ("12.5".into(), "40".into(), "1234.5".into())
        );
    }
}
