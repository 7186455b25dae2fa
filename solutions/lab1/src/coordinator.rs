//! The coordinator: accepts jobs, assigns their tasks, detects dead workers, and knows when a job
//! has ended.

use lab1_api::Given;
use labkit::prelude::*;

use crate::Message;

// hole
use lab1_api::{Job, JobId, Outcome};

use crate::message::{Kind, Orders, Report, Run, TaskId, What};

/// The coordinator has no clock. It counts ticks of its own.
const TICK: Duration = Duration::from_millis(25);
/// Time of silence after which a worker counts as dead. Of three consecutive reports one arrives.
const SILENCE: u64 = 18;
/// Time after a restart during which no task is assigned: first every worker must have had a chance
/// to report what it holds.
const LISTEN: u64 = 20;

// end hole
/// Knows all jobs and workers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Coordinator {
    // hole
    // | What must a coordinator know about each job, each task, each worker? Which of it must
    // | survive its own crash?
    ticks: u64,
    /// No task is assigned before this tick.
    listens_until: u64,
    /// Counts the orders of this incarnation.
    orders: u64,
    /// Which log is written to.
    log: u64,
    /// By the order in which they came.
    queue: Vec<JobId>,
    jobs: Map<JobId, Progress>,
    workers: Map<NodeId, Known>,
    // end hole
}

// hole
/// A job and how far it is.
#[derive(Debug, Serialize, Deserialize)]
struct Progress {
    job: Job,
    submitters: Set<NodeId>,
    reduced: Set<u32>,
    /// How often a worker died executing a task.
    deaths: Map<TaskId, u32>,
    outcome: Option<Outcome>,
    /// How many ticks each task took that has come to an end.
    took: Map<TaskId, u64>,
}

/// A worker and what it said last.
#[derive(Debug, Serialize, Deserialize)]
struct Known {
    report: Report,
    heard: u64,
    lives: bool,
    /// What it shall do, and since when.
    at: Option<(TaskId, u64)>,
    /// What it was at when it fell silent: that counts as a death until it is heard again.
    lost: Option<TaskId>,
}

/// What is on the disk, in order.
#[derive(Debug, Serialize, Deserialize)]
enum Entry {
    Submitted(Job),
    Reduced(JobId, u32),
    Died(TaskId),
    Lived(TaskId),
    Ended(JobId, Outcome),
}

/// The number of the log that is written to, and all entries of earlier ones.
const BASE: &str = "base";

fn log(number: u64) -> String {
    format!("log-{number}")
}

// end hole
/// The timers of the coordinator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    // hole
    // | Add your timers here. How does a coordinator notice that a worker is dead, or slow?
    Tick,
    // end hole
}

impl Node for Coordinator {
    type Config = ();
    type Message = Message;
    type Timer = Timer;

    fn start(_config: &(), boot: Boot, ctx: &mut Context<Self>) -> Self {
        // hole: Coordinator::start
        // | Return a coordinator without jobs, or, in part D, one that knows what is on its disk.
        // | What do the workers know?
        let (mut number, mut entries): (u64, Vec<Entry>) =
            ctx.disk().read(BASE).unwrap_or_default();
        let written = ctx.disk().records(&log(number));
        entries.extend(written.whole);
        if written.torn {
            // What stands behind a torn record is never read: go on in another log.
            number += 1;
            ctx.disk().write(BASE, &(number, &entries));
            ctx.disk().sync();
            ctx.disk().remove(&log(number - 1));
        }
        let mut coordinator = Coordinator {
            ticks: 0,
            listens_until: if boot == Boot::First { 0 } else { LISTEN },
            orders: 0,
            log: number,
            queue: Vec::new(),
            jobs: Map::new(),
            workers: Map::new(),
        };
        entries
            .into_iter()
            .for_each(|entry| coordinator.replay(entry));
        ctx.set_timer(Timer::Tick, TICK);
        coordinator
        // end hole
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        // hole: Coordinator::on_message
        // | From clients: jobs, some of them known already. From workers: your own messages. Any of
        // | them can be old: from an earlier incarnation of a worker, about a task that another
        // | worker has finished meanwhile, about a job that has ended.
        match message {
            Message::Given(Given::Submit(job)) => self.submitted(from, job, ctx),
            Message::Report(report) => self.reported(from, report, ctx),
            _ => {}
        }
        // end hole
    }

    fn on_timer(&mut self, _timer: Timer, ctx: &mut Context<Self>) {
        // hole: Coordinator::on_timer
        // | Which worker has been silent for too long? Which task takes too long?
        self.ticks += 1;
        ctx.set_timer(Timer::Tick, TICK);
        let silent = |known: &Known| known.lives && known.heard + SILENCE < self.ticks;
        let silent: Vec<NodeId> = self
            .workers
            .iter()
            .filter(|(_, known)| silent(known))
            .map(|(worker, _)| *worker)
            .collect();
        let mut news = Vec::new();
        for worker in silent {
            let Some(known) = self.workers.get_mut(&worker) else {
                continue;
            };
            known.lives = false;
            known.lost = known.at.take().map(|(task, _)| task);
            news.extend(known.lost.map(Entry::Died));
        }
        self.go_on(news, None, ctx);
        // end hole
    }
}
// hole

impl Coordinator {
    fn submitted(&mut self, from: NodeId, job: Job, ctx: &mut Context<Self>) {
        let id = job.id;
        if let Some(known) = self.jobs.get_mut(&id) {
            known.submitters.insert(from);
            if let Some(outcome) = known.outcome {
                ctx.send(from, Given::Finished { job: id, outcome });
            }
            return;
        }
        self.go_on(vec![Entry::Submitted(job)], None, ctx);
        self.jobs
            .entry(id)
            .and_modify(|known| _ = known.submitters.insert(from));
    }

    fn reported(&mut self, from: NodeId, report: Report, ctx: &mut Context<Self>) {
        let ticks = self.ticks;
        let mut news = Vec::new();
        if let Some(known) = self.workers.get_mut(&from) {
            if (report.life, report.number) <= (known.report.life, known.report.number) {
                return;
            }
            if report.life > known.report.life {
                news.extend(known.at.take().map(|(task, _)| Entry::Died(task)));
            } else if let Some(task) = known.lost.take() {
                news.push(Entry::Lived(task));
            }
            (known.report, known.heard, known.lives, known.lost) = (report, ticks, true, None);
        } else {
            let known = Known {
                report,
                heard: ticks,
                lives: true,
                at: None,
                lost: None,
            };
            self.workers.insert(from, known);
        }
        let known = &self.workers[&from];
        let written = known.report.reduces.iter().filter(|(job, reduce)| {
            self.jobs
                .get(job)
                .is_some_and(|known| known.outcome.is_none() && !known.reduced.contains(reduce))
        });
        news.extend(written.map(|(job, reduce)| Entry::Reduced(*job, *reduce)));
        // What it is at although nobody remembers to have said so: this is a new life of the
        // coordinator, or the worker was given up too early.
        let adopted = known
            .report
            .running
            .map(|(task, _)| task)
            .filter(|task| known.at.is_none() && self.is_open(*task));
        if let (Some(task), Some(known)) = (adopted, self.workers.get_mut(&from)) {
            known.at = Some((task, ticks));
        }
        self.go_on(news, Some(from), ctx);
    }

    /// What follows from the news: they are safe before anybody hears of them.
    fn go_on(&mut self, news: Vec<Entry>, asks: Option<NodeId>, ctx: &mut Context<Self>) {
        let mut finished = Vec::new();
        let mut entries = news;
        let mut safe = true;
        loop {
            for entry in std::mem::take(&mut entries) {
                ctx.disk().append(&log(self.log), &entry);
                self.replay(entry);
                safe = false;
            }
            for (id, known) in &self.jobs {
                let failed = known
                    .deaths
                    .values()
                    .any(|deaths| *deaths >= known.job.max_attempts);
                let done = known.reduced.len() == known.job.reduce_tasks as usize;
                if known.outcome.is_none() && (failed || done) {
                    entries.push(Entry::Ended(
                        *id,
                        if done { Outcome::Done } else { Outcome::Failed },
                    ));
                    finished.push(*id);
                }
            }
            if entries.is_empty() {
                break;
            }
        }
        let mut changed = self.free();
        if self.ticks >= self.listens_until {
            self.assign(&mut changed);
        }
        changed.extend(asks);
        if !safe {
            ctx.disk().sync();
        }
        for id in finished {
            let known = &self.jobs[&id];
            for (submitter, outcome) in known
                .submitters
                .iter()
                .zip(std::iter::repeat(known.outcome))
            {
                let Some(outcome) = outcome else { continue };
                ctx.send(*submitter, Given::Finished { job: id, outcome });
            }
        }
        for worker in changed {
            self.orders += 1;
            let orders = Orders {
                number: (ctx.incarnation(), self.orders),
                run: self.workers[&worker].at.map(|(task, _)| self.run(task)),
                jobs: self.queue.iter().copied().collect(),
            };
            ctx.send(worker, Message::Orders(orders));
        }
    }

    fn replay(&mut self, entry: Entry) {
        match entry {
            Entry::Submitted(job) => {
                self.queue.push(job.id);
                let known = Progress {
                    submitters: Set::new(),
                    reduced: Set::new(),
                    deaths: Map::new(),
                    outcome: None,
                    took: Map::new(),
                    job,
                };
                self.jobs.insert(known.job.id, known);
            }
            Entry::Reduced(job, reduce) => {
                self.jobs
                    .entry(job)
                    .and_modify(|known| _ = known.reduced.insert(reduce));
            }
            Entry::Died(task) => {
                self.jobs
                    .entry(task.job)
                    .and_modify(|known| *known.deaths.entry(task).or_default() += 1);
            }
            Entry::Lived(task) => {
                self.jobs
                    .entry(task.job)
                    .and_modify(|known| *known.deaths.entry(task).or_default() -= 1);
            }
            Entry::Ended(job, outcome) => {
                self.jobs
                    .entry(job)
                    .and_modify(|known| known.outcome = Some(outcome));
                self.queue.retain(|queued| *queued != job);
            }
        }
    }

    /// A living worker that has the map output of this split.
    fn holder(&self, job: JobId, split: u32) -> Option<NodeId> {
        let holds = |known: &Known| known.lives && known.report.maps.contains(&(job, split));
        self.workers
            .iter()
            .find(|(_, known)| holds(known))
            .map(|(worker, _)| *worker)
    }

    /// True if the task has still to be done.
    fn is_open(&self, task: TaskId) -> bool {
        let Some(known) = self
            .jobs
            .get(&task.job)
            .filter(|known| known.outcome.is_none())
        else {
            return false;
        };
        match task.kind {
            Kind::Map => self.holder(task.job, task.number).is_none(),
            Kind::Reduce => !known.reduced.contains(&task.number),
        }
    }

    /// Takes tasks that are done away from those who are at them; who that is.
    fn free(&mut self) -> Set<NodeId> {
        let over: Vec<(NodeId, TaskId, u64)> = self
            .workers
            .iter()
            .filter_map(|(worker, known)| known.at.map(|(task, since)| (*worker, task, since)))
            .filter(|(_, task, _)| !self.is_open(*task))
            .collect();
        for (worker, task, since) in &over {
            if let Some(known) = self.workers.get_mut(worker) {
                known.at = None;
            }
            let took = self.ticks - since;
            self.jobs
                .entry(task.job)
                .and_modify(|known| _ = known.took.entry(*task).or_insert(took));
        }
        over.into_iter().map(|(worker, ..)| worker).collect()
    }

    /// Gives idle workers something to do: job by job, first what nobody is at, then copies of what
    /// takes too long.
    fn assign(&mut self, changed: &mut Set<NodeId>) {
        for id in self.queue.clone() {
            let open = self.open_tasks(id);
            let mut waiting = Vec::new();
            let mut late = Vec::new();
            for task in open {
                let at: Vec<&Known> = self
                    .workers
                    .values()
                    .filter(|known| known.at.is_some_and(|(at, _)| at == task))
                    .collect();
                match at.as_slice() {
                    [] => waiting.push(task),
                    [one] if self.is_late(one) => late.push(task),
                    _ => {}
                }
            }
            for task in waiting {
                // A map task whose output is lost goes before a reduce task that waits for that
                // output.
                let free = self
                    .idle()
                    .or_else(|| (task.kind == Kind::Map).then(|| self.waits_for_buckets())?);
                self.give(task, free, changed);
            }
            for task in late {
                self.give(task, self.idle(), changed);
            }
        }
    }

    /// The tasks of a job's present phase that are not done.
    fn open_tasks(&self, id: JobId) -> Vec<TaskId> {
        let known = &self.jobs[&id];
        let tasks = |kind, count: u32| {
            (0..count).map(move |number| TaskId {
                job: id,
                kind,
                number,
            })
        };
        let maps: Vec<TaskId> = tasks(Kind::Map, known.job.splits.len() as u32)
            .filter(|task| self.is_open(*task))
            .collect();
        if !maps.is_empty() {
            return maps;
        }
        tasks(Kind::Reduce, known.job.reduce_tasks)
            .filter(|task| self.is_open(*task))
            .collect()
    }

    fn idle(&self) -> Option<NodeId> {
        self.workers
            .iter()
            .find(|(_, known)| known.lives && known.at.is_none())
            .map(|(worker, _)| *worker)
    }

    /// A worker at a reduce task whose machine has nothing to do yet.
    fn waits_for_buckets(&self) -> Option<NodeId> {
        let waits = |known: &Known| {
            let computes = known.report.running.is_some_and(|(_, computes)| computes);
            known.lives && !computes && known.at.is_some_and(|(task, _)| task.kind == Kind::Reduce)
        };
        self.workers
            .iter()
            .find(|(_, known)| waits(known))
            .map(|(worker, _)| *worker)
    }

    /// More than twice as long as half of the tasks of this kind took.
    fn is_late(&self, known: &Known) -> bool {
        let Some((task, since)) = known.at else {
            return false;
        };
        let job = &self.jobs[&task.job];
        let mut took: Vec<u64> = job
            .took
            .iter()
            .filter(|(other, _)| other.kind == task.kind)
            .map(|(_, took)| *took)
            .collect();
        took.sort_unstable();
        let median = took.get(took.len() / 2);
        median.is_some_and(|median| self.ticks - since > 2 * median + 4)
    }

    fn give(&mut self, task: TaskId, worker: Option<NodeId>, changed: &mut Set<NodeId>) {
        let Some(worker) = worker else { return };
        if let Some(known) = self.workers.get_mut(&worker) {
            known.at = Some((task, self.ticks));
            changed.insert(worker);
        }
    }

    /// A task with all that is needed for it.
    fn run(&self, task: TaskId) -> Run {
        let job = &self.jobs[&task.job].job;
        let splits = job.splits.len() as u32;
        let what = match task.kind {
            Kind::Map => What::Map {
                name: job.splits[task.number as usize].clone(),
                reduce_tasks: job.reduce_tasks,
            },
            Kind::Reduce => What::Reduce {
                holders: (0..splits)
                    .map(|split| self.holder(task.job, split))
                    .collect(),
            },
        };
        Run {
            task,
            app: job.app,
            what,
        }
    }
}
// end hole
