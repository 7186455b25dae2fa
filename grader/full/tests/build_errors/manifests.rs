//! What a submission's own manifest asks for has no effect, and is named.

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use super::{DOES_NOT_BUILD, grader, root, text};

/// The exit code of a path that is no submission.
const USAGE: i32 = 2;

/// Asks for much in vain.
const ASKING: &str = r#"
[package]
name = "my-lab0"
version = "0.1.0"
edition = "2021"

[features]
fast = []

[dependencies]
labkit = { path = "../../labs/labkit" }
lab0-api = { path = "../../labs/lab0-warm-up" }
serde = "1"
rand = "0.8"

[profile.dev]
overflow-checks = false
"#;

const WISHES: [&str; 5] = [
    "Cargo.toml: it calls the crate `my-lab0`, but it is compiled as `lab0`",
    "Cargo.toml: it asks for the edition `2021`, but submissions are compiled with 2024",
    "Cargo.toml: it asks for the crate `rand` 0.8, but submissions are linked with labkit, \
     lab0-api and serde only",
    "Cargo.toml: it has the feature `fast`, but submissions are compiled without any",
    "Cargo.toml: it has a section `[profile]`, but submissions are compiled with one profile",
];

/// The reference of lab 0 with this manifest.
fn reference(manifest: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = root().join("solutions/lab0/src");
    fs::create_dir(folder.path().join("src")).expect("a new folder");
    for entry in fs::read_dir(source).expect("it is there") {
        let entry = entry.expect("an entry");
        let target = folder.path().join("src").join(entry.file_name());
        fs::copy(entry.path(), target).expect("a source file");
    }
    fs::write(folder.path().join("Cargo.toml"), manifest).expect("a new file");
    folder
}

/// What came of a submission: the exit code, the screen, the JSON and the page.
struct Graded {
    code: i32,
    screen: String,
    json: Value,
    page: String,
}

/// Runs part A, which takes a moment.
fn graded(submission: &Path) -> Graded {
    let out = tempfile::tempdir().expect("a temporary folder");
    let [json, page] = ["result.json", "report.html"].map(|name| out.path().join(name));
    let (code, screen) = grader(&[
        "lab0",
        "A",
        "--path",
        text(submission),
        "--traces",
        text(out.path()),
        "--json",
        text(&json),
        "--report",
        text(&page),
    ]);
    let read = |file| fs::read_to_string(file).unwrap_or_else(|error| panic!("{error}: {screen}"));
    let json = serde_json::from_str(&read(json)).expect("JSON");
    let page = read(page);
    Graded {
        code,
        screen,
        json,
        page,
    }
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_a_good_build_did_not_get_is_left_out() {
    let Graded {
        code,
        screen,
        json,
        page,
    } = graded(reference(ASKING.as_bytes()).path());
    assert_eq!(code, 0, "{screen}");
    assert_eq!(json["left_out"], serde_json::json!(WISHES));
    for wish in WISHES {
        assert_eq!(flat(&screen).matches(wish).count(), 1, "{wish}: {screen}");
        assert!(page.contains(wish), "{wish}");
    }
    assert!(
        screen.lines().all(|line| line.chars().count() <= 100),
        "{screen}"
    );
}

#[test]
fn what_a_failed_build_did_not_get_stands_below_the_errors_once() {
    let submission = reference(ASKING.as_bytes());
    let library = submission.path().join("src/lib.rs");
    let source = fs::read_to_string(&library).expect("it is there");
    fs::write(&library, source + "\nuse rand::Rng;\n").expect("it can be written");
    let Graded {
        code,
        screen,
        json,
        page,
    } = graded(submission.path());
    assert_eq!(code, DOES_NOT_BUILD, "{screen}");
    assert_eq!(json["left_out"], serde_json::json!(WISHES));
    let error = json["build_error"].as_str().expect("it does not build");
    assert!(error.contains("unresolved import `rand`"), "{error}");
    assert!(
        error.lines().all(|line| line.chars().count() <= 80),
        "{error}"
    );
    for wish in WISHES {
        for text in [error, &screen] {
            assert_eq!(flat(text).matches(wish).count(), 1, "{wish}: {text}");
        }
        assert!(page.contains(wish), "{wish}");
    }
}

#[test]
fn the_courses_own_manifests_ask_for_nothing() {
    for folder in ["starter/lab0", "solutions/lab0", "solutions/lab0-variant"] {
        let Graded { screen, json, .. } = graded(&root().join(folder));
        assert_eq!(json.get("left_out"), None, "{folder}: {screen}");
        assert!(!screen.contains("Cargo.toml"), "{folder}: {screen}");
    }
}

/// The program counts, whatever its manifest is like.
#[test]
fn a_manifest_that_nobody_can_read_stands_in_nobodys_way() {
    let long = format!("# {}\n", "x".repeat(100_000));
    let deep = format!("a = {}", "[".repeat(60_000));
    for (manifest, why) in [
        (
            &b"[package\n"[..],
            "it is not valid TOML (line 1), so nobody knows what it asks for",
        ),
        (
            b"\xff\xfe[\x00p\x00",
            "it is not UTF-8 text: nobody reads it",
        ),
        (long.as_bytes(), "it is longer than 64 KiB: nobody reads it"),
        (
            deep.as_bytes(),
            "it is not valid TOML (line 1), so nobody knows what it asks for",
        ),
    ] {
        let Graded {
            code, screen, json, ..
        } = graded(reference(manifest).path());
        assert_eq!(code, 0, "{screen}");
        assert_eq!(
            json["left_out"],
            serde_json::json!([format!("Cargo.toml: {why}")])
        );
    }
    // A folder without one is no crate, which its author can mend.
    let submission = reference(b"");
    fs::remove_file(submission.path().join("Cargo.toml")).expect("it is there");
    let (code, said) = grader(&["lab0", "A", "--path", text(submission.path())]);
    assert_eq!(code, USAGE, "{said}");
    assert!(said.contains("it has no `Cargo.toml`"), "{said}");
}
