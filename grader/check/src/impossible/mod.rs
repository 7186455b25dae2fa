//! Replies that no order brings, found before anything is searched.
//!
//! A search that has to refute such a reply would try every order of what is open around it. But
//! where nobody wrote a value, or nobody was asked to write it in time, no order helps.

mod bank;
mod queue;
mod values;

pub(crate) use bank::{balances_can_come_true, bank};
pub(crate) use queue::queue;

use crate::{
    spec::{Later, Spec},
    timeline::{Entry, Expected},
    verdict::{Anomaly, Blame},
};

/// A reply that no order of the operations brings; see [`Spec::impossible`]. Operations are named
/// by their places among those that were asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impossible {
    /// What is wrong.
    pub kind: Anomaly,
    /// The operations that contradict each other, as the kind says.
    pub core: Vec<usize>,
    /// Those without fault that the contradiction builds on.
    pub context: Vec<usize>,
}

impl Impossible {
    /// Nobody can have brought what `reader` saw.
    pub(crate) fn phantom(reader: usize) -> Impossible {
        Impossible {
            kind: Anomaly::Phantom,
            core: vec![reader],
            context: Vec::new(),
        }
    }

    /// The only one to bring what `reader` saw was asked too late.
    pub(crate) fn future(reader: usize, writer: usize) -> Impossible {
        Impossible {
            kind: Anomaly::FutureRead,
            core: vec![reader, writer],
            context: Vec::new(),
        }
    }
}

/// An operation in the terms of a [`Spec`].
fn later<'h, S: Spec>(entry: &Entry<'h, S>) -> Later<'h, S::Op, S::Ret> {
    let (op, expected) = entry.demand;
    let reply = match (entry.reply, expected) {
        (Some(at), Some(Expected::Exactly(reply))) => Some((at, reply)),
        _ => None,
    };
    Later {
        op,
        call: entry.call,
        reply,
    }
}

/// A reply among `entries`, which are all of one partition, that no order brings.
pub(crate) fn at_once<S: Spec>(initial: &S, entries: &[Entry<'_, S>]) -> Option<Blame> {
    let found = match initial.kv_state() {
        Some(state) => {
            let event = |entry| {
                let Later { op, call, reply } = later(entry);
                let kv = S::as_kv(op, reply.map(|(_, reply)| reply))?;
                let ret = reply.map_or(u64::MAX, |(at, _)| at);
                Some(values::Event { kv, call, ret })
            };
            values::impossible(
                state,
                &entries.iter().map(event).collect::<Option<Vec<_>>>()?,
            )
        }
        None => {
            let all: Vec<_> = entries.iter().map(later).collect();
            initial.impossible(&all)
        }
    }?;
    let named = |places: &[usize]| places.iter().map(|&at| entries[at].index).collect();
    Some(Blame::new(
        found.kind,
        named(&found.core),
        named(&found.context),
    ))
}
