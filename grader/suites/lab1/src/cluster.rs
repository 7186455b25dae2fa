//! A coordinator, workers and clients in a world, the jobs that they are given, and what must come
//! of them.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

pub use faultline_labtest::bytes;
use faultline_labtest::{count, say_network};
use faultline_sim::{
    Asked, Conditions, Fate, Judged, NodeSpec, Outcome, Role, Setup, Stop, Time, Trial, Work,
    World, choice::Choices, ms,
};
use lab1_api::{App, Job, JobId, WorkerConfig, output_file};
use labkit::{Inputs, NodeId, codec};

use super::{
    ENDS, M1, client,
    lives::Lives,
    plant::{Piece, Plant, Takes, TaskKind},
    text::Language,
    worker,
};

/// Time by which all nodes have started.
const BEGUN: Duration = ms(60);

/// Who takes part, what there is to do, and how long it takes.
#[derive(Clone)]
pub struct Members {
    /// Workers that are there from the beginning.
    pub workers: u32,
    /// Workers that the test starts later.
    pub late: u32,
    /// How many clients there are.
    pub clients: u32,
    /// The jobs that they may submit.
    pub jobs: Vec<Job>,
    /// What the jobs read.
    pub inputs: Inputs,
    /// How long tasks take.
    pub takes: Takes,
    /// Workers on slow machines, and how slow.
    pub slow: BTreeMap<NodeId, u32>,
    /// Crashes each worker that computes it.
    pub poison: Option<Piece>,
    /// How many times as much as usual there is to handle.
    pub large: u32,
}

/// A job whose splits are the first inputs.
pub fn job(id: JobId, app: App, splits: u32, reduce_tasks: u32) -> Job {
    Job {
        id,
        app,
        splits: (0..splits).map(name).collect(),
        reduce_tasks,
        max_attempts: 4,
    }
}

/// The name of an input.
pub fn name(number: u32) -> String {
    format!("text-{number}")
}

impl Members {
    /// One client and jobs over short texts; no worker comes late or is slow.
    pub fn new(trial: &Trial<'_>, workers: u32, jobs: Vec<Job>, takes: Takes) -> Members {
        Members {
            workers,
            late: 0,
            clients: 1,
            inputs: inputs(Choices::new(trial.seed()), &jobs, 60, 240),
            jobs,
            takes,
            slow: BTreeMap::new(),
            poison: None,
            large: 1,
        }
    }

    /// The workers.
    pub fn workers(&self) -> Vec<NodeId> {
        (1..=self.workers + self.late).map(worker).collect()
    }

    /// What their machines compute.
    pub fn plant(&self, trial: &Trial<'_>) -> Arc<Plant> {
        let choices = Choices::new(trial.seed());
        Arc::new(Plant::new(
            &self.jobs,
            &self.inputs,
            self.takes.clone(),
            self.poison,
            choices,
        ))
    }

    /// The world in which they live.
    pub fn setup(&self, conditions: Conditions, plant: &Arc<Plant>) -> Setup {
        let mut nodes = vec![NodeSpec {
            id: M1,
            role: Role::Server {
                role: 0,
                config: bytes(&()),
            },
            starts: true,
        }];
        for number in 1..=self.workers + self.late {
            let config = bytes(&WorkerConfig { coordinator: M1 });
            let role = Role::Server { role: 1, config };
            nodes.push(NodeSpec {
                id: worker(number),
                role,
                starts: number <= self.workers,
            });
        }
        for number in 1..=self.clients {
            let role = Role::Client {
                role: 2,
                config: bytes(&M1),
            };
            nodes.push(NodeSpec {
                id: client(number),
                role,
                starts: true,
            });
        }
        let mut setup = Setup::new(nodes, conditions);
        setup.start_spread = BEGUN;
        setup.inputs = self.inputs.clone();
        setup.slow_machines = self.slow.clone();
        setup.machines = Some(Arc::<Plant>::clone(plant));
        setup.limits.effects_per_event = 100_000;
        setup.limits.fuel *= u64::from(self.large);
        setup
    }

    /// The setting of a test in words.
    pub fn describe(&self, conditions: &Conditions) -> String {
        let count = |number: u32, what: &str| count(number as usize, what);
        let network = say_network(conditions);
        let late = if self.late == 0 {
            String::new()
        } else {
            format!(" ({} of them come later)", self.late)
        };
        let jobs: Vec<String> = self
            .jobs
            .iter()
            .map(|job| {
                let (maps, reduces) = (job.splits.len() as u32, job.reduce_tasks);
                format!(
                    "job {} of {} and {}",
                    job.id,
                    count(maps, "map task"),
                    count(reduces, "reduce task")
                )
            })
            .collect();
        format!(
            "{}{late}, {}, {network}",
            count(self.workers + self.late, "worker"),
            jobs.join(", ")
        )
    }

    /// Runs a test under the trial's conditions.
    pub fn act(
        &self,
        trial: &mut Trial<'_>,
        test: impl FnOnce(&mut Cluster<'_, '_>) -> Outcome,
    ) -> Outcome {
        let conditions = trial.conditions();
        self.act_under(trial, conditions, "", test)
    }

    /// Runs a test on a network that is clean with every seed: where times are measured, or tasks
    /// counted.
    pub fn act_in_peace(
        &self,
        trial: &mut Trial<'_>,
        test: impl FnOnce(&mut Cluster<'_, '_>) -> Outcome,
    ) -> Outcome {
        self.act_under(trial, peace(trial), "", test)
    }

    /// Runs a test under these conditions, of which `more` tells what is not in them.
    pub fn act_under(
        &self,
        trial: &mut Trial<'_>,
        conditions: Conditions,
        more: &str,
        test: impl FnOnce(&mut Cluster<'_, '_>) -> Outcome,
    ) -> Outcome {
        trial.describe_setting(self.describe(&conditions) + more);
        let plant = self.plant(trial);
        let setup = self.setup(conditions, &plant);
        self.act_in(trial, setup, &plant, |cluster| {
            cluster.world.run_for(BEGUN)?;
            test(cluster)
        })
    }

    /// Runs a test in a world that is set up like this, from its very beginning.
    pub fn act_in(
        &self,
        trial: &mut Trial<'_>,
        setup: Setup,
        plant: &Arc<Plant>,
        test: impl FnOnce(&mut Cluster<'_, '_>) -> Outcome,
    ) -> Outcome {
        let drawn = RefCell::new((Vec::new(), Vec::new()));
        let outcome = trial.run(setup, |world| in_cluster(world, self, plant, &drawn, test));
        let (picture, asked) = drawn.into_inner();
        trial.draw(picture);
        trial.list(asked);
        outcome
    }

    /// Runs a test once for each boundary between two effects at which the node that it sweeps can
    /// crash.
    pub fn act_with_crash_sweep(
        &self,
        trial: &mut Trial<'_>,
        more: &str,
        test: impl Fn(&mut Cluster<'_, '_>) -> Outcome,
    ) -> Outcome {
        let conditions = peace(trial);
        trial.describe_setting(self.describe(&conditions) + more);
        let plant = self.plant(trial);
        let setup = Setup {
            unsynced_is_lost: trial.number() % 2 == 0,
            ..self.setup(conditions, &plant)
        };
        let drawn = RefCell::new((Vec::new(), Vec::new()));
        let test = |cluster: &mut Cluster<'_, '_>| {
            cluster.world.run_for(BEGUN)?;
            test(cluster)
        };
        let outcome = trial.crash_sweep(&setup, |world| {
            in_cluster(world, self, &plant, &drawn, test)
        });
        let (picture, asked) = drawn.into_inner();
        trial.draw(picture);
        trial.list(asked);
        outcome
    }
}

/// A network that neither loses nor doubles.
pub fn peace(trial: &Trial<'_>) -> Conditions {
    if trial.number() == 0 {
        Conditions::steady()
    } else {
        Conditions::clean()
    }
}

/// Texts of `bytes` bytes, in a language of `words` words, for all splits of these jobs.
pub fn inputs(choices: Choices, jobs: &[Job], words: u64, bytes: usize) -> Inputs {
    let language = Language::new(choices, words);
    let names: BTreeSet<&String> = jobs.iter().flat_map(|job| &job.splits).collect();
    (0..)
        .zip(names)
        .map(|(nth, name)| (name.clone(), language.text(nth, bytes)))
        .collect()
}

type Drawn = RefCell<(Vec<faultline_sim::Lane>, Vec<Asked>)>;

fn in_cluster(
    world: &mut World<'_>,
    members: &Members,
    plant: &Arc<Plant>,
    drawn: &Drawn,
    test: impl FnOnce(&mut Cluster<'_, '_>) -> Outcome,
) -> Outcome {
    plant.begin();
    let lives = Lives::follow(world, members.workers().into_iter().chain([M1]).collect());
    let mut cluster = Cluster {
        world,
        plant: Arc::clone(plant),
        members,
        lives: Rc::clone(&lives),
    };
    let outcome = test(&mut cluster);
    let asked = cluster.asked(&outcome);
    drawn.replace((super::picture::draw(&cluster), asked));
    outcome
}

/// A running system.
pub struct Cluster<'w, 'b> {
    /// The world that it runs in.
    pub world: &'w mut World<'b>,
    /// What its machines compute.
    pub plant: Arc<Plant>,
    /// Who takes part.
    pub members: &'w Members,
    /// What was seen of its machines.
    pub lives: Rc<RefCell<Lives>>,
}

impl Cluster<'_, '_> {
    /// All work so far, and the task that it is.
    pub fn works(&self) -> Vec<(Piece, &Work)> {
        self.plant
            .pieces()
            .into_iter()
            .zip(self.world.works())
            .collect()
    }

    /// True if the task was computed, by whomever.
    pub fn is_done(&self, piece: Piece) -> bool {
        self.works()
            .iter()
            .any(|(of, work)| *of == piece && work.fate == Fate::Done)
    }

    /// How many map tasks of the job were computed at least once.
    pub fn maps_done(&self, job: JobId) -> usize {
        let works = self.works();
        let done = works
            .iter()
            .filter(|(piece, work)| piece.job == job && work.fate == Fate::Done);
        done.filter(|(piece, _)| piece.kind == TaskKind::Map)
            .map(|(piece, _)| piece)
            .collect::<BTreeSet<_>>()
            .len()
    }

    /// What a worker's machine is at.
    pub fn running(&self, worker: NodeId) -> Option<Piece> {
        let works = self.works();
        let running = works
            .iter()
            .find(|(_, work)| work.by.node == worker && work.fate == Fate::Running);
        running.map(|(piece, _)| *piece)
    }

    /// How many executions there were beyond one for each task.
    pub fn repeated(&self) -> usize {
        let works = self.works();
        works.len()
            - works
                .iter()
                .map(|(piece, _)| piece)
                .collect::<BTreeSet<_>>()
                .len()
    }

    /// A client submits a job; it will end some time.
    pub fn submit(&mut self, client: NodeId, job: JobId) -> Outcome {
        let command = bytes(self.plant.job(job));
        self.world.invoke(client, command)
    }

    fn last_of(&self, client: NodeId) -> usize {
        let asked = self
            .world
            .history()
            .iter()
            .rposition(|operation| operation.client == client);
        asked.expect("the test has submitted a job")
    }

    /// True if the client's last job has ended.
    pub fn has_ended(&self, client: NodeId) -> bool {
        self.world.history()[self.last_of(client)].reply.is_some()
    }

    /// Waits until the client's last job has ended, as it must: with all its output in place, or
    /// failed.
    #[track_caller]
    pub fn ends(&mut self, client: NodeId, expected: lab1_api::Outcome) -> Outcome {
        let index = self.last_of(client);
        self.world.expect("the job ends", ENDS, |world| {
            Ok(world.history()[index].reply.is_some())
        })?;
        let operation = &self.world.history()[index];
        let job: Job = codec::from_bytes(&operation.command).expect("the test wrote it");
        let (_, answer) = operation.reply.as_ref().expect("the world expected it");
        let got: lab1_api::Outcome =
            codec::from_bytes(answer).expect("the world has decoded it before");
        if got != expected {
            return Err(self.world.violation(format!(
                "job {} ended as {got:?}, expected {expected:?}",
                job.id
            )));
        }
        if got == lab1_api::Outcome::Done {
            self.judge(job.id)
        } else {
            Ok(())
        }
    }

    /// Submits a job and waits until it is done.
    #[track_caller]
    pub fn must_do(&mut self, client: NodeId, job: JobId) -> Outcome {
        self.submit(client, job)?;
        self.ends(client, lab1_api::Outcome::Done)
    }

    /// Lets time pass until something holds, or the client's job has ended. True if it holds.
    pub fn until(
        &mut self,
        client: NodeId,
        mut holds: impl FnMut(&mut Cluster<'_, '_>) -> bool,
    ) -> Outcome<bool> {
        let index = self.last_of(client);
        let (plant, members, lives) = (
            Arc::clone(&self.plant),
            self.members,
            Rc::clone(&self.lives),
        );
        let mut held = false;
        self.world.expect("the job goes on", ENDS, |world| {
            if world.history()[index].reply.is_some() {
                return Ok(true);
            }
            let mut cluster = Cluster {
                world,
                plant: Arc::clone(&plant),
                members,
                lives: Rc::clone(&lives),
            };
            held = holds(&mut cluster);
            Ok(held)
        })?;
        Ok(held)
    }

    /// The output of a job that is done must be that of a sequential run, and every task must have
    /// been computed.
    #[track_caller]
    pub fn judge(&mut self, job: JobId) -> Outcome {
        let records = |reduce| {
            Some(
                self.world
                    .file(&output_file(job, reduce))?
                    .records
                    .iter()
                    .map(Vec::as_slice)
                    .collect(),
            )
        };
        if let Err((text, place)) = self.plant.compare(job, records) {
            let place = place
                .map(|reduce| self.written(job, reduce))
                .unwrap_or_default();
            return Err(self.done_at(job, text + &place));
        }
        let written = |reduce: &u32| {
            self.world
                .file(&output_file(job, *reduce))
                .is_some_and(|file| !file.records.is_empty())
        };
        let reduces = (0..self.plant.job(job).reduce_tasks)
            .filter(written)
            .map(|reduce| Piece::reduce(job, reduce));
        if let Some(piece) = reduces.into_iter().find(|piece| !self.is_done(*piece)) {
            let name = output_file(job, piece.number);
            return Err(self.world.violation(format!(
                "{name} has records, but no machine has computed {}",
                piece.label()
            )));
        }
        let splits = self.plant.job(job).splits.len() as u32;
        let skipped = (0..splits)
            .map(|split| Piece::map(job, split))
            .find(|piece| !self.is_done(*piece));
        match skipped {
            Some(piece) => {
                let label = piece.label();
                let text = format!("job {job} is done, but no machine has computed {label}");
                Err(self.done_at(job, text).naming(label))
            }
            None => Ok(()),
        }
    }

    /// Who wrote this output last, and which files there are of which nobody is known to have
    /// written them whole.
    /// A violation of a job that was reported as done: it is about that report, or about what was
    /// written later.
    #[track_caller]
    fn done_at(&self, job: JobId, text: String) -> Stop {
        let reports = self.world.history().iter().filter_map(|operation| {
            let of: Job = codec::from_bytes(&operation.command).ok()?;
            let (moment, _) = operation.reply.as_ref()?;
            (of.id == job).then_some(moment.at)
        });
        let files = (0..self.plant.job(job).reduce_tasks)
            .filter_map(|reduce| self.world.file(&output_file(job, reduce)));
        let last = files.max_by_key(|file| file.at);
        let done = reports.min().unwrap_or(self.world.now());
        match last.map(|file| (file.by.node, file.at)) {
            Some((_, at)) if at > done => self.world.violation_at(at, text),
            Some((node, at)) => self.world.violation_at(done, text).against(node, at),
            None => self.world.violation_at(done, text),
        }
    }

    fn written(&self, job: JobId, reduce: u32) -> String {
        let name = output_file(job, reduce);
        self.world.file(&name).map_or(String::new(), |file| {
            format!(
                " ({name} was last written by {} in its incarnation {}, at {})",
                file.by.node, file.by.incarnation, file.at
            )
        })
    }

    /// Some time later the output of these jobs is still what it was.
    #[track_caller]
    pub fn stays_done(&mut self, jobs: &[JobId], time: Duration) -> Outcome {
        self.world.run_for(time)?;
        jobs.iter().try_for_each(|job| self.judge(*job))
    }

    /// When the client's last job was submitted and had ended.
    pub fn took(&self, client: NodeId) -> Duration {
        let operation = &self.world.history()[self.last_of(client)];
        operation
            .reply
            .as_ref()
            .map_or(Duration::ZERO, |(moment, _)| {
                moment.at.since(operation.invoked.at)
            })
    }

    /// Crashes a worker and starts it again at once.
    pub fn restart(&mut self, node: NodeId, loses_disk: bool) -> Outcome {
        self.world.crash(node)?;
        if loses_disk {
            self.world.lose_disk(node)?;
        }
        self.world.start(node)
    }

    /// Cuts the links between a worker and all other workers; the coordinator hears it.
    pub fn cut_from_workers(&mut self, node: NodeId) -> Outcome {
        let others: Vec<NodeId> = self
            .members
            .workers()
            .into_iter()
            .filter(|other| *other != node)
            .collect();
        self.world.partition(&[&[node], &others])
    }

    /// True if a worker that was done with something in its present life has had nothing to do for
    /// this time.
    pub fn idles(&self, node: NodeId, time: Duration) -> bool {
        let works = self.works();
        let last = works.iter().rev().find(|(_, work)| work.by.node == node);
        last.is_some_and(|(_, work)| {
            let present = work.by.incarnation == self.world.incarnation(node);
            let idle = work
                .ended
                .is_some_and(|ended| self.world.now().since(ended) >= time);
            present && work.fate == Fate::Done && idle
        })
    }

    fn asked(&self, outcome: &Outcome) -> Vec<Asked> {
        if outcome.is_ok() {
            return Vec::new();
        }
        let of = |operation: &faultline_sim::Operation| {
            let job: Job = codec::from_bytes(&operation.command).expect("the test wrote it");
            let answer = operation.reply.as_ref().map(|(moment, answer)| {
                let outcome: Option<lab1_api::Outcome> = codec::from_bytes(answer).ok();
                (moment.at, format!("{outcome:?}"))
            });
            Asked {
                about: "jobs".to_owned(),
                client: operation.client,
                command: format!("job {}", job.id),
                from: operation.invoked.at,
                answer,
                judged: Judged::Plain,
            }
        };
        self.world.history().iter().map(of).collect()
    }

    /// The end of the run so far.
    pub fn now(&self) -> Time {
        self.world.now()
    }
}
