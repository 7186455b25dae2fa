//! The coordinator: accepts jobs, assigns their tasks, detects dead workers, and knows when a job
//! has ended.

use lab1_api::Given;
use labkit::prelude::*;

use crate::Message;

/// Knows all jobs and workers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Coordinator {
    // What must a coordinator know about each job, each task, each worker? Which of it must
    // survive its own crash?
}

/// The timers of the coordinator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    // Add your timers here. How does a coordinator notice that a worker is dead, or slow?
}

impl Node for Coordinator {
    type Config = ();
    type Message = Message;
    type Timer = Timer;

    fn start(_config: &(), boot: Boot, ctx: &mut Context<Self>) -> Self {
        // Return a coordinator without jobs, or, in part D, one that knows what is on its disk.
        // What do the workers know?
        todo!("Coordinator::start")
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        // From clients: jobs, some of them known already. From workers: your own messages. Any of
        // them can be old: from an earlier incarnation of a worker, about a task that another
        // worker has finished meanwhile, about a job that has ended.
        todo!("Coordinator::on_message")
    }

    fn on_timer(&mut self, _timer: Timer, ctx: &mut Context<Self>) {
        // Which worker has been silent for too long? Which task takes too long?
        todo!("Coordinator::on_timer")
    }
}
