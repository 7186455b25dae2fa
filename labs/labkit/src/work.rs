//! Computing that takes time.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    abi::Effect,
    codec::{decode, encode},
    context::Context,
    node::Node,
};

/// A node whose machine computes for it. Handlers take no time; what takes long is *work*, which
/// the machine does beside them.
///
/// That is how a real worker is built, too: one thread computes, another one goes on answering
/// pings, so nobody takes the worker for dead while it is only busy. Here the second thread is the
/// grader's, and it computes in virtual time, so a task of ten minutes costs a test nothing.
///
/// # Contract
/// * [`Context::start_work`] hands the machine a task; [`on_work_done`](Compute::on_work_done) is
///   called when it is done. In between the node goes on handling messages and timers.
/// * A machine does one thing at a time. Work that is started while other work is running waits for
///   its turn.
/// * How long a task takes is up to the lab. It is not known before; the same task takes longer on
///   a slower machine.
/// * A crash kills all work of this incarnation, waiting or running: it is never done.
/// * A task is a function call with all its arguments: what comes out depends on nothing else.
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
    /// What the machine can be asked to compute; given by the lab.
    type Task: Serialize + DeserializeOwned;
    /// What comes out; given by the lab.
    type Done: DeserializeOwned;

    /// The machine has computed the task that this incarnation of the node started with this token.
    /// Nothing comes back but the token and the result: what the task was for has to be in the
    /// state.
    fn on_work_done(&mut self, token: u64, done: Self::Done, ctx: &mut Context<Self>);
}

impl<N: Compute> Context<N> {
    /// Hands the machine a task. The token is yours: [`Compute::on_work_done`] gets it back. Work
    /// with a token that is in use replaces the work that uses it.
    pub fn start_work(&mut self, token: u64, task: &N::Task) {
        self.effects
            .start_work(token, |out| encode(out, task, "task"));
    }

    /// Stops the work with this token, whether it runs or waits, and makes room for the next;
    /// without such work, nothing happens. After this `on_work_done` is not called with this token,
    /// unless you start work with it again.
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
