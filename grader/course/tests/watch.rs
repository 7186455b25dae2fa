//! `cargo grade watch`: an edit is graded without being asked for, and the time that it took is
//! told.

mod support;

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use tempfile::TempDir;

use support::{cargo_grade, changed, root};

/// Longer than any run of a few tests takes, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A watch without a terminal, and the lines that it prints.
struct Watch {
    child: Child,
    lines: Receiver<String>,
}

impl Watch {
    fn start(folder: &TempDir) -> Watch {
        let path = folder.path().to_str().expect("a plain path");
        let mut command = Command::new(env!("CARGO_BIN_EXE_faultline"));
        command.args([
            "watch",
            "lab2",
            "put_append_get",
            "an_old_request_is_not_applied_again",
            "--timings",
            "--path",
            path,
        ]);
        command
            .env("CARGO_MANIFEST_DIR", root().join("grader/course"))
            .env("COLUMNS", "100")
            .current_dir(root());
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the grader runs");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Watch { child, lines }
    }

    /// All lines up to the last one of the table that tells where the time went.
    fn verdict(&self) -> String {
        let mut seen = String::new();
        loop {
            let line = self
                .lines
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|error| panic!("{error} after:\n{seen}"));
            seen += &format!("{line}\n");
            if line.trim_start().starts_with("whole ") {
                assert!(seen.contains("edit to verdict "), "{seen}");
                return seen;
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

#[test]
fn an_edit_is_graded_and_what_does_not_compile_is_no_end() {
    let folder = changed("server.rs", &[]);
    let file = folder.path().join("src/server.rs");
    let right = fs::read_to_string(&file).expect("the solution");
    let watch = Watch::start(&folder);
    let seen = watch.verdict();
    assert!(seen.contains("pass  all 2 tests"), "{seen}");

    let repeats = right.replacen("if operation.number == *last", "if false", 1);
    assert_ne!(repeats, right);
    fs::write(&file, repeats).expect("a file");
    let seen = watch.verdict();
    assert!(
        seen.contains("FAIL  B  put_append_get") || seen.contains("FAIL  B  an_old_request"),
        "{seen}"
    );
    assert!(
        seen.contains("observed ") && seen.contains("replay "),
        "{seen}"
    );

    fs::write(&file, "fn").expect("a file");
    let seen = watch.verdict();
    assert!(
        seen.contains("does not build") && seen.contains("src/server.rs:1"),
        "{seen}"
    );

    fs::write(&file, &right).expect("a file");
    let seen = watch.verdict();
    assert!(seen.contains("pass  all 2 tests"), "{seen}");
}

#[test]
fn what_can_never_be_graded_ends_it() {
    let ran = cargo_grade(&["watch", "lab2", "--path", "/no/such/folder"]);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("/no/such/folder"), "{}", ran.err);
}
