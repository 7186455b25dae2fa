//! A failure, once more: as a whole, step by step, and from traces of another age.

mod support;

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use support::{Ran, cargo_grade, changed};

/// What a request was answered is forgotten, so its retry is carried out once more.
const FORGETS: (&str, &str) = (
    "if operation.number == *last => return Some(output.clone())",
    "if false => return Some(output.clone())",
);

/// A wrong solution that was graded with one test, and the trace of its failure.
struct Failing {
    folder: TempDir,
    trace: PathBuf,
    graded: Ran,
}

impl Failing {
    fn new(changes: &[(&str, &str)], options: &[&str]) -> Failing {
        let folder = changed("server.rs", &[&[FORGETS], changes].concat());
        let (path, traces) = (
            folder.path().to_str().expect("a plain path"),
            folder.path().join("traces"),
        );
        let fixed = [
            "lab2",
            "retries_survive_a_lossy_network",
            "--path",
            path,
            "--seeds",
            "8",
            "--report",
            "none",
        ];
        let traces_option = ["--traces", traces.to_str().expect("a plain path")];
        let graded = cargo_grade(&[&fixed[..], &traces_option, options].concat());
        assert_eq!(graded.code, 1, "{}{}", graded.out, graded.err);
        Failing {
            trace: traces.join("retries_survive_a_lossy_network.trace.json"),
            graded,
            folder,
        }
    }

    fn replay(&self, options: &[&str]) -> Ran {
        let trace = self.trace.to_str().expect("a plain path");
        let path = self.folder.path().to_str().expect("a plain path");
        cargo_grade(&[&["replay", trace, "--path", path], options].concat())
    }
}

#[test]
fn all_steps_are_printed_where_there_is_no_terminal() {
    let failing = Failing::new(&[], &[]);
    let ran = failing.replay(&["--step"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains("The same failure as in the trace."),
        "{}",
        ran.out
    );
    let heads: Vec<&str> = ran
        .out
        .lines()
        .filter(|line| line.contains(" of ") && line.ends_with(" ms"))
        .collect();
    let all: usize = heads[0]
        .split_whitespace()
        .nth(2)
        .expect("how many")
        .parse()
        .expect("a number");
    let steps = ran
        .out
        .lines()
        .filter(|line| line.contains(&format!(" of {all}  ")))
        .count();
    assert_eq!(steps, all, "each step is there");
    assert!(
        ran.out.contains("  changed    ") && ran.out.contains("store.last"),
        "{}",
        ran.out
    );
    assert_eq!(
        failing.replay(&["--step"]).out,
        ran.out,
        "the same, to the byte"
    );
}

#[test]
fn one_step_is_printed_with_the_whole_world() {
    let failing = Failing::new(&[], &[]);
    let ran = failing.replay(&["--at", "20"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    for part in [
        "  20 of ",
        "\n  v1         up",
        "ViewServer {",
        "timer Ping at ",
        "Client {",
    ] {
        assert!(ran.out.contains(part), "no {part:?} in:\n{}", ran.out);
    }
    let ran = failing.replay(&["--at", "1000000"]);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    assert!(
        ran.err
            .contains("--at 1000000: this run has no such step; its steps are numbered 1 to "),
        "{}",
        ran.err
    );
}

/// A program's own `Debug` cannot keep anybody from going through its run.
#[test]
fn a_state_that_cannot_be_shown_is_left_out() {
    let panics = "impl std::fmt::Debug for Server {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { panic!(\"no\") }
    }
    /// All that must survive";
    let own = [
        (
            "#[derive(Debug, Serialize, Deserialize)]\npub struct Server",
            "#[derive(Serialize, Deserialize)]\npub struct Server",
        ),
        ("/// All that must survive", panics),
    ];
    let failing = Failing::new(&own, &[]);
    let ran = failing.replay(&["--step"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains("The same failure as in the trace."),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("  changed    open: "),
        "clients are shown:\n{}",
        ran.out
    );
    assert!(!ran.out.contains("store.last"), "{}", ran.out);
}

#[test]
fn a_failure_is_shown_whole_if_it_shall_not_be_shrunk() {
    let (shrunk, whole) = (Failing::new(&[], &[]), Failing::new(&[], &["--no-shrink"]));
    assert!(
        shrunk.graded.out.contains("shrunk from "),
        "{}",
        shrunk.graded.out
    );
    assert!(
        !whole.graded.out.contains("shrunk from "),
        "{}",
        whole.graded.out
    );
    let ran = whole.replay(&[]);
    assert!(
        ran.out.contains("The same failure as in the trace."),
        "{}",
        ran.out
    );
}

/// Traces of the first format say nothing of what was left out.
#[test]
fn a_trace_of_the_first_format_is_read() {
    let failing = Failing::new(&[], &["--no-shrink"]);
    let mut trace: serde_json::Value =
        serde_json::from_slice(&fs::read(&failing.trace).expect("the trace")).expect("JSON");
    trace["format"] = 1.into();
    trace.as_object_mut().expect("an object").remove("edits");
    fs::write(&failing.trace, trace.to_string()).expect("a file");
    let ran = failing.replay(&[]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains("The same failure as in the trace."),
        "{}",
        ran.out
    );
    trace["format"] = 99.into();
    fs::write(&failing.trace, trace.to_string()).expect("a file");
    let ran = failing.replay(&[]);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    assert!(
        ran.err
            .contains("it has format 99, this grader reads 1 to 5"),
        "{}",
        ran.err
    );
}

/// The first time, the write is there for everybody but the one who asked a deposed primary; the
/// second time nobody has it any more.
#[test]
fn a_stale_read_is_no_lost_write() {
    let alone = "if let Command::Get { key } = &operation.command
            && self.accepted == self.view.number
        {
            let output = Output::Value(self.store.values.get(key).cloned().unwrap_or_default());
            let number = operation.number;
            ctx.send(operation.client, Message::Reply { number, output });
            return;
        }
        if self.queue.contains(&operation) {";
    for (change, test, title) in [
        (
            ("if self.queue.contains(&operation) {", alone),
            "deposed_primary_serves_nothing_stale",
            "Stale read: c2's get x",
        ),
        (
            ("store: self.store.clone(),", "store: Store::default(),"),
            "a_transfer_neither_loses_nor_doubles",
            "Lost write: c1's put key 0",
        ),
    ] {
        let folder = changed("server.rs", &[change]);
        let traces = folder.path().join("traces");
        let [path, traces] = [folder.path(), &traces].map(|path| path.to_str().expect("plain"));
        let fixed = ["lab2", test, "--path", path, "--report", "none", "--traces"];
        let ran = cargo_grade(&[&fixed[..], &[traces]].concat());
        let words: Vec<&str> = ran.out.split_whitespace().collect();
        let said = words.join(" ");
        assert!(said.contains(title), "{test}: {}{}", ran.out, ran.err);
        let trace = format!("{traces}/{test}.trace.json");
        let again = cargo_grade(&["replay", &trace, "--path", path]);
        assert!(
            again.out.contains("The same failure as in the trace."),
            "{}",
            again.out
        );
    }
}
