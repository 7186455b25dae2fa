//! A class: what of it is there, what is to be done, and what came out.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use faultline_host::Staged;
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
    request::{BatchRequest, ClassListener, GradedClass, Kept},
    store::{Stale, Store},
    submission::{Job, Ready, Sources, sources, stage, ungraded},
};

/// Grades a class. Stopped at any moment, by any means, the same request goes on where it was.
///
/// # Errors
/// [`Error::Usage`] if the request makes no sense or the folder has results of another plan,
/// [`Error::Broken`] if this machine cannot grade:
/// it has no sandbox for builds, or gives the course's own solutions other points than they must
/// have.
pub fn batch(
    course: &Course,
    request: &BatchRequest,
    listener: &mut dyn ClassListener,
    interrupt: &AtomicBool,
) -> Result<GradedClass, Error> {
    let began = Instant::now();
    let common = Common::of(course, request)?;
    let asked: BTreeSet<String> = chosen(&common)?
        .iter()
        .map(|item| item.id.clone())
        .collect();
    // Nothing is changed in a folder that is refused.
    let changes = changes(&common, &Store::look(&request.out)?)?;
    let store = Store::open(&request.out)?;
    let layers = common.layers(&store.work())?;
    store.begin(&common.plan)?;
    let mut grading = ClassInWork {
        common: &common,
        store: &store,
        interrupt,
        layers: &layers,
        results: BTreeMap::new(),
    };
    let Jobs { jobs, done, again } = grading.jobs(&asked);
    listener.event(ClassEvent::Started {
        lab: common.plan.lab.clone(),
        title: common.plan.title.clone(),
        submissions: jobs.len() + done.len(),
        done: done.len(),
        rows: common.plan.class(&BTreeMap::new()).rows.len(),
        layers: layers.clone(),
        changes,
        again,
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
    let class = grading.class();
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
        Ok(GradedClass { class, asked })
    }
}

/// What is different since the folder was last graded into. Results of another plan are not
/// overwritten one by one: somebody who forgot an option would lose the scores without a word.
fn changes(common: &Common<'_>, store: &Store) -> Result<Vec<String>, Error> {
    let BatchRequest { fresh, only, .. } = common.request;
    let old = match store.must_be_of(&common.plan) {
        Ok(old) => old,
        // With --only, the others would stay as they are.
        Err(_) if *fresh && only.is_empty() => None,
        Err(error) => return Err(error),
    };
    let changes = old.map(|old| old.changes_of_class(&common.plan));
    let known = common.plan.items();
    let known: BTreeSet<&str> = known.iter().map(|item| item.id.as_str()).collect();
    let gone = store.strangers(&known).into_iter().map(|id| {
        format!("{id} is no submission any more: staff/{id} and students/{id} are of no use")
    });
    Ok(changes
        .unwrap_or_default()
        .into_iter()
        .chain(gone)
        .collect())
}

/// What [`batch`] would do, without doing any of it.
///
/// # Errors
/// As for [`batch`], as far as it can be known.
pub fn plan_of_batch(course: &Course, request: &BatchRequest) -> Result<ClassPlan, Error> {
    let common = Common::of(course, request)?;
    let store = Store::look(&request.out)?;
    let changes = changes(&common, &store)?;
    let interrupt = AtomicBool::new(false);
    let grading = ClassInWork {
        common: &common,
        store: &store,
        interrupt: &interrupt,
        layers: &[],
        results: BTreeMap::new(),
    };
    let mut steps = Vec::new();
    for item in chosen(&common)? {
        let (what, why) = match grading.look(item, request.fresh) {
            Looked::Work { why, .. } => (PlannedWork::Grade, why),
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
        changes,
    })
}

/// The submissions that were asked for, in the order of their ids.
fn chosen<'a>(common: &'a Common<'_>) -> Result<Vec<&'a Submission>, Error> {
    let BatchRequest { only, shard, .. } = common.request;
    let items = common.plan.items();
    for name in only {
        if !items.iter().any(|item| belongs(common, &item.id, name)) {
            let known = items.iter().map(|item| item.id.as_str());
            let text = format!(
                "--only {name:?}: no submission, student or account is called so{}; {} lists them",
                nearest(name, known),
                common.request.batch.display()
            );
            return Err(Error::Usage(text));
        }
    }
    let in_shard = |index: &usize| shard.is_none_or(|shard| shard.has(*index));
    let wanted = |id: &str| only.is_empty() || only.iter().any(|name| belongs(common, id, name));
    let chosen = items
        .into_iter()
        .enumerate()
        .filter(|(index, item)| in_shard(index) && wanted(&item.id));
    Ok(chosen.map(|(_, item)| item).collect())
}

/// Whether a submission is called so, or is that of a student or an account called so.
fn belongs(common: &Common<'_>, id: &str, name: &str) -> bool {
    let batch = &common.plan.batch;
    let is_theirs = |login: &Option<String>| {
        login
            .as_ref()
            .is_some_and(|own| own.eq_ignore_ascii_case(name))
    };
    let mut students = batch
        .students
        .iter()
        .filter(|student| student.submission.as_deref() == Some(id));
    let mut unmatched = batch
        .unmatched
        .iter()
        .filter(|folder| folder.submission == id);
    id == name
        || students.any(|student| student.identifier == name || is_theirs(&student.login))
        || unmatched.any(|folder| is_theirs(&folder.login))
}

/// A class that is being graded.
struct ClassInWork<'a> {
    common: &'a Common<'a>,
    store: &'a Store,
    interrupt: &'a AtomicBool,
    /// How builds are sandboxed.
    layers: &'a [String],
    /// What is known of each submission.
    results: BTreeMap<String, Record>,
}

/// What is to be done about a submission.
enum Looked {
    Work {
        why: String,
        /// What is known of it until it is graded.
        known: Option<Box<Record>>,
    },
    Kept(Box<Ready>),
    Rejected(Box<Ready>),
}

/// What is to be done, and what is there.
#[derive(Default)]
struct Jobs {
    jobs: Vec<Job>,
    done: Vec<Ready>,
    /// What has a result that does not count any more.
    again: Vec<PlanStep>,
}

impl<'a> ClassInWork<'a> {
    /// What is to be graded, and what is there. What nobody asked for is taken from the store, too,
    /// so that the rows are those of the whole class.
    fn jobs(&mut self, asked: &BTreeSet<String>) -> Jobs {
        let common: &'a Common<'a> = self.common;
        let mut jobs = Jobs::default();
        for item in common.plan.items() {
            let is_asked = asked.contains(&item.id);
            let looked = self.look(item, common.request.fresh && is_asked);
            match looked {
                Looked::Work { why, known } => {
                    if let Some(known) = known {
                        if is_asked {
                            jobs.again.push(PlanStep {
                                id: item.id.clone(),
                                what: PlannedWork::Grade,
                                why,
                            });
                        }
                        self.results.insert(item.id.clone(), *known);
                    }
                    if is_asked {
                        jobs.jobs.push(Job::Grade(item.clone()));
                    }
                }
                Looked::Kept(ready) if is_asked => jobs.done.push(*ready),
                Looked::Rejected(ready) if is_asked => jobs.jobs.push(Job::Told(ready)),
                Looked::Kept(ready) | Looked::Rejected(ready) => {
                    self.results.insert(item.id.clone(), ready.record);
                }
            }
        }
        jobs
    }

    /// The rows, as far as results are known.
    fn class(&self) -> Class {
        let mut class = self.common.plan.class(&self.results);
        if let Some(shard) = self.common.request.shard {
            let items = self.common.plan.items();
            let own = items
                .iter()
                .enumerate()
                .filter(|(index, _)| shard.has(*index));
            let own: BTreeSet<&str> = own.map(|(_, item)| item.id.as_str()).collect();
            for row in &mut class.rows {
                let id = row.submission.as_deref().unwrap_or_default();
                row.elsewhere = row.status == ClassStatus::Pending && !own.contains(id);
            }
        }
        class
    }

    /// What is known of a submission without running anything of it; with `fresh`, no result of an
    /// earlier run counts.
    fn look(&self, item: &Submission, fresh: bool) -> Looked {
        let staged = match stage(self.common, item) {
            Ok(staged) => staged,
            Err(trouble) => {
                let ready = ungraded(self.common, &item.id, trouble, None);
                return Looked::Rejected(Box::new(ready));
            }
        };
        let key = self.common.key(&staged);
        match self.store.kept(&item.id, &key) {
            _ if fresh => Looked::Work {
                why: "--fresh".to_owned(),
                known: None,
            },
            Ok((record, grade)) => Looked::Kept(Box::new(Ready {
                id: item.id.clone(),
                record,
                grade,
                sources: self.sources(&item.id, &staged),
            })),
            Err(Stale { why, known }) => Looked::Work { why, known },
        }
    }

    /// What has to be written so that the sources lie beside the result.
    fn sources(&self, id: &str, staged: &Staged) -> Sources {
        let sources = sources(staged);
        match self.store.has_sources(id, &sources) {
            true => Sources::Kept,
            false => Sources::New(sources),
        }
    }

    /// Keeps a result: the pages first, the record that makes it count last.
    fn keep(
        &mut self,
        ready: Ready,
        took: Option<Told>,
        listener: &mut dyn ClassListener,
    ) -> Result<(), Error> {
        let Ready {
            id,
            record,
            grade,
            sources,
        } = ready.corrected(&self.common.plan.batch);
        if record.status != ClassStatus::Graded {
            self.store.forget_traces(&id)?;
        }
        match sources {
            Sources::Kept => {}
            Sources::New(sources) => self.store.keep_sources(&id, &sources)?,
            Sources::Nothing => self.store.forget_sources(&id)?,
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
        listener.rows(&self.class())?;
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
            listener.rows(&self.class())
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
            layers: self.layers,
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
