//! `cargo grade batch` and `merge` on a class that is made up.

#[path = "class/mod.rs"]
mod class;
mod support;

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::LazyLock,
    time::{Duration, Instant},
};

use serde_json::Value;

use class::Sort;
use support::{Ran, cargo_grade, changed, root};

/// So many students have all sorts of submissions.
const SIZE: usize = 10;

/// A class, imported and graded once, undisturbed.
struct Graded {
    folder: PathBuf,
    students: Vec<(String, Sort)>,
    ran: Ran,
    took: Duration,
    files: BTreeMap<String, Vec<u8>>,
}

static GRADED: LazyLock<Graded> = LazyLock::new(|| {
    // What is in a static is never dropped, so it lies where cargo keeps such things.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("batch");
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("it is of an older run");
    }
    let class = class::make(&root(), "lab0", SIZE, &folder);
    let (into, batch) = (text(&class.folder), folder.join("batch.toml"));
    let roster = folder.join("classroom_roster.csv");
    let imported = cargo_grade(&[
        "import",
        &into,
        "--roster",
        &text(&roster),
        "--deadline",
        class::DEADLINE,
        "--now",
        "2026-03-02T00:00:00Z",
        "--out",
        &text(&batch),
    ]);
    assert_eq!(imported.code, 0, "{}{}", imported.out, imported.err);
    let began = Instant::now();
    let out = folder.join("whole");
    let ran = cargo_grade(
        &batch_arguments(&batch, &out)
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    );
    let took = began.elapsed();
    let files = files_of(&out);
    Graded {
        students: class.students,
        folder,
        ran,
        took,
        files,
    }
});

impl Graded {
    fn batch(&self) -> PathBuf {
        self.folder.join("batch.toml")
    }

    fn out(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A folder for results in which the check of the machine is done already, as it would be after
    /// a kill.
    fn begun<'a>(&self, out: &'a str) -> &'a str {
        fs::create_dir_all(self.out(out)).expect("a new folder");
        fs::write(
            self.out(out).join("preflight.json"),
            &self.files["preflight.json"],
        )
        .expect("a new file");
        out
    }

    fn run(&self, out: &str, more: &[&str]) -> Ran {
        let arguments = batch_arguments(&self.batch(), &self.out(out));
        cargo_grade(
            &arguments
                .iter()
                .map(String::as_str)
                .chain(more.iter().copied())
                .collect::<Vec<_>>(),
        )
    }

    fn rows(&self) -> Vec<Value> {
        let scores: Value = serde_json::from_slice(&self.files["scores.json"]).expect("JSON");
        scores["rows"].as_array().expect("a list").clone()
    }
}

fn batch_arguments(batch: &Path, out: &Path) -> Vec<String> {
    // To shrink failures takes as long as all the rest.
    let options = ["--hidden", "--no-shrink", "--out"].map(str::to_owned);
    ["batch".into(), "lab0".into(), text(batch)]
        .into_iter()
        .chain(options)
        .chain([text(out)])
        .collect()
}

fn text(path: &Path) -> String {
    path.to_str().expect("a plain path").to_owned()
}

/// All files below a folder, by their names.
fn files_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let name = text(path.strip_prefix(folder).expect("it is below"));
                    files.insert(name, fs::read(&path).expect("a file"));
                }
            }
        }
    }
    files
}

fn assert_same(
    files: &BTreeMap<String, Vec<u8>>,
    expected: &BTreeMap<String, Vec<u8>>,
    what: &str,
) {
    let names: Vec<&String> = files.keys().collect();
    assert_eq!(names, expected.keys().collect::<Vec<_>>(), "{what}");
    for (name, bytes) in files {
        assert!(*bytes == expected[name], "{what}: {name} differs");
    }
}

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
            Sort::Reference | Sort::Variant | Sort::Late | Sort::Team => ("graded", 100..=100),
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
    let said = &class.ran.out;
    assert!(said.contains("reference 100/100, starter 0/100"), "{said}");
    assert!(
        said.contains("include_str"),
        "why somebody is rejected: {said}"
    );
    // The folders that are handed out tell nothing of hidden tests.
    for (name, bytes) in &class.files {
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
        !ran.out.contains("sure"),
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
fn four_shards_joined_are_one_class() {
    let class = &*GRADED;
    let shards: Vec<String> = (1..=4).map(|part| format!("shard-{part}")).collect();
    for (part, out) in (1..=4).zip(&shards) {
        let ran = class.run(class.begun(out), &["--shard", &format!("{part}/4")]);
        assert_eq!(ran.code, 5, "others are pending: {}{}", ran.out, ran.err);
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
        ran.code == 2 && ran.err.contains("different results"),
        "{}{}",
        ran.out,
        ran.err
    );
    assert!(!class.out("contradiction").exists(), "nothing was written");
}

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
}

fn start(class: &Graded, out: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_faultline"));
    command
        .args(batch_arguments(&class.batch(), &class.out(out)))
        .current_dir(root());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command.spawn().expect("the grader runs")
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
            .filter(|line| line.contains("no build"))
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
        lines.any(|line| line.expect("UTF-8").contains("rows")),
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
