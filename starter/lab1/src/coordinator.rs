//! The coordinator: takes jobs, hands out their tasks, notices who is gone, and knows when a job
//! has ended.

use lab1_api::Given;
use labkit::prelude::*;

use crate::Message;

/// Knows all jobs and workers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Coordinator {
    // What must a coordinator know of each job, each task, each worker? What of it must survive
    // its own crash?
}

/// The timers of the coordinator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Timer {
    // Your own timers. How does a coordinator notice that a worker is gone, or slow?
}

impl Node for Coordinator {
    type Config = ();
    type Message = Message;
    type Timer = Timer;

    fn start(_config: &(), boot: Boot, ctx: &mut Context<Self>) -> Self {
        // A coordinator without jobs; in part D one that knows what its disk tells it. What do
        // the workers know?
        todo!("Coordinator::start")
    }

    fn on_message(&mut self, from: NodeId, message: Message, ctx: &mut Context<Self>) {
        // From clients: jobs, perhaps again. From workers: whatever you let them say. Any of it
        // can be old: of an earlier life of a worker, of a task that somebody else has done
        // meanwhile, of a job that has ended.
        todo!("Coordinator::on_message")
    }

    fn on_timer(&mut self, _timer: Timer, ctx: &mut Context<Self>) {
        // Who has been silent for too long? Which task takes too long?
        todo!("Coordinator::on_timer")
    }
}
