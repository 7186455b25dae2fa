//! Workers side by side: each submission in a process of its own, which may crash, hang or eat
//! memory without harm to others.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use faultline_host::{
    Staged,
    stage::{self, MAX_BYTES, MAX_FILES, StageError},
};
use faultline_intake::{Entry, EntryKind, Limits, Submission, TakeError, Taken, take};
use faultline_verdict::{FORMAT, Grade, Outcome, Score};

use super::{
    BatchRequest, Course, Grading,
    store::{Record, Store},
    worker::{Answer, Work},
};
use crate::{
    Selection, Traces, broken,
    error::Error,
    plan::{lab_of, selected},
    score,
};

/// Something to do about a submission.
pub(super) enum Job {
    /// Grade it.
    Grade(Submission),
    /// It is known already that it cannot be graded.
    Told(Box<Ready>),
}

impl Job {
    pub fn is_work(&self) -> bool {
        matches!(self, Job::Grade(_))
    }
}

/// A result that is still to be kept.
pub(super) struct Ready {
    pub id: String,
    pub record: Record,
    pub grade: Grade,
}

impl Ready {
    pub fn why(&self) -> Option<String> {
        self.record.why.clone()
    }
}

/// Why there is nothing to grade.
pub(super) enum Trouble {
    /// A human must look at the submission.
    Submission(String),
    /// The machine got in the way.
    Machine(String),
}

/// The files of a submission, as far as they are graded.
pub(super) fn stage(course: &Course, lab: &str, item: &Submission) -> Result<Staged, Trouble> {
    if let Some(problem) = &item.problem {
        return Err(Trouble::Submission(problem.clone()));
    }
    let limits = Limits {
        files: MAX_FILES,
        bytes: MAX_BYTES,
    };
    let taken = take(&course.base, item, lab, limits).map_err(|error| match error {
        TakeError::Submission(text) => Trouble::Submission(text),
        TakeError::Machine(text) => Trouble::Machine(text),
    })?;
    let staged = match taken {
        Taken::Folder(folder) => Staged::from_folder(&folder),
        Taken::Entries(entries) => Staged::from_entries(entries.into_iter().map(entry).collect()),
    };
    // Where the folder lies on this machine must not get into a result.
    let base = format!("{}/", course.base.display());
    staged.map_err(|error| match error {
        StageError::Io { .. } => Trouble::Machine(error.to_string()),
        _ => Trouble::Submission(error.to_string().replace(&base, "")),
    })
}

fn entry(entry: Entry) -> stage::Entry {
    let what = match entry.what {
        EntryKind::File(bytes) => stage::EntryKind::File(bytes),
        EntryKind::TooBig(bytes) => stage::EntryKind::TooBig(bytes),
        EntryKind::Link => stage::EntryKind::Link,
        EntryKind::Special => stage::EntryKind::Special,
        EntryKind::Folder => stage::EntryKind::Folder,
    };
    stage::Entry {
        path: entry.path,
        what,
    }
}

impl Grading<'_> {
    /// The result of a submission that cannot be graded.
    pub(super) fn told(&self, id: &str, trouble: Trouble) -> Ready {
        ungraded(self.course, self.request, id, trouble)
    }
}

fn ungraded(course: &Course, request: &BatchRequest, id: &str, trouble: Trouble) -> Ready {
    let (outcome, why) = match trouble {
        Trouble::Submission(text) => (Outcome::Rejected, text),
        Trouble::Machine(text) => (Outcome::NotScored, text),
    };
    let plan = &course.plan;
    let mut grade = Grade {
        format: FORMAT,
        lab: plan.lab.clone(),
        title: plan.title.clone(),
        fingerprint: plan.fingerprint.clone(),
        outcome,
        partial: false,
        score: Score {
            not_scored: plan.points,
            ..Score::default()
        },
        hidden_points_not_run: 0,
        parts: Vec::new(),
        build_error: None,
        trouble: Some(why.clone()),
        unsafe_build: plan.unsafe_build,
        left_out: Vec::new(),
        tests: Vec::new(),
    };
    // The rubric was read before, so it is there.
    if let Ok((suite, rubric)) = lab_of(&request.root, &request.lab)
        && let Ok(rows) = selected(
            &suite,
            &rubric,
            &Selection {
                filters: Vec::new(),
                hidden: request.hidden,
            },
        )
    {
        score::not_scored(&mut grade, outcome, why, &rubric, &rows);
        grade.hidden_points_not_run = crate::hidden_points(&mut rubric.tests.iter())
            - crate::hidden_points(&mut rows.iter().copied());
    }
    let record = Record::of(&grade, None, String::new(), Vec::new());
    Ready {
        id: id.to_owned(),
        record,
        grade,
    }
}

/// Those who grade.
#[derive(Clone, Copy)]
pub(super) struct Crew<'a> {
    pub course: &'a Course,
    pub request: &'a BatchRequest,
    pub store: &'a Store,
    pub interrupt: &'a AtomicBool,
    /// How many submissions are graded at the same time.
    pub side_by_side: usize,
}

/// What comes back from the crew: a result and how long it took, if anything was run for it.
type Delivered = Result<(Ready, Option<Duration>), Error>;

impl Crew<'_> {
    /// Does the jobs; `deliver` is called on this thread for each that is done. Nothing is begun
    /// after `until`, after an interrupt, or once `deliver` has failed.
    pub fn run(
        self,
        jobs: Vec<Job>,
        until: Option<Instant>,
        mut deliver: impl FnMut(Ready, Option<Duration>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let queue = Mutex::new(VecDeque::from(jobs));
        let failed = AtomicBool::new(false);
        let next = || {
            let over = until.is_some_and(|until| Instant::now() >= until);
            let stop =
                over || self.interrupt.load(Ordering::Relaxed) || failed.load(Ordering::Relaxed);
            if stop {
                None
            } else {
                queue
                    .lock()
                    .expect("nobody panics while holding it")
                    .pop_front()
            }
        };
        let (sender, receiver) = mpsc::channel::<Delivered>();
        thread::scope(|scope| {
            for _ in 0..self.side_by_side {
                let (sender, next) = (sender.clone(), &next);
                scope.spawn(move || {
                    while let Some(job) = next() {
                        // Whoever listened has failed, and nothing more is wanted.
                        if sender.send(self.job(job)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            for delivered in receiver {
                let result = match delivered {
                    Ok((ready, took)) => deliver(ready, took),
                    // The worker was stopped, so there is no result.
                    Err(Error::Interrupted) => Ok(()),
                    Err(error) => Err(error),
                };
                if result.is_err() {
                    failed.store(true, Ordering::Relaxed);
                    return result;
                }
            }
            Ok(())
        })
    }

    fn job(self, job: Job) -> Delivered {
        let item = match job {
            Job::Told(ready) => return Ok((*ready, None)),
            Job::Grade(item) => item,
        };
        let began = Instant::now();
        let staged = match stage(self.course, &self.request.lab, &item) {
            Ok(staged) => staged,
            Err(trouble) => {
                return Ok((ungraded(self.course, self.request, &item.id, trouble), None));
            }
        };
        let traces = Traces {
            folder: self.store.traces(&item.id),
            shown: PathBuf::from(super::store::STAFF)
                .join(&item.id)
                .join(super::store::TRACES),
        };
        let ready = match self.grade(&item.id, &staged, Some(traces))? {
            Ok(Answer { grade, warnings }) => {
                let grading = Grading {
                    request: self.request,
                    course: self.course,
                    store: self.store,
                    interrupt: self.interrupt,
                    results: Default::default(),
                };
                let key = Some(grading.key(&staged));
                let record = Record::of(&grade, key, warnings, self.course.layers.clone());
                Ready {
                    id: item.id,
                    record,
                    grade,
                }
            }
            Err(trouble) => ungraded(
                self.course,
                self.request,
                &item.id,
                Trouble::Machine(trouble),
            ),
        };
        Ok((ready, Some(began.elapsed())))
    }

    /// Has a worker grade what was staged. The inner error is why this machine could not.
    pub fn grade(
        self,
        name: &str,
        staged: &Staged,
        traces: Option<Traces>,
    ) -> Result<Result<Answer, String>, Error> {
        let folder = tempfile::Builder::new()
            .prefix("work-")
            .tempdir_in(self.store.work());
        let folder =
            folder.map_err(|error| broken(format!("{}: {error}", self.store.work().display())))?;
        let work = Work {
            root: self.request.root.clone(),
            lab: self.request.lab.clone(),
            name: name.to_owned(),
            sources: staged.sources().clone(),
            left_out: staged.left_out().to_vec(),
            hidden: self.request.hidden,
            salt: self.request.salt.clone(),
            threads: (self.course.cores / self.side_by_side).max(1),
            traces,
            building: self.request.building,
            shrink: self.request.shrink,
        };
        self.request
            .worker
            .grade(&work, folder.path(), self.request.limit, self.interrupt)
    }
}
