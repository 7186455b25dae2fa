//! What a node is: its name, how it starts, which events it handles.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    context::Context,
    id::{Boot, NodeId},
};

/// A node: a server of any role. All its state is in `self`; all it does, it does through
/// [`Context`].
///
/// Three things can happen to a node, and each has a function: it starts, a message arrives, a
/// timer fires. ([`Client`] and [`Compute`](crate::Compute) add one each.) Between two of them the
/// node does nothing; whatever it is waiting for has to be in its state.
///
/// # Contract
/// * The grader calls one handler at a time. A handler runs to its end before anything else happens
///   to this node.
/// * A panic is a crash that fails the test: handle every message that the lab allows to arrive, at
///   any time.
/// * A handler that computes for more than about a tenth of a second is stopped, and the test
///   fails.
/// * State, messages and timers must survive [`codec`](crate::codec): derive `Serialize` and
///   `Deserialize`, and do not use `#[serde(skip)]`, `flatten` or `untagged`. Use
///   [`Map`](crate::Map) and [`Set`](crate::Set); a `HashMap` works (its order differs from node to
///   node, as in life), a `HashSet` in a state or message is refused.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a node: it does not implement `labkit::Node`",
    label = "the lab needs `impl Node for {Self}`"
)]
pub trait Node: Sized + Serialize + DeserializeOwned + Debug {
    /// What the lab tells the node when it starts, such as the name of another node. It is the same
    /// at each start of a node, so it need not go to the disk.
    type Config: DeserializeOwned;
    /// What nodes say to each other, usually an enum with a variant for each kind of message. Roles
    /// that talk to each other share one type.
    type Message: Serialize + DeserializeOwned + Debug;
    /// What your timers carry. Two timers are the same timer if they are equal (as bytes): setting
    /// one that runs already replaces it, and [`Context::cancel`] finds it again.
    ///
    /// Put into it what tells an old timer from a present one. A timer `Retry(7)` that fires after
    /// request 7 was answered can be seen to be of no use any more; a timer `Retry` cannot.
    type Timer: Serialize + DeserializeOwned + Debug;

    /// Called once at each start, before anything else. It builds the state, usually sets the first
    /// timers, and may send. After a crash the state begins anew here: only the disk can bring
    /// something back.
    ///
    /// ```
    /// use labkit::prelude::*;
    ///
    /// #[derive(Debug, Serialize, Deserialize)]
    /// struct Voter {
    ///     /// The highest term in which this node has voted; on the disk, too.
    ///     voted_in: u64,
    /// }
    ///
    /// impl Node for Voter {
    ///     type Config = ();
    ///     type Message = u64;
    ///     type Timer = ();
    ///
    ///     fn start(_: &(), _: Boot, ctx: &mut Context<Self>) -> Self {
    ///         Voter { voted_in: ctx.disk().read("voted in").unwrap_or(0) }
    ///     }
    ///     fn on_message(&mut self, from: NodeId, term: u64, ctx: &mut Context<Self>) {
    ///         if term > self.voted_in {
    ///             self.voted_in = term;
    ///             ctx.disk().write("voted in", &term);
    ///             ctx.disk().sync(); // before anybody can count the vote
    ///             ctx.send(from, term);
    ///         }
    ///     }
    ///     fn on_timer(&mut self, _: (), _: &mut Context<Self>) {}
    /// }
    ///
    /// let (voter, candidate) = (NodeId::new('s', 1), NodeId::new('s', 2));
    /// let mut ctx = Context::<Voter>::for_tests(voter);
    /// let mut before = Voter::start(&(), Boot::First, &mut ctx);
    /// before.on_message(candidate, 3, &mut ctx);
    /// // The node crashes: `before` is gone, what was synced is not.
    /// let after = Voter::start(&(), Boot::Restarted, &mut ctx);
    /// assert_eq!(after.voted_in, 3);
    /// ```
    fn start(config: &Self::Config, boot: Boot, ctx: &mut Context<Self>) -> Self;

    /// A message has arrived. `from` is the node that really sent it. It may be a duplicate, it may
    /// be very old, and its sender may have crashed and restarted since.
    ///
    /// So ask of each message three questions. What if it comes twice? (Applying a request again
    /// must not count it again.) What if it comes much later than it was sent? (An answer must say
    /// what it answers, or it is taken for that to another request.) What if it never comes?
    /// (Whoever waits for it needs a timer.)
    fn on_message(&mut self, from: NodeId, message: Self::Message, ctx: &mut Context<Self>);

    /// A timer that you set has fired. It fires once; set it again if you want it again.
    ///
    /// A timer says that time has passed on this node, and nothing about others: the node you are
    /// waiting for may be dead, slow, or cut off, and you cannot tell which.
    fn on_timer(&mut self, timer: Self::Timer, ctx: &mut Context<Self>);
}

/// A node that carries out operations for a user.
///
/// A client is where a distributed system is judged. In most labs the grader writes down when each
/// operation was invoked and when, and with what, it was answered, and asks of that history whether
/// one single server could have produced it. What happens between the servers is your affair as
/// long as no client can tell.
///
/// An answer says that the operation has taken effect. As long as there is none, it may have taken
/// effect or not, and your client cannot know: the request may be lost, or the reply. That is why a
/// client sends again, and why servers have to recognize a request that they carried out before.
///
/// # Contract
/// * The world calls [`invoke`](Client::invoke), and your client answers, now or in a later
///   handler, with [`Context::respond`]. It invokes the next operation only after the answer to the
///   one before.
/// * An answer must come from the system: answering without having received any message since the
///   invoke is an error.
/// * Clients do not crash. They use the same network as everybody else.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a client: it does not implement `labkit::Client`",
    label = "the lab needs `impl Client for {Self}`"
)]
pub trait Client: Node {
    /// What a user can ask for; given by the lab.
    type Command: DeserializeOwned;
    /// What a user gets back; given by the lab.
    type Output: Serialize + DeserializeOwned;

    /// A user asks for `command`. Do not wait: send a request, set a timer to send it again,
    /// return.
    fn invoke(&mut self, command: Self::Command, ctx: &mut Context<Self>);
}

/// A message type that has room for the messages which the lab gives.
///
/// Most messages of a program are its own affair, and the grader carries them as bytes. A few are
/// fixed by a lab, so that its suite can play a role itself (a server that pings, say) and read
/// what your program answers.
///
/// Where a lab fixes some messages (so that its suite can play a role), your own enum carries them
/// in a variant:
///
/// ```
/// use labkit::prelude::*;
/// # #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)] enum Given { Ping(u64) }
/// #[derive(Debug, Serialize, Deserialize)]
/// enum Message {
///     Given(Given),
///     Forward { number: u64 },
/// }
/// impl From<Given> for Message {
///     fn from(given: Given) -> Message {
///         Message::Given(given)
///     }
/// }
/// impl Carries<Given> for Message {
///     fn given(&self) -> Option<&Given> {
///         match self {
///             Message::Given(given) => Some(given),
///             _ => None,
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not carry the messages that the lab gives",
    label = "the lab needs `impl Carries<{Given}> for {Self}`"
)]
pub trait Carries<Given>: From<Given> {
    /// The given message inside, if this is one. `M::from(given).given()` must be that message
    /// again.
    fn given(&self) -> Option<&Given>;
}
