//! Linearizability by its definition, and what an explanation of a violation must keep.

use rustc_hash::FxHashSet;

use crate::{
    history::OperationOf,
    spec::Spec,
    verdict::{Anomaly, Violation},
};

/// By the definition, with a memory of (what is placed, the state).
struct Definition<'a, S: Spec> {
    history: &'a [OperationOf<S>],
    seen: FxHashSet<(u64, S)>,
}

impl<S: Spec> Definition<'_, S> {
    fn holds(&mut self, placed: u64, object: &S) -> bool {
        let left: Vec<usize> = (0..self.history.len())
            .filter(|at| placed >> at & 1 == 0)
            .collect();
        let replied = |at: usize| self.history[at].reply.as_ref().map(|(at, _)| *at);
        let Some(deadline) = left.iter().filter_map(|&at| replied(at)).min() else {
            return true;
        };
        if !self.seen.insert((placed, object.clone())) {
            return false;
        }
        left.iter().any(|&at| {
            let operation = &self.history[at];
            let mut after = object.clone();
            let fits = match &operation.reply {
                Some((_, reply)) => after.is_valid_step(&operation.command, reply),
                None => {
                    after.invoke(&operation.command);
                    true
                }
            };
            operation.call <= deadline && fits && self.holds(placed | 1 << at, &after)
        })
    }
}

pub(crate) fn truth<S: Spec>(initial: &S, history: &[OperationOf<S>]) -> bool {
    Definition {
        history,
        seen: FxHashSet::default(),
    }
    .holds(0, initial)
}

/// Whether `order` is a linearization.
pub fn explains<S: Spec>(initial: &S, history: &[OperationOf<S>], order: &[usize]) -> bool {
    let mut object = initial.clone();
    let fits = order.iter().all(|&at| match &history[at].reply {
        Some((_, reply)) => object.is_valid_step(&history[at].command, reply),
        None => {
            object.invoke(&history[at].command);
            true
        }
    });
    let precedes = |a: usize, b: usize| {
        history[a]
            .reply
            .as_ref()
            .is_some_and(|(at, _)| *at < history[b].call)
    };
    let in_time =
        (0..order.len()).all(|i| (i + 1..order.len()).all(|j| !precedes(order[j], order[i])));
    let mut once = order.to_vec();
    once.sort_unstable();
    once.dedup();
    let complete = (0..history.len()).all(|at| history[at].reply.is_none() || order.contains(&at));
    fits && in_time && once.len() == order.len() && complete
}

/// The explanation of a violation: the shortest prefix, and a core that is among it.
pub fn explanation_is_true<S: Spec>(
    initial: &S,
    history: &[OperationOf<S>],
    violation: &Violation,
) -> bool
where
    S::Op: Clone,
    S::Ret: Clone,
{
    let end = violation.impossible;
    let end = (
        history[end]
            .reply
            .as_ref()
            .expect("a reply is the reason")
            .0,
        end,
    );
    let copy = |at: usize, call: u64, reply: Option<_>| OperationOf::<S> {
        client: history[at].client,
        command: history[at].command.clone(),
        call,
        reply,
    };
    let cut = |without: bool| -> Vec<OperationOf<S>> {
        let keep = |at: usize, reply: u64| {
            if without {
                (reply, at) < end
            } else {
                (reply, at) <= end
            }
        };
        let kept = |at: usize| {
            let operation = &history[at];
            let reply = operation.reply.clone().filter(|(on, _)| keep(at, *on));
            copy(at, operation.call, reply)
        };
        (0..history.len()).map(kept).collect()
    };
    let future = violation.kind == Anomaly::FutureRead;
    let called =
        |at: &usize| violation.prefix.contains(at) || (future && violation.core[1..].contains(at));
    let among = |ops: &[usize]| ops.iter().all(called);
    // Of the others nothing is known but that they were called, and did not fail.
    let told = |at: usize| violation.core.contains(&at) || violation.context.contains(&at);
    let changes = |at: &&usize| {
        let operation = &history[**at];
        let reads = |(_, reply): &(u64, S::Ret)| S::only_reads(&operation.command, reply);
        !S::read_only(&operation.command) && !operation.reply.as_ref().is_some_and(reads)
    };
    let forget = |&at: &usize| match told(at) {
        true => copy(at, history[at].call, history[at].reply.clone()),
        false => copy(at, 0, None),
    };
    let all: Vec<usize> = (0..history.len()).filter(called).collect();
    let enough: Vec<OperationOf<S>> = all
        .iter()
        .filter(|at| told(**at) || changes(at))
        .map(forget)
        .collect();
    violation.shortest
        && !truth(initial, &enough)
        && !truth(initial, &cut(false))
        && truth(initial, &cut(true))
        && !violation.core.is_empty()
        && among(&violation.core)
        && among(&violation.context)
}
