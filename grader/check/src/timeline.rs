//! The operations of one partition, laid out for the search: in the order of their replies, with
//! what is open when.

use rustc_hash::FxHashMap;

use crate::{history::OperationOf, spec::Spec};

/// Stands for "no such operation".
const NONE: u32 = u32::MAX;

/// How long lists of what is open may be, all together: so long,
const OPEN: usize = 8_000_000;

/// so long without a price,
const FREE: usize = 250_000;

/// and so much longer for each operation.
const FOR_EACH: usize = 64;

/// How much of them may be there for the price of one configuration.
const OPEN_PER_UNIT: usize = 50;

/// How long the lists of what is open at each of `count` replies may be, all together. Thousands
/// that are all open at once would take gigabytes, before anything is searched.
pub(crate) fn most_open(count: usize) -> usize {
    OPEN + FOR_EACH * count
}

/// What such lists cost, in configurations.
pub(crate) fn price_of_open(length: usize, count: usize) -> u64 {
    (length.saturating_sub(FREE + FOR_EACH * count) / OPEN_PER_UNIT) as u64
}

/// What an operation is demanded to have replied.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum Expected<'h, R> {
    /// This.
    Exactly(&'h R),
    /// Anything but these: the question "what else could it have replied?".
    NoneOf(&'h [R]),
}

// By hand, because a derive would demand that replies can be copied.
impl<R> Clone for Expected<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Expected<'_, R> {}

/// What is done and what must come out of it. Operations with equal demands are interchangeable.
pub(crate) type Demand<'h, S> = (
    &'h <S as stateright::semantics::SequentialSpec>::Op,
    Option<Expected<'h, <S as stateright::semantics::SequentialSpec>::Ret>>,
);

/// One operation as the search is asked to place it.
pub(crate) struct Entry<'h, S: Spec> {
    /// Its place in the history.
    pub index: usize,
    pub call: u64,
    /// When the reply came; `None` for an unknown outcome.
    pub reply: Option<u64>,
    pub demand: Demand<'h, S>,
}

impl<S: Spec> Clone for Entry<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Spec> Copy for Entry<'_, S> {}

/// The operations `part` of `history` as they were recorded.
pub(crate) fn entries<'h, S: Spec>(
    history: &'h [OperationOf<S>],
    part: &[usize],
) -> Vec<Entry<'h, S>> {
    let entry = |&index: &usize| {
        let operation = &history[index];
        let expected = operation
            .reply
            .as_ref()
            .map(|(_, reply)| Expected::Exactly(reply));
        let reply = operation.reply.as_ref().map(|&(at, _)| at);
        Entry {
            index,
            call: operation.call,
            reply,
            demand: (&operation.command, expected),
        }
    };
    part.iter().map(entry).collect()
}

/// An operation with a reply. Its *rank* is its place in the order of the replies.
pub(crate) struct Completed {
    pub index: usize,
    pub call: u64,
    pub reply: u64,
    /// Which demand it makes.
    pub demand: u32,
    /// Its bit in the set of operations that were placed out of order. No two operations that are
    /// open at the same time share one; afterwards it is given to another, so there are as many
    /// bits as operations open at once.
    pub slot: usize,
    pub read_only: bool,
    /// The rank of the last operation before it with the same demand.
    twin: u32,
}

/// An operation with an unknown outcome that may change the state.
pub(crate) struct Lost {
    pub index: usize,
    pub call: u64,
    /// Which demand it makes.
    pub demand: u32,
    /// The last operation before it in the order of calls with the same command.
    twin: u32,
}

/// The operations of one partition.
pub(crate) struct Timeline {
    /// In the order of their replies.
    pub completed: Vec<Completed>,
    /// In the order of their calls. Those that only read are left out: nobody can tell whether they
    /// happened.
    pub lost: Vec<Lost>,
    /// How many slots there are.
    pub slots: usize,
    open: Vec<u32>,
    open_ends: Vec<usize>,
    /// The ranks of the reads, rising.
    reads: Vec<u32>,
    /// For each rank, how many reads have a lower one.
    reads_before: Vec<u32>,
}

impl Timeline {
    /// Lays out `entries`; also the demands that they make, by number. `None` if too many are open
    /// at once.
    pub fn new<'h, S: Spec>(entries: &[Entry<'h, S>]) -> Option<(Timeline, Vec<Demand<'h, S>>)> {
        let mut demands = Vec::new();
        let mut numbers = FxHashMap::default();
        let mut completed = Vec::with_capacity(entries.len());
        let mut lost = Vec::new();
        for &Entry {
            index,
            call,
            reply,
            demand,
        } in entries
        {
            let read_only = S::read_only(demand.0) || fails::<S>(demand);
            if reply.is_none() && read_only {
                continue;
            }
            let demand = *numbers.entry(demand).or_insert_with(|| {
                demands.push(demand);
                number(demands.len() - 1)
            });
            match reply {
                Some(reply) => completed.push(Completed {
                    index,
                    call,
                    reply,
                    demand,
                    slot: 0,
                    read_only,
                    twin: NONE,
                }),
                None => lost.push(Lost {
                    index,
                    call,
                    demand,
                    twin: NONE,
                }),
            }
        }
        completed.sort_unstable_by_key(|operation| (operation.reply, operation.index));
        lost.sort_unstable_by_key(|operation| (operation.call, operation.index));

        let mut last = vec![NONE; demands.len()];
        for (rank, operation) in completed.iter_mut().enumerate() {
            operation.twin = std::mem::replace(&mut last[operation.demand as usize], number(rank));
        }
        // A demand without a reply is never also one with a reply, so the two kinds do not meet in
        // `last`.
        for (place, operation) in lost.iter_mut().enumerate() {
            operation.twin = std::mem::replace(&mut last[operation.demand as usize], number(place));
        }
        let mut timeline = Timeline {
            completed,
            lost,
            slots: 0,
            open: Vec::new(),
            open_ends: Vec::new(),
            reads: Vec::new(),
            reads_before: Vec::new(),
        };
        timeline.sweep()?;
        Some((timeline, demands))
    }

    /// Finds what is open at each reply, and gives out the slots.
    fn sweep(&mut self) -> Option<()> {
        let mut by_call: Vec<u32> = (0..number(self.completed.len())).collect();
        by_call.sort_unstable_by_key(|&rank| (self.completed[rank as usize].call, rank));
        let mut calls = by_call.into_iter().peekable();
        let mut free = Vec::new();
        // Rising. Mostly a few, so moving them is faster than any tree; and no reply moves more
        // than what is listed for it.
        let mut now_open: Vec<u32> = Vec::new();
        let most = most_open(self.completed.len());
        for rank in 0..self.completed.len() {
            self.reads_before.push(number(self.reads.len()));
            if self.completed[rank].read_only {
                self.reads.push(number(rank));
            }
            let deadline = self.completed[rank].reply;
            while let Some(called) =
                calls.next_if(|&called| self.completed[called as usize].call <= deadline)
            {
                self.completed[called as usize].slot = free.pop().unwrap_or_else(|| {
                    self.slots += 1;
                    self.slots - 1
                });
                now_open.push(called);
            }
            // (The first ones are in order, which this sort makes use of.)
            now_open.sort();
            if self.open.len() + now_open.len() > most {
                return None;
            }
            self.open.extend_from_slice(&now_open);
            self.open_ends.push(self.open.len());
            // What is open at a reply and not answered before begins with it.
            now_open.remove(0);
            free.push(self.completed[rank].slot);
        }
        Some(())
    }

    /// The ranks, rising, of the operations from `rank` on that are called no later than the reply
    /// of `rank`. Only these can come next while `rank` is the first operation that is not placed.
    #[inline]
    pub fn open(&self, rank: usize) -> &[u32] {
        let Some(&end) = self.open_ends.get(rank) else {
            return &[];
        };
        let start = if rank == 0 {
            0
        } else {
            self.open_ends[rank - 1]
        };
        &self.open[start..end]
    }

    /// What it took to lay this out, in configurations.
    pub fn price(&self) -> u64 {
        price_of_open(self.open.len(), self.completed.len())
    }

    /// The last moment for the operation that is placed next: the reply of the first one that is
    /// not placed.
    pub fn deadline(&self, rank: usize) -> u64 {
        self.completed
            .get(rank)
            .map_or(u64::MAX, |operation| operation.reply)
    }

    /// The ranks, rising, of the reads from `rank` on.
    pub fn reads(&self, rank: usize) -> &[u32] {
        self.reads_before
            .get(rank)
            .map_or(&[], |&before| &self.reads[before as usize..])
    }

    /// The open operation with the same demand as `operation` and an earlier reply, if there is
    /// one.
    pub fn open_twin(&self, operation: &Completed, rank: usize) -> Option<&Completed> {
        let twin = operation.twin;
        if twin == NONE || (twin as usize) < rank {
            return None;
        }
        Some(&self.completed[twin as usize]).filter(|twin| twin.call <= self.deadline(rank))
    }

    /// The place of the lost operation with the same command as `operation` and an earlier call, if
    /// there is one.
    pub fn lost_twin(&self, operation: &Lost) -> Option<usize> {
        (operation.twin != NONE).then_some(operation.twin as usize)
    }
}

/// Whether an operation that could have changed the state is known to have failed, and so changed
/// nothing.
fn fails<S: Spec>(demand: Demand<'_, S>) -> bool {
    match demand {
        (command, Some(Expected::Exactly(reply))) => S::only_reads(command, reply),
        _ => false,
    }
}

/// Counts are kept in 32 bits: half the memory of the cache, and histories that long do not fit
/// into a machine.
pub(crate) fn number(count: usize) -> u32 {
    u32::try_from(count).expect("a partition has fewer than 2^32 operations and states")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{example::Counter, history::Operation};

    fn timeline(intervals: &[(u64, Option<u64>)]) -> Timeline {
        let operation = |&(call, reply): &(u64, Option<u64>)| Operation {
            client: 0,
            command: (),
            call,
            reply: reply.map(|reply| (reply, 0)),
        };
        let history: Vec<_> = intervals.iter().map(operation).collect();
        let part: Vec<_> = (0..history.len()).collect();
        Timeline::new(&entries::<Counter>(&history, &part))
            .expect("a few are open")
            .0
    }

    #[test]
    fn ranks_follow_replies_and_lost_replies_follow_calls() {
        let timeline = timeline(&[
            (5, None),
            (0, Some(9)),
            (1, None),
            (2, Some(3)),
            (4, Some(9)),
        ]);
        let indices: Vec<_> = timeline
            .completed
            .iter()
            .map(|operation| operation.index)
            .collect();
        assert_eq!(indices, [3, 1, 4]);
        let indices: Vec<_> = timeline
            .lost
            .iter()
            .map(|operation| operation.index)
            .collect();
        assert_eq!(indices, [2, 0]);
    }

    #[test]
    fn open_is_what_is_called_up_to_the_reply_and_not_answered_before() {
        let timeline = timeline(&[
            (0, Some(2)),
            (0, Some(4)),
            (2, Some(6)),
            (5, Some(8)),
            (9, Some(9)),
        ]);
        let open: Vec<_> = (0..6).map(|rank| timeline.open(rank).to_vec()).collect();
        assert_eq!(
            open,
            [
                vec![0, 1, 2],
                vec![1, 2],
                vec![2, 3],
                vec![3],
                vec![4],
                vec![]
            ]
        );
    }

    #[test]
    fn slots_are_as_many_as_operations_open_at_once() {
        let intervals: Vec<_> = (0..100).map(|at| (10 * at, Some(10 * at + 25))).collect();
        let timeline = timeline(&intervals);
        assert_eq!(timeline.slots, 3);
        for rank in 0..100 {
            let open = timeline.open(rank);
            let mut slots: Vec<_> = open
                .iter()
                .map(|&other| timeline.completed[other as usize].slot)
                .collect();
            slots.sort_unstable();
            slots.dedup();
            assert_eq!(
                slots.len(),
                open.len(),
                "two operations open at once share a slot"
            );
        }
    }
}
