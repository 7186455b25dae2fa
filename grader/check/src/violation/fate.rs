//! Whether a write that was missed is lost.

use super::Partition;
use crate::{
    kv::{KvOp, Swap},
    spec::Spec,
    verdict::{Anomaly, Blame},
    zones,
};

fn contains(value: &[u8], part: &[u8]) -> bool {
    value.windows(part.len()).any(|at| at == part)
}

impl<'a, S: Spec> Partition<'a, S> {
    /// That an acknowledged write was missed once does not say that it is lost: whoever missed it
    /// may have asked somebody who knew nothing of it. All of the history is asked, since later
    /// reads tell the two apart.
    pub(super) fn name_fate(&self, blame: &mut Blame) {
        let (Anomaly::LostWrite, [missed_by, write, ..]) = (blame.kind, &blame.core[..]) else {
            return;
        };
        blame.kind = match self.written(*write) {
            Some(token) if self.is_seen(token) => Anomaly::StaleRead,
            Some(token) if self.is_missed_again(token, *write, *missed_by) => Anomaly::LostWrite,
            _ => Anomaly::StaleOrLost,
        };
    }

    fn kv(&self, index: usize) -> Option<KvOp<'a>> {
        let operation = &self.history[index];
        S::as_kv(
            &operation.command,
            operation.reply.as_ref().map(|(_, reply)| reply),
        )
    }

    /// The bytes of an operation that show that it took effect; none if it wrote none.
    fn written(&self, write: usize) -> Option<&'a [u8]> {
        let token = self.kv(write).and_then(|kv| zones::written(&kv));
        token.filter(|token| !token.is_empty())
    }

    /// What an operation saw of the value, if it saw it.
    fn saw(&self, index: usize) -> Option<&'a [u8]> {
        match self.kv(index)? {
            KvOp::Get(Some(value))
            | KvOp::Cas {
                outcome: Some(Swap::Saw(value)),
                ..
            } => Some(value),
            KvOp::Cas {
                from,
                outcome: Some(Swap::Done),
                ..
            } => Some(from),
            _ => None,
        }
    }

    /// Whether anybody saw these bytes, be it later.
    fn is_seen(&self, token: &[u8]) -> bool {
        let mut seen = self.operations.iter().filter_map(|&index| self.saw(index));
        seen.any(|seen| contains(seen, token))
    }

    /// Whether an operation after the one that missed a write missed it, too. Where another write
    /// may have come in between, it says nothing.
    fn is_missed_again(&self, token: &[u8], write: usize, missed_by: usize) -> bool {
        let end = |index: usize| self.history[index].reply.as_ref().map(|(at, _)| *at);
        let call = |index: usize| self.history[index].call;
        let overwrites = |index: usize| {
            matches!(
                self.kv(index),
                Some(
                    KvOp::Put(_)
                        | KvOp::PutAt { .. }
                        | KvOp::Cas {
                            outcome: None | Some(Swap::Done),
                            ..
                        }
                )
            )
        };
        let is_overwritten_by = |until: u64| {
            let mut others = self.operations.iter().filter(|&&index| index != write);
            others.any(|&index| {
                let after = end(index).is_none_or(|end| end > call(write));
                after && call(index) < until && overwrites(index)
            })
        };
        let later = |index: &usize| end(missed_by).is_some_and(|end| call(*index) > end);
        let mut later = self.operations.iter().filter(|index| later(index));
        later.any(|&index| {
            let missed = self.saw(index).is_some_and(|seen| !contains(seen, token));
            missed && !end(index).is_none_or(is_overwritten_by)
        })
    }
}
