//! What a check finds.

/// The three answers of [`check`](crate::check()). Undecided is not a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Some order of the operations explains all replies.
    Linearizable {
        /// For each partition, in the order of the keys, such an order: indices of operations in
        /// the history. Operations with a lost reply are in it only if they have to have taken
        /// effect, and reads with a lost reply never are.
        witness: Vec<Vec<usize>>,
    },
    /// No order does.
    Violated(Violation),
    /// The budget was used up before either was certain.
    Undecided {
        /// How many configurations were explored.
        explored: u64,
    },
}

/// Why a history is not linearizable: the first moment at which that was certain, in one partition
/// that shows it. All operations are named by their indices in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What is wrong, if it has a name.
    pub kind: Anomaly,
    /// The operations that contradict each other: the subject of the
    /// [sentence](Violation::sentence) first. At most four where every written value is another one
    /// and so no search was needed.
    ///
    /// Together with [`context`](Violation::context) they are enough: no order explains their
    /// replies even if of all others of the [`prefix`](Violation::prefix) nothing is known but that
    /// they were called at some time (and which of them failed, and so changed nothing).
    pub core: Vec<usize>,
    /// Operations without fault that the contradiction builds on, such as the put of a value that
    /// was read.
    pub context: Vec<usize>,
    /// All operations of the partition, in the order of their calls.
    pub operations: Vec<usize>,
    /// Those of the shortest prefix of the history that is not linearizable, in the order of their
    /// calls: all that were called up to the reply of [`impossible`](Violation::impossible).
    /// Replies after that one play no part.
    pub prefix: Vec<usize>,
    /// The operation whose reply made the history impossible: the last event of the prefix.
    pub impossible: usize,
    /// Whether the prefix without that reply is certainly linearizable. If not, the search for a
    /// shorter prefix ran out of fuel, and there might be one.
    pub shortest: bool,
    /// An order that explains the prefix without that reply; empty if it was not found.
    pub linearization: Vec<usize>,
    /// What [`impossible`](Violation::impossible) could have replied. Empty only if the search for
    /// it ran out of fuel.
    pub possible_replies: Possible,
    /// The states that the object can be in just before that reply, while `impossible` and all
    /// others that are open may or may not have taken effect. Empty only if the search for them ran
    /// out of fuel.
    pub possible_states: Possible,
}

/// Some values of which any is possible.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Possible {
    /// Their `Debug` texts, in the order in which the search found them.
    pub values: Vec<String>,
    /// Whether no other value is possible. Otherwise say "for example", not "only".
    pub complete: bool,
}

/// What is wrong with a history. Of the operations of [`Violation::core`], "the first" is the one
/// that is listed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Anomaly {
    /// The first got a reply that it has in no state.
    WrongReply,
    /// The first saw what no order of the writes gives: bytes that nobody wrote, or a write in the
    /// wrong place.
    Phantom,
    /// The first ended before the second, whose value it saw, was called. (So the second may be
    /// behind the prefix.)
    FutureRead,
    /// The first shows more than once.
    AppliedTwice,
    /// The first two saw values of which neither continues the other.
    Fork,
    /// The first ended before the second was called, but the second shows as the earlier one.
    Reordered,
    /// The first worked on a value from before the second, a write that had ended.
    StaleRead,
    /// The first worked on an older value than the second, a read that had ended.
    NonMonotonicRead,
    /// The second was acknowledged, and nobody ever saw it: the first came later and worked on an
    /// older value, and a read after that still missed it.
    LostWrite,
    /// As a lost write, but no read after the first says whether the write is still there.
    StaleOrLost,
    /// Both succeeded, and only one can have: they had the same condition.
    LostUpdate,
    /// Two values were current in turns.
    Overlap,
    /// Compare-and-sets that each need the value of the one before, in a circle.
    Cycle,
    /// The first was refused although its condition held all the time.
    WrongRefusal,
    /// No order of the operations explains the replies.
    Unexplained,
}

/// The operations to blame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blame {
    pub kind: Anomaly,
    pub core: Vec<usize>,
    pub context: Vec<usize>,
}

impl Blame {
    /// Each operation is named once.
    pub fn new(kind: Anomaly, mut core: Vec<usize>, mut context: Vec<usize>) -> Blame {
        let all = core.clone();
        let mut place = 0;
        core.retain(|index| {
            place += 1;
            !all[..place - 1].contains(index)
        });
        context.sort_unstable();
        context.dedup();
        context.retain(|index| !core.contains(index));
        Blame {
            kind,
            core,
            context,
        }
    }

    /// Whether this says of a read that saw what nobody had written that somebody would.
    pub fn is_future(&self, phantom: &Blame) -> bool {
        self.kind == Anomaly::FutureRead && self.core.first() == phantom.core.first()
    }
}
