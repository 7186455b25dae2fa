//! The search for an order of what was done to one queue, without ever looking at its content.
//!
//! # Pairs
//!
//! What is added `i`-th is taken `i`-th. So an order of a queue's operations is a sequence of
//! pairs, each of an operation that adds a value and one that takes it, with the operations that
//! find the queue empty between some of them; what is added and never taken comes behind all
//! pairs. Given the sequence, there are moments for all operations iff
//!
//! - an operation that adds is called no later than the reply of every operation that adds later,
//!   that takes later (or the same value), or that finds the queue empty later;
//! - one that takes, no later than the reply of every one that takes or finds it empty later;
//! - one that finds it empty, and all before it, no later than the reply of all that come after it.
//!
//! (`witness` has the moments.) So a configuration is two sets, of what is placed of either sort.
//! Which order the values have in the queue need not be guessed before they are taken.
//!
//! # What is not tried, and why nothing is lost by it
//!
//! - Of operations that add equal values and can be next, the one with the first reply is; so, too,
//!   of those that take. Otherwise exchange the two.
//! - A pair is *safe* if both of its operations have the first replies of all that are left for
//!   their value, and no operation that finds the queue empty could come only before it. If there
//!   is a sequence with what is left, there is one that begins with a safe pair: put it first, and
//!   pair the operations that its two were paired with; both are of the same value, and at the
//!   later one of their places both are in time, since they have the later replies. So nothing
//!   else is tried. If all values are different, every pair is safe, and there is no search.
//! - Who finds the queue empty and can be next, is: nothing needs it later.
//! - Lost replies: an operation that adds is used if it is needed, one that takes may be paired
//!   with any value of which more was added than is taken. They come last.

mod layout;
mod witness;

use std::collections::hash_map::Entry;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{search::Progress, spec::Spec, timeline, visited::Visited};
use layout::{Asked, Layout};

/// What one operation on a queue does and was answered, in the words of this module. A
/// [`Spec`](crate::Spec) that is a queue translates its operations into these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueueEvent<'a> {
    /// Adds a value at the end.
    Add(&'a str),
    /// Takes the first value: this one, or `None` from an empty queue.
    Take(Option<&'a str>),
    /// Takes something; the reply is lost.
    TakeUnknown,
}

/// How many operations may be walked past at the cost of one configuration.
const WALKED_PER_UNIT: usize = 1_000;

/// A step to the next configuration.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The numbers of an operation that adds and of one that takes.
    Pair(u32, u32),
    /// One that finds the queue empty.
    Empty(u32),
}

/// A configuration on the path from the start to the current one.
struct Frame {
    /// What to try from here, the last one first.
    steps: Vec<Step>,
    /// How many steps led here.
    taken: usize,
}

/// The search through the configurations of one queue. It can be paused.
pub(crate) struct QueueSearch {
    layout: Layout,
    /// Which operations are placed, by number.
    placed: Vec<bool>,
    /// Of each sort with replies, the first that is not placed.
    first_add: usize,
    first_removal: usize,
    /// By value, how many are left that add it and that take it.
    left: Vec<(u32, u32)>,
    path: Vec<Step>,
    /// The latest call of what is placed, after each step.
    latest: Vec<u64>,
    frames: Vec<Frame>,
    visited: Visited,
    words: Vec<u64>,
    started: bool,
    explored: u64,
    /// How many operations were walked past that are not yet in `explored`.
    walked: usize,
    /// How far `first_removal` came.
    furthest: usize,
    order: Vec<usize>,
}

impl QueueSearch {
    /// A search for an order of `entries`, which are all of one queue that is empty at first. The
    /// outer `None` if some of them are something else, the inner one if too many are open at once.
    pub fn new<S: Spec>(
        initial: &S,
        entries: &[timeline::Entry<'_, S>],
    ) -> Option<Option<QueueSearch>> {
        if !initial.is_empty_queue() {
            return None;
        }
        let Some(layout) = Layout::new(entries)? else {
            return Some(None);
        };
        let head = layout.head_words();
        let width = head + layout.lost_words();
        Some(Some(QueueSearch {
            placed: vec![false; layout.operations.len()],
            first_add: 0,
            first_removal: 0,
            left: layout.count_by_value(),
            path: Vec::new(),
            latest: vec![0],
            frames: Vec::new(),
            visited: Visited::new(head, width),
            words: vec![0; width],
            started: false,
            explored: layout.price(),
            furthest: 0,
            order: Vec::new(),
            walked: 0,
            layout,
        }))
    }

    /// How many configurations were explored.
    pub fn explored(&self) -> u64 {
        self.explored
    }

    /// How many replies, from the first on, can be explained.
    pub fn deepest(&self) -> usize {
        self.layout.replies_before(self.furthest)
    }

    /// After [`Progress::Found`]: the order, by indices in the history.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// Explores at least `fuel` further configurations, and hardly more, unless it finds an order
    /// or the end.
    pub fn run(&mut self, fuel: u64) -> Progress {
        let limit = self.explored.saturating_add(fuel);
        if !self.started {
            self.started = true;
            if self.enter(0) {
                return Progress::Found;
            }
        }
        while let Some(frame) = self.frames.last_mut() {
            if self.explored >= limit {
                return Progress::OutOfFuel;
            }
            let taken = frame.taken;
            match frame.steps.pop() {
                Some(step) => {
                    self.place(step);
                    if self.enter(taken) {
                        return Progress::Found;
                    }
                }
                None => {
                    self.frames.pop();
                    let before = self.frames.last().map_or(0, |frame| frame.taken);
                    self.go_back(before);
                }
            }
        }
        Progress::Exhausted
    }

    /// Places who finds the queue empty, and remembers the configuration; whether all replies are
    /// explained. If it was there before, goes back to where `before` steps are taken.
    fn enter(&mut self, before: usize) -> bool {
        while let Some(empty) = self.finds_it_empty() {
            self.place(Step::Empty(empty));
        }
        self.furthest = self.furthest.max(self.first_removal);
        self.layout.write(
            &self.placed,
            (self.first_add, self.first_removal),
            &mut self.words,
        );
        let (new, price) = self.visited.insert(&self.words);
        self.walked += self.layout.breadth((self.first_add, self.first_removal));
        self.explored += price + (self.walked / WALKED_PER_UNIT) as u64;
        self.walked %= WALKED_PER_UNIT;
        if !new {
            self.go_back(before);
            return false;
        }
        if self.first_removal == self.layout.removals.len() {
            self.order = witness::order(&self.layout, &self.path, &self.placed);
            self.frames.push(Frame {
                steps: Vec::new(),
                taken: self.path.len(),
            });
            return true;
        }
        let steps = self.next_steps();
        self.frames.push(Frame {
            steps,
            taken: self.path.len(),
        });
        false
    }

    fn place(&mut self, step: Step) {
        let (one, other) = match step {
            Step::Pair(add, take) => (add, take),
            Step::Empty(empty) => (empty, empty),
        };
        let mut latest = *self.latest.last().expect("there is a first one");
        for number in [one, other] {
            self.placed[number as usize] = true;
            let operation = &self.layout.operations[number as usize];
            latest = latest.max(operation.call);
            match operation.asked {
                Asked::Add(value) => self.left[value as usize].0 -= 1,
                Asked::Take(value) => self.left[value as usize].1 -= 1,
                Asked::Empty | Asked::Unknown => {}
            }
        }
        self.path.push(step);
        self.latest.push(latest);
        let Layout { adds, removals, .. } = &self.layout;
        let placed = |&number: &u32| self.placed[number as usize];
        while adds.get(self.first_add).is_some_and(placed) {
            self.first_add += 1;
        }
        while removals.get(self.first_removal).is_some_and(placed) {
            self.first_removal += 1;
        }
    }

    /// Takes back all steps but the first `taken`.
    fn go_back(&mut self, taken: usize) {
        while self.path.len() > taken {
            let step = self.path.pop().expect("there are more");
            self.latest.pop();
            let (one, other) = match step {
                Step::Pair(add, take) => (add, take),
                Step::Empty(empty) => (empty, empty),
            };
            for number in [one, other] {
                self.placed[number as usize] = false;
                let operation = &self.layout.operations[number as usize];
                match operation.asked {
                    Asked::Add(value) => self.left[value as usize].0 += 1,
                    Asked::Take(value) => self.left[value as usize].1 += 1,
                    Asked::Empty | Asked::Unknown => {}
                }
                match (operation.place, operation.asked) {
                    (None, _) => {}
                    (Some(place), Asked::Add(_)) => self.first_add = self.first_add.min(place),
                    (Some(place), _) => self.first_removal = self.first_removal.min(place),
                }
            }
        }
    }

    fn is_placed(&self, number: u32) -> bool {
        self.placed[number as usize]
    }

    /// Whatever takes or finds the queue empty next must be called by then.
    fn deadline(&self) -> u64 {
        self.layout
            .reply_of(&self.layout.removals, self.first_removal)
    }

    /// Whether the queue can be found empty now by `empty`.
    fn can_find_it_empty(&self, empty: u32) -> bool {
        let latest = self.latest.last().expect("there is a first one");
        let moment = self.layout.operations[empty as usize].call.max(*latest);
        moment <= self.layout.reply_of(&self.layout.adds, self.first_add)
    }

    /// Somebody who can find it empty now.
    fn finds_it_empty(&self) -> Option<u32> {
        let open = self
            .layout
            .open_removals(self.first_removal)
            .iter()
            .copied();
        open.filter(|&number| self.layout.operations[number as usize].asked == Asked::Empty)
            .find(|&number| !self.is_placed(number) && self.can_find_it_empty(number))
    }

    /// The operations that can be the next to add, of each value the one with the first reply: in
    /// the order of replies, and by value.
    fn next_adds(&self) -> (Vec<(u32, u32)>, FxHashMap<u32, u32>) {
        let by = self
            .deadline()
            .min(self.layout.reply_of(&self.layout.adds, self.first_add));
        let answered = self.layout.open_adds(self.first_add).iter();
        let lost = self.layout.lost_adds.iter();
        let (mut next, mut by_value) = (Vec::new(), FxHashMap::default());
        for &number in answered.chain(lost) {
            let operation = &self.layout.operations[number as usize];
            let Asked::Add(value) = operation.asked else {
                unreachable!("it adds")
            };
            // The lists are in the order of the replies.
            if operation.call <= by
                && !self.is_placed(number)
                && let Entry::Vacant(first) = by_value.entry(value)
            {
                first.insert(number);
                next.push((value, number));
            }
        }
        (next, by_value)
    }

    /// What to try from the current configuration, the best last.
    fn next_steps(&self) -> Vec<Step> {
        let (adds, add_of) = self.next_adds();
        let open = self.layout.open_removals(self.first_removal);
        let mut steps = Vec::new();
        let mut unknown = None;
        let mut tried: FxHashSet<u32> = FxHashSet::default();
        for &number in open.iter().filter(|&&number| !self.is_placed(number)) {
            match self.layout.operations[number as usize].asked {
                Asked::Take(value) if tried.insert(value) => {
                    let Some(&add) = add_of.get(&value) else {
                        continue;
                    };
                    let step = Step::Pair(add, number);
                    if self.is_safe(add, number) {
                        return vec![step];
                    }
                    steps.push(step);
                }
                Asked::Unknown => unknown = Some(number),
                _ => {}
            }
        }
        let lost = self.layout.lost_takes.iter().copied();
        let lost = lost
            .take_while(|&number| self.layout.operations[number as usize].call <= self.deadline())
            .find(|&number| !self.is_placed(number));
        for take in unknown.into_iter().chain(lost) {
            let answered = self.layout.operations[take as usize].place.is_some();
            if answered && !self.layout.is_forbidden(None) && self.can_find_it_empty(take) {
                steps.push(Step::Empty(take));
            }
            for &(value, add) in &adds {
                let (adding, taking) = self.left[value as usize];
                if adding > taking && !(answered && self.layout.is_forbidden(Some(value))) {
                    steps.push(Step::Pair(add, take));
                }
            }
        }
        steps.reverse();
        steps
    }

    /// Whether a sequence of what is left can begin with this pair, if there is one.
    fn is_safe(&self, add: u32, take: u32) -> bool {
        let operation = |number: u32| &self.layout.operations[number as usize];
        // Who may have taken any value may have to come earlier than who did take this one.
        let unknown = self
            .layout
            .unknown
            .filter(|&number| !self.is_placed(number));
        unknown.is_none_or(|number| operation(number).reply >= operation(take).reply)
            && self.is_first_left(add)
            && self.is_first_left(take)
            && self.is_harmless(add, operation(take).call)
    }

    /// Whether all others with the same value and an earlier reply are placed.
    fn is_first_left(&self, number: u32) -> bool {
        let first = |operation: &layout::Operation| match operation.asked {
            Asked::Add(_) => self.first_add,
            _ => self.first_removal,
        };
        let mut before = self.layout.operations[number as usize].before;
        while let Some(other) = before {
            let operation = &self.layout.operations[other as usize];
            if operation
                .place
                .is_some_and(|place| place < first(operation))
            {
                return true;
            }
            // (Those without a reply are all alike.)
            if !self.is_placed(other) && operation.place.is_some() {
                return false;
            }
            before = operation.before;
        }
        true
    }

    /// Whether nobody who finds the queue empty could have done so only before something was taken
    /// that was asked for at `call`. It would have to be before some operation has added that ended
    /// before `call`, and after all that is placed.
    fn is_harmless(&self, add: u32, call: u64) -> bool {
        let adds = &self.layout.adds;
        let latest = *self.latest.last().expect("there is a first one");
        let open = self.layout.open_removals(self.first_removal).iter();
        let mut empty = open
            .map(|&number| (number, &self.layout.operations[number as usize]))
            .filter(|&(number, other)| {
                matches!(other.asked, Asked::Empty | Asked::Unknown) && !self.is_placed(number)
            });
        empty.all(|(_, empty)| {
            let from = latest.max(empty.call);
            let reply = |&number: &u32| self.layout.operations[number as usize].reply;
            let start = adds.partition_point(|number| reply(number) < from);
            adds[start..]
                .iter()
                .take_while(|number| reply(number) < call)
                .all(|&number| number == add || self.is_placed(number))
        })
    }
}
