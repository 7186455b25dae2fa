//! What the coordinator must not forget. It is written to the disk whole, which costs more than a
//! log and needs no replay.

use lab1_api::{Job, JobId, Outcome};
use labkit::prelude::*;

use crate::message::Done;

/// All jobs.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    pub jobs: Map<JobId, Account>,
    /// The unfinished ones, in the order in which they came.
    pub open: Vec<JobId>,
}

/// A job and what is known of its tasks.
#[derive(Debug, Serialize, Deserialize)]
pub struct Account {
    pub job: Job,
    pub outcome: Option<Outcome>,
    /// Where the output of each split is: a worker and its life.
    pub made: Map<u32, (NodeId, u64)>,
    pub reduced: Set<u32>,
    /// How many workers each task has killed.
    pub killed: Map<Done, u32>,
}

impl Account {
    pub fn new(job: Job) -> Account {
        Account {
            job,
            outcome: None,
            made: Map::new(),
            reduced: Set::new(),
            killed: Map::new(),
        }
    }

    fn maps(&self) -> u32 {
        self.job.splits.len() as u32
    }

    pub fn is_done(&self, task: Done) -> bool {
        match task {
            Done::Map(split) => self.made.contains_key(&split),
            Done::Reduce(reduce) => self.reduced.contains(&reduce),
        }
    }

    /// The tasks that may be executed now and are not done: reduce tasks only when all map output
    /// is somewhere.
    pub fn ready(&self) -> Vec<Done> {
        let maps: Vec<Done> = (0..self.maps())
            .map(Done::Map)
            .filter(|task| !self.is_done(*task))
            .collect();
        if !maps.is_empty() {
            return maps;
        }
        (0..self.job.reduce_tasks)
            .map(Done::Reduce)
            .filter(|task| !self.is_done(*task))
            .collect()
    }

    pub fn sources(&self) -> Vec<Option<(NodeId, u64)>> {
        (0..self.maps())
            .map(|split| self.made.get(&split).copied())
            .collect()
    }

    /// The end of the job, if it has come.
    pub fn ends(&self) -> Option<Outcome> {
        if self.outcome.is_some() {
            return None;
        }
        if self.reduced.len() as u32 == self.job.reduce_tasks {
            return Some(Outcome::Done);
        }
        self.killed
            .values()
            .any(|times| *times >= self.job.max_attempts)
            .then_some(Outcome::Failed)
    }
}
