//! `cargo grade batch` and `merge` on a class that is made up.

#[path = "../class/mod.rs"]
mod class;
mod folder;
mod graded;
mod interruptions;
#[path = "../../../course/tests/support/mod.rs"]
mod support;

use std::{fs, path::Path};

use serde_json::Value;

use class::Sort;
use graded::{GRADED, assert_same, files_of, text};
use support::{cargo_grade, changed};

#[test]
fn each_student_has_the_row_that_they_deserve() {
    let class = &*GRADED;
    assert_eq!(
        class.ran.code, 5,
        "somebody is rejected: {}{}",
        class.ran.out, class.ran.err
    );
    let rows = class.rows();
    assert_eq!(rows.len(), class.students.len());
    for (login, sort) in &class.students {
        let row = rows
            .iter()
            .find(|row| row["login"] == login.as_str())
            .expect("a row for each");
        let earned = row["score"]["earned"].as_u64().expect("a number");
        let (status, points) = match sort {
            Sort::Reference | Sort::Variant | Sort::Late | Sort::Extended | Sort::Team => {
                ("graded", 100..=100)
            }
            Sort::Wrong => ("graded", 1..=99),
            Sort::Starter => ("graded", 0..=0),
            Sort::Broken => ("does-not-build", 0..=0),
            Sort::Hostile => ("rejected", 0..=0),
            Sort::Missing => ("missing", 0..=0),
        };
        assert_eq!(row["status"], status, "{login}: {row}");
        assert!(points.contains(&earned), "{login}, {sort:?}: {row}");
        let is_late = row["late_s"].as_u64().is_some_and(|late| late > 0);
        assert!(!is_late, "what was graded is in time: {row}");
    }
}

#[test]
fn a_team_shares_its_submission_and_who_is_late_has_a_commit() {
    let class = &*GRADED;
    let rows = class.rows();
    let of = |sort| -> Vec<&Value> {
        let is_one = |row: &&Value| {
            class
                .students
                .iter()
                .any(|(login, own)| *own == sort && row["login"] == login.as_str())
        };
        rows.iter().filter(is_one).collect()
    };
    let team: Vec<&Value> = of(Sort::Team)
        .into_iter()
        .map(|row| &row["submission"])
        .collect();
    assert!(
        team.len() == 2 && team[0] == team[1] && !team[0].is_null(),
        "{team:?}"
    );
    assert!(of(Sort::Late).iter().all(|row| row["commit"].is_string()));
}

#[test]
fn what_is_printed_says_how_sure_it_is_and_why_somebody_is_rejected() {
    let said = &GRADED.ran.out;
    assert!(said.contains("reference 100/100, starter 0/100"), "{said}");
    assert!(
        said.contains("include_str"),
        "why somebody is rejected: {said}"
    );
}

#[test]
fn the_folders_that_are_handed_out_tell_nothing_of_hidden_tests() {
    for (name, bytes) in &GRADED.files {
        let bytes = String::from_utf8_lossy(bytes);
        if name.starts_with("students/") && name.ends_with("result.json") {
            let result: Value = serde_json::from_str(&bytes).expect("JSON");
            for verdict in result["tests"].as_array().expect("a list") {
                let public = verdict["visibility"].is_null();
                assert!(
                    public || (verdict["failure"].is_null() && verdict["title"] == "hidden test"),
                    "{name}: {verdict}"
                );
            }
            assert!(!bytes.contains("staff/"), "{name}");
        }
    }
}

#[test]
fn staff_have_the_result_the_page_and_the_record_of_a_wrong_solution() {
    let class = &*GRADED;
    let rows = class.rows();
    let wrong = rows
        .iter()
        .find(|row| row["status"] == "graded" && row["score"]["earned"].as_u64() < Some(99));
    let id = wrong.expect("somebody is wrong")["submission"]
        .as_str()
        .expect("an id")
        .to_owned();
    for name in ["result.json", "report.html", "record.json"] {
        assert!(
            class.files.contains_key(&format!("staff/{id}/{name}")),
            "{name}"
        );
    }
}

#[test]
fn a_class_that_is_done_is_not_graded_again() {
    let class = &*GRADED;
    let ran = class.run("whole", &[]);
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    assert!(
        !ran.out.contains("self-check"),
        "nothing is graded, so nothing has to be sure: {}",
        ran.out
    );
    assert_same(
        &files_of(&class.out("whole")),
        &class.files,
        "after doing nothing",
    );
    let planned = class.run("whole", &["--dry-run"]);
    assert_eq!(planned.code, 0, "{}{}", planned.out, planned.err);
    assert!(
        planned.out.contains("0 to grade") && planned.out.contains("nothing was run"),
        "{}",
        planned.out
    );
}

#[test]
#[ignore = "it grades the class once more"]
fn four_shards_joined_are_one_class() {
    let class = &*GRADED;
    let shards: Vec<String> = (1..=4).map(|part| format!("shard-{part}")).collect();
    for (part, out) in (1..=4).zip(&shards) {
        let ran = class.run(class.begun(out), &["--shard", &format!("{part}/4")]);
        // Only who is rejected is trouble, and only of the shard that has them.
        let rejected = ran
            .out
            .lines()
            .any(|line| line.trim_start().starts_with("rejected"));
        let expected = if rejected { 5 } else { 0 };
        assert_eq!(ran.code, expected, "{part}: {}{}", ran.out, ran.err);
        assert!(!ran.out.contains(": pending"), "{part}: {}", ran.out);
        assert!(
            ran.out.contains("graded by other shards"),
            "{part}: {}",
            ran.out
        );
    }
    let folders: Vec<String> = shards.iter().map(|out| text(&class.out(out))).collect();
    let joined = text(&class.out("joined"));
    let arguments: Vec<&str> = ["merge", &joined]
        .into_iter()
        .chain(folders.iter().map(String::as_str))
        .collect();
    let ran = cargo_grade(&arguments);
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    assert_same(&files_of(&class.out("joined")), &class.files, "joined");
    // One of them alone leaves the others pending.
    let ran = cargo_grade(&["merge", &text(&class.out("alone")), &folders[0]]);
    assert!(
        ran.code == 5 && ran.out.contains("pending"),
        "{}{}",
        ran.out,
        ran.err
    );
    // Results that contradict each other are no class.
    let record = fs::read_dir(class.out("shard-1").join("staff"))
        .expect("a folder")
        .next()
        .expect("a result")
        .expect("an entry");
    let copied = class.out("shard-2").join("staff").join(record.file_name());
    fs::create_dir_all(&copied).expect("a new folder");
    for name in ["record.json", "result.json"] {
        fs::copy(record.path().join(name), copied.join(name)).expect("a file");
    }
    let changed = fs::read_to_string(copied.join("record.json"))
        .expect("a file")
        .replace("\"earned\": ", "\"earned\": 1");
    fs::write(copied.join("record.json"), changed).expect("a file");
    let ran = cargo_grade(&[
        "merge",
        &text(&class.out("contradiction")),
        &folders[0],
        &folders[1],
    ]);
    assert!(
        ran.code == 2 && ran.err.contains("record.json was changed or damaged"),
        "{}{}",
        ran.out,
        ran.err
    );
    assert!(!class.out("contradiction").exists(), "nothing was written");
}

#[test]
fn a_changed_or_damaged_result_is_made_again_and_no_other() {
    let class = &*GRADED;
    let rows = class.rows();
    let id = |status: &str| {
        let row = rows
            .iter()
            .find(|row| row["status"] == status)
            .expect("somebody has this status");
        row["submission"].as_str().expect("an id").to_owned()
    };
    copy_folder(&class.out("whole"), &class.out("damaged"));
    let victim = id("does-not-build");
    let result = class
        .out("damaged")
        .join(format!("staff/{victim}/result.json"));
    let text = fs::read_to_string(&result).expect("a result").replacen(
        "\"earned\": 0",
        "\"earned\": 100",
        1,
    );
    fs::write(&result, text).expect("a file");
    let planned = class.run("damaged", &["--dry-run"]);
    assert!(
        planned.out.contains("1 to grade") && planned.out.contains("changed or damaged"),
        "{}",
        planned.out
    );
    let ran = class.run("damaged", &[]);
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    assert_same(&files_of(&class.out("damaged")), &class.files, "mended");
    // Of others nothing is touched, even if one is graded afresh.
    let ran = class.run("damaged", &["--only", &victim, "--fresh"]);
    assert!(
        ran.out
            .lines()
            .filter(|line| line.starts_with("does not build"))
            .count()
            == 1,
        "{}",
        ran.out
    );
    assert!(!ran.out.contains("  graded  "), "{}", ran.out);
    assert_same(
        &files_of(&class.out("damaged")),
        &class.files,
        "graded afresh",
    );
    let ran = class.run("damaged", &["--only", "nobody-at-all"]);
    assert!(
        ran.code == 2 && ran.err.contains("no submission, student or account"),
        "{}",
        ran.err
    );
}

fn copy_folder(from: &Path, to: &Path) {
    for (name, bytes) in files_of(from) {
        let path = to.join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a new folder");
        fs::write(path, bytes).expect("a new file");
    }
}

/// Nobody learns after the deadline that their submission is rejected.
#[test]
fn a_student_is_told_of_a_rejection_by_plain_grading() {
    let start = "fn start(config: &ServerConfig, _: Boot, ctx: &mut Context<Self>) -> Self {";
    for (does, says) in [
        ("let _ = include_str!(\"server.rs\");", "include_str!"),
        ("let _ = option_env!(\"HOME\");", "option_env!"),
        ("unsafe { std::hint::unreachable_unchecked() }", "unsafe"),
    ] {
        let folder = changed("server.rs", &[(start, &format!("{start}\n        {does}"))]);
        let json = folder.path().join("result.json");
        let ran = cargo_grade(&[
            "lab2",
            "--path",
            &text(folder.path()),
            "--report",
            "none",
            "--json",
            &text(&json),
        ]);
        assert_eq!(ran.code, 5, "{does}: {}{}", ran.out, ran.err);
        assert!(
            ran.out.contains("src/server.rs:") && ran.out.contains(says),
            "{}",
            ran.out
        );
        assert!(ran.out.contains("That is not 0 points"), "{}", ran.out);
        let result: Value =
            serde_json::from_slice(&fs::read(&json).expect("a result")).expect("JSON");
        assert_eq!(
            (&result["outcome"], &result["score"]["earned"]),
            (&"rejected".into(), &0.into()),
            "{result}"
        );
        assert!(
            result["score"]["possible"] == 0 && result["score"]["not_scored"] == 66,
            "{result}"
        );
    }
}

#[test]
fn wrong_commands_are_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let batch = folder.path().join("batch.toml");
    let path = text(&batch);
    let ran = cargo_grade(&["batch", "lab0", &path]);
    assert!(
        ran.code == 2 && ran.err.contains(&path),
        "no such file: {}{}",
        ran.out,
        ran.err
    );
    for (content, expected) in [
        ("format = 99\n", "format"),
        ("formt = 1\n", "formt"),
        (
            "format = 1\n[[submission]]\nid = \"../x\"\npath = \"x\"\n",
            "../x",
        ),
    ] {
        fs::write(&batch, content).expect("a new file");
        let ran = cargo_grade(&["batch", "lab0", &path]);
        assert!(
            ran.code == 2 && ran.err.contains(&path) && ran.err.contains(expected),
            "{content}: {}",
            ran.err
        );
    }
    for (option, value, expected) in [
        ("--shard", "0/4", "K/N"),
        ("--shard", "5/4", "K/N"),
        ("--shard", "x", "K/N"),
        ("--budget", "soon", "expected a time"),
        ("--budget", "0s", "no time at all"),
        ("--jobs", "0", "0"),
        ("--salt", "Cargo.toml", "--hidden"),
    ] {
        let ran = cargo_grade(&["batch", "lab0", &path, option, value]);
        assert!(
            ran.code == 2 && ran.err.contains(expected),
            "{option} {value}: {}",
            ran.err
        );
    }
    let ran = cargo_grade(&[
        "merge",
        &text(&folder.path().join("out")),
        &text(folder.path()),
    ]);
    assert!(
        ran.code == 2 && ran.err.contains("plan.json"),
        "{}{}",
        ran.out,
        ran.err
    );
}
