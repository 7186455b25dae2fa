//! A worker: its machine computes, its disk holds the output of map tasks, and other workers fetch
//! it from there.

use lab1_api::{Record, Task, WorkerConfig};
use labkit::prelude::*;

use crate::Message;

/// Carries out tasks, one at a time.
#[derive(Debug, Serialize, Deserialize)]
pub struct Worker {
    coordinator: NodeId,
    // What must a worker know of the task that it is at, of what it holds for others, of what it
    // was told last?
}

/// The timers of a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    // Your own timers. What has to be said again and again?
}

impl Node for Worker {
    type Config = WorkerConfig;
    type Message = Message;
    type Timer = Timer;

    fn start(config: &WorkerConfig, _boot: Boot, ctx: &mut Context<Self>) -> Self {
        // A worker that nobody knows yet, or not any more. What does its disk hold, and what of
        // it is whole?
        todo!("Worker::start")
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        // From the coordinator: what to do. From other workers: who needs what your disk holds,
        // and what theirs held.
        todo!("Worker::on_message")
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        // Say again what may have been lost, ask again for what has not come.
        todo!("Worker::on_timer")
    }
}

impl Compute for Worker {
    type Task = Task;
    type Done = Vec<Record>;

    fn on_work_done(&mut self, token: u64, done: Vec<Record>, ctx: &mut Context<Self>) {
        // A map or a reduce function has come to an end. Where do its records go? What may others
        // see if the worker crashes between two of your lines? Who must be told, and when?
        todo!("Worker::on_work_done")
    }
}
