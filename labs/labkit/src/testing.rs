//! For your own unit tests: a context without a world. Call a handler, and look at the effects that
//! it asked for.

use std::{sync::Arc, time::Duration};

use serde::de::DeserializeOwned;

use crate::{
    abi::{Blobs, Effect, effects},
    codec::decode,
    context::Context,
    id::NodeId,
    node::{Client, Node},
    store::StoreCall,
};

/// A timer that a handler under test has set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestTimer<T> {
    /// The value that [`Node::on_timer`] receives.
    pub timer: T,
    /// The shortest time after which it may fire.
    pub at_least: Duration,
    /// The longest time after which it may fire.
    pub at_most: Duration,
}

/// For your own unit tests: a context without a world. Pass it to a handler, then look at the
/// effects that the handler asked for.
///
/// In such a test you are the world. A message is lost if you do not deliver it, late if you
/// deliver it later, duplicated if you deliver it twice. A crash is a call of [`Node::start`] with
/// the same context, whose disk is still there. (That disk also keeps what was not synced, since
/// the context does not know when you crash the node.) So a rare order of events, once you know it,
/// is a test of a few lines.
///
/// ```
/// # use labkit::prelude::*;
/// # #[derive(Debug, Serialize, Deserialize)] struct Server;
/// # impl Node for Server {
/// #     type Config = (); type Message = String; type Timer = u8;
/// #     fn start(_: &(), _: Boot, ctx: &mut Context<Self>) -> Self {
/// #         ctx.set_timer(7, Duration::from_millis(25));
/// #         ctx.send(NodeId::new('s', 2), "hello".to_string()); Server }
/// #     fn on_message(&mut self, _: NodeId, _: String, _: &mut Context<Self>) {}
/// #     fn on_timer(&mut self, _: u8, _: &mut Context<Self>) {}
/// # }
/// let mut ctx = Context::<Server>::for_tests(NodeId::new('s', 1));
/// let server = Server::start(&(), Boot::First, &mut ctx);
/// assert_eq!(ctx.sent(), [(NodeId::new('s', 2), "hello".to_string())]);
/// assert_eq!(ctx.timers()[0].at_least, Duration::from_millis(25));
/// ctx.clear(); // forget these effects before you call the next handler
/// ```
impl<N: Node> Context<N> {
    /// A context for the first incarnation of a node with an empty disk, without a clock and
    /// without inputs.
    pub fn for_tests(id: NodeId) -> Self {
        Context::new(id, 1, Blobs::new(), Arc::default())
    }

    /// Sets what the clock reads from now on, as in a lab that grants one.
    pub fn set_clock(&mut self, reads: Duration) {
        self.clock = Some(reads);
    }

    /// Sets the text of the input `name`, as in a lab that has inputs.
    pub fn set_input(&mut self, name: &str, text: &str) {
        Arc::make_mut(&mut self.inputs).insert(name.to_owned(), text.to_owned());
    }

    /// The messages sent since the last [`clear`](Context::clear), in order.
    pub fn sent(&self) -> Vec<(NodeId, N::Message)> {
        self.list(|effect| match effect {
            Effect::Send { to, message } => Some((to, decode(message))),
            _ => None,
        })
    }

    /// The timers set since the last [`clear`](Context::clear), in order.
    pub fn timers(&self) -> Vec<TestTimer<N::Timer>> {
        self.list(|effect| match effect {
            Effect::SetTimer {
                timer,
                at_least,
                at_most,
            } => Some(TestTimer {
                timer: decode(timer),
                at_least,
                at_most,
            }),
            _ => None,
        })
    }

    /// The timers cancelled since the last [`clear`](Context::clear), in order.
    pub fn cancelled(&self) -> Vec<N::Timer> {
        self.list(|effect| match effect {
            Effect::Cancel { timer } => Some(decode(timer)),
            _ => None,
        })
    }

    /// For your own unit tests: the calls on the store since the last [`clear`](Context::clear), in
    /// order. All records must be of type `T`.
    pub fn stored<T: DeserializeOwned>(&self) -> Vec<StoreCall<T>> {
        self.list(|effect| match effect {
            Effect::StoreCreate { name } => Some(StoreCall::Create {
                name: name.to_owned(),
            }),
            Effect::StoreAppend { name, record } => Some(StoreCall::Append {
                name: name.to_owned(),
                record: decode(record),
            }),
            Effect::StoreRename { from, to } => Some(StoreCall::Rename {
                from: from.to_owned(),
                to: to.to_owned(),
            }),
            _ => None,
        })
    }

    /// Clears the recorded effects. The disk keeps its contents.
    pub fn clear(&mut self) {
        self.effects.clear();
    }

    pub(crate) fn list<T>(&self, mut pick: impl FnMut(Effect<'_>) -> Option<T>) -> Vec<T> {
        effects(self.effects.bytes())
            .filter_map(|effect| pick(effect.expect("the context wrote these effects itself")))
            .collect()
    }
}

impl<N: Client> Context<N> {
    /// The answers given since the last [`clear`](Context::clear), in order.
    pub fn responses(&self) -> Vec<N::Output> {
        self.list(|effect| match effect {
            Effect::Respond { output } => Some(decode(output)),
            _ => None,
        })
    }
}
