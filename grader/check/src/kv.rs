//! What the fast path has to know of an operation: the vocabulary of key-value stores.

/// One operation on one key of a key-value store, with what its reply says. A [`Spec`](crate::Spec)
/// translates its own operations into these, so that [`check`](crate::check()) can decide a history
/// without any search.
///
/// Where a reply is known, it is part of the operation (`Some`); `None` stands for a lost reply,
/// and only for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KvOp<'a> {
    /// Sets the value.
    Put(&'a [u8]),
    /// Adds to the end of the value.
    Append(&'a [u8]),
    /// Reads the value.
    Get(Option<&'a [u8]>),
    /// Compare-and-set: sets the value to `to` if it is `from`.
    Cas {
        /// What the value must be.
        from: &'a [u8],
        /// What it becomes then.
        to: &'a [u8],
        /// How it ended.
        outcome: Option<Swap<'a>>,
    },
    /// Sets the value, and increments the version, if the version is `version`. Not to be mixed
    /// with the others.
    PutAt {
        /// What the version must be.
        version: u64,
        /// What the value becomes then.
        value: &'a [u8],
        /// How it ended.
        outcome: Option<Stored>,
    },
    /// Reads value and version.
    GetAt(Option<(&'a [u8], u64)>),
    /// The reply is one that this operation has in no state, such as a number in answer to a put.
    Wrong,
}

/// How a compare-and-set ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Swap<'a> {
    /// The value was set.
    Done,
    /// The value was this one, and stayed it.
    Saw(&'a [u8]),
    /// The value was another one, and stayed it; the reply does not say which.
    Refused,
}

/// How a versioned put ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stored {
    /// The value was set.
    Done,
    /// The version was this one, and stayed it.
    Saw(u64),
    /// The version was another one, and stayed it; the reply does not say which.
    Refused,
}

/// The value of a key before the first operation of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KvState<'a> {
    /// The value. A key that is absent may count as one with an empty value.
    pub value: &'a [u8],
    /// The version, if there are versions; otherwise 0.
    pub version: u64,
}

impl KvOp<'_> {
    /// Whether an operation with this reply certainly leaves every state as it is.
    pub(crate) fn only_reads(&self) -> bool {
        match self {
            KvOp::Get(_) | KvOp::GetAt(_) => true,
            KvOp::Cas { outcome, .. } => matches!(outcome, Some(Swap::Saw(_) | Swap::Refused)),
            KvOp::PutAt { outcome, .. } => {
                matches!(outcome, Some(Stored::Saw(_) | Stored::Refused))
            }
            KvOp::Put(_) | KvOp::Append(_) | KvOp::Wrong => false,
        }
    }
}
