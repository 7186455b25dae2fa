//! A worker: its machine computes, its disk holds the output of map tasks, and other workers fetch
//! that output.

use lab1_api::{Record, Task, WorkerConfig};
use labkit::prelude::*;

use crate::Message;

// hole
use lab1_api::{Group, JobId, output_file};

use crate::message::{Kind, Orders, Report, Run, TaskId, What};

/// How often a worker tells the coordinator that it lives.
pub const BEAT: Duration = Duration::from_millis(100);
/// After this time buckets that did not come are asked for again.
const REFETCH: Duration = Duration::from_millis(60);

// end hole
/// Executes tasks, one at a time.
#[derive(Debug, Serialize, Deserialize)]
pub struct Worker {
    coordinator: NodeId,
    // hole
    // | What must a worker know about the task that it executes, about the output that it holds for
    // | others, about its latest orders?
    reports: u64,
    /// The number of the last orders.
    ordered: (u64, u64),
    /// The map output on this disk: how many buckets it has.
    maps: Map<(JobId, u32), u32>,
    reduces: Set<(JobId, u32)>,
    at: Option<At>,
    /// Counts the work of this incarnation.
    works: u64,
    // end hole
}

// hole
/// What the worker is at.
#[derive(Debug, Serialize, Deserialize)]
struct At {
    run: Run,
    /// The machine computes it; else buckets are missing.
    work: Option<u64>,
    buckets: Map<u32, Vec<Record>>,
}

// end hole
/// The timers of a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    // hole
    // | Add your timers here. What must be repeated regularly?
    Beat,
    Refetch,
    // end hole
}

impl Node for Worker {
    type Config = WorkerConfig;
    type Message = Message;
    type Timer = Timer;

    fn start(config: &WorkerConfig, _boot: Boot, ctx: &mut Context<Self>) -> Self {
        // hole: Worker::start
        // | Return a worker that the coordinator does not know yet, or no longer. What does its
        // | disk hold, and how much of it is complete?
        let mut worker = Worker {
            coordinator: config.coordinator,
            reports: 0,
            ordered: (0, 0),
            maps: ctx.disk().read("maps").unwrap_or_default(),
            reduces: Set::new(),
            at: None,
            works: 0,
        };
        worker.report(ctx);
        worker
        // end hole
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        // hole: Worker::on_message
        // | From the coordinator: orders. From other workers: requests for what your disk holds,
        // | and replies with what theirs hold.
        match message {
            Message::Orders(orders) if orders.number > self.ordered => self.obey(orders, ctx),
            Message::Fetch {
                job,
                reduce,
                splits,
            } => {
                let held = splits
                    .into_iter()
                    .filter_map(|split| Some((split, self.bucket(job, split, reduce, ctx)?)));
                let buckets = held.collect();
                ctx.send(
                    from,
                    Message::Buckets {
                        job,
                        reduce,
                        buckets,
                    },
                );
            }
            Message::Buckets {
                job,
                reduce,
                buckets,
            } => {
                let wanted = TaskId {
                    job,
                    kind: Kind::Reduce,
                    number: reduce,
                };
                if let Some(at) = self
                    .at
                    .as_mut()
                    .filter(|at| at.run.task == wanted && at.work.is_none())
                {
                    at.buckets.extend(buckets);
                    self.reduce_if_complete(ctx);
                }
            }
            _ => {}
        }
        // end hole
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        // hole: Worker::on_timer
        // | Repeat what may have been lost, and ask again for what has not arrived.
        match timer {
            Timer::Beat => self.report(ctx),
            Timer::Refetch => self.fetch(ctx),
        }
        // end hole
    }
}

impl Compute for Worker {
    type Task = Task;
    type Done = Vec<Record>;

    fn on_work_done(&mut self, token: u64, done: Vec<Record>, ctx: &mut Context<Self>) {
        // hole: Worker::on_work_done
        // | A map or reduce task has finished. Where do its records go? What may others see if the
        // | worker crashes between two of your lines? Who must be told, and when?
        let Some(At { run, .. }) = self.at.take_if(|at| at.work == Some(token)) else {
            return;
        };
        let TaskId { job, number, .. } = run.task;
        match run.what {
            What::Map { reduce_tasks, .. } => self.keep(job, number, reduce_tasks, done, ctx),
            What::Reduce { .. } => {
                let draft = format!(
                    "{}.{}-{}-{token}",
                    output_file(job, number),
                    ctx.id(),
                    ctx.incarnation()
                );
                ctx.store().create(&draft);
                for record in &done {
                    ctx.store().append(&draft, record);
                }
                ctx.store().rename(&draft, &output_file(job, number));
                self.reduces.insert((job, number));
            }
        }
        self.report(ctx);
        // end hole
    }
}
// hole

impl Worker {
    fn report(&mut self, ctx: &mut Context<Self>) {
        self.reports += 1;
        let report = Report {
            life: ctx.incarnation(),
            number: self.reports,
            running: self.at.as_ref().map(|at| (at.run.task, at.work.is_some())),
            maps: self.maps.keys().copied().collect(),
            reduces: self.reduces.clone(),
        };
        ctx.send(self.coordinator, Message::Report(report));
        ctx.set_timer(Timer::Beat, BEAT);
    }

    fn obey(&mut self, orders: Orders, ctx: &mut Context<Self>) {
        self.ordered = orders.number;
        self.forget_all_but(&orders.jobs, ctx);
        if let (Some(at), Some(run)) = (&mut self.at, &orders.run)
            && at.run.task == run.task
        {
            at.run = run.clone();
            return;
        }
        if let Some(At {
            work: Some(work), ..
        }) = self.at.take()
        {
            ctx.cancel_work(work);
        }
        let Some(run) = orders.run else { return };
        let TaskId { job, kind, number } = run.task;
        // Orders that crossed the report that this is done.
        let done = match kind {
            Kind::Map => self.maps.contains_key(&(job, number)),
            Kind::Reduce => self.reduces.contains(&(job, number)),
        };
        if done {
            return;
        }
        let mut at = At {
            run,
            work: None,
            buckets: Map::new(),
        };
        if let What::Map { name, .. } = &at.run.what {
            let text = ctx.input(name).unwrap_or_default().to_owned();
            let task = Task::Map {
                job,
                app: at.run.app,
                split: number,
                name: name.clone(),
                text,
            };
            self.works += 1;
            ctx.start_work(self.works, &task);
            at.work = Some(self.works);
        }
        self.at = Some(at);
        self.fetch(ctx);
    }

    /// Asks for the buckets that are missing, if the worker is at a reduce task.
    fn fetch(&mut self, ctx: &mut Context<Self>) {
        let Some(At {
            run,
            work: None,
            buckets,
        }) = &self.at
        else {
            return;
        };
        let What::Reduce { holders } = &run.what else {
            return;
        };
        let TaskId {
            job,
            number: reduce,
            ..
        } = run.task;
        let mut missing: Map<NodeId, Vec<u32>> = Map::new();
        let mut own = Vec::new();
        for (split, holder) in (0..).zip(holders) {
            match holder {
                Some(holder) if *holder == ctx.id() => own.push(split),
                Some(holder) if !buckets.contains_key(&split) => {
                    missing.entry(*holder).or_default().push(split)
                }
                _ => {}
            }
        }
        for (holder, splits) in missing {
            ctx.send(
                holder,
                Message::Fetch {
                    job,
                    reduce,
                    splits,
                },
            );
        }
        for split in own {
            let bucket = self.bucket(job, split, reduce, ctx);
            if let (Some(bucket), Some(at)) = (bucket, &mut self.at) {
                at.buckets.insert(split, bucket);
            }
        }
        ctx.set_timer(Timer::Refetch, REFETCH);
        self.reduce_if_complete(ctx);
    }

    /// Computes once the buckets of all splits are there: the map orders them by split.
    fn reduce_if_complete(&mut self, ctx: &mut Context<Self>) {
        let Some(at) = &mut self.at else { return };
        let What::Reduce { holders } = &at.run.what else {
            return;
        };
        if at.work.is_some() || at.buckets.len() < holders.len() {
            return;
        }
        let mut values: Map<String, Vec<String>> = Map::new();
        for record in std::mem::take(&mut at.buckets).into_values().flatten() {
            values.entry(record.key).or_default().push(record.value);
        }
        let groups = values
            .into_iter()
            .map(|(key, values)| Group { key, values })
            .collect();
        let TaskId {
            job,
            number: reduce,
            ..
        } = at.run.task;
        self.works += 1;
        ctx.start_work(
            self.works,
            &Task::Reduce {
                job,
                app: at.run.app,
                reduce,
                groups,
            },
        );
        at.work = Some(self.works);
        ctx.cancel(&Timer::Refetch);
    }

    /// Writes map output to the disk. The list of what is whole comes last, once the rest is safe.
    fn keep(
        &mut self,
        job: JobId,
        split: u32,
        reduce_tasks: u32,
        done: Vec<Record>,
        ctx: &mut Context<Self>,
    ) {
        let mut buckets = vec![Vec::new(); reduce_tasks as usize];
        for record in done {
            buckets[bucket_of(&record.key, reduce_tasks) as usize].push(record);
        }
        for (reduce, bucket) in (0..).zip(&buckets) {
            ctx.disk().write(&blob(job, split, reduce), bucket);
        }
        ctx.disk().sync();
        self.maps.insert((job, split), reduce_tasks);
        ctx.disk().write("maps", &self.maps);
        ctx.disk().sync();
    }

    fn bucket(
        &self,
        job: JobId,
        split: u32,
        reduce: u32,
        ctx: &mut Context<Self>,
    ) -> Option<Vec<Record>> {
        self.maps
            .contains_key(&(job, split))
            .then(|| ctx.disk().read(&blob(job, split, reduce)))?
    }

    fn forget_all_but(&mut self, jobs: &Set<JobId>, ctx: &mut Context<Self>) {
        self.reduces.retain(|(job, _)| jobs.contains(job));
        let old: Map<(JobId, u32), u32> = self
            .maps
            .extract_if(.., |(job, _), _| !jobs.contains(job))
            .collect();
        if old.is_empty() {
            return;
        }
        // Nothing here waits for a sync: a list that is too long is as right as one that is up to
        // date.
        ctx.disk().write("maps", &self.maps);
        for ((job, split), buckets) in old {
            for reduce in 0..buckets {
                ctx.disk().remove(&blob(job, split, reduce));
            }
        }
    }
}

fn blob(job: JobId, split: u32, reduce: u32) -> String {
    format!("{job}/{split}/{reduce}")
}

/// The reduce task of a key: the same on every machine and in every incarnation (FNV-1a).
fn bucket_of(key: &str, reduce_tasks: u32) -> u32 {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash % u64::from(reduce_tasks)) as u32
}
// end hole
