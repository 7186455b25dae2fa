//! Tests are called `lab2/put_append_get`, and what was graded last need not be said again: `hint`,
//! `replay` and `watch` know it.
#![cfg(unix)]

#[allow(dead_code, reason = "other tests use the rest")]
mod support;

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use support::{Ran, cargo_grade, cargo_grade_in, changed, root};

const TEST: &str = "retries_survive_a_lossy_network";

/// This project under another path: what was graded last is its own, since other tests grade in the
/// project at the same time.
struct Project(TempDir);

impl Project {
    fn new() -> Project {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for part in [
            "labs",
            "rubrics",
            "grader",
            "starter",
            "solutions",
            "Cargo.toml",
            "Cargo.lock",
            "rust-toolchain.toml",
        ] {
            symlink(root().join(part), folder.path().join(part)).expect("a new link");
        }
        fs::create_dir(folder.path().join("target")).expect("a new folder");
        Project(folder)
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.0.path().join(inside)
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        cargo_grade_in(&self.path("grader/course"), arguments)
    }

    /// What the command says in words when it cannot be carried out.
    fn refused(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
        ran.err
    }

    /// Changes a field of a JSON file, and keeps the result as this file.
    fn with(&self, from: &Path, changes: &[(&str, Value)], to: &Path) {
        let bytes = fs::read(from).expect("it is there");
        let mut json: Value = serde_json::from_slice(&bytes).expect("JSON");
        for (field, value) in changes {
            json[*field] = value.clone();
        }
        fs::create_dir_all(to.parent().expect("a folder")).expect("a new folder");
        fs::write(to, json.to_string()).expect("a new file");
    }
}

#[test]
fn before_anything_was_graded_there_is_nothing_to_go_on_with() {
    let project = Project::new();
    for (arguments, expected) in [
        (&["replay"][..], "nothing has been graded here yet"),
        (&["watch"], "`cargo grade watch LAB`"),
        (
            &["hint", "put_append_get"],
            "`cargo grade hint lab2/put_append_get` or `cargo grade hint",
        ),
        (
            &["hint", "lab3/put_append_get"],
            "run `cargo grade lab3 put_append_get` first",
        ),
        (
            &["replay", "lab3/put_append_get"],
            "lab3/put_append_get has left no failure to replay",
        ),
        (
            &["hint", "lab3/put_apend_get"],
            "did you mean `put_append_get`?",
        ),
    ] {
        let error = project.refused(arguments);
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
}

#[test]
fn a_filter_of_another_lab_selects_nothing() {
    let ran = cargo_grade(&["lab2", "lab3/put_append_get"]);
    let expected = "names a test of \"lab3\", and this is about lab2";
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.err.contains(expected), "{}", ran.err);
    let ran = cargo_grade(&["lab2", "lab2/put_append_get", "--list"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
}

#[test]
fn a_failure_is_found_again_by_its_name() {
    let project = Project::new();
    let folder = changed(
        "server.rs",
        &[(
            "if operation.number == *last => return Some(output.clone())",
            "if false => return Some(output.clone())",
        )],
    );
    let traces = folder.path().join("traces");
    let name = format!("lab2/{TEST}");
    let text = |path: &Path| path.to_str().expect("a plain path").to_owned();
    let graded = project.run(&[
        "lab2",
        &name,
        "--path",
        &text(folder.path()),
        "--seeds",
        "8",
        "--report",
        "none",
        "--traces",
        &text(&traces),
    ]);
    assert_eq!(graded.code, 1, "{}{}", graded.out, graded.err);

    let file = traces.join(format!("{TEST}.trace.json"));
    the_last_run_is_asked(&project, &file);
    the_lab_that_was_graded_last_is_asked(&project, &file);

    let last = project.path("target/grade/last.json");
    project.with(&last, &[("format", 9.into())], &last);
    for arguments in [&["hint", TEST][..], &["replay"], &["watch"]] {
        let error = project.refused(arguments);
        assert!(
            error.contains("it has format 9, this grader reads 1"),
            "{error}"
        );
    }
}

/// The first failure, the test by either name and the file are the same; `hint` looks where the
/// last run put its traces.
fn the_last_run_is_asked(project: &Project, file: &Path) {
    let name = format!("lab2/{TEST}");
    let text = |path: &Path| path.to_str().expect("a plain path").to_owned();
    let by_path = project.run(&["replay", &text(file)]);
    assert!(
        by_path.out.contains("The same failure as in the trace."),
        "{}",
        by_path.out
    );
    for arguments in [&["replay"][..], &["replay", &name], &["replay", TEST]] {
        let ran = project.run(arguments);
        assert_eq!(
            (ran.code, &ran.out),
            (1, &by_path.out),
            "{arguments:?}: {}",
            ran.err
        );
    }
    for test in [TEST, &name] {
        let ran = project.run(&["hint", test]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(
            ran.out.contains("labs/lab2-primary-backup/README.md#"),
            "{}",
            ran.out
        );
    }
}

/// After a failure in lab 3 it is the test of lab 3.
fn the_lab_that_was_graded_last_is_asked(project: &Project, file: &Path) {
    let last = project.path("target/grade/last.json");
    let other = project.path("target/grade/lab3/put_append_get.trace.json");
    project.with(
        file,
        &[("lab", "lab3".into()), ("test", "put_append_get".into())],
        &other,
    );
    let error = project.refused(&["hint", "put_append_get"]);
    assert!(
        error.contains("hint lab3/put_append_get`"),
        "lab2 was graded last: {error}"
    );
    project.with(
        &last,
        &[
            ("lab", "lab3".into()),
            ("traces", "target/grade/lab3".into()),
        ],
        &last,
    );
    let ran = project.run(&["hint", "put_append_get"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.contains("labs/lab3-paxos/README.md#"),
        "{}",
        ran.out
    );
}

#[test]
fn a_watch_goes_on_with_what_was_graded_last() {
    let project = Project::new();
    let solution = root().join("solutions/lab0");
    let solution = solution.to_str().expect("a plain path");
    let arguments = [
        "lab0",
        "a_ping_is_answered",
        "--path",
        solution,
        "--report",
        "none",
    ];
    let graded = project.run(&arguments);
    assert_eq!(graded.code, 0, "{}{}", graded.out, graded.err);
    let mut child = Command::new(env!("CARGO_BIN_EXE_faultline"))
        .arg("watch")
        .env("CARGO_MANIFEST_DIR", project.path("grader/course"))
        .env("COLUMNS", "100")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the grader runs");
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut seen = String::new();
    for line in lines.map_while(Result::ok) {
        seen += &format!("{line}\n");
        if line.contains("edit to verdict ") {
            break;
        }
    }
    let _gone = child.kill();
    let _status = child.wait();
    assert!(
        seen.contains("lab0") && seen.contains("pass  all "),
        "{seen}"
    );
}
