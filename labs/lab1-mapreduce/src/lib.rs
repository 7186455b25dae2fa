//! Lab 1, MapReduce: jobs, tasks and applications, the messages and the client that the lab
//! provides, and what it requires of your types. The handout is the README beside this crate.
//!
//! The messages between coordinator and workers are not defined here: you design them.
//!
//! ```
//! use lab1_api::{App, Application, Split};
//!
//! let split = Split { name: "a".to_owned(), text: "to be or not to be".to_owned() };
//! let records = App::WORD_COUNT.map(&split);
//! assert!(records.iter().any(|record| record.key == "or"));
//! ```
//!
//! Continue with the handout, then with [`Application`], and with `labkit` for what nodes can do
//! (`start_work`, `store`).

mod application;
mod bench;
mod client;

use labkit::{
    Carries, Compute, Node, NodeId,
    guest::{Lab, Role},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use application::{App, Application, Fold, KeyOf, Runner, Split, Tokens, ValueOf};
pub use bench::{Answer, Asked, Bench, Question};
pub use client::JobClient;

/// The name of a job, which its submitter chooses. Submitting a job again does not start a new one.
pub type JobId = u64;

/// A key and a value: what map and reduce functions return, and what output files hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Record {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

impl Record {
    /// A record with this key and value.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Record {
        Record {
            key: key.into(),
            value: value.into(),
        }
    }
}

/// A key and all its values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Group {
    /// The key.
    pub key: String,
    /// Its values, in the order of the splits they come from, and within a split in the order in
    /// which the map function returned them.
    pub values: Vec<String>,
}

/// What a user wants computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// The map and the reduce function. You only pass it on.
    pub app: App,
    /// The names of the inputs, one for each map task: split 0, split 1, and so on. There may be
    /// none, and a name may occur twice.
    pub splits: Vec<String>,
    /// How many reduce tasks there are, at least one.
    pub reduce_tasks: u32,
    /// The number of failed attempts of one task after which the job has failed; at least one. An
    /// attempt fails when the worker dies while its machine executes the task.
    pub max_attempts: u32,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// All its output is there.
    Done,
    /// One of its tasks killed too many workers.
    Failed,
}

/// The messages that the lab defines; your own `Message` carries them (see [`Carries`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Given {
    /// From a client to the coordinator, repeatedly until it is answered with `Finished`.
    Submit(Job),
    /// From the coordinator to every client that submitted this job, when it has ended, and to
    /// every client that submits it after that.
    Finished {
        /// The job.
        job: JobId,
        /// How it ended.
        outcome: Outcome,
    },
}

/// What a worker's machine can compute (see [`Compute`]): a call of a map or a reduce function,
/// with all its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// The map function, for one split.
    Map {
        /// The job.
        job: JobId,
        /// Its application.
        app: App,
        /// The position of the split in [`Job::splits`].
        split: u32,
        /// The split's name.
        name: String,
        /// The text of the input with this name.
        text: String,
    },
    /// The reduce function, for each key of one reduce task.
    Reduce {
        /// The job.
        job: JobId,
        /// Its application.
        app: App,
        /// Which of the job's reduce tasks, from 0.
        reduce: u32,
        /// All keys of this task, in order, each with its values from all splits.
        groups: Vec<Group>,
    },
}

impl Task {
    /// The result of the task. Your worker does not call this: its machine does.
    pub fn compute(&self) -> Vec<Record> {
        match self {
            Task::Map {
                app, name, text, ..
            } => app.map(&Split {
                name: name.clone(),
                text: text.clone(),
            }),
            Task::Reduce { app, groups, .. } => groups
                .iter()
                .map(|group| Record::new(&group.key, app.reduce(&group.key, &group.values)))
                .collect(),
        }
    }
}

/// The file in the store that must hold the output of a reduce task when its job is done: one
/// [`Record`] for each of its keys, in any order. A missing file counts as empty; files with other
/// names do not count.
pub fn output_file(job: JobId, reduce: u32) -> String {
    format!("job-{job}/out-{reduce}")
}

/// The configuration of a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WorkerConfig {
    /// The coordinator, to be asked for work.
    pub coordinator: NodeId,
}

/// The lab made of your types: the bounds are what [`glue!`] requires of them.
pub fn lab<C, W, M, WordCount, InvertedIndex, Sequential>() -> Lab
where
    C: Node<Config = (), Message = M> + 'static,
    W: Compute<Config = WorkerConfig, Message = M, Task = Task, Done = Vec<Record>> + 'static,
    M: Carries<Given> + Serialize + DeserializeOwned + std::fmt::Debug + 'static,
    WordCount: Application + Default + 'static,
    InvertedIndex: Application + Default + 'static,
    Sequential: Runner + 'static,
{
    // The grader does not look inside your nodes: what counts is what they compute and write.
    let nothing = |_: &_| Vec::new();
    let bench = Role::node::<Bench<WordCount, InvertedIndex, Sequential>>(|_| Vec::new());
    Lab::new(vec![
        Role::node::<C>(nothing).giving::<M, Given>(),
        Role::computing::<W>(|_| Vec::new()).giving::<M, Given>(),
        Role::client::<JobClient<M>>().giving::<M, Given>(),
        bench.giving::<Asked, Asked>(),
    ])
}

/// The lab of a student's crate, which must have the public types `Coordinator`, `Worker`,
/// `Message`, `WordCount`, `InvertedIndex` and `Sequential` at its top.
#[macro_export]
macro_rules! glue {
    ($student:ident) => {
        use $student::Coordinator;
        use $student::InvertedIndex;
        use $student::Message;
        use $student::Sequential;
        use $student::WordCount;
        use $student::Worker;

        fn lab() -> labkit::guest::Lab {
            lab1_api::lab::<Coordinator, Worker, Message, WordCount, InvertedIndex, Sequential>()
        }
    };
}
