//! What can be asked for on the command line.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The command that a worker of `batch` is started with. Nobody types it.
pub const WORKER: &str = "batch-worker";

/// Grades a submission of a distributed-systems lab: the same verdict on every machine.
#[derive(Debug, Parser)]
#[command(
    name = "cargo grade",
    bin_name = "cargo grade",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Without arguments, tells which labs there are.\n\nExit codes: 0 all passed; 1 \
                  graded, something failed; 2 the \
                  command is wrong; 3 the submission\ndoes not build; 4 the grader itself failed \
                  (no score); 5 not graded, \
                  a human or another try is needed;\n130 interrupted. `check` and `batch` have \
                  their own: cargo grade check --help."
)]
pub struct Arguments {
    /// What to do instead of grading.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The lab, such as lab2.
    pub lab: Option<String>,

    /// Run only these parts (A, B, ...), categories (safety, chaos, ...) and the tests whose names
    /// contain one of these texts.
    #[arg(value_name = "FILTER")]
    pub filters: Vec<String>,

    /// The folder of the submission: a crate with src/lib.rs.
    #[arg(long, value_name = "DIR")]
    pub path: Option<PathBuf>,

    /// List the tests, their points and what they promise, and run nothing.
    #[arg(long)]
    pub list: bool,

    /// Run each test only with this seed.
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    pub seed: Option<u64>,

    /// Run each test with this many seeds instead of what the rubric says.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub seeds: Option<u64>,

    /// For course staff: the tests and the many seeds of the rubric's nightly runs, hidden tests
    /// included.
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

    /// Run on this many threads instead of one per core. The result is the same.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,

    /// Also tell where the time went: compile, load, run, explore, verify, shrink, report.
    #[arg(long)]
    pub timings: bool,

    /// For course staff: show each failure's own run, not a smaller one that fails in the same way.
    #[arg(long)]
    pub no_shrink: bool,

    /// For course staff: run the hidden tests, too.
    #[arg(long)]
    pub hidden: bool,

    /// For course staff: seed the hidden tests with the secret in this file, so that nobody knows
    /// their schedules.
    #[arg(long, value_name = "FILE", requires = "hidden")]
    pub salt: Option<PathBuf>,

    /// Show and write only what students may see of hidden tests.
    #[arg(long)]
    pub student_view: bool,

    /// With --student-view: the late period is over, so show the tests marked after_deadline in
    /// full.
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

/// What histories are histories of.
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

/// What `import` is told.
#[derive(Debug, Args)]
pub struct Import {
    /// The folder of the submissions, or the zip file of a whole class.
    pub dir: PathBuf,

    /// How the submissions are laid out, if that is not found out right.
    #[arg(long, value_enum)]
    pub layout: Option<Layout>,

    /// The roster; without it classroom_roster.csv, roster.csv or students.csv in DIR or beside it.
    #[arg(long, value_name = "FILE")]
    pub roster: Option<PathBuf>,

    /// GitHub Classroom's grades, for submission times; without it grades.csv in DIR or beside it.
    #[arg(long, value_name = "FILE")]
    pub grades: Option<PathBuf>,

    /// A table of team and login (or identifier); without it teams.csv in DIR or beside it.
    #[arg(long, value_name = "FILE")]
    pub teams: Option<PathBuf>,

    /// A table of login (or identifier) and deadline: who may hand in later.
    #[arg(long, value_name = "FILE")]
    pub extensions: Option<PathBuf>,

    /// When submissions had to be there: 2026-11-01T23:59:00+01:00, or "2026-11-01 23:59
    /// Europe/Berlin".
    #[arg(long, value_name = "WHEN")]
    pub deadline: Option<String>,

    /// Take the last commit, however late; how late is written down.
    #[arg(long)]
    pub late: bool,

    /// Prefer commits with a submit/* tag.
    #[arg(long)]
    pub tag: bool,

    /// The file to write, instead of batch.toml in DIR (beside it, if it is a zip file); seen.toml
    /// is written beside it.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Replace the file even if it was changed by hand.
    #[arg(long)]
    pub replace: bool,

    /// Take this moment for the present.
    #[arg(long, value_name = "WHEN")]
    pub now: Option<String>,
}

/// What to do instead of grading.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a failure again, exactly, from the trace file that it left.
    Replay {
        /// The trace file, or a test that failed, such as lab2/put_append_get; the first failure of
        /// the last run if it is not given.
        #[arg(value_name = "TRACE|LAB/TEST")]
        trace: Option<PathBuf>,

        /// The folder of the submission, if it is not where the trace says.
        #[arg(long, value_name = "DIR")]
        path: Option<PathBuf>,

        /// Go through it step by step, forward and back: what each step changed, each node's state,
        /// timers and disk, and the messages under way. Without a terminal, print all steps.
        #[arg(long)]
        step: bool,

        /// Print the step with this number and the whole world after it.
        #[arg(long, value_name = "N", conflicts_with = "step")]
        at: Option<u64>,
    },
    /// For course authors: which test catches which wrong solution, and which promise is broken?
    Mutants {
        /// The lab, such as lab2.
        lab: String,

        /// Only these wrong solutions: names of files in solutions/LAB/mutants, without .patch.
        #[arg(value_name = "NAME")]
        names: Vec<String>,

        /// Also write the matrix to this file, as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,

        /// Grade nothing: make the patches, which fit the reference of this git revision, fit the
        /// reference of today (a three-way merge), and list those that do not merge.
        #[arg(long, value_name = "REVISION", conflicts_with_all = ["json", "threads"])]
        rebase: Option<String>,

        /// Run on this many threads instead of one per core. The result is the same.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
        threads: Option<u16>,

        /// Also tell where the time of all these grades went.
        #[arg(long, conflicts_with = "rebase")]
        timings: bool,
    },
    /// Grade again whenever a file of the submission is saved; one key each for the rest.
    Watch {
        /// The lab, such as lab2; what was graded last if it is not given.
        lab: Option<String>,

        /// Run only these parts (A, B, ...), categories (safety, chaos, ...) and the tests whose
        /// names contain one of these texts.
        #[arg(value_name = "FILTER")]
        filters: Vec<String>,

        /// The folder of the submission: a crate with src/lib.rs.
        #[arg(long, value_name = "DIR")]
        path: Option<PathBuf>,

        /// Also tell where the time of each grade went.
        #[arg(long)]
        timings: bool,
    },
    /// A question that leads on, for the failure that a test had last.
    Hint {
        /// The test, such as lab2/state_survives_failover, or its name alone where that is clear.
        #[arg(value_name = "LAB/TEST")]
        test: String,
    },
    /// Check recorded histories: is there one order of the operations that explains all replies?
    ///
    /// Exit codes: 0 linearizable (in a folder: every verdict is the one that the file's name says,
    /// -ok or -bad); 1 violated, or not what the name says; 2 the command is wrong, or a file is no
    /// history; 4 the page cannot be written; 5 nothing is wrong, but some search was not finished.
    /// SPEC.md, section 12, has the formats.
    Check {
        /// A history (JSON lines, or events), or a folder of them: all of its *.jsonl and *.txt.
        #[arg(value_name = "FILE|DIR")]
        path: PathBuf,

        /// Print the verdicts as JSON.
        #[arg(long)]
        json: bool,

        /// Also write a page with the operations as bars to this file.
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,

        /// What the operations are operations of.
        #[arg(long, value_enum, default_value_t = Model::Kv)]
        model: Model,
    },
    /// For course staff: grade a class. Stopped at any moment, the same command goes on where it
    /// was.
    ///
    /// Exit codes: 0 whatever the scores; 2 the command is wrong; 4 this machine cannot grade; 5
    /// somebody is not scored (rejected, not scored, or not graded yet); 130 interrupted, and what
    /// was done is kept.
    Batch(BatchArguments),
    /// For course staff: join the results that several machines have of one class (batch --shard).
    Merge(MergeArguments),
    /// For course staff: does what protects this machine from the submissions that it builds work
    /// here?
    ///
    /// Exit codes: 0 it does; 4 it does not, and `batch` refuses to build.
    Doctor,
    /// What a worker of `batch` is started with.
    #[command(name = WORKER, hide = true)]
    BatchWorker,
    /// For course staff: from a folder of clones or zip files and a roster to a batch, the file
    /// batch.toml.
    ///
    /// No program is run and no service asked. Exit codes: 0 the batch is written; 2 the command is
    /// wrong, or a roster or the folder cannot be used; 4 the batch cannot be written. SPEC.md,
    /// section 13, tells what is found out, and how.
    Import(Box<Import>),
    /// For course staff: write a lab's starter anew from its reference solution.
    Starter {
        /// The lab, such as lab2.
        lab: String,
    },
    /// For course staff: write a new lab, a whole small one to go on from.
    ///
    /// It is written into this project, or into a workspace of its own that has Faultline as a
    /// dependency. Exit codes: 0 all of it is there; 2 a name cannot be used or something is in the
    /// way, and nothing was written; 4 it cannot be written. docs/a-lab-of-your-own.md tells what
    /// it consists of.
    NewLab(NewLabArguments),
}

/// What new lab to write, and where.
#[derive(Debug, Args)]
pub struct NewLabArguments {
    /// Its name: lower-case letters, digits and dashes.
    pub name: String,

    /// Its title.
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,

    /// Make this folder, a workspace for labs of your own.
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

    /// The revision of it; without one, the head of its default branch.
    #[arg(long, value_name = "REV", requires = "faultline_git")]
    pub rev: Option<String>,
}

/// What to grade of a class, and how.
#[derive(Debug, Args)]
pub struct BatchArguments {
    /// The lab, such as lab2.
    pub lab: String,

    /// The file that `cargo grade import` wrote.
    #[arg(value_name = "batch.toml")]
    pub batch: PathBuf,

    /// The folder of the results; results-LAB beside batch.toml if it is not given.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Run the hidden tests, too.
    #[arg(long)]
    pub hidden: bool,

    /// Seed the hidden tests with the secret in this file.
    #[arg(long, value_name = "FILE", requires = "hidden")]
    pub salt: Option<PathBuf>,

    /// Only this submission, student or account; may be given several times. All other rows stay as
    /// they are.
    #[arg(long, value_name = "ID")]
    pub only: Vec<String>,

    /// Grade this number of submissions at the same time instead of one per core. The results are
    /// the same.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,

    /// Grade again what has its result already.
    #[arg(long)]
    pub fresh: bool,

    /// Tell what would be graded and why, and run nothing.
    #[arg(long)]
    pub dry_run: bool,

    /// Show each failure's own run instead of a smaller one: what fails is graded in half the time.
    #[arg(long)]
    pub no_shrink: bool,

    /// Begin no further submission after this time, such as 2h or 90m; the same command goes on.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub budget: Option<Duration>,

    /// Only the K-th of N parts of the class, such as 3/16; `cargo grade merge` joins them.
    #[arg(long, value_name = "K/N", value_parser = shard)]
    pub shard: Option<Part>,

    /// The late period is over, so show the tests marked after_deadline in full in the students'
    /// reports.
    #[arg(long)]
    pub after_deadline: bool,

    /// Build without a sandbox. What students wrote could then read this machine's files, and every
    /// result says so.
    #[arg(long)]
    pub unsafe_build: bool,

    /// How long the compiler may take for one submission (2m if not given). What takes longer is
    /// not scored.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub build_limit: Option<Duration>,

    /// How long grading one submission may take in all (20m if not given). What takes longer is not
    /// scored.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub limit: Option<Duration>,
}

/// What to join.
#[derive(Debug, Args)]
pub struct MergeArguments {
    /// The folder of the joined results.
    pub out: PathBuf,

    /// The folders of the shards' results.
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
