//! A worker: asks, executes, returns, asks again.

use lab1_api::{App, Group, JobId, Record, Task, WorkerConfig, output_file};
use labkit::prelude::*;

use crate::message::{Done, Lent, Loan, Message};

/// A worker without a task asks this often, one with a task says as often that it is at it.
const ASK: Duration = Duration::from_millis(80);
/// Buckets that have not come are asked for again.
const GET: Duration = Duration::from_millis(70);
/// After asking so often a worker says whom it asks in vain.
const PATIENCE: u32 = 4;

/// Executes one loan after the other.
#[derive(Debug, Serialize, Deserialize)]
pub struct Worker {
    coordinator: NodeId,
    /// Map output, by job and split: a bucket for each reduce task.
    kept: Map<(JobId, u32), Vec<Vec<Record>>>,
    loan: Option<Current>,
    /// Returned, but not noted yet.
    returned: Map<Loan, (JobId, Done)>,
    /// The highest loan that was ever accepted.
    last: Loan,
    works: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Current {
    loan: Loan,
    job: JobId,
    app: App,
    lent: Lent,
    work: Option<u64>,
    got: Map<u32, Vec<Record>>,
    /// How often each missing bucket was asked for.
    asked: Map<u32, u32>,
}

impl Current {
    /// Where map output can be had now; what has moved is asked for anew.
    fn renew(&mut self, new: Vec<Option<(NodeId, u64)>>) {
        let Lent::Reduce { sources, .. } = &mut self.lent else {
            return;
        };
        for (split, (old, new)) in (0..).zip(sources.iter_mut().zip(new)) {
            if *old != new {
                *old = new;
                self.asked.remove(&split);
            }
        }
    }
}

/// The timers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    /// Say something to the coordinator.
    Ask,
    /// Say something to the holders of buckets.
    Get,
}

impl Node for Worker {
    type Config = WorkerConfig;
    type Message = Message;
    type Timer = Timer;

    fn start(config: &WorkerConfig, _: Boot, ctx: &mut Context<Self>) -> Self {
        let mut worker = Worker {
            coordinator: config.coordinator,
            kept: Map::new(),
            loan: None,
            returned: Map::new(),
            last: (0, 0),
            works: 0,
        };
        worker.speak(ctx);
        worker
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        match message {
            Message::Wait { jobs } => self.kept.retain(|(job, _), _| jobs.contains(job)),
            Message::Lend {
                loan,
                job,
                app,
                work,
            } if loan > self.last => {
                self.drop_loan(ctx);
                self.last = loan;
                self.accept(
                    Current {
                        loan,
                        job,
                        app,
                        lent: work,
                        work: None,
                        got: Map::new(),
                        asked: Map::new(),
                    },
                    ctx,
                );
            }
            Message::Renewed { loan, sources } => {
                if let Some(current) = self.loan.as_mut().filter(|current| current.loan == loan) {
                    current.renew(sources);
                }
            }
            Message::Recall { loan }
                if self
                    .loan
                    .as_ref()
                    .is_some_and(|current| current.loan == loan) =>
            {
                self.drop_loan(ctx);
                self.speak(ctx);
            }
            Message::Noted { loan } => _ = self.returned.remove(&loan),
            Message::Get { job, split, reduce } => {
                if let Some(buckets) = self.kept.get(&(job, split)) {
                    let have = Message::Have {
                        job,
                        split,
                        reduce,
                        records: buckets[reduce as usize].clone(),
                    };
                    ctx.send(from, have);
                }
            }
            Message::Have {
                job,
                split,
                reduce,
                records,
            } => {
                let Some(current) = &mut self.loan else {
                    return;
                };
                let wanted =
                    matches!(current.lent, Lent::Reduce { reduce: mine, .. } if mine == reduce);
                if wanted && current.job == job && current.work.is_none() {
                    current.got.insert(split, records);
                    self.reduce(ctx);
                }
            }
            _ => {}
        }
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        match timer {
            Timer::Ask => self.speak(ctx),
            Timer::Get => self.get(ctx),
        }
    }
}

impl Compute for Worker {
    type Task = Task;
    type Done = Vec<Record>;

    fn on_work_done(&mut self, token: u64, records: Vec<Record>, ctx: &mut Context<Self>) {
        let Some(Current {
            loan, job, lent, ..
        }) = self.loan.take_if(|current| current.work == Some(token))
        else {
            return;
        };
        let task = match lent {
            Lent::Map { split, reduces, .. } => {
                let mut buckets = vec![Vec::new(); reduces as usize];
                for record in records {
                    let bucket = record
                        .key
                        .bytes()
                        .fold(7u64, |sum, byte| (sum * 31 + u64::from(byte)) % 1_000_003);
                    buckets[(bucket % u64::from(reduces)) as usize].push(record);
                }
                self.kept.insert((job, split), buckets);
                Done::Map(split)
            }
            Lent::Reduce { reduce, .. } => {
                let temporary =
                    format!("job-{job}/new-{reduce}-{}-{}-{}", ctx.id(), loan.0, loan.1);
                ctx.store().create(&temporary);
                records
                    .iter()
                    .for_each(|record| ctx.store().append(&temporary, record));
                ctx.store().rename(&temporary, &output_file(job, reduce));
                Done::Reduce(reduce)
            }
        };
        self.returned.insert(loan, (job, task));
        self.speak(ctx);
    }
}

impl Worker {
    fn keeps(&self) -> Vec<(JobId, u32)> {
        self.kept.keys().copied().collect()
    }

    /// Tells the coordinator what it does not know yet, and asks for more.
    fn speak(&mut self, ctx: &mut Context<Self>) {
        let life = ctx.incarnation();
        for (loan, (job, task)) in &self.returned {
            ctx.send(
                self.coordinator,
                Message::Return {
                    life,
                    loan: *loan,
                    job: *job,
                    task: *task,
                },
            );
        }
        let message = match &self.loan {
            None => Message::Ask {
                life,
                keeps: self.keeps(),
            },
            Some(current) => {
                let misses = match &current.lent {
                    Lent::Reduce { sources, .. } if current.work.is_none() => {
                        let late = current
                            .asked
                            .iter()
                            .filter(|(_, times)| **times >= PATIENCE);
                        late.filter_map(|(split, _)| {
                            let (holder, life) = sources[*split as usize]?;
                            Some((*split, holder, life))
                        })
                        .collect()
                    }
                    _ => Vec::new(),
                };
                let waits = current.work.is_none();
                Message::Renew {
                    life,
                    loan: current.loan,
                    waits,
                    misses,
                    keeps: self.keeps(),
                }
            }
        };
        ctx.send(self.coordinator, message);
        ctx.set_timer(Timer::Ask, ASK);
    }

    fn drop_loan(&mut self, ctx: &mut Context<Self>) {
        if let Some(Current {
            work: Some(work), ..
        }) = self.loan.take()
        {
            ctx.cancel_work(work);
        }
    }

    fn accept(&mut self, mut current: Current, ctx: &mut Context<Self>) {
        if let Lent::Map { split, name, .. } = &current.lent {
            let text = ctx.input(name).unwrap_or_default().to_owned();
            let task = Task::Map {
                job: current.job,
                app: current.app,
                split: *split,
                name: name.clone(),
                text,
            };
            self.works += 1;
            ctx.start_work(self.works, &task);
            current.work = Some(self.works);
            self.loan = Some(current);
            ctx.set_timer(Timer::Ask, ASK);
        } else {
            self.loan = Some(current);
            self.get(ctx);
        }
    }

    fn get(&mut self, ctx: &mut Context<Self>) {
        let Some(current) = self.loan.as_mut().filter(|current| current.work.is_none()) else {
            return;
        };
        let Lent::Reduce { reduce, sources } = &current.lent else {
            return;
        };
        for (split, source) in (0..).zip(sources) {
            let Some((holder, _)) = source else { continue };
            if !current.got.contains_key(&split) {
                *current.asked.entry(split).or_default() += 1;
                ctx.send(
                    *holder,
                    Message::Get {
                        job: current.job,
                        split,
                        reduce: *reduce,
                    },
                );
            }
        }
        ctx.set_timer(Timer::Get, GET);
        self.reduce(ctx);
    }

    fn reduce(&mut self, ctx: &mut Context<Self>) {
        let Some(current) = &mut self.loan else {
            return;
        };
        let Lent::Reduce { reduce, sources } = &current.lent else {
            return;
        };
        if current.work.is_some() || current.got.len() != sources.len() {
            return;
        }
        let mut records: Vec<Record> = std::mem::take(&mut current.got)
            .into_values()
            .flatten()
            .collect();
        records.sort_by(|one, other| one.key.cmp(&other.key));
        let groups = records
            .chunk_by(|one, other| one.key == other.key)
            .map(|group| Group {
                key: group[0].key.clone(),
                values: group.iter().map(|record| record.value.clone()).collect(),
            })
            .collect();
        self.works += 1;
        ctx.start_work(
            self.works,
            &Task::Reduce {
                job: current.job,
                app: current.app,
                reduce: *reduce,
                groups,
            },
        );
        current.work = Some(self.works);
    }
}
