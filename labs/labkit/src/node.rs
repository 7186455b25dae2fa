//! Nodes and clients: how they start, and which events they handle.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    context::Context,
    id::{Boot, NodeId},
};

/// A node: a server in any role. All its state is in `self`, and it acts on the world only through
/// [`Context`].
///
/// Three kinds of events can happen to a node, and each has a function: it starts, a message
/// arrives, a timer fires. ([`Client`] and [`Compute`](crate::Compute) add one each.) Between two
/// events the node does nothing; whatever it waits for must be in its state.
///
/// # Contract
/// * The grader calls one handler at a time. A handler finishes before anything else happens to
///   this node.
/// * A panic fails the test. Handle every message that the lab allows, whenever it arrives.
/// * A handler that uses more than 100 million WebAssembly instructions (about a tenth of a second)
///   is stopped, and the test fails.
/// * State, messages and timers must survive [`codec`](crate::codec): derive `Serialize` and
///   `Deserialize`, and do not use `#[serde(skip)]`, `flatten` or `untagged`. Use
///   [`Map`](crate::Map) and [`Set`](crate::Set); a `HashMap` works (its iteration order differs
///   from node to node, as it does in practice), a `HashSet` in a state or message is refused.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a node: it does not implement `labkit::Node`",
    label = "the lab needs `impl Node for {Self}`"
)]
pub trait Node: Sized + Serialize + DeserializeOwned + Debug {
    /// What the lab tells the node when it starts, such as the name of another node. It is the same
    /// at each start of a node, so there is no need to store it.
    type Config: DeserializeOwned;
    /// The messages that nodes exchange, usually an enum with a variant for each kind. Roles that
    /// talk to each other share one type.
    type Message: Serialize + DeserializeOwned + Debug;
    /// What your timers carry. Two timers are the same timer if they serialize to the same bytes:
    /// setting one that is already pending replaces it, and [`Context::cancel`] finds it by its
    /// value.
    ///
    /// Put into it what distinguishes an old timer from a current one. If `Retry(7)` fires after
    /// request 7 was answered, the handler can see that it is out of date; with a plain `Retry` it
    /// cannot.
    type Timer: Serialize + DeserializeOwned + Debug;

    /// Called once at each start, before anything else. It builds the state, usually sets the first
    /// timers, and may send. After a crash the state is built anew here: only the disk can bring
    /// anything back.
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

    /// A message has arrived. `from` is always the true sender. The message may be a duplicate, it
    /// may be very old, and its sender may have crashed and restarted since.
    ///
    /// So ask three questions about each message. What if it comes twice? (Applying a request again
    /// must not count it again.) What if it comes much later than it was sent? (A reply must say
    /// which request it answers, or it may be taken for the reply to another.) What if it never
    /// comes? (The node that waits for it needs a timer.)
    fn on_message(&mut self, from: NodeId, message: Self::Message, ctx: &mut Context<Self>);

    /// A timer that you set has fired. It fires once; set it again if you want it again.
    ///
    /// A timer tells you that time has passed on this node, and nothing about others: the node that
    /// you wait for may be dead, slow, or cut off, and you cannot tell which.
    fn on_timer(&mut self, timer: Self::Timer, ctx: &mut Context<Self>);
}

/// A node that carries out operations for a user.
///
/// A distributed system is judged by what its clients see. In most labs the grader records when
/// each operation was invoked, when it was answered, and with what. Then it checks whether a single
/// server could have produced that history. What happens between the servers is up to you as long
/// as no client can tell.
///
/// An answer says that the operation has taken effect. Without an answer it may have taken effect
/// or not, and your client cannot know which: the request may be lost, or the reply. That is why a
/// client retries, and why servers must recognize a request that they have carried out before.
///
/// # Contract
/// * The world calls [`invoke`](Client::invoke), and your client answers, now or in a later
///   handler, with [`Context::respond`]. It invokes the next operation only after the previous one
///   was answered.
/// * An answer must come from the system: answering without having received any message since the
///   invoke is an error.
/// * Clients do not crash and come back, but a client may leave for good at any moment, also with
///   an operation open. That operation may take effect once, at any later time, or never; no bound
///   covers it. Its name is never used again, so whoever has called may keep an entry in a table of
///   last replies. New clients come at any moment. So nothing that others need may be in a client
///   alone.
/// * Clients use the same network as all other nodes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a client: it does not implement `labkit::Client`",
    label = "the lab needs `impl Client for {Self}`"
)]
pub trait Client: Node {
    /// What a user can ask for; defined by the lab.
    type Command: DeserializeOwned;
    /// What a user gets back; defined by the lab.
    type Output: Serialize + DeserializeOwned;

    /// A user asks for `command`. Do not wait: send a request, set a timer to send it again,
    /// return.
    fn invoke(&mut self, command: Self::Command, ctx: &mut Context<Self>);
}

/// A message type that can carry the messages that the lab defines.
///
/// You design most messages of a program, and the grader handles them as bytes. A lab may define a
/// few, so that its tests can play a role themselves (a server that pings, say) and read what your
/// program answers.
///
/// Your own enum carries these messages in a variant:
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
    /// The lab's message inside, if this is one. `M::from(given).given()` must return that message
    /// again.
    fn given(&self) -> Option<&Given>;
}
