//! Why a goal was not reached: how far a search gets, what is missing in the states that come
//! closest, and which messages and timers there are at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use labkit::abi::Subject;

use crate::{
    error::Error,
    explorer::Explorer,
    intern::NONE,
    orders::Goal,
    search::{Limits, Reached, Search},
};

/// The maximum number of states that are searched.
const STATES: u64 = 20_000;

/// The maximum number of different messages that are put into words.
const WORDS: usize = 2_000;

/// What a search from `from` knows of a goal to which no fair world came, in sentences that begin
/// with a space.
pub(crate) fn why_not(
    explorer: &mut Explorer<'_>,
    from: &Reached,
    goal: &Goal<'_>,
) -> Result<String, Error> {
    let closest: Mutex<Vec<bool>> = Mutex::default();
    let search = Search::new().goal(&goal.name, |view| {
        let held: Vec<bool> = goal.parts.iter().map(|(_, holds)| holds(view)).collect();
        let all = held.iter().all(|holds| *holds);
        let mut closest = closest.lock().expect("no goal panics");
        let rank = |held: &Vec<bool>| (held.iter().filter(|holds| **holds).count(), held.clone());
        if rank(&held) > rank(&closest) {
            *closest = held;
        }
        all
    });
    let limits = Limits {
        states: STATES,
        ..Limits::default()
    };
    let report = explorer.search_from(&search.limits(limits), std::slice::from_ref(from))?;
    let closest = closest.into_inner().expect("no goal panics");
    let mut text = match report.reached.first() {
        Some(reached) => format!(
            " It can happen: a search found a way of {} steps there. A fair network does not lead \
             to it.",
            reached.steps() - from.steps()
        ),
        None => format!(" Nor did a search of {} come there.", report.coverage()),
    };
    let named = |wanted: bool| -> Vec<String> {
        let parts = goal
            .parts
            .iter()
            .zip(&closest)
            .filter(|(_, holds)| **holds == wanted);
        parts.map(|((name, _), _)| name.clone()).collect()
    };
    if report.reached.is_empty() && goal.parts.len() > 1 {
        let (held, missing) = (named(true), named(false));
        let held = if held.is_empty() {
            "none of its parts holds".to_owned()
        } else {
            format!("{} holds", held.join(", "))
        };
        text += &format!(
            " In the states that come closest, {held}; not: {}.",
            missing.join(", ")
        );
    }
    Ok(text + &occurring(explorer))
}

/// The kinds of messages and timers that occur, and those messages to which nobody ever reacts.
fn occurring(explorer: &Explorer<'_>) -> String {
    let (space, machine) = (&explorer.space, &explorer.machine);
    let (steps, model) = (&space.steps, space.model);
    let name = |node_index: u16| model.nodes[usize::from(node_index)].id;
    // By its kind, sender and receiver: whether any reaction to it is known.
    let mut messages: BTreeMap<(String, char, char), bool> = BTreeMap::new();
    let heeded = steps.heeded();
    for number in 0..steps.targets.len().min(WORDS) as u32 {
        let flight = &steps.flights[number];
        let (of, bytes) = ((flight.from, 1, NONE), &steps.calls.bytes[flight.bytes]);
        let text = steps
            .calls
            .describe(machine, model, of, Subject::Message, bytes);
        let key = (
            kind_of(&text),
            name(flight.from).role(),
            name(flight.to).role(),
        );
        *messages.entry(key).or_default() |= heeded.contains(&number);
    }
    let mut different = BTreeMap::new();
    for number in 0..steps.owners.len() as u32 {
        let local = &steps.locals[number];
        for timer in &local.timers {
            different.entry((local.node_index, timer.bytes)).or_insert((
                local.node_index,
                local.incarnation,
                local.snapshot,
            ));
        }
    }
    let mut timers = BTreeSet::new();
    for ((node_index, bytes), of) in different.into_iter().take(WORDS) {
        let text = steps.calls.describe(
            machine,
            model,
            of,
            Subject::Timer,
            &steps.calls.bytes[bytes],
        );
        timers.insert(format!("{} of {}", kind_of(&text), name(node_index).role()));
    }
    let say = |(kind, from, to): &(String, char, char)| format!("{kind} ({from} to {to})");
    let list = |reacted: bool| -> Vec<String> {
        messages
            .iter()
            .filter(|(_, known)| **known == reacted)
            .map(|(key, _)| say(key))
            .collect()
    };
    let (heeded, ignored) = (list(true), list(false));
    let mut text = String::new();
    let mut tell = |what: &str, list: Vec<String>| {
        if !list.is_empty() {
            text += &format!(" {what}: {}.", list.join(", "));
        }
    };
    tell("Messages that occur in it and have an effect", heeded);
    tell("Messages that nobody reacts to", ignored);
    tell("Timers that are set", timers.into_iter().collect());
    text
}

/// The kind of a message or timer: the first word of what its `Debug` writes, the variant's name.
fn kind_of(text: &str) -> String {
    let word: String = text
        .chars()
        .take_while(|char| char.is_alphanumeric() || *char == '_')
        .collect();
    if word.is_empty() {
        text.chars().take(20).collect()
    } else {
        word
    }
}
