//! The turns that states took: the events in which what is at issue came into a state or went, in
//! which a message brought it in vain, and the last ones that changed the fields where it is kept.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
};

use faultline_sim::{Happening, NodeId, RecordedStep};

use super::alike;
use crate::lesson::states::States;

/// The maximum numbers of the three; of the last ones those that are seldom, and those that changed
/// a field as a whole.
const TURNS: usize = 2;
const SELDOM: usize = 1;
const WHOLE: usize = 1;

/// An event that changes so many different fields changes much.
const MUCH: usize = 3;

/// Of the last changes of different fields as many are compared.
const COMPARED: usize = 6;

/// The events that tell of turns.
pub struct Turns {
    /// Events in which what is at issue came or went, what tells most first.
    pub values: Vec<usize>,
    /// A message that brought it in vain, and its answer.
    pub in_vain: Vec<usize>,
    /// The last ones that changed the fields where it is kept.
    pub fields: Vec<usize>,
}

/// Those of the past. `near` are the events next to the failure, the failure first.
pub fn turns(
    steps: &[&RecordedStep],
    in_past: &dyn Fn(usize) -> bool,
    near: &[usize],
    states: &States,
) -> Turns {
    let of_server = |index: &usize| {
        let node = steps[*index].what.node();
        node.is_some_and(|node| !states.is_client(node))
    };
    let looked: Vec<usize> = (0..steps.len())
        .rev()
        .filter(|index| states.changed(*index).is_some() && in_past(*index))
        .filter(of_server)
        .collect();
    let mut turned: Vec<usize> = looked.clone();
    turned.retain(|index| states.turns(*index) > 0 && !near.contains(index));
    // Of equals the later ones, as they stand.
    turned.sort_by_key(|index| usize::MAX - states.turns(*index));
    let mut values = Vec::new();
    let node = node(steps, near, &looked, states);
    // One of them where the failure is.
    let own = |index: &&usize| steps[**index].what.node() == node;
    let own = turned.iter().find(own).copied();
    values.extend(own);
    turned.retain(|index| Some(*index) != own);
    values.extend(turned.into_iter().take(TURNS - usize::from(own.is_some())));
    let mut fields = Vec::new();
    if let Some(node) = node {
        let far = looked.iter().copied();
        let far: Vec<usize> = far.filter(|index| !near.contains(index)).collect();
        fields.extend(seldom_changes(steps, &far, node, states));
        fields.extend(whole_changes(steps, &far, node, states));
    }
    Turns {
        values,
        in_vain: in_vain(steps, &looked, states),
        fields,
    }
}

/// The last message that brought what is at issue in vain, or the first of those that are like it,
/// and what its receiver answered.
fn in_vain(steps: &[&RecordedStep], looked: &[usize], states: &States) -> Vec<usize> {
    let mut all = looked
        .iter()
        .filter(|index| states.dropped(**index, steps[**index]).is_some());
    let Some(last) = all.next() else {
        return Vec::new();
    };
    let like = |index: &&usize| alike(&steps[**index].what) == alike(&steps[*last].what);
    let first = all.rfind(like).unwrap_or(last);
    std::iter::once(*first)
        .chain(reply(steps, *first))
        .collect()
}

/// The server next to the failure, or else the one where what is at issue turned last.
fn node(
    steps: &[&RecordedStep],
    near: &[usize],
    looked: &[usize],
    states: &States,
) -> Option<NodeId> {
    let turned = looked.iter().filter(|index| states.turns(**index) > 0);
    let mut nodes = near
        .iter()
        .chain(turned)
        .filter_map(|index| steps[*index].what.node());
    nodes.find(|node| !states.is_client(*node))
}

/// What the receiver of a message answered at once.
fn reply(steps: &[&RecordedStep], index: usize) -> Option<usize> {
    let Happening::Receive { node, from, .. } = &steps[index].what else {
        return None;
    };
    let answers = |step: &&RecordedStep| {
        matches!(&step.what, Happening::Receive { node: to, from: by, sent, .. }
            | Happening::Lose { to, from: by, sent, .. }
            if to == from && by == node && *sent == steps[index].at)
    };
    let behind = steps[index..].iter().position(answers)?;
    Some(index + behind)
}

/// The last events at a node that set a field at issue as a whole.
fn whole_changes(
    steps: &[&RecordedStep],
    looked: &[usize],
    node: NodeId,
    states: &States,
) -> Vec<usize> {
    let fields = states.fields_at_issue(node.role(), steps);
    let whole = |index: &&usize| {
        let mut changed = states.changed(**index).unwrap_or_default().iter();
        changed.any(|change| fields.contains(&change.path))
    };
    let own = looked
        .iter()
        .filter(|index| steps[**index].what.node() == Some(node));
    own.filter(whole).take(WHOLE).copied().collect()
}

/// The last events at a node that changed the fields at issue, each of them other parts of them;
/// of those what happens most seldom.
fn seldom_changes(
    steps: &[&RecordedStep],
    looked: &[usize],
    node: NodeId,
    states: &States,
) -> Vec<usize> {
    let fields = states.fields_at_issue(node.role(), steps);
    let of_role = |index: &&usize| {
        let of = steps[**index].what.node();
        of.is_some_and(|of| of.role() == node.role())
    };
    let mut times: HashMap<BTreeSet<String>, usize> = HashMap::new();
    for index in looked.iter().filter(of_role) {
        *times.entry(states.signature(*index, &fields)).or_insert(0) += 1;
    }
    let mut seen = BTreeSet::new();
    let mut last: Vec<(usize, Reverse<usize>, usize)> = Vec::new();
    for index in looked
        .iter()
        .filter(|index| steps[**index].what.node() == Some(node))
    {
        let signature = states.signature(*index, &fields);
        if !signature.is_empty() && seen.insert(signature.clone()) {
            last.push((
                times[&signature],
                Reverse(signature.len().min(MUCH)),
                *index,
            ));
        }
    }
    last.truncate(COMPARED);
    last.sort_by_key(|(times, much, _)| (*times, *much));
    last.into_iter()
        .take(SELDOM)
        .map(|(.., index)| index)
        .collect()
}
