//! One mistake in a starter or a reference is told by the compiler: the grader gets in the way of
//! no ordinary error. The mistakes are data, `edits.toml`.

mod manifests;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
};

use serde::Deserialize;
use tempfile::TempDir;

/// How many mistakes there are at least.
const AT_LEAST: usize = 60;

/// How the grader tells that a submission does not build.
const DOES_NOT_BUILD: i32 = 3;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edits {
    edit: Vec<Edit>,
}

/// Which of a lab's programs is changed.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
enum Of {
    Starter,
    Solution,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    /// The mistake, in words.
    about: String,
    lab: String,
    of: Of,
    file: String,
    find: String,
    replace: String,
    /// What the compiler's text has in it.
    shows: Vec<String>,
    /// The file that it points to, if that is another one.
    at: Option<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the project is above")
        .to_owned()
}

fn edits() -> Vec<Edit> {
    let text = include_str!("edits.toml");
    let edits: Edits = toml::from_str(text).unwrap_or_else(|error| panic!("edits.toml: {error}"));
    edits.edit
}

impl Edit {
    fn base(&self) -> PathBuf {
        let folder = match self.of {
            Of::Starter => "starter",
            Of::Solution => "solutions",
        };
        root().join(folder).join(&self.lab)
    }

    /// The file as the mistake leaves it.
    fn edited(&self) -> Result<String, String> {
        let file = self.base().join(&self.file);
        let text =
            fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        match text.matches(&self.find).count() {
            1 => Ok(text.replacen(&self.find, &self.replace, 1)),
            times => Err(format!(
                "`find` must stand once in {}, and stands there {times} times",
                file.display()
            )),
        }
    }

    /// The program with the mistake, as a folder that is handed in.
    fn submission(&self) -> Result<TempDir, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let base = self.base();
        fs::create_dir(folder.path().join("src")).expect("a new folder");
        fs::copy(base.join("Cargo.toml"), folder.path().join("Cargo.toml")).expect("it is there");
        for entry in fs::read_dir(base.join("src")).expect("it is there") {
            let entry = entry.expect("an entry");
            fs::copy(
                entry.path(),
                folder.path().join("src").join(entry.file_name()),
            )
            .expect("a source file");
        }
        fs::write(folder.path().join(&self.file), self.edited()?).expect("a new file");
        Ok(folder)
    }

    /// What is wrong with what the grader says of the mistake.
    fn problem(&self) -> Option<String> {
        let folder = match self.submission() {
            Ok(folder) => folder,
            Err(problem) => return Some(problem),
        };
        let path = text(folder.path());
        let (code, said) = grader(&[
            &self.lab, "--path", path, "--traces", path, "--report", "none",
        ]);
        if code != DOES_NOT_BUILD {
            return Some(format!("it exits with {code}:\n{said}"));
        }
        let missing: Vec<&String> = self
            .shows
            .iter()
            .filter(|shown| !said.contains(*shown))
            .collect();
        if !missing.is_empty() {
            return Some(format!("it does not show {missing:?}:\n{said}"));
        }
        let at = self.at.as_ref().unwrap_or(&self.file);
        let source = fs::read_to_string(folder.path().join(at)).expect("it is there");
        if !shows_a_line(&said, at, &source) {
            return Some(format!("it shows no line of {at}:\n{said}"));
        }
        // Where the submission is, the user has said.
        let said = said.replace(path, "");
        place_of_the_machine(&said).map(|place| format!("it shows `{place}`:\n{said}"))
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

fn grader(arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_faultline-full"));
    command
        .args(arguments)
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1");
    command.current_dir(root()).stdin(Stdio::null());
    let output = command.output().expect("the grader runs");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).expect("the grader writes UTF-8");
    (output.status.code().expect("the grader exits"), said)
}

/// Whether a text points to a line of this file and quotes it.
fn shows_a_line(said: &str, file: &str, source: &str) -> bool {
    let arrow = format!("--> {file}:");
    let lines: Vec<&str> = source.lines().collect();
    said.match_indices(&arrow).any(|(at, _)| {
        let rest = &said[at + arrow.len()..];
        let number = rest
            .split(':')
            .next()
            .and_then(|number| number.parse::<usize>().ok());
        let line = number.and_then(|number| lines.get(number - 1));
        line.is_some_and(|line| rest.contains(line.trim()))
    })
}

/// What tells where on this machine something lies, or which version of a library it is.
fn place_of_the_machine(said: &str) -> Option<String> {
    let project = root();
    let home = std::env::home_dir().expect("there is a home");
    let temporary = std::env::temp_dir();
    let folders = [project, home, temporary].map(|folder| format!("{}/", folder.display()));
    let names = [
        "/rustc/",
        "/rust/deps/",
        "cargo/registry",
        "index.crates.io",
        "--> /",
        "::: /",
    ];
    let places = folders.into_iter().chain(names.map(str::to_owned));
    places.into_iter().find(|place| said.contains(place))
}

/// Calls `check` for all of these, on as many threads as there are processors.
fn problems(edits: &[Edit], check: impl Fn(&Edit) -> Option<String> + Sync) -> Vec<String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        while let Some(edit) = edits.get(next.fetch_add(1, Ordering::Relaxed)) {
            let problem = check(edit);
            found.extend(problem.map(|what| format!("{} of {}: {what}", edit.about, edit.lab)));
        }
        found
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let all = all.into_iter();
        all.flat_map(|thread| thread.join().expect("no check panics"))
            .collect()
    })
}

#[test]
fn there_are_many_mistakes_and_some_in_each_program() {
    let edits = edits();
    assert!(edits.len() >= AT_LEAST, "{}", edits.len());
    let mut counts: BTreeMap<(&str, Of), usize> = BTreeMap::new();
    for edit in &edits {
        *counts.entry((&edit.lab, edit.of)).or_default() += 1;
        assert!(!edit.shows.is_empty(), "{}: what is shown?", edit.about);
    }
    for lab in ["lab0", "lab1", "lab2", "lab3"] {
        for of in [Of::Starter, Of::Solution] {
            let count = counts.get(&(lab, of)).copied().unwrap_or_default();
            assert!(count >= 4, "{lab}, {of:?}: {count}");
        }
    }
}

#[test]
fn each_mistake_is_told_in_the_compilers_own_words() {
    let wrong = problems(&edits(), Edit::problem);
    assert!(
        wrong.is_empty(),
        "{} wrong:\n\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
}

/// A mistake that stands nowhere, or twice, is no mistake that was tried.
#[test]
fn an_edit_that_does_not_fit_is_told() {
    let edit = |find: &str| Edit {
        about: "nothing".to_owned(),
        lab: "lab0".to_owned(),
        of: Of::Starter,
        file: "src/lib.rs".to_owned(),
        find: find.to_owned(),
        replace: String::new(),
        shows: Vec::new(),
        at: None,
    };
    for (find, times) in [("no such text", 0), ("mod ", 3)] {
        let problem = edit(find).edited().expect_err("it does not fit");
        assert!(
            problem.ends_with(&format!("lib.rs, and stands there {times} times")),
            "{problem}"
        );
    }
}
