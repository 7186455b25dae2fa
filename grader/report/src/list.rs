//! The tests of a lab as a list.

use std::collections::BTreeMap;

use colored::Colorize;

use crate::safe::{printable, wrap};

/// A test, for a list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The part of the lab.
    pub part: String,
    /// The test's name.
    pub id: String,
    /// Its points.
    pub points: u32,
    /// Its name in words.
    pub title: String,
    /// What sort of promise it is about.
    pub category: &'static str,
}

/// Where titles begin: behind part, name and points.
const TITLES: usize = 53;

/// Titles are not broken into less than this number of columns.
const NARROW: usize = 24;

/// The tests, in lines of at most `width` columns.
pub fn list_text(lab: &str, tests: &[Listed], width: usize) -> String {
    let mut out = String::new();
    let mut categories: BTreeMap<&str, usize> = BTreeMap::new();
    for test in tests {
        *categories.entry(test.category).or_default() += 1;
        let points = match test.points {
            0 => "-".to_owned(),
            points => points.to_string(),
        };
        let (part, id) = (printable(&test.part), printable(&test.id));
        let head = format!("{part}  {id:<45} {points:>2}");
        // A long name, or a narrow window, leaves the title to further lines.
        let own = head.chars().count() + 2 > TITLES || width < TITLES + NARROW;
        let indent = if own { 5 } else { TITLES };
        let room = width.saturating_sub(indent).max(NARROW);
        let title = wrap(&printable(&test.title), room, "");
        let behind = if own { 0 } else { title.len().min(1) };
        let (first, rest) = title.split_at(behind);
        out += &format!("{head}{}\n", beside(first));
        for line in rest {
            out += &format!("{:indent$}{}\n", "", line.dimmed());
        }
    }
    if categories.len() < 2 {
        return out;
    }
    let categories: Vec<String> = categories
        .iter()
        .map(|(category, tests)| format!("{category} ({tests})"))
        .collect();
    let text = format!(
        "`cargo grade {lab} A` runs a part, and likewise a category: {}",
        categories.join(", ")
    );
    out.push('\n');
    for line in wrap(&text, width, "") {
        out += &format!("{}\n", line.dimmed());
    }
    out
}

/// The beginning of a title, behind what stands in front of it.
fn beside(first: &[String]) -> String {
    let line = |line: &String| format!("  {}", line.dimmed());
    first.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_broken_at_words() {
        colored::control::set_override(false);
        let test = |id: &str, points, title: &str| Listed {
            part: "B".to_owned(),
            id: id.to_owned(),
            points,
            title: title.to_owned(),
            category: "safety",
        };
        let long = "a_server_that_was_away_gets_what_was_forgotten";
        let mut tests = [
            test("a_ping", 0, "A ping"),
            test("one_request", 1, "One request of each client is remembered"),
            test(long, 1, "A server that was away gets what was forgotten"),
        ];
        tests[0].category = "budget";
        let end = "\n`cargo grade lab0 A` runs a part, and likewise a category: budget (1), \
                   safety\n(2)\n";
        assert_eq!(
            list_text("lab0", &tests, 80),
            format!(
                "B  a_ping                                         -  A ping\n\
                 B  one_request                                    1  One request of each client\n\
                 {0:53}is remembered\n\
                 B  {long}  1\n\
                 {0:5}A server that was away gets what was forgotten\n{end}",
                ""
            )
        );
        for width in [60, 80, 120] {
            let text = list_text("lab0", &tests, width);
            let fits = |line: &str| line.chars().count() <= width;
            assert!(text.lines().all(fits), "{text}");
        }
    }
}
