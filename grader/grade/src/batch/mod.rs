//! A class of submissions: each is graded once, by a process of its own, and what is done is never
//! done again.
//!
//! `plan` says which submissions there are and whose, `store` keeps what came out, `worker` grades
//! one submission, `crew` runs workers side by side, `merge` joins what several machines did. Data
//! flows one way: plan -> work -> store -> rows.

mod crew;
mod merge;
mod plan;
mod preflight;
mod store;
mod worker;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use faultline_host::{Staged, Toolchain};
use faultline_intake::{Batch, Submission};
use faultline_verdict::{
    Class, ClassEvent, ClassPlan, ClassStatus, Grade, PlanStep, PlannedWork, Stopped,
};

use crate::{
    Salt, Selection, broken,
    building::{Building, LockIn},
    error::{Error, nearest},
    fingerprint_of, millis, origin,
    plan::{lab_of, selected},
};

pub use merge::{MergeRequest, merge};
pub use worker::{Worker, serve};

use crew::{Job, Ready};
use plan::Plan;
use store::{Key, Record, Store};

/// What to grade, and how.
#[derive(Clone, Debug)]
pub struct BatchRequest {
    /// The project: where labs, rubrics and the course's own solutions lie.
    pub root: PathBuf,
    /// The lab's id.
    pub lab: String,
    /// The file that says which submissions there are, and whose.
    pub batch: PathBuf,
    /// The folder of the results.
    pub out: PathBuf,
    /// Whether the hidden tests are run, too.
    pub hidden: bool,
    /// The course's secret.
    pub salt: Option<Salt>,
    /// Only these submissions or accounts; all if empty.
    pub only: Vec<String>,
    /// How many submissions are graded at the same time; one per core if `None`. No result depends
    /// on it.
    pub jobs: Option<usize>,
    /// Whether results that are there already are made anew.
    pub fresh: bool,
    /// When it is over no further submission is begun.
    pub budget: Option<Duration>,
    /// Which part of the submissions this machine grades; all if `None`.
    pub shard: Option<Shard>,
    /// How submissions are built.
    pub building: Building,
    /// Whether failures are shrunk.
    pub shrink: bool,
    /// How long grading one submission may take; then it is not scored.
    pub limit: Duration,
    /// The program that grades one submission: it calls [`serve`].
    pub worker: Worker,
}

/// A part of the submissions: the `part`-th of `of`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which one, from 1.
    pub part: usize,
    /// Of how many.
    pub of: usize,
}

impl Shard {
    /// Submissions are dealt out one by one, so that neighbours in the order of names do not end up
    /// together.
    fn has(self, index: usize) -> bool {
        index % self.of == self.part - 1
    }
}

/// A result that has just come in, or is there already.
#[derive(Debug)]
pub struct Kept<'a> {
    /// The submission's id.
    pub id: &'a str,
    /// The whole result.
    pub grade: &'a Grade,
    /// What the compiler warned of.
    pub warnings: &'a str,
    /// The folder for course staff.
    pub staff: PathBuf,
    /// The folder that is handed to the student.
    pub student: PathBuf,
}

/// Who writes and tells what comes out.
pub trait ClassListener {
    /// Something happened.
    fn event(&mut self, event: ClassEvent);

    /// Writes the pages of one submission.
    ///
    /// # Errors
    /// If they cannot be written: then there is no result.
    fn result(&mut self, kept: &Kept<'_>) -> Result<(), Error>;

    /// Writes the rows as far as they are known.
    ///
    /// # Errors
    /// If they cannot be written.
    fn rows(&mut self, class: &Class) -> Result<(), Error>;
}

/// Grades a class. Stopped at any moment, by any means, the same request goes on where it was.
///
/// # Errors
/// [`Error::Usage`] if the request makes no sense, [`Error::Broken`] if this machine cannot grade:
/// it has no sandbox for builds, or gives the course's own solutions other points than they must
/// have.
pub fn batch(
    request: &BatchRequest,
    listener: &mut dyn ClassListener,
    interrupt: &AtomicBool,
) -> Result<Class, Error> {
    let began = Instant::now();
    let course = Course::of(request)?;
    let store = Store::open(&request.out)?;
    store.begin(&course.plan)?;
    let mut grading = Grading {
        request,
        course: &course,
        store: &store,
        interrupt,
        results: BTreeMap::new(),
    };
    let (jobs, done) = grading.jobs()?;
    listener.event(ClassEvent::Started {
        lab: course.plan.lab.clone(),
        title: course.plan.title.clone(),
        submissions: jobs.len() + done.len(),
        done: done.len(),
        rows: course.plan.class(&BTreeMap::new()).rows.len(),
        layers: course.layers.clone(),
    });
    // Where nothing is graded, nothing has to be sure.
    let mut of_reference = None;
    if jobs.iter().any(Job::is_work) {
        let (sure, took) = preflight::check(&grading)?;
        listener.event(sure);
        of_reference = took;
    }
    for ready in done {
        grading.keep(ready, None, listener)?;
    }
    let stopped = grading.work(jobs, began, of_reference, listener)?;
    let class = course.plan.class(&grading.results);
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
pub fn plan_of_batch(request: &BatchRequest) -> Result<ClassPlan, Error> {
    let course = Course::of(request)?;
    let store = Store::look(&request.out);
    let interrupt = AtomicBool::new(false);
    let grading = Grading {
        request,
        course: &course,
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
    let missing = course.plan.class(&BTreeMap::new()).rows;
    let missing = missing
        .into_iter()
        .filter(|row| row.status == ClassStatus::Missing)
        .map(|row| row.student);
    Ok(ClassPlan {
        steps,
        missing: missing.collect(),
    })
}

/// What all submissions have in common.
struct Course {
    plan: Plan,
    /// The folder of `batch.toml`, which its paths start from.
    base: PathBuf,
    layers: Vec<String>,
    cores: usize,
}

impl Course {
    fn of(request: &BatchRequest) -> Result<Course, Error> {
        let (suite, rubric) = lab_of(&request.root, &request.lab)?;
        let selection = Selection {
            filters: Vec::new(),
            hidden: request.hidden,
        };
        let points = selected(&suite, &rubric, &selection)?
            .iter()
            .map(|row| row.points)
            .sum();
        let batch = Batch::read(&request.batch).map_err(|error| Error::Usage(error.to_string()))?;
        origin::must_be(&request.root)?;
        let toolchain = Toolchain::find(&request.root).map_err(broken)?;
        let layers = request.building.sandbox(&toolchain)?.mechanisms().to_vec();
        let fingerprint = fingerprint_of(
            &request.root,
            &request.lab,
            request.salt.as_ref(),
            &toolchain,
        )?;
        let base = request
            .batch
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let plan = Plan {
            format: plan::FORMAT,
            lab: rubric.lab.clone(),
            title: rubric.title.clone(),
            hidden: request.hidden,
            fingerprint,
            grader: env!("CARGO_PKG_VERSION").to_owned(),
            points,
            unsafe_build: request.building.lock_in == LockIn::Never,
            shrink: request.shrink,
            batch,
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Course {
            plan,
            base: base.unwrap_or(Path::new(".")).to_owned(),
            layers,
            cores,
        })
    }
}

/// A class that is being graded.
struct Grading<'a> {
    request: &'a BatchRequest,
    course: &'a Course,
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

impl<'a> Grading<'a> {
    /// The submissions that were asked for, in the order of their ids.
    fn chosen(&self) -> Result<Vec<&'a Submission>, Error> {
        let BatchRequest { only, shard, .. } = self.request;
        let course: &'a Course = self.course;
        let items = course.plan.items();
        let belongs = |id: &str, name: &str| {
            let batch = &self.course.plan.batch;
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
                    self.request.batch.display()
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
        let course: &'a Course = self.course;
        let others: Vec<&Submission> = course
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
            match self.look(item, self.request.fresh) {
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
        let staged = match crew::stage(self.course, &self.request.lab, item) {
            Ok(staged) => staged,
            Err(trouble) => return Looked::Rejected(Box::new(self.told(&item.id, trouble))),
        };
        let key = self.key(&staged);
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

    fn key(&self, staged: &Staged) -> Key {
        let mut fingerprint = self.course.plan.fingerprint.clone();
        fingerprint.submission = staged.digest().to_string();
        let plan = &self.course.plan;
        Key {
            fingerprint,
            grader: plan.grader.clone(),
            hidden: plan.hidden,
            unsafe_build: plan.unsafe_build,
            shrink: plan.shrink,
            left_out: crate::left_out(staged),
        }
    }

    /// Keeps a result: the pages first, the record that makes it count last.
    fn keep(
        &mut self,
        ready: Ready,
        took: Option<Told>,
        listener: &mut dyn ClassListener,
    ) -> Result<(), Error> {
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
        listener.rows(&self.course.plan.class(&self.results))?;
        let of = jobs.len();
        let side_by_side = self.side_by_side();
        let (course, request, store, interrupt) =
            (self.course, self.request, self.store, self.interrupt);
        let crew = crew::Crew {
            course,
            request,
            store,
            interrupt,
            side_by_side,
        };
        let mut finished = 0;
        let (mut worked, mut in_all) = (
            u32::from(of_reference.is_some()),
            of_reference.unwrap_or_default(),
        );
        let until = request.budget.map(|budget| began + budget);
        crew.run(jobs, until, |ready, took| {
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
            listener.rows(&course.plan.class(&self.results))
        })?;
        Ok(match (finished < of, interrupt.load(Ordering::Relaxed)) {
            (false, _) => None,
            (true, true) => Some(Stopped::Interrupted),
            (true, false) => Some(Stopped::Budget),
        })
    }

    fn side_by_side(&self) -> usize {
        self.request.jobs.unwrap_or(self.course.cores).max(1)
    }
}

/// What is told beside a result.
struct Told {
    took_ms: u64,
    left: usize,
    estimate_ms: u64,
}
