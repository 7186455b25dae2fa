//! The command line.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The command that starts a worker of `batch`. Nobody types it.
pub const WORKER: &str = "batch-worker";

/// Grades a submission of a distributed-systems lab, with the same verdict on every machine.
#[derive(Debug, Parser)]
#[command(
    name = "cargo grade",
    bin_name = "cargo grade",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Without arguments, lists the labs.\n\nExit codes: 0 all passed; 1 graded, \
                  something failed; 2 wrong usage; 3 the submission does not\nbuild; 4 the \
                  grader itself failed (no score); 5 not graded: try again, or a human \
                  must\nlook; 130 interrupted. `check` and `batch` have their own: cargo \
                  grade check --help."
)]
pub struct Arguments {
    /// What to do instead of grading.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The lab, such as lab2.
    pub lab: Option<String>,

    /// Run only these parts (A, B, ...), categories (safety, chaos, ...), and tests whose names
    /// contain one of these words.
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,

    /// The folder of the submission: a crate with src/lib.rs.
    #[arg(long, value_name = "DIR")]
    pub path: Option<PathBuf>,

    /// List the tests, their points and their promises, without running them.
    #[arg(long)]
    pub list: bool,

    /// Run each test only with this seed.
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    pub seed: Option<u64>,

    /// Run each test with this many seeds instead of the rubric's number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub seeds: Option<u64>,

    /// For course staff: run the tests and seeds of the rubric's nightly runs, including hidden
    /// tests.
    #[arg(long, conflicts_with_all = ["seed", "seeds", "filters", "list"])]
    pub nightly: bool,

    /// Also write the result to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Write the traces of failures to this folder instead of target/grade/LAB.
    #[arg(long, value_name = "DIR")]
    pub traces: Option<PathBuf>,

    /// Write the report page to this file instead of report.html beside the traces; `none` writes
    /// no page.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,

    /// Number of threads (default: one per core). The result is the same.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,

    /// Also show where the time went: compile, load, run, explore, verify, shrink, report.
    #[arg(long)]
    pub timings: bool,

    /// For course staff: show the original run of each failure, not a smaller one that fails in the
    /// same way.
    #[arg(long)]
    pub no_shrink: bool,

    /// For course staff: also run the hidden tests.
    #[arg(long)]
    pub hidden: bool,

    /// For course staff: seed the hidden tests with the secret in this file, so that nobody can
    /// predict their schedules.
    #[arg(long, value_name = "FILE", requires = "hidden")]
    pub salt: Option<PathBuf>,

    /// Show and write only what students may see of the hidden tests.
    #[arg(long)]
    pub student_view: bool,

    /// With --student-view: show the tests marked after_deadline in full, because the late period
    /// is over.
    #[arg(long, requires = "student_view")]
    pub after_deadline: bool,

    /// Colour the output.
    #[arg(long, value_enum, default_value_t = Color::Auto, global = true)]
    pub color: Color,
}

/// The command line without the word that cargo puts first when it runs a program of the name
/// `cargo-grade` for `cargo grade`. Only under that name: `cargo run` puts nothing first, and there
/// is no lab `grade`.
pub fn words(given: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = given.into_iter().collect();
    let name = words
        .first()
        .and_then(|program| Path::new(program).file_stem());
    let subcommand = name.is_some_and(|name| name.to_string_lossy().starts_with("cargo-grade"));
    if subcommand && words.get(1).is_some_and(|word| word == "grade") {
        words.remove(1);
    }
    words
}

/// When to colour the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The object that a history is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Model {
    /// Texts by key: put, append, get, cas, put-at, get-at.
    Kv,
    /// Any values by key: put, get, cas.
    Register,
    /// Queues by key: enqueue, dequeue.
    Queue,
    /// Locks by key: acquire, release.
    Lock,
    /// Accounts, all together: deposit, transfer, balances.
    Bank,
}

/// How the submissions of a class are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// Clones of GitHub Classroom: PREFIX-LOGIN in ASSIGNMENT-submissions.
    Classroom,
    /// Clones of Classroom 50: CLASSROOM-ASSIGNMENT-LOGIN, with result.json.
    Classroom50,
    /// A folder for each student, named by login or identifier.
    Flat,
    /// A zip file for each student, named by login or identifier.
    Zips,
    /// The bulk download of Canvas.
    Canvas,
    /// The bulk download of Moodle.
    Moodle,
    /// The bulk download of Gradescope.
    Gradescope,
}

/// Arguments of `import`.
#[derive(Debug, Args)]
pub struct Import {
    /// The folder of the submissions, or one zip file for the whole class.
    pub dir: PathBuf,

    /// The layout of the submissions, if it is not detected correctly.
    #[arg(long, value_enum)]
    pub layout: Option<Layout>,

    /// The roster (default: classroom_roster.csv, roster.csv or students.csv in DIR or beside it).
    #[arg(long, value_name = "FILE")]
    pub roster: Option<PathBuf>,

    /// GitHub Classroom's grades, for submission times (default: grades.csv in DIR or beside it).
    #[arg(long, value_name = "FILE")]
    pub grades: Option<PathBuf>,

    /// A table of team and login or identifier (default: teams.csv in DIR or beside it).
    #[arg(long, value_name = "FILE")]
    pub teams: Option<PathBuf>,

    /// A table of login or identifier and deadline: students who may hand in later.
    #[arg(long, value_name = "FILE")]
    pub extensions: Option<PathBuf>,

    /// The deadline: 2026-11-01T23:59:00+01:00, or "2026-11-01 23:59 Europe/Berlin".
    #[arg(long, value_name = "WHEN")]
    pub deadline: Option<String>,

    /// Take the last commit, however late, and record how late it is.
    #[arg(long)]
    pub late: bool,

    /// Prefer commits with a submit/* tag.
    #[arg(long)]
    pub tag: bool,

    /// The file to write (default: batch.toml in DIR, or beside DIR if it is a zip file); seen.toml
    /// is written beside it.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Replace the file even if it was edited by hand.
    #[arg(long)]
    pub replace: bool,

    /// Use this time instead of the current time.
    #[arg(long, value_name = "WHEN")]
    pub now: Option<String>,
}

/// What to do instead of grading.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Repeat a failure exactly, from its trace file.
    Replay {
        /// The trace file, or a failed test such as lab2/put_append_get (default: the first failure
        /// of the last run).
        #[arg(value_name = "TRACE|LAB/TEST")]
        trace: Option<PathBuf>,

        /// The folder of the submission, if it is not where the trace says.
        #[arg(long, value_name = "DIR")]
        path: Option<PathBuf>,

        /// Move through the run step by step, forward and back: what each step changed, each node's
        /// state, timers and disk, and the messages under way. Without a terminal, print all steps.
        #[arg(long)]
        step: bool,

        /// Print this step, and the whole world after it.
        #[arg(long, value_name = "N", conflicts_with = "step")]
        at: Option<u64>,
    },
    /// For course authors: show which test catches which wrong solution, and which promise is
    /// broken.
    Mutants {
        /// The lab, such as lab2.
        lab: String,

        /// Only these wrong solutions: names of files in solutions/LAB/mutants, without .patch.
        #[arg(value_name = "NAME")]
        names: Vec<String>,

        /// Also write the matrix to this file, as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,

        /// Grade nothing. The patches fit the reference of this git revision: make them fit the
        /// current reference (a three-way merge), and list those that do not merge.
        #[arg(long, value_name = "REVISION", conflicts_with_all = ["json", "threads"])]
        rebase: Option<String>,

        /// Number of threads (default: one per core). The result is the same.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
        threads: Option<u16>,

        /// Also show where the time went, over all grades.
        #[arg(long, conflicts_with = "rebase")]
        timings: bool,
    },
    /// Grade again whenever a file of the submission is saved.
    Watch {
        /// The lab, such as lab2 (default: the lab that was graded last).
        lab: Option<String>,

        /// Run only these parts (A, B, ...), categories (safety, chaos, ...), and tests whose
        /// names contain one of these words.
        #[arg(value_name = "FILTER")]
        filters: Vec<String>,

        /// The folder of the submission: a crate with src/lib.rs.
        #[arg(long, value_name = "DIR")]
        path: Option<PathBuf>,

        /// Also show where the time of each grade went.
        #[arg(long)]
        timings: bool,
    },
    /// Give a hint, as a question, about a test's latest failure.
    Hint {
        /// The test, such as lab2/state_survives_failover, or its name alone if that is
        /// unambiguous.
        #[arg(value_name = "LAB/TEST")]
        test: String,
    },
    /// Check whether recorded histories are linearizable: does one order of the operations explain
    /// all replies?
    ///
    /// Exit codes: 0 linearizable (in a folder: every verdict matches the file's name, -ok or
    /// -bad); 1 violated, or a verdict does not match the name; 2 wrong usage, or a file is not a
    /// history; 4 the page cannot be written; 5 nothing is wrong, but a search did not finish.
    /// SPEC.md, section 12, describes the formats.
    Check {
        /// A history (JSON lines, or events), or a folder of them: all of its *.jsonl and *.txt.
        #[arg(value_name = "FILE|DIR")]
        path: PathBuf,

        /// Print the verdicts as JSON.
        #[arg(long)]
        json: bool,

        /// Also write an HTML page to this file that shows the operations as bars.
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,

        /// The object that the operations act on.
        #[arg(long, value_enum, default_value_t = Model::Kv)]
        model: Model,
    },
    /// For course staff: grade a class. If it is interrupted, the same command continues where it
    /// stopped.
    ///
    /// Exit codes: 0 everybody is scored, whatever the scores; 2 wrong usage; 4 this machine cannot
    /// grade; 5 somebody is not scored (rejected, not scored, or not graded yet); 130 interrupted,
    /// and all finished results are kept.
    Batch(BatchArguments),
    /// For course staff: join the results of several machines for one class (batch --shard).
    Merge(MergeArguments),
    /// For course staff: check whether the build sandbox works on this machine.
    ///
    /// Exit codes: 0 it works; 4 it does not, and `batch` refuses to build.
    Doctor,
    /// Starts a worker of `batch`.
    #[command(name = WORKER, hide = true)]
    BatchWorker,
    /// For course staff: turn a folder of clones or zip files and a roster into a batch
    /// (batch.toml).
    ///
    /// Runs no program and uses no network. Exit codes: 0 the batch is written; 2 wrong usage, or a
    /// roster or the folder cannot be used; 4 the batch cannot be written. SPEC.md, section 13,
    /// describes what is detected, and how.
    Import(Box<Import>),
    /// For course authors: derive a lab's starter from its reference solution.
    Starter {
        /// The lab, such as lab2.
        lab: String,
    },
    /// For course authors: create a new lab, small but complete, as a starting point.
    ///
    /// The lab goes into this project, or into a workspace of its own that depends on Faultline.
    /// Exit codes: 0 the whole lab was written; 2 a name cannot be used, or a file is in the way,
    /// and nothing was written; 4 it cannot be written. docs/a-lab-of-your-own.md describes its
    /// parts.
    NewLab(NewLabArguments),
}

/// Arguments of `new-lab`.
#[derive(Debug, Args)]
pub struct NewLabArguments {
    /// Its name: lower-case letters, digits and dashes.
    pub name: String,

    /// Its title.
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,

    /// Create this folder, as a workspace for labs of your own.
    #[arg(long, value_name = "DIR")]
    pub outside: Option<PathBuf>,

    /// The checkout of Faultline that the workspace depends on, instead of this project.
    #[arg(
        long,
        value_name = "PATH",
        requires = "outside",
        conflicts_with = "faultline_git"
    )]
    pub faultline: Option<PathBuf>,

    /// The git repository of Faultline that the workspace depends on.
    #[arg(long, value_name = "URL", requires = "outside")]
    pub faultline_git: Option<String>,

    /// The revision (default: the head of the default branch).
    #[arg(long, value_name = "REV", requires = "faultline_git")]
    pub rev: Option<String>,
}

/// Arguments of `batch`.
#[derive(Debug, Args)]
pub struct BatchArguments {
    /// The lab, such as lab2.
    pub lab: String,

    /// The file that `cargo grade import` wrote.
    #[arg(value_name = "batch.toml")]
    pub batch: PathBuf,

    /// The folder for the results (default: results-LAB beside batch.toml).
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Also run the hidden tests.
    #[arg(long)]
    pub hidden: bool,

    /// Seed the hidden tests with the secret in this file.
    #[arg(long, value_name = "FILE", requires = "hidden")]
    pub salt: Option<PathBuf>,

    /// Grade only this submission, student or account; may be repeated. All other rows stay as they
    /// are.
    #[arg(long, value_name = "ID")]
    pub only: Vec<String>,

    /// Number of submissions to grade at the same time (default: one per core). The results are the
    /// same.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,

    /// Grade submissions again that already have a result.
    #[arg(long)]
    pub fresh: bool,

    /// Show what would be graded and why, without running anything.
    #[arg(long)]
    pub dry_run: bool,

    /// Show the original run of each failure, not a smaller one: failures then take half the time.
    #[arg(long)]
    pub no_shrink: bool,

    /// Start no further submission after this time, such as 2h or 90m; the same command continues
    /// later.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub budget: Option<Duration>,

    /// Grade only the K-th of N parts of the class, such as 3/16; `cargo grade merge` joins them.
    #[arg(long, value_name = "K/N", value_parser = shard)]
    pub shard: Option<Part>,

    /// Show the tests marked after_deadline in full in the students' reports, because the late
    /// period is over.
    #[arg(long)]
    pub after_deadline: bool,

    /// Build without a sandbox. Students' code could then read this machine's files, and every
    /// result says so.
    #[arg(long)]
    pub unsafe_build: bool,

    /// Time limit for the compiler, per submission (default: 2m). A submission that takes longer is
    /// not scored.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub build_limit: Option<Duration>,

    /// Time limit for grading, per submission (default: 20m). A submission that takes longer is not
    /// scored.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub limit: Option<Duration>,
}

/// Arguments of `merge`.
#[derive(Debug, Args)]
pub struct MergeArguments {
    /// The folder for the joined results.
    pub out: PathBuf,

    /// The folders with the shards' results.
    #[arg(required = true, value_name = "DIR")]
    pub shards: Vec<PathBuf>,

    /// As for `batch`.
    #[arg(long)]
    pub after_deadline: bool,
}

/// The K-th of N parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// K, from 1.
    pub part: usize,
    /// N.
    pub of: usize,
}

/// Reads `2h`, `90m`, `1h 30m`, `500ms`.
fn duration(text: &str) -> Result<Duration, String> {
    let expected = "expected a time such as 2h, 90m or 45s";
    match humantime::parse_duration(text) {
        Err(error) => Err(format!("{error}; {expected}")),
        Ok(Duration::ZERO) => Err(format!("no time at all; {expected}")),
        Ok(duration) => Ok(duration),
    }
}

/// Reads `3/16`.
fn shard(text: &str) -> Result<Part, String> {
    let read = || -> Option<Part> {
        let (part, of) = text.split_once('/')?;
        let (part, of) = (part.parse().ok()?, of.parse().ok()?);
        (1..=of).contains(&part).then_some(Part { part, of })
    };
    read().ok_or_else(|| "expected K/N with 1 <= K <= N, such as 3/16".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        let millis = |text: &str| duration(text).map(|read| read.as_millis());
        for (text, expected) in [
            ("2h", 7_200_000),
            ("90m", 5_400_000),
            ("45s", 45_000),
            ("1h 30m", 5_400_000),
            ("1ms", 1),
        ] {
            assert_eq!(millis(text), Ok(expected), "{text:?}");
        }
        for text in ["", "2", "h", "-2h", "2h 30", "99999999999999999h"] {
            let expected = "expected a time such as 2h";
            assert!(
                millis(text).is_err_and(|error| error.contains(expected)),
                "{text:?}"
            );
        }
        assert!(millis("0s").is_err_and(|error| error.starts_with("no time at all")));
    }

    fn words_of(line: &str) -> String {
        let words = words(line.split(' ').map(OsString::from));
        words
            .iter()
            .map(|word| word.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn cargo_names_its_subcommand_once_more() {
        for (given, meant) in [
            ("/bin/cargo-grade grade lab2 B", "/bin/cargo-grade lab2 B"),
            ("cargo-grade.exe grade", "cargo-grade.exe"),
            ("./cargo-grade lab2 grade", "./cargo-grade lab2 grade"),
            ("./cargo-grade grade grade", "./cargo-grade grade"),
            (
                "target/debug/faultline grade",
                "target/debug/faultline grade",
            ),
            ("./cargo-grade", "./cargo-grade"),
        ] {
            assert_eq!(words_of(given), meant);
        }
    }
}
