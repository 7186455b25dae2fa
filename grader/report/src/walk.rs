//! A run step by step: what each step changed, and the world after it.

use colored::Colorize;
use faultline_verdict::{Walk, WalkNode, WalkStep};

use crate::{
    safe::{printable, wrap},
    terminal::count,
};

/// The width of the column with the names.
const MARGIN: usize = 10;

/// Of how many nodes all is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nodes {
    /// Of the one at which the step happened.
    #[default]
    OfTheStep,
    /// Of all.
    All,
}

/// All steps, each with what it changed, in lines of at most `width` columns.
pub fn walk_text(walk: &Walk, width: usize) -> String {
    let mut out = String::new();
    for (position, step) in walk.steps.iter().enumerate() {
        out += &folded(walk, position, width);
        out += &head(step, walk, width);
        out += &changes(step, width);
    }
    out
}

/// Which steps are missing before the one at this position; empty if none is.
fn folded(walk: &Walk, position: usize, width: usize) -> String {
    let before = position
        .checked_sub(1)
        .map_or(0, |before| walk.steps[before].number);
    let (first, last) = (before + 1, walk.steps[position].number.saturating_sub(1));
    if first > last {
        return String::new();
    }
    let text = if first == last {
        format!(
            "(step {first} of {} is folded; --at {first} shows it)",
            walk.of
        )
    } else {
        let missing = last - before;
        let of = walk.of;
        format!("(steps {first} to {last} of {of}, {missing} steps, are folded; --at N shows one)")
    };
    let lines = wrap(&text, width, "  ");
    lines
        .iter()
        .map(|line| format!("{}\n", line.dimmed()))
        .collect()
}

/// The step at this position, and the world after it, in lines of at most `width` columns; empty
/// past the end.
pub fn step_text(walk: &Walk, position: usize, nodes: Nodes, width: usize) -> String {
    let Some(step) = walk.steps.get(position) else {
        return String::new();
    };
    let mut out = folded(walk, position, width);
    out += &head(step, walk, width);
    out += &changes(step, width);
    for node in &step.nodes {
        let whole = nodes == Nodes::All || step.node.as_ref() == Some(&node.name);
        out += &node_text(node, whole, width);
    }
    let mut name = "on its way";
    for flight in &step.flights {
        let when = match flight.arrives_us {
            Some(at) => format!("arrives {} ms", ms(at)),
            None => "delayed".to_owned(),
        };
        let text = format!(
            "{}  {}  (sent {} ms, {when})",
            flight.way,
            flight.message,
            ms(flight.sent_us)
        );
        put(&mut out, name, &text, width);
        name = "";
    }
    out
}

fn head(step: &WalkStep, walk: &Walk, width: usize) -> String {
    let mut out = String::new();
    let mark = if step.broke { ">" } else { " " };
    let head = format!(
        "{mark} {} of {}  {} ms",
        step.number,
        walk.of,
        ms(step.at_us)
    );
    let shown = if step.matters { "  (in the trace)" } else { "" };
    out += &format!("{}{}\n", head.bold(), shown.dimmed());
    for line in wrap(&printable(&step.text), width.saturating_sub(4), "  ") {
        let line = if step.broke {
            line.red().bold().to_string()
        } else {
            line
        };
        out += &format!("    {line}\n");
    }
    for line in &step.printed {
        for line in wrap(&printable(line), width.saturating_sub(6), "  ") {
            out += &format!("    {}\n", format!("| {line}").cyan());
        }
    }
    out
}

fn changes(step: &WalkStep, width: usize) -> String {
    let mut out = String::new();
    let mut name = "changed";
    for change in &step.changed {
        put(&mut out, name, &change.to_string(), width);
        name = "";
    }
    out
}

fn node_text(node: &WalkNode, whole: bool, width: usize) -> String {
    let mut out = String::new();
    let mut facts = node.doing.clone();
    if !whole && !node.timers.is_empty() {
        facts += &format!(", {}", count(node.timers.len(), "timer"));
    }
    put(&mut out, &node.name, &facts, width);
    if whole {
        for line in node.state.iter() {
            put(&mut out, "", line, width);
        }
        for (at, timer) in &node.timers {
            put(
                &mut out,
                "",
                &format!("timer {timer} at {} ms", ms(*at)),
                width,
            );
        }
        for blob in &node.disk {
            put(&mut out, "", &format!("disk {blob}"), width);
        }
    }
    out
}

/// A line with a name in its margin; further lines stand under the first.
fn put(out: &mut String, name: &str, text: &str, width: usize) {
    let lines = wrap(&printable(text), width.saturating_sub(MARGIN + 3), "  ");
    for (index, line) in lines.iter().enumerate() {
        let name = if index == 0 {
            printable(name)
        } else {
            String::new()
        };
        let name = format!("  {name:<MARGIN$}");
        out.push_str(format!("{} {line}", name.dimmed()).trim_end());
        out.push('\n');
    }
}

fn ms(us: u64) -> String {
    format!("{}.{}", us / 1000, us % 1000 / 100)
}
