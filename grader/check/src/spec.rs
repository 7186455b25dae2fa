//! What a sequential object does: the model that a history is held against.

use std::{fmt::Debug, hash::Hash};

use stateright::semantics::SequentialSpec;

use crate::kv::{KvOp, KvState};

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
}
