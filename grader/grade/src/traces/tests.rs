//! Names and traces, in a made-up course of two labs that have a test of the same name.

use std::fs;

use super::*;
use crate::{hint, last, trace::Trace};
use faultline_labtest::{Suite, Test};

struct Made {
    folder: tempfile::TempDir,
    course: Course,
}

impl Made {
    fn new() -> Made {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().to_owned();
        fs::create_dir(root.join("rubrics")).expect("a new folder");
        let suite = |lab: &'static str, ids: &[&'static str]| {
            let rows: String = ids.iter().map(|id| row(id, "public")).collect();
            let hidden = row("H-A1", "hidden");
            let points = 10 * ids.len() + 5;
            let text = format!(
                "lab = {lab:?}\ntitle = ''\nhandout = 'README.md'\n[hints]\nviolation = 'What \
                 does {lab} say?'\n[[part]]\nid = 'A'\ntitle = ''\npoints = {points}\n\
                 {rows}{hidden}"
            );
            fs::write(root.join(format!("rubrics/{lab}.toml")), text).expect("a new file");
            let test = |id: &&'static str| Test {
                id,
                run: |_| Ok(()),
            };
            Suite::new(lab, "api", ids.iter().map(test).collect()).with_hidden(vec![test(&"H-A1")])
        };
        let suites = vec![
            suite("lab2", &["put_append_get", "failover"]),
            suite("lab3", &["put_append_get", "agreement"]),
        ];
        let course = Course {
            root: root.clone(),
            suites,
            origin: Default::default(),
        };
        Made { folder, course }
    }

    /// The digest of the submission that was graded.
    fn submission(&self) -> String {
        let source = self.course.root.join("mine/src/lib.rs");
        if !source.is_file() {
            fs::create_dir_all(source.parent().expect("a folder")).expect("a new folder");
            fs::write(&source, "// first").expect("a new file");
            let manifest = self.course.root.join("mine/Cargo.toml");
            fs::write(manifest, "").expect("a new file");
        }
        let staged = crate::building::stage(&self.course.root.join("mine"));
        staged.expect("it is a submission").digest().to_string()
    }

    /// What a run of the lab leaves in whose traces these tests failed.
    fn graded(&self, lab: &str, traces: &str, failed: &[&str]) {
        let staged = self.submission();
        for test in failed {
            let mut trace = Trace::of(lab, test, 0, 0);
            trace.kind = "violation".to_owned();
            trace.submission = "mine".to_owned();
            trace.digest.clone_from(&staged);
            let path = self.course.root.join(traces).join(file_of(test));
            trace.write(&path).expect("it is written");
        }
        let last = LastRun {
            format: last::FORMAT,
            lab: lab.to_owned(),
            submission: None,
            traces: traces.into(),
            tests: failed.iter().map(|test| (*test).to_owned()).collect(),
            failures: failed.iter().map(|test| (*test).to_owned()).collect(),
        };
        last::keep(&self.course, &last).expect("it is written");
    }

    fn hint(&self, name: &str) -> Result<(String, String), String> {
        let hint = hint::hint(&self.course, name).map_err(|error| error.to_string())?;
        Ok((hint.lab, hint.text))
    }

    fn trace(&self, asked: Option<&str>) -> Result<String, String> {
        let found = find_trace(&self.course, asked.map(Path::new));
        let path = found.map_err(|error| {
            assert!(matches!(error, Error::Usage(_)), "{error:?}");
            error.to_string()
        })?;
        let inside = path.strip_prefix(self.folder.path()).unwrap_or(&path);
        Ok(inside.to_string_lossy().into_owned())
    }
}

fn row(id: &str, visibility: &str) -> String {
    let points = if visibility == "public" { 10 } else { 5 };
    format!(
        "[[test]]\nid = {id:?}\ntitle = ''\nproperty = ''\npart = 'A'\npoints = {points}\nseeds = \
         1\nvisibility = {visibility:?}\ncategory = 'safety'\nhandout = 'part-a'\n"
    )
}

#[test]
fn a_name_that_is_clear_needs_no_lab() {
    let made = Made::new();
    made.graded("lab2", "target/grade/lab2", &["failover"]);
    let expected = ("lab2".to_owned(), "What does lab2 say?".to_owned());
    assert_eq!(made.hint("failover").as_ref(), Ok(&expected));
    assert_eq!(made.hint("lab2/failover"), Ok(expected));
    let error = made.hint("agreement").unwrap_err();
    let advice = "lab3/agreement has left no failure to give a hint for: run `cargo grade lab3 \
                  agreement` first";
    assert_eq!(error, advice);
}

#[test]
fn of_several_tests_with_one_name_it_is_the_one_that_failed_last() {
    let made = Made::new();
    let ambiguous = "put_append_get is a test of several labs; say which one you mean: `cargo \
                     grade hint lab2/put_append_get` or `cargo grade hint lab3/put_append_get`";
    assert_eq!(made.hint("put_append_get").unwrap_err(), ambiguous);
    made.graded("lab2", "target/grade/lab2", &["put_append_get"]);
    assert_eq!(made.hint("put_append_get").unwrap().0, "lab2");
    made.graded("lab3", "target/grade/lab3", &["put_append_get"]);
    assert_eq!(made.hint("put_append_get").unwrap().0, "lab3");
    assert_eq!(made.hint("lab2/put_append_get").unwrap().0, "lab2");
    // The lab that was graded last has no failure of it.
    fs::remove_file(
        made.course
            .root
            .join("target/grade/lab3/put_append_get.trace.json"),
    )
    .expect("it is there");
    assert_eq!(made.hint("put_append_get").unwrap_err(), ambiguous);
}

#[test]
fn traces_are_found_where_the_last_run_put_them() {
    let made = Made::new();
    made.graded("lab2", "elsewhere", &["failover"]);
    assert_eq!(made.hint("failover").unwrap().0, "lab2");
    let expected = "elsewhere/failover.trace.json".to_owned();
    assert_eq!(made.trace(Some("lab2/failover")), Ok(expected.clone()));
    assert_eq!(made.trace(Some("failover")), Ok(expected.clone()));
    assert_eq!(
        made.trace(Some("elsewhere/failover.trace.json")),
        Ok(expected)
    );
    // Of another lab only the usual place is known.
    made.graded("lab3", "target/grade/lab3", &[]);
    assert!(made.trace(Some("lab2/failover")).is_err());
}

#[test]
fn a_replay_without_a_name_is_of_the_first_failure_of_the_last_run() {
    let made = Made::new();
    let error = made.trace(None).unwrap_err();
    assert!(
        error.contains("nothing has been graded here yet"),
        "{error}"
    );
    made.graded("lab3", "target/grade/lab3", &["agreement"]);
    made.graded("lab2", "target/grade/lab2", &["failover", "put_append_get"]);
    let expected = "target/grade/lab2/failover.trace.json";
    assert_eq!(made.trace(None).as_deref(), Ok(expected));
    let expected = "target/grade/lab3/agreement.trace.json";
    assert_eq!(made.trace(Some("lab3/agreement")).as_deref(), Ok(expected));
    made.graded("lab3", "target/grade/lab3", &[]);
    let error = made.trace(None).unwrap_err();
    assert!(
        error.contains("the last run, of lab3, left no failure"),
        "{error}"
    );
}

#[test]
fn what_is_no_test_is_told() {
    let made = Made::new();
    for (name, expected) in [
        (
            "lab3/agreemnt",
            "lab3 has no test \"agreemnt\"; did you mean `agreement`?",
        ),
        ("lab3/failover", "lab3 has no test \"failover\""),
        (
            "agreemnt",
            "there is no test \"agreemnt\"; did you mean `agreement`?",
        ),
        ("H-A1", "there is no test \"H-A1\""),
        ("lab4/agreement", "there is no lab \"lab4\""),
    ] {
        let error = made.hint(name).unwrap_err();
        assert!(error.contains(expected), "{name}: {error}");
    }
    let error = made.trace(Some("H-A1")).unwrap_err();
    assert!(
        error.contains("`cargo grade replay lab2/H-A1` or"),
        "{error}"
    );
    // A file that is not there stays a file.
    for path in ["no/such.trace.json", "such.json", "lab4/agreement"] {
        assert_eq!(made.trace(Some(path)).as_deref(), Ok(path));
    }
}

#[test]
fn what_is_remembered_is_refused_by_its_format() {
    let made = Made::new();
    made.graded("lab2", "target/grade/lab2", &["failover"]);
    let path = made.course.root.join("target/grade/last.json");
    let text = fs::read_to_string(&path).expect("it is there");
    fs::write(&path, text.replace("\"format\": 2", "\"format\": 7")).expect("a file");
    let error = made.hint("failover").unwrap_err();
    assert!(
        error.contains("last.json: it has format 7, this grader reads 2: grade again"),
        "{error}"
    );
    fs::write(&path, "{").expect("a file");
    let error = made.trace(None).unwrap_err();
    assert!(error.contains("last.json: it cannot be read"), "{error}");
}

#[test]
fn a_hint_says_if_the_program_has_changed_since() {
    let made = Made::new();
    made.graded("lab2", "target/grade/lab2", &["failover"]);
    let stale = || hint::hint(&made.course, "failover").unwrap().stale;
    assert_eq!(stale(), None);
    fs::write(made.course.root.join("mine/src/lib.rs"), "// second").expect("a file");
    let says = stale().expect("it is another program now");
    let advice = "mine has changed since it failed so: run `cargo grade lab2 failover` to see how \
                  it fails now.";
    assert_eq!(says, advice);
    made.graded("lab2", "target/grade/lab2", &["failover"]);
    assert_eq!(stale(), None, "it was graded anew");
    fs::remove_dir_all(made.course.root.join("mine")).expect("it is there");
    let says = stale().expect("nobody knows what it is");
    assert!(
        says.starts_with("mine, which failed so, is no submission"),
        "{says}"
    );
}

#[test]
fn there_is_no_hint_for_a_test_that_passed_since() {
    let made = Made::new();
    made.graded("lab2", "target/grade/lab2", &["failover", "put_append_get"]);
    // With its traces elsewhere, the next run leaves the older ones where they are.
    made.graded("lab2", "elsewhere", &["put_append_get"]);
    assert_eq!(made.hint("failover").unwrap().0, "lab2", "it was not run");
    let mut last = last::last_run(&made.course).unwrap().expect("a run");
    last.tests.push("failover".to_owned());
    last::keep(&made.course, &last).expect("it is written");
    let error = made.hint("failover").unwrap_err();
    let expected = "lab2/failover did not fail in the last run, so there is nothing to give a hint \
                    for";
    assert_eq!(error, expected);
    assert!(
        made.trace(Some("lab2/failover")).is_err(),
        "nor anything to replay"
    );
}

/// Labs whose traces are put into one folder: tests of one name have one file.
#[test]
fn a_trace_of_another_lab_is_none_of_this_one() {
    let made = Made::new();
    made.graded("lab3", "together", &["put_append_get"]);
    made.graded("lab2", "together", &["failover"]);
    let error = made.hint("lab2/put_append_get").unwrap_err();
    assert!(
        error.starts_with("lab2/put_append_get has left no failure"),
        "{error}"
    );
    assert!(made.trace(Some("lab2/put_append_get")).is_err());
    assert_eq!(made.hint("lab2/failover").unwrap().1, "What does lab2 say?");
}

/// What a program that does all it may leaves: the seed decides once more.
#[test]
fn a_schedule_that_is_too_long_is_left_out() {
    let made = Made::new();
    let mut trace = Trace::of("lab2", "failover", 3, 77);
    let timed = |at_us| faultline_sim::schedule::Timed {
        at_us,
        planned: false,
        action: faultline_sim::schedule::Action::Fault(faultline_sim::FaultAction::HealAll),
    };
    trace.schedule = faultline_sim::Schedule((0..200_000).map(timed).collect());
    let path = made.course.root.join("long.trace.json");
    trace.write(&path).expect("it is written");
    let read = Trace::read(&path).expect("it is a trace");
    trace.schedule = faultline_sim::Schedule::default();
    assert_eq!(read, trace);
    let mode = read.mode(faultline_sim::Detail::Words);
    assert!(mode.schedule.is_none() && mode.edits.is_none(), "{mode:?}");
}
