//! The context of a handler: an ordered list of effects.

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
/// Nothing happens while the handler runs. The context records a list of effects, and the world
/// carries them out, **in order**, once the handler has returned. If the node crashes in between,
/// the rest of the list never happens. So the order of your calls matters: if a reply comes before
/// `disk().sync()`, others can see it although the write is lost.
///
/// The state is not part of that list. When a handler returns, `self` has changed as a whole; only
/// the effects can be cut off in the middle. (After a crash that makes no difference, since the
/// state is gone, too.)
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

    /// The incarnation of this node: 1 at the first start, and higher at each later one (not always
    /// by one). The world guarantees it, so it needs no disk, and a lost disk does not change it.
    /// You may use it in ballots and request numbers.
    ///
    /// A counter in the state starts again at 0 after a crash. The pair `(incarnation, count)`
    /// never repeats on this node.
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// What this node's clock reads: the time since the beginning of 1970, in whole microseconds.
    /// Only some labs grant a clock; their handouts say so.
    ///
    /// Like the clock of a real machine, it may be seconds or hours off, run fast or slow, stand
    /// still, and be set forward or *backward* at any time. It survives crashes. The clocks of two
    /// nodes are independent of each other and of all timers. One handler sees one reading, taken
    /// when its event happened, so a handler is still a function of state, disk and event.
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

    /// Sends a message. It may be lost, delayed, duplicated or overtaken by a later one; the sender
    /// is not told. Anything that converts into your message type will do, such as a message that
    /// the lab defines.
    ///
    /// If it has to arrive, set a timer, and send it again when the timer fires, until an answer
    /// tells you that it has arrived. Sending it many times at once does not help: a cut link loses
    /// all copies.
    ///
    /// # Panics
    /// If the message cannot be serialized, for instance because it holds a `HashSet`; see
    /// [`codec`](crate::codec).
    pub fn send(&mut self, to: NodeId, message: impl Into<N::Message>) {
        let message = message.into();
        self.effects
            .send(to, |out| encode(out, &message, "message"));
    }

    /// Sets a timer that fires after `after`, unless it is cancelled or the node crashes. Setting a
    /// timer that equals a pending one replaces it, so a timer that every event sets again may
    /// never fire. A slow node's timers fire later, never earlier.
    ///
    /// Replacing is what you want for "no message for 100 ms": set the timer again with each
    /// message. It is not what you want for "do this every 100 ms": set that timer again when it
    /// has fired.
    pub fn set_timer(&mut self, timer: N::Timer, after: Duration) {
        self.set_timer_between(timer, after..=after);
    }

    /// Sets a timer that fires after a time in `range`, which the world chooses anew each time. Use
    /// it where equal delays would make several nodes act at the same time forever (elections,
    /// retries).
    ///
    /// Do not draw random numbers in a handler instead: it would no longer be a function of state,
    /// disk and event. The range leaves the choice to the world, which can repeat it.
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

    /// Cancels the pending timer that equals `timer`, if there is one. Cancelling is an effect like
    /// any other: it happens after the handler has returned.
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

    /// The text of the input with this name, or `None`. Inputs come from the lab, can be read on
    /// every node at any time, and never change. Only some labs have inputs; their handouts say so.
    pub fn input(&self, name: &str) -> Option<&str> {
        self.inputs.get(name).map(String::as_str)
    }

    /// The store that all nodes share. Every node can write to it at any time, and it survives
    /// every crash.
    pub fn store(&mut self) -> Store<'_> {
        Store {
            effects: &mut self.effects,
        }
    }

    /// Adds a line to the trace of a failed run, at the step where you wrote it. It has no other
    /// effect.
    pub fn note(&mut self, text: impl AsRef<str>) {
        self.effects.note(text.as_ref());
    }
}

impl<N: Client> Context<N> {
    /// Answers the open operation. From then on the user relies on the answer: whatever crashes
    /// later, the operation must stay done.
    ///
    /// The test fails if no operation is open, or if no message has arrived since the operation was
    /// invoked.
    ///
    /// # Panics
    /// If the output cannot be serialized, or cannot be deserialized again.
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
