//! Plan, run, score: from a submission to a stream of events.
//!
//! [`grade`] does all of it; [`replay`] runs one recorded failure again; [`matrix()`] grades the course's own right and
//! wrong solutions. The stages are modules: `plan` (what to run),
//! `run` (one test with one seed is a run), `story` (a recording as lines), `score` (points). Nothing here prints.

mod diagram;
mod error;
mod fields;
mod fingerprint;
mod hint;
mod histories;
mod matrix;
mod matters;
mod mutants;
mod origin;
mod plan;
mod rubric;
mod run;
mod salt;
mod score;
mod shrink;
mod starter;
mod story;
mod trace;
mod walk;

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use faultline_host::{
    BuildError, LabCrates, Machine, Prebuilt, Program, Staged, Toolchain, WORLD_STACK_BYTES, build::Options,
    machine::Limits, on_world_stack,
};
use faultline_sim::{Detail, backend::Backend};
use faultline_suites::Suite;
use faultline_verdict::{Audience, Event, FORMAT, Fingerprint, Grade, Outcome, Score, TestVerdict, Walk};

pub use error::Error;
pub use hint::{Hint, hint};
pub use histories::{CheckRequest, HistoryModel, check_histories};
pub use matrix::{MatrixRequest, matrix};
pub use mutants::{Mutant, mutants};
pub use plan::{LabInfo, Selection, has_hidden_tests, labs, tests};
pub use rubric::{Category, Row, Rubric, Visibility};
pub use run::Seeds;
pub use salt::Salt;
pub use starter::{derive_starter, write_starter};
pub use trace::{Trace, write_whole};

use plan::{lab_of, selected};
use run::{Job, Runner, Tested, run_once};

/// What to grade, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// The project: where labs, rubrics and `Cargo.lock` lie.
    pub root: PathBuf,
    /// The lab's id.
    pub lab: String,
    /// The submission's folder; the lab's starter if `None`.
    pub submission: Option<PathBuf>,
    /// Which tests.
    pub tests: Selection,
    /// Which seeds.
    pub seeds: Seeds,
    /// The course's secret, which goes into the seeds of hidden tests.
    pub salt: Option<Salt>,
    /// How many runs at once; one per core if `None`. The result does not depend on it.
    pub threads: Option<usize>,
    /// The folder in which failures leave their trace files (relative to the project, or absolute); none if `None`.
    pub traces: Option<PathBuf>,
    /// Whether failures are shrunk.
    pub shrink: bool,
    /// Who reads the traces. Verdicts and events are always those for staff: `faultline-report` leaves out of them what
    /// students must not see.
    pub audience: Audience,
}

/// Grades a submission: compiles it, runs the tests, adds up the points, and tells `listen` of everything on the way.
///
/// # Errors
/// What keeps it from being graded; a submission that does not compile is graded, with 0 points.
pub fn grade(
    request: &Request,
    listen: &mut (dyn FnMut(Event) + Send),
    interrupt: &AtomicBool,
) -> Result<Grade, Error> {
    let began = Instant::now();
    let root = &request.root;
    let (suite, rubric) = lab_of(root, &request.lab)?;
    let rows = selected(&suite, &rubric, &request.tests)?;
    let folder = request.submission.clone().unwrap_or_else(|| root.join("starter").join(&request.lab));
    let name = plan::shown_path(root, &folder);
    let submission = stage(&folder)?;
    origin::must_be(root)?;
    let (lab, title) = (rubric.lab.clone(), rubric.title.clone());
    listen(Event::Started {
        lab: lab.clone(),
        title: title.clone(),
        submission: name.clone(),
        tests: rows.len(),
        hidden_in_full: rows.iter().filter(|row| !row.is_public()).count(),
    });

    let toolchain = Toolchain::find(root).map_err(broken)?;
    let fingerprint = fingerprint_of(request, &submission, &toolchain)?;
    let mut grade = Grade {
        format: FORMAT,
        lab,
        title,
        fingerprint,
        outcome: Outcome::Graded,
        partial: !request.tests.filters.is_empty() || request.seeds != Seeds::Rubric,
        score: Score::default(),
        hidden_points_not_run: hidden_points(&mut rubric.tests.iter()) - hidden_points(&mut rows.iter().copied()),
        parts: Vec::new(),
        build_error: None,
        left_out: left_out(&submission),
        tests: Vec::new(),
    };
    let built = build(root, &toolchain, &submission, &suite);
    // Ctrl-C ends the compiler, too; what that says of the submission means nothing.
    if interrupt.load(Ordering::Relaxed) {
        return Err(Error::Interrupted);
    }
    match built {
        Err(Error::DoesNotBuild { text }) => {
            grade.outcome = Outcome::DoesNotBuild;
            grade.build_error = Some(text);
            (grade.parts, grade.score) = score::nothing(&rubric, &rows);
        }
        Err(error) => return Err(error),
        Ok(built) => {
            let took_ms = millis(began);
            listen(Event::Built { warnings: built.warnings.clone(), took_ms });
            let jobs = plan::jobs(&suite, &rows, request.seeds, request.salt.as_ref().map_or(0, |salt| salt.number));
            let tested = run_all(request, &rubric, &jobs, &built.program, listen, interrupt)?;
            grade.tests = keep_traces(request, &name, &grade.fingerprint.submission, tested)?;
            score::withhold(&rubric, &mut grade.tests);
            (grade.parts, grade.score) = score::add_up(&rubric, &grade.tests);
        }
    }
    listen(Event::Finished { grade: Box::new(grade.clone()), took_ms: millis(began) });
    Ok(grade)
}

fn hidden_points(rows: &mut dyn Iterator<Item = &Row>) -> u32 {
    rows.filter(|row| !row.is_public()).map(|row| row.points).sum()
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::Broken(error.to_string())
}

fn stage(folder: &Path) -> Result<Staged, Error> {
    Staged::from_folder(folder).map_err(|error| Error::Usage(error.to_string()))
}

/// What a student may wonder about: files among the sources that were not taken.
fn left_out(submission: &Staged) -> Vec<String> {
    let among_sources = submission.left_out().iter().filter(|file| file.path.starts_with("src/"));
    among_sources.map(|file| format!("{}: {}", file.path, file.why)).collect()
}

/// A submission that can run.
struct Built {
    program: Program,
    warnings: String,
}

fn build(root: &Path, toolchain: &Toolchain, submission: &Staged, suite: &Suite) -> Result<Built, Error> {
    let crates = LabCrates { student: suite.lab.to_owned(), api: suite.api_package.to_owned() };
    let prebuilt = Prebuilt::build(root, toolchain, crates).map_err(broken)?;
    let built = prebuilt.compile(submission, &Options::default()).map_err(|error| match error {
        BuildError::Submission(trouble) => Error::DoesNotBuild { text: trouble.plain },
        BuildError::Tool(error) => broken(error),
    })?;
    let program = Machine::new(Limits::default()).and_then(|machine| machine.load(&built.wasm)).map_err(broken)?;
    let warnings: Vec<&str> = built.warnings.iter().map(|warning| warning.plain.trim_end()).collect();
    Ok(Built { program, warnings: warnings.join("\n\n") })
}

/// What the grade depends on. Sources and lock are those that this grader was compiled from; `origin` has seen that the
/// project has no others.
fn fingerprint_of(request: &Request, submission: &Staged, toolchain: &Toolchain) -> Result<Fingerprint, Error> {
    let rubric = fingerprint::of_file(&Rubric::path(&request.root, &request.lab));
    Ok(Fingerprint {
        submission: submission.digest().to_string(),
        suite: origin::SOURCES.to_owned(),
        rubric: rubric.map_err(|error| broken(format!("no fingerprint: {error}")))?,
        salt: request.salt.as_ref().map(|salt| salt.digest.clone()),
        lock: origin::LOCK.to_owned(),
        // Its first line; the others tell of this machine, on which no result depends.
        rustc: toolchain.version().lines().next().unwrap_or_default().to_owned(),
    })
}

fn run_all(
    request: &Request,
    rubric: &Rubric,
    jobs: &[Job<'_>],
    program: &Program,
    listen: &mut (dyn FnMut(Event) + Send),
    interrupt: &AtomicBool,
) -> Result<Vec<Tested>, Error> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(request.threads.unwrap_or(0))
        .stack_size(WORLD_STACK_BYTES)
        .build()
        .map_err(broken)?;
    let backend = || -> Box<dyn Backend> { Box::new(program.backend()) };
    let runner = Runner {
        backend: &backend,
        lab: &request.lab,
        handout: &rubric.handout,
        interrupt,
        events: &Mutex::new(listen),
        done: AtomicU64::new(0),
        shrink: request.shrink,
        of: jobs.iter().map(|job| job.seeds.len() as u64).sum(),
    };
    pool.install(|| runner.run(jobs))
}

/// Writes the traces of failures and puts the command that replays them into the verdicts. The trace of a test that
/// passes now, or that the reader may not see, is removed: it would be of an older run.
fn keep_traces(request: &Request, name: &str, digest: &str, tested: Vec<Tested>) -> Result<Vec<TestVerdict>, Error> {
    let mut verdicts = Vec::with_capacity(tested.len());
    for (mut verdict, trace) in tested {
        if let Some(folder) = &request.traces {
            let short = folder.join(format!("{}.trace.json", verdict.id));
            let path = request.root.join(&short);
            let shown = request.audience.sees(verdict.visibility);
            match (trace.filter(|_| shown), &mut verdict.failure) {
                (Some(mut trace), Some(failure)) => {
                    trace.submission = name.to_owned();
                    trace.digest = digest.to_owned();
                    trace.write(&path)?;
                    failure.replay = Some(format!("cargo grade replay {}", short.display()));
                }
                _ => match std::fs::remove_file(&path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(broken(error)),
                    _ => {}
                },
            }
        }
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

/// A trace, run again.
#[derive(Debug)]
pub struct Replayed {
    /// The test's verdict on this one run.
    pub verdict: TestVerdict,
    /// True if the submission is not the one that the trace was made with.
    pub changed: bool,
    /// True if it failed in the same way as the trace says.
    pub same_failure: bool,
    /// How many actions of the trace were not possible any more.
    pub skipped: usize,
    /// The run step by step, if that was asked for.
    pub walk: Option<Walk>,
}

/// Runs the failure that a trace file holds again; with `step` it also keeps the world after each step.
///
/// # Errors
/// A trace that cannot be read, a submission that does not build, or a broken grader.
pub fn replay(root: &Path, path: &Path, submission: Option<&Path>, step: bool) -> Result<Replayed, Error> {
    // Reports name traces relative to the project, wherever their reader is.
    let in_project = root.join(path);
    let path = if !path.exists() && in_project.exists() { &in_project } else { path };
    let trace = Trace::read(path)?;
    let wrong = |what: String| Error::Trace { path: path.to_owned(), what };
    let (suite, rubric) = lab_of(root, &trace.lab)?;
    let test = suite.test(&trace.test);
    let test = test.ok_or_else(|| wrong(format!("{} has no test {:?}", trace.lab, trace.test)))?;
    let row = rubric.tests.iter().find(|row| row.id == trace.test).expect("the rubric has a row for each test");
    let folder = submission.map_or_else(|| root.join(&trace.submission), Path::to_owned);
    let submission = stage(&folder)?;
    origin::must_be(root)?;
    let toolchain = Toolchain::find(root).map_err(broken)?;
    let built = build(root, &toolchain, &submission, &suite)?;
    let changed = submission.digest().to_string() != trace.digest;
    let choices = trace.choices().expect("checked when it was read");
    let mode = trace.mode(if step { Detail::Worlds } else { Detail::Words });
    let backend = || -> Box<dyn Backend> { Box::new(built.program.backend()) };
    let (result, facts) = on_world_stack(|| run_once(&backend, test, trace.seed, choices, mode))?;
    let failure = result.err().map(|violation| {
        let handout = format!("{}#{}", rubric.handout, row.handout);
        run::failure(&violation, trace.seed, handout, &facts)
    });
    let walk = facts.recording.as_ref().filter(|_| step).map(|run| walk::walk(run, failure.as_ref()));
    let same = failure.as_ref().is_some_and(|failure| failure.kind == trace.kind && failure.observed == trace.observed);
    let verdict = run::verdict_of_one(row, failure);
    Ok(Replayed { verdict, changed, same_failure: same, skipped: facts.skipped, walk })
}
