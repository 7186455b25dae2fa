//! Which tier tries what: `cargo test`, the stages of `.ci/run`, the runs of `.ci/long`. Whatever a
//! `cargo test` leaves out is made by one of the others, and CONTRIBUTING.md tells of each.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use faultline_grade::Course;

use super::{
    read, root,
    yaml::{get, steps, text, workflow},
};

/// Whether `cargo test` makes each check of the registered labs.
fn checks() -> BTreeMap<String, bool> {
    let checks = faultline_selfcheck::checks(Course {
        root: root(),
        suites: faultline::suites(),
        origin: faultline::origin(),
    });
    let always = checks
        .iter()
        .map(|check| (check.name().to_owned(), !check.has_ignored_flag()));
    always.collect()
}

/// All files of the project.
fn files() -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of the project") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name");
            match path.is_dir() {
                true if ["target", ".git", "node_modules"]
                    .iter()
                    .any(|own| name == *own) => {}
                true => folders.push(path),
                false => found.push(path),
            }
        }
    }
    found
}

#[test]
fn every_wrong_solution_is_tried_in_a_tier() {
    let checks = checks();
    let mut tried = BTreeSet::new();
    for path in files() {
        let inside = path.strip_prefix(root()).expect("it is in the project");
        let parts: Vec<&str> = inside.iter().filter_map(|part| part.to_str()).collect();
        match parts[..] {
            ["solutions", lab, "mutants", file] => {
                let name = file.trim_end_matches(".patch");
                let check = format!("{lab}::wrong::{name}");
                assert!(checks.contains_key(&check), "no tier has {file} of {lab}");
                tried.insert(check);
            }
            // Of these, the test `new_lab` tries all that there are.
            [.., "template", "solutions", "tally", "mutants", _] => {}
            [.., "mutants", _] => panic!("nobody tries {}", inside.display()),
            _ => {}
        }
    }
    let all = checks.keys().filter(|check| check.contains("::wrong::"));
    assert!(tried.iter().eq(all), "each is a file");
}

/// A suite that has gone blind shows at once, and so does one that a correct program fails.
#[test]
fn every_cargo_test_tries_each_lab() {
    let checks = checks();
    for suite in faultline::suites() {
        let lab = suite.lab;
        let always = |check: &&String| checks[*check] && check.starts_with(lab);
        let wrong = checks.keys().filter(always);
        assert_eq!(wrong.filter(|check| check.contains("::wrong::")).count(), 1);
        assert!(checks[&format!("{lab}::reference_scores_everything")]);
    }
}

/// The target of cargo in which each test that is ignored stands.
fn targets_with_ignored_tests() -> BTreeSet<String> {
    // What students write has tests of its own, which they may take in.
    let theirs = ["starter", "solutions"].map(|folder| root().join(folder));
    let has = |path: &&PathBuf| {
        let source = path.extension().is_some_and(|end| end == "rs")
            && !theirs.iter().any(|folder| path.starts_with(folder));
        source && read(path).contains("#[ignore")
    };
    let target = |path: &PathBuf| -> String {
        let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
        let tests = parts.iter().rposition(|part| *part == "tests");
        let below = tests.map(|tests| parts[tests + 1]);
        let target = below.unwrap_or_else(|| panic!("no stage makes tests of {path:?}"));
        target.trim_end_matches(".rs").to_owned()
    };
    let own = PathBuf::from("workflows");
    let all = files();
    let all = all.iter().filter(has).map(target);
    all.filter(|target| Path::new(target) != own).collect()
}

/// The script's stage, with a cargo that only writes down what it is asked.
#[cfg(unix)]
fn stage(arguments: &[&str], cargo: &str) -> (Option<i32>, String) {
    let fakes = super::Fakes::new(&[("cargo", cargo), ("rustup", "exit 0")]);
    fakes.run(".ci/run", arguments)
}

#[cfg(unix)]
const WRITES_DOWN: &str = "echo \"cargo $*\"";

#[cfg(unix)]
#[test]
fn what_cargo_test_leaves_out_is_a_stage() {
    let asked = |name: &str| -> Vec<String> {
        let (code, out) = stage(&[name], WRITES_DOWN);
        assert_eq!(code, Some(0), "{out}");
        let lines = out.lines().filter(|line| line.starts_with("cargo "));
        lines.map(str::to_owned).collect()
    };
    // What README tells a developer to type.
    let readme = read(&root().join("README.md"));
    assert_eq!(asked("tests"), ["cargo test"]);
    assert!(readme.contains("```sh\ncargo test\n```"));
    // The self-check has a harness of its own and says itself what it leaves out.
    let mut left_out = targets_with_ignored_tests();
    assert!(left_out.insert("course".to_owned()));
    let mut made = BTreeSet::new();
    for name in ["self-check", "hostile", "stress", "release"] {
        let asked = asked(name);
        assert_eq!(asked.len(), 1, "{asked:?}");
        let rest = asked[0].strip_prefix("cargo test --test ");
        let rest = rest.and_then(|rest| rest.strip_suffix(" -- --ignored"));
        let rest = rest.unwrap_or_else(|| panic!("{name}: {asked:?}"));
        made.extend(rest.split(" --test ").map(str::to_owned));
    }
    // What takes longer still is made every night.
    for name in long_runs() {
        let fakes = super::Fakes::new(&[("cargo", WRITES_DOWN)]);
        let (code, out) = fakes.run(".ci/long", &[&name]);
        assert_eq!(code, Some(0), "{out}");
        let words: Vec<&str> = out.split_whitespace().collect();
        if words.contains(&"--ignored") || words.contains(&"--include-ignored") {
            let targets = words.windows(2).filter(|pair| pair[0] == "--test");
            made.extend(targets.map(|pair| pair[1].to_owned()));
        }
    }
    assert_eq!(made, left_out);
}

/// The names that `.ci/long` gives.
#[cfg(unix)]
fn long_runs() -> Vec<String> {
    let long = Command::new("bash").arg(root().join(".ci/long")).output();
    let long = String::from_utf8(long.expect("bash is there").stdout).expect("UTF-8");
    long.lines().map(str::to_owned).collect()
}

#[cfg(unix)]
#[test]
fn each_stage_says_how_long_it_took() {
    let (code, out) = stage(&["formatting", "lints"], WRITES_DOWN);
    assert_eq!(code, Some(0), "{out}");
    for name in ["tools", "formatting", "lints", "whole"] {
        let row = |line: &&str| line.starts_with(&format!("{name} ")) && line.ends_with(" s");
        assert_eq!(out.lines().filter(row).count(), 1, "{name}: {out}");
    }
    // So does one that fails, and it is the last.
    let (code, out) = stage(&["formatting", "lints", "tests"], "[ $1 = fmt ]");
    assert_eq!(code, Some(1), "{out}");
    let last: Vec<&str> = out.lines().rev().take(2).collect();
    assert!(last[0].starts_with("whole "), "{out}");
    assert!(
        last[1].starts_with("lints ") && last[1].ends_with(" s   failed"),
        "{out}"
    );
    let (code, out) = stage(&["nonsense"], WRITES_DOWN);
    assert_eq!(
        (code, out.as_str()),
        (Some(2), ""),
        "there is no such stage"
    );
}

#[test]
fn each_push_makes_every_stage() {
    workflow("ci", |ci| {
        let steps = steps(get(get(ci, "jobs"), "test"));
        let run = steps.iter().filter_map(|step| text(step, "run"));
        assert_eq!(run.collect::<Vec<_>>(), ["bash .ci/run"]);
        assert!(get(ci, "on").as_mapping_get("push").is_some());
    });
}

/// Without a name, all of them; and none is without a row.
#[cfg(unix)]
#[test]
fn contributors_are_told_of_each_stage_and_of_each_long_run() {
    let (code, names) = stage(&["--list"], WRITES_DOWN);
    assert_eq!(code, Some(0));
    let script = read(&root().join(".ci/run"));
    let all = names.lines().collect::<Vec<_>>().join(" ");
    assert!(script.contains(&format!("\nall=({all})\n")), "{all}");
    assert!(
        script.contains("stages=(\"${@:-\"${all[@]}\"}\")"),
        "without a name it makes all"
    );
    let contributing = read(&root().join("CONTRIBUTING.md"));
    let rows: BTreeSet<&str> = contributing.lines().filter_map(first_cell).collect();
    for name in names.lines() {
        assert!(
            rows.contains(&*format!("`.ci/run {name}`")),
            "{name}: {rows:?}"
        );
    }
    let labs: Vec<&str> = faultline::suites().iter().map(|suite| suite.lab).collect();
    for name in long_runs() {
        let lab = labs.iter().find(|lab| name.ends_with(*lab));
        let name = lab.map_or(name.clone(), |lab| name.replace(lab, "LAB"));
        assert!(
            rows.contains(&*format!("`.ci/long {name}`")),
            "{name}: {rows:?}"
        );
    }
    assert!(rows.contains("`cargo test`"));
}

#[cfg(unix)]
fn first_cell(row: &str) -> Option<&str> {
    let (cell, _) = row.strip_prefix("| ")?.split_once(" |")?;
    Some(cell)
}
