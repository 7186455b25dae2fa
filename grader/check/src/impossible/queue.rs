//! Values that were taken from a queue more often than they had been added to it.

use std::collections::BTreeMap;

use super::Impossible;
use crate::{
    objects::{Queue, QueueCall, QueueOp, QueueReply},
    spec::Later,
    verdict::Anomaly,
};

/// Those that add a value and those that take it, as moment and place.
#[derive(Default)]
struct OfValue {
    /// By their calls.
    adds: Vec<(u64, usize)>,
    /// By their replies.
    takes: Vec<(u64, usize)>,
}

/// Of one value, the take with the `i`-th reply needs `i` that were asked to add it by then.
pub(crate) fn queue(
    initial: &Queue,
    operations: &[Later<'_, QueueCall, QueueReply>],
) -> Option<Impossible> {
    let mut values: BTreeMap<&str, OfValue> = BTreeMap::new();
    for (at, later) in operations.iter().enumerate() {
        match (&later.op.op, later.reply) {
            (QueueOp::Enqueue(value), _) => {
                values.entry(value).or_default().adds.push((later.call, at))
            }
            (_, Some((ret, QueueReply::Taken(Some(value))))) => {
                values.entry(value).or_default().takes.push((ret, at))
            }
            _ => {}
        }
    }
    let mut waiting: BTreeMap<&str, usize> = BTreeMap::new();
    for value in &initial.waiting {
        *waiting.entry(value).or_default() += 1;
    }
    let first = |(value, mut of): (&str, OfValue)| {
        let waiting = waiting.get(value).copied().unwrap_or(0);
        of.adds.sort_unstable();
        of.takes.sort_unstable();
        let add = |at: usize| of.adds.get(at.checked_sub(waiting)?);
        let late = |at: &usize| match add(*at) {
            Some((call, _)) => *call > of.takes[*at].0,
            None => *at >= waiting,
        };
        let at = (0..of.takes.len()).find(late)?;
        let (ret, take) = of.takes[at];
        let others = |all: &[(u64, usize)]| all.iter().map(|&(_, at)| at).collect::<Vec<_>>();
        let before = at.saturating_sub(waiting);
        let mut context = others(&of.takes[..at]);
        context.extend(others(&of.adds[..before]));
        let (kind, core) = match (add(at), before.checked_sub(1)) {
            (Some(&(_, late)), _) => (Anomaly::FutureRead, vec![take, late]),
            (None, Some(last)) => (Anomaly::AppliedTwice, vec![of.adds[last].1, take]),
            (None, None) => (Anomaly::Phantom, vec![take]),
        };
        Some((
            (ret, take),
            Impossible {
                kind,
                core,
                context,
            },
        ))
    };
    let all = values.into_iter().filter_map(first);
    all.min_by_key(|(reply, _)| *reply).map(|(_, found)| found)
}
