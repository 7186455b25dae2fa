//! The lines outside of its own folders by which a project knows of a lab: two dependencies and an
//! entry of the registry, and a row of the README.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use faultline_grade::Error;

use crate::NewLab;

/// A line that was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The file, below the project.
    pub file: &'static str,
    /// The line.
    pub text: String,
}

/// What becomes of the files that get lines.
pub struct Edits {
    pub files: Vec<Edit>,
    pub lines: Vec<Line>,
}

/// A file, before and afterwards.
pub struct Edit {
    pub path: PathBuf,
    pub before: String,
    pub text: String,
}

const MANIFEST: &str = "grader/course/Cargo.toml";
const REGISTRY: &str = "grader/course/src/lib.rs";
const README: &str = "README.md";

/// Finds the number of the line in front of which a new one belongs.
type Place = fn(&[&str]) -> Option<usize>;

/// What one file gets.
struct Wanted {
    file: &'static str,
    lines: Vec<String>,
    place: Place,
    /// What the place is, in words.
    expected: &'static str,
}

fn wanted(lab: &NewLab) -> [Wanted; 3] {
    let (name, krate) = (&lab.name, lab.crate_name());
    let dependency =
        |part: &str, folder: &str| format!("{name}-{part} = {{ path = \"../suites/{folder}\" }}");
    let hidden = format!("{name}/hidden");
    [
        Wanted {
            file: MANIFEST,
            lines: vec![dependency("suite", name), dependency("hidden", &hidden)],
            place: after_the_suites,
            expected: "a table [dependencies]",
        },
        Wanted {
            file: REGISTRY,
            lines: vec![format!("        {krate}_suite with {krate}_hidden;")],
            place: end_of_the_registry,
            expected: "`suites! {` with `}` on a line of its own",
        },
        Wanted {
            file: README,
            lines: vec![format!(
                "| [{name}](labs/{name}/README.md) | {} | all (A, B) |",
                lab.title
            )],
            place: end_of_the_table,
            expected: "a table whose first row begins with `| lab |`",
        },
    ]
}

/// Adds the lines of a lab to the text of a file that is being made.
pub fn add(lab: &NewLab, file: &str, text: &mut String) {
    for wanted in wanted(lab) {
        if wanted.file == file {
            let (with, _) = with_lines(text, wanted.lines, wanted.place)
                .expect("the template has a place for labs");
            *text = with;
        }
    }
}

/// What a new lab changes. A line that is there already is not added once more.
///
/// # Errors
/// [`Error::Usage`] if a file does not look as expected, with what was looked for in it.
pub fn edits(lab: &NewLab, root: &Path) -> Result<Edits, Error> {
    let mut edits = Edits {
        files: Vec::new(),
        lines: Vec::new(),
    };
    for wanted in wanted(lab) {
        let (file, path) = (wanted.file, root.join(wanted.file));
        let before = fs::read_to_string(&path).map_err(|error| missing(&path, error))?;
        let (text, added) = with_lines(&before, wanted.lines, wanted.place).ok_or_else(|| {
            let (path, expected) = (path.display(), wanted.expected);
            Error::Usage(format!(
                "{path}: expected {expected}, where the lines of labs stand; nothing was written"
            ))
        })?;
        let line = |text| Line { file, text };
        edits.lines.extend(added.into_iter().map(line));
        edits.files.push(Edit { path, before, text });
    }
    Ok(edits)
}

fn missing(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::Usage(format!(
            "{} is missing: a new lab goes where the registry of labs is, into the whole project \
             or a workspace that `cargo grade new-lab --outside` made",
            path.display()
        )),
        _ => Error::Broken(format!("{} cannot be read: {error}", path.display())),
    }
}

/// The text with those of the lines that it does not have yet, and which these are.
fn with_lines(text: &str, lines: Vec<String>, place: Place) -> Option<(String, Vec<String>)> {
    let old: Vec<&str> = text.lines().collect();
    let at = place(&old)?;
    let lines: Vec<String> = lines
        .into_iter()
        .filter(|line| !old.contains(&line.as_str()))
        .collect();
    let new = lines.iter().map(String::as_str);
    let all = old[..at]
        .iter()
        .copied()
        .chain(new)
        .chain(old[at..].iter().copied());
    let text = all.map(|line| format!("{line}\n")).collect();
    Some((text, lines))
}

/// Behind the last dependency on a suite, or behind the last dependency at all.
fn after_the_suites(lines: &[&str]) -> Option<usize> {
    let begin = lines.iter().position(|line| *line == "[dependencies]")? + 1;
    let table = lines[begin..]
        .iter()
        .take_while(|line| !line.starts_with('['));
    let table: Vec<&&str> = table.collect();
    let suite = table
        .iter()
        .rposition(|line| line.contains("path = \"../suites/"));
    let last = suite.or_else(|| table.iter().rposition(|line| !line.trim().is_empty()));
    Some(begin + last.map_or(0, |last| last + 1))
}

fn end_of_the_registry(lines: &[&str]) -> Option<usize> {
    let begin = lines
        .iter()
        .position(|line| line.trim_end().ends_with("suites! {"))?;
    let end = lines[begin..].iter().position(|line| line.trim() == "}")?;
    Some(begin + end)
}

fn end_of_the_table(lines: &[&str]) -> Option<usize> {
    let begin = lines.iter().position(|line| line.starts_with("| lab |"))?;
    let rows = lines[begin..]
        .iter()
        .take_while(|line| line.starts_with('|'));
    Some(begin + rows.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(readme: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (file, text) in [
            (
                MANIFEST,
                "[dependencies]\nx = \"1\"\na-suite = { path = \"../suites/a\" }\n\n[lints]\n",
            ),
            (
                REGISTRY,
                "    labs::suites! {\n        a_suite with a_hidden;\n    }\n}\n",
            ),
            (README, readme),
        ] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a new folder");
            fs::write(path, text).expect("a new file");
        }
        folder
    }

    #[test]
    fn four_lines_are_added_behind_those_of_the_other_labs_and_once() {
        let folder = project("# x\n\n| lab | what |\n|---|---|\n| [a](a) | b |\n\nmore\n");
        let lab = NewLab::new("two-words", None, "", &[]).expect("a name");
        let new = edits(&lab, folder.path()).expect("there is a place");
        assert_eq!(new.lines.len(), 4, "{:?}", new.lines);
        let texts: Vec<&str> = new.files.iter().map(|edit| edit.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "[dependencies]\nx = \"1\"\na-suite = { path = \"../suites/a\" }\n\
                 two-words-suite = { path = \"../suites/two-words\" }\n\
                 two-words-hidden = { path = \"../suites/two-words/hidden\" }\n\n[lints]\n",
                "    labs::suites! {\n        a_suite with a_hidden;\n        \
                 two_words_suite with two_words_hidden;\n    }\n}\n",
                "# x\n\n| lab | what |\n|---|---|\n| [a](a) | b |\n\
                 | [two-words](labs/two-words/README.md) | A running total | all (A, B) |\n\n\
                 more\n",
            ]
        );
        for edit in &new.files {
            fs::write(&edit.path, &edit.text).expect("it can be written");
        }
        let again = edits(&lab, folder.path()).expect("there is a place");
        assert_eq!(again.lines, []);
        assert!(again.files.iter().all(|edit| edit.text == edit.before));
    }

    #[test]
    fn the_first_suite_stands_behind_the_other_dependencies() {
        let lines = ["[dependencies]", "x = \"1\"", "", "[lints]"];
        assert_eq!(after_the_suites(&lines), Some(2));
        assert_eq!(after_the_suites(&lines[..1]), Some(1));
        assert_eq!(after_the_suites(&lines[1..]), None);
    }

    #[test]
    fn a_project_without_a_place_is_told_so() {
        let folder = project("no table");
        let lab = NewLab::new("demo", None, "", &[]).expect("a name");
        let told = || match edits(&lab, folder.path()) {
            Err(Error::Usage(text)) => text,
            _ => panic!("there is no place"),
        };
        assert!(told().contains("README.md: expected a table"), "{}", told());
        fs::remove_file(folder.path().join(REGISTRY)).expect("it is there");
        assert!(told().contains("lib.rs is missing"), "{}", told());
    }
}
