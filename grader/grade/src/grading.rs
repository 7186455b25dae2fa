//! Grading a submission: compile it, run the tests, add up the points.

use std::{
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use faultline_host::{Program, Staged, Toolchain, WORLD_STACK_BYTES};
use faultline_labtest::Suite;
use faultline_sim::backend::Backend;
use faultline_verdict::{Audience, Event, FORMAT, Grade, Outcome, Score, Stage, TestVerdict};
use serde::{Deserialize, Serialize};

use crate::{
    building::{Building, Built, LockIn, build, left_out, stage},
    course::Course,
    error::{Error, broken},
    origin,
    plan::{self, Selection, selected},
    replay::Replayer,
    rubric::{Rubric, RubricRow},
    run::{Job, Runner, Seeds, Tested},
    salt::Salt,
    score,
    timings::Stopwatch,
    trace::file_of,
};

/// What to grade, and how.
#[derive(Clone, Debug)]
pub struct Request {
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
    course: &Course,
    request: &Request,
    listen: &mut (dyn FnMut(Event) + Send),
    interrupt: &AtomicBool,
) -> Result<Grade, Error> {
    Ok(grade_to_replay(course, request, listen, interrupt)?.0)
}

/// The same, and what replays its failures without building the submission once more; `None` if it
/// did not become a program.
///
/// # Errors
/// Those of [`grade()`].
pub fn grade_to_replay<'c>(
    course: &'c Course,
    request: &Request,
    listen: &mut (dyn FnMut(Event) + Send),
    interrupt: &AtomicBool,
) -> Result<(Grade, Option<Replayer<'c>>), Error> {
    let folder = request
        .submission
        .clone()
        .unwrap_or_else(|| course.root.join("starter").join(&request.lab));
    let name = plan::shown_path(&course.root, &folder);
    // A wrong lab is told before a wrong folder.
    let (suite, _) = course.lab(&request.lab)?;
    let submission = stage(&folder, suite)?;
    let (grade, program) = run_staged(course, request, &name, &submission, listen, interrupt)?;
    let digest = grade.fingerprint.submission.clone();
    let replayer = program.map(|program| Replayer::of(course, &request.lab, program, digest));
    Ok((grade, replayer))
}

/// [`grade()`] for a submission whose sources are known already, and which reports call by this
/// name.
pub fn grade_staged(
    course: &Course,
    request: &Request,
    name: &str,
    submission: &Staged,
    listen: &mut (dyn FnMut(Event) + Send),
    interrupt: &AtomicBool,
) -> Result<Grade, Error> {
    Ok(run_staged(course, request, name, submission, listen, interrupt)?.0)
}

fn run_staged(
    course: &Course,
    request: &Request,
    name: &str,
    submission: &Staged,
    listen: &mut (dyn FnMut(Event) + Send),
    interrupt: &AtomicBool,
) -> Result<(Grade, Option<Program>), Error> {
    let stopwatch = Stopwatch::start();
    let root = &course.root;
    let (suite, rubric) = course.lab(&request.lab)?;
    let rows = selected(suite, &rubric, &request.tests)?;
    origin::must_be(course, &request.lab)?;
    listen(Event::Started {
        lab: rubric.lab.clone(),
        title: rubric.title.clone(),
        submission: name.to_owned(),
        tests: rows.len(),
        hidden_in_full: rows.iter().filter(|row| !row.is_public()).count(),
    });

    let toolchain = Toolchain::find(root).map_err(broken)?;
    let mut grade = ungraded(course, request, &rubric, &rows, &toolchain)?;
    grade.fingerprint.submission = submission.digest().to_string();
    grade.left_out = left_out(submission);
    let built = build(
        root,
        &toolchain,
        submission,
        suite,
        request.building,
        interrupt,
        &stopwatch,
    );
    // Ctrl-C ends the compiler, too; what that says of the submission means nothing.
    if interrupt.load(Ordering::Relaxed) {
        return Err(Error::Interrupted);
    }
    let program = match built {
        Err(error) => {
            let error = with_other_lab(course, suite, submission, error);
            cannot_run(error, &mut grade, &rubric, &rows)?;
            None
        }
        Ok(Built { program, warnings }) => {
            listen(Event::Built {
                warnings,
                took_ms: stopwatch.millis(),
            });
            let salt = request.salt.as_ref().map_or(0, |salt| salt.number);
            let jobs = plan::jobs(suite, &rows, request.seeds, salt);
            let tested = run_all(
                request, &rubric, &jobs, &program, listen, interrupt, &stopwatch,
            )?;
            let digest = &grade.fingerprint.submission;
            grade.tests = stopwatch.at(Stage::Report, || {
                keep_traces(course, request, name, digest, tested)
            })?;
            score::withhold(&rubric, &mut grade.tests);
            (grade.parts, grade.score) = score::add_up(&rubric, &grade.tests);
            Some(program)
        }
    };
    listen(Event::Finished {
        grade: Box::new(grade.clone()),
        took_ms: stopwatch.millis(),
    });
    listen(Event::Timed(Box::new(stopwatch.read())));
    Ok((grade, program))
}

/// An error of the compiler with a remark in front of it, if the sources are those of another lab:
/// they use what that one gives and nothing of this one. What builds is not asked.
fn with_other_lab(course: &Course, suite: &Suite, submission: &Staged, error: Error) -> Error {
    let uses = |suite: &Suite| {
        let api = suite.api_package.replace('-', "_");
        submission
            .sources()
            .values()
            .any(|text| text.contains(&api))
    };
    let other = || course.suites.iter().find(|other| uses(other));
    match (error, other()) {
        (Error::DoesNotBuild { text }, Some(other)) if !uses(suite) => {
            let (lab, api) = (other.lab, other.api_package.replace('-', "_"));
            let text = format!(
                "This looks like {lab}: its sources use {api}. Try `cargo grade {lab}` with the \
                 same --path.\n\n{text}"
            );
            Error::DoesNotBuild { text }
        }
        (error, _) => error,
    }
}

/// The outcome of a submission that did not become a program. What the submission has nothing to do
/// with stays an error.
fn cannot_run(
    error: Error,
    grade: &mut Grade,
    rubric: &Rubric,
    rows: &[&RubricRow],
) -> Result<(), Error> {
    match error {
        Error::DoesNotBuild { text } => {
            (grade.outcome, grade.build_error) = (Outcome::DoesNotBuild, Some(text));
            (grade.parts, grade.score) = score::nothing(rubric, rows);
        }
        Error::Rejected { text } => score::not_scored(grade, Outcome::Rejected, text, rubric, rows),
        Error::NotScored { text } => {
            score::not_scored(grade, Outcome::NotScored, text, rubric, rows)
        }
        error => return Err(error),
    }
    Ok(())
}

/// The grade of a submission of which nothing is known yet.
fn ungraded(
    course: &Course,
    request: &Request,
    rubric: &Rubric,
    rows: &[&RubricRow],
    toolchain: &Toolchain,
) -> Result<Grade, Error> {
    Ok(Grade {
        format: FORMAT,
        lab: rubric.lab.clone(),
        title: rubric.title.clone(),
        fingerprint: origin::fingerprint_of(
            course,
            &request.lab,
            request.salt.as_ref(),
            toolchain,
        )?,
        outcome: Outcome::Graded,
        partial: !request.tests.filters.is_empty() || request.seeds != Seeds::Rubric,
        score: Score::default(),
        hidden_points_not_run: score::hidden_points(&mut rubric.tests.iter())
            - score::hidden_points(&mut rows.iter().copied()),
        parts: Vec::new(),
        build_error: None,
        trouble: None,
        unsafe_build: request.building.lock_in == LockIn::Never,
        left_out: Vec::new(),
        corrections: Vec::new(),
        tests: Vec::new(),
    })
}

fn run_all(
    request: &Request,
    rubric: &Rubric,
    jobs: &[Job<'_>],
    program: &Program,
    listen: &mut (dyn FnMut(Event) + Send),
    interrupt: &AtomicBool,
    stopwatch: &Stopwatch,
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
        stopwatch,
        of: jobs.iter().map(|job| job.seeds.len() as u64).sum(),
    };
    pool.install(|| runner.run(jobs))
}

/// Writes the traces of failures and puts the command that replays them into the verdicts. The
/// trace of a test that passes now, or that the reader may not see, is removed: it would be of an
/// older run.
fn keep_traces(
    course: &Course,
    request: &Request,
    name: &str,
    digest: &str,
    tested: Vec<Tested>,
) -> Result<Vec<TestVerdict>, Error> {
    let mut verdicts = Vec::with_capacity(tested.len());
    for (mut verdict, trace) in tested {
        if let Some(Traces { folder, shown }) = &request.traces {
            let file = file_of(&verdict.id);
            let (path, short) = (course.root.join(folder).join(&file), shown.join(&file));
            let may_see = request.audience.sees(verdict.visibility);
            let written = match (trace.filter(|_| may_see), &mut verdict.failure) {
                (Some(mut trace), Some(failure)) => {
                    trace.submission = name.to_owned();
                    trace.digest = digest.to_owned();
                    trace.write(&path)?;
                    failure.replay = Some(format!("cargo grade replay {}", short.display()));
                    true
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
