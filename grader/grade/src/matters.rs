//! Which events of a run a person has to see to understand its failure.
//!
//! First only what happened before the failure in Lamport's sense counts (CACM 1978), where it is known at which event
//! the failure shows. Of that: what was done to the world and by clients; what was said for the first time, or once
//! more although it is not said all the time; and the rarer a sort of message is, the more it tells. Pings, ticks
//! and views that tell nothing new are neither.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use faultline_sim::{Happening, Recording, Step, Time};

use crate::story::words;

/// So many events are shown, the failure itself among them.
const SHOWN: usize = 12;

/// And so many more in which the program printed something, the last ones.
const PRINTED: usize = 40;

/// What is said word for word more often than this is said all the time.
const ROUTINE: usize = 3;

/// The events to show, by their position in the recording.
pub fn what_matters(recording: &Recording, about: Time) -> BTreeSet<usize> {
    let steps: Vec<&Step> = recording.steps.iter().collect();
    let end = steps.partition_point(|step| step.at <= about);
    let anchor = anchor(&steps[..end], about);
    let past = anchor.map(|anchor| past(&steps[..end], anchor));
    let mut shown: BTreeSet<usize> = anchor.into_iter().collect();
    shown.extend(steps.iter().rposition(|step| matches!(step.what, Happening::Stop { .. })));
    let mut ranked: Vec<(Rank, usize)> = ranks(&steps[..end])
        .into_iter()
        .filter(|(rank, index)| *rank < Rank::MESSAGE || past.as_ref().is_none_or(|past| past.contains(index)))
        .collect();
    // Of equals the later ones.
    ranked.sort_by_key(|(rank, index)| (*rank, usize::MAX - index));
    // What was done to several links in one moment is one line.
    let mut lines = shown.len();
    for (_, index) in ranked {
        let same_line = |other: &usize| belong_together(&steps, (*other).min(index), (*other).max(index));
        let free = shown.contains(&index) || shown.iter().any(same_line);
        if free || lines < SHOWN {
            lines += usize::from(!free);
            shown.insert(index);
        }
    }
    let talks = |index: &usize| !steps[*index].printed.is_empty() || !steps[*index].notes.is_empty();
    shown.extend((0..end).rev().filter(talks).take(PRINTED));
    shown
}

/// True if two events are one line of the story: faults of the same moment with nothing else between them.
pub fn belong_together(steps: &[&Step], one: usize, other: usize) -> bool {
    let is_fault = |step: &&Step| step.at == steps[one].at && matches!(step.what, Happening::Fault { .. });
    steps[one..=other].iter().all(is_fault)
}

/// The event in which the failure shows, if there is one at the moment that it is about.
fn anchor(steps: &[&Step], about: Time) -> Option<usize> {
    let last = |which: fn(&Happening) -> bool| steps.iter().rposition(|step| step.at == about && which(&step.what));
    last(|what| matches!(what, Happening::Respond { .. }))
        .or_else(|| last(|what| !matches!(what, Happening::Stop { .. } | Happening::Phase { .. })))
}

/// Everything that happened before an event, and the event: before it on its node, and at the senders of what it and
/// they received.
fn past(steps: &[&Step], of: usize) -> BTreeSet<usize> {
    let mut by_node = BTreeMap::<_, Vec<usize>>::new();
    for (index, step) in steps.iter().enumerate() {
        by_node.entry(step.what.node()).or_default().push(index);
    }
    let before = |node, last: usize, at: Time| -> Option<usize> {
        let events = by_node.get(&node)?;
        let end = events.partition_point(|index| *index <= last && steps[*index].at <= at);
        end.checked_sub(1).map(|position| events[position])
    };
    let mut past = BTreeSet::new();
    let mut next = vec![of];
    while let Some(index) = next.pop() {
        if !past.insert(index) {
            continue;
        }
        let what = &steps[index].what;
        if let (node @ Some(_), Some(last)) = (what.node(), index.checked_sub(1)) {
            next.extend(before(node, last, steps[index].at));
        }
        if let Happening::Receive { from, sent, .. } = what {
            next.extend(before(Some(*from), index, *sent));
        }
    }
    past
}

/// How much an event tells: the less, the more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(u8, usize);

impl Rank {
    /// What the test and its plans did to the world.
    const FAULT: Rank = Rank(0, 0);
    /// What clients were asked and answered.
    const CLIENT: Rank = Rank(1, 0);
    /// The first of all messages.
    const MESSAGE: Rank = Rank(2, 0);
    /// The same message once more.
    const AGAIN: Rank = Rank(2, 0);
    /// A message lost.
    const LOST: Rank = Rank(2, 1);
}

/// The events that may be shown.
fn ranks(steps: &[&Step]) -> Vec<(Rank, usize)> {
    let mut times: HashMap<String, usize> = HashMap::new();
    let mut sorts: HashMap<String, usize> = HashMap::new();
    for step in steps {
        *times.entry(words(&step.what)).or_insert(0) += 1;
        *sorts.entry(sort(&step.what)).or_insert(0) += 1;
    }
    let (mut seen, mut told) = (HashMap::<String, usize>::new(), BTreeSet::new());
    let mut ranks = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let text = words(&step.what);
        let (all, so_far) = (times[&text], seen.entry(text).or_insert(0));
        *so_far += 1;
        let again = *so_far > 1;
        let rank = match &step.what {
            Happening::Start { incarnation: 1, .. } | Happening::Phase { .. } | Happening::Stop { .. } => None,
            Happening::Timer { .. } => None,
            Happening::Start { .. } | Happening::Crash { .. } | Happening::Fault { .. } => Some(Rank::FAULT),
            Happening::Invoke { .. } | Happening::Respond { .. } => Some(Rank::CLIENT),
            Happening::Lose { .. } => (all <= ROUTINE).then_some(Rank::LOST),
            Happening::Receive { message, .. } => {
                let first = told.insert(message.clone());
                let rare = sorts[&sort(&step.what)];
                match (again, first) {
                    (true, _) => (all <= ROUTINE).then_some(Rank::AGAIN),
                    (false, true) => Some(Rank(3, rare)),
                    (false, false) => Some(Rank(4, rare)),
                }
            }
        };
        ranks.extend(rank.map(|rank| (rank, index)));
    }
    ranks
}

/// What sort of event it is: its words without what differs from one to the next.
fn sort(what: &Happening) -> String {
    let mut sort = String::new();
    let mut quoted = false;
    for letter in words(what).chars() {
        quoted ^= letter == '"';
        if !quoted && !letter.is_ascii_digit() {
            sort.push(letter);
        }
    }
    sort
}
