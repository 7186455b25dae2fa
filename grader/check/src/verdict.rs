//! What a check finds.

/// The three answers of [`check`](crate::check()). Undecided is not a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Some order of the operations explains all replies.
    Linearizable {
        /// For each partition, in the order of the keys, such an order: indices of operations in the history.
        /// Operations with a lost reply are in it only if they have to have taken effect, and reads with a lost reply
        /// never are.
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

/// Why a history is not linearizable: the first moment at which that was certain, in one partition that shows it. All
/// operations are named by their indices in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// All operations of the partition, in the order of their calls.
    pub operations: Vec<usize>,
    /// Those of the shortest prefix of the history that is not linearizable, in the order of their calls: all that were
    /// called up to the reply of [`impossible`](Violation::impossible). Replies after that one play no part.
    pub prefix: Vec<usize>,
    /// The operation whose reply made the history impossible: the last event of the prefix.
    pub impossible: usize,
    /// Whether the prefix without that reply is certainly linearizable. If not, the search for a shorter prefix ran out
    /// of fuel, and there might be one.
    pub shortest: bool,
    /// An order that explains the prefix without that reply; empty if it was not found.
    pub linearization: Vec<usize>,
    /// What [`impossible`](Violation::impossible) could have replied. Empty only if the search for it ran out of fuel.
    pub possible_replies: Possible,
    /// The states that the object can be in just before that reply, while `impossible` and all others that are open may
    /// or may not have taken effect. Empty only if the search for them ran out of fuel.
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
