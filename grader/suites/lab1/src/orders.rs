//! Small worlds of this lab in every order of events.

use std::{sync::Arc, time::Duration};

use faultline_explore::{Faults, Goal, Model, Monitor, Orders, Pace, View};
use faultline_labtest::orders::say_how;
pub use faultline_labtest::orders::{NO_FAULTS, ONE_CRASH, ONE_DUPLICATE};
use faultline_sim::{Computation, Conditions, IncarnationId, Machines, Outcome, Setup, Trial, ms};
use lab1_api::{App, Job, output_file};
use labkit::{NodeId, codec};

use super::{
    ENDS, M1, client,
    cluster::{Members, bytes, job},
    plant::{Plant, Takes},
    worker,
};

/// Two workers and one job, over texts of a few words.
pub fn small(trial: &Trial<'_>, app: App, splits: u32, reduce_tasks: u32) -> Members {
    let takes = Takes::equal(ms(100), ms(100));
    // Where a timer may fire at any time, a living worker may be taken for dead again and again.
    let job = Job {
        max_attempts: 1_000,
        ..job(1, app, splits, reduce_tasks)
    };
    let mut members = Members::new(trial, 2, vec![job], takes);
    // Words of the same letters, so that it shows in which order they are joined.
    let texts = ["two big owls", "old tin boxes", "few tan bears"];
    for (name, text) in members.jobs[0].splits.iter().zip(texts.iter().cycle()) {
        members.inputs.insert(name.clone(), (*text).to_owned());
    }
    members
}

/// Who may crash, and whether they come back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mortals {
    /// A worker, for ever.
    Workers,
    /// A worker, which starts again at some time.
    RestartingWorkers,
    /// The coordinator, which starts again at some time.
    Coordinator,
}

/// The output of a job that is done is always that of a sequential run.
pub fn every_order<'p>(
    trial: &Trial<'_>,
    members: &Members,
    faults: Faults,
    who: Mortals,
) -> Orders<'p> {
    let plant = members.plant(trial);
    let model = Model::new(members.setup(Conditions::steady(), &plant).nodes)
        .faults(faults)
        .copies(1)
        .pace(Pace::Eager)
        .inputs(members.inputs.clone())
        .machines(Arc::new(Anew(Arc::clone(&plant))))
        .operations(client(1), vec![bytes(&members.jobs[0])]);
    let model = match who {
        Mortals::Workers => members
            .workers()
            .into_iter()
            .fold(model.lasting(M1), Model::mortal),
        Mortals::RestartingWorkers => model.lasting(M1),
        Mortals::Coordinator => members.workers().into_iter().fold(model, Model::lasting),
    };
    let job = members.jobs[0].id;
    Orders::of(model, ENDS)
        .monitor(|| NoneFails)
        .always(
            "the output of a job that is done is that of a sequential run",
            move |view| {
                if view.answered(client(1)) == 0 {
                    return Ok(());
                }
                let compared = plant.compare(job, |reduce| view.file(&output_file(job, reduce)));
                compared.map_err(|(text, _)| format!("the job is done, but {text}"))
            },
        )
        .done("the job ends", |view| view.all_answered())
        .recovers()
}

/// In a search many worlds share one plant, so it must not remember what was started in another
/// one.
#[derive(Debug)]
struct Anew(Arc<Plant>);

impl Machines for Anew {
    fn compute(&self, by: IncarnationId, task: &[u8]) -> Result<Computation, String> {
        self.0.begin();
        self.0.compute(by, task)
    }
}

/// Jobs end well: no worker dies so often.
struct NoneFails;

impl Monitor for NoneFails {
    fn prepare(&mut self, _: &[&[u8]]) {}

    fn invoked(&mut self, state: u32, _: NodeId, _: &[u8]) -> u32 {
        state
    }

    fn answered(&mut self, state: u32, _: NodeId, output: &[u8]) -> Result<u32, String> {
        match codec::from_bytes(output) {
            Ok(lab1_api::Outcome::Done) => Ok(state),
            other => Err(format!("the job ended as {other:?}, expected Done")),
        }
    }
}

/// The workers of a small world.
pub const WORKERS: [NodeId; 2] = [NodeId::new('w', 1), NodeId::new('w', 2)];

/// The worker that is at a task or has it before itself; the first if none is.
pub fn busy_with(view: &View<'_>, task: &str) -> NodeId {
    WORKERS
        .into_iter()
        .find(|worker| view.is_computing(*worker, task))
        .unwrap_or(worker(1))
}

/// The other worker.
pub fn other(than: NodeId) -> NodeId {
    if than == WORKERS[0] {
        WORKERS[1]
    } else {
        WORKERS[0]
    }
}

/// Some machine is at a task.
pub fn somebody_is_at<'p>(task: &'p str) -> Goal<'p> {
    Goal::new(&format!("some worker computes {task}")).when("it does", move |view| {
        WORKERS
            .iter()
            .any(|worker| view.is_computing(*worker, task))
    })
}

/// Some machine has computed each of these tasks.
pub fn computed<'p>(tasks: &'p [&'p str]) -> Goal<'p> {
    let goal = Goal::new(&format!("{} have been computed", tasks.join(" and ")));
    tasks.iter().fold(goal, |goal, task| {
        goal.when(task, move |view| {
            WORKERS
                .iter()
                .any(|worker| view.has_computed(*worker, task))
        })
    })
}

/// A worker has computed a task, and the other one is at it.
pub fn begun_beside<'p>(task: &'p str) -> Goal<'p> {
    Goal::new(&format!(
        "a worker computes {task}, which the other one has computed"
    ))
    .when("it does", move |view| {
        WORKERS.iter().any(|worker| {
            view.is_computing(*worker, task) && view.has_computed(other(*worker), task)
        })
    })
}

/// Both workers have computed a task.
pub fn done_beside<'p>(task: &'p str) -> Goal<'p> {
    Goal::new(&format!("both workers have computed {task}")).when("they have", move |view| {
        WORKERS
            .iter()
            .all(|worker| view.has_computed(*worker, task))
    })
}

/// The client knows that its job has ended.
pub fn ended<'p>() -> Goal<'p> {
    Goal::new("the client knows that the job is done")
        .when("it was told", |view| view.all_answered())
}

/// Goes through it all.
pub fn explore(trial: &mut Trial<'_>, members: &Members, orders: &Orders<'_>) -> Outcome {
    orders.explore(trial, |trial, shown| {
        let how = say_how(shown.has_path);
        let conditions = Conditions::steady();
        trial.describe_setting(format!("{}; {how}", members.describe(&conditions)));
        let plant = members.plant(trial);
        let setup = members.setup(conditions, &plant);
        let setup = Setup {
            quiet_until: shown.quiet_until,
            start_spread: Duration::ZERO,
            ..setup
        };
        members.act_in(trial, setup, &plant, |cluster| {
            orders.carry_out(cluster.world, shown, |_| Ok(()))?;
            cluster.ends(client(1), lab1_api::Outcome::Done)
        })
    })
}
