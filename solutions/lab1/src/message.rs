//! The messages between coordinator, workers and clients.

use lab1_api::Given;
use labkit::prelude::*;

// hole
use lab1_api::{App, JobId, Record};

/// A task of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskId {
    pub job: JobId,
    pub kind: Kind,
    /// The split or the reduce task.
    pub number: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    Map,
    Reduce,
}

/// All that a coordinator must know of a worker. The last one counts, so it does not matter which
/// are lost or duplicated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The worker's incarnation.
    pub life: u64,
    /// Counts the reports of this incarnation; a lower number is older.
    pub number: u64,
    /// What it is at, and whether its machine computes already.
    pub running: Option<(TaskId, bool)>,
    /// The map output that it holds.
    pub maps: Set<(JobId, u32)>,
    /// The reduce tasks whose output it has written.
    pub reduces: Set<(JobId, u32)>,
}

/// All that a worker must know. Again the last one counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Orders {
    /// The coordinator's incarnation, and a count in it.
    pub number: (u64, u64),
    /// What to do; if it is something else than what the worker is at, that ends.
    pub run: Option<Run>,
    /// Jobs that have not ended. Nobody needs anything of the others.
    pub jobs: Set<JobId>,
}

/// A task, with all that is needed for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub task: TaskId,
    pub app: App,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum What {
    Map {
        name: String,
        reduce_tasks: u32,
    },
    /// Who holds the output of each split, as far as anybody does.
    Reduce {
        holders: Vec<Option<NodeId>>,
    },
}

// end hole
/// The message type that all roles share: the messages that the lab defines, and your own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// A message that the lab defines.
    Given(Given),
    // hole
    // | Add your messages here. Each may arrive late, twice, after newer ones or never.
    /// Worker to coordinator: every [`BEAT`](crate::worker::BEAT), and when something changes.
    Report(Report),
    /// Coordinator to worker: in answer to each report, and when something changes.
    Orders(Orders),
    /// Worker to worker: what do these splits have for this reduce task?
    Fetch {
        /// The job.
        job: JobId,
        /// The reduce task.
        reduce: u32,
        /// The splits.
        splits: Vec<u32>,
    },
    /// Worker to worker: this, of those that it holds.
    Buckets {
        /// The job.
        job: JobId,
        /// The reduce task.
        reduce: u32,
        /// By split, the records of this reduce task.
        buckets: Vec<(u32, Vec<Record>)>,
    },
    // end hole
}

impl From<Given> for Message {
    fn from(given: Given) -> Message {
        Message::Given(given)
    }
}

impl Carries<Given> for Message {
    fn given(&self) -> Option<&Given> {
        // starter: // With messages of your own:
        // starter: // match self { Message::Given(given) => Some(given), _ => None }
        // starter: let Message::Given(given) = self;
        // starter: Some(given)
        // hole
        match self {
            Message::Given(given) => Some(given),
            _ => None,
        }
        // end hole
    }
}
