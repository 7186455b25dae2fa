//! Grading that is killed, interrupted, out of its budget or not alone goes on where it stopped.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::{
    graded::{GRADED, Graded, assert_same, batch_arguments, files_of},
    support::root,
};

/// Where the numbers of a test come from: the same at every run.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

#[test]
#[ignore = "it grades the class twice more"]
fn killed_at_any_moment_the_same_command_goes_on() {
    let class = &*GRADED;
    let mut draws = Draws(8);
    let kills = 20;
    // All runs together do the work once, and some of it again.
    let each = u64::try_from(class.took.as_millis()).expect("a short time") * 2 / kills;
    let mut killed = 0;
    for _ in 0..kills {
        let mut child = start(class, "killed");
        let moment = Duration::from_millis(draws.next() % (2 * each));
        killed += u32::from(!ends_within(&mut child, moment));
        // SIGKILL: nothing of the grader runs after it.
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }
    assert!(
        killed > 5,
        "only {killed} of {kills} runs were killed in the middle"
    );
    let ran = class.run("killed", &[]);
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    assert_same(
        &files_of(&class.out("killed")),
        &class.files,
        "killed and gone on",
    );
    let left: Vec<String> = files_of(&temporary(class)).into_keys().collect();
    assert!(left.is_empty(), "the killed left {left:?}");
}

fn start(class: &Graded, out: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_faultline-full"));
    command
        .args(batch_arguments(&class.batch(), &class.out(out)))
        .current_dir(root());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .env("TMPDIR", temporary(class));
    command.spawn().expect("the grader runs")
}

/// A folder for temporary files that nobody else has.
fn temporary(class: &Graded) -> PathBuf {
    let folder = class.out("temporary");
    fs::create_dir_all(&folder).expect("a new folder");
    folder
}

/// Whether it ends by itself within a time.
fn ends_within(child: &mut Child, time: Duration) -> bool {
    let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
    let (sender, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        while out.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {}
        // Nobody waits any more if it was killed.
        let _ = sender.send(());
    });
    ended.recv_timeout(time).is_ok()
}

#[test]
fn a_budget_stops_in_good_order() {
    let class = &*GRADED;
    let ran = class.run(class.begun("budget"), &["--budget", "1ms", "--jobs", "1"]);
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains("the budget is used up") && ran.out.contains("pending"),
        "{}",
        ran.out
    );
    let scores = fs::read_to_string(class.out("budget/scores.csv")).expect("rows all the same");
    assert_eq!(scores.lines().count(), 1 + class.students.len());
}

#[test]
fn two_graders_do_not_write_into_one_folder() {
    let class = &*GRADED;
    let mut first = start(class, class.begun("locked"));
    let mut lines = BufReader::new(first.stdout.take().expect("a pipe")).lines();
    assert!(
        lines.any(|line| line.expect("UTF-8").contains("students")),
        "it has begun"
    );
    let ran = class.run("locked", &[]);
    assert!(
        ran.code == 2 && ran.err.contains("another `cargo grade` writes into it"),
        "{}{}",
        ran.out,
        ran.err
    );
    first.kill().expect("it can be killed");
    first.wait().expect("it ends");
}

#[test]
fn an_interrupt_keeps_what_is_done() {
    let class = &*GRADED;
    let mut child = start(class, class.begun("interrupted"));
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    assert!(
        lines.any(|line| line.expect("UTF-8").contains(" left")),
        "something is done"
    );
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .expect("kill is there");
    assert!(kill.success());
    lines.for_each(drop);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let planned = class.run("interrupted", &["--dry-run"]);
    assert!(
        planned.out.contains("keep") && planned.out.contains("grade"),
        "{}",
        planned.out
    );
}
