//! What grading a class costs: `cargo run -p faultline-full --example class -- [SIZE] [LAB]` makes
//! a class of SIZE students (120) of LAB (lab2) with correct, wrong, broken, hostile, missing and
//! late submissions and teams, imports and grades it with all hidden tests, and prints the real
//! time for each submission and the most memory that all processes of the grader had together.
//!
//! `cargo run -p faultline-full --example class -- make DIR [SIZE] [LAB]` only makes the class, in
//! the new folder DIR, to try docs/grading-a-class.md with it.

#[path = "../tests/class/mod.rs"]
mod class;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use class::Sort;

fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    let only_made = arguments.next_if_eq("make").map(|_| {
        let folder = arguments.next().expect("make DIR: the folder is missing");
        PathBuf::from(folder)
    });
    let size = arguments
        .next()
        .map_or(120, |size| size.parse().expect("SIZE is a number"));
    let lab = arguments.next().unwrap_or_else(|| "lab2".to_owned());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the project is above");
    match only_made {
        Some(folder) => only_make(root, &lab, size, &folder),
        None => grade(root, &lab, size),
    }
}

/// Makes a class, and says how it is imported.
fn only_make(root: &Path, lab: &str, size: usize, into: &Path) {
    assert!(!into.exists(), "{} is there already", into.display());
    let class = class::make(root, lab, size, into);
    let into = into.display();
    println!(
        "cargo grade import {} --roster {into}/classroom_roster.csv \\\n    \
         --extensions {into}/extensions.csv --deadline {} --out {into}/batch.toml",
        class.folder.display(),
        class::DEADLINE
    );
}

fn grade(root: &Path, lab: &str, size: usize) {
    let grader = grader(root);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let class = class::make(root, lab, size, folder.path());
    let batch = folder.path().join("batch.toml");
    let import = Command::new(&grader)
        .args(["import", "--deadline", class::DEADLINE, "--roster"])
        .arg(folder.path().join("classroom_roster.csv"))
        .arg("--extensions")
        .arg(folder.path().join("extensions.csv"))
        .arg("--out")
        .arg(&batch)
        .arg(&class.folder)
        .stdout(Stdio::null())
        .status();
    assert_eq!(
        import.expect("the grader runs").code(),
        Some(0),
        "the class is imported"
    );
    let (code, took, peak) = run(Command::new(&grader)
        .args(["batch", lab, "--hidden"])
        .arg(&batch)
        .current_dir(root));
    // Hostile ones are rejected, so somebody is not scored.
    assert_eq!(code, Some(5), "the class is graded");

    let mut sorts: BTreeMap<Sort, usize> = BTreeMap::new();
    class
        .students
        .iter()
        .for_each(|(_, sort)| *sorts.entry(*sort).or_default() += 1);
    let rows = fs::read_to_string(folder.path().join(format!("results-{lab}/scores.csv")))
        .expect("scores");
    let submissions: BTreeSet<&str> = rows
        .lines()
        .skip(1)
        .filter_map(|row| row.split(',').nth(5))
        .filter(|id| !id.is_empty())
        .collect();
    println!("\n{size} students: {sorts:?}");
    println!(
        "{} submissions in {:.1} s",
        submissions.len(),
        took.as_secs_f64()
    );
    println!(
        "{:.2} s for each",
        took.as_secs_f64() / submissions.len() as f64
    );
    println!(
        "{} MiB at most, all processes together, the compiler among them",
        peak / 1024
    );
}

/// The grader of this project, built.
fn grader(root: &Path) -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "-q", "-p", "faultline-full"])
        .current_dir(root)
        .status();
    assert!(
        built.expect("cargo runs").success(),
        "the grader does not build"
    );
    let this = std::env::current_exe().expect("this program has a path");
    let built = this.ancestors().nth(2);
    built
        .expect("it lies in target/debug/examples")
        .join("faultline-full")
}

/// Runs a command to its end: its exit code, the real time, and the most memory that it and all
/// that it started had, in KiB.
fn run(command: &mut Command) -> (Option<i32>, Duration, u64) {
    let began = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .spawn()
        .expect("the grader runs");
    let process = child.id();
    let (over, peak) = (AtomicBool::new(false), AtomicU64::new(0));
    let code = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                peak.fetch_max(resident_kib(process), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(50));
            }
        });
        let code = child.wait().expect("it can be waited for").code();
        over.store(true, Ordering::Relaxed);
        code
    });
    (code, began.elapsed(), peak.into_inner())
}

/// What a process and all that it started have in memory.
fn resident_kib(of: u32) -> u64 {
    let mut parents: BTreeMap<u32, (u32, u64)> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(process) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        let field = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let parent = field("PPid:")
            .and_then(|parent| u32::try_from(parent).ok())
            .unwrap_or(0);
        parents.insert(process, (parent, field("VmRSS:").unwrap_or(0)));
    }
    let belongs = |mut process: u32| loop {
        match parents.get(&process) {
            _ if process == of => return true,
            Some((parent, _)) if *parent != 0 => process = *parent,
            _ => return false,
        }
    };
    parents
        .iter()
        .filter(|(process, _)| belongs(**process))
        .map(|(_, (_, kib))| kib)
        .sum()
}
