//! The operations of one queue, laid out for the search.

use rustc_hash::FxHashMap;

use super::QueueEvent;
use crate::{
    spec::Spec,
    timeline::{Entry, Expected, most_open, number, price_of_open},
};

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Adds the value of this number.
    Add(u32),
    /// Takes it.
    Take(u32),
    /// Finds nothing to take.
    Empty,
    /// Takes something, or finds nothing.
    Unknown,
}

/// One operation. Its number is its place in [`Layout::operations`].
pub(super) struct Operation {
    pub index: usize,
    pub call: u64,
    /// `u64::MAX` if it is lost.
    pub reply: u64,
    pub asked: Asked,
    /// Its place among those of its sort with replies; `None` for a lost reply.
    pub place: Option<usize>,
    /// The one before it, in the order of the replies, with the same value and of the same sort.
    pub before: Option<u32>,
    /// With a reply: its bit in the set of those that are placed out of order.
    slot: usize,
}

/// The operations of one queue. Lists have their numbers.
pub(super) struct Layout {
    pub operations: Vec<Operation>,
    /// Those with replies that add, in the order of the replies,
    pub adds: Vec<u32>,
    /// and those that take or find it empty.
    pub removals: Vec<u32>,
    /// Those without replies, in the order of the calls.
    pub lost_adds: Vec<u32>,
    pub lost_takes: Vec<u32>,
    /// The one with a reply of which is asked what else it could have been.
    pub unknown: Option<u32>,
    /// What it could not.
    forbidden: Vec<Option<u32>>,
    open_adds: Open,
    open_removals: Open,
    /// The places of all replies.
    replies: Vec<(u64, usize)>,
    values: usize,
}

/// What is open when: for each place, those from it on that are called up to its reply.
#[derive(Default)]
struct Open {
    all: Vec<u32>,
    ends: Vec<usize>,
    slots: usize,
}

impl Open {
    fn at(&self, place: usize) -> &[u32] {
        let Some(&end) = self.ends.get(place) else {
            return &[];
        };
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.all[start..end]
    }

    /// Finds what is open, and gives out the slots; `None` if too many are open at once.
    fn sweep(list: &[u32], operations: &mut [Operation]) -> Option<Open> {
        let mut by_call = list.to_vec();
        by_call.sort_unstable_by_key(|&at| (operations[at as usize].call, at));
        let mut calls = by_call.into_iter().peekable();
        let (mut open, mut free, mut now) = (Open::default(), Vec::new(), Vec::<u32>::new());
        let most = most_open(list.len());
        for &current in list {
            let deadline = operations[current as usize].reply;
            while let Some(called) =
                calls.next_if(|&called| operations[called as usize].call <= deadline)
            {
                operations[called as usize].slot = free.pop().unwrap_or_else(|| {
                    open.slots += 1;
                    open.slots - 1
                });
                now.push(called);
            }
            // Numbers are in the order of the replies. (The first ones are sorted already, which
            // this sort makes use of.)
            now.sort();
            if open.all.len() + now.len() > most {
                return None;
            }
            open.all.extend_from_slice(&now);
            open.ends.push(open.all.len());
            // What is open at a reply and not answered before begins with it.
            now.remove(0);
            free.push(operations[current as usize].slot);
        }
        Some(open)
    }
}

/// Gives numbers to values.
#[derive(Default)]
struct Values<'h>(FxHashMap<&'h str, u32>);

impl<'h> Values<'h> {
    fn number(&mut self, value: &'h str) -> u32 {
        let new = number(self.0.len());
        *self.0.entry(value).or_insert(new)
    }
}

impl Layout {
    /// The outer `None` if some operation is none of a queue, or was answered with something else;
    /// the inner one if too many are open at once.
    pub fn new<S: Spec>(entries: &[Entry<'_, S>]) -> Option<Option<Layout>> {
        let mut values = Values::default();
        let mut operations = Vec::with_capacity(entries.len());
        let mut forbidden = Vec::new();
        for entry in entries {
            let (command, expected) = entry.demand;
            let event = match expected {
                Some(Expected::Exactly(reply)) => S::as_queue(command, Some(reply))?,
                Some(Expected::NoneOf(_)) | None => S::as_queue(command, None)?,
            };
            if let Some(Expected::NoneOf(replies)) = expected {
                // (Of something that adds, nothing else is asked twice.)
                if event != QueueEvent::TakeUnknown {
                    return None;
                }
                for reply in replies {
                    match S::as_queue(command, Some(reply))? {
                        QueueEvent::Take(taken) => {
                            forbidden.push(taken.map(|value| values.number(value)))
                        }
                        _ => return None,
                    }
                }
            }
            let asked = match event {
                QueueEvent::Add(value) => Asked::Add(values.number(value)),
                QueueEvent::Take(Some(value)) => Asked::Take(values.number(value)),
                QueueEvent::Take(None) => Asked::Empty,
                QueueEvent::TakeUnknown => Asked::Unknown,
            };
            operations.push(Operation {
                index: entry.index,
                call: entry.call,
                reply: entry.reply.unwrap_or(u64::MAX),
                asked,
                place: entry.reply.map(|_| 0),
                before: None,
                slot: 0,
            });
        }
        Some(Layout::arrange(operations, forbidden, values.0.len()))
    }

    fn arrange(
        mut operations: Vec<Operation>,
        forbidden: Vec<Option<u32>>,
        values: usize,
    ) -> Option<Layout> {
        operations.sort_unstable_by_key(|operation| {
            (
                operation.place.is_none(),
                operation.reply,
                operation.call,
                operation.index,
            )
        });
        let (mut adds, mut removals) = (Vec::new(), Vec::new());
        let (mut lost_adds, mut lost_takes) = (Vec::new(), Vec::new());
        let mut last: FxHashMap<(bool, u32), u32> = FxHashMap::default();
        let (mut unknown, mut replies) = (None, Vec::new());
        for (at, operation) in (0_u32..).zip(&mut operations) {
            let is_add = matches!(operation.asked, Asked::Add(_));
            let list = match (operation.place.is_some(), is_add) {
                (true, true) => &mut adds,
                (true, false) => &mut removals,
                (false, true) => &mut lost_adds,
                (false, false) => &mut lost_takes,
            };
            if operation.place.is_some() {
                operation.place = Some(list.len());
                replies.push((operation.reply, operation.index));
                if operation.asked == Asked::Unknown {
                    unknown = Some(at);
                }
            }
            list.push(at);
            if let Asked::Add(value) | Asked::Take(value) = operation.asked {
                operation.before = last.insert((is_add, value), at);
            }
        }
        replies.sort_unstable();
        let open_adds = Open::sweep(&adds, &mut operations)?;
        let open_removals = Open::sweep(&removals, &mut operations)?;
        Some(Layout {
            operations,
            adds,
            removals,
            lost_adds,
            lost_takes,
            unknown,
            forbidden,
            open_adds,
            open_removals,
            replies,
            values,
        })
    }

    /// By value, how many add it and how many are known to take it.
    pub fn count_by_value(&self) -> Vec<(u32, u32)> {
        let mut counts = vec![(0, 0); self.values];
        for operation in &self.operations {
            match operation.asked {
                Asked::Add(value) => counts[value as usize].0 += 1,
                Asked::Take(value) => counts[value as usize].1 += 1,
                Asked::Empty | Asked::Unknown => {}
            }
        }
        counts
    }

    /// The reply of what is at this place of a list; behind its end, never.
    pub fn reply_of(&self, list: &[u32], place: usize) -> u64 {
        list.get(place)
            .map_or(u64::MAX, |&at| self.operations[at as usize].reply)
    }

    /// Those from this place on that are called up to the reply there, in the order of replies.
    pub fn open_adds(&self, place: usize) -> &[u32] {
        self.open_adds.at(place)
    }

    /// The same of those that take or find it empty.
    pub fn open_removals(&self, place: usize) -> &[u32] {
        self.open_removals.at(place)
    }

    /// Whether [`unknown`](Layout::unknown) is known not to have taken this.
    pub fn is_forbidden(&self, taken: Option<u32>) -> bool {
        self.forbidden.contains(&taken)
    }

    /// How many replies come before that at this place of the removals.
    pub fn replies_before(&self, removal: usize) -> usize {
        let Some(&at) = self.removals.get(removal) else {
            return self.replies.len();
        };
        let Operation { reply, index, .. } = self.operations[at as usize];
        self.replies
            .partition_point(|&before| before < (reply, index))
    }

    /// The words of a configuration that say what is placed of those with replies,
    pub fn head_words(&self) -> usize {
        1 + self.open_adds.slots.div_ceil(64) + self.open_removals.slots.div_ceil(64)
    }

    /// and of those without.
    pub fn lost_words(&self) -> usize {
        (self.lost_adds.len() + self.lost_takes.len()).div_ceil(64)
    }

    /// What it took to lay this out, in configurations.
    pub fn price(&self) -> u64 {
        let length = self.open_adds.all.len() + self.open_removals.all.len();
        price_of_open(length, self.adds.len() + self.removals.len())
    }

    /// How many operations are walked past in a configuration with these first ones, about.
    pub fn breadth(&self, firsts: (usize, usize)) -> usize {
        let open = self.open_adds(firsts.0).len() + self.open_removals(firsts.1).len();
        open + self.lost_adds.len() + self.lost_takes.len()
    }

    /// Writes a configuration.
    pub fn write(&self, placed: &[bool], firsts: (usize, usize), words: &mut [u64]) {
        words.fill(0);
        words[0] = (firsts.0 as u64) << 32 | firsts.1 as u64;
        let mut set = |base: usize, bit: usize| words[base + bit / 64] |= 1 << (bit % 64);
        let removals = 1 + self.open_adds.slots.div_ceil(64);
        for (base, open) in [
            (1, self.open_adds(firsts.0)),
            (removals, self.open_removals(firsts.1)),
        ] {
            for &at in open.iter().filter(|&&at| placed[at as usize]) {
                set(base, self.operations[at as usize].slot);
            }
        }
        let lost = self.lost_adds.iter().chain(&self.lost_takes);
        for (bit, _) in lost.enumerate().filter(|&(_, &at)| placed[at as usize]) {
            set(self.head_words(), bit);
        }
    }
}
