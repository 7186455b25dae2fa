//! What a sequential object does: the model that a history is held against.

use std::{fmt::Debug, hash::Hash};

use stateright::semantics::SequentialSpec;

use crate::{
    impossible::Impossible,
    kv::{KvOp, KvState},
    queues::QueueEvent,
};

/// An operation that is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Later<'a, Op, Ret> {
    /// What was asked.
    pub op: &'a Op,
    /// When it was asked.
    pub call: u64,
    /// When it was answered, and what; `None` if that is not known.
    pub reply: Option<(u64, &'a Ret)>,
}

/// A sequential object, and the two facts about its operations that make checking fast.
///
/// The object itself is stateright's [`SequentialSpec`]. Of that trait the checker uses
/// [`is_valid_step`](SequentialSpec::is_valid_step) for an operation whose reply is known and
/// [`invoke`](SequentialSpec::invoke) for one whose reply is lost. Both must be functions of state
/// and operation alone, must bring the object into the same state, and must accept every operation
/// in every state (an operation that is refused returns an error as its reply).
///
/// # Example
///
/// A map of registers. Since histories are split by key, a state holds the value of one key only.
///
/// ```
/// use faultline_check::{SequentialSpec, Spec};
///
/// #[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
/// struct Register(u64);
///
/// #[derive(Clone, Debug, PartialEq, Eq, Hash)]
/// enum Command {
///     Put { key: String, value: u64 },
///     Get { key: String },
/// }
///
/// impl SequentialSpec for Register {
///     type Op = Command;
///     type Ret = Option<u64>;
///
///     fn invoke(&mut self, command: &Command) -> Option<u64> {
///         match command {
///             Command::Put { value, .. } => {
///                 self.0 = *value;
///                 None
///             }
///             Command::Get { .. } => Some(self.0),
///         }
///     }
/// }
///
/// impl Spec for Register {
///     type Key<'a> = &'a str;
///
///     fn read_only(command: &Command) -> bool {
///         matches!(command, Command::Get { .. })
///     }
///
///     fn partition(command: &Command) -> Option<&str> {
///         let (Command::Put { key, .. } | Command::Get { key }) = command;
///         Some(key)
///     }
/// }
/// ```
pub trait Spec:
    SequentialSpec<Op: Debug + Eq + Hash, Ret: Debug + Eq + Hash> + Clone + Debug + Eq + Hash
{
    /// What names one of the independent objects that the whole consists of, for example the key of
    /// a map.
    type Key<'a>: Ord + Hash;

    /// Whether `op` leaves every state as it is, whatever it replies. A compare-and-set is *not*
    /// read-only, even where it fails. To say `false` is always right and only costs time; a wrong
    /// `true` makes wrong verdicts.
    fn read_only(op: &Self::Op) -> bool;

    /// Whether `op` leaves every state as it is if it replies `reply`, such as a transfer that was
    /// refused. As with [`read_only`](Spec::read_only), `false` is always right.
    fn only_reads(op: &Self::Op, reply: &Self::Ret) -> bool {
        Self::as_kv(op, Some(reply)).is_some_and(|kv| kv.only_reads())
    }

    /// The independent object that `op` works on: its reply and its effect depend on no operation
    /// with another key.
    ///
    /// `None` stands for an operation on more than one of them. A history that has such an
    /// operation is not split, so the state must then hold all objects; otherwise the state of one
    /// is enough.
    fn partition(op: &Self::Op) -> Option<Self::Key<'_>>;

    /// Whether some of `others`, each at most once and in any order, can lead from this state to
    /// one in which the read-only operation `op` returns `reply`. `others` comes in no particular
    /// order.
    ///
    /// The search asks this about the next read, to give up early on states that nobody can have
    /// seen. To say `true` is always right, and is the default; a wrong `false` makes wrong
    /// verdicts. It pays where states remember much, such as strings that are appended to: a state
    /// that is no prefix of the value read is lost unless somebody overwrites it. An answer should
    /// be quick rather than sharp.
    fn can_lead_to<'a>(
        &self,
        op: &Self::Op,
        reply: &Self::Ret,
        others: impl Iterator<Item = &'a Self::Op>,
    ) -> bool
    where
        Self::Op: 'a,
    {
        let _ = (op, reply, others);
        true
    }

    /// [`can_lead_to`](Spec::can_lead_to) where it is known which operations must take effect
    /// before `op`, because they ended before it was called, and which only may. It is called
    /// instead of that; the default makes no difference between them. None of them only reads.
    ///
    /// What it takes is added to `effort`, in steps of some nanoseconds: it counts towards the
    /// budget.
    fn can_come_true<'a>(
        &self,
        op: &Self::Op,
        reply: &Self::Ret,
        must: impl Iterator<Item = &'a Self::Op>,
        may: impl Iterator<Item = &'a Self::Op>,
        effort: &mut u64,
    ) -> bool
    where
        Self::Op: 'a,
    {
        let _ = effort;
        self.can_lead_to(op, reply, must.chain(may))
    }

    /// A reply that no order of some of `operations` brings, from this state on, whatever the
    /// others reply: a value that nobody wrote, or that nobody can have written in time. It is
    /// asked for before anything is searched.
    ///
    /// To say `None` is always right, and is the default (for what [`as_kv`](Spec::as_kv)
    /// translates, the checker finds out itself); a wrong answer makes wrong verdicts.
    fn impossible(&self, operations: &[Later<'_, Self::Op, Self::Ret>]) -> Option<Impossible> {
        let _ = operations;
        None
    }

    /// Whether this state can be one on the way to `later`: all operations that are not yet done,
    /// first those with replies in the order of these, then those with lost replies that may yet
    /// happen.
    ///
    /// As with [`can_lead_to`](Spec::can_lead_to), `true` is always right, and is the default; a
    /// wrong `false` makes wrong verdicts. It pays where a mistake shows late, such as two values
    /// in the wrong order in a queue.
    fn can_go_on<'a>(&self, later: impl Iterator<Item = Later<'a, Self::Op, Self::Ret>>) -> bool
    where
        Self::Op: 'a,
        Self::Ret: 'a,
    {
        let _ = later;
        true
    }

    /// This state as the value of one key of a key-value store, and...
    ///
    /// `None`, the default, says that the object is no such thing, and histories are searched.
    fn kv_state(&self) -> Option<KvState<'_>> {
        None
    }

    /// ...`op` with the reply `ret` as an operation of such a store. `None` for an operation that
    /// it does not have.
    ///
    /// If both are given, a partition in which every written value is another one is decided in
    /// `O(n log n)` without any search, lost replies or not, and a violation has a
    /// [kind](crate::Anomaly). The translation must agree with
    /// [`is_valid_step`](SequentialSpec::is_valid_step); that the values are unique is verified,
    /// not believed.
    fn as_kv<'a>(op: &'a Self::Op, ret: Option<&'a Self::Ret>) -> Option<KvOp<'a>> {
        let _ = (op, ret);
        None
    }

    /// Whether this state is a queue with nothing in it, and...
    ///
    /// `false`, the default, says that the object is no such thing.
    fn is_empty_queue(&self) -> bool {
        false
    }

    /// ...`op` with the reply `ret` as an operation of a queue. If both are given, the search looks
    /// for pairs of what is added and taken, which takes much less. `None` for an operation that no
    /// queue has, or a reply that it does not have there.
    fn as_queue<'a>(op: &'a Self::Op, ret: Option<&'a Self::Ret>) -> Option<QueueEvent<'a>> {
        let _ = (op, ret);
        None
    }

    /// How many bytes this state takes, about. The search counts them: its budget is one of memory,
    /// too.
    fn bytes(&self) -> usize {
        size_of::<Self>()
    }

    /// A reply as it is shown to people: as one of the values of
    /// [`Possible`](crate::Possible).
    fn show_reply(reply: &Self::Ret) -> String {
        format!("{reply:?}")
    }
}
