//! The states that a partition's object was seen in, by number, and the steps between them.

use rustc_hash::FxHashMap;

use crate::{
    spec::{Later, Spec},
    timeline::{Demand, Expected, number},
    visited::{Numbers, hash_of},
};

/// The states found so far. Every step is computed once; after that it is a lookup of two numbers.
pub(crate) struct States<'h, S: Spec> {
    states: Vec<S>,
    numbers: Numbers,
    demands: Vec<Demand<'h, S>>,
    /// From (state, demand) to the next state, or `None` if the demand cannot be met there.
    steps: FxHashMap<u64, Option<u32>>,
    /// What the states take, about.
    bytes: usize,
    /// A copy of a state for the reads there: a model may need one to change, but they do not.
    copy: (u32, S),
}

/// What a step takes that is remembered, about.
const STEP: usize = 32;

impl<'h, S: Spec> States<'h, S> {
    /// The initial state, which has the number 0.
    pub fn new(initial: &S, demands: Vec<Demand<'h, S>>) -> States<'h, S> {
        let mut numbers = Numbers::default();
        numbers.insert(hash_of(initial), 0);
        States {
            states: vec![initial.clone()],
            numbers,
            demands,
            steps: FxHashMap::default(),
            bytes: 0,
            copy: (0, initial.clone()),
        }
    }

    /// How many bytes the states and the steps between them take, about.
    pub fn bytes(&self) -> usize {
        self.bytes + self.steps.len() * STEP
    }

    /// The state with this number.
    pub fn get(&self, state: u32) -> &S {
        &self.states[state as usize]
    }

    /// Whether all operations with the demands `must` and some with the demands `may` can lead
    /// from `state` to one that meets the demand of a read.
    pub fn can_come_true(
        &self,
        state: u32,
        read: u32,
        must: impl Iterator<Item = u32>,
        may: impl Iterator<Item = u32>,
        effort: &mut u64,
    ) -> bool {
        match self.demands[read as usize] {
            (command, Some(Expected::Exactly(reply))) => {
                let must = must.map(|demand| self.demands[demand as usize].0);
                let may = may.map(|demand| self.demands[demand as usize].0);
                self.get(state)
                    .can_come_true(command, reply, must, may, effort)
            }
            _ => true,
        }
    }

    /// Whether `state` may be on the way to `later`: demands with the calls and the times of the
    /// replies.
    pub fn can_go_on(
        &self,
        state: u32,
        later: impl Iterator<Item = (u32, u64, Option<u64>)>,
    ) -> bool {
        self.get(state).can_go_on(later.map(|(demand, call, ret)| {
            let (op, expected) = self.demands[demand as usize];
            let reply = ret
                .zip(expected)
                .and_then(|(ret, expected)| match expected {
                    Expected::Exactly(reply) => Some((ret, reply)),
                    Expected::NoneOf(_) => None,
                });
            Later { op, call, reply }
        }))
    }

    /// The state after an operation with this demand is done in `state`; `None` if it would reply
    /// something else.
    pub fn step(&mut self, state: u32, demand: u32) -> Option<u32> {
        let key = u64::from(state) << 32 | u64::from(demand);
        if let Some(&known) = self.steps.get(&key) {
            return known;
        }
        let next = self.compute(state, demand);
        self.steps.insert(key, next);
        next
    }

    fn compute(&mut self, state: u32, demand: u32) -> Option<u32> {
        let (command, expected) = self.demands[demand as usize];
        if S::read_only(command) {
            if self.copy.0 != state {
                self.copy = (state, self.states[state as usize].clone());
            }
            let met = meets::<S>(&mut self.copy.1, command, expected);
            debug_assert_eq!(
                self.copy.1, self.states[state as usize],
                "{command:?} is said to be read-only"
            );
            return met.then_some(state);
        }
        let mut next = self.states[state as usize].clone();
        meets::<S>(&mut next, command, expected).then(|| self.number_of(next))
    }

    fn number_of(&mut self, state: S) -> u32 {
        let hash = hash_of(&state);
        if let Some(known) = self
            .numbers
            .find(hash, |candidate| self.states[candidate as usize] == state)
        {
            return known;
        }
        let new = number(self.states.len());
        self.numbers.insert(hash, new);
        self.bytes += state.bytes();
        self.states.push(state);
        new
    }
}

/// Carries out a command; whether it replies what is expected.
fn meets<S: Spec>(object: &mut S, command: &S::Op, expected: Option<Expected<'_, S::Ret>>) -> bool {
    match expected {
        Some(Expected::Exactly(reply)) => object.is_valid_step(command, reply),
        Some(Expected::NoneOf(replies)) => !replies.contains(&object.invoke(command)),
        None => {
            object.invoke(command);
            true
        }
    }
}
