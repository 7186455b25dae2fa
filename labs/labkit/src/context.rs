//! The way from a handler to the world: an ordered list of effects.

use std::{marker::PhantomData, ops::RangeInclusive, sync::Arc, time::Duration};

use crate::{
    abi::{Blobs, EffectWriter, REFUSED},
    codec::{self, encode},
    disk::Disk,
    id::NodeId,
    input::Inputs,
    node::{Client, Node},
    store::Store,
};

/// What a handler can ask of the world.
///
/// Nothing happens while the handler runs: the context writes down a list, and the world carries it
/// out, **in order**, once the handler has returned. If the node crashes in between, the rest of
/// the list never happens. So the order of your calls matters: a reply that stands before
/// `disk().sync()` can be seen by others although the write is lost.
///
/// The state is not a part of that list. A handler that has returned has changed `self` at once and
/// as a whole; only what leaves the node can be cut off in the middle. (After a crash that makes no
/// difference, since the state is gone, too.)
///
/// ```
/// # use labkit::prelude::*;
/// # #[derive(Debug, Serialize, Deserialize)] struct Server;
/// # impl Node for Server {
/// #     type Config = (); type Message = u64; type Timer = ();
/// #     fn start(_: &(), _: Boot, _: &mut Context<Self>) -> Self { Server }
/// fn on_message(&mut self, from: NodeId, number: u64, ctx: &mut Context<Self>) {
///     ctx.disk().write("number", &number);
///     ctx.disk().sync();
///     ctx.send(from, number);
///     // A crash can fall before any of these three, and after the last one:
///     //   nothing | written, perhaps lost | safe, but nobody knows | safe and sent
///     // In each case a sender that has no answer sends again, and is right to.
/// }
/// #     fn on_timer(&mut self, _: (), _: &mut Context<Self>) {}
/// # }
/// ```
pub struct Context<N: Node> {
    id: NodeId,
    incarnation: u64,
    /// What the clock read when the present event happened, if the lab grants one.
    pub(crate) clock: Option<Duration>,
    pub(crate) blobs: Blobs,
    pub(crate) inputs: Arc<Inputs>,
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

    /// Which incarnation of this node this is: 1 at the first start and higher at each later one
    /// (not always by one). The world guarantees it, so it needs no disk, and a lost disk does not
    /// change it. It may go into ballots and numbers of requests.
    ///
    /// A count in the state begins again at 0 after a crash. With the incarnation in front of it,
    /// `(incarnation, count)` is a number that this node has never used before.
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
                REFUSED
            ),
        }
    }

    /// Sends a message. It may be lost, delayed, duplicated and overtaken by a later one; the
    /// sender is not told. Anything that converts into your message type will do, such as a message
    /// that the lab gives.
    ///
    /// If it has to arrive, set a timer, and send it again when that fires, until an answer tells
    /// you that it has arrived. Sending it many times at once does not help: what cuts the link
    /// loses them all.
    ///
    /// # Panics
    /// If the message has no bytes, for instance because it holds a `HashSet`; see
    /// [`codec`](crate::codec).
    pub fn send(&mut self, to: NodeId, message: impl Into<N::Message>) {
        let message = message.into();
        self.effects
            .send(to, |out| encode(out, &message, "message"));
    }

    /// Sets a timer that fires after `after`, unless it is cancelled or the node crashes. Setting a
    /// timer that is equal to one still running replaces it: one that each event sets anew may
    /// never fire. A slow node's timers fire later, never earlier.
    ///
    /// Replacing is what you want for "nobody was heard of for 100 ms": set it anew with each
    /// message. It is not what you want for "do this every 100 ms": set that one when it has fired.
    pub fn set_timer(&mut self, timer: N::Timer, after: Duration) {
        self.set_timer_between(timer, after..=after);
    }

    /// Sets a timer that fires after a time from `range`; the world chooses it, another one each
    /// time. Use it where equal delays would make several nodes act at once for ever (elections,
    /// retries).
    ///
    /// Do not draw random numbers in a handler instead: it would not be a function of state, disk
    /// and event any more. The range leaves the choice to the world, which can repeat it.
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

    /// Cancels the running timer that equals `timer`; without one, nothing happens. Cancelling is
    /// an effect like all others, so it counts from the end of the handler on.
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
    /// Answers the operation that is open. From then on the user relies on it, so be sure: whatever
    /// crashes later, the operation must stay done.
    ///
    /// An answer without an open operation, and one without any message having come since the
    /// operation was invoked, fail the test.
    ///
    /// # Panics
    /// If the output has no bytes, or cannot be read back from them.
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
