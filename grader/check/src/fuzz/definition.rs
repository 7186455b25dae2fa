//! Linearizability by its definition, and what an explanation of a violation must keep.

use std::collections::BTreeSet;

use stateright::semantics::SequentialSpec;

use crate::{
    spec::Spec,
    store::Store,
    verdict::{Anomaly, Violation},
};

use super::generate::Op;

/// By the definition, with a memory of (what is placed, the state).
pub(crate) struct Definition<'a> {
    pub history: &'a [Op],
    pub seen: BTreeSet<(u64, Vec<u8>, u64)>,
}

impl Definition<'_> {
    pub fn holds(&mut self, placed: u64, store: &Store) -> bool {
        let left: Vec<usize> = (0..self.history.len())
            .filter(|at| placed >> at & 1 == 0)
            .collect();
        let replied = |at: usize| self.history[at].reply.as_ref().map(|(at, _)| *at);
        let Some(deadline) = left.iter().filter_map(|&at| replied(at)).min() else {
            return true;
        };
        if !self
            .seen
            .insert((placed, store.value.clone(), store.version))
        {
            return false;
        }
        left.iter().any(|&at| {
            let Op {
                command,
                call,
                reply,
                ..
            } = &self.history[at];
            let mut after = store.clone();
            let fits = match reply {
                Some((_, reply)) => after.is_valid_step(command, reply),
                None => {
                    after.invoke(command);
                    true
                }
            };
            *call <= deadline && fits && self.holds(placed | 1 << at, &after)
        })
    }
}

pub(crate) fn truth(initial: &Store, history: &[Op]) -> bool {
    Definition {
        history,
        seen: BTreeSet::new(),
    }
    .holds(0, initial)
}

/// Whether `order` is a linearization.
pub fn explains(initial: &Store, history: &[Op], order: &[usize]) -> bool {
    let mut store = initial.clone();
    let fits = order.iter().all(|&at| match &history[at].reply {
        Some((_, reply)) => store.is_valid_step(&history[at].command, reply),
        None => {
            store.invoke(&history[at].command);
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
pub fn explanation_is_true(initial: &Store, history: &[Op], violation: &Violation) -> bool {
    let end = violation.impossible;
    let end = (
        history[end]
            .reply
            .as_ref()
            .expect("a reply is the reason")
            .0,
        end,
    );
    let cut = |without: bool| -> Vec<Op> {
        let keep = |at: usize, reply: u64| {
            if without {
                (reply, at) < end
            } else {
                (reply, at) <= end
            }
        };
        let cut = |(at, op): (usize, &Op)| Op {
            reply: op.reply.clone().filter(|(on, _)| keep(at, *on)),
            ..op.clone()
        };
        history.iter().enumerate().map(cut).collect()
    };
    let future = violation.kind == Anomaly::FutureRead;
    let called =
        |at: &usize| violation.prefix.contains(at) || (future && violation.core[1..].contains(at));
    let among = |ops: &[usize]| ops.iter().all(called);
    // Of the others nothing is known but that they were called, and did not fail.
    let told = |at: usize| violation.core.contains(&at) || violation.context.contains(&at);
    let changes = |at: &&usize| {
        let Op { command, reply, .. } = &history[**at];
        !Store::as_kv(command, reply.as_ref().map(|(_, reply)| reply))
            .is_some_and(|kv| kv.only_reads())
    };
    let forget = |&at: &usize| match &history[at] {
        op if told(at) => op.clone(),
        op => Op {
            call: 0,
            reply: None,
            ..op.clone()
        },
    };
    let all: Vec<usize> = (0..history.len()).filter(called).collect();
    let enough: Vec<Op> = all
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
