//! From "no order explains this" to the reply that made it so.
//!
//! The set of linearizable histories is prefix-closed (Herlihy and Wing 1990): cut a history
//! anywhere, let the operations that are open there have unknown outcomes, and it is still
//! linearizable. So there is one shortest prefix that is not, it ends with a reply, and a binary
//! search over the replies finds it.

mod fate;

use std::ops::Range;

use crate::{
    any_search::AnySearch,
    decide::Found,
    explain,
    fast_path::events,
    history::OperationOf,
    impossible,
    kv::KvState,
    options::{DEFAULT_BUDGET, Options},
    rules::Rules,
    search::Progress,
    spec::Spec,
    timeline::{Entry, Expected, entries},
    verdict::{Anomaly, Blame, Possible, Violation},
    zones::{self, Decision, Event, NEVER},
};

/// Maximum number of possible values to list: nobody would read more.
const LISTED: usize = 8;

/// The operations open at a cut have lost their replies, so an explanation may cost more than the
/// verdict, but not beyond all bounds: each of its three questions has this much fuel, or twice
/// that of the verdict if that is more.
const FUEL_AT_LEAST: u64 = 20_000;

/// The same where there was no search: what is wrong is known without these answers.
const FUEL_AFTER_ZONES: u64 = 2_000;

/// Searches on, at the expense of `fuel`.
fn search_with<S: Spec>(fuel: &mut u64, search: &mut AnySearch<'_, S>) -> Progress {
    let before = search.explored();
    let progress = search.run(*fuel);
    *fuel = fuel.saturating_sub(search.explored() - before);
    progress
}

/// Maximum length of a prefix that is searched for possible replies.
const SEARCHED_PREFIX: usize = 2_000;

/// Explains why the operations `part` of `history` are not linearizable, which has been `found`.
pub(crate) fn explain<S: Spec>(
    initial: &S,
    history: &[OperationOf<S>],
    part: &[usize],
    found: Found,
    options: &Options,
) -> Violation {
    let mut operations = part.to_vec();
    operations.sort_by_key(|&index| (history[index].call, index));
    let fuel = match found {
        Found::BySearch { explored, .. } => {
            FUEL_AT_LEAST.max(explored.saturating_mul(2).min(DEFAULT_BUDGET))
        }
        Found::AtOnce(_) => FUEL_AT_LEAST,
        Found::ByZones(_) => FUEL_AFTER_ZONES,
    };
    let partition = Partition {
        initial,
        history,
        operations,
        fuel,
    };
    let mut replies = partition.operations.clone();
    replies.retain(|&index| history[index].reply.is_some());
    replies.sort_unstable_by_key(|&index| partition.reply_of(index));
    if !options.explain {
        return partition.unexplained(&replies, found);
    }
    let zones = events::<S>(history, &partition.operations)
        .filter(|_| options.zones)
        .zip(initial.kv_state());
    let (rank, shortest) = partition.first_reply(&found, zones.as_ref(), &replies);
    let impossible = replies[rank];
    let mut blame = partition.blame(&found, zones.as_ref(), impossible);
    partition.name_fate(&mut blame);
    let prefix: Vec<usize> = partition
        .prefix(impossible)
        .map(|entry| entry.index)
        .collect();
    let (mut linearization, mut possible_states, mut possible_replies) = Default::default();
    if prefix.len() <= SEARCHED_PREFIX {
        (linearization, possible_states) = partition.states_before(impossible);
        possible_replies = partition.replies_instead(impossible);
    }
    if linearization.is_empty()
        && let Some(before) = rank.checked_sub(1)
        && let Decision::Linearizable(order) =
            partition.decide_prefix(zones.as_ref(), partition.reply_of(replies[before]))
    {
        linearization = order;
    }
    Violation {
        kind: blame.kind,
        core: blame.core,
        context: blame.context,
        prefix,
        impossible,
        shortest,
        linearization,
        possible_replies,
        possible_states,
        operations: partition.operations,
    }
}

/// The partition to explain.
struct Partition<'a, S: Spec> {
    initial: &'a S,
    history: &'a [OperationOf<S>],
    /// In the order of their calls.
    operations: Vec<usize>,
    /// For each question.
    fuel: u64,
}

impl<'a, S: Spec> Partition<'a, S> {
    /// Only what is known already.
    fn unexplained(self, replies: &[usize], found: Found) -> Violation {
        let (blame, impossible) = match found {
            Found::BySearch { deepest, .. } => (
                Blame::new(Anomaly::Unexplained, Vec::new(), Vec::new()),
                replies[deepest.min(replies.len() - 1)],
            ),
            Found::ByZones(blame) | Found::AtOnce(blame) => {
                let answered = blame
                    .core
                    .iter()
                    .copied()
                    .filter(|&index| self.history[index].reply.is_some());
                let last = answered.max_by_key(|&index| self.reply_of(index));
                let mut blame = blame;
                self.name_fate(&mut blame);
                (blame, last.unwrap_or(replies[replies.len() - 1]))
            }
        };
        Violation {
            kind: blame.kind,
            core: blame.core,
            context: blame.context,
            prefix: Vec::new(),
            impossible,
            shortest: false,
            linearization: Vec::new(),
            possible_replies: Possible::default(),
            possible_states: Possible::default(),
            operations: self.operations,
        }
    }

    /// The rank of the first reply that is impossible, and whether that is certain.
    fn first_reply(
        &self,
        found: &Found,
        zones: Option<&(Vec<Event<'_>>, KvState<'_>)>,
        replies: &[usize],
    ) -> (usize, bool) {
        match (found, zones) {
            (Found::ByZones(blame), Some((events, state))) => {
                self.first_in_zones(events, *state, replies, blame)
            }
            (Found::BySearch { deepest, .. }, _) => {
                self.first_impossible(replies, *deepest..replies.len() - 1, *deepest)
            }
            (Found::AtOnce(_), _) => self.first_at_once(replies),
            (Found::ByZones(_), None) => unreachable!("the zones have seen these events"),
        }
    }

    /// The operations to blame for the reply of `impossible`.
    fn blame(
        &self,
        found: &Found,
        zones: Option<&(Vec<Event<'_>>, KvState<'_>)>,
        impossible: usize,
    ) -> Blame {
        let shrunk = || {
            explain::shrink(
                self.initial,
                self.history,
                &self.prefix(impossible).collect::<Vec<_>>(),
            )
        };
        match found {
            Found::ByZones(whole) => {
                match self.decide_prefix(zones, self.reply_of(impossible)) {
                    // At its reply nobody could know who would write what it saw.
                    Decision::Violated(blame)
                        if blame.kind == Anomaly::Phantom && whole.is_future(&blame) =>
                    {
                        Blame::new(whole.kind, whole.core.clone(), blame.context)
                    }
                    Decision::Violated(blame) => blame,
                    // Only what came later was blamed.
                    _ => shrunk(),
                }
            }
            Found::AtOnce(whole) => {
                let prefix: Vec<_> = self.prefix(impossible).collect();
                match impossible::at_once(self.initial, &prefix) {
                    Some(blame) if whole.is_future(&blame) => whole.clone(),
                    Some(blame) => blame,
                    None => shrunk(),
                }
            }
            Found::BySearch { .. } => shrunk(),
        }
    }

    /// What the zones say of the prefix that ends with the reply `end`.
    fn decide_prefix(
        &self,
        zones: Option<&(Vec<Event<'_>>, KvState<'_>)>,
        end: Option<(u64, usize)>,
    ) -> Decision {
        let (Some((events, state)), Some(end)) = (zones, end) else {
            return Decision::NotApplicable;
        };
        let mut cut = Vec::with_capacity(events.len());
        for event in events.iter().filter(|event| event.call as u64 <= end.0) {
            let mut event = *event;
            if event.ret != NEVER && (event.ret as u64, event.index) > end {
                event.ret = NEVER;
                let Some(kv) = S::as_kv(&self.history[event.index].command, None) else {
                    return Decision::NotApplicable;
                };
                event.kv = kv;
            }
            cut.push(event);
        }
        zones::decide(&cut, *state)
    }

    /// [`Partition::first_impossible`] without a search. Mostly the last of the operations to blame
    /// is the one.
    fn first_in_zones(
        &self,
        events: &[Event<'_>],
        state: KvState<'_>,
        replies: &[usize],
        blame: &Blame,
    ) -> (usize, bool) {
        let zones = (events.to_vec(), state);
        let last = blame
            .core
            .iter()
            .filter_map(|&index| self.reply_of(index))
            .max();
        let hint = replies
            .partition_point(|&index| self.reply_of(index) < last)
            .min(replies.len() - 1);
        let (mut low, mut high) = (0, replies.len() - 1);
        let (mut certain, mut fuel) = (true, self.fuel);
        let mut probes = vec![hint.saturating_sub(1), hint];
        while low < high {
            let middle = probes
                .pop()
                .filter(|probe| (low..high).contains(probe))
                .unwrap_or(low + (high - low) / 2);
            match self.decide_prefix(Some(&zones), self.reply_of(replies[middle])) {
                Decision::Violated(_) => high = middle,
                Decision::Linearizable(_) => low = middle + 1,
                // Some contradictions show even where the zones could not decide what is without
                // them.
                Decision::NotApplicable => {
                    let prefix: Vec<_> = self.prefix(replies[middle]).collect();
                    match search_with(
                        &mut fuel,
                        &mut AnySearch::new(self.initial, &prefix, Rules::ALL),
                    ) {
                        Progress::Exhausted => high = middle,
                        outcome => {
                            certain &= outcome == Progress::Found;
                            low = middle + 1;
                        }
                    }
                }
            }
        }
        (high, certain)
    }

    /// The place of an operation's reply in the order of replies; the index decides between
    /// simultaneous ones.
    fn reply_of(&self, index: usize) -> Option<(u64, usize)> {
        self.history[index]
            .reply
            .as_ref()
            .map(|&(at, _)| (at, index))
    }

    /// The operations of the prefix that ends with the reply of `last`; later replies are lost.
    fn prefix(&self, last: usize) -> impl Iterator<Item = Entry<'a, S>> {
        let end = self.reply_of(last).expect("a prefix ends with a reply");
        let all = entries::<S>(self.history, &self.operations);
        all.into_iter()
            .filter(move |entry| entry.call <= end.0)
            .map(move |mut entry| {
                if entry.reply.is_some_and(|at| (at, entry.index) > end) {
                    (entry.reply, entry.demand.1) = (None, None);
                }
                entry
            })
    }

    /// The rank of the reply that ends the shortest prefix that is not linearizable, and whether
    /// that is certain. The prefixes that end before the reply at the start of `within` are
    /// linearizable, the one that ends with the reply at its end is not; `guess` is asked about
    /// first.
    fn first_impossible(
        &self,
        replies: &[usize],
        within: Range<usize>,
        guess: usize,
    ) -> (usize, bool) {
        let Range {
            start: mut low,
            end: mut high,
        } = within;
        let mut certain = true;
        let mut fuel = self.fuel;
        let mut middle = guess;
        while low < high {
            let prefix: Vec<_> = self.prefix(replies[middle]).collect();
            match search_with(
                &mut fuel,
                &mut AnySearch::new(self.initial, &prefix, Rules::ALL),
            ) {
                Progress::Exhausted => high = middle,
                outcome => {
                    certain = outcome == Progress::Found;
                    low = middle + 1;
                }
            }
            middle = low + (high - low) / 2;
        }
        (high, certain)
    }

    /// [`Partition::first_impossible`] where some reply is impossible whatever the order: mostly
    /// there is nothing wrong before that.
    fn first_at_once(&self, replies: &[usize]) -> (usize, bool) {
        let shows = |rank: usize| {
            let prefix: Vec<_> = self.prefix(replies[rank]).collect();
            impossible::at_once(self.initial, &prefix).is_some()
        };
        let (mut low, mut high) = (0, replies.len() - 1);
        while low < high {
            let middle = low + (high - low) / 2;
            match shows(middle) {
                true => high = middle,
                false => low = middle + 1,
            }
        }
        self.first_impossible(replies, 0..high, high.saturating_sub(1))
    }

    /// An order that explains all before the reply of `impossible`, and the states at the end of
    /// such orders.
    fn states_before(&self, impossible: usize) -> (Vec<usize>, Possible) {
        let mut prefix: Vec<_> = self.prefix(impossible).collect();
        for entry in &mut prefix {
            if entry.index == impossible {
                (entry.reply, entry.demand.1) = (None, None);
            }
        }
        // All states are wanted, also those that nobody could tell apart.
        let mut search = AnySearch::new(
            self.initial,
            &prefix,
            Rules {
                quotient: false,
                pairs: false,
                ..Rules::ALL
            },
        );
        let (mut order, mut states) = (Vec::new(), Vec::new());
        let mut fuel = self.fuel;
        let complete = loop {
            match search_with(&mut fuel, &mut search) {
                Progress::Found => {
                    if states.is_empty() {
                        order = search.order().to_vec();
                    }
                    let mut object = self.initial.clone();
                    search
                        .order()
                        .iter()
                        .for_each(|&placed| drop(object.invoke(&self.history[placed].command)));
                    let state = format!("{object:?}");
                    if states.contains(&state) {
                        continue;
                    }
                    if states.len() == LISTED {
                        break false;
                    }
                    states.push(state);
                }
                outcome => break outcome == Progress::Exhausted,
            }
        };
        if order.is_empty() {
            let mut search = AnySearch::new(self.initial, &prefix, Rules::ALL);
            if search_with(&mut self.fuel.clone(), &mut search) == Progress::Found {
                order = search.order().to_vec();
            }
        }
        (
            order,
            Possible {
                values: states,
                complete,
            },
        )
    }

    /// The replies of `impossible` with which the prefix that ends there would be linearizable.
    fn replies_instead(&self, impossible: usize) -> Possible {
        let mut replies = Vec::new();
        let mut complete = false;
        let mut fuel = self.fuel;
        while replies.len() <= LISTED {
            let mut prefix: Vec<_> = self.prefix(impossible).collect();
            for entry in &mut prefix {
                if entry.index == impossible {
                    entry.demand.1 = Some(Expected::NoneOf(&replies));
                }
            }
            let mut search = AnySearch::new(self.initial, &prefix, Rules::ALL);
            match search_with(&mut fuel, &mut search) {
                Progress::Found => {
                    let reply = self.reply_in(search.order(), impossible);
                    replies.push(reply);
                }
                outcome => {
                    complete = outcome == Progress::Exhausted;
                    break;
                }
            }
        }
        replies.truncate(LISTED);
        Possible {
            values: replies.iter().map(S::show_reply).collect(),
            complete,
        }
    }

    /// What the operation `index` replies if all are done in `order`.
    fn reply_in(&self, order: &[usize], index: usize) -> S::Ret {
        let mut object = self.initial.clone();
        let before = order.iter().take_while(|&&placed| placed != index);
        before.for_each(|&placed| drop(object.invoke(&self.history[placed].command)));
        object.invoke(&self.history[index].command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{example::Counter, history::Operation};

    #[test]
    fn a_prefix_is_only_said_to_be_the_shortest_if_that_is_known() {
        let increment = |at: u64, old| Operation {
            client: 0,
            command: (),
            call: at,
            reply: Some((at, old)),
        };
        // The third reply should be 2.
        let history = [
            increment(0, 0),
            increment(1, 1),
            increment(2, 7),
            increment(3, 3),
            increment(4, 4),
        ];
        let replies = [0, 1, 2, 3, 4];
        let with_fuel = |fuel| Partition {
            initial: &Counter(0),
            history: &history,
            operations: replies.to_vec(),
            fuel,
        };
        assert_eq!(
            with_fuel(100).first_impossible(&replies, 0..4, 0),
            (2, true)
        );
        assert_eq!(
            with_fuel(100).first_impossible(&replies, 2..4, 2),
            (2, true)
        );
        assert_eq!(with_fuel(0).first_impossible(&replies, 0..4, 0), (4, false));
        assert_eq!(
            with_fuel(0).replies_instead(2),
            Possible {
                values: Vec::new(),
                complete: false
            }
        );
        assert_eq!(
            with_fuel(0).states_before(2),
            (
                Vec::new(),
                Possible {
                    values: Vec::new(),
                    complete: false
                }
            )
        );
        let two = Possible {
            values: vec!["2".to_owned()],
            complete: true,
        };
        assert_eq!(with_fuel(100).replies_instead(2), two);
    }
}
