//! What is in the folder of results is believed only if it is whole, unedited, and of this plan.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use super::{
    copy_folder,
    graded::{GRADED, Graded, assert_same, batch_arguments, files_of, text},
    support::{Ran, cargo_grade, root},
};

/// A copy of the graded class under a name.
fn copied(name: &str) -> &'static Graded {
    let class = &*GRADED;
    copy_folder(&class.out("whole"), &class.out(name));
    class
}

/// The ids of the submissions with a status.
fn ids(class: &Graded, status: &str) -> Vec<String> {
    let rows = class.rows();
    let ids = rows.iter().filter(|row| row["status"] == status);
    let mut ids: Vec<String> = ids
        .map(|row| row["submission"].as_str().expect("an id").to_owned())
        .collect();
    ids.dedup();
    ids
}

/// The row of a submission in a folder.
fn row(out: &Path, id: &str) -> Value {
    let scores = fs::read(out.join("scores.json")).expect("scores");
    let scores: Value = serde_json::from_slice(&scores).expect("JSON");
    let rows = scores["rows"].as_array().expect("a list");
    let row = rows.iter().find(|row| row["submission"] == id);
    row.expect("a row for each").clone()
}

fn edit(file: &Path, from: &str, to: &str) {
    let old = fs::read_to_string(file).expect("it is there");
    let new = old.replacen(from, to, 1);
    assert_ne!(old, new, "{} has no {from:?}", file.display());
    fs::write(file, new).expect("it can be written");
}

/// 100/100 became 67/67 without a word.
#[test]
fn another_plan_than_that_of_the_folder_is_refused() {
    let class = copied("other-plan");
    let out = class.out("other-plan");
    let arguments = batch_arguments(&class.batch(), &out);
    let run = |without: &str, more: &[&str]| -> Ran {
        let kept = arguments.iter().map(String::as_str);
        let kept = kept.filter(|argument| *argument != without);
        cargo_grade(&kept.chain(more.iter().copied()).collect::<Vec<_>>())
    };
    let salt = class.out("salt");
    fs::write(&salt, "a secret that nobody knows but this test").expect("a new file");
    for (without, more, says) in [
        ("--hidden", vec![], "--hidden (given before)"),
        ("--hidden", vec!["--dry-run"], "--hidden (given before)"),
        ("--no-shrink", vec![], "--no-shrink (given before)"),
        ("", vec!["--salt", &text(&salt)], "the salt"),
        (
            "",
            vec!["--unsafe-build"],
            "--unsafe-build (not given before)",
        ),
        // The others would stay what they are.
        (
            "--hidden",
            vec!["--fresh", "--only", &ids(class, "graded")[0]],
            "--hidden",
        ),
    ] {
        let ran = run(without, &more);
        assert_eq!(ran.code, 2, "{without} {more:?}: {}{}", ran.out, ran.err);
        for wanted in [
            "results of another plan",
            says,
            "--fresh",
            "--out",
            &text(&out),
        ] {
            assert!(ran.err.contains(wanted), "{wanted}: {}", ran.err);
        }
        assert_same(&files_of(&out), &class.files, "nothing was touched");
    }
    let ran = run("--hidden", &["--fresh", "--dry-run"]);
    assert!(
        ran.code == 0 && ran.out.contains(" 0 kept"),
        "{}{}",
        ran.out,
        ran.err
    );
}

/// Without a plan that can be believed nobody knows what the results in a folder are results of.
#[test]
fn a_plan_that_is_missing_or_edited_is_refused() {
    let class = copied("no-plan");
    let plan = class.out("no-plan").join("plan.json");
    fs::remove_file(&plan).expect("it was there");
    let ran = class.run("no-plan", &[]);
    assert!(
        ran.code == 2 && ran.err.contains("plan.json is missing"),
        "{}{}",
        ran.out,
        ran.err
    );
    fs::write(&plan, &class.files["plan.json"]).expect("a file");
    edit(&plan, "\"hidden\": true", "\"hidden\": false");
    let ran = class.run("no-plan", &[]);
    assert!(
        ran.code == 2 && ran.err.contains("plan.json was changed or damaged"),
        "{}{}",
        ran.out,
        ran.err
    );
}

/// A class may change: what has changed is said, and only what depends on it is graded again.
#[test]
fn what_has_changed_of_the_class_is_said() {
    let class = copied("other-class");
    let batch = class.out("other-class.toml");
    let told = fs::read_to_string(class.batch()).expect("a batch");
    let other = "deadline = \"2026-03-01T12:30:00Z\"";
    fs::write(&batch, told).expect("a new file");
    edit(&batch, "deadline = \"2026-03-01T12:00:00Z\"", other);
    for folder in ["staff", "students"] {
        fs::create_dir(class.out("other-class").join(folder).join("ghost")).expect("a new folder");
    }
    let mut arguments = batch_arguments(&batch, &class.out("other-class"));
    arguments.push("--dry-run".to_owned());
    let ran = cargo_grade(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    for wanted in [
        "the deadline was 2026-03-01T12:00:00Z and is 2026-03-01T12:30:00Z",
        "ghost is no submission any more",
        " 0 to grade",
    ] {
        let out = format!(" {}", ran.out).replace('\n', " ");
        assert!(out.contains(wanted), "{wanted}: {out}");
    }
}

/// 0 became 100.
#[test]
fn a_record_that_was_edited_torn_or_moved_is_not_believed() {
    let class = copied("edited");
    let out = class.out("edited");
    let (victim, other) = (&ids(class, "does-not-build")[0], &ids(class, "graded")[0]);
    let record = out.join(format!("staff/{victim}/record.json"));
    let whole = &class.files[&format!("staff/{victim}/record.json")];
    let theirs = &class.files[&format!("staff/{other}/record.json")];
    let edited = |from: &str, to: &str| {
        let text = String::from_utf8(whole.clone()).expect("text");
        assert!(text.contains(from), "{from}: {text}");
        text.replacen(from, to, 1).into_bytes()
    };
    for (what, bytes, says) in [
        (
            "points",
            edited("\"earned\": 0", "\"earned\": 100"),
            "changed or damaged",
        ),
        (
            "status",
            edited("does-not-build", "graded"),
            "changed or damaged",
        ),
        ("layers", edited("seccomp", "magic"), "changed or damaged"),
        (
            "torn",
            whole[..whole.len() / 2].to_vec(),
            "changed or damaged",
        ),
        ("empty", Vec::new(), "changed or damaged"),
        ("another's", theirs.clone(), "is that of"),
    ] {
        fs::write(&record, bytes).expect("a file");
        let planned = class.run("edited", &["--dry-run"]);
        assert!(
            planned.out.contains("1 to grade") && planned.out.contains(says),
            "{what}: {}",
            planned.out
        );
    }
    fs::write(&record, edited("\"earned\": 0", "\"earned\": 100")).expect("a file");
    // Who grades somebody else is told that there is no result any more, and why.
    let ran = class.run("edited", &["--only", other]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let row = row(&out, victim);
    assert_eq!(
        (&row["status"], &row["score"]["earned"]),
        (&"pending".into(), &0.into())
    );
    let why = row["remarks"][0].as_str().expect("a reason");
    assert!(why.contains("record.json was changed or damaged"), "{why}");
    // Grading again says so, and ends with what was there.
    let ran = class.run("edited", &[]);
    let note = format!("graded again: {victim}: staff/{victim}/record.json was changed or damaged");
    assert!(
        ran.code == 5 && ran.out.contains(&note),
        "{}{}",
        ran.out,
        ran.err
    );
    assert_same(&files_of(&out), &class.files, "graded again");
}

/// What is not scored is told with its reason to staff, and as the machine's fault to the student;
/// grading another submission does not lose that.
#[test]
fn only_one_is_graded_and_the_reason_of_another_is_kept() {
    let class = copied("only");
    let out = class.out("only");
    let (victim, other) = (&ids(class, "graded")[0], &ids(class, "graded")[1]);
    let student = || -> BTreeMap<String, Vec<u8>> { files_of(&out.join("students").join(victim)) };
    let not_scored = || {
        fs::remove_file(out.join(format!("staff/{victim}/record.json"))).expect("it was there");
        let ran = class.run("only", &["--limit", "1ms", "--only", victim]);
        assert_eq!(ran.code, 5, "it is not scored: {}{}", ran.out, ran.err);
        student()
    };
    let (first, second) = (not_scored(), not_scored());
    assert_eq!(first, second, "equal twice");
    let result = String::from_utf8_lossy(&first["result.json"]).into_owned();
    assert!(
        result.contains("lies with the machine") && !result.contains("took more than"),
        "{result}"
    );
    let before = row(&out, victim);
    assert_eq!(before["status"], "not-scored");
    let why = before["remarks"][0].as_str().expect("a reason");
    assert!(why.contains("grading it took more than"), "{why}");
    let ran = class.run("only", &["--only", other]);
    assert_eq!(
        ran.code, 0,
        "who was asked for is scored: {}{}",
        ran.out, ran.err
    );
    assert_eq!(row(&out, victim), before, "the reason is still there");
    // With no time for it, too.
    let ran = class.run("only", &["--budget", "1ms", "--jobs", "1"]);
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    assert_eq!(row(&out, victim)["remarks"][0], why);
}

#[test]
fn the_traces_of_a_clone_are_replayed_as_the_page_says() {
    let class = copied("replayed");
    let out = class.out("replayed");
    let rows = class.rows();
    let wrong = rows.iter().find(|row| {
        row["status"] == "graded" && row["commit"].is_string() && row["score"]["earned"] != 100
    });
    let id = wrong.expect("somebody is wrong")["submission"]
        .as_str()
        .expect("an id");
    let traces = out.join("staff").join(id).join("traces");
    let trace = fs::read_dir(traces)
        .expect("it has failed")
        .next()
        .expect("a trace");
    let trace = text(&trace.expect("an entry").path());
    let ran = cargo_grade(&["replay", &trace]);
    assert!(
        ran.code == 1 && ran.out.contains("The same failure as in the trace."),
        "{}{}",
        ran.out,
        ran.err
    );
    assert!(!ran.out.contains("has changed"), "{}", ran.out);
    let source = out.join("staff").join(id).join("source");
    assert!(source.join("Cargo.toml").is_file());
    // A copy that is not what was graded does not count as it, and is mended.
    edit(&source.join("src/lib.rs"), "\n", "\n// edited\n");
    fs::write(source.join("src/more.rs"), "").expect("a new file");
    let ran = cargo_grade(&["replay", &trace]);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    class.run("replayed", &[]);
    assert_same(&files_of(&out), &class.files, "mended");
}

#[cfg(unix)]
#[test]
fn a_link_in_the_folder_is_not_followed() {
    use std::os::unix::fs::symlink;
    let class = &*GRADED;
    let theirs = class.out("theirs");
    fs::create_dir_all(theirs.join("folder")).expect("a new folder");
    fs::write(theirs.join("file"), "theirs").expect("a new file");
    let before = files_of(&theirs);
    let id = &ids(class, "graded")[0];
    let places = [
        ".lock",
        ".work",
        "plan.json",
        "staff",
        "students",
        "scores.csv",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain(["record.json", "traces", "source"].map(|name| format!("staff/{id}/{name}")))
    .chain([format!("staff/{id}"), format!("students/{id}/report.html")]);
    for place in places {
        let _gone = fs::remove_dir_all(class.out("linked"));
        copied("linked");
        let link = class.out("linked").join(&place);
        match link.is_dir() {
            true => fs::remove_dir_all(&link).expect("it was there"),
            false => drop(fs::remove_file(&link)),
        }
        let is_file = place.contains(".") && place != ".work" && !place.ends_with("work");
        let to = theirs.join(if is_file { "file" } else { "folder" });
        symlink(&to, &link).expect("a new link");
        for more in [&["--dry-run"][..], &[]] {
            let ran = class.run("linked", more);
            assert!(
                ran.code == 2 && ran.err.contains(&format!("{} is a link", text(&link))),
                "{place} {more:?}: {}{}",
                ran.out,
                ran.err
            );
        }
        assert_eq!(files_of(&theirs), before, "{place}");
        let ran = cargo_grade(&[
            "merge",
            &text(&class.out("merged-link")),
            &text(&class.out("linked")),
        ]);
        assert!(
            ran.code == 2 && ran.err.contains("is a link"),
            "{place}: {}{}",
            ran.out,
            ran.err
        );
    }
}

/// What somebody hands out must be the same on every machine, and say nothing of this one.
#[test]
fn what_is_handed_out_names_no_folder_of_this_machine() {
    let class = &*GRADED;
    let home = std::env::var("HOME").unwrap_or_default();
    let temporary = text(&std::env::temp_dir());
    let folders = [
        text(&root()),
        text(&class.folder),
        home,
        temporary,
        ".work".to_owned(),
    ];
    let handed_out = class
        .files
        .iter()
        .filter(|(name, _)| name.starts_with("students/"));
    for (name, bytes) in handed_out {
        let bytes = String::from_utf8_lossy(bytes);
        // (A short name may be part of an address.)
        for folder in folders.iter().filter(|folder| folder.len() > 1) {
            assert!(
                !bytes.contains(&format!("{folder}/")),
                "{name} names {folder}"
            );
        }
    }
}

#[test]
fn hostile_names_make_no_command_and_no_formula_of_a_row() {
    let scores = String::from_utf8_lossy(&GRADED.files["scores.csv"]).into_owned();
    assert!(scores.contains(",'=1+1,"), "{scores}");
    assert!(scores.contains(",\\u{3a}:error::A Name,"), "{scores}");
    for line in scores.lines() {
        assert!(
            !line.trim_start().starts_with("::") && !line.contains("##["),
            "{line}"
        );
    }
}

/// The recipe of the documentation, carried out by somebody whose files everybody may read.
#[cfg(unix)]
#[test]
fn the_salt_that_the_recipe_makes_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let page = fs::read_to_string(root().join("docs/grading-a-class.md")).expect("the page");
    let recipe = page.lines().find(|line| line.contains("/dev/urandom"));
    let recipe = recipe.expect("a recipe");
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path().join("project");
    fs::create_dir(&project).expect("a new folder");
    let status = std::process::Command::new("sh")
        .args(["-c", &format!("umask 022\n{recipe}")])
        .current_dir(&project)
        .status();
    assert!(status.expect("a shell is there").success(), "{recipe}");
    let salt = fs::metadata(folder.path().join("salt")).expect("a salt");
    assert_eq!(salt.permissions().mode() & 0o777, 0o600, "{recipe}");
    assert!(salt.len() >= 32, "{recipe}");
}
