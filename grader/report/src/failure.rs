//! One failure, in full or in short.

use colored::Colorize;
use faultline_verdict::{Failure, TestVerdict, TraceLine};

use crate::{
    lanes::picture_lines,
    places::Places,
    safe::{printable, wrap},
};

/// Maximum number of lines of what was observed that a short failure has.
const OBSERVED: usize = 3;

/// The failure as text of at most `width` columns, for a reader to whom paths begin like this.
pub fn failure_text(
    verdict: &TestVerdict,
    failure: &Failure,
    width: usize,
    places: &Places,
) -> String {
    let mut out = head(verdict, width);
    section(&mut out, "property", &verdict.property, width);
    section(
        &mut out,
        "observed",
        &places.in_text(&failure.observed),
        width,
    );
    section(
        &mut out,
        "setting",
        &format!("{}; seed {}", failure.setting, failure.seed),
        width,
    );
    for line in picture_lines(&failure.picture, width) {
        out += &line;
        out.push('\n');
    }
    if !failure.trace.is_empty() {
        out += &format!(
            "  {}\n",
            "what happened (virtual time; events by number; * is what one changed):".dimmed()
        );
        // A run can have become plainer without becoming shorter.
        if let Some(shrunk) = failure
            .shrunk
            .as_ref()
            .filter(|shrunk| shrunk.to_events < shrunk.from_events)
        {
            let shown = failure.trace.iter().filter(|line| line.number > 0).count();
            let text = format!(
                "shrunk from {} events to {}; {shown} shown",
                shrunk.from_events, shrunk.to_events
            );
            out += &format!("  {}\n", text.dimmed());
        }
        let digits = failure
            .trace
            .iter()
            .map(|line| line.number.to_string().len())
            .max()
            .unwrap_or(1);
        // What is left out in between shows in the numbers.
        for line in failure.trace.iter().filter(|line| line.number > 0) {
            trace_line(&mut out, line, told(line, failure), digits, width, places);
        }
    }
    if let Some(replay) = &failure.replay {
        // Never broken, so that it can be copied.
        section(&mut out, "replay", replay, usize::MAX);
    }
    let handout = places.in_project(&failure.handout);
    section(&mut out, "handout", &handout, width);
    out
}

/// What the line of a trace says. The last one would say what was observed once more.
pub(crate) fn told<'f>(line: &'f TraceLine, failure: &'f Failure) -> &'f str {
    match failure.observed.lines().next() {
        Some(observed) if line.text == observed && line.broke => BROKEN,
        Some(observed) if line.text == observed => NOTICED,
        _ => &line.text,
    }
}

/// What stands where the promise was broken, if what was observed has been told.
const BROKEN: &str = "here the promise is broken: see observed";

/// What stands where the test noticed that an earlier line broke it.
const NOTICED: &str = "the test notices it: see observed";

/// The failure in a few lines, and how to see it in full.
pub(crate) fn short_text(
    lab: &str,
    verdict: &TestVerdict,
    failure: &Failure,
    width: usize,
    places: &Places,
) -> String {
    let mut out = head(verdict, width);
    let observed = failure.observed.lines().next().unwrap_or_default();
    let observed = printable(&places.in_text(observed));
    let mut lines = wrap(&observed, width.saturating_sub(12), "");
    if lines.len() > OBSERVED {
        lines.truncate(OBSERVED);
        if let Some(last) = lines.last_mut() {
            let room: String = last.chars().take(width.saturating_sub(16)).collect();
            // Not in the middle of a word, if there is another one.
            let whole = match room == *last {
                true => None,
                false => room.rsplit_once(' '),
            };
            *last = format!("{} ...", whole.map_or(&*room, |(words, _)| words));
        }
    }
    section(&mut out, "observed", &lines.join("\n"), width);
    let see = match failure.replay {
        Some(_) => format!("cargo grade replay {lab}/{}", verdict.id),
        None => format!("cargo grade {lab} {}", verdict.id),
    };
    // Never broken, so that it can be copied.
    section(&mut out, "in full", &see, usize::MAX);
    out
}

/// A remark on further failures.
pub(crate) fn others_text(text: &str, width: usize) -> String {
    let lines = wrap(&printable(text), width.saturating_sub(2), "  ");
    lines.iter().fold(String::new(), |out, line| {
        format!("{out}  {}\n", line.yellow())
    })
}

/// A hint for a failure of this kind, as text of at most `width` columns.
pub fn hint_text(test: &str, kind: &str, hint: &str, handout: &str, width: usize) -> String {
    let mut out = String::new();
    section(
        &mut out,
        "test",
        &format!("{test} ({})", kind.replace('-', " ")),
        width,
    );
    section(&mut out, "hint", hint, width);
    section(&mut out, "handout", handout, width);
    out
}

/// The failure of a test of which the reader may see no more than what it promises.
pub(crate) fn hidden_text(verdict: &TestVerdict, width: usize) -> String {
    let mut out = head(verdict, width);
    section(&mut out, "property", &verdict.property, width);
    section(
        &mut out,
        "observed",
        "a hidden test failed; how is not shown",
        width,
    );
    out
}

fn head(verdict: &TestVerdict, width: usize) -> String {
    let rule = "-".repeat(
        width
            .saturating_sub(verdict.id.len() + verdict.part.len() + 6)
            .min(60),
    );
    format!(
        "{} {} {} {}\n",
        "--".dimmed(),
        verdict.part,
        verdict.id.bold(),
        rule.dimmed()
    )
}

fn section(out: &mut String, name: &str, text: &str, width: usize) {
    let text = printable(text);
    let lines = wrap(&text, width.saturating_sub(12), "");
    for (index, line) in lines.iter().enumerate() {
        let name = if index == 0 { name } else { "" };
        let name = format!("  {name:<9}");
        out.push_str(format!("{} {line}", name.dimmed()).trim_end());
        out.push('\n');
    }
}

fn trace_line(
    out: &mut String,
    line: &TraceLine,
    told: &str,
    digits: usize,
    width: usize,
    places: &Places,
) {
    let number = if line.number == 0 {
        String::new()
    } else {
        line.number.to_string()
    };
    let time = format!("{}.{}", line.at_us / 1000, line.at_us % 1000 / 100);
    let mark = if line.broke { ">" } else { " " };
    let head = format!("{mark} {number:>digits$} {time:>8} ms  ");
    let room = width.saturating_sub(head.len());
    for (index, text) in wrap(&printable(&places.in_text(told)), room, "  ")
        .into_iter()
        .enumerate()
    {
        let head = if index == 0 {
            head.clone()
        } else {
            " ".repeat(head.len())
        };
        let text = if line.broke {
            text.red().bold().to_string()
        } else {
            text
        };
        out.push_str(format!("{}{text}", head.dimmed()).trim_end());
        out.push('\n');
    }
    let indent = " ".repeat(head.len());
    for change in line.changed.iter().take(line.telling as usize) {
        let change = cut_change(
            &printable(&change.to_string()),
            ROWS * room.saturating_sub(9),
        );
        for (index, text) in wrap(&change, room.saturating_sub(2), "  ")
            .iter()
            .enumerate()
        {
            let sign = if index == 0 { "*" } else { " " };
            out.push_str(&format!("{indent}{}\n", format!("{sign} {text}").dimmed()));
        }
    }
    for printed in &line.printed {
        let printed = printable(&places.in_text(printed));
        for text in wrap(&printed, room.saturating_sub(2), "  ") {
            out.push_str(&format!("{indent}{}\n", format!("| {text}").cyan()));
        }
    }
}

/// The maximum number of rows of a change.
const ROWS: usize = 2;

/// A change that has room: of a long one as much of what was as of what is.
fn cut_change(change: &str, room: usize) -> String {
    let length = |text: &str| text.chars().count();
    let cut = |text: &str, room: usize| match length(text) <= room {
        true => text.to_owned(),
        false => {
            let kept: String = text.chars().take(room.saturating_sub(3)).collect();
            format!("{}...", kept.trim_end())
        }
    };
    match change.split_once(" -> ") {
        Some((before, after)) if length(change) > room => {
            let room = room.saturating_sub(4);
            let half = (room / 2).max(room.saturating_sub(length(after)));
            let before = cut(before, half);
            let after = cut(after, room.saturating_sub(length(&before)));
            format!("{before} -> {after}")
        }
        _ => cut(change, room),
    }
}
