//! Who may depend on whom: the table of ARCHITECTURE.md itself, held against `cargo metadata`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// A row of the table: a package, and which others it may use. `LAB` stands for a lab, the same one
/// in both columns.
struct Row {
    package: String,
    may_use: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the project is above")
        .to_owned()
}

/// The table under "Who may know whom", in which every package stands in backticks.
fn table() -> Vec<Row> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("it is there");
    let (_, rest) = text
        .split_once("| crate | may use |")
        .expect("the table begins with these two columns");
    let rows = rest.lines().skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let mut table = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        assert_eq!(cells.len(), 2, "{row}");
        for package in in_backticks(cells[0]) {
            let may_use = in_backticks(cells[1]);
            table.push(Row { package, may_use });
        }
    }
    assert!(table.len() > 10, "the table has more than ten packages");
    table
}

fn in_backticks(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// The labs: those with a rubric, and the one that new labs are copies of.
fn labs() -> Vec<String> {
    let mut labs = Vec::new();
    for folder in ["rubrics", "grader/newlab/template/rubrics"] {
        let rubrics = std::fs::read_dir(root().join(folder)).expect("the folder is there");
        for rubric in rubrics {
            let path = rubric.expect("an entry").path();
            let lab = path.file_stem().expect("a name");
            labs.push(lab.to_string_lossy().into_owned());
        }
    }
    labs
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

/// As the table calls it: `sim` for `faultline-sim`, `course` for the program.
fn short(package: &str) -> &str {
    match package {
        "faultline" => "course",
        other => other.strip_prefix("faultline-").unwrap_or(other),
    }
}

/// What a package may use, in the table's words with the lab put in.
fn allowed(table: &[Row], labs: &[String], package: &str) -> Option<Vec<String>> {
    if let Some(row) = table.iter().find(|row| row.package == package) {
        // One that belongs to no lab in particular may use those of all.
        let of_all = |pattern: &String| match pattern.contains("LAB") {
            true => labs.iter().map(|lab| pattern.replace("LAB", lab)).collect(),
            false => vec![pattern.clone()],
        };
        return Some(row.may_use.iter().flat_map(of_all).collect());
    }
    let of_lab = |lab: &String| {
        let is_it = |row: &&Row| row.package.replace("LAB", lab) == package;
        let row = table.iter().find(is_it)?;
        let with_lab = |pattern: &String| pattern.replace("LAB", lab);
        Some(row.may_use.iter().map(with_lab).collect())
    };
    labs.iter().find_map(of_lab)
}

#[test]
fn every_crate_uses_only_what_the_architecture_allows() {
    let (table, labs, packages) = (table(), labs(), packages());
    let names = packages.iter().map(|package| text(&package["name"]));
    let names: BTreeMap<&str, &str> = names.map(|name| (name, short(name))).collect();
    for package in &packages {
        let name = names[text(&package["name"])];
        let allowed = allowed(&table, &labs, name)
            .unwrap_or_else(|| panic!("{name} does not stand in the table of ARCHITECTURE.md"));
        for dependency in package["dependencies"].as_array().expect("a list") {
            let Some(other) = names.get(text(&dependency["name"])) else {
                continue;
            };
            // What only the tests use does not reach a student or a result.
            if dependency["kind"] == "dev" {
                continue;
            }
            assert!(
                allowed.iter().any(|allowed| allowed == other),
                "{name} must not depend on {other}: the table of ARCHITECTURE.md allows {allowed:?}"
            );
        }
    }
    for row in table.iter().filter(|row| !row.package.contains("LAB")) {
        let there = names.values().any(|name| *name == row.package);
        assert!(there, "the table of ARCHITECTURE.md has `{}`", row.package);
    }
}

/// Each package that is built, with the sets of features that it is built with: one for the
/// program, and perhaps another for what runs while it is built.
fn features(of: &[&str], edges: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut command = Command::new(std::env::var_os("CARGO").expect("cargo runs the tests"));
    let arguments = [
        "tree", "--locked", "--prefix", "none", "--format", "{p}|{f}", "--edges", edges,
    ];
    let output = command
        .args(arguments)
        .args(of)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in lines.lines() {
        if let Some((package, features)) = line.trim_end_matches(" (*)").split_once('|') {
            let sets = all.entry(package.to_owned()).or_default();
            sets.insert(features.to_owned());
        }
    }
    all
}

/// A student's `cargo grade`, the program with all commands and `cargo test` must agree on the
/// features of what they share, or cargo builds the wasm engine twice.
#[test]
fn nothing_needs_another_build_of_the_wasm_engine() {
    let run = features(&["--package", "faultline"], "normal,build");
    let engine = |package: &String| package.starts_with("cranelift-codegen ");
    assert!(run.keys().any(engine));
    let more = [
        (
            "grader/full",
            &["--package", "faultline-full"][..],
            "normal,build",
        ),
        ("the workspace", &["--workspace"], "normal,build"),
        ("the tests", &["--workspace"], "normal,build,dev"),
    ];
    for (who, of, edges) in more {
        let theirs = features(of, edges);
        for (package, ours) in &run {
            let theirs = &theirs[package];
            assert_eq!(ours, theirs, "{package}: {who} wants other features of it");
        }
    }
}

/// What only course staff need is not built for students.
#[test]
fn a_student_waits_for_nothing_of_the_staff() {
    let (run, full) = (
        features(&["--package", "faultline"], "normal,build"),
        features(&["--package", "faultline-full"], "normal,build"),
    );
    for heavy in [
        "faultline-intake ",
        "gix-odb ",
        "zip ",
        "serde-saphyr ",
        "jiff ",
    ] {
        let has = |all: &BTreeMap<String, _>| all.keys().any(|package| package.starts_with(heavy));
        assert!(has(&full) && !has(&run), "{heavy}");
    }
}
