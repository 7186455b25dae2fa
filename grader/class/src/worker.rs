//! A process that grades one submission. It is asked on its standard input and answers on its
//! standard output; the input stays open as long as the one who asked is there.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{self, BufRead, Read, Write},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use faultline_host::{
    Staged,
    stage::LeftOut,
    supervise::{self, How, Supervised},
};
use faultline_verdict::{Audience, Event, Grade};
use serde::{Deserialize, Serialize};

use faultline_grade::{
    Building, Course, Error, Request, Salt, Seeds, Selection, Traces,
    parts::{broken, grade_staged},
};

/// Maximum length of an answer; a grade with many failures has a few megabytes.
const MOST_BYTES: u64 = 256 << 20;

/// Time that a worker has to stop its compiler when it is asked to stop.
const GRACE: Duration = Duration::from_secs(5);

/// How a worker is started.
#[derive(Clone, Debug)]
pub struct Worker {
    /// A program that calls [`serve`].
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// What a worker is asked.
#[derive(Serialize, Deserialize)]
pub(super) struct Work {
    pub root: PathBuf,
    pub lab: String,
    pub name: String,
    pub sources: BTreeMap<String, String>,
    pub left_out: Vec<LeftOut>,
    pub hidden: bool,
    pub salt: Option<Salt>,
    pub threads: usize,
    pub traces: Option<Traces>,
    pub building: Building,
    pub shrink: bool,
}

/// What it answers.
#[derive(Serialize, Deserialize)]
pub(super) struct Answer {
    pub grade: Grade,
    pub warnings: String,
}

impl Worker {
    /// Asks a worker of its own. `temporary` is where it puts what it needs for a while.
    ///
    /// The inner error is why this machine could not grade the submission.
    pub(super) fn grade(
        &self,
        work: &Work,
        temporary: &Path,
        limit: Duration,
        interrupt: &AtomicBool,
    ) -> Result<Result<Answer, String>, Error> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env("TMPDIR", temporary);
        let mut stdin = serde_json::to_vec(work).map_err(broken)?;
        stdin.push(b'\n');
        let supervised = Supervised {
            wall: limit,
            output_bytes: MOST_BYTES,
            stdin,
            keep_stdin_open: true,
            interrupt,
            grace: GRACE,
        };
        let ended = supervise::run(command, &supervised).map_err(|error| {
            broken(format!("{} cannot be run: {error}", self.program.display()))
        })?;
        let said = String::from_utf8_lossy(&ended.stderr).trim().to_owned();
        Ok(match ended.how {
            How::Interrupted => return Err(Error::Interrupted),
            How::OverTime => Err(format!("grading it took more than {} s", limit.as_secs())),
            How::Exited(status) if !status.success() => {
                Err(format!("the grader failed ({status}): {said}"))
            }
            How::Exited(_) if ended.truncated => {
                Err(format!("its result has more than {} MiB", MOST_BYTES >> 20))
            }
            How::Exited(_) => serde_json::from_slice(&ended.stdout)
                .map_err(|error| format!("the grader gave no result ({error}): {said}")),
        })
    }
}

/// Does what is asked on standard input: the whole of a worker's life. When the input ends, who
/// asked is gone, and grading is stopped.
///
/// # Errors
/// If the question cannot be read or the submission cannot be graded; whoever asked is told by the
/// exit code.
pub fn serve(course: &Course, interrupt: &Arc<AtomicBool>) -> Result<(), Error> {
    let mut line = Vec::new();
    io::stdin()
        .lock()
        .read_until(b'\n', &mut line)
        .map_err(broken)?;
    let work: Work = serde_json::from_slice(&line).map_err(|error| {
        Error::Usage(format!(
            "this command serves `cargo grade batch` only: {error}"
        ))
    })?;
    let gone = Arc::clone(interrupt);
    thread::spawn(move || {
        // Nothing more is ever said: this waits for the end.
        let _ = io::stdin().lock().read(&mut [0]);
        gone.store(true, Ordering::Relaxed);
    });
    let staged = Staged::from_files(&work.sources)
        .map_err(broken)?
        .with_left_out(work.left_out);
    // The project is where the one who asks found it.
    let course = Course {
        root: work.root,
        ..course.clone()
    };
    let request = Request {
        lab: work.lab,
        submission: None,
        tests: Selection {
            filters: Vec::new(),
            hidden: work.hidden,
        },
        seeds: Seeds::Rubric,
        salt: work.salt,
        threads: Some(work.threads),
        traces: work.traces,
        building: work.building,
        shrink: work.shrink,
        audience: Audience::Staff,
    };
    let mut compiler = String::new();
    let mut listen = |event: Event| {
        if let Event::Built { warnings, .. } = event {
            compiler = warnings;
        }
    };
    let grade = grade_staged(
        &course,
        &request,
        &work.name,
        &staged,
        &mut listen,
        interrupt,
    )?;
    let answer = serde_json::to_vec(&Answer {
        grade,
        warnings: compiler,
    })
    .map_err(broken)?;
    io::stdout()
        .write_all(&answer)
        .and_then(|()| io::stdout().flush())
        .map_err(broken)
}
