//! The client that the lab provides.

use std::{fmt::Debug, marker::PhantomData};

use labkit::prelude::*;
use serde::de::DeserializeOwned;

use crate::{Given, Job, Outcome};

/// Time without an answer after which a client submits its job again.
const RETRY: Duration = Duration::from_millis(250);

/// Submits one job after the other for its user, and retries each until it has ended.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct JobClient<M> {
    coordinator: NodeId,
    /// The job that has not ended yet.
    open: Option<Job>,
    speaks: PhantomData<fn() -> M>,
}

impl<M> Node for JobClient<M>
where
    M: Carries<Given> + Serialize + DeserializeOwned + Debug,
{
    type Config = NodeId;
    type Message = M;
    type Timer = ();

    fn start(coordinator: &NodeId, _: Boot, _: &mut Context<Self>) -> Self {
        JobClient {
            coordinator: *coordinator,
            open: None,
            speaks: PhantomData,
        }
    }

    fn on_message(&mut self, _: NodeId, message: M, ctx: &mut Context<Self>) {
        let Some(Given::Finished { job, outcome }) = message.given() else {
            return;
        };
        if self.open.take_if(|open| open.id == *job).is_some() {
            ctx.cancel(&());
            ctx.respond(*outcome);
        }
    }

    fn on_timer(&mut self, (): (), ctx: &mut Context<Self>) {
        if let Some(job) = &self.open {
            ctx.send(self.coordinator, Given::Submit(job.clone()));
            ctx.set_timer((), RETRY);
        }
    }
}

impl<M> Client for JobClient<M>
where
    M: Carries<Given> + Serialize + DeserializeOwned + Debug,
{
    type Command = Job;
    type Output = Outcome;

    fn invoke(&mut self, job: Job, ctx: &mut Context<Self>) {
        self.open = Some(job);
        self.on_timer((), ctx);
    }
}
