//! What events changed in the states of their nodes, where these were looked at, and how much of it
//! tells of a contradiction.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use faultline_sim::{Asked, FailureKind, Happening, NodeId, RecordedStep, Recording, Violation};
use faultline_verdict::FieldChange;

use super::{
    causal_slice::{quoted, what_led_there, what_matters},
    fields::full_changes,
    shorten::around,
    words::{brings, names},
};

/// The maximum number of events whose states are looked at: the last ones before the failure.
const LOOKED_AT: usize = 1_500;

/// The longest value of a change that is told.
const LONGEST: usize = 64;

/// What two long values have in common in front is cut to this much.
const COMMON: usize = 12;

/// What changes in more than one of so many events of a role is bookkeeping.
const OFTEN: usize = 6;

/// A longer text of a state may be cut short.
const WHOLE: usize = 100_000;

/// A value that comes and goes in more events than this is no news where it is missing.
const DISTINCT: usize = 12;

/// The worth of a change that is made all the time. It is told where nothing else is: nothing else
/// points to a mistake in bookkeeping.
pub const BOOKKEEPING: usize = 1;

/// What the worth of other changes is made of: it brings a value that is at issue, and how seldom
/// such changes are.
const BRINGS: usize = 1_000;
const SELDOM: usize = 100;

/// The numbers of the events whose states are worth a look, in a run of which there are words:
/// those that are shown, and the last that led to the failure.
pub fn to_look_at(recording: &Recording, violation: &Violation, asked: &[Asked]) -> BTreeSet<u64> {
    // Such runs are as long as a run can be, or have nothing to show.
    if matches!(
        violation.kind,
        FailureKind::NotImplemented
            | FailureKind::Timeout
            | FailureKind::Memory
            | FailureKind::Nondeterminism
    ) {
        return BTreeSet::new();
    }
    let none = States::none(violation, asked);
    let shown = what_matters(recording, violation, asked, &none);
    let led = what_led_there(recording, violation);
    let has_state = |index: &usize| recording.steps[*index].what.node().is_some();
    let led = led.into_iter().rev().filter(has_state).take(LOOKED_AT);
    let number = |index: usize| recording.forgotten + index as u64 + 1;
    shown.into_iter().chain(led).map(number).collect()
}

/// What was seen of states.
pub struct States {
    /// The values at issue: what a check gave comes first.
    pub values: Vec<String>,
    /// What each event that was looked at changed.
    changed: BTreeMap<usize, Vec<FieldChange>>,
    /// In how many events the nodes of a role changed a field.
    times: HashMap<(char, String), usize>,
    /// How many events of the role were looked at.
    looked: HashMap<char, usize>,
    /// In how many events each value came into a state, or went.
    brought: Vec<usize>,
    /// The roles whose nodes keep it in their states.
    kept_by: Vec<BTreeSet<char>>,
    /// The nodes that clients are.
    clients: BTreeSet<NodeId>,
}

impl States {
    /// Nothing was looked at.
    fn none(violation: &Violation, asked: &[Asked]) -> States {
        let mut values = violation.subject.values.clone();
        values.extend(quoted(&violation.observed, asked));
        let mut known = BTreeSet::new();
        values.retain(|value| known.insert(value.clone()));
        States {
            brought: vec![0; values.len()],
            kept_by: vec![BTreeSet::new(); values.len()],
            values,
            changed: BTreeMap::new(),
            times: HashMap::new(),
            looked: HashMap::new(),
            clients: BTreeSet::new(),
        }
    }

    /// What was looked at in this run.
    pub fn of(recording: &Recording, violation: &Violation, asked: &[Asked]) -> States {
        let mut states = States::none(violation, asked);
        for (index, step) in recording.steps.iter().enumerate() {
            if let Happening::Invoke { node, .. } = step.what {
                states.clients.insert(node);
            }
            let (Some(node), Some((before, after))) = (step.what.node(), both(step)) else {
                continue;
            };
            let changed = full_changes(before, after);
            *states.looked.entry(node.role()).or_insert(0) += 1;
            for path in paths(&changed) {
                *states.times.entry((node.role(), path)).or_insert(0) += 1;
            }
            for (position, value) in states.values.iter().enumerate() {
                if changed.iter().any(|change| about(change, value)) {
                    states.brought[position] += 1;
                    states.kept_by[position].insert(node.role());
                }
            }
            states.changed.insert(index, changed);
        }
        states
    }

    pub fn is_client(&self, node: NodeId) -> bool {
        self.clients.contains(&node)
    }

    /// What the event changed, if that was looked at.
    pub fn changed(&self, index: usize) -> Option<&[FieldChange]> {
        self.changed.get(&index).map(Vec::as_slice)
    }

    /// How much of what is at issue came or went in an event; the seldomer, the more, and much more
    /// where several values go together.
    pub fn turns(&self, index: usize) -> usize {
        let changed = self.changed(index).unwrap_or_default();
        let values = self.values.iter().zip(&self.brought);
        let turned: Vec<usize> = values
            .filter(|(value, _)| changed.iter().any(|change| about(change, value)))
            .map(|(_, times)| BRINGS / times)
            .collect();
        turned.iter().sum::<usize>() * turned.len()
    }

    /// The value at issue that a message of one server to another brought, and of which its
    /// receiver has nothing after it, although nodes of its role keep such values.
    pub fn dropped(&self, index: usize, step: &RecordedStep) -> Option<&str> {
        let Happening::Receive {
            node,
            from,
            message,
            ..
        } = &step.what
        else {
            return None;
        };
        let (_, after) = both(step).filter(|(_, after)| after.len() < WHOLE)?;
        let gone = (0..self.values.len()).filter(|position| {
            let value = &self.values[*position];
            self.kept_by[*position].contains(&node.role())
                && self.brought[*position] <= DISTINCT
                && value.starts_with('"')
                && brings(message, value)
                && !brings(after, value)
                && !self.turned(index, value)
        });
        // One value alone may belong to something else.
        let named = self.values.iter().filter(|value| brings(message, value));
        let at_issue = named.count() >= self.values.len().min(2);
        let servers = !self.is_client(*node) && !self.is_client(*from) && at_issue;
        let gone = gone.min_by_key(|position| self.brought[*position]);
        gone.filter(|_| servers)
            .map(|position| self.values[position].as_str())
    }

    /// True if a message brings what is at issue and changes nothing.
    pub fn is_in_vain(&self, index: usize, step: &RecordedStep) -> bool {
        let Happening::Receive { node, message, .. } = &step.what else {
            return false;
        };
        self.changed(index).is_some_and(<[_]>::is_empty)
            && !self.is_client(*node)
            && self.values.iter().any(|value| names(message, value))
    }

    fn turned(&self, index: usize, value: &str) -> bool {
        let changed = self.changed(index).unwrap_or_default();
        changed.iter().any(|change| about(change, value))
    }

    /// The outermost fields in which the nodes of a role keep what is at issue.
    pub fn fields_at_issue(&self, role: char, steps: &[&RecordedStep]) -> BTreeSet<String> {
        let mut fields = BTreeSet::new();
        for (index, changed) in &self.changed {
            if steps[*index].what.node().map(|node| node.role()) != Some(role) {
                continue;
            }
            let at_issue =
                |change: &&FieldChange| self.values.iter().any(|value| about(change, value));
            fields.extend(
                changed
                    .iter()
                    .filter(at_issue)
                    .map(|change| outermost(&change.path)),
            );
        }
        fields
    }

    /// Which fields the event changed, without keys and positions; only these outermost ones.
    pub fn signature(&self, index: usize, fields: &BTreeSet<String>) -> BTreeSet<String> {
        let changed = self.changed(index).unwrap_or_default();
        let mut paths = paths(changed);
        paths.retain(|path| fields.is_empty() || fields.contains(&outermost(path)));
        paths
    }

    /// What the event changed, what tells most first, and how much each tells; nothing tells what
    /// stands in the line anyway.
    pub fn told(&self, index: usize, step: &RecordedStep) -> Vec<(usize, FieldChange)> {
        let (Some(changed), Some(node)) = (self.changed(index), step.what.node()) else {
            return Vec::new();
        };
        let asks = matches!(
            step.what,
            Happening::Invoke { .. } | Happening::Respond { .. }
        );
        let looked = self.looked.get(&node.role()).copied().unwrap_or(0).max(1);
        let mut told: Vec<(usize, FieldChange)> = Vec::new();
        for change in changed {
            let brought = self.values.iter().zip(&self.brought);
            // What a client has asked for stands in its lines.
            let brought = brought
                .filter(|(value, _)| !self.is_client(node) && about(change, value))
                .map(|(_, times)| BRINGS / times.max(&1));
            let brought: usize = brought.sum();
            let times = self.times.get(&(node.role(), path_of(change)));
            let times = times.copied().unwrap_or(1);
            let often = times * OFTEN > looked && (is_count(change) || self.is_client(node));
            let worth = match brought {
                _ if asks => 0,
                0 if often => BOOKKEEPING,
                0 => 1 + BOOKKEEPING + SELDOM - SELDOM * times.min(looked) / looked,
                brought => 1 + BOOKKEEPING + SELDOM + brought,
            };
            told.push((worth, self.shortened(change)));
        }
        told.sort_by_key(|(worth, _)| usize::MAX - worth);
        told
    }

    fn shortened(&self, change: &FieldChange) -> FieldChange {
        let (before, after) = differing(change.before.as_deref(), change.after.as_deref());
        let short = |text: String| around(&text, &self.values, LONGEST);
        FieldChange {
            path: around(&change.path, &self.values, LONGEST),
            before: before.map(short),
            after: after.map(short),
        }
    }
}

/// The state before and after, if both were looked at.
fn both(step: &RecordedStep) -> Option<(&str, &str)> {
    let state = step.state.as_ref()?;
    Some((state.before.as_deref()?, state.after.as_deref()?))
}

/// True if the value came or went with the change, or it is about the entry of that name.
fn about(change: &FieldChange, value: &str) -> bool {
    // A field that messages have, such as `slot: 17`, is the key of an entry in states.
    let key = value.split_once(": ").map(|(_, key)| key);
    let entry = key.map(|key| format!("{key}:"));
    let has = |text: &Option<String>| {
        text.as_ref().is_some_and(|text| {
            brings(text, value) || entry.as_ref().is_some_and(|entry| names(text, entry))
        })
    };
    let mut steps = change.path.split(['.', '[', ']']);
    names(&change.path, value)
        || key.is_some_and(|key| steps.any(|step| step == key))
        || has(&change.before) != has(&change.after)
}

/// True if one number follows another.
fn is_count(change: &FieldChange) -> bool {
    let number = |text: &Option<String>| {
        text.as_ref()
            .is_some_and(|text| text.chars().all(|letter| letter.is_ascii_digit()))
    };
    number(&change.before) && number(&change.after)
}

fn paths(changed: &[FieldChange]) -> BTreeSet<String> {
    changed.iter().map(path_of).collect()
}

/// The way to the field, without keys and positions.
fn path_of(change: &FieldChange) -> String {
    let mut path = String::new();
    let mut depth = 0;
    for letter in change.path.chars() {
        match letter {
            '[' => depth += 1,
            ']' => depth -= 1,
            letter if depth == 0 && !letter.is_ascii_digit() => path.push(letter),
            _ => {}
        }
    }
    path
}

fn outermost(path: &str) -> String {
    let end = path.find(['.', '[']).unwrap_or(path.len());
    path[..end].to_owned()
}

/// Two long texts without most of what they have in common in front.
fn differing(before: Option<&str>, after: Option<&str>) -> (Option<String>, Option<String>) {
    let (Some(one), Some(other)) = (before, after) else {
        return (before.map(str::to_owned), after.map(str::to_owned));
    };
    let same = one
        .chars()
        .zip(other.chars())
        .take_while(|(one, other)| one == other);
    let same: usize = same.map(|(letter, _)| letter.len_utf8()).sum();
    let keep = one[..same]
        .char_indices()
        .rev()
        .nth(COMMON)
        .map_or(0, |(at, _)| at);
    let is_text = one.starts_with('"') && other.starts_with('"');
    if !is_text || keep <= COMMON || one.len().max(other.len()) <= LONGEST / 2 {
        return (before.map(str::to_owned), after.map(str::to_owned));
    }
    let rest = |text: &str| Some(format!("\"...{}", &text[keep..]));
    (rest(one), rest(other))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use faultline_sim::{Subject, Time};

    use super::*;

    fn at(number: u64) -> NodeId {
        NodeId::new('s', number as u32)
    }

    /// A message to s1 from s2, and its state before and after.
    fn step(moment: u64, message: &str, states: [&str; 2]) -> RecordedStep {
        let [before, after] = states.map(|state| Some(Arc::from(state)));
        RecordedStep {
            at: Time(moment),
            what: Happening::Receive {
                node: at(1),
                from: at(2),
                name: (1, moment),
                sent: Time(moment),
                message: message.to_owned(),
            },
            printed: String::new(),
            notes: Vec::new(),
            lost: Vec::new(),
            undone: Vec::new(),
            state: Some(faultline_sim::Change { before, after }),
            world: None,
        }
    }

    fn state(values: &str, done: u64, round: u64) -> String {
        format!("Server {{\n    values: {{{values}}},\n    done: {done},\n    round: {round},\n}}")
    }

    fn seen(steps: Vec<RecordedStep>, values: &[&str]) -> States {
        let mut recording = Recording::default();
        recording.steps.extend(steps);
        let violation = Violation {
            kind: FailureKind::Violation,
            observed: String::new(),
            source: String::new(),
            sort: None,
            at: Time(9),
            about: Time(9),
            subject: Box::new(Subject {
                values: values.iter().map(|value| (*value).to_owned()).collect(),
                moments: Vec::new(),
            }),
        };
        States::of(&recording, &violation, &[])
    }

    /// A transfer of which only the table is kept is what must be seen, not the round.
    #[test]
    fn a_value_that_a_message_brings_in_vain_is_noticed() {
        let (old, new) = (
            "\n        \"x\": \"a;\",\n    ",
            "\n        \"x\": \"a;b;\",\n    ",
        );
        let (empty, first) = (state("", 0, 1), state(old, 1, 2));
        let (both, table) = (state(new, 2, 3), state(old, 2, 3));
        let batch = "Batch { value: \"a;b;\", key: \"x\" }";
        let steps = vec![
            step(1, "Batch { value: \"a;\", key: \"x\" }", [&empty, &first]),
            step(2, batch, [&first, &both]),
            step(3, batch, [&first, &table]),
        ];
        let states = seen(steps.clone(), &["\"x\"", "\"b;\""]);
        assert_eq!(states.dropped(1, &steps[1]), None);
        assert_eq!(states.dropped(2, &steps[2]), Some("\"b;\""));
        assert!(states.turns(1) > states.turns(2));
    }

    #[test]
    fn what_names_the_subject_comes_first_and_counters_last() {
        let (old, new) = (
            "\n        \"x\": \"a;\",\n    ",
            "\n        \"x\": \"a;b;\",\n    ",
        );
        let steps: Vec<RecordedStep> = (1..=7)
            .map(|moment| {
                let before = state(old, 1, moment);
                let after = match moment {
                    7 => state(new, 2, moment + 1),
                    _ => state(old, 1, moment + 1),
                };
                step(moment, "Tick", [&before, &after])
            })
            .collect();
        let states = seen(steps.clone(), &["\"b;\""]);
        let told = states.told(6, &steps[6]);
        let paths: Vec<(&str, bool)> = told
            .iter()
            .map(|(worth, change)| (&*change.path, *worth > BOOKKEEPING))
            .collect();
        assert_eq!(paths[0], ("values", true));
        assert_eq!(paths[1..], [("done", true), ("round", false)]);
        assert!(
            states
                .told(0, &steps[0])
                .iter()
                .all(|(worth, _)| *worth == BOOKKEEPING)
        );
    }

    #[test]
    fn a_slot_is_the_key_of_an_entry() {
        let change = |path: &str, after: &str| FieldChange {
            path: path.to_owned(),
            before: None,
            after: Some(after.to_owned()),
        };
        assert!(about(&change("accepted.17", "(8.3, Noop)"), "slot: 17"));
        assert!(about(&change("chosen", "{17: Noop}"), "slot: 17"));
        assert!(!about(&change("chosen", "{117: Noop}"), "slot: 17"));
        assert!(!about(&change("accepted.7", "(8.17, Noop)"), "slot: 17"));
    }

    #[test]
    fn long_texts_that_begin_alike_are_told_by_their_ends() {
        let before = format!("\"{}\"", "c1.0;".repeat(12));
        let after = format!("\"{}c2.7;\"", "c1.0;".repeat(12));
        let (one, other) = differing(Some(&before), Some(&after));
        assert!(other.is_some_and(|text| text.ends_with("c2.7;\"") && text.len() < 40));
        assert!(one.is_some_and(|text| text.starts_with("\"...")));
    }
}
