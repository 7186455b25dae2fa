//! From a recording to the lines that a person reads: the events that matter
//! ([`super::causal_slice`]), in order, with what belongs together in one line and the number of
//! those left out in between.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Range,
    time::Duration,
};

use faultline_sim::{Asked, Happening, LostWrite, RecordedStep, Recording, Time, Violation};
use faultline_verdict::{FieldChange, Lane, Span, Tone, TraceLine};

use super::{
    causal_slice::{
        FOLDED, alike, answers, belong_together, comes_back, fatal, first_deliveries, handled_by,
        passes_on, what_matters,
    },
    states::{BOOKKEEPING, States},
    walk::printed,
    words::{short, words_around},
};

/// What the test drew, for reports, up to the moment that the failure is about.
pub fn lane(lane: &faultline_sim::Lane, about: Time) -> Lane {
    let span = |span: &faultline_sim::Span| Span {
        from_us: span.from.0,
        to_us: span.to.min(about).0,
        label: span.label.clone(),
        tone: match span.tone {
            faultline_sim::Tone::Firm => Tone::Firm,
            faultline_sim::Tone::Tentative => Tone::Tentative,
            faultline_sim::Tone::Void => Tone::Void,
            faultline_sim::Tone::Lost => Tone::Lost,
        },
    };
    Lane {
        name: lane.name.clone(),
        spans: lane
            .spans
            .iter()
            .filter(|span| span.from <= about)
            .map(span)
            .collect(),
    }
}

/// The lines of a recorded run, up to the moment that the failure is about. `number` counts the
/// events of the run, those left out included.
pub fn tell(recording: &Recording, violation: &Violation, asked: &[Asked]) -> Vec<TraceLine> {
    let states = States::of(recording, violation, asked);
    let shown = what_matters(recording, violation, asked, &states);
    let steps: Vec<&RecordedStep> = recording.steps.iter().collect();
    let fatal = fatal(recording, violation);
    let told = Told {
        steps: &steps,
        shown: &shown,
        states: &states,
        last: last_told(&steps, &shown, &states),
        fatal,
        first: first_deliveries(&steps),
        forgotten: recording.forgotten,
    };
    let mut story = Story {
        about: violation.about,
        ..Story::default()
    };
    let mut before: Option<usize> = None;
    for index in &shown {
        let index = *index;
        let step = steps[index];
        story.skip(&steps, before.map_or(0, |before| before + 1)..index);
        let is_last = shown.iter().nth_back(1) == Some(&index) || fatal == Some(index);
        let before = before.replace(index);
        match (
            before.map(|before| (before, &steps[before].what)),
            &step.what,
        ) {
            (Some((before, _)), Happening::Fault { text })
                if belong_together(&steps, before, index) =>
            {
                story.add_fault(text);
            }
            (Some((before, _)), Happening::Respond { output, .. })
                if !is_last && answers(steps[before], step) =>
            {
                story.answered(output, step.at);
            }
            (Some((before, _)), Happening::Respond { node, .. })
                if !is_last && passes_on(steps[before], step) =>
            {
                story.add(&format!("; {node} answers"));
            }
            (Some((before, _)), Happening::Start { incarnation, .. })
                if comes_back(steps[before], step) =>
            {
                story.add(&format!("; it starts again, incarnation {incarnation}"));
            }
            _ => story.line(told.line(index), alike(&step.what)),
        }
    }
    let end = before.map_or(0, |before| before + 1);
    story.skip(&steps, end..steps.len());
    story.leave_out();
    story.lines
}

/// What lines say of events besides their words: which other events they have to do with.
struct Told<'a> {
    steps: &'a [&'a RecordedStep],
    shown: &'a BTreeSet<usize>,
    states: &'a States,
    /// A change behind this one is not for a screen.
    last: Rank,
    /// The event in which the promise was broken, if it is one.
    fatal: Option<usize>,
    first: BTreeMap<usize, usize>,
    forgotten: u64,
}

impl Told<'_> {
    fn number(&self, index: usize) -> u64 {
        self.forgotten + index as u64 + 1
    }

    /// An event by its number, which leads nowhere if it is not among the lines.
    fn event(&self, index: usize) -> String {
        let number = self.number(index);
        let before = index.checked_sub(1).map(|before| self.steps[before]);
        let joined = before.is_some_and(|crash| comes_back(crash, self.steps[index]));
        match (self.shown.contains(&index), joined) {
            // It stands in the line of the crash before it.
            (true, true) => format!("event {number}, its start"),
            (true, false) => format!("event {number}"),
            (false, _) => format!("event {number}, not shown"),
        }
    }

    /// That a message brought what is at issue, and nothing came of it.
    fn in_vain(&self, index: usize) -> String {
        let step = self.steps[index];
        let Happening::Receive { node, .. } = &step.what else {
            return String::new();
        };
        if let Some(value) = self.states.dropped(index, step) {
            return format!(" (after it the state of {node} does not have {value})");
        }
        match self.states.is_in_vain(index, step) {
            true => " (changes nothing)".to_owned(),
            false => String::new(),
        }
    }

    fn line(&self, index: usize) -> TraceLine {
        let step = self.steps[index];
        let mut text = words_around(&step.what, &self.states.values);
        let said = |known: &usize| alike_word_for_word(&self.steps[*known].what, &step.what);
        if let Some(first) = self.first.get(&index) {
            let first = self.event(*first);
            text += &format!(" (the same message again: it came first in {first})");
        } else if let Some(before) = self.shown.range(..index).rev().copied().find(said) {
            let before = self.event(before);
            text += &format!(" (sent again: the same words as in {before})");
        } else if let Happening::Receive { sent, .. } = &step.what
            && step.at.since(*sent) >= LATE
        {
            text += &format!(" (sent at {sent})");
        }
        text += &self.in_vain(index);
        if let Happening::Crash { node, after } = &step.what {
            let of = |at: Time| handled_by(&self.steps[..index], *node, at);
            if let Some(event) = after.and_then(|_| of(step.at)) {
                let event = format!("in {}", self.event(event));
                text = text.replace("in this event", &event);
            }
            text += &undone(step);
            text += &lost(step, |at| of(at).map(|event| self.event(event)));
        }
        let told = self.states.told(index, step);
        let for_screen = |(place, (worth, _)): &(usize, &(usize, FieldChange))| {
            *worth > 0 && rank(*place, *worth) <= self.last
        };
        let telling = told.iter().enumerate().take(TELLING);
        let telling = telling.filter(for_screen).count();
        TraceLine {
            number: self.number(index),
            at_us: step.at.0,
            text,
            printed: printed(step),
            telling: telling as u32,
            changed: told.into_iter().map(|(_, change)| change).collect(),
            broke: match self.fatal {
                Some(fatal) => fatal == index,
                None => matches!(step.what, Happening::Stop { .. }),
            },
        }
    }
}

/// The maximum numbers of changes that a screen shows: of a line, and of all.
const TELLING: usize = 2;
const TELLING_IN_ALL: usize = 9;

/// The order in which changes are told: bookkeeping last, and the first changes of all lines before
/// the second ones.
type Rank = (bool, usize, Reverse<usize>);

fn rank(place: usize, worth: usize) -> Rank {
    (worth == BOOKKEEPING, place, Reverse(worth))
}

/// The last change that there is room for. All bookkeeping is of one worth, so of that the first
/// changes are told, or none.
fn last_told(steps: &[&RecordedStep], shown: &BTreeSet<usize>, states: &States) -> Rank {
    let told = |index: &usize| states.told(*index, steps[*index]);
    let ranks = |told: Vec<(usize, FieldChange)>| {
        let told = told.into_iter().take(TELLING).enumerate();
        told.filter(|(_, (worth, _))| *worth > 0)
            .map(|(place, (worth, _))| rank(place, worth))
    };
    let mut all: Vec<Rank> = shown.iter().map(told).flat_map(ranks).collect();
    all.sort_unstable();
    // Equals are told together, so there must be room for all of them.
    let next = all.get(TELLING_IN_ALL).copied();
    all.truncate(TELLING_IN_ALL);
    let fits = |rank: &Rank| !rank.0 || Some(*rank) != next;
    let last = all.into_iter().rfind(fits);
    last.unwrap_or((false, 0, Reverse(usize::MAX)))
}

/// True for two messages with the same words on one way.
fn alike_word_for_word(one: &Happening, other: &Happening) -> bool {
    matches!((one, other), (
        Happening::Receive { node, from, message, .. },
        Happening::Receive { node: to, from: by, message: words, .. },
    ) if node == to && from == by && message == words)
}

/// What a crash in the middle of an event left undone.
fn undone(step: &RecordedStep) -> String {
    match step.undone.as_slice() {
        [] => String::new(),
        few if few.len() <= UNDONE => format!("; left undone: {}", few.join(", ")),
        many => {
            let more = many.len() - UNDONE;
            let first = many[..UNDONE].join(", ");
            format!("; left undone: {first} and {more} more effects")
        }
    }
}

/// The maximum number of effects left undone that are told.
const UNDONE: usize = 4;

/// What a crash took: `; never synced, and lost: log (append 20 bytes, event 7)`.
fn lost(step: &RecordedStep, written_in: impl Fn(Time) -> Option<String>) -> String {
    let one = |lost: &LostWrite| {
        let event = written_in(lost.at).map_or(String::new(), |event| format!(" in {event}"));
        format!("{} ({}{event})", lost.blob, lost.what)
    };
    let writes: Vec<String> = step.lost.iter().map(one).collect();
    match writes.as_slice() {
        [] => String::new(),
        few if few.len() <= LOST => format!("; never synced, and lost: {}", few.join(", ")),
        many => format!(
            "; never synced, and lost: {} and {} earlier writes",
            many[many.len() - LOST..].join(", "),
            many.len() - LOST
        ),
    }
}

/// Of a message that was under way as long as this it is told when it was sent.
const LATE: Duration = Duration::from_millis(20);

/// The maximum number of lost writes that are told.
const LOST: usize = 3;

/// The maximum number of lines back in which such a message is looked for.
const BACK: usize = 4;

#[derive(Default)]
struct Story {
    /// What comes later did not lead to the failure, so what is like it tells nothing.
    about: Time,
    lines: Vec<TraceLine>,
    /// The last lines that are messages: where they stand, and what others like them have in
    /// common with them.
    messages: VecDeque<(usize, String)>,
    left_out: usize,
    left_out_at: Time,
}

impl Story {
    fn leave_out(&mut self) {
        let plural = if self.left_out == 1 {
            "event"
        } else {
            "events"
        };
        if self.left_out > 0 {
            self.lines.push(plain(
                0,
                self.left_out_at,
                format!("({} {plural} left out)", self.left_out),
            ));
        }
        self.left_out = 0;
    }

    /// Leaves these events out; many that are like one of the last lines are told there.
    fn skip(&mut self, steps: &[&RecordedStep], range: Range<usize>) {
        let mut like: BTreeMap<usize, (usize, Time)> = BTreeMap::new();
        for step in &steps[range.clone()] {
            if step.at > self.about {
                break;
            }
            let Some(alike) = alike(&step.what) else {
                continue;
            };
            if let Some((line, _)) = self
                .messages
                .iter()
                .rev()
                .find(|(_, known)| *known == alike)
            {
                let (times, last) = like.entry(*line).or_default();
                (*times, *last) = (*times + 1, step.at);
            }
        }
        let mut left_out = range.len();
        for (line, (times, last)) in like.into_iter().filter(|(_, (times, _))| *times >= FOLDED) {
            left_out -= times;
            self.lines[line].text += &format!("; {times} more like it until {last}");
        }
        if left_out > 0 {
            self.left_out += left_out;
            self.left_out_at = steps[range.end - 1].at;
        }
    }

    fn line(&mut self, line: TraceLine, alike: Option<String>) {
        self.leave_out();
        if let Some(alike) = alike {
            self.messages.push_back((self.lines.len(), alike));
            if self.messages.len() > BACK {
                self.messages.pop_front();
            }
        }
        self.lines.push(line);
    }

    /// More in the same line.
    fn add(&mut self, text: &str) {
        if let Some(line) = self.lines.last_mut() {
            line.text += text;
        }
    }

    /// An operation whose answer needs no line of its own: nothing that matters happened in
    /// between.
    fn answered(&mut self, output: &str, at: Time) {
        self.add(&format!("; answered {} at {at}", short(output)));
    }

    /// One more fault of the same moment.
    fn add_fault(&mut self, text: &str) {
        let Some(line) = self.lines.last_mut() else {
            return;
        };
        line.text = together(&line.text, text).unwrap_or_else(|| format!("{}; {text}", line.text));
    }
}

/// `the links s1 <-> v1, s1 -> c1 are cut`, if both sentences are about links and say the same.
fn together(so_far: &str, more: &str) -> Option<String> {
    let (link, verb, verbs) = [("is cut", "are cut"), ("works again", "work again")]
        .into_iter()
        .find_map(|(one, many)| {
            Some((
                more.strip_prefix("the link ")?
                    .strip_suffix(one)?
                    .trim_end(),
                one,
                many,
            ))
        })?;
    let known = so_far
        .strip_prefix("the link ")
        .and_then(|text| text.strip_suffix(verb));
    let known = known
        .or_else(|| so_far.strip_prefix("the links ")?.strip_suffix(verbs))?
        .trim_end();
    let (from, to) = link.split_once(" -> ")?;
    let back = format!("{to} -> {from}");
    let mut links: Vec<String> = known.split(", ").map(str::to_owned).collect();
    match links.iter_mut().find(|known| **known == back) {
        Some(known) => *known = format!("{to} <-> {from}"),
        None => links.push(link.to_owned()),
    }
    match links.as_slice() {
        [one] => Some(format!("the link {one} {verb}")),
        all => Some(format!("the links {} {verbs}", all.join(", "))),
    }
}

fn plain(number: u64, at: Time, text: String) -> TraceLine {
    TraceLine {
        number,
        at_us: at.0,
        text,
        ..TraceLine::default()
    }
}
