//! One chain in which the order of all writes is known: versions, or compare-and-sets and nothing
//! else.
//!
//! Let `T(v)` be the moment at which place `v` of the chain becomes the current one. The demands on
//! these moments are:
//!
//! - `T(v) <= T(v + 1)`, and each write is within its interval;
//! - an operation that saw place `v` was called by `T(v + 1)` and ended no earlier than `T(v)`;
//! - an operation that was refused *because the place was not `v`*, without a word on which it was,
//!   has a moment before `T(v)` or after `T(v + 1)`: if `T(v)` is before its call, `T(v + 1)` must
//!   be no later than its reply.
//!
//! All lower bounds are monotone: a later moment never allows another one to be earlier. So there
//! is a least solution of them, and if that one exceeds an upper bound (a reply), every solution
//! does. The least solution takes one pass forwards (calls) and one backwards: a refusal lifts
//! `T(v)` to its call, which is no later than its reply and so before `T(v + 1)`; places above are
//! never lifted again.

use super::decision::{BEFORE, Event, NEVER, OrDecision, Test, on, violated};
use crate::verdict::Anomaly;

/// An operation that was refused because the chain was not at this place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    pub place: u32,
    pub by: u32,
}

/// The chain, and all demands.
pub(super) struct Line<'e, 'a> {
    events: &'e [Event<'a>],
    /// For each place the write that leads to it; `None` for the first.
    writes: Vec<Option<u32>>,
    /// Place and event of those that saw a place, places rising.
    readers: Vec<(u32, u32)>,
    pub refusals: Vec<Refusal>,
    /// Refused because the chain was not where it never was.
    pub rightly_refused: Vec<u32>,
}

/// A bound and the event that it is due to.
type Bound = (i64, Option<u32>);

impl<'e, 'a> Line<'e, 'a> {
    /// A chain without places.
    pub fn new(events: &'e [Event<'a>]) -> Line<'e, 'a> {
        Line {
            events,
            writes: Vec::new(),
            readers: Vec::new(),
            refusals: Vec::new(),
            rightly_refused: Vec::new(),
        }
    }

    /// Adds the next place, and the write that leads to it.
    pub fn add_place(&mut self, write: Option<u32>) -> u32 {
        self.writes.push(write);
        self.places() - 1
    }

    /// How many places there are.
    pub fn places(&self) -> u32 {
        self.writes.len() as u32
    }

    /// Adds those that saw the last place.
    pub fn add_readers(&mut self, readers: impl Iterator<Item = u32>) {
        let place = self.places() - 1;
        self.readers.extend(readers.map(|reader| (place, reader)));
    }

    fn event(&self, number: u32) -> &'e Event<'a> {
        &self.events[number as usize]
    }

    /// The readers of each place, by place.
    fn readers(&self) -> impl DoubleEndedIterator<Item = &[(u32, u32)]> + ExactSizeIterator {
        let mut ends = vec![0; self.writes.len() + 1];
        self.readers
            .iter()
            .for_each(|&(place, _)| ends[place as usize + 1] += 1);
        for place in 1..ends.len() {
            ends[place] += ends[place - 1];
        }
        (0..self.writes.len()).map(move |place| &self.readers[ends[place]..ends[place + 1]])
    }

    /// An order of all operations, or why there is none. `O(n log n)`.
    pub fn decide(mut self) -> OrDecision<Vec<usize>> {
        let count = self.writes.len();
        // The latest upper bound of each place: the earliest reply of what comes at or after it.
        let mut high: Vec<Bound> = vec![(NEVER, None); count];
        let mut bound: Bound = (NEVER, None);
        for (place, readers) in self.readers().enumerate().rev() {
            let write = self.writes[place].into_iter();
            for number in readers
                .iter()
                .map(|&(_, reader)| reader)
                .filter(|_| on(Test::LineReads))
                .chain(write)
            {
                if self.event(number).ret < bound.0 {
                    bound = (self.event(number).ret, Some(number));
                }
            }
            high[place] = bound;
        }
        let mut moments: Vec<Bound> = Vec::with_capacity(count);
        let mut bound: Bound = (BEFORE, None);
        for (place, readers) in self.readers().enumerate() {
            if let Some(write) = self.writes[place].filter(|_| on(Test::LineWrites))
                && self.event(write).call > bound.0
            {
                bound = (self.event(write).call, Some(write));
            }
            moments.push(bound);
            for &(_, reader) in readers {
                if self.event(reader).call > bound.0 {
                    bound = (self.event(reader).call, Some(reader));
                }
            }
        }
        // What is wrong without any refusal is easier to understand.
        if let Some(place) = (0..count).find(|&place| self.exceeds(place, &moments, &high)) {
            return Err(self.blame(place, &moments, &high));
        }
        self.refusals
            .sort_unstable_by_key(|refusal| (std::cmp::Reverse(refusal.place), refusal.by));
        for &Refusal { place, by } in self.refusals.iter().filter(|_| on(Test::Refusals)) {
            let after = moments
                .get(place as usize + 1)
                .map_or(NEVER, |moment| moment.0);
            let Event { call, ret, .. } = *self.event(by);
            let moment = &mut moments[place as usize];
            if moment.0 < call && after > ret {
                *moment = (call, Some(by));
            }
        }
        match (0..count).find(|&place| self.exceeds(place, &moments, &high)) {
            Some(place) => Err(self.blame(place, &moments, &high)),
            None => Ok(self.witness(&moments)),
        }
    }

    /// Whether a place cannot become current in time. The first place always was.
    fn exceeds(&self, place: usize, moments: &[Bound], high: &[Bound]) -> bool {
        moments[place].0
            > if self.writes[place].is_none() {
                BEFORE
            } else {
                high[place].0
            }
    }

    fn blame(&self, place: usize, moments: &[Bound], high: &[Bound]) -> super::Decision {
        let index = |number: u32| self.event(number).index;
        let late = moments[place].1.expect("something demands it");
        let early = high[place].1.filter(|_| self.writes[place].is_some());
        let is_refusal = |number: u32| self.refusals.iter().any(|refusal| refusal.by == number);
        let write = |place: usize| self.writes.get(place).copied().flatten();
        if is_refusal(late) {
            // A chain of refusals: each was refused only if the place after it came late.
            let (mut chain, mut next) = (vec![index(late)], place + 1);
            while let Some(&(_, Some(by))) = moments.get(next) {
                chain.push(index(by));
                if !is_refusal(by) {
                    break;
                }
                next += 1;
            }
            // Both its ends and what the first refusal comes too late for say it; the links between
            // have no fault.
            let between = if chain.len() > 2 {
                chain.split_off(1)
            } else {
                Vec::new()
            };
            let mut core = chain;
            core.extend(early.map(index));
            core.extend(between.last());
            let mut context = between;
            context.extend((place..=next + 1).filter_map(write).map(index));
            return violated(Anomaly::WrongRefusal, core, context);
        }
        let early = early.expect("the bound is due to an operation");
        let context: Vec<usize> = write(place).map(index).into_iter().collect();
        let (late_writes, early_writes) = (
            self.writes.contains(&Some(late)),
            self.writes.contains(&Some(early)),
        );
        match (late_writes, early_writes) {
            (true, false) => violated(
                Anomaly::FutureRead,
                vec![index(early), index(late)],
                context,
            ),
            (true, true) => violated(Anomaly::Reordered, vec![index(early), index(late)], context),
            (false, true) => violated(Anomaly::StaleRead, vec![index(late), index(early)], context),
            (false, false) => violated(
                Anomaly::NonMonotonicRead,
                vec![index(late), index(early)],
                context,
            ),
        }
    }

    /// Everything at the earliest moment that the least solution allows.
    fn witness(&self, moments: &[Bound]) -> Vec<usize> {
        let moment = |place: usize| moments.get(place).map_or(NEVER, |moment| moment.0);
        // At one moment: refusals that were too early, then places in their order, then refusals
        // that were too late.
        let mut order: Vec<(i64, u8, u32, bool, u32)> = Vec::new();
        for (place, write) in (0_u32..).zip(&self.writes) {
            if let Some(write) = *write {
                order.push((moment(place as usize), 1, place, false, write));
            }
        }
        for &(place, by) in &self.readers {
            order.push((
                self.event(by).call.max(moment(place as usize)),
                1,
                place,
                true,
                by,
            ));
        }
        for &Refusal { place, by } in &self.refusals {
            let Event { call, ret, .. } = *self.event(by);
            let early = moment(place as usize) >= call;
            order.push(if early {
                (call, 0, 0, false, by)
            } else {
                (ret, 2, 0, false, by)
            });
        }
        order.extend(
            self.rightly_refused
                .iter()
                .map(|&by| (self.event(by).call, 0, 0, false, by)),
        );
        order.sort_unstable();
        order
            .into_iter()
            .map(|(.., by)| self.event(by).index)
            .collect()
    }
}
