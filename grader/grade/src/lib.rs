//! Plan, run, score: from a submission to a stream of events.
//!
//! [`grade`] does all of it; [`replay`] runs one recorded failure again; [`matrix()`] grades the
//! course's own right and wrong solutions. The stages are modules: `plan` (what to run), `run` (one
//! test with one seed is a run), `story` (a recording as lines), `score` (points). Nothing here
//! prints.

mod batch;
mod building;
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
mod rebase;
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

use faultline_host::{Program, Staged, Toolchain, WORLD_STACK_BYTES, on_world_stack};
use faultline_sim::{Detail, backend::Backend};
use faultline_verdict::{
    Audience, Event, FORMAT, Fingerprint, Grade, Outcome, Score, TestVerdict, Walk,
};
use serde::{Deserialize, Serialize};

pub use batch::{
    BatchRequest, ClassListener, Kept, MergeRequest, Shard, Worker, batch, merge, plan_of_batch,
    serve,
};
pub use building::{Building, Health, LockIn, doctor};
pub use error::Error;
pub use hint::{Hint, hint};
pub use histories::{CheckRequest, HistoryModel, check_histories};
pub use matrix::{MatrixRequest, matrix};
pub use mutants::{Mutant, mutants};
pub use plan::{LabInfo, Selection, has_hidden_tests, labs, tests};
pub use rebase::{Rebased, rebase};
pub use rubric::{Category, Row, Rubric, Visibility};
pub use run::Seeds;
pub use salt::Salt;
pub use starter::{derive_starter, write_starter};
pub use trace::{Trace, write_whole};

use building::{Built, build};
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
    /// The folder in which failures leave their trace files; none if `None`.
    pub traces: Option<Traces>,
    /// How the submission is built.
    pub building: Building,
    /// Whether failures are shrunk.
    pub shrink: bool,
    /// Who reads the traces. Verdicts and events are always those for staff: `faultline-report`
    /// leaves out of them what students must not see.
    pub audience: Audience,
}

/// Where the traces of failures go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traces {
    /// The folder, relative to the project or absolute.
    pub folder: PathBuf,
    /// How reports call it.
    pub shown: PathBuf,
}

impl Traces {
    /// A folder that reports call by its name.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Traces {
        let folder = folder.into();
        Traces {
            shown: folder.clone(),
            folder,
        }
    }
}

/// Grades a submission: compiles it, runs the tests, adds up the points, and tells `listen` of
/// everything on the way.
///
/// # Errors
/// What keeps it from being graded; a submission that does not compile is graded, with 0 points.
pub fn grade(
    request: &Request,
    listen: &mut (dyn FnMut(Event) + Send),
    interrupt: &AtomicBool,
) -> Result<Grade, Error> {
    let folder = request
        .submission
        .clone()
        .unwrap_or_else(|| request.root.join("starter").join(&request.lab));
    let name = plan::shown_path(&request.root, &folder);
    // A wrong lab is told before a wrong folder.
    lab_of(&request.root, &request.lab)?;
    grade_staged(request, &name, &stage(&folder)?, listen, interrupt)
}

/// The same for a submission whose sources are known already, and which reports call by this name.
fn grade_staged(
    request: &Request,
    name: &str,
    submission: &Staged,
    listen: &mut (dyn FnMut(Event) + Send),
    interrupt: &AtomicBool,
) -> Result<Grade, Error> {
    let began = Instant::now();
    let root = &request.root;
    let (suite, rubric) = lab_of(root, &request.lab)?;
    let rows = selected(&suite, &rubric, &request.tests)?;
    origin::must_be(root)?;
    listen(Event::Started {
        lab: rubric.lab.clone(),
        title: rubric.title.clone(),
        submission: name.to_owned(),
        tests: rows.len(),
        hidden_in_full: rows.iter().filter(|row| !row.is_public()).count(),
    });

    let toolchain = Toolchain::find(root).map_err(broken)?;
    let mut fingerprint = fingerprint_of(root, &request.lab, request.salt.as_ref(), &toolchain)?;
    fingerprint.submission = submission.digest().to_string();
    let mut grade = Grade {
        format: FORMAT,
        lab: rubric.lab.clone(),
        title: rubric.title.clone(),
        fingerprint,
        outcome: Outcome::Graded,
        partial: !request.tests.filters.is_empty() || request.seeds != Seeds::Rubric,
        score: Score::default(),
        hidden_points_not_run: hidden_points(&mut rubric.tests.iter())
            - hidden_points(&mut rows.iter().copied()),
        parts: Vec::new(),
        build_error: None,
        trouble: None,
        unsafe_build: request.building.lock_in == LockIn::Never,
        left_out: left_out(submission),
        tests: Vec::new(),
    };
    let built = build(
        root,
        &toolchain,
        submission,
        &suite,
        request.building,
        interrupt,
    );
    // Ctrl-C ends the compiler, too; what that says of the submission means nothing.
    if interrupt.load(Ordering::Relaxed) {
        return Err(Error::Interrupted);
    }
    match built {
        Err(Error::DoesNotBuild { text }) => {
            (grade.outcome, grade.build_error) = (Outcome::DoesNotBuild, Some(text));
            (grade.parts, grade.score) = score::nothing(&rubric, &rows);
        }
        Err(Error::Rejected { text }) => {
            score::not_scored(&mut grade, Outcome::Rejected, text, &rubric, &rows)
        }
        Err(Error::NotScored { text }) => {
            score::not_scored(&mut grade, Outcome::NotScored, text, &rubric, &rows)
        }
        Err(error) => return Err(error),
        Ok(Built { program, warnings }) => {
            listen(Event::Built {
                warnings,
                took_ms: millis(began),
            });
            let jobs = plan::jobs(
                &suite,
                &rows,
                request.seeds,
                request.salt.as_ref().map_or(0, |salt| salt.number),
            );
            let tested = run_all(request, &rubric, &jobs, &program, listen, interrupt)?;
            grade.tests = keep_traces(request, name, &grade.fingerprint.submission, tested)?;
            score::withhold(&rubric, &mut grade.tests);
            (grade.parts, grade.score) = score::add_up(&rubric, &grade.tests);
        }
    }
    listen(Event::Finished {
        grade: Box::new(grade.clone()),
        took_ms: millis(began),
    });
    Ok(grade)
}

fn hidden_points(rows: &mut dyn Iterator<Item = &Row>) -> u32 {
    rows.filter(|row| !row.is_public())
        .map(|row| row.points)
        .sum()
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn broken(error: impl std::fmt::Display) -> Error {
    Error::Broken(error.to_string())
}

fn stage(folder: &Path) -> Result<Staged, Error> {
    Staged::from_folder(folder).map_err(|error| Error::Usage(error.to_string()))
}

/// What a student may wonder about: files among the sources that were not taken.
fn left_out(submission: &Staged) -> Vec<String> {
    let among_sources = submission
        .left_out()
        .iter()
        .filter(|file| file.path.starts_with("src/"));
    among_sources
        .map(|file| format!("{}: {}", file.path, file.why))
        .collect()
}

/// What results depend on besides the submission, whose digest stays empty. Sources and lock are
/// those that this grader was compiled from; `origin` has seen that the project has no others.
fn fingerprint_of(
    root: &Path,
    lab: &str,
    salt: Option<&Salt>,
    toolchain: &Toolchain,
) -> Result<Fingerprint, Error> {
    let rubric = fingerprint::of_file(&Rubric::path(root, lab));
    Ok(Fingerprint {
        submission: String::new(),
        suite: origin::SOURCES.to_owned(),
        rubric: rubric.map_err(|error| broken(format!("no fingerprint: {error}")))?,
        salt: salt.map(|salt| salt.digest.clone()),
        lock: origin::LOCK.to_owned(),
        // Its first line; the others tell of this machine, on which no result depends.
        rustc: toolchain
            .version()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned(),
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

/// Writes the traces of failures and puts the command that replays them into the verdicts. The
/// trace of a test that passes now, that the reader may not see, or that is too long, is removed:
/// it would be of an older run.
fn keep_traces(
    request: &Request,
    name: &str,
    digest: &str,
    tested: Vec<Tested>,
) -> Result<Vec<TestVerdict>, Error> {
    let mut verdicts = Vec::with_capacity(tested.len());
    for (mut verdict, trace) in tested {
        if let Some(Traces { folder, shown }) = &request.traces {
            let file = format!("{}.trace.json", verdict.id);
            let (path, short) = (request.root.join(folder).join(&file), shown.join(&file));
            let may_see = request.audience.sees(verdict.visibility);
            let written = match (trace.filter(|_| may_see), &mut verdict.failure) {
                (Some(mut trace), Some(failure)) => {
                    trace.submission = name.to_owned();
                    trace.digest = digest.to_owned();
                    let too_long = trace.write(&path)?;
                    match too_long {
                        None => {
                            failure.replay = Some(format!("cargo grade replay {}", short.display()))
                        }
                        Some(bytes) => verdict.remarks.push(format!(
                            "its trace is not kept: it would have {} MiB",
                            bytes >> 20
                        )),
                    }
                    too_long.is_none()
                }
                _ => false,
            };
            if !written {
                match std::fs::remove_file(&path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(broken(error));
                    }
                    _ => {}
                }
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

/// Runs the failure that a trace file holds again; with `step` it also keeps the world after each
/// step.
///
/// # Errors
/// A trace that cannot be read, a submission that does not build, or a broken grader.
pub fn replay(
    root: &Path,
    path: &Path,
    submission: Option<&Path>,
    step: bool,
) -> Result<Replayed, Error> {
    // Reports name traces relative to the project, wherever their reader is.
    let in_project = root.join(path);
    let path = if !path.exists() && in_project.exists() {
        &in_project
    } else {
        path
    };
    let trace = Trace::read(path)?;
    let wrong = |what: String| Error::Trace {
        path: path.to_owned(),
        what,
    };
    let (suite, rubric) = lab_of(root, &trace.lab)?;
    let test = suite.test(&trace.test);
    let test = test.ok_or_else(|| wrong(format!("{} has no test {:?}", trace.lab, trace.test)))?;
    let row = rubric
        .tests
        .iter()
        .find(|row| row.id == trace.test)
        .expect("the rubric has a row for each test");
    let folder = submission.map_or_else(|| root.join(&trace.submission), Path::to_owned);
    let submission = stage(&folder)?;
    origin::must_be(root)?;
    let toolchain = Toolchain::find(root).map_err(broken)?;
    let interrupt = AtomicBool::new(false);
    let built = build(
        root,
        &toolchain,
        &submission,
        &suite,
        Building::default(),
        &interrupt,
    )?;
    let changed = submission.digest().to_string() != trace.digest;
    let choices = trace.choices().expect("checked when it was read");
    let mode = trace.mode(if step { Detail::Worlds } else { Detail::Words });
    let backend = || -> Box<dyn Backend> { Box::new(built.program.backend()) };
    let (result, facts) = on_world_stack(|| run_once(&backend, test, trace.seed, choices, mode))?;
    let failure = result.err().map(|violation| {
        let handout = format!("{}#{}", rubric.handout, row.handout);
        run::failure(&violation, trace.seed, handout, &facts)
    });
    let walk = facts
        .recording
        .as_ref()
        .filter(|_| step)
        .map(|run| walk::walk(run, failure.as_ref()));
    let same = failure
        .as_ref()
        .is_some_and(|failure| failure.kind == trace.kind && failure.observed == trace.observed);
    let verdict = run::verdict_of_one(row, failure);
    Ok(Replayed {
        verdict,
        changed,
        same_failure: same,
        skipped: facts.skipped,
        walk,
    })
}
