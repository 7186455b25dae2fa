//! The search for a linearization of one partition: depth-first, with a memory of where it has
//! been.
//!
//! # Configurations
//!
//! A configuration is a set of operations that are already placed, and the state they lead to. In
//! the order of the replies, the placed ones are: all of rank below some `rank`, and of the later
//! ones only some that were called before the reply of `rank`, since nothing may pass it. So
//! `rank`, one bit for each operation that is open at that reply, one bit for each lost-reply
//! operation and the number of the state say everything, however long the history is.
//!
//! # What is not tried, and why nothing is lost by it
//!
//! Call a configuration *solvable* if the remaining operations can be placed. Take the solvable
//! visited configuration with the shortest solution and, of those, the fewest used lost-reply
//! operations. Each rule drops its first step only if there is another one with a solution that is
//! no longer, or if a visited configuration had a better one.
//!
//! - *Eager reads*: a read that can go now goes now, and nothing else is tried: it changes nothing
//!   for the others, and nothing needs it to be later.
//! - *Twins*: of operations with the same command and reply, the one that returned first goes
//!   first; of those with the same command and no reply, the one called first. Otherwise exchange
//!   the two.
//! - *Domination*: see [`Visited`]. Lost-reply operations are tried last, so that the dominating
//!   one mostly comes first.
//! - *Hopeless*: a configuration is left if the model says that the next read, or one that is open,
//!   cannot come true any more, or that its state is none on the way to what comes next.
//! - *Quotient*: of a key-value store, only values that somebody still can tell apart are kept
//!   apart; see [`KvStates`].
//! - *Commuting*: if two operations lead to the same state in either order, and no read came
//!   between them, the one that is tried first goes first. (No configuration is lost by it. Say it
//!   drops the step `a` from `C`, after the step `b` from `D`. Then `a` from `D`, followed by `b`,
//!   is as good. Of these the first starts from fewer operations, so by induction something as good
//!   is visited; the second is tried later than `a`, so by induction over the order of tries it is
//!   not dropped for ever.)
//! - *Unnoticed*: a lost-reply operation is not used where it does not change the state, or where
//!   the step after it leads to the same state without it (a put that is overwritten before anybody
//!   reads it).

use crate::{
    kvstates::KvStates,
    rules::Rules,
    spec::Spec,
    states::States,
    timeline::{Completed, Demand, Entry, Lost, Timeline},
    visited::Visited,
};

/// The states, and the steps between them.
enum Model<'h, S: Spec> {
    /// As the model says.
    Any(States<'h, S>),
    /// Of a key-value store.
    Kv(KvStates<'h>),
}

impl<'h, S: Spec> Model<'h, S> {
    fn new(
        initial: &S,
        demands: Vec<Demand<'h, S>>,
        timeline: &Timeline,
        rules: Rules,
    ) -> Model<'h, S> {
        let kv = if rules.quotient {
            KvStates::new(initial, &demands, timeline)
        } else {
            None
        };
        kv.map_or_else(|| Model::Any(States::new(initial, demands)), Model::Kv)
    }

    fn start(&self) -> u32 {
        match self {
            Model::Any(_) => 0,
            Model::Kv(states) => states.start,
        }
    }

    fn step(&mut self, state: u32, demand: u32) -> Option<u32> {
        match self {
            Model::Any(states) => states.step(state, demand),
            Model::Kv(states) => states.step(state, demand),
        }
    }

    fn quotient(&self, state: u32, rank: usize) -> u32 {
        match self {
            Model::Any(_) => state,
            Model::Kv(states) => states.quotient(state, rank),
        }
    }

    fn can_go_on(&self, state: u32, later: impl Iterator<Item = (u32, u64, Option<u64>)>) -> bool {
        match self {
            Model::Any(states) => states.can_go_on(state, later),
            Model::Kv(_) => true,
        }
    }

    fn can_come_true(
        &self,
        state: u32,
        read: u32,
        must: impl Iterator<Item = u32>,
        may: impl Iterator<Item = u32>,
        effort: &mut u64,
    ) -> bool {
        match self {
            Model::Any(states) => states.can_come_true(state, read, must, may, effort),
            Model::Kv(states) => states.can_lead_to(state, read, must.chain(may)),
        }
    }

    /// What it takes of memory, about.
    fn bytes(&self) -> usize {
        match self {
            Model::Any(states) => states.bytes(),
            // (At most a few words for each configuration.)
            Model::Kv(_) => 0,
        }
    }
}

/// How a search ended, or why it paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// There is a linearization; [`Search::order`] is it. Going on searches for further ones, with
    /// other last states.
    Found,
    /// There is none (or no further one).
    Exhausted,
    /// The fuel is used up. Going on continues where it stopped.
    OutOfFuel,
}

/// A configuration on the path from the start to the current one.
struct Frame {
    /// The next alternative: first the open completed operations, then the lost ones.
    cursor: usize,
    /// How many operations are placed here.
    placed: usize,
    /// The last step, if no read was placed after it.
    last: Option<Last>,
}

/// The last step to a configuration.
#[derive(Clone, Copy)]
struct Last {
    /// The state before it.
    before: u32,
    demand: u32,
    /// Whether its reply was lost.
    lost: bool,
    /// When it is tried.
    turn: usize,
}

/// A step out of a configuration.
#[derive(Clone, Copy)]
enum Placement {
    /// Places the completed operation of this rank.
    Completed(usize),
    /// Lets the lost-reply operation at this place take effect.
    Lost(usize),
}

/// The search through the configurations of one partition. It can be paused.
pub(crate) struct Search<'h, S: Spec> {
    timeline: Timeline,
    rules: Rules,
    states: Model<'h, S>,
    visited: Visited,
    /// The words of a configuration: `rank` and state; then the open placed operations; then the
    /// lost used ones.
    width: usize,
    lost_words: usize,
    /// The configurations of `frames`, and while a step is made also the new one.
    words: Vec<u64>,
    frames: Vec<Frame>,
    /// Which operations are placed, in their order, by their index in the history.
    placed: Vec<usize>,
    started: bool,
    explored: u64,
    /// How much of the model's memory is in `explored`, in [`UNIT`]s.
    charged: u64,
    deepest: usize,
}

/// How many bytes a configuration may take for the price of one.
const UNIT: usize = 200;

/// What the states of a partition may take without a price: small ones are none.
const FREE: usize = 1 << 20;

/// How many steps of [`Spec::can_come_true`] cost as much as a configuration.
const STEPS_PER_UNIT: u64 = 40;

impl<'h, S: Spec> Search<'h, S> {
    /// A search for a linearization of `entries`, which are all of one partition; `None` if too
    /// many are open at once.
    pub fn new(initial: &S, entries: &[Entry<'h, S>], rules: Rules) -> Option<Search<'h, S>> {
        let (timeline, demands) = Timeline::new(entries)?;
        let lost_words = 1 + timeline.slots.div_ceil(64);
        let width = lost_words + timeline.lost.len().div_ceil(64);
        let states = Model::new(initial, demands, &timeline, rules);
        let mut words = vec![0; width];
        words[0] = u64::from(states.start());
        Some(Search {
            rules,
            states,
            // Without a tail, only equal configurations dominate each other.
            visited: Visited::new(if rules.domination { lost_words } else { width }, width),
            width,
            lost_words,
            words,
            frames: Vec::new(),
            placed: Vec::with_capacity(entries.len()),
            started: false,
            explored: timeline.price(),
            charged: 0,
            deepest: 0,
            timeline,
        })
    }

    /// How many configurations were explored.
    pub fn explored(&self) -> u64 {
        self.explored
    }

    /// How many completed operations, in the order of their replies, could all be placed. A prefix
    /// of the history that ends with one of these replies is linearizable.
    pub fn deepest(&self) -> usize {
        self.deepest
    }

    /// After [`Progress::Found`]: the linearization, by indices in the history.
    pub fn order(&self) -> &[usize] {
        &self.placed
    }

    /// Explores at least `fuel` further configurations, and hardly more, unless it finds a
    /// linearization or the end.
    pub fn run(&mut self, fuel: u64) -> Progress {
        let limit = self.explored.saturating_add(fuel);
        if !self.started {
            self.started = true;
            if self.enter(None) {
                return Progress::Found;
            }
        }
        while !self.frames.is_empty() {
            if self.explored >= limit {
                return Progress::OutOfFuel;
            }
            match self.next_step() {
                Some((step, next)) => {
                    if self.take(step, next) {
                        return Progress::Found;
                    }
                }
                None => self.leave(),
            }
        }
        Progress::Exhausted
    }

    /// The start of the current configuration's words.
    fn base(&self) -> usize {
        self.words.len() - self.width
    }

    fn rank(&self) -> usize {
        (self.words[self.base()] >> 32) as usize
    }

    fn state(&self) -> u32 {
        self.words[self.base()] as u32
    }

    fn has(&self, first_word: usize, bit: usize) -> bool {
        self.words[self.base() + first_word + bit / 64] >> (bit % 64) & 1 != 0
    }

    fn flip(&mut self, first_word: usize, bit: usize) {
        let word = self.base() + first_word + bit / 64;
        self.words[word] ^= 1 << (bit % 64);
    }

    /// The next step worth taking from the current configuration, and the state it leads to.
    fn next_step(&mut self) -> Option<(Placement, u32)> {
        let (rank, state) = (self.rank(), self.state());
        let open = self.timeline.open(rank).len();
        let rules = self.rules;
        let frame = self.frames.len() - 1;
        loop {
            let cursor = self.frames[frame].cursor;
            self.frames[frame].cursor += 1;
            let (step, demand) = if cursor < open {
                let later = self.timeline.open(rank)[cursor] as usize;
                let operation = &self.timeline.completed[later];
                let twin = self
                    .timeline
                    .open_twin(operation, rank)
                    .filter(|_| rules.twins);
                // A read that is still here cannot go: those that can are gone already.
                if (operation.read_only && rules.eager_reads)
                    || self.has(1, operation.slot)
                    || twin.is_some_and(|twin| !self.has(1, twin.slot))
                {
                    continue;
                }
                (Placement::Completed(later), operation.demand)
            } else {
                let place = cursor - open;
                let operation = self.timeline.lost.get(place)?;
                if operation.call > self.timeline.deadline(rank) {
                    return None;
                }
                let twin = self.timeline.lost_twin(operation).filter(|_| rules.twins);
                if self.has(self.lost_words, place)
                    || twin.is_some_and(|twin| !self.has(self.lost_words, twin))
                {
                    continue;
                }
                (Placement::Lost(place), operation.demand)
            };
            let Some(next) = self.states.step(state, demand) else {
                continue;
            };
            if matches!(step, Placement::Lost(_)) && next == state && rules.unnoticed {
                continue;
            }
            if let Some(last) = self.frames[frame].last
                && self.need_not_follow(last, self.turn(step), demand, next)
            {
                continue;
            }
            return Some((step, next));
        }
    }

    /// Where a step is in the order of tries.
    fn turn(&self, step: Placement) -> usize {
        match step {
            Placement::Completed(rank) => rank,
            Placement::Lost(place) => self.timeline.completed.len() + place,
        }
    }

    fn demand(&self, step: Placement) -> u32 {
        match step {
            Placement::Completed(rank) => self.timeline.completed[rank].demand,
            Placement::Lost(place) => self.timeline.lost[place].demand,
        }
    }

    /// Whether a step to the state `next` leads to nothing new after the last one: it would have
    /// without it, or before it.
    fn need_not_follow(&mut self, last: Last, turn: usize, demand: u32, next: u32) -> bool {
        let Rules {
            unnoticed,
            commuting,
            ..
        } = self.rules;
        if !((unnoticed && last.lost) || (commuting && turn < last.turn)) {
            return false;
        }
        match self.states.step(last.before, demand) {
            Some(instead) if unnoticed && last.lost && instead == next => true,
            Some(first) if commuting && turn < last.turn => {
                self.states.step(first, last.demand) == Some(next)
            }
            _ => false,
        }
    }

    /// Takes a step to a new configuration; whether it is a linearization.
    fn take(&mut self, step: Placement, next: u32) -> bool {
        let (rank, state) = (self.rank(), self.state());
        self.words.extend_from_within(self.base()..);
        match step {
            Placement::Completed(later) => {
                let Timeline { completed, .. } = &self.timeline;
                self.placed.push(completed[later].index);
                self.flip(1, completed[later].slot);
            }
            Placement::Lost(place) => {
                self.placed.push(self.timeline.lost[place].index);
                self.flip(self.lost_words, place);
            }
        }
        self.set(rank, next);
        self.enter(Some(Last {
            before: state,
            demand: self.demand(step),
            lost: matches!(step, Placement::Lost(_)),
            turn: self.turn(step),
        }))
    }

    fn set(&mut self, rank: usize, state: u32) {
        let base = self.base();
        self.words[base] = (rank as u64) << 32 | u64::from(state);
    }

    /// Makes the last configuration in `words` a frame, unless it is dominated; whether it is a
    /// linearization.
    fn enter(&mut self, last: Option<Last>) -> bool {
        let placed = self.placed.len();
        self.place_reads();
        self.set(self.rank(), self.states.quotient(self.state(), self.rank()));
        let last = last.filter(|_| self.placed.len() == placed);
        self.deepest = self.deepest.max(self.rank());
        self.charge_memory();
        let mut effort = 0;
        let hopeless = self.rules.viability && self.is_hopeless(&mut effort);
        self.explored += effort / STEPS_PER_UNIT;
        if hopeless {
            self.explored += 1;
            self.forget();
            return false;
        }
        let (new, price) = self
            .visited
            .insert(&self.words[self.words.len() - self.width..]);
        self.explored += price;
        if !new {
            self.forget();
            return false;
        }
        self.frames.push(Frame {
            cursor: 0,
            placed: self.placed.len(),
            last,
        });
        self.rank() == self.timeline.completed.len()
    }

    /// States and steps that take more than their configurations should cost more.
    fn charge_memory(&mut self) {
        let takes = (self.states.bytes().saturating_sub(FREE) / UNIT) as u64;
        let more = takes.saturating_sub(self.explored.max(self.charged));
        self.charged += more;
        self.explored += more;
    }

    /// Places every read that can go, and moves `rank` past all that is placed.
    fn place_reads(&mut self) {
        let (mut rank, state, base) = (self.rank(), self.state(), self.base());
        let Search {
            timeline,
            states,
            words,
            placed,
            rules,
            ..
        } = self;
        let done = &mut words[base + 1..];
        // What was called up to then has been tried in this state.
        let mut tried = None;
        loop {
            let before = rank;
            while let Some(Completed { slot, .. }) = timeline.completed.get(rank)
                && done[slot / 64] >> (slot % 64) & 1 != 0
            {
                done[slot / 64] ^= 1 << (slot % 64);
                rank += 1;
            }
            if !rules.eager_reads || (tried.is_some() && rank == before) {
                break;
            }
            for &open in timeline.open(rank) {
                let Completed {
                    index,
                    call,
                    demand,
                    slot,
                    read_only,
                    ..
                } = timeline.completed[open as usize];
                let waits = read_only
                    && tried.is_none_or(|tried| call > tried)
                    && done[slot / 64] >> (slot % 64) & 1 == 0;
                if waits && states.step(state, demand).is_some() {
                    placed.push(index);
                    done[slot / 64] |= 1 << (slot % 64);
                }
            }
            tried = Some(timeline.deadline(rank));
        }
        self.set(rank, state);
    }

    /// Whether the next read, or an open one, has to reply what it cannot reply any more.
    fn is_hopeless(&self, effort: &mut u64) -> bool {
        let (
            rank,
            Timeline {
                completed, lost, ..
            },
        ) = (self.rank(), &self.timeline);
        let (state, deadline, base) = (self.state(), self.timeline.deadline(rank), self.base());
        let has =
            |first: usize, bit: usize| self.words[base + first + bit / 64] >> (bit % 64) & 1 != 0;
        let waits = |operation: &Completed| operation.call > deadline || !has(1, operation.slot);
        // Whether what is not yet placed, and can be before the read of rank `read`, can make its
        // reply right.
        let mut can_come_true = |read: usize| {
            let Completed {
                call,
                reply,
                demand,
                ..
            } = completed[read];
            let before = completed[rank..read].iter();
            let around = self
                .timeline
                .open(read)
                .iter()
                .map(|&other| &completed[other as usize]);
            // What is open at the reply of the read begins with the read itself.
            let answered = before
                .chain(around.skip(1))
                .filter(|other| !other.read_only && waits(other));
            let must = answered.clone().filter(|other| other.reply < call);
            let may = answered.filter(|other| other.reply >= call);
            let unused = |&(place, other): &(usize, &Lost)| {
                other.call <= reply && !has(self.lost_words, place)
            };
            let unanswered = lost
                .iter()
                .enumerate()
                .filter(unused)
                .map(|(_, other)| other.demand);
            self.states.can_come_true(
                state,
                demand,
                must.map(|other| other.demand),
                may.map(|other| other.demand).chain(unanswered),
                effort,
            )
        };
        let next = self
            .timeline
            .reads(rank)
            .iter()
            .map(|&read| read as usize)
            .find(|&read| waits(&completed[read]));
        let open = self.timeline.open(rank).iter().map(|&read| read as usize);
        let open = open.filter(|&read| {
            completed[read].read_only && Some(read) != next && waits(&completed[read])
        });
        let later = completed[rank..].iter().filter(|later| waits(later));
        let later = later.map(|later| (later.demand, later.call, Some(later.reply)));
        let unused = lost
            .iter()
            .enumerate()
            .filter(|&(place, _)| !has(self.lost_words, place));
        let later = later.chain(unused.map(|(_, later)| (later.demand, later.call, None)));
        next.into_iter()
            .chain(open)
            .any(|read| !can_come_true(read))
            || !self.states.can_go_on(state, later)
    }

    /// Goes back to the configuration before the current one.
    fn leave(&mut self) {
        self.frames.pop();
        self.forget();
    }

    fn forget(&mut self) {
        self.words.truncate(self.words.len() - self.width);
        self.placed
            .truncate(self.frames.last().map_or(0, |frame| frame.placed));
    }
}
