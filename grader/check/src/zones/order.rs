//! In which order the chains can have been current.
//!
//! Let `f` be the earliest reply and `s` the latest call among the operations of a chain. Chain X
//! can come before chain Y iff no operation of Y ended before one of X began: `f(Y) >= s(X)`. If
//! `f < s`, the chain has to be current from `f` to `s` (its *forward zone*); else one moment of
//! `s ..= f` is enough (its *backward zone*).
//!
//! There is an order iff no two forward zones overlap in more than a point and no backward zone
//! lies strictly inside a forward one. Necessary: of two such chains neither can come first.
//! Sufficient: put the forward zones in their order, and each backward chain at the first moment of
//! its zone that is not inside a forward zone; then chains whose moments are in order fulfil the
//! condition above.

use super::{
    chains::{Chains, NONE, Stretch},
    decision::{BEFORE, Event, NEVER, OrDecision, Test, on, violated},
    tokens::INITIAL,
};
use crate::{
    kv::{KvOp, Swap},
    verdict::Anomaly,
};

/// When a chain has to be current, and due to whom.
#[derive(Clone, Copy, Debug)]
struct Zone {
    /// The earliest reply.
    f: i64,
    f_by: u32,
    /// The latest call.
    s: i64,
    s_by: u32,
    /// The first stretch; `NONE` for a write that nobody saw, which is `f_by`.
    start: u32,
}

/// An order of all operations that have to have happened; or why there is none. `O(n log n)`.
pub(super) fn order(chains: &Chains<'_, '_>) -> OrDecision<Vec<usize>> {
    let (mut forward, mut backward) = (Vec::new(), Vec::new());
    let mut members = Vec::new();
    for &start in &chains.starts {
        let zone = sweep(chains, start, &mut members)?;
        if zone.f < zone.s {
            forward.push(zone)
        } else {
            backward.push(zone)
        }
    }
    for &write in &chains.unobserved {
        let Event { call, ret, .. } = chains.events[write as usize];
        backward.push(Zone {
            f: ret,
            f_by: write,
            s: call,
            s_by: write,
            start: NONE,
        });
    }
    forward.sort_unstable_by_key(|zone| (zone.f, zone.s, zone.start));
    let overlap = |pair: &&[Zone]| pair[1].f < pair[0].s && on(Test::ForwardForward);
    if let Some(pair) = forward.windows(2).find(overlap) {
        return Err(conflict(chains, &pair[0], &pair[1]));
    }
    // (moment, whether the zone is a forward one, number)
    let mut places: Vec<(i64, bool, usize)> = (0..)
        .zip(&forward)
        .map(|(at, zone)| (zone.f, true, at))
        .collect();
    for (at, zone) in backward.iter().enumerate() {
        let before = forward.partition_point(|other| other.f < zone.s);
        let around = before
            .checked_sub(1)
            .map(|at| &forward[at])
            .filter(|around| around.s > zone.s);
        if let Some(around) = around.filter(|around| around.s > zone.f && on(Test::BackwardForward))
        {
            return Err(conflict(chains, around, zone));
        }
        places.push((around.map_or(zone.s, |around| around.s), false, at));
    }
    places.sort_unstable();
    let mut order = Vec::with_capacity(chains.events.len());
    for (_, is_forward, at) in places {
        let zone = if is_forward {
            &forward[at]
        } else {
            &backward[at]
        };
        if zone.start == NONE {
            order.push(chains.events[zone.f_by as usize].index);
        } else {
            emit(chains, zone.start, &mut order);
        }
    }
    Ok(order)
}

/// The stretches of a chain.
fn stretches<'c>(chains: &'c Chains<'_, '_>, start: u32) -> impl Iterator<Item = &'c Stretch> {
    let next = |stretch: &&Stretch| chains.stretches.get(stretch.next as usize);
    std::iter::successors(chains.stretches.get(start as usize), next)
}

/// Goes through the operations of a chain in their order: what has to come later must not have
/// ended before something that comes earlier began. (Readers of one value are in no order.)
fn sweep(chains: &Chains<'_, '_>, start: u32, members: &mut Vec<(u32, bool)>) -> OrDecision<Zone> {
    let mut zone = Zone {
        f: NEVER,
        f_by: NONE,
        s: BEFORE,
        s_by: NONE,
        start,
    };
    let mut latest_writes = true;
    for stretch in stretches(chains, start) {
        if stretch.root == INITIAL && on(Test::InitialFirst) {
            (zone.f, zone.f_by) = (BEFORE, NONE);
        }
        let writes = [stretch.root]
            .into_iter()
            .chain(chains.appends[stretch.appends.clone()].iter().copied());
        let mut seen = chains.seen[stretch.seen.clone()].iter().peekable();
        for (place, write) in (0_u32..).zip(writes) {
            members.clear();
            if write != INITIAL {
                members.push((write, true));
                let event = &chains.events[write as usize];
                if event.ret < zone.s && on(Test::SweepWrites) {
                    return Err(wrong_order(
                        chains,
                        stretch,
                        (zone.s_by, latest_writes),
                        (write, true),
                    ));
                }
                if event.call > zone.s {
                    (zone.s, zone.s_by, latest_writes) = (event.call, write, true);
                }
            }
            let before = (zone.s, zone.s_by, latest_writes);
            while let Some(reader) = seen.next_if(|seen| seen.length == place) {
                members.push((reader.by, false));
                let event = &chains.events[reader.by as usize];
                if event.ret < before.0 && on(Test::SweepReads) {
                    return Err(wrong_order(
                        chains,
                        stretch,
                        (before.1, before.2),
                        (reader.by, false),
                    ));
                }
                if event.call > zone.s {
                    (zone.s, zone.s_by, latest_writes) = (event.call, reader.by, false);
                }
            }
            for &(member, _) in &*members {
                let ret = chains.events[member as usize].ret;
                if ret < zone.f {
                    (zone.f, zone.f_by) = (ret, member);
                }
            }
        }
    }
    Ok(zone)
}

/// `later` comes later in the chain than `earlier`, but ended before `earlier` began.
fn wrong_order(
    chains: &Chains<'_, '_>,
    stretch: &Stretch,
    (earlier, writes): (u32, bool),
    (later, later_writes): (u32, bool),
) -> super::Decision {
    let kind = match (writes, later_writes) {
        (true, false) => Anomaly::FutureRead,
        (true, true) => Anomaly::Reordered,
        (false, true) => Anomaly::StaleRead,
        (false, false) => Anomaly::NonMonotonicRead,
    };
    let index = |event: u32| chains.events[event as usize].index;
    let core = match kind {
        Anomaly::Reordered | Anomaly::FutureRead => vec![index(later), index(earlier)],
        _ => vec![index(earlier), index(later)],
    };
    // Who shows that the writes are of one chain, and in this order.
    let mut context = evidence(chains, stretch);
    if let Some(other) = stretch_of(chains, earlier).filter(|other| other.root != stretch.root) {
        context.extend(evidence(chains, other));
    }
    violated(kind, core, context)
}

/// The first write of a stretch, and the read that saw most of it.
fn evidence(chains: &Chains<'_, '_>, stretch: &Stretch) -> Vec<usize> {
    let longest = chains.seen[stretch.seen.clone()].last().map(|seen| seen.by);
    let root = Some(stretch.root).filter(|&root| root != INITIAL);
    root.into_iter()
        .chain(longest)
        .map(|event| chains.events[event as usize].index)
        .collect()
}

/// The stretch that `event` is in. Only for explanations: it looks at all.
fn stretch_of<'c>(chains: &'c Chains<'_, '_>, event: u32) -> Option<&'c Stretch> {
    chains.stretches.iter().find(|stretch| {
        stretch.root == event
            || chains.appends[stretch.appends.clone()].contains(&event)
            || chains.seen[stretch.seen.clone()]
                .iter()
                .any(|seen| seen.by == event)
    })
}

/// All operations of a zone.
fn events_of(chains: &Chains<'_, '_>, zone: &Zone) -> Vec<u32> {
    if zone.start == NONE {
        return vec![zone.f_by];
    }
    let mut all = Vec::new();
    for stretch in stretches(chains, zone.start) {
        all.extend(Some(stretch.root).filter(|&root| root != INITIAL));
        all.extend_from_slice(&chains.appends[stretch.appends.clone()]);
        all.extend(chains.seen[stretch.seen.clone()].iter().map(|seen| seen.by));
    }
    all
}

/// `inner` has to be current while `outer` has to be.
fn conflict(chains: &Chains<'_, '_>, outer: &Zone, inner: &Zone) -> super::Decision {
    let event = |number: u32| &chains.events[number as usize];
    let within = |zone: &Zone, other: &Zone| {
        let inside = |&number: &u32| event(number).call > other.f && event(number).ret < other.s;
        let candidates = events_of(chains, zone).into_iter().filter(inside);
        // Rather a write than a read, and the last one, which is next to the read that missed it.
        candidates.max_by_key(|&number| (is_write(event(number)), event(number).call, number))
    };
    let (around, one) = match (within(inner, outer), within(outer, inner)) {
        (Some(one), _) => (outer, Some(one)),
        (None, Some(one)) => (inner, Some(one)),
        (None, None) => (outer, None),
    };
    let ends = [around.s_by, around.f_by];
    let (kind, mut core) = match one {
        Some(one) => {
            let kind = match (is_write(event(one)), chains.unobserved.binary_search(&one)) {
                (true, Ok(_)) => Anomaly::LostWrite,
                (true, Err(_)) => Anomaly::StaleRead,
                (false, _) => Anomaly::NonMonotonicRead,
            };
            (kind, vec![ends[0], one, ends[1]])
        }
        None => (
            Anomaly::Overlap,
            vec![outer.f_by, inner.f_by, outer.s_by, inner.s_by],
        ),
    };
    core.retain(|&number| number != NONE);
    let mut context = Vec::new();
    for number in core.clone() {
        if let Some(stretch) = stretch_of(chains, number) {
            context.extend(evidence(chains, stretch));
        }
    }
    violated(
        kind,
        core.into_iter().map(|number| event(number).index).collect(),
        context,
    )
}

fn is_write(event: &Event<'_>) -> bool {
    matches!(
        event.kv,
        KvOp::Put(_)
            | KvOp::Append(_)
            | KvOp::Cas {
                outcome: None | Some(Swap::Done),
                ..
            }
    )
}

/// Appends the operations of a chain in their order.
fn emit(chains: &Chains<'_, '_>, start: u32, order: &mut Vec<usize>) {
    for stretch in stretches(chains, start) {
        let writes = [stretch.root]
            .into_iter()
            .chain(chains.appends[stretch.appends.clone()].iter().copied());
        let mut seen = chains.seen[stretch.seen.clone()].iter().peekable();
        for (place, write) in (0_u32..).zip(writes) {
            if write != INITIAL {
                order.push(chains.events[write as usize].index);
            }
            while let Some(reader) = seen.next_if(|seen| seen.length == place) {
                let event = &chains.events[reader.by as usize];
                // A compare-and-set is in the chain as the write after what it saw.
                if event.kv.only_reads() {
                    order.push(event.index);
                }
            }
        }
    }
}
