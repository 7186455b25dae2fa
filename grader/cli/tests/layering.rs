//! Who may depend on whom: the table of ARCHITECTURE.md, held against `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Each package of the workspace and the packages of the workspace that it may use.
const ALLOWED: [(&str, &[&str]); 12] = [
    ("labkit", &[]),
    ("lab2-api", &["labkit"]),
    ("lab2", &["labkit", "lab2-api"]),
    ("lab2-solution", &["labkit", "lab2-api"]),
    ("faultline-verdict", &[]),
    ("faultline-check", &[]),
    ("faultline-sim", &["labkit"]),
    ("faultline-suites", &["labkit", "lab2-api", "faultline-sim", "faultline-check"]),
    ("faultline-host", &["labkit", "faultline-sim"]),
    ("faultline-report", &["faultline-verdict"]),
    ("faultline-grade", &["faultline-host", "faultline-sim", "faultline-suites", "faultline-verdict"]),
    ("faultline", &["faultline-grade", "faultline-report", "faultline-verdict"]),
];

#[test]
fn every_crate_uses_only_what_the_architecture_allows() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec().expect("cargo metadata runs");
    let names: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.into_iter().collect();
    let known: BTreeSet<&str> = allowed.keys().copied().collect();
    assert_eq!(names, known, "every package of the workspace stands in the table and in ARCHITECTURE.md");
    for package in &metadata.packages {
        for dependency in &package.dependencies {
            let ours = names.contains(dependency.name.as_str());
            // What only the tests use does not reach a student or a result.
            if ours && dependency.kind != DependencyKind::Development {
                let may = allowed[package.name.as_str()].contains(&dependency.name.as_str());
                assert!(may, "{} must not depend on {}", package.name, dependency.name);
            }
        }
    }
}

#[test]
fn sources_are_tidy() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let mut offences = Vec::new();
    for folder in ["labs", "grader", "solutions"] {
        visit(&std::path::Path::new(root).join(folder), &mut offences);
    }
    assert!(offences.is_empty(), "{offences:#?}");
}

/// Files of at most 600 lines; nothing unfinished outside the starters.
fn visit(folder: &std::path::Path, offences: &mut Vec<String>) {
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
