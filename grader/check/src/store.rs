//! A key-value store with all operations that the fast path knows: a model to use, and the one that
//! explanations are searched with.

use std::fmt;

use stateright::semantics::SequentialSpec;

use crate::{
    kv::{KvOp, KvState, Stored, Swap},
    spec::Spec,
};

/// One key of a key-value store. Versions count versioned puts only.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Store {
    /// The value; empty if it was never written.
    pub value: Vec<u8>,
    /// How many versioned puts took effect.
    pub version: u64,
}

/// What can be asked of a [`Store`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoreCall {
    /// The key.
    pub key: String,
    /// What to do with it.
    pub op: StoreOp,
}

/// An operation on one key; see [`KvOp`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the fields are those of KvOp")]
pub enum StoreOp {
    /// Sets the value.
    Put(Vec<u8>),
    /// Adds to the end of the value.
    Append(Vec<u8>),
    /// Reads the value.
    Get,
    /// Sets the value to `to` if it is `from`.
    Cas { from: Vec<u8>, to: Vec<u8> },
    /// Sets the value if the version is this one, and increments the version.
    PutAt { version: u64, value: Vec<u8> },
    /// Reads value and version.
    GetAt,
}

/// What a [`Store`] answers.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum StoreReply {
    /// The write took effect.
    Done,
    /// A get's value.
    Value(Vec<u8>),
    /// A versioned get's value and version.
    Versioned(Vec<u8>, u64),
    /// A compare-and-set failed because the value was this one, or (`None`) some other than
    /// expected.
    NotSwapped(Option<Vec<u8>>),
    /// A versioned put failed because the version was this one, or (`None`) some other than
    /// expected.
    NotStored(Option<u64>),
}

/// Values are shown as texts: what was possible is told to people.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} (version {})",
            String::from_utf8_lossy(&self.value),
            self.version
        )
    }
}

impl fmt::Debug for StoreReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &[u8]| format!("{:?}", String::from_utf8_lossy(value));
        match self {
            StoreReply::Done => write!(f, "done"),
            StoreReply::Value(value) => write!(f, "{}", text(value)),
            StoreReply::Versioned(value, version) => {
                write!(f, "{} (version {version})", text(value))
            }
            StoreReply::NotSwapped(Some(value)) => {
                write!(f, "refused, since it is {}", text(value))
            }
            StoreReply::NotStored(Some(version)) => {
                write!(f, "refused, since the version is {version}")
            }
            StoreReply::NotSwapped(None) | StoreReply::NotStored(None) => write!(f, "refused"),
        }
    }
}

impl SequentialSpec for Store {
    type Op = StoreCall;
    type Ret = StoreReply;

    fn invoke(&mut self, call: &StoreCall) -> StoreReply {
        match &call.op {
            StoreOp::Put(value) => self.value.clone_from(value),
            StoreOp::Append(value) => self.value.extend_from_slice(value),
            StoreOp::Get => return StoreReply::Value(self.value.clone()),
            StoreOp::GetAt => return StoreReply::Versioned(self.value.clone(), self.version),
            StoreOp::Cas { from, to } if self.value == *from => self.value.clone_from(to),
            StoreOp::Cas { .. } => return StoreReply::NotSwapped(Some(self.value.clone())),
            StoreOp::PutAt { version, value } if self.version == *version => {
                self.value.clone_from(value);
                self.version += 1;
            }
            StoreOp::PutAt { .. } => return StoreReply::NotStored(Some(self.version)),
        }
        StoreReply::Done
    }

    fn is_valid_step(&mut self, call: &StoreCall, reply: &StoreReply) -> bool {
        match (self.invoke(call), reply) {
            // A reply that tells less is as true.
            (StoreReply::NotSwapped(_), StoreReply::NotSwapped(None)) => true,
            (StoreReply::NotStored(_), StoreReply::NotStored(None)) => true,
            (right, reply) => right == *reply,
        }
    }
}

impl Spec for Store {
    type Key<'a> = &'a str;

    fn read_only(call: &StoreCall) -> bool {
        matches!(call.op, StoreOp::Get | StoreOp::GetAt)
    }

    fn partition(call: &StoreCall) -> Option<&str> {
        Some(&call.key)
    }

    /// A value that is no beginning of the one that was read must be overwritten before; then
    /// anything goes.
    fn can_lead_to<'a>(
        &self,
        _: &StoreCall,
        reply: &StoreReply,
        mut others: impl Iterator<Item = &'a StoreCall>,
    ) -> bool {
        let (StoreReply::Value(seen) | StoreReply::NotSwapped(Some(seen))) = reply else {
            return true;
        };
        let missing = seen.strip_prefix(&self.value[..]);
        missing == Some(&[])
            || others.any(|other| match &other.op {
                StoreOp::Put(value) | StoreOp::Cas { to: value, .. } => seen.starts_with(value),
                StoreOp::Append(value) => missing.is_some_and(|missing| missing.starts_with(value)),
                StoreOp::PutAt { .. } => true,
                StoreOp::Get | StoreOp::GetAt => false,
            })
    }

    fn bytes(&self) -> usize {
        size_of::<Store>() + self.value.len() + 16
    }

    fn kv_state(&self) -> Option<KvState<'_>> {
        Some(KvState {
            value: &self.value,
            version: self.version,
        })
    }

    fn as_kv<'a>(call: &'a StoreCall, reply: Option<&'a StoreReply>) -> Option<KvOp<'a>> {
        use StoreReply::{Done, NotStored, NotSwapped, Value, Versioned};
        Some(match (&call.op, reply) {
            (StoreOp::Put(value), None | Some(Done)) => KvOp::Put(value),
            (StoreOp::Append(value), None | Some(Done)) => KvOp::Append(value),
            (StoreOp::Get, None) => KvOp::Get(None),
            (StoreOp::Get, Some(Value(value))) => KvOp::Get(Some(value)),
            (StoreOp::GetAt, None) => KvOp::GetAt(None),
            (StoreOp::GetAt, Some(Versioned(value, version))) => {
                KvOp::GetAt(Some((value, *version)))
            }
            (StoreOp::Cas { from, to }, None | Some(Done | NotSwapped(_))) => {
                let outcome = reply.map(|reply| match reply {
                    NotSwapped(Some(value)) => Swap::Saw(value),
                    NotSwapped(None) => Swap::Refused,
                    _ => Swap::Done,
                });
                KvOp::Cas { from, to, outcome }
            }
            (StoreOp::PutAt { version, value }, None | Some(Done | NotStored(_))) => {
                let outcome = reply.map(|reply| match reply {
                    NotStored(Some(version)) => Stored::Saw(*version),
                    NotStored(None) => Stored::Refused,
                    _ => Stored::Done,
                });
                KvOp::PutAt {
                    version: *version,
                    value,
                    outcome,
                }
            }
            _ => KvOp::Wrong,
        })
    }
}
