//! A worker: its machine computes, its disk holds the output of map tasks, and other workers fetch
//! that output.

use lab1_api::{Record, Task, WorkerConfig};
use labkit::prelude::*;

use crate::Message;

/// Executes tasks, one at a time.
#[derive(Debug, Serialize, Deserialize)]
pub struct Worker {
    coordinator: NodeId,
    // What must a worker know about the task that it executes, about the output that it holds for
    // others, about its latest orders?
}

/// The timers of a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    // Add your timers here. What must be repeated regularly?
}

impl Node for Worker {
    type Config = WorkerConfig;
    type Message = Message;
    type Timer = Timer;

    fn start(config: &WorkerConfig, _boot: Boot, ctx: &mut Context<Self>) -> Self {
        // Return a worker that the coordinator does not know yet, or no longer. What does its
        // disk hold, and how much of it is complete?
        todo!("Worker::start")
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        // From the coordinator: orders. From other workers: requests for what your disk holds,
        // and replies with what theirs hold.
        todo!("Worker::on_message")
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        // Repeat what may have been lost, and ask again for what has not arrived.
        todo!("Worker::on_timer")
    }
}

impl Compute for Worker {
    type Task = Task;
    type Done = Vec<Record>;

    fn on_work_done(&mut self, token: u64, done: Vec<Record>, ctx: &mut Context<Self>) {
        // A map or reduce task has finished. Where do its records go? What may others see if the
        // worker crashes between two of your lines? Who must be told, and when?
        todo!("Worker::on_work_done")
    }
}
