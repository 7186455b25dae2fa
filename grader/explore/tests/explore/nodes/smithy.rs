//! Servers that know from the beginning what to compute, and put what comes of it into the shared
//! store.

use faultline_sim::{Computation, Ends, IncarnationId, Machines, ms};
use labkit::{codec, guest, prelude::*};

/// What is wrong with a smith.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bug {
    None,
    /// Writes under the name that counts.
    WritesInPlace,
    /// Does not do the rest once the first task is done.
    CancelsTheRest,
    /// Starts a task that is none.
    StartsNonsense,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    pub tasks: Vec<u64>,
    pub bug: Bug,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Smith {
    config: Config,
}

impl Node for Smith {
    type Config = Config;
    type Message = ();
    type Timer = ();

    fn start(config: &Config, _: Boot, ctx: &mut Context<Self>) -> Self {
        (1..)
            .zip(&config.tasks)
            .for_each(|(token, task)| ctx.start_work(token, task));
        Smith {
            config: config.clone(),
        }
    }

    fn on_message(&mut self, _: NodeId, (): (), _: &mut Context<Self>) {}

    fn on_timer(&mut self, (): (), _: &mut Context<Self>) {}
}

impl Compute for Smith {
    type Task = u64;
    type Done = u64;

    fn on_work_done(&mut self, token: u64, done: u64, ctx: &mut Context<Self>) {
        let all = self.config.tasks.len() as u64;
        match self.config.bug {
            Bug::CancelsTheRest => (token + 1..=all).for_each(|other| ctx.cancel_work(other)),
            Bug::StartsNonsense => ctx.start_work(all + 1, &0),
            Bug::None | Bug::WritesInPlace => {}
        }
        let name = file(ctx.id(), token);
        let draft = if self.config.bug == Bug::WritesInPlace {
            name.clone()
        } else {
            format!("draft of {name}")
        };
        ctx.store().create(&draft);
        ctx.store().append(&draft, &done);
        ctx.store().append(&draft, &done);
        if draft != name {
            ctx.store().rename(&draft, &name);
        }
    }
}

/// Where a smith puts what comes of a task: twice the same record.
pub fn file(smith: NodeId, token: u64) -> String {
    format!("{smith}-{token}")
}

/// Squares numbers, in as many milliseconds as the number is; 0 is no task.
#[derive(Debug)]
pub struct Squares;

impl Machines for Squares {
    fn compute(&self, by: IncarnationId, task: &[u8]) -> Result<Computation, String> {
        let number: u64 = codec::from_bytes(task).map_err(|error| error.to_string())?;
        if number == 0 {
            return Err(format!("{} started a task that is none", by.node));
        }
        let ends = Ends::Done(codec::to_bytes(&(number * number)).unwrap());
        Ok(Computation {
            label: format!("square {number}"),
            takes: ms(number),
            ends,
        })
    }
}

pub fn lab() -> guest::Lab {
    guest::Lab::new(vec![guest::Role::computing::<Smith>(|_| Vec::new())])
}
