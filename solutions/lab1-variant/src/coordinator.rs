//! The coordinator: lends tasks to whoever asks, and takes back what nobody renews.

use lab1_api::{Given, Job, JobId};
use labkit::prelude::*;

use crate::{
    ledger::{Account, Ledger},
    message::{Done, Lent, Loan, Message},
};

const TICK: Duration = Duration::from_millis(20);
/// A worker that is silent for so many ticks is gone.
const GONE: u64 = 24;

/// Lends and keeps the ledger.
#[derive(Debug, Serialize, Deserialize)]
pub struct Coordinator {
    ledger: Ledger,
    submitters: Set<(NodeId, JobId)>,
    workers: Map<NodeId, Borrower>,
    loans: u64,
    now: u64,
    /// How long tasks took, by job and phase (true for maps).
    took: Map<(JobId, bool), Vec<u64>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Borrower {
    life: u64,
    heard: u64,
    loan: Option<Out>,
}

/// A loan that is out.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Out {
    loan: Loan,
    job: JobId,
    task: Done,
    since: u64,
}

/// The timer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    /// One more tick.
    Tick,
}

impl Node for Coordinator {
    type Config = ();
    type Message = Message;
    type Timer = Timer;

    fn start(_: &(), _: Boot, ctx: &mut Context<Self>) -> Self {
        let ledger: Ledger = ctx.disk().read("ledger").unwrap_or_default();
        // Whoever holds output has the usual time to be heard of.
        let holders = ledger
            .open
            .iter()
            .flat_map(|job| ledger.jobs[job].made.values());
        let workers = holders
            .map(|(worker, life)| {
                (
                    *worker,
                    Borrower {
                        life: *life,
                        heard: 0,
                        loan: None,
                    },
                )
            })
            .collect();
        ctx.set_timer(Timer::Tick, TICK);
        Coordinator {
            ledger,
            submitters: Set::new(),
            workers,
            loans: 0,
            now: 0,
            took: Map::new(),
        }
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        match message {
            Message::Given(Given::Submit(job)) => self.submitted(from, job, ctx),
            Message::Ask { life, keeps } if self.hear(from, life, &keeps, ctx) => {
                self.serve(from, ctx)
            }
            Message::Renew {
                life,
                loan,
                waits,
                misses,
                keeps,
            } if self.hear(from, life, &keeps, ctx) => {
                self.renew(from, loan, waits, &misses, ctx);
            }
            Message::Return {
                life,
                loan,
                job,
                task,
            } if self.hear(from, life, &[], ctx) => {
                self.returned(from, loan, job, task, ctx);
            }
            _ => {}
        }
    }

    fn on_timer(&mut self, Timer::Tick: Timer, ctx: &mut Context<Self>) {
        self.now += 1;
        ctx.set_timer(Timer::Tick, TICK);
        let gone: Vec<NodeId> = self
            .workers
            .iter()
            .filter(|(_, borrower)| borrower.heard + GONE < self.now)
            .map(|(worker, _)| *worker)
            .collect();
        for worker in &gone {
            self.bury(*worker);
        }
        if !gone.is_empty() {
            self.settle(ctx);
        }
    }
}

impl Coordinator {
    fn submitted(&mut self, from: NodeId, job: Job, ctx: &mut Context<Self>) {
        let id = job.id;
        match self.ledger.jobs.get(&id).map(|account| account.outcome) {
            Some(Some(outcome)) => ctx.send(from, Given::Finished { job: id, outcome }),
            Some(None) => _ = self.submitters.insert((from, id)),
            None => {
                self.submitters.insert((from, id));
                self.ledger.jobs.insert(id, Account::new(job));
                self.ledger.open.push(id);
                self.settle(ctx);
            }
        }
    }

    /// Writes the ledger, ends jobs that have come to their end, and tells those who wait for them.
    fn settle(&mut self, ctx: &mut Context<Self>) {
        let mut ended = Vec::new();
        for (id, account) in &mut self.ledger.jobs {
            if let Some(outcome) = account.ends() {
                account.outcome = Some(outcome);
                ended.push((*id, outcome));
            }
        }
        self.ledger
            .open
            .retain(|open| ended.iter().all(|(id, _)| id != open));
        ctx.disk().write("ledger", &self.ledger);
        ctx.disk().sync();
        for (id, outcome) in ended {
            for (client, _) in self.submitters.iter().filter(|(_, job)| *job == id) {
                ctx.send(*client, Given::Finished { job: id, outcome });
            }
            self.submitters.retain(|(_, job)| *job != id);
        }
    }

    /// Somebody is alive, and has this output. False if this comes from a life that is over.
    fn hear(
        &mut self,
        worker: NodeId,
        life: u64,
        keeps: &[(JobId, u32)],
        ctx: &mut Context<Self>,
    ) -> bool {
        if let Some(known) = self.workers.get(&worker) {
            if life < known.life {
                return false;
            }
            if life > known.life {
                self.bury(worker);
                self.settle(ctx);
            }
        }
        let now = self.now;
        let borrower = self.workers.entry(worker).or_insert(Borrower {
            life,
            heard: now,
            loan: None,
        });
        borrower.heard = now;
        for (job, split) in keeps {
            if let Some(account) = self.ledger.jobs.get_mut(job) {
                account.made.entry(*split).or_insert((worker, life));
            }
        }
        true
    }

    /// A life of a worker is over, as far as anybody can tell: its loan killed it, and its output
    /// is gone.
    fn bury(&mut self, worker: NodeId) {
        let Some(gone) = self.workers.remove(&worker) else {
            return;
        };
        for account in self.ledger.jobs.values_mut() {
            account.made.retain(|_, (holder, _)| *holder != worker);
        }
        if let Some(out) = gone.loan
            && let Some(account) = self.ledger.jobs.get_mut(&out.job)
        {
            *account.killed.entry(out.task).or_default() += 1;
        }
    }

    fn out(&self) -> impl Iterator<Item = &Out> {
        self.workers
            .values()
            .filter_map(|borrower| borrower.loan.as_ref())
    }

    /// Somebody has nothing to do.
    fn serve(&mut self, worker: NodeId, ctx: &mut Context<Self>) {
        let present = self.workers.get(&worker).and_then(|borrower| borrower.loan);
        // What is lent already was not received, or is being returned.
        let useful = present.filter(|out| self.is_open(out.job, out.task));
        let Some(out) = useful.or_else(|| self.choose(ctx)) else {
            if let Some(borrower) = self.workers.get_mut(&worker) {
                borrower.loan = None;
            }
            ctx.send(
                worker,
                Message::Wait {
                    jobs: self.ledger.open.clone(),
                },
            );
            return;
        };
        if let Some(borrower) = self.workers.get_mut(&worker) {
            borrower.loan = Some(out);
        }
        let account = &self.ledger.jobs[&out.job];
        let work = match out.task {
            Done::Map(split) => Lent::Map {
                split,
                name: account.job.splits[split as usize].clone(),
                reduces: account.job.reduce_tasks,
            },
            Done::Reduce(reduce) => Lent::Reduce {
                reduce,
                sources: account.sources(),
            },
        };
        ctx.send(
            worker,
            Message::Lend {
                loan: out.loan,
                job: out.job,
                app: account.job.app,
                work,
            },
        );
    }

    fn is_open(&self, job: JobId, task: Done) -> bool {
        self.ledger
            .jobs
            .get(&job)
            .is_some_and(|account| account.outcome.is_none() && !account.is_done(task))
    }

    /// What to lend next: something that nobody is at, or a copy of something that takes too long.
    fn choose(&mut self, ctx: &Context<Self>) -> Option<Out> {
        let copies = |job: JobId, task: Done| {
            self.out()
                .filter(move |out| out.job == job && out.task == task)
        };
        let ready: Vec<(JobId, Done)> = self
            .ledger
            .open
            .iter()
            .flat_map(|id| {
                self.ledger.jobs[id]
                    .ready()
                    .into_iter()
                    .map(move |task| (*id, task))
            })
            .collect();
        let fresh = ready
            .iter()
            .find(|(job, task)| copies(*job, *task).next().is_none());
        let late = || {
            ready.iter().find(|(job, task)| {
                let mut out = copies(*job, *task);
                let (first, second) = (out.next(), out.next());
                let mut took = self
                    .took
                    .get(&(*job, matches!(task, Done::Map(_))))
                    .cloned()
                    .unwrap_or_default();
                took.sort_unstable();
                let median = took.get(took.len() / 2);
                let slow =
                    |out: &Out| median.is_some_and(|median| self.now - out.since > 2 * median + 5);
                second.is_none() && first.is_some_and(slow)
            })
        };
        let (job, task) = *fresh.or_else(late)?;
        self.loans += 1;
        Some(Out {
            loan: (ctx.incarnation(), self.loans),
            job,
            task,
            since: self.now,
        })
    }

    fn renew(
        &mut self,
        worker: NodeId,
        loan: Loan,
        waits: bool,
        misses: &[(u32, NodeId, u64)],
        ctx: &mut Context<Self>,
    ) {
        let present = self
            .workers
            .get(&worker)
            .and_then(|borrower| borrower.loan)
            .filter(|out| out.loan == loan);
        let Some(out) = present.filter(|out| self.is_open(out.job, out.task)) else {
            if let Some(borrower) = self.workers.get_mut(&worker)
                && borrower.loan.is_some_and(|out| out.loan <= loan)
            {
                borrower.loan = None;
            }
            ctx.send(worker, Message::Recall { loan });
            return;
        };
        let Some(account) = self.ledger.jobs.get_mut(&out.job) else {
            return;
        };
        for (split, holder, life) in misses {
            if account.made.get(split) == Some(&(*holder, *life)) {
                account.made.remove(split);
            }
        }
        let sources = account.sources();
        let unmade = (0..)
            .zip(&sources)
            .filter(|(_, source)| source.is_none())
            .map(|(split, _)| Done::Map(split));
        let nobody_is_at = |task: Done| {
            self.out()
                .all(|other| (other.job, other.task) != (out.job, task))
        };
        if waits && matches!(out.task, Done::Reduce(_)) && unmade.into_iter().any(nobody_is_at) {
            if let Some(borrower) = self.workers.get_mut(&worker) {
                borrower.loan = None;
            }
            ctx.send(worker, Message::Recall { loan });
        } else {
            ctx.send(worker, Message::Renewed { loan, sources });
        }
    }

    fn returned(
        &mut self,
        worker: NodeId,
        loan: Loan,
        job: JobId,
        task: Done,
        ctx: &mut Context<Self>,
    ) {
        let Some(borrower) = self.workers.get_mut(&worker) else {
            return;
        };
        let (life, out) = (borrower.life, borrower.loan.take_if(|out| out.loan == loan));
        if let Some(account) = self
            .ledger
            .jobs
            .get_mut(&job)
            .filter(|account| account.outcome.is_none())
        {
            match task {
                Done::Map(split) => _ = account.made.entry(split).or_insert((worker, life)),
                Done::Reduce(reduce) => _ = account.reduced.insert(reduce),
            }
        }
        if let Some(out) = out {
            self.took
                .entry((job, matches!(task, Done::Map(_))))
                .or_default()
                .push(self.now - out.since);
        }
        self.settle(ctx);
        ctx.send(worker, Message::Noted { loan });
        if self
            .workers
            .get(&worker)
            .is_some_and(|borrower| borrower.loan.is_none())
        {
            self.serve(worker, ctx);
        }
    }
}
