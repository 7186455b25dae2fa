//! The way from a handler to the world: an ordered list of effects.

use std::{marker::PhantomData, ops::RangeInclusive, sync::Arc, time::Duration};

use crate::{
    Client, Node, NodeId,
    abi::{Effect, EffectWriter},
    codec,
    disk::{Blobs, Disk},
    input::Inputs,
    store::Store,
};

/// What a handler can ask of the world.
///
/// Nothing happens while the handler runs: the context writes down a list, and the world carries it
/// out, **in order**, once the handler has returned. If the node crashes in between, the rest of
/// the list never happens. So the order of your calls matters: a reply that stands before
/// `disk().sync()` can be seen by others although the write is lost.
pub struct Context<N: Node> {
    id: NodeId,
    incarnation: u64,
    /// What the clock read when the present event happened, if the lab grants one.
    pub(crate) clock: Option<Duration>,
    pub(crate) blobs: Blobs,
    inputs: Arc<Inputs>,
    pub(crate) effects: EffectWriter,
    node: PhantomData<fn(N)>,
}

impl<N: Node> Context<N> {
    pub(crate) fn new(id: NodeId, incarnation: u64, blobs: Blobs, inputs: Arc<Inputs>) -> Self {
        Context {
            id,
            incarnation,
            clock: None,
            blobs,
            inputs,
            effects: EffectWriter::default(),
            node: PhantomData,
        }
    }

    /// The name of this node.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// Which life of this node this is: 1 at the first start and higher at each later one (not
    /// always by one). The world guarantees it, so it needs no disk, and a lost disk does not
    /// change it. It may go into ballots and numbers of requests.
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// What this node's clock reads: the time since the beginning of 1970, in whole microseconds.
    /// Only some labs grant a clock; their handouts say so.
    ///
    /// It is a clock as machines have them: it may be seconds or hours off, run fast or slow, stand
    /// still, and be set forward or *backward* at any time. It survives crashes. The clocks of two
    /// nodes have nothing to do with each other, and none of them has anything to do with timers.
    /// One handler sees one reading, made when its event happened, so a handler is still a function
    /// of state, disk and event.
    ///
    /// # Panics
    /// If the lab grants this node no clock; the test fails as `refused`.
    #[track_caller]
    pub fn clock(&self) -> Duration {
        match self.clock {
            Some(clock) => clock,
            None => panic!(
                "{}the program called `ctx.clock()`, but the lab grants this node no clock. To act \
                 later, use \
                 `ctx.set_timer`; to order events, count them",
                crate::abi::REFUSED
            ),
        }
    }

    /// Sends a message. It may be lost, delayed, duplicated and overtaken by a later one; the
    /// sender is not told. Anything that converts into your message type will do, such as a message
    /// that the lab gives.
    pub fn send(&mut self, to: NodeId, message: impl Into<N::Message>) {
        let message = message.into();
        self.effects
            .send(to, |out| encode(out, &message, "message"));
    }

    /// Sets a timer that fires after `after`, unless it is cancelled or the node crashes. Setting a
    /// timer that is equal to one still running replaces it: one that each event sets anew may
    /// never fire. A slow node's timers fire later, never earlier.
    pub fn set_timer(&mut self, timer: N::Timer, after: Duration) {
        self.set_timer_between(timer, after..=after);
    }

    /// Sets a timer that fires after a time from `range`; the world chooses it, another one each
    /// time. Use it where equal delays would make several nodes act at once for ever (elections,
    /// retries).
    ///
    /// # Panics
    /// If the range is empty.
    pub fn set_timer_between(&mut self, timer: N::Timer, range: RangeInclusive<Duration>) {
        assert!(
            range.start() <= range.end(),
            "set_timer_between: the range {range:?} is empty"
        );
        self.effects.set_timer(*range.start(), *range.end(), |out| {
            encode(out, &timer, "timer")
        });
    }

    /// Cancels the running timer that equals `timer`; without one, nothing happens.
    pub fn cancel(&mut self, timer: &N::Timer) {
        self.effects.cancel(|out| encode(out, timer, "timer"));
    }

    /// The disk of this node. It survives crashes; what was synced never changes.
    pub fn disk(&mut self) -> Disk<'_> {
        Disk {
            blobs: &mut self.blobs,
            effects: &mut self.effects,
        }
    }

    /// The text of the input with this name; `None` if there is none. Inputs are given by the lab,
    /// can be read from every node at any time, and never change. Only some labs have inputs; their
    /// handouts say so.
    pub fn input(&self, name: &str) -> Option<&str> {
        self.inputs.get(name).map(String::as_str)
    }

    /// The store that all nodes share. It can be written from every node at any time and survives
    /// every crash.
    pub fn store(&mut self) -> Store<'_> {
        Store {
            effects: &mut self.effects,
        }
    }

    /// Leaves a line for you in the trace of a failed run, at the step where it was written. It
    /// changes nothing.
    pub fn note(&mut self, text: impl AsRef<str>) {
        self.effects.note(text.as_ref());
    }
}

impl<N: Client> Context<N> {
    /// Answers the operation that is open.
    pub fn respond(&mut self, output: N::Output) {
        self.effects.respond(|out| {
            let start = out.len();
            encode(out, &output, "output");
            // It is read on the grader's side, where one that nests too deep must not arrive.
            if let Err(error) = codec::from_bytes::<N::Output>(&out[start..]) {
                panic!("this output cannot be read back from its bytes: {error}");
            }
        });
    }
}

pub(crate) fn encode<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T, what: &str) {
    if let Err(error) = codec::write(out, value) {
        panic!("this {what} cannot be sent as bytes: {error}");
    }
}

/// A timer that a handler under test has set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestTimer<T> {
    /// What [`Node::on_timer`] will be given.
    pub timer: T,
    /// The shortest time after which it may fire.
    pub at_least: Duration,
    /// The longest time after which it may fire.
    pub at_most: Duration,
}

/// For your own unit tests: a context without a world. Hand it to a handler, then look at what the
/// handler asked for.
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
    /// A context for the first incarnation of a node with an empty disk.
    pub fn for_tests(id: NodeId) -> Self {
        Context::new(id, 1, Blobs::new(), Arc::default())
    }

    /// Lets the clock read this from now on, as in a lab that grants one.
    pub fn set_clock(&mut self, reads: Duration) {
        self.clock = Some(reads);
    }

    /// Lets this be the text of the input `name` from now on, as in a lab that has inputs.
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

    /// Forgets the effects so far. The disk keeps its contents.
    pub fn clear(&mut self) {
        self.effects.clear();
    }

    pub(crate) fn list<T>(&self, mut pick: impl FnMut(Effect<'_>) -> Option<T>) -> Vec<T> {
        crate::abi::effects(self.effects.bytes())
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

pub(crate) fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> T {
    codec::from_bytes(bytes)
        .unwrap_or_else(|error| panic!("it does not survive its own bytes: {error}"))
}
