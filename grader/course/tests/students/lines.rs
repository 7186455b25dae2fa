//! No file of a release repeats what a solution has and its starter has not.
//!
//! Lines are compared without white space and without the marks of comments, quotations and
//! patches, so neither an answer in a comment nor one in a handout gets through. Short ones, and
//! those of starters, say nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use faultline_grade::derive_starter;

use super::{files, read, release, root, write};

/// Letters and digits of a line that says something.
const SIGNIFICANT: usize = 10;

/// So many lines of a solution one after the other are an answer.
const IN_A_ROW: usize = 4;

/// And so is this part of a solution's source in any order: this many of a hundred lines, or this
/// many lines.
const PERCENT: usize = 20;
const IN_ANY_ORDER: usize = 12;

/// A source with fewer lines of its own answers nothing.
const LEAST: usize = 8;

/// What the solutions of the course have and no starter has.
struct Answers {
    given: BTreeSet<String>,
    /// The lines of each file, solutions and what tells of them.
    files: BTreeMap<String, Vec<String>>,
    /// Where lines in a row stand.
    rows: BTreeMap<Vec<String>, String>,
}

fn plain(line: &str) -> String {
    let mark = |c: char| c.is_whitespace() || "+-/|*>#!\"\\".contains(c);
    let text = line.trim_start_matches(mark);
    let text = text.trim_end_matches(|c: char| c.is_whitespace() || "\"\\".contains(c));
    text.split_whitespace().collect()
}

fn is_significant(line: &str) -> bool {
    line.chars().filter(|c| c.is_alphanumeric()).count() >= SIGNIFICANT
}

impl Answers {
    fn of_the_course() -> Answers {
        let root = root();
        let starters = faultline::suites().into_iter().map(|suite| {
            derive_starter(&root, suite.lab).unwrap_or_else(|error| panic!("{error}"))
        });
        let given = starters.flat_map(BTreeMap::into_values).flat_map(|text| {
            let lines: Vec<String> = text.lines().map(plain).collect();
            lines
        });
        let mut answers = Answers {
            given: given.collect(),
            files: BTreeMap::new(),
            rows: BTreeMap::new(),
        };
        for file in files(&root.join("solutions")) {
            let lines = answers.significant(&read(&root.join("solutions").join(&file)));
            for row in lines.windows(IN_A_ROW) {
                answers.rows.insert(row.to_vec(), file.clone());
            }
            answers.files.insert(file, lines);
        }
        answers
    }

    fn significant(&self, text: &str) -> Vec<String> {
        let lines = text.lines().map(plain);
        let says = |line: &String| is_significant(line) && !self.given.contains(line);
        lines.filter(says).collect()
    }

    /// What a text repeats of a solution.
    fn repeated_in(&self, text: &str) -> Option<String> {
        let lines = self.significant(text);
        if let Some(row) = lines
            .windows(IN_A_ROW)
            .find(|row| self.rows.contains_key(*row))
        {
            let file = &self.rows[row];
            return Some(format!("it repeats solutions/{file}: {row:#?}"));
        }
        let lines: BTreeSet<&String> = lines.iter().collect();
        // Of a patch most lines are those of its reference.
        let sources = self.files.iter().filter(|(file, _)| file.ends_with(".rs"));
        sources.into_iter().find_map(|(file, answer)| {
            let answer: BTreeSet<&String> = answer.iter().collect();
            let both = answer.intersection(&lines).count();
            let much = both * 100 >= answer.len() * PERCENT || both >= IN_ANY_ORDER;
            (answer.len() >= LEAST && much).then(|| {
                let all = answer.len();
                format!("it has {both} of the {all} lines of solutions/{file}")
            })
        })
    }

    /// What the files of a release repeat of solutions.
    fn repeated_below(&self, folder: &Path) -> Vec<String> {
        let told = |file: String| {
            let text = fs::read(folder.join(&file)).expect("a file of the release");
            let repeated = self.repeated_in(&String::from_utf8_lossy(&text));
            repeated.map(|what| format!("{file}: {what}"))
        };
        files(folder).into_iter().filter_map(told).collect()
    }
}

#[test]
fn no_file_of_a_release_repeats_a_solution() {
    let found = Answers::of_the_course().repeated_below(release());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Otherwise the check could not fail: every source of every solution is found, and so is every
/// wrong solution and each page for course staff.
#[test]
fn every_solution_is_found() {
    let answers = Answers::of_the_course();
    let mut found = 0;
    for (file, lines) in &answers.files {
        if lines.len() < LEAST || file.ends_with(".toml") {
            continue;
        }
        let text = read(&root().join("solutions").join(file));
        assert!(answers.repeated_in(&text).is_some(), "{file}");
        found += 1;
    }
    assert!(found > 150, "{found}");
    // So is what answered labs in earlier releases.
    let kv = root().join("grader/host/tests/fixtures/kv/src/client.rs");
    assert!(answers.repeated_in(&read(&kv)).is_some());
}

/// An answer that is planted in a file of the release, as it is or not quite.
#[test]
fn an_answer_in_a_file_is_found() {
    let answers = Answers::of_the_course();
    let server = read(&root().join("solutions/lab2/src/server.rs"));
    let (_, apply) = server
        .split_once("    pub fn apply(")
        .expect("it applies operations");
    let (apply, _) = apply.split_once("\n    }\n").expect("a method ends");
    let each = |line: fn(&str) -> String| apply.lines().map(line).collect::<Vec<_>>();
    let mut sorted: Vec<&str> = server.lines().collect();
    sorted.sort_unstable();
    for (what, answer) in [
        ("as it is", apply.to_owned()),
        (
            "in a comment",
            each(|line| format!("/// {line}")).join("\n"),
        ),
        ("in a patch", each(|line| format!("+{line}")).join("\n")),
        (
            "indented anew",
            each(|line| format!("\t\t {}", line.trim())).join("\r\n"),
        ),
        (
            "with blanks between",
            each(|line| format!("{line}\n\n//")).join("\n"),
        ),
        ("in another order", sorted.join("\n")),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = "grader/sim/src/lib.rs";
        let honest = read(&root().join(file));
        write(&folder.path().join(file), &honest);
        assert_eq!(answers.repeated_below(folder.path()), [""; 0]);
        write(&folder.path().join(file), &format!("{honest}\n{answer}\n"));
        let found = answers.repeated_below(folder.path());
        assert_eq!(found.len(), 1, "{what}: {found:?}");
        assert!(found[0].contains("lab2"), "{what}: {found:?}");
    }
    // What students have before them is no answer.
    for file in [
        "starter/lab2/src/server.rs",
        "labs/lab2-primary-backup/README.md",
    ] {
        assert_eq!(
            answers.repeated_in(&read(&root().join(file))),
            None,
            "{file}"
        );
    }
}
