//! The rows of a class for other programs: CSV for a gradebook, Markdown for a summary page.

use faultline_verdict::{Class, ClassRow, ClassStatus};

use crate::{by_hand, safe::printable};

/// `scores.csv`: a line for each row. What a spreadsheet would take for a formula begins with an
/// apostrophe instead.
pub fn class_csv(class: &Class) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = [
        "student",
        "login",
        "name",
        "section",
        "team",
        "submission",
        "status",
        "earned",
        "possible",
        "not_scored",
        "submitted_at",
        "time_source",
        "late_s",
        "commit",
        "build_layers",
        "remarks",
    ];
    let head = head.into_iter().chain(by_hand::COLUMNS).map(str::to_owned);
    let lines = class.rows.iter().map(|row| line(row, class));
    for line in std::iter::once(head.collect()).chain(lines) {
        writer
            .write_record(&line)
            .expect("memory takes everything, and all lines are equally long");
    }
    let bytes = writer.into_inner().expect("memory takes everything");
    String::from_utf8(bytes).expect("every field is a text")
}

fn line(row: &ClassRow, class: &Class) -> Vec<String> {
    let text = |text: &Option<String>| harmless(text.as_deref().unwrap_or_default());
    // A row without a result has no numbers: somebody would take 0 for one.
    let number = |number: Option<u32>| number.map_or(String::new(), |number| number.to_string());
    let (earned, possible) = by_hand::points(row, class).unzip();
    // Who has points by hand waits for none.
    let is_decided = row.points_by_hand().is_some();
    let not_scored = earned.map(|_| if is_decided { 0 } else { row.score.not_scored });
    let mut cells = vec![
        harmless(&row.student),
        text(&row.login),
        text(&row.name),
        text(&row.section),
        text(&row.team),
        text(&row.submission),
        row.status.word().to_owned(),
        number(earned),
        number(possible),
        number(not_scored),
        text(&row.submitted_at),
        text(&row.time_source),
        row.late_s
            .map(|seconds| seconds.to_string())
            .unwrap_or_default(),
        text(&row.commit),
        row.build_layers.join("; "),
        harmless(&row.remarks.join("; ")),
    ];
    cells.extend(by_hand::cells(row));
    cells
}

/// Whether there are points to speak of.
pub(crate) fn has_points(row: &ClassRow) -> bool {
    matches!(row.status, ClassStatus::Graded | ClassStatus::DoesNotBuild)
}

/// A field that no spreadsheet calculates (CWE-1236), in one line.
pub(crate) fn harmless(field: &str) -> String {
    let text = printable(&field.replace(['\n', '\t'], " "));
    // Some programs look behind white space, too.
    let begins = text.trim_start().chars().next();
    match begins {
        Some('=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}') => {
            format!("'{text}")
        }
        _ => text,
    }
}

/// `summary.md`: how many of which sort, what a human must look at, and a table.
pub fn class_markdown(class: &Class) -> String {
    let mut out = format!("# {}: {}\n\n", plain(&class.lab), plain(&class.title));
    for (status, count) in counts(class) {
        out += &format!("- {count} {}\n", status.word());
    }
    if class.unsafe_build {
        out += "\n**Built without a sandbox (`--unsafe-build`).**\n";
    }
    let open: Vec<&ClassRow> = class.open().collect();
    if !open.is_empty() {
        out += "\n## Not scored\n\n| student | submission | status | why |\n|---|---|---|---|\n";
        for row in open {
            let cells = [
                who(row),
                row.submission.clone().unwrap_or_default(),
                word(row),
                row.remarks.join("; "),
            ];
            out += &format!("| {} |\n", cells.map(|cell| plain(&cell)).join(" | "));
        }
    }
    out += &by_hand::section(class);
    out += "\n## Scores\n\n| student | submission | status | points |\n|---|---|---|---|\n";
    for row in &class.rows {
        let points = by_hand::points(row, class);
        let points = points.map_or(String::new(), |(earned, of)| format!("{earned} / {of}"));
        let cells = [
            who(row),
            row.submission.clone().unwrap_or_default(),
            word(row),
            points,
        ];
        out += &format!("| {} |\n", cells.map(|cell| plain(&cell)).join(" | "));
    }
    out
}

/// How many rows there are of each sort that there is.
pub(crate) fn counts(class: &Class) -> Vec<(ClassStatus, usize)> {
    let mut counts: Vec<(ClassStatus, usize)> = Vec::new();
    for row in &class.rows {
        match counts.iter_mut().find(|(status, _)| *status == row.status) {
            Some((_, count)) => *count += 1,
            None => counts.push((row.status, 1)),
        }
    }
    counts.sort_unstable();
    counts
}

/// The status in words; a graded row of which something could not be scored says so.
pub(crate) fn word(row: &ClassRow) -> String {
    match (row.status, row.score.not_scored) {
        (ClassStatus::Graded, points @ 1..) => format!("graded, {points} points not scored"),
        (status, _) => status.word().replace('-', " "),
    }
}

/// Whom a row is about.
pub(crate) fn who(row: &ClassRow) -> String {
    match (row.student.as_str(), &row.login) {
        ("", Some(login)) => format!("({login})"),
        ("", None) => format!("({})", row.submission.as_deref().unwrap_or("nobody")),
        (student, Some(login)) if login != student => format!("{student} ({login})"),
        (student, _) => student.to_owned(),
    }
}

/// Text that Markdown and the HTML in it show as it is.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::new();
    for char in printable(&text.replace(['\n', '\t'], " ")).chars() {
        match char {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            // A character of its own by number means nothing to Markdown. (An `@` would notify
            // somebody.)
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '|'
            | '~' | '@' | ':' | '$' => out += &format!("&#{};", u32::from(char)),
            char => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_a_formula() {
        for (field, expected) in [
            ("=cmd()", "'=cmd()"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "' =1"),
            ("\r=1", "\\r=1"),
            ("a=b", "a=b"),
            ("Ann-Lee", "Ann-Lee"),
            ("two\nlines", "two lines"),
            ("\u{202e}x", "\\u{202e}x"),
        ] {
            assert_eq!(harmless(field), expected);
        }
    }

    #[test]
    fn markdown_shows_what_stands_there() {
        assert_eq!(plain("a|b"), "a&#124;b");
        assert_eq!(plain("<img src=x>"), "&lt;img src=x&gt;");
        assert_eq!(plain("[x](http://y)"), "&#91;x&#93;&#40;http&#58;//y&#41;");
        assert_eq!(plain("@everyone"), "&#64;everyone");
    }
}
