//! The way from a partition of a history to the [`zones`](crate::zones), which decide without a
//! search.

use crate::{
    history::OperationOf,
    kv::KvOp,
    spec::Spec,
    zones::{self, Decision, Event, NEVER},
};

/// The operations `part` of `history` in the terms of the fast path, if they have them.
pub(crate) fn events<'h, S: Spec>(
    history: &'h [OperationOf<S>],
    part: &[usize],
) -> Option<Vec<Event<'h>>> {
    let event = |&index: &usize| {
        let operation = &history[index];
        let reply = operation.reply.as_ref();
        // The ends of the axis stand for "before everything" and "never".
        let time = |at: u64| i64::try_from(at).ok().filter(|&at| at < NEVER);
        let kv: KvOp<'h> = S::as_kv(&operation.command, reply.map(|(_, reply)| reply))?;
        let ret = reply.map_or(Some(NEVER), |&(at, _)| time(at))?;
        Some(Event {
            index,
            call: time(operation.call)?,
            ret,
            kv,
        })
    };
    part.iter().map(event).collect()
}

/// What the fast path says of the operations `part`.
pub(crate) fn decide<S: Spec>(initial: &S, history: &[OperationOf<S>], part: &[usize]) -> Decision {
    match (initial.kv_state(), events::<S>(history, part)) {
        (Some(state), Some(events)) => zones::decide(&events, state),
        _ => Decision::NotApplicable,
    }
}
