//! The space-time diagram (Lamport): a line per node, time downwards, messages as arrows. Each line of the trace is a row
//! of the same height, whatever time lies between, and the words stand beside it, so that one reads what one sees.
//!
//! Everything horizontal is in percent, everything vertical in pixels: the diagram is as wide as there is room.

mod drawing;

use faultline_verdict::{Band, Diagram, Drawn, Failure, Held, TraceLine, What};
use maud::{Markup, html};

use super::{
    failure::id,
    text::{count, cut, ms, shown},
};
use drawing::Canvas;

/// The height of an event.
const ROW: usize = 24;
/// The height of a line that a handler printed below it.
const PRINTED: usize = 16;
/// So many of them are shown; the trace as text has the others.
const PRINTED_LINES: usize = 4;
/// The height of a longer time in which nothing is shown.
const GAP: usize = 20;
/// The height of a short one.
const SMALL_GAP: usize = 8;
/// The style sheet knows so many columns of nodes.
const WIDEST: usize = 16;
/// A time of which so many events were left out is told of.
const MANY: u64 = 8;
/// So is one that is so long, in microseconds.
const LONG: u64 = 40_000;

/// A row of the diagram.
pub struct Row<'f> {
    pub at_us: u64,
    /// Its upper edge.
    pub top: usize,
    pub height: usize,
    pub what: Content<'f>,
}

/// What a row shows.
pub enum Content<'f> {
    /// An event, and lines like it at the same moment.
    Event(&'f Drawn, &'f TraceLine, Vec<&'f TraceLine>),
    /// Time that is left out, and how many events with it.
    Gap { events: u64, us: u64 },
}

impl Row<'_> {
    /// Where its event stands.
    pub fn middle(&self) -> f64 {
        self.top as f64 + ROW as f64 / 2.0
    }

    pub fn drawn(&self) -> Option<&Drawn> {
        match self.what {
            Content::Event(drawn, ..) => Some(drawn),
            Content::Gap { .. } => None,
        }
    }
}

pub fn section(anchor: &str, failure: &Failure, diagram: &Diagram) -> Markup {
    let rows = rows(failure, diagram);
    let height = rows.last().map_or(0, |row| row.top + row.height);
    let canvas = Canvas::new(diagram, &rows, height);
    let columns = format!("n{}", diagram.nodes.len().clamp(1, WIDEST));
    let causes = diagram.events.iter().any(|drawn| drawn.led);
    html! {
        section aria-labelledby=(format!("{anchor}-st")) {
            h4 id=(format!("{anchor}-st")) { "What happened" span.of { " (virtual milliseconds; rows are not to scale)" } }
            (legend(diagram, causes))
            a.skip.inline href=(format!("#{anchor}-end")) { "Skip the diagram" }
            div class=(format!("spacetime {columns}")) {
                div.heads aria-hidden="true" {
                    span {}
                    svg.names width="100%" height="24" {
                        @for (index, node) in diagram.nodes.iter().enumerate() {
                            text x=(canvas.x(index)) y="16" { (cut(node, 6)) }
                        }
                    }
                    span {}
                }
                div.stage {
                    (canvas.draw(anchor))
                    ol.rows {
                        @for (index, row) in rows.iter().enumerate() {
                            (row_text(anchor, failure, diagram, row, index.checked_sub(1).map(|before| &rows[before])))
                        }
                    }
                }
            }
            span id=(format!("{anchor}-end")) tabindex="-1" {}
        }
    }
}

fn legend(diagram: &Diagram, causes: bool) -> Markup {
    let held = |what: Held| diagram.bands.iter().any(|band| band.what == what);
    let any = |is: fn(&What) -> bool| diagram.events.iter().any(|drawn| is(&drawn.what));
    html! {
        ul.legend aria-label="Signs" {
            li { (drawing::key("recv")) "message handled" }
            @if any(|what| matches!(what, What::Invoke { .. })) { li { (drawing::key("invoke")) "called" } li { (drawing::key("answer")) "answered" } }
            @if any(|what| matches!(what, What::Timer { .. })) { li { (drawing::key("timer")) "timer" } }
            @if any(|what| matches!(what, What::Lose { .. })) { li { (drawing::key("lost")) "message lost" } }
            @if any(|what| matches!(what, What::Crash { .. })) { li { (drawing::key("crash")) "crash" } }
            @if held(Held::Down) { li { (drawing::key("down")) "not running" } }
            @if held(Held::Paused) || held(Held::Slow) { li { (drawing::key("paused")) "paused or slow" } }
            @if held(Held::Cut) || held(Held::HeldUp) { li { (drawing::key("cut")) "link cut or held up" } }
            @if causes { li { (drawing::key("faint")) "faint: did not lead to the failure" } }
        }
    }
}

/// The trace as rows. What was left out is a gap; faults of one moment share a row.
fn rows<'f>(failure: &'f Failure, diagram: &'f Diagram) -> Vec<Row<'f>> {
    let mut rows: Vec<Row<'f>> = Vec::new();
    let mut top = 0;
    let mut skipped = 0;
    for line in &failure.trace {
        let Some(drawn) = diagram.events.iter().find(|drawn| line.number > 0 && drawn.number == line.number) else {
            skipped += 1;
            continue;
        };
        if let Some(Row { at_us, what: Content::Event(before, _, more), .. }) = rows.last_mut()
            && (before.what == What::Fault, &drawn.what, *at_us) == (true, &What::Fault, line.at_us)
        {
            more.push(line);
            continue;
        }
        let before = rows.last().map_or(line.at_us, |row| row.at_us);
        let us = line.at_us.saturating_sub(before);
        if skipped > 0 || us >= LONG {
            let previous = rows.last().and_then(|row| row.drawn()).map_or(0, |drawn| drawn.number);
            let events = line.number.saturating_sub(previous + 1);
            let height = if events >= MANY || us >= LONG { GAP } else { SMALL_GAP };
            rows.push(Row { at_us: before, top, height, what: Content::Gap { events, us } });
            top += height;
            skipped = 0;
        }
        let height = ROW + PRINTED * line.printed.len().min(PRINTED_LINES);
        rows.push(Row { at_us: line.at_us, top, height, what: Content::Event(drawn, line, Vec::new()) });
        top += height;
    }
    rows
}

fn row_text(anchor: &str, failure: &Failure, diagram: &Diagram, row: &Row<'_>, before: Option<&Row<'_>>) -> Markup {
    let (drawn, line, more) = match &row.what {
        Content::Gap { events, us } => return gap(row.height, *events, *us),
        Content::Event(drawn, line, more) => (drawn, line, more),
    };
    let again = before.is_some_and(|before| before.at_us == row.at_us && before.drawn().is_some());
    let kind = match drawn.what {
        What::Crash { .. } => "crash",
        What::Fault => "fault",
        What::Phase => "phase",
        What::Stop => "stop",
        What::Lose { .. } => "lost",
        _ => "",
    };
    let printed = line.printed.len().min(PRINTED_LINES);
    let faint = !drawn.led && !matches!(drawn.what, What::Stop | What::Fault | What::Phase | What::Crash { .. });
    let faint = faint && diagram.events.iter().any(|drawn| drawn.led);
    let (who, words) = line.text.split_once("  ").unwrap_or(("", &line.text));
    html! {
        li class=(format!("p{printed} {kind}")) .faint[faint] .fatal[drawn.fatal] {
            a.at.again[again] href=[id(anchor, line.number).map(|id| format!("#{id}"))] { (ms(line.at_us)) }
            div.t {
                @if !who.is_empty() { b { (shown(&arrow(who))) } " " }
                (cut(words, 300))
                @for other in more { "; " (cut(&other.text, 200)) }
                @if drawn.fatal { " " span.tag.bad { "here the promise was broken" } }
                (about(failure, diagram, drawn, line))
            }
            @if printed > 0 {
                div.printed {
                    @for text in line.printed.iter().take(if line.printed.len() > printed { printed - 1 } else { printed }) {
                        span { (cut(text, 200)) }
                    }
                    @if line.printed.len() > printed {
                        span.of { (count((line.printed.len() - printed + 1) as u64, "more line")) " in the trace as text" }
                    }
                }
            }
        }
    }
}

fn gap(height: usize, events: u64, us: u64) -> Markup {
    let left_out = (events > 0).then(|| format!("{} left out, ", count(events, "event")));
    html! {
        @if height == GAP { li.gap { (left_out.unwrap_or_default()) (ms(us)) " ms" } }
        @else { li.gap.small aria-hidden="true" {} }
    }
}

/// `s1 -> v1` with a real arrow.
fn arrow(who: &str) -> String {
    who.replace(" -> ", " \u{2192} ").replace(" -x ", " \u{21f8} ")
}

/// What is shown of an event when one points at it or tabs to it: the message's way, and the state of its node.
fn about(failure: &Failure, diagram: &Diagram, drawn: &Drawn, line: &TraceLine) -> Markup {
    let node = drawing::node_of(&drawn.what);
    let role = node.and_then(|node| {
        let lane = failure.picture.iter().find(|lane| lane.name == node)?;
        lane.spans.iter().rfind(|span| span.from_us <= line.at_us && line.at_us <= span.to_us)
    });
    let holds = |band: &&Band| {
        let of_it = node.is_some_and(|node| band.node == node || band.to.as_deref() == Some(node));
        of_it && band.what != Held::Down && band.from_us <= line.at_us && line.at_us < band.to_us
    };
    let way = match drawn.what {
        What::Receive { sent_us, .. } => {
            Some(format!("sent {} ms, {} ms on its way", ms(sent_us), ms(line.at_us.saturating_sub(sent_us))))
        }
        _ => None,
    };
    let facts: Vec<String> = std::iter::once(format!("event {}", line.number))
        .chain(way)
        .chain(node.zip(role).map(|(node, role)| format!("{} was {}", cut(node, 20), cut(&role.label, 60))))
        .chain(diagram.bands.iter().filter(holds).take(6).map(held))
        .collect();
    html! { span.about { (facts.join(" \u{b7} ")) } }
}

fn held(band: &Band) -> String {
    let (node, to) = (cut(&band.node, 20), band.to.as_deref().map(|to| cut(to, 20)).unwrap_or_default());
    match band.what {
        Held::Down => format!("{node} was not running"),
        Held::Paused => format!("{node} was paused"),
        Held::Slow => format!("{node} was slow"),
        Held::Cut => format!("{node} \u{2192} {to} was cut"),
        Held::HeldUp => format!("{node} \u{2192} {to} was held up"),
    }
}
