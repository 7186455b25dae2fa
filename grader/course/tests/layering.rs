//! Who may depend on whom: the table of ARCHITECTURE.md, held against `cargo metadata`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Each package of the workspace and the packages of the workspace that it may use.
const ALLOWED: [(&str, &[&str]); 30] = [
    ("labkit", &[]),
    ("lab0-api", &["labkit"]),
    ("lab0", &["labkit", "lab0-api"]),
    ("lab0-solution", &["labkit", "lab0-api"]),
    ("lab0-variant", &["labkit", "lab0-api"]),
    ("lab1-api", &["labkit"]),
    ("lab1", &["labkit", "lab1-api"]),
    ("lab1-solution", &["labkit", "lab1-api"]),
    ("lab1-variant", &["labkit", "lab1-api"]),
    ("lab2-api", &["labkit"]),
    ("lab2", &["labkit", "lab2-api"]),
    ("lab2-solution", &["labkit", "lab2-api"]),
    ("lab2-variant", &["labkit", "lab2-api"]),
    ("lab3-api", &["labkit"]),
    ("lab3", &["labkit", "lab3-api"]),
    ("lab3-solution", &["labkit", "lab3-api"]),
    ("lab3-variant", &["labkit", "lab3-api"]),
    ("faultline-verdict", &[]),
    ("faultline-check", &[]),
    ("faultline-sim", &["labkit"]),
    (
        "faultline-explore",
        &["labkit", "faultline-sim", "faultline-check"],
    ),
    (
        "faultline-suites",
        &[
            "labkit",
            "lab0-api",
            "lab1-api",
            "lab2-api",
            "lab3-api",
            "faultline-sim",
            "faultline-check",
            "faultline-explore",
            "faultline-labtest",
        ],
    ),
    ("faultline-labtest", &["faultline-sim"]),
    ("faultline-origin", &[]),
    ("faultline-host", &["labkit", "faultline-sim"]),
    ("faultline-intake", &[]),
    ("faultline-report", &["faultline-verdict"]),
    (
        "faultline-grade",
        &[
            "faultline-check",
            "faultline-host",
            "faultline-intake",
            "faultline-labtest",
            "faultline-origin",
            "faultline-sim",
            "faultline-verdict",
        ],
    ),
    (
        "faultline-cli",
        &[
            "faultline-grade",
            "faultline-intake",
            "faultline-labtest",
            "faultline-origin",
            "faultline-report",
            "faultline-verdict",
        ],
    ),
    (
        "faultline",
        &[
            "faultline-cli",
            "faultline-labtest",
            "faultline-origin",
            "faultline-suites",
        ],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the project is above")
        .to_owned()
}

/// The packages of the workspace. (The command itself: the crate that wraps it has features which
/// would make cargo build the wasm engine once more for the tests.)
fn packages() -> Vec<Value> {
    let mut command = Command::new(std::env::var_os("CARGO").expect("cargo runs the tests"));
    let output = command
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output();
    let mut metadata: Value =
        serde_json::from_slice(&output.expect("cargo runs").stdout).expect("cargo writes JSON");
    match metadata["packages"].take() {
        Value::Array(packages) => packages,
        other => panic!("cargo metadata has no packages: {other}"),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[test]
fn every_crate_uses_only_what_the_architecture_allows() {
    let packages = packages();
    let names: BTreeSet<&str> = packages
        .iter()
        .map(|package| text(&package["name"]))
        .collect();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.into_iter().collect();
    let known: BTreeSet<&str> = allowed.keys().copied().collect();
    assert_eq!(
        names, known,
        "every package of the workspace stands in the table and in ARCHITECTURE.md"
    );
    for package in &packages {
        let name = text(&package["name"]);
        for dependency in package["dependencies"].as_array().expect("a list") {
            let other = text(&dependency["name"]);
            // What only the tests use does not reach a student or a result.
            if names.contains(other) && dependency["kind"] != "dev" {
                assert!(
                    allowed[name].contains(&other),
                    "{name} must not depend on {other}"
                );
            }
        }
    }
}

/// `cargo grade` and `cargo test` must agree on the features of what they share, or cargo builds
/// the wasm engine twice.
#[test]
fn tests_need_no_other_build_of_the_wasm_engine() {
    let features = |edges: &str| -> BTreeMap<String, String> {
        let mut command = Command::new(std::env::var_os("CARGO").expect("cargo runs the tests"));
        let arguments = [
            "tree", "--locked", "--prefix", "none", "--format", "{p}|{f}", "--edges", edges,
        ];
        let output = command
            .args(arguments)
            .current_dir(root())
            .output()
            .expect("cargo runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let lines = String::from_utf8(output.stdout).expect("UTF-8");
        let split = |line: &str| {
            line.trim_end_matches(" (*)")
                .split_once('|')
                .map(|(p, f)| (p.to_owned(), f.to_owned()))
        };
        lines.lines().filter_map(split).collect()
    };
    let (run, test) = (features("normal,build"), features("normal,build,dev"));
    assert!(
        run.keys()
            .any(|package| package.starts_with("cranelift-codegen "))
    );
    for (package, features) in &run {
        assert_eq!(
            Some(features),
            test.get(package),
            "{package}: the tests want other features of it"
        );
    }
}

#[test]
fn sources_are_tidy() {
    let mut offences = Vec::new();
    for folder in ["labs", "grader", "solutions"] {
        visit(&root().join(folder), &mut offences);
    }
    assert!(offences.is_empty(), "{offences:#?}");
}

/// Files of at most 600 lines; nothing unfinished outside the starters.
fn visit(folder: &Path, offences: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            visit(&path, offences);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file");
            if text.lines().count() > 600 {
                offences.push(format!("{}: more than 600 lines", path.display()));
            }
            let fixture = path.components().any(|part| part.as_os_str() == "fixtures");
            for word in ["unimplemented!(", "dbg!("] {
                if !fixture && text.lines().any(|line| line.trim_start().starts_with(word)) {
                    offences.push(format!("{}: {word}", path.display()));
                }
            }
        }
    }
}
