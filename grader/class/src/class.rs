//! A class: what of it is there, what is to be done, and what came out.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use faultline_intake::Submission;
use faultline_verdict::{
    Class, ClassEvent, ClassPlan, ClassStatus, PlanStep, PlannedWork, Stopped,
};

use faultline_grade::{
    Course, Error,
    parts::{millis, nearest},
};

use super::{
    common::Common,
    pool::WorkerPool,
    preflight,
    record::Record,
    request::{BatchRequest, ClassListener, Kept},
    store::Store,
    submission::{Job, Ready, stage, ungraded},
};

/// Grades a class. Stopped at any moment, by any means, the same request goes on where it was.
///
/// # Errors
/// [`Error::Usage`] if the request makes no sense, [`Error::Broken`] if this machine cannot grade:
/// it has no sandbox for builds, or gives the course's own solutions other points than they must
/// have.
pub fn batch(
    course: &Course,
    request: &BatchRequest,
    listener: &mut dyn ClassListener,
    interrupt: &AtomicBool,
) -> Result<Class, Error> {
    let began = Instant::now();
    let common = Common::of(course, request)?;
    let store = Store::open(&request.out)?;
    store.begin(&common.plan)?;
    let mut grading = ClassInWork {
        common: &common,
        store: &store,
        interrupt,
        results: BTreeMap::new(),
    };
    let (jobs, done) = grading.jobs()?;
    listener.event(ClassEvent::Started {
        lab: common.plan.lab.clone(),
        title: common.plan.title.clone(),
        submissions: jobs.len() + done.len(),
        done: done.len(),
        rows: common.plan.class(&BTreeMap::new()).rows.len(),
        layers: common.layers.clone(),
    });
    // Where nothing is graded, nothing has to be sure.
    let mut of_reference = None;
    if jobs.iter().any(Job::is_work) {
        let (sure, took) = preflight::check(&grading.pool(grading.side_by_side()))?;
        listener.event(sure);
        of_reference = took;
    }
    for ready in done {
        grading.keep(ready, None, listener)?;
    }
    let stopped = grading.work(jobs, began, of_reference, listener)?;
    let class = common.plan.class(&grading.results);
    listener.rows(&class)?;
    store.end()?;
    listener.event(ClassEvent::Finished {
        class: Box::new(class.clone()),
        stopped,
        took_ms: millis(began),
    });
    if stopped == Some(Stopped::Interrupted) {
        Err(Error::BatchInterrupted)
    } else {
        Ok(class)
    }
}

/// What [`batch`] would do, without doing any of it.
///
/// # Errors
/// As for [`batch`], as far as it can be known.
pub fn plan_of_batch(course: &Course, request: &BatchRequest) -> Result<ClassPlan, Error> {
    let common = Common::of(course, request)?;
    let store = Store::look(&request.out);
    let interrupt = AtomicBool::new(false);
    let grading = ClassInWork {
        common: &common,
        store: &store,
        interrupt: &interrupt,
        results: BTreeMap::new(),
    };
    let mut steps = Vec::new();
    for item in grading.chosen()? {
        let (what, why) = match grading.look(item, request.fresh) {
            Looked::Work { why } => (PlannedWork::Grade, why),
            Looked::Kept(_) => (PlannedWork::Keep, "nothing has changed".to_owned()),
            Looked::Rejected(ready) => (PlannedWork::Reject, ready.why().unwrap_or_default()),
        };
        steps.push(PlanStep {
            id: item.id.clone(),
            what,
            why,
        });
    }
    let missing = common.plan.class(&BTreeMap::new()).rows;
    let missing = missing
        .into_iter()
        .filter(|row| row.status == ClassStatus::Missing)
        .map(|row| row.student);
    Ok(ClassPlan {
        steps,
        missing: missing.collect(),
    })
}

/// A class that is being graded.
struct ClassInWork<'a> {
    common: &'a Common<'a>,
    store: &'a Store,
    interrupt: &'a AtomicBool,
    /// What is known of each submission.
    results: BTreeMap<String, Record>,
}

/// What is to be done about a submission.
enum Looked {
    Work { why: String },
    Kept(Box<Ready>),
    Rejected(Box<Ready>),
}

impl<'a> ClassInWork<'a> {
    /// The submissions that were asked for, in the order of their ids.
    fn chosen(&self) -> Result<Vec<&'a Submission>, Error> {
        let BatchRequest { only, shard, .. } = self.common.request;
        let common: &'a Common<'a> = self.common;
        let items = common.plan.items();
        let belongs = |id: &str, name: &str| {
            let batch = &self.common.plan.batch;
            let is_theirs = |login: &Option<String>| {
                login
                    .as_ref()
                    .is_some_and(|own| own.eq_ignore_ascii_case(name))
            };
            let student = batch
                .students
                .iter()
                .filter(|student| student.submission.as_deref() == Some(id));
            id == name
                || student
                    .into_iter()
                    .any(|student| student.identifier == name || is_theirs(&student.login))
                || batch
                    .unmatched
                    .iter()
                    .any(|folder| folder.submission == id && is_theirs(&folder.login))
        };
        for name in only {
            if !items.iter().any(|item| belongs(&item.id, name)) {
                let known = items.iter().map(|item| item.id.as_str());
                let text = format!(
                    "--only {name:?}: no submission, student or account is called so{}; {} lists \
                     them",
                    nearest(name, known),
                    self.common.request.batch.display()
                );
                return Err(Error::Usage(text));
            }
        }
        let in_shard = |index: &usize| shard.is_none_or(|shard| shard.has(*index));
        let wanted = |id: &str| only.is_empty() || only.iter().any(|name| belongs(id, name));
        let chosen = items
            .into_iter()
            .enumerate()
            .filter(|(index, item)| in_shard(index) && wanted(&item.id));
        Ok(chosen.map(|(_, item)| item).collect())
    }

    /// What is to be graded, and what is there. What nobody asked for is taken from the store, too,
    /// so that the rows are those of the whole class.
    fn jobs(&mut self) -> Result<(Vec<Job>, Vec<Ready>), Error> {
        let chosen = self.chosen()?;
        let ids: Vec<&str> = chosen.iter().map(|item| item.id.as_str()).collect();
        let common: &'a Common<'a> = self.common;
        let others: Vec<&Submission> = common
            .plan
            .items()
            .into_iter()
            .filter(|item| !ids.contains(&item.id.as_str()))
            .collect();
        for item in others {
            if let Looked::Kept(ready) | Looked::Rejected(ready) = self.look(item, false) {
                self.results.insert(item.id.clone(), ready.record);
            }
        }
        let (mut jobs, mut done) = (Vec::new(), Vec::new());
        for item in chosen {
            match self.look(item, self.common.request.fresh) {
                Looked::Work { .. } => jobs.push(Job::Grade(item.clone())),
                Looked::Kept(ready) => done.push(*ready),
                Looked::Rejected(ready) => jobs.push(Job::Told(ready)),
            }
        }
        Ok((jobs, done))
    }

    /// What is known of a submission without running anything of it; with `fresh`, no result of an
    /// earlier run counts.
    fn look(&self, item: &Submission, fresh: bool) -> Looked {
        let staged = match stage(self.common, item) {
            Ok(staged) => staged,
            Err(trouble) => {
                return Looked::Rejected(Box::new(ungraded(self.common, &item.id, trouble)));
            }
        };
        let key = self.common.key(&staged);
        match self.store.kept(&item.id, &key) {
            _ if fresh => Looked::Work {
                why: "--fresh".to_owned(),
            },
            Ok((record, grade)) => Looked::Kept(Box::new(Ready {
                id: item.id.clone(),
                record,
                grade,
            })),
            Err(why) => Looked::Work { why },
        }
    }

    /// Keeps a result: the pages first, the record that makes it count last.
    fn keep(
        &mut self,
        ready: Ready,
        took: Option<Told>,
        listener: &mut dyn ClassListener,
    ) -> Result<(), Error> {
        let decided = &self.common.plan.batch;
        let ready = ready.corrected(decided);
        let Ready { id, record, grade } = ready;
        if record.status != ClassStatus::Graded {
            self.store.forget_traces(&id)?;
        }
        let (staff, student) = (self.store.staff(&id), self.store.student(&id));
        listener.result(&Kept {
            id: &id,
            grade: &grade,
            warnings: &record.warnings,
            staff,
            student,
        })?;
        self.store.keep(&id, &record, &grade)?;
        if let Some(Told {
            took_ms,
            left,
            estimate_ms,
        }) = took
        {
            let (status, score, why) = (record.status, record.score, record.why.clone());
            listener.event(ClassEvent::Done {
                id: id.clone(),
                status,
                score,
                why,
                took_ms,
                left,
                estimate_ms,
            });
        }
        self.results.insert(id, record);
        Ok(())
    }

    /// Does the jobs, in their order, several at a time. How long the reference took is the first
    /// thing that is known of how long others will take.
    fn work(
        &mut self,
        jobs: Vec<Job>,
        began: Instant,
        of_reference: Option<Duration>,
        listener: &mut dyn ClassListener,
    ) -> Result<Option<Stopped>, Error> {
        listener.rows(&self.common.plan.class(&self.results))?;
        let of = jobs.len();
        let side_by_side = self.side_by_side();
        let (common, interrupt) = (self.common, self.interrupt);
        let pool = self.pool(side_by_side);
        let mut finished = 0;
        let (mut worked, mut in_all) = (
            u32::from(of_reference.is_some()),
            of_reference.unwrap_or_default(),
        );
        let until = common.request.budget.map(|budget| began + budget);
        pool.run(jobs, until, |ready, took| {
            finished += 1;
            if let Some(took) = took {
                (worked, in_all) = (worked + 1, in_all + took);
            }
            let left = of - finished;
            let mean = in_all.checked_div(worked).unwrap_or_default();
            let estimate = mean * u32::try_from(left).unwrap_or(u32::MAX)
                / u32::try_from(side_by_side).unwrap_or(1);
            let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
            let told = Told {
                took_ms: ms(took.unwrap_or_default()),
                left,
                estimate_ms: ms(estimate),
            };
            self.keep(ready, Some(told), listener)?;
            listener.rows(&common.plan.class(&self.results))
        })?;
        Ok(match (finished < of, interrupt.load(Ordering::Relaxed)) {
            (false, _) => None,
            (true, true) => Some(Stopped::Interrupted),
            (true, false) => Some(Stopped::Budget),
        })
    }

    /// Workers for at most this many submissions at the same time.
    fn pool(&self, side_by_side: usize) -> WorkerPool<'a> {
        WorkerPool {
            common: self.common,
            store: self.store,
            interrupt: self.interrupt,
            side_by_side,
        }
    }

    fn side_by_side(&self) -> usize {
        self.common.request.jobs.unwrap_or(self.common.cores).max(1)
    }
}

/// What is told beside a result.
struct Told {
    took_ms: u64,
    left: usize,
    estimate_ms: u64,
}
