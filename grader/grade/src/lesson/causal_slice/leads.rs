//! What bears on a contradiction: the messages that led to what broke the promise, one caused by
//! the other; events that name what it is about; what the other side of it came from; crashes in
//! which a node lost something; messages that came twice or were overtaken.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use faultline_sim::{
    Asked, FailureKind, Happening, Judged, NodeId, RecordedStep, Recording, Time, Violation,
};

use super::{ROUTINE, alike, fatal, past, turns};
use crate::lesson::{
    states::States,
    words::{names, words},
};

/// The maximum number of events of a chain of causes, of those of it that come before all else, of
/// the chain of the other side, and of events that name the subject.
const CHAIN: usize = 6;
const NEAR: usize = 4;
const OTHER_CHAIN: usize = 3;
const NAMING: usize = 4;

/// The maximum number of other sides, of crashes, and of messages that came twice or late.
const SIDES: usize = 2;
const CRASHES: usize = 2;
const COPIES: usize = 2;

/// A value that more events name than this names none: every so-manieth event, but at least a few.
const COMMON: (usize, usize) = (12, 10);

/// How many values that were only quoted a value counts for that a check gave.
const GIVEN: usize = 10;

/// As many messages that are like one that is shown are told in its line.
pub const FOLDED: usize = 8;

/// What is said at least this often is said again and again.
const AGAIN: usize = 5;

/// Groups of events that tell of the failure only together, what tells most first.
pub fn leads(
    recording: &Recording,
    violation: &Violation,
    asked: &[Asked],
    states: &States,
) -> Vec<Vec<usize>> {
    let steps: Vec<&RecordedStep> = recording.steps.iter().collect();
    let end = steps.partition_point(|step| step.at <= violation.about);
    let fatal = fatal(recording, violation);
    let end = fatal.map_or(end, |fatal| fatal + 1);
    let scene = Scene::new(&steps, end, violation, asked, fatal);
    let mut leads = Vec::new();
    let chain = fatal.map(|fatal| scene.chain(fatal, CHAIN));
    let chain = chain.into_iter().flatten().map(|one| vec![one]);
    leads.extend(chain.clone().take(NEAR));
    let near: Vec<usize> = chain.clone().take(NEAR).flatten().collect();
    let turns = turns::turns(&steps, &|index| scene.in_past(index), &near, states);
    let alone = |events: Vec<usize>| events.into_iter().map(|one| vec![one]);
    let (mut values, mut fields) = (turns.values.into_iter(), turns.fields.into_iter());
    leads.extend(alone(values.by_ref().take(1).collect()));
    let crashes = scene.crashes();
    let copies = scene.copies(states);
    let naming = scene.naming();
    leads.extend(crashes.iter().take(1).cloned());
    leads.extend(alone(turns.in_vain));
    leads.extend(alone(fields.by_ref().take(1).collect()));
    for moment in scene.other_sides(violation, asked) {
        leads.extend(alone(scene.chain(moment, OTHER_CHAIN)));
    }
    leads.extend(naming.iter().take(1).cloned());
    leads.extend(alone(values.collect()));
    leads.extend(copies.iter().take(1).cloned());
    leads.extend(alone(fields.collect()));
    leads.extend(naming.into_iter().skip(1));
    leads.extend(chain.skip(NEAR));
    leads.extend(copies.into_iter().skip(1));
    leads.extend(crashes.into_iter().skip(1));
    if violation.kind == FailureKind::NoProgress {
        leads.extend(scene.again());
    }
    leads
}

/// The first delivery of each message that comes again, by the position of the later one.
pub fn first_deliveries(steps: &[&RecordedStep]) -> BTreeMap<usize, usize> {
    let mut first: HashMap<_, usize> = HashMap::new();
    let mut again = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        if let Happening::Receive {
            node, from, name, ..
        } = &step.what
        {
            let known = *first.entry((*node, *from, *name)).or_insert(index);
            if known != index {
                again.insert(index, known);
            }
        }
    }
    again
}

/// The event in which the node did what this moment is about: the last one that it handled.
pub fn handled_by(steps: &[&RecordedStep], node: NodeId, until: Time) -> Option<usize> {
    let end = steps.partition_point(|step| step.at <= until);
    steps[..end].iter().rposition(|step| {
        let handles = !matches!(
            step.what,
            Happening::Respond { .. } | Happening::Crash { .. } | Happening::Leave { .. }
        );
        handles && step.what.node() == Some(node)
    })
}

struct Scene<'a> {
    steps: &'a [&'a RecordedStep],
    /// How many of them are not later than what broke the promise.
    end: usize,
    past: Option<BTreeSet<usize>>,
    /// The values at issue that events name, how much each counts, and which events these are.
    naming: Vec<(usize, BTreeSet<usize>)>,
}

impl<'a> Scene<'a> {
    fn new(
        steps: &'a [&'a RecordedStep],
        end: usize,
        violation: &Violation,
        asked: &[Asked],
        fatal: Option<usize>,
    ) -> Scene<'a> {
        let texts: Vec<(usize, &str)> = steps
            .iter()
            .enumerate()
            .filter_map(|(index, step)| Some((index, text(&step.what)?)))
            .collect();
        let name = |value: &String| -> BTreeSet<usize> {
            let named = texts.iter().filter(|(_, text)| names(text, value));
            named.map(|(index, _)| *index).collect()
        };
        // A check knows what it is about, and may have noticed it on something later.
        let given = violation.subject.values.iter().map(name);
        let mut naming: Vec<(usize, BTreeSet<usize>)> = given.map(|at| (GIVEN, at)).collect();
        let most = COMMON.0.max(texts.len() / COMMON.1);
        let quoted = quoted(&violation.observed, asked);
        let derived = quoted.iter().map(|value| {
            let mut named = name(value);
            named.split_off(&end);
            named
        });
        naming.extend(derived.filter(|at| at.len() <= most).map(|at| (1, at)));
        Scene {
            steps,
            end,
            past: fatal.map(|fatal| past(&steps[..end], fatal)),
            naming,
        }
    }

    /// How much of what is at issue an event names.
    fn named(&self, index: usize) -> usize {
        let naming = self.naming.iter().filter(|(_, at)| at.contains(&index));
        naming.map(|(weight, _)| weight).sum()
    }

    fn in_past(&self, index: usize) -> bool {
        index < self.end && self.past.as_ref().is_none_or(|past| past.contains(&index))
    }

    /// The event that made this one happen.
    fn cause(&self, index: usize) -> Option<usize> {
        let before = &self.steps[..index];
        match &self.steps[index].what {
            Happening::Receive { from, sent, .. } | Happening::Lose { from, sent, .. } => {
                let last = handled_by(before, *from, *sent)?;
                // Of several events of that moment the one that has to do with it.
                let then = (0..=last).rev();
                let then = then.take_while(|known| self.steps[*known].at == before[last].at);
                let own = then.filter(|known| {
                    let what = &self.steps[*known].what;
                    let handles = !matches!(what, Happening::Respond { .. });
                    handles && what.node() == Some(*from)
                });
                own.min_by_key(|known| usize::MAX - self.named(*known))
            }
            Happening::Respond { node, .. }
            | Happening::Crash { node, .. }
            | Happening::Leave { node } => handled_by(before, *node, self.steps[index].at),
            // What set the timer is not written down: the last that the node heard of the matter.
            Happening::Timer { node, .. } | Happening::WorkDone { node, .. } => {
                (0..index).rev().find(|known| {
                    self.named(*known) > 0 && self.steps[*known].what.node() == Some(*node)
                })
            }
            Happening::Start { .. }
            | Happening::Invoke { .. }
            | Happening::Fault { .. }
            | Happening::Phase { .. }
            | Happening::Stop { .. } => None,
        }
    }

    /// An event and what led to it, one caused by the other, the last first.
    fn chain(&self, of: usize, most: usize) -> Vec<usize> {
        std::iter::successors(Some(of), |index| self.cause(*index))
            .take(most)
            .collect()
    }

    /// Events that name the subject, those that name most of it first, each with what made it
    /// happen and with what came of it and was lost; of what is said again and again the first.
    fn naming(&self) -> Vec<Vec<usize>> {
        let mut told = BTreeSet::new();
        let mut times: HashMap<String, usize> = HashMap::new();
        for alike in self.steps.iter().filter_map(|step| alike(&step.what)) {
            *times.entry(alike).or_insert(0) += 1;
        }
        // What differs in numbers only is said again, too, if it is said all the time.
        let said = |what: &Happening| match alike(what) {
            Some(alike) if times[&alike] >= FOLDED => alike,
            _ => words(what),
        };
        let mut naming: Vec<(usize, usize)> = Vec::new();
        let all = self.naming.iter().flat_map(|(_, at)| at).copied();
        let all: BTreeSet<usize> = all.collect();
        for index in all {
            if told.insert(said(&self.steps[index].what)) {
                naming.push((self.named(index), index));
            }
        }
        // Of equals, what was lost, and then the later ones: closer to the failure.
        naming.sort_by_key(|(named, index)| {
            let lost = matches!(self.steps[*index].what, Happening::Lose { .. });
            (usize::MAX - named, !lost, usize::MAX - index)
        });
        let mut lost: BTreeMap<usize, usize> = BTreeMap::new();
        for (index, step) in self.steps.iter().enumerate() {
            if let (Happening::Lose { .. }, Some(cause)) = (&step.what, self.cause(index)) {
                lost.entry(cause).or_insert(index);
            }
        }
        // What it made happen in vain is why it is asked for again.
        let first = first_deliveries(self.steps);
        let with_cause = |(_, index): (usize, usize)| {
            let both = self.cause(index).into_iter().chain([index]);
            let firsts = both.clone().filter_map(|index| first.get(&index).copied());
            both.rev()
                .chain(firsts)
                .chain(lost.get(&index).copied())
                .collect()
        };
        naming.into_iter().take(NAMING).map(with_cause).collect()
    }

    /// The events in which the other side of the contradiction was seen.
    fn other_sides(&self, violation: &Violation, asked: &[Asked]) -> Vec<usize> {
        let mut moments = violation.subject.moments.clone();
        moments.retain(|(_, at)| *at != violation.about);
        let explains = |asked: &&Asked| asked.judged == Judged::Explains;
        let answers = asked.iter().filter(explains).rev().filter_map(|asked| {
            let (at, _) = asked.answer.as_ref()?;
            Some((asked.client, *at))
        });
        moments.extend(answers);
        let seen = |(node, at): (NodeId, Time)| {
            let end = self.steps.partition_point(|step| step.at <= at);
            let then = (0..end)
                .rev()
                .take_while(|index| self.steps[*index].at == at);
            then.filter(|index| self.steps[*index].what.node() == Some(node))
                .min_by_key(|index| usize::MAX - self.named(*index))
        };
        moments.into_iter().filter_map(seen).take(SIDES).collect()
    }

    /// Crashes in the middle of an event, and those that took what was not synced: each with that
    /// event, the last write that is gone, and the next start. The last ones, those first that have
    /// to do with the subject.
    fn crashes(&self) -> Vec<Vec<usize>> {
        let mut groups: Vec<(bool, Vec<usize>)> = Vec::new();
        for (index, step) in self.steps.iter().enumerate().rev() {
            let Happening::Crash { node, after } = &step.what else {
                continue;
            };
            if !self.in_past(index) || (after.is_none() && step.lost.is_empty()) {
                continue;
            }
            let before = &self.steps[..index];
            let mut group = vec![index];
            group.extend(after.and_then(|_| handled_by(before, *node, step.at)));
            let last = step.lost.last();
            group.extend(last.and_then(|lost| handled_by(before, *node, lost.at)));
            let starts = |step: &&RecordedStep| {
                matches!(step.what, Happening::Start { .. }) && step.what.node() == Some(*node)
            };
            let start = self.steps[index..self.end].iter().position(starts);
            group.extend(start.map(|start| index + start));
            let matters = group.iter().any(|index| self.named(*index) > 0);
            groups.push((!matters, group));
        }
        groups.sort_by_key(|(beside, _)| *beside);
        groups
            .into_iter()
            .take(CRASHES)
            .map(|(_, group)| group)
            .collect()
    }

    /// Messages that came twice, each with its first delivery, and messages that a later one
    /// overtook: those that name the subject, and those of a sort that comes seldom.
    fn copies(&self, states: &States) -> Vec<Vec<usize>> {
        let mut times: HashMap<&str, usize> = HashMap::new();
        let mut first: HashMap<_, usize> = HashMap::new();
        let mut latest: HashMap<_, Time> = HashMap::new();
        let mut groups = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            let Happening::Receive {
                node,
                from,
                name,
                sent,
                message,
            } = &step.what
            else {
                continue;
            };
            *times.entry(message).or_insert(0) += 1;
            let known = *first.entry((node, from, name)).or_insert(index);
            let latest = latest.entry((node, from)).or_insert(*sent);
            let group = match (known != index, *sent < *latest) {
                (true, _) => vec![known, index],
                (false, true) => vec![index],
                (false, false) => Vec::new(),
            };
            *latest = (*latest).max(*sent);
            // A copy that changed nothing, or nothing of what is at issue, is like any other.
            let named = self.named(index) > 0;
            let in_vain = states
                .changed(index)
                .is_some_and(|changed| changed.is_empty() || (!named && states.turns(index) == 0));
            if !group.is_empty() && self.in_past(index) && !in_vain {
                groups.push((self.named(index), message.as_str(), group));
            }
        }
        groups.retain(|(named, message, _)| *named > 0 || times[message] <= ROUTINE);
        groups.sort_by_key(|(named, _, group)| {
            let index = group.last().copied().unwrap_or_default();
            (usize::MAX - named, group.len() == 1, usize::MAX - index)
        });
        groups
            .into_iter()
            .take(COPIES)
            .map(|(_, _, group)| group)
            .collect()
    }

    /// What is said again and again to the end, and was not from the beginning: its first time.
    fn again(&self) -> Vec<Vec<usize>> {
        let mut first: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for (index, step) in self.steps.iter().enumerate() {
            if let Some(alike) = alike(&step.what) {
                first.entry(alike).or_insert((index, 0)).1 += 1;
            }
        }
        let mut again: Vec<usize> = first
            .into_values()
            .filter(|(_, times)| *times >= AGAIN)
            .map(|(index, _)| index)
            .collect();
        again.sort_unstable_by(|one, other| other.cmp(one));
        again.into_iter().take(2).map(|index| vec![index]).collect()
    }
}

/// What the program itself says in an event.
fn text(what: &Happening) -> Option<&str> {
    match what {
        Happening::Receive { message: text, .. }
        | Happening::Lose { message: text, .. }
        | Happening::Invoke { command: text, .. }
        | Happening::Respond { output: text, .. }
        | Happening::WorkDone { work: text, .. } => Some(text),
        _ => None,
    }
}

/// The quoted texts in a sentence and in the operations that it judges.
pub fn quoted(observed: &str, asked: &[Asked]) -> BTreeSet<String> {
    let judged = asked.iter().filter(|asked| asked.judged != Judged::Plain);
    let texts = judged.map(|asked| asked.command.as_str());
    let mut found = BTreeSet::new();
    for text in texts.chain([observed]) {
        let mut begin = None;
        let mut escaped = false;
        for (index, letter) in text.char_indices() {
            match (letter, begin) {
                ('"', None) => begin = Some(index),
                ('"', Some(from)) if !escaped => {
                    found.insert(text[from..=index].to_owned());
                    begin = None;
                }
                _ => {}
            }
            escaped = letter == '\\' && !escaped;
        }
    }
    found.remove("\"\"");
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_texts_are_found_with_their_escapes() {
        let found = quoted(r#"read "a\"b", and "" and "c""#, &[]);
        let expected: BTreeSet<String> = [r#""a\"b""#, r#""c""#].map(str::to_owned).into();
        assert_eq!(found, expected);
    }
}
