//! The rows of a class for other programs: CSV for a gradebook, Markdown for a summary page.

use faultline_verdict::{Class, ClassRow, ClassStatus, Score};

use crate::safe::{printable, without_commands};

/// `scores.csv`: a line for each row. What a spreadsheet would take for a formula, or a build
/// service for a command, begins with an apostrophe instead.
pub fn class_csv(class: &Class) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let parts = parts(class);
    let head = HEAD_OF_POINTS.iter().map(|name| (*name).to_owned());
    let head = head
        .chain(parts.iter().map(|part| harmless(&format!("part_{part}"))))
        .chain(HEAD_OF_TIMES.iter().map(|name| (*name).to_owned()));
    let head: Vec<String> = head.collect();
    let lines = class.rows.iter().map(|row| line(row, &parts));
    for line in std::iter::once(head).chain(lines) {
        writer
            .write_record(&line)
            .expect("memory takes everything, and all lines are equally long");
    }
    let bytes = writer.into_inner().expect("memory takes everything");
    String::from_utf8(bytes).expect("every field is a text")
}

/// The columns before those of the parts.
const HEAD_OF_POINTS: [&str; 10] = [
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
];

/// The columns behind them.
const HEAD_OF_TIMES: [&str; 7] = [
    "submitted_at",
    "time_source",
    "late_s",
    "deadline",
    "commit",
    "build_layers",
    "remarks",
];

fn line(row: &ClassRow, parts: &[&str]) -> Vec<String> {
    let text = |text: &Option<String>| harmless(text.as_deref().unwrap_or_default());
    // A row without a result has no numbers: somebody would take 0 for one.
    let number = |number: u32| {
        if has_points(row) {
            number.to_string()
        } else {
            String::new()
        }
    };
    let mut line = vec![
        harmless(&row.student),
        text(&row.login),
        text(&row.name),
        text(&row.section),
        text(&row.team),
        text(&row.submission),
        row.status.word().to_owned(),
        number(row.score.earned),
        number(row.score.possible),
        number(row.score.not_scored),
    ];
    line.extend(parts.iter().map(|part| {
        let score = part_of(row, part);
        score.map_or_else(String::new, |score| score.earned.to_string())
    }));
    line.extend([
        text(&row.submitted_at),
        text(&row.time_source),
        row.late_s
            .map(|seconds| seconds.to_string())
            .unwrap_or_default(),
        text(&row.deadline),
        text(&row.commit),
        row.build_layers.join("; "),
        harmless(&row.remarks.join("; ")),
    ]);
    line
}

/// The parts that are worth anything.
fn parts(class: &Class) -> Vec<&str> {
    let parts = class.parts();
    parts.iter().map(|part| part.part.as_str()).collect()
}

/// The points of a row in a part, if there are any to speak of.
pub(crate) fn part_of(row: &ClassRow, part: &str) -> Option<Score> {
    let found = row.parts.iter().find(|own| own.part == part);
    found.filter(|_| has_points(row)).map(|own| own.score)
}

/// Whether there are points to speak of.
pub(crate) fn has_points(row: &ClassRow) -> bool {
    matches!(row.status, ClassStatus::Graded | ClassStatus::DoesNotBuild)
}

/// A field that no spreadsheet calculates (CWE-1236) and with which no line becomes a command of a
/// build service that prints the file, in one line.
fn harmless(field: &str) -> String {
    let text = without_commands(&printable(&field.replace(['\n', '\t'], " ")));
    // Some programs look behind white space, too.
    let begins = text.trim_start().chars().next();
    match begins {
        Some('=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}') => {
            format!("'{text}")
        }
        _ => text,
    }
}

/// `summary.md`: what was graded, how many of which sort, what a human must look at, a table of
/// scores, and what else is worth knowing. Tables are aligned, so that it can be read as it is.
pub fn class_markdown(class: &Class) -> String {
    let mut out = format!("# {}: {}\n\n", plain(&class.lab), plain(&class.title));
    for (what, count) in counts(class) {
        out += &format!("- {count} {what}\n");
    }
    out += &format!("- {}\n", hidden_tests(class));
    if let Some(deadline) = &class.deadline {
        out += &format!("- the deadline: {}\n", plain(deadline));
    }
    if class.unsafe_build {
        out += "\n**Built without a sandbox (`--unsafe-build`).**\n";
    }
    let open = class.open().map(|row| {
        vec![
            who(row),
            row.submission.clone().unwrap_or_default(),
            word(row),
            row.remarks.join("; "),
        ]
    });
    let head = ["student", "submission", "status", "why"];
    out += &section("Not scored", &head, open.collect());
    out += &scores(class);
    let is_open = |row: &&ClassRow| class.open().any(|open| std::ptr::eq(open, *row));
    let others = class.rows.iter().filter(|row| !is_open(row));
    let remarks = others.flat_map(|row| {
        let own = row
            .deadline
            .as_ref()
            .map(|deadline| format!("a deadline of their own: {deadline}"));
        let all = own.into_iter().chain(row.remarks.iter().cloned());
        all.map(|remark| vec![who(row), remark])
    });
    out += &section("Remarks", &["student", "remark"], remarks.collect());
    out
}

fn scores(class: &Class) -> String {
    let parts = parts(class);
    let mut head = vec!["student", "submission", "status", "points"];
    head.extend(&parts);
    head.extend(["handed in", "late", "commit"]);
    let points = |score: Score| format!("{} / {}", score.earned, score.possible);
    let cells = |row: &ClassRow| {
        let mut cells = vec![
            who(row),
            row.submission.clone().unwrap_or_default(),
            word(row),
            match has_points(row) {
                true => points(row.score),
                false => String::new(),
            },
        ];
        cells.extend(
            parts
                .iter()
                .map(|part| part_of(row, part).map(points).unwrap_or_default()),
        );
        let source = row.time_source.as_deref().map(source_in_words);
        let at = row.submitted_at.clone().unwrap_or_default();
        cells.push(source.map_or(at.clone(), |source| format!("{at} ({source})")));
        let late = row.late_s.filter(|late| *late > 0);
        cells.push(late.map(late_by).unwrap_or_default());
        cells.push(row.commit.as_deref().map(short).unwrap_or_default());
        cells
    };
    section("Scores", &head, class.rows.iter().map(cells).collect())
}

/// A heading and a table whose columns are aligned, but for the last one; nothing without rows.
fn section(title: &str, head: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let head: Vec<String> = head.iter().map(|cell| plain(cell)).collect();
    let rows = rows
        .iter()
        .map(|row| row.iter().map(|cell| plain(cell)).collect());
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let last = rows[0].len() - 1;
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default().max(3)
    };
    let widths: Vec<usize> = (0..=last).map(width).collect();
    let mut out = format!("\n## {title}\n\n");
    for (number, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| match column == last {
            true => cell.clone(),
            false => format!("{cell:width$}"),
        });
        out += &format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
        if number == 0 {
            let rules = widths.iter().enumerate().map(|(column, width)| {
                let width = if column == last { 3 } else { *width };
                "-".repeat(width + 2)
            });
            out += &format!("|{}|\n", rules.collect::<Vec<_>>().join("|"));
        }
    }
    without_commands(&out)
}

/// Whether the scores are those of all tests.
pub(crate) fn hidden_tests(class: &Class) -> String {
    match (
        class.hidden,
        &class.fingerprint.salt,
        class.hidden_points_not_run,
    ) {
        (true, Some(_), _) => "hidden tests were run, with a salt".to_owned(),
        (true, None, _) => "hidden tests were run, without a salt".to_owned(),
        (false, _, 0) => "there are no hidden tests".to_owned(),
        (false, _, points) => {
            format!("hidden tests were not run: their {points} points are in no score")
        }
    }
}

/// How the time of a submission is known.
pub(crate) fn source_in_words(source: &str) -> &str {
    match source {
        "server-record" => "a server's record",
        "first-import" => "proven by imports",
        "committer-unproven" => "unproven",
        other => other,
    }
}

/// A time nobody needs to the second.
pub(crate) fn late_by(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// As much of a commit's id as names it.
pub(crate) fn short(commit: &str) -> String {
    commit.chars().take(10).collect()
}

/// How many rows there are of each sort that there is.
pub(crate) fn counts(class: &Class) -> Vec<(String, usize)> {
    let mut counts: Vec<((bool, ClassStatus), usize)> = Vec::new();
    for row in &class.rows {
        let sort = (row.elsewhere, row.status);
        match counts.iter_mut().find(|(known, _)| *known == sort) {
            Some((_, count)) => *count += 1,
            None => counts.push((sort, 1)),
        }
    }
    counts.sort_unstable();
    let worded = counts.into_iter().map(|((elsewhere, status), count)| {
        let what = match elsewhere {
            true => "graded by other shards".to_owned(),
            false => status.word().replace('-', " "),
        };
        (what, count)
    });
    worded.collect()
}

/// The status in words; a graded row of which something could not be scored says so.
pub(crate) fn word(row: &ClassRow) -> String {
    match (row.status, row.score.not_scored) {
        _ if row.elsewhere => "another shard's".to_owned(),
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

/// Text that a cell of a Markdown table, and the HTML in it, show as it is. Only what would mean
/// something where it stands is escaped, so that addresses and paths can be read.
fn plain(text: &str) -> String {
    let text = printable(&text.replace(['\n', '\t'], " "));
    let chars: Vec<char> = text.trim().chars().collect();
    let mut out = String::new();
    for (place, char) in chars.iter().enumerate() {
        let before = place.checked_sub(1).map(|place| chars[place]);
        let behind = chars.get(place + 1).copied();
        let in_word = |char: Option<char>| char.is_some_and(char::is_alphanumeric);
        let means_something = match char {
            '\\' | '*' | '[' | ']' | '|' | '~' | '$' => true,
            // In a word it is a letter like others.
            '_' => !(in_word(before) && in_word(behind)),
            // An address, but no name that somebody is notified by.
            '@' => !in_word(before),
            // What becomes a link by itself, or a small picture.
            ':' => behind == Some('/') || (!in_word(before) && in_word(behind)),
            '.' => out.to_ascii_lowercase().ends_with("www"),
            // The number of an issue.
            '#' => in_word(behind),
            _ => false,
        };
        match char {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '*' | '_' | '~' | '#' if means_something => out += &format!("\\{char}"),
            // Reasons quote with it; in a table it would hide what ends a cell.
            '`' => out.push('\''),
            char if means_something => out += &format!("&#{};", u32::from(*char)),
            char => out.push(*char),
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
            ("::error::x", "\\u{3a}:error::x"),
            (" \n::add-mask::x", "  \\u{3a}:add-mask::x"),
            ("x ##[error]y", "x #\\u{23}[error]y"),
            ("a::b", "a::b"),
            ("Ann-Lee", "Ann-Lee"),
            ("two\nlines", "two lines"),
            ("\u{202e}x", "\\u{202e}x"),
        ] {
            assert_eq!(harmless(field), expected);
        }
    }

    #[test]
    fn markdown_shows_what_stands_there() {
        for (text, expected) in [
            ("a|b", "a&#124;b"),
            ("<img src=x>", "&lt;img src=x&gt;"),
            ("[x](http://y)", "&#91;x&#93;(http&#58;//y)"),
            ("www.example.org", "www&#46;example.org"),
            ("@everyone", "&#64;everyone"),
            ("*x* ~~y~~ $z$", "\\*x\\* \\~\\~y\\~\\~ &#36;z&#36;"),
            ("#12 and :smile:", "\\#12 and &#58;smile:"),
            ("`a|b`", "'a&#124;b'"),
            ("__init__ a_b", "\\_\\_init\\_\\_ a_b"),
            // What can be read is left alone.
            (
                "ann.lee-2@university.example",
                "ann.lee-2@university.example",
            ),
            ("src/lib.rs:12:21: (x) {y}", "src/lib.rs:12:21: (x) {y}"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }

    #[test]
    fn columns_stand_under_each_other() {
        let rows = vec![
            vec!["ann".to_owned(), "graded".to_owned(), "x".to_owned()],
            vec![
                "bartholomew".to_owned(),
                "\u{e4}".to_owned(),
                "yy".to_owned(),
            ],
        ];
        let expected = "\n## T\n\n\
             | student     | status | why |\n\
             |-------------|--------|-----|\n\
             | ann         | graded | x |\n\
             | bartholomew | \u{e4}      | yy |\n";
        assert_eq!(section("T", &["student", "status", "why"], rows), expected);
        assert_eq!(section("T", &["student"], Vec::new()), "");
    }
}
