//! `cargo grade import`: what it prints, what it writes, and its exit codes. (What it finds out is
//! tested in grader/intake.)

#[expect(dead_code, reason = "tests of submissions use the rest")]
#[path = "../../course/tests/support/mod.rs"]
mod support;

use std::{fs, path::Path};

use support::{Ran, cargo_grade};
use tempfile::TempDir;

fn import(arguments: &[&str]) -> Ran {
    cargo_grade(&[&["import"], arguments].concat())
}

/// A class with a roster and folders of these names.
fn class(roster: &str, folders: &[&str]) -> TempDir {
    let class = tempfile::tempdir().expect("a folder");
    fs::write(class.path().join("roster.csv"), roster).expect("written");
    for folder in folders {
        let source = class.path().join(folder).join("src");
        fs::create_dir_all(&source).expect("a folder");
        fs::write(source.join("lib.rs"), "// a library\n").expect("written");
    }
    class
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

#[test]
fn a_summary_lists_who_is_missing_and_what_is_nobodys() {
    let class = class(
        "identifier,github_username,github_id,name\n1,Ann,5,Ann A\n2,bob,6,Bob B\n",
        &["ann", "zoe"],
    );
    let arguments = [
        text(class.path()),
        "--deadline",
        "2026-11-01 23:59 Europe/Berlin",
        "--now",
        "2026-11-02T00:00:00Z",
    ];
    let ran = import(&arguments);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    for line in [
        "  deadline  2026-11-01T22:59:00Z\n",
        "  students  1 of 2 have a submission\n",
        "   without  2, bob, Bob B\n",
        " unmatched  zoe (graded as zoe, nobody's)\n",
    ] {
        assert!(ran.out.contains(line), "{line:?} in\n{}", ran.out);
    }
    let batch = fs::read(class.path().join("batch.toml")).expect("a batch");
    let again = import(&arguments);
    assert_eq!((again.code, again.out), (0, ran.out));
    assert_eq!(
        fs::read(class.path().join("batch.toml")).expect("a batch"),
        batch
    );
}

#[test]
fn names_that_students_chose_do_not_steer_the_terminal() {
    let class = class(
        "identifier\n1\n",
        &["\u{1b}[31mred", "\u{202e}txt", "a\nwrote  b", "=cmd()"],
    );
    let ran = import(&[text(class.path())]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(!ran.out.contains(['\u{1b}', '\u{202e}']), "{:?}", ran.out);
    assert!(ran.out.contains("a\\nwrote  b"), "{}", ran.out);
    assert!(ran.out.contains("=cmd()"), "{}", ran.out);
}

#[test]
fn a_roster_that_is_none_stops_the_import() {
    let class = class("who,what\nann,x\n", &["ann"]);
    let ran = import(&[text(class.path())]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(
        ran.err
            .contains("roster.csv: line 1: it has the columns `who,what`; expected"),
        "{}",
        ran.err
    );
    assert!(!class.path().join("batch.toml").exists());
}

#[test]
fn wrong_commands_say_what_was_expected() {
    let class = class("identifier\n1\n", &["ann"]);
    for (arguments, says) in [
        (
            vec!["--deadline", "2026-11-01"],
            "expected a date and a time with an offset or a time zone",
        ),
        (
            vec!["--layout", "usb-stick"],
            "possible values: classroom, classroom50, flat, zips, canvas, moodle, gradescope",
        ),
        (
            vec!["--roster", "/nowhere/r.csv"],
            "/nowhere/r.csv: there is no such file",
        ),
    ] {
        let ran = import(&[&[text(class.path())], arguments.as_slice()].concat());
        assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
        assert!(ran.err.contains(says), "{}", ran.err);
    }
    let ran = import(&["/nowhere"]);
    assert!(
        ran.code == 2
            && ran
                .err
                .contains("/nowhere: there is no such folder or file"),
        "{}",
        ran.err
    );
}

#[test]
fn the_batch_can_lie_elsewhere() {
    let class = class("identifier\nann\n", &["clones/ann"]);
    let out = class.path().join("batches/one.toml");
    let dir = class.path().join("clones");
    let ran = import(&[text(&dir), "--out", text(&out)]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let batch = fs::read_to_string(&out).expect("a batch");
    assert!(batch.contains("path = \"../clones/ann\""), "{batch}");
    assert!(class.path().join("batches/seen.toml").exists());
}

const DECISIONS: &str = "format = 1\n[[override]]\nstudent = \"1\"\npoints = 60\ncomment = \"Well \
                         explained.\"\nreason = \"an oral exam\"\nauthor = \"tina\"\n";

/// A class of two, and what was decided about the first.
struct Decided {
    class: TempDir,
}

impl Decided {
    fn new() -> Decided {
        let class = class("identifier\n1\n2\n", &["1", "2"]);
        // Nothing of them is a crate, so nothing has to be built.
        for folder in ["1/src", "2/src"] {
            fs::remove_dir_all(class.path().join(folder)).expect("removed");
        }
        let decided = Decided { class };
        decided.write(DECISIONS);
        decided
    }

    fn write(&self, overrides: &str) {
        fs::write(self.class.path().join("overrides.toml"), overrides).expect("written");
    }

    fn import(&self) -> Ran {
        import(&[text(self.class.path()), "--now", "2026-11-02T00:00:00Z"])
    }

    fn grade(&self) -> Ran {
        let (batch, out) = (
            self.class.path().join("batch.toml"),
            self.class.path().join("out"),
        );
        cargo_grade(&["batch", "lab0", text(&batch), "--out", text(&out)])
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.class.path().join("out").join(path)).expect(path)
    }
}

#[test]
fn decisions_by_hand_are_in_every_report_with_the_reason_where_staff_reads_it() {
    let class = Decided::new();
    let ran = class.import();
    let line = "   by hand  1: by hand: the score is 60 points (tina: an oral exam)\n";
    assert!(
        ran.code == 0 && ran.out.contains(line),
        "{}{}",
        ran.out,
        ran.err
    );
    let ran = class.grade();
    assert_eq!(
        ran.code, 5,
        "the other one is rejected: {}{}",
        ran.out, ran.err
    );
    let row = "\n1,,,,,1,rejected,60,67,0,";
    assert!(
        class.read("scores.csv").contains(row),
        "{}",
        class.read("scores.csv")
    );
    for report in [
        "scores.csv",
        "summary.md",
        "index.html",
        "staff/1/report.html",
    ] {
        for part in [
            "the score is 60 points",
            "an oral exam",
            "tina",
            "Well explained.",
        ] {
            assert!(class.read(report).contains(part), "{part} in {report}");
        }
    }
    for report in ["scores.json", "staff/1/result.json"] {
        assert!(
            class.read(report).contains("\"reason\": \"an oral exam\""),
            "{report}"
        );
    }
    for report in ["students/1/report.html", "students/1/result.json"] {
        let report = class.read(report);
        assert!(
            report.contains("Well explained.") && report.contains("60"),
            "{report}"
        );
        assert!(
            !report.contains("an oral exam"),
            "the reason is for staff: {report}"
        );
    }
    assert!(!class.read("staff/2/report.html").contains("by hand"));
}

#[test]
fn decisions_outlive_an_import_and_change_without_grading_again() {
    let class = Decided::new();
    for _ in 0..2 {
        assert_eq!(class.import().code, 0);
        let kept = fs::read_to_string(class.class.path().join("overrides.toml"));
        assert_eq!(kept.expect("it is there"), DECISIONS);
        class.grade();
    }
    class.write(&DECISIONS.replace("60", "65"));
    class.grade();
    assert!(
        class
            .read("students/1/report.html")
            .contains("the score is 65 points")
    );
    assert!(
        class
            .read("scores.csv")
            .contains("\n1,,,,,1,rejected,65,67,0,")
    );
    class.write(&DECISIONS.replace("student = \"1\"", "student = \"9\""));
    let ran = class.grade();
    let says = "overrides.toml: line 3: nobody in batch.toml has this identifier or login";
    assert!(
        ran.code == 2 && ran.err.contains(says),
        "{}{}",
        ran.out,
        ran.err
    );
}
