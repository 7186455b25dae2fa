//! What is said: questions and answers, each with the numbers that tell an old one from a new one.

use lab1_api::{App, Given, JobId, Record};
use labkit::prelude::*;

/// A loan of a task: no two loans have the same number, in whatever life of the coordinator they
/// were made.
pub type Loan = (u64, u64);

/// One type for all roles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are what the comment says")]
pub enum Message {
    /// A message that the lab defines.
    Given(Given),
    /// Worker to coordinator: I have nothing to do; give me something. `life` is the worker's
    /// incarnation, `keeps` the map output that it has.
    Ask { life: u64, keeps: Vec<(JobId, u32)> },
    /// Coordinator to worker: nothing now; these jobs go on.
    Wait { jobs: Vec<JobId> },
    /// Coordinator to worker: execute this.
    Lend {
        loan: Loan,
        job: JobId,
        app: App,
        work: Lent,
    },
    /// Worker to coordinator: I am at it; whether I still wait for buckets, and which holders gave
    /// me nothing.
    Renew {
        life: u64,
        loan: Loan,
        waits: bool,
        misses: Vec<(u32, NodeId, u64)>,
        keeps: Vec<(JobId, u32)>,
    },
    /// Coordinator to worker: go on; the output of these splits is at these workers, in these
    /// lives.
    Renewed {
        loan: Loan,
        sources: Vec<Option<(NodeId, u64)>>,
    },
    /// Coordinator to worker: this loan is over, whatever you were at.
    Recall { loan: Loan },
    /// Worker to coordinator, until it is answered with `Noted`: this is done.
    Return {
        life: u64,
        loan: Loan,
        job: JobId,
        task: Done,
    },
    /// Coordinator to worker.
    Noted { loan: Loan },
    /// Worker to worker: your bucket of this split for this reduce task.
    Get { job: JobId, split: u32, reduce: u32 },
    /// Worker to worker.
    Have {
        job: JobId,
        split: u32,
        reduce: u32,
        records: Vec<Record>,
    },
}

/// What is lent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Lent {
    Map {
        split: u32,
        name: String,
        reduces: u32,
    },
    Reduce {
        reduce: u32,
        sources: Vec<Option<(NodeId, u64)>>,
    },
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Done {
    Map(u32),
    Reduce(u32),
}

impl From<Given> for Message {
    fn from(given: Given) -> Message {
        Message::Given(given)
    }
}

impl Carries<Given> for Message {
    fn given(&self) -> Option<&Given> {
        match self {
            Message::Given(given) => Some(given),
            _ => None,
        }
    }
}
