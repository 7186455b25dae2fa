//! From a recording to the lines that a person reads: the events that matter
//! ([`super::causal_slice`]), in order, with what belongs together in one line and the number of
//! those left out in between.

use faultline_sim::{Happening, RecordedStep, Recording, Time};
use faultline_verdict::{Lane, Span, Tone, TraceLine};

use super::{
    causal_slice::{answers, belong_together, what_matters},
    walk::{changed, printed},
    words::{short, words},
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
pub fn tell(recording: &Recording, about: Time) -> Vec<TraceLine> {
    let shown = what_matters(recording, about);
    let steps: Vec<&RecordedStep> = recording.steps.iter().collect();
    let mut story = Story::default();
    let mut before: Option<usize> = None;
    for (index, step) in steps.iter().enumerate() {
        if !shown.contains(&index) {
            story.left_out += 1;
            story.left_out_at = step.at;
            continue;
        }
        let is_last = shown.iter().nth_back(1) == Some(&index);
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
            _ => story.line(line(recording.forgotten + index as u64 + 1, step)),
        }
    }
    story.leave_out();
    story.lines
}

#[derive(Default)]
struct Story {
    lines: Vec<TraceLine>,
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

    fn line(&mut self, line: TraceLine) {
        self.leave_out();
        self.lines.push(line);
    }

    /// An operation whose answer needs no line of its own: nothing that matters happened in
    /// between.
    fn answered(&mut self, output: &str, at: Time) {
        if let Some(line) = self.lines.last_mut() {
            line.text += &format!("; answered {} at {at}", short(output));
        }
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

fn line(number: u64, step: &RecordedStep) -> TraceLine {
    TraceLine {
        number,
        at_us: step.at.0,
        text: words(&step.what),
        printed: printed(step),
        changed: changed(step),
        broke: matches!(step.what, Happening::Stop { .. }),
    }
}
