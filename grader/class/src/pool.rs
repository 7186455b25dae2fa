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

use faultline_host::Staged;

use faultline_grade::{Error, Traces, parts::broken};

use super::{
    common::Common,
    record::Record,
    store::{STAFF, Store, TRACES},
    submission::{Job, Ready, Sources, Trouble, sources, stage, ungraded},
    worker::{Answer, Work},
};

/// A pool of workers.
#[derive(Clone, Copy)]
pub(super) struct WorkerPool<'a> {
    pub common: &'a Common<'a>,
    pub store: &'a Store,
    pub interrupt: &'a AtomicBool,
    /// How builds are sandboxed.
    pub layers: &'a [String],
    /// How many submissions are graded at the same time.
    pub side_by_side: usize,
}

/// What comes back from the pool: a result and how long it took, if anything was run for it.
type Delivered = Result<(Ready, Option<Duration>), Error>;

impl WorkerPool<'_> {
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
        let staged = match stage(self.common, &item) {
            Ok(staged) => staged,
            Err(trouble) => {
                return Ok((ungraded(self.common, &item.id, trouble, None), None));
            }
        };
        let traces = Traces {
            folder: self.store.traces(&item.id),
            shown: PathBuf::from(STAFF).join(&item.id).join(TRACES),
        };
        let ready = match self.grade(&item.id, &staged, Some(traces))? {
            Ok(Answer { grade, warnings }) => {
                let key = Some(self.common.key(&staged));
                let record = Record::of(&item.id, &grade, key, warnings, self.layers.to_vec());
                Ready {
                    id: item.id,
                    record,
                    grade,
                    sources: Sources::New(sources(&staged)),
                }
            }
            Err(trouble) => {
                let trouble = Trouble::Machine(trouble);
                ungraded(self.common, &item.id, trouble, Some(&staged))
            }
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
        let request = self.common.request;
        let work = Work {
            root: self.common.course.root.clone(),
            lab: request.lab.clone(),
            name: name.to_owned(),
            sources: staged.sources().clone(),
            left_out: staged.left_out().to_vec(),
            hidden: request.hidden,
            salt: request.salt.clone(),
            threads: (self.common.cores / self.side_by_side).max(1),
            traces,
            building: request.building,
            shrink: request.shrink,
        };
        let answer = request
            .worker
            .grade(&work, folder.path(), request.limit, self.interrupt)?;
        // Its name is another one each time.
        let name = folder.path().display().to_string();
        Ok(answer.map_err(|why| why.replace(&name, "its temporary folder")))
    }
}
