//! The causal slice of a run: which events a person has to see to understand its failure.
//!
//! What bears on the contradiction comes first ([`leads`]). Of the rest, only what happened before
//! the failure in Lamport's sense counts (CACM 1978), where it is known at which event the failure
//! shows. Of that: what was done to the world and by clients; what was said for the first time, or
//! once more although it is not said all the time; and the rarer a sort of message is, the more it
//! tells. Pings, ticks and views that tell nothing new are neither.

mod leads;
mod turns;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use faultline_sim::{Asked, FailureKind, Happening, RecordedStep, Recording, Time, Violation};

pub use leads::{FOLDED, first_deliveries, handled_by, quoted};

use super::{
    states::States,
    words::{names, words},
};

/// The maximum number of lines, the failure itself among them; how many of them are for what bears
/// on the contradiction; and how many more there are if that is less.
const SHOWN: usize = 15;
const LEADS: usize = 12;
const BESIDE: usize = 3;

/// Where nothing is known of a contradiction.
const SHOWN_ALONE: usize = 11;

/// The maximum number of further events in which the program printed something: the last ones.
const PRINTED: usize = 40;

/// What is said word for word more often than this is said all the time.
const ROUTINE: usize = 3;

/// The events to show, by their position in the recording.
pub fn what_matters(
    recording: &Recording,
    violation: &Violation,
    asked: &[Asked],
    states: &States,
) -> BTreeSet<usize> {
    let steps: Vec<&RecordedStep> = recording.steps.iter().collect();
    let end = steps.partition_point(|step| step.at <= violation.about);
    let anchor = anchor(&steps[..end], violation.about);
    let end = anchor.map_or(end, |anchor| anchor + 1);
    let past = anchor.map(|anchor| past(&steps[..end], anchor));
    let fatal = fatal(recording, violation);
    let mut shown: BTreeSet<usize> = fatal.or(anchor).into_iter().collect();
    shown.extend(
        steps
            .iter()
            .rposition(|step| matches!(step.what, Happening::Stop { .. })),
    );
    for group in leads::leads(recording, violation, asked, states) {
        let whole: BTreeSet<usize> = shown.iter().chain(&group).copied().collect();
        if lines(&steps, &whole) <= LEADS {
            shown = whole;
            continue;
        }
        // Better a part of it than nothing: what comes first tells most.
        for index in group {
            if shown.insert(index) && lines(&steps, &shown) > LEADS {
                shown.remove(&index);
            }
        }
    }
    let most = SHOWN_ALONE.max(lines(&steps, &shown) + BESIDE).min(SHOWN);
    let mut ranked = ranks(&steps[..end]);
    ranked.retain(|(rank, index)| {
        *rank == Rank::FAULT
            || past
                .as_ref()
                .is_none_or(|past| past.contains(index) || !is_message(&steps[*index].what))
    });
    // Of equals the later ones.
    ranked.sort_by_key(|(rank, index)| (*rank, usize::MAX - index));
    for (_, index) in ranked {
        if shown.insert(index) && lines(&steps, &shown) > most {
            shown.remove(&index);
        }
    }
    let talks =
        |index: &usize| !steps[*index].printed.is_empty() || !steps[*index].notes.is_empty();
    shown.extend((0..end).rev().filter(talks).take(PRINTED));
    // One event that is left out alone makes its reader wonder.
    let shown_now: Vec<usize> = shown.iter().copied().collect();
    for pair in shown_now.windows(2) {
        if let [before, after] = *pair
            && after - before == 2
            && !matches!(steps[before + 1].what, Happening::Phase { .. })
            && lines(&steps, &shown) < SHOWN
        {
            shown.insert(before + 1);
        }
    }
    shown
}

/// The events that led to the failure, the failure itself among them; all up to then, if it is not
/// known at which event it shows.
pub fn what_led_there(recording: &Recording, violation: &Violation) -> BTreeSet<usize> {
    let steps: Vec<&RecordedStep> = recording.steps.iter().collect();
    let end = steps.partition_point(|step| step.at <= violation.about);
    match fatal(recording, violation) {
        Some(fatal) => past(&steps[..=fatal], fatal),
        None => (0..end).collect(),
    }
}

/// The event that the failure is about: an answer at that moment, or else the last event then, of
/// the node that the check names if it names one. A
/// lack of progress has none, and neither has what a test notices between two events.
pub fn fatal(recording: &Recording, violation: &Violation) -> Option<usize> {
    if violation.kind == FailureKind::NoProgress {
        return None;
    }
    let moments = &violation.subject.moments;
    let whose = |step: &RecordedStep| {
        let mut nodes = moments.iter().filter(|(_, at)| *at == violation.about);
        nodes.clone().next().is_none() || nodes.any(|(node, _)| step.what.node() == Some(*node))
    };
    let then = |step: &RecordedStep| step.at == violation.about && whose(step);
    let answer = |step: &RecordedStep| then(step) && matches!(step.what, Happening::Respond { .. });
    let event = |step: &RecordedStep| then(step) && step.what.node().is_some();
    let steps = &recording.steps;
    // Of several answers then it is one that says what is at issue.
    let at_issue = |step: &RecordedStep| {
        let mut values = violation.subject.values.iter();
        matches!(&step.what, Happening::Respond { output, .. }
            if then(step) && values.any(|value| names(output, value)))
    };
    steps
        .iter()
        .rposition(at_issue)
        .or_else(|| steps.iter().rposition(answer))
        .or_else(|| steps.iter().rposition(event))
}

fn is_message(what: &Happening) -> bool {
    matches!(what, Happening::Receive { .. } | Happening::Lose { .. })
}

/// How many lines these events are.
fn lines(steps: &[&RecordedStep], shown: &BTreeSet<usize>) -> usize {
    let joined = shown
        .iter()
        .zip(shown.iter().skip(1))
        .filter(|(one, other)| {
            belong_together(steps, **one, **other)
                || answers(steps[**one], steps[**other])
                || passes_on(steps[**one], steps[**other])
                || comes_back(steps[**one], steps[**other])
        });
    // The last answer has a line of its own.
    let last = shown.iter().rev().skip(1).take(2).collect::<Vec<_>>();
    let alone =
        matches!(last.as_slice(), [answer, invoke] if answers(steps[**invoke], steps[**answer]));
    shown.len() - joined.count() + usize::from(alone)
}

/// True if the second event is the answer to the first.
pub fn answers(invoke: &RecordedStep, answer: &RecordedStep) -> bool {
    matches!((&invoke.what, &answer.what), (Happening::Invoke { node: client, .. },
        Happening::Respond { node, .. })
        if client == node && answer.printed.is_empty() && answer.notes.is_empty())
}

/// True if the second event is the answer that the first one brought.
pub fn passes_on(reply: &RecordedStep, answer: &RecordedStep) -> bool {
    matches!((&reply.what, &answer.what), (Happening::Receive { node: client, message, .. },
        Happening::Respond { node, output })
        if client == node && reply.at == answer.at && message.contains(output.as_str())
            && answer.printed.is_empty() && answer.notes.is_empty())
}

/// True if the second event is the start of the node that the first one crashed, at once.
pub fn comes_back(crash: &RecordedStep, start: &RecordedStep) -> bool {
    matches!((&crash.what, &start.what), (Happening::Crash { node, .. },
        Happening::Start { node: again, .. })
        if node == again && crash.at == start.at && start.printed.is_empty()
            && start.notes.is_empty())
}

/// True if two events are one line of the story: faults of the same moment with nothing else
/// between them.
pub fn belong_together(steps: &[&RecordedStep], one: usize, other: usize) -> bool {
    let is_fault = |step: &&RecordedStep| {
        step.at == steps[one].at && matches!(step.what, Happening::Fault { .. })
    };
    steps[one..=other].iter().all(is_fault)
}

/// The event in which the failure shows, if there is one at the moment that it is about.
fn anchor(steps: &[&RecordedStep], about: Time) -> Option<usize> {
    let last = |which: fn(&Happening) -> bool| {
        steps
            .iter()
            .rposition(|step| step.at == about && which(&step.what))
    };
    last(|what| matches!(what, Happening::Respond { .. }))
        .or_else(|| last(|what| !matches!(what, Happening::Stop { .. } | Happening::Phase { .. })))
}

/// Everything that happened before an event, and the event: before it on its node, and at the
/// senders of what it and they received.
fn past(steps: &[&RecordedStep], of: usize) -> BTreeSet<usize> {
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
    /// What clients were asked and answered last.
    const LATE: Rank = Rank(1, 0);
    /// A message once more, although such messages come once; or such a message lost.
    const AGAIN: Rank = Rank(2, 0);
    /// The first of those.
    const BEFORE: Rank = Rank(2, 1);
    /// What was computed.
    const RESULT: Rank = Rank(3, 0);
    /// Maximum number of occurrences of such a message.
    const RARE: usize = 2;
    /// What clients were asked and answered before, what was done to the world long ago.
    const EARLY: Rank = Rank(4, 0);
}

/// The maximum numbers of the last things that clients saw, and that were done to the world, which
/// come before all else.
const LATE: usize = 4;
const FAULTS: usize = 7;

/// The events that may be shown.
fn ranks(steps: &[&RecordedStep]) -> Vec<(Rank, usize)> {
    let mut times: HashMap<String, usize> = HashMap::new();
    let mut sorts: HashMap<String, (usize, usize)> = HashMap::new();
    let mut ways: HashMap<&str, BTreeSet<_>> = HashMap::new();
    for step in steps {
        if let Happening::Receive {
            node,
            from,
            message,
            ..
        } = &step.what
        {
            ways.entry(message).or_default().insert((from, node));
        }
        let times = times.entry(words(&step.what)).or_insert(0);
        *times += 1;
        let (all, different) = sorts.entry(sort(&step.what)).or_insert((0, 0));
        *all += 1;
        *different += usize::from(*times == 1);
    }
    let (mut seen, mut told) = (BTreeSet::new(), BTreeSet::new());
    let mut ranks = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let text = words(&step.what);
        let (all, different) = sorts[&sort(&step.what)];
        // Said once as a rule, so that saying it once more tells something; or said again and
        // again.
        let unusual = all < 2 * different && times[&text] <= ROUTINE;
        let (comes_again, again) = (times[&text] > 1, !seen.insert(text));
        let rank = match &step.what {
            Happening::Start { incarnation: 1, .. }
            | Happening::Phase { .. }
            | Happening::Stop { .. } => None,
            Happening::Timer { .. } => None,
            Happening::WorkDone { .. } => Some(Rank::RESULT),
            Happening::Start { .. }
            | Happening::Crash { .. }
            | Happening::Leave { .. }
            | Happening::Fault { .. } => Some(Rank::FAULT),
            Happening::Invoke { .. } | Happening::Respond { .. } => Some(Rank::LATE),
            Happening::Lose { .. } => unusual.then_some(Rank::AGAIN),
            Happening::Receive { message, .. } => {
                let first = told.insert(message);
                // What is told to many, or by many, is a question or news, and no second copy of a
                // request.
                let personal = ways[message.as_str()].len() == 1;
                match (unusual && comes_again && personal, again, first) {
                    (true, true, _) => Some(Rank::AGAIN),
                    (true, false, _) => Some(Rank::BEFORE),
                    (false, true, _) => None,
                    (false, false, true) if all <= Rank::RARE => Some(Rank(3, all)),
                    (false, false, true) => Some(Rank(5, all)),
                    (false, false, false) => None,
                }
            }
        };
        ranks.extend(rank.map(|rank| (rank, index)));
    }
    for (rank, most) in [(Rank::FAULT, FAULTS), (Rank::LATE, LATE)] {
        ranks
            .iter_mut()
            .rev()
            .filter(|(of, _)| *of == rank)
            .skip(most)
            .for_each(|(of, _)| *of = Rank::EARLY);
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

/// What two messages on one way have in common that differ in numbers only.
pub fn alike(what: &Happening) -> Option<String> {
    let (way, message) = match what {
        Happening::Receive {
            node,
            from,
            message,
            ..
        } => (format!("{from} -> {node} "), message),
        Happening::Lose {
            from, to, message, ..
        } => (format!("{from} -x {to} "), message),
        _ => return None,
    };
    let mut quoted = false;
    let kept = message.chars().filter(|letter| {
        quoted ^= *letter == '"';
        quoted || !letter.is_ascii_digit()
    });
    Some(way + &kept.collect::<String>())
}
