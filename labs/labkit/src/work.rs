//! Computing that takes time.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    abi::Effect,
    codec::{decode, encode},
    context::Context,
    node::Node,
};

/// A node with a machine that computes for it. Handlers take no time; long computations are *work*,
/// which the machine does in parallel.
///
/// A real worker is built like this, too: one thread computes while another one answers pings, so
/// that nobody takes a busy worker for dead. Here the grader computes, in virtual time, so a task
/// of ten minutes costs a test nothing.
///
/// # Contract
/// * [`Context::start_work`] gives the machine a task; [`on_work_done`](Compute::on_work_done) is
///   called when the task is finished. In between the node handles messages and timers.
/// * A machine executes one task at a time. Work that is started while other work is running waits
///   for its turn.
/// * The lab decides how long a task takes. You cannot know it in advance, and the same task takes
///   longer on a slower machine.
/// * A crash kills all work of this incarnation, waiting or running: it never finishes.
/// * A task is a function call with all its arguments: its result depends on nothing else.
///
/// ```
/// # use labkit::prelude::*;
/// #[derive(Debug, Serialize, Deserialize)]
/// struct Adder {
///     sum: Option<u64>,
/// }
///
/// impl Node for Adder {
/// #   type Config = (); type Message = (u64, u64); type Timer = ();
/// #   fn start(_: &(), _: Boot, ctx: &mut Context<Self>) -> Self { Adder { sum: None } }
///     fn on_message(&mut self, _: NodeId, pair: (u64, u64), ctx: &mut Context<Self>) {
///         ctx.start_work(1, &pair); // and return: the sum comes later
///     }
/// #   fn on_timer(&mut self, _: (), _: &mut Context<Self>) {}
/// }
///
/// impl Compute for Adder {
///     type Task = (u64, u64);
///     type Done = u64;
///
///     fn on_work_done(&mut self, _token: u64, sum: u64, _ctx: &mut Context<Self>) {
///         self.sum = Some(sum);
///     }
/// }
///
/// let mut ctx = Context::<Adder>::for_tests(NodeId::new('a', 1));
/// let mut adder = Adder::start(&(), Boot::First, &mut ctx);
/// adder.on_message(NodeId::new('c', 1), (2, 3), &mut ctx);
/// assert_eq!(ctx.started_work(), [(1, (2, 3))]);
/// adder.on_work_done(1, 5, &mut ctx); // in a unit test, you are the machine
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no machine that computes for it: it does not implement \
               `labkit::Compute`",
    label = "the lab needs `impl Compute for {Self}`"
)]
pub trait Compute: Node {
    /// What the machine can compute; defined by the lab.
    type Task: Serialize + DeserializeOwned;
    /// The result of a task; defined by the lab.
    type Done: DeserializeOwned;

    /// The machine has finished the task that this incarnation of the node started with this token.
    /// You get only the token and the result: what the task was for must be in your state.
    fn on_work_done(&mut self, token: u64, done: Self::Done, ctx: &mut Context<Self>);
}

impl<N: Compute> Context<N> {
    /// Gives the machine a task. You choose the token, and [`Compute::on_work_done`] returns it.
    /// Starting work with a token that is in use replaces that work.
    pub fn start_work(&mut self, token: u64, task: &N::Task) {
        self.effects
            .start_work(token, |out| encode(out, task, "task"));
    }

    /// Stops the work with this token, running or waiting, if there is any. After this
    /// `on_work_done` is not called with this token, unless you start work with it again.
    pub fn cancel_work(&mut self, token: u64) {
        self.effects.cancel_work(token);
    }

    /// For your own unit tests: the work started since the last [`clear`](Context::clear), in
    /// order.
    pub fn started_work(&self) -> Vec<(u64, N::Task)> {
        self.list(|effect| match effect {
            Effect::StartWork { token, task } => Some((token, decode(task))),
            _ => None,
        })
    }

    /// For your own unit tests: the tokens of the work cancelled since the last
    /// [`clear`](Context::clear), in order.
    pub fn cancelled_work(&self) -> Vec<u64> {
        self.list(|effect| match effect {
            Effect::CancelWork { token } => Some(token),
            _ => None,
        })
    }
}
