//! `--timings` tells where the time of a grade went, and changes nothing of what is written.

#[allow(dead_code, reason = "other tests use the rest")]
mod support;

use std::{fs, path::Path};

use support::{cargo_grade, root};

/// Grades the reference of lab0 into this folder; what was printed.
fn graded(folder: &Path, more: &[&str]) -> String {
    fs::create_dir(folder).expect("a new folder");
    let solution = root().join("solutions/lab0");
    let [solution, json, page, traces] = [
        solution,
        folder.join("grade.json"),
        folder.join("page.html"),
        folder.join("traces"),
    ]
    .map(|path| path.to_str().expect("a plain path").to_owned());
    let arguments = [
        "lab0", "--seeds", "2", "--path", &solution, "--json", &json, "--report", &page,
        "--traces", &traces,
    ];
    let ran = cargo_grade(&[&arguments, more].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    ran.out
}

#[test]
fn timings_list_the_stages_in_order_and_no_report_differs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (with, without) = (folder.path().join("with"), folder.path().join("without"));
    let told = graded(&with, &["--timings"]);
    let untold = graded(&without, &[]);
    for file in ["grade.json", "page.html"] {
        let read = |folder: &Path| fs::read(folder.join(file)).expect("it is written");
        assert!(read(&with) == read(&without), "{file} differs");
    }
    assert!(!untold.contains("whole"), "only who asks is told: {untold}");
    let (_, table) = told.split_once("    stage ").expect("a table");
    let rows: Vec<(&str, f64)> = table
        .lines()
        .skip(1)
        .take(9)
        .map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next().expect("a stage");
            let seconds = words.next().expect("its time");
            (name, seconds.parse().expect("seconds"))
        })
        .collect();
    let names: Vec<&str> = rows.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "prepare", "compile", "load", "run", "explore", "verify", "shrink", "report", "whole"
        ]
    );
    let of = |name: &str| rows.iter().find(|row| row.0 == name).expect("listed").1;
    for stage in ["compile", "load", "run"] {
        assert!(of(stage) > 0.0, "{stage}: {told}");
    }
    for stage in ["explore", "verify", "shrink"] {
        assert_eq!(of(stage), 0.0, "nothing of that happens in lab0: {told}");
    }
    let one_after_the_other = ["prepare", "compile", "load", "run", "report"].map(of);
    // Each is rounded down, and so is the whole.
    assert!(
        one_after_the_other.iter().sum::<f64>() <= of("whole") + 0.001,
        "{told}"
    );
}
