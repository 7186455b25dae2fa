//! The rules of the search, which can be switched off one by one.

/// What the search leaves out. Every rule keeps all verdicts as they are; they can be switched off
/// to test that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A read that can go now goes now.
    pub eager_reads: bool,
    /// Of interchangeable operations one goes first.
    pub twins: bool,
    /// What used more lost-reply operations for the same is left.
    pub domination: bool,
    /// Lost-reply operations that nobody notices are not used.
    pub unnoticed: bool,
    /// Values that nobody can tell apart any more are one. (Only for operations that
    /// [`Spec::as_kv`] translates.)
    pub quotient: bool,
    /// A state is left if a read cannot come true any more.
    pub viability: bool,
    /// Of two operations whose order does not matter one goes first.
    pub commuting: bool,
    /// Queues are searched as pairs. (Only for operations that [`Spec::as_queue`] translates.)
    pub pairs: bool,
}

impl Rules {
    /// All of them.
    pub const ALL: Rules = Rules {
        eager_reads: true,
        twins: true,
        domination: true,
        unnoticed: true,
        quotient: true,
        viability: true,
        commuting: true,
        pairs: true,
    };

    /// None of them: the search of Wing and Gong with Lowe's cache.
    pub const NONE: Rules = Rules {
        eager_reads: false,
        twins: false,
        domination: false,
        unnoticed: false,
        quotient: false,
        viability: false,
        commuting: false,
        pairs: false,
    };
}
