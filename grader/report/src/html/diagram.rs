//! The space-time diagram (Lamport): a line per node, time downwards, messages as arrows. Each line
//! of the trace is a row of the same height, whatever time lies between, and the words stand beside
//! it, so that one reads what one sees.
//!
//! Everything horizontal is in percent, everything vertical in pixels: the diagram is as wide as
//! there is room.

mod drawing;
mod rows;

use faultline_verdict::{Band, Diagram, Drawn, DrawnKind, Failure, Held, TraceLine};
use maud::{Markup, html};

use super::{
    anchor::of_line,
    text::{arrows, count, cut, ms, shown},
};
use crate::failure::told;
use drawing::Canvas;
use rows::{Content, DiagramRow, GAP, rows};

/// Maximum number of columns of nodes that the style sheet knows.
const WIDEST: usize = 16;
/// Maximum number of changes of a state that are shown.
const CHANGES: usize = 12;

pub fn section(anchor: &str, failure: &Failure, diagram: &Diagram) -> Markup {
    let rows = rows(failure, diagram);
    let height = rows.last().map_or(0, |row| row.top + row.height);
    let canvas = Canvas::new(diagram, &rows, height);
    let columns = format!("n{}", diagram.nodes.len().clamp(1, WIDEST));
    let causes = diagram.events.iter().any(|drawn| drawn.led);
    html! {
        section aria-labelledby=(format!("{anchor}-st")) {
            h4 id=(format!("{anchor}-st")) {
                "What happened" span.of { " (virtual milliseconds; rows are not to scale)" }
            }
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
                            @let before = index.checked_sub(1).map(|before| &rows[before]);
                            (row_text(anchor, failure, diagram, row, before))
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
    let any = |is: fn(&DrawnKind) -> bool| diagram.events.iter().any(|drawn| is(&drawn.what));
    html! {
        ul.legend aria-label="Signs" {
            li { (drawing::key("recv")) "message handled" }
            @if any(|what| matches!(what, DrawnKind::Invoke { .. })) {
                li { (drawing::key("invoke")) "called" }
                li { (drawing::key("answer")) "answered" }
            }
            @if any(|what| matches!(what, DrawnKind::Timer { .. })) {
                li { (drawing::key("timer")) "timer" }
            }
            @if any(|what| matches!(what, DrawnKind::Lose { .. })) {
                li { (drawing::key("lost")) "message lost" }
            }
            @if any(|what| matches!(what, DrawnKind::Crash { .. })) {
                li { (drawing::key("crash")) "crash" }
            }
            @if held(Held::Down) {
                li { (drawing::key("down")) "not running" }
            }
            @if held(Held::Paused) || held(Held::Slow) {
                li { (drawing::key("paused")) "paused or slow" }
            }
            @if held(Held::Cut) || held(Held::HeldUp) {
                li { (drawing::key("cut")) "link cut or delayed" }
            }
            @if causes {
                li { (drawing::key("faint")) "faint: did not lead to the failure" }
            }
        }
    }
}

fn row_text(
    anchor: &str,
    failure: &Failure,
    diagram: &Diagram,
    row: &DiagramRow<'_>,
    before: Option<&DiagramRow<'_>>,
) -> Markup {
    let (drawn, line, more) = match &row.what {
        Content::Gap { events, us } => return gap(row.height, *events, *us),
        Content::Event(drawn, line, more) => (drawn, line, more),
    };
    let again = before.is_some_and(|before| before.at_us == row.at_us && before.drawn().is_some());
    let kind = match drawn.what {
        DrawnKind::Crash { .. } => "crash",
        DrawnKind::Fault => "fault",
        DrawnKind::Phase => "phase",
        DrawnKind::Stop => "stop",
        DrawnKind::Lose { .. } => "lost",
        _ => "",
    };
    let printed = row.printed;
    let faint = !drawn.led
        && !matches!(
            drawn.what,
            DrawnKind::Stop | DrawnKind::Fault | DrawnKind::Phase | DrawnKind::Crash { .. }
        );
    let faint = faint && diagram.events.iter().any(|drawn| drawn.led);
    let mut class = format!("p{printed}");
    for (is, name) in [
        (!kind.is_empty(), kind),
        (faint, "faint"),
        (drawn.fatal, "fatal"),
    ] {
        class += &if is {
            format!(" {name}")
        } else {
            String::new()
        };
    }
    let text = told(line, failure);
    let (who, words) = text.split_once("  ").unwrap_or(("", text));
    html! {
        li class=(class) {
            a.at.again[again] href=[of_line(anchor, line.number).map(|id| format!("#{id}"))] {
                (ms(line.at_us))
            }
            div.t {
                @if !who.is_empty() { b { (shown(&arrow(who))) } " " }
                @if drawn.what == DrawnKind::Fault {
                    (cut(&together(line, more), 600))
                } @else {
                    (cut(words, 300))
                }
                @if drawn.fatal { " " span.tag.bad { "here the promise was broken" } }
                (about(failure, diagram, drawn, line))
            }
            @if printed > 0 { (printed_lines(line, printed)) }
        }
    }
}

/// At most `room` lines of what was printed; the last one may say that there are more.
fn printed_lines(line: &TraceLine, room: usize) -> Markup {
    let all = line.printed.len();
    let shown = if all > room { room - 1 } else { all };
    html! {
        div.printed {
            @for text in &line.printed[..shown] { span { (cut(text, 200)) } }
            @if all > shown {
                span.of { (count((all - shown) as u64, "more line")) " in the trace as text" }
            }
        }
    }
}

fn gap(height: usize, events: u64, us: u64) -> Markup {
    let left_out = (events > 0).then(|| format!("{} left out", count(events, "event")));
    let quiet = (us > 0).then(|| format!("{} ms", ms(us)));
    let words: Vec<String> = left_out.into_iter().chain(quiet).collect();
    html! {
        @if height == GAP {
            li.gap { (words.join(", ")) }
        } @else {
            li.gap.small aria-hidden="true" {}
        }
    }
}

/// Faults of one moment in one sentence. What happens to links is one fault already.
fn together(line: &TraceLine, more: &[&TraceLine]) -> String {
    let all = std::iter::once(line).chain(more.iter().copied());
    let all = all.map(|line| arrows(line, &line.text));
    all.collect::<Vec<_>>().join("; ")
}

/// `s1 -> v1` with a real arrow.
fn arrow(who: &str) -> String {
    who.replace(" -> ", " \u{2192} ")
        .replace(" -x ", " \u{2715} ")
}

/// What is shown of an event when one points at it or tabs to it: the message's way, and the state
/// of its node.
fn about(failure: &Failure, diagram: &Diagram, drawn: &Drawn, line: &TraceLine) -> Markup {
    let node = drawing::node_of(&drawn.what);
    let role = node.and_then(|node| {
        let lane = failure.picture.iter().find(|lane| lane.name == node)?;
        lane.spans
            .iter()
            .rfind(|span| span.from_us <= line.at_us && line.at_us <= span.to_us)
    });
    let holds = |band: &&Band| {
        let of_it = node.is_some_and(|node| band.node == node || band.to.as_deref() == Some(node));
        of_it && band.what != Held::Down && band.from_us <= line.at_us && line.at_us < band.to_us
    };
    let way = match drawn.what {
        DrawnKind::Receive { sent_us, .. } => Some(format!(
            "sent {} ms, {} ms on its way",
            ms(sent_us),
            ms(line.at_us.saturating_sub(sent_us))
        )),
        _ => None,
    };
    let facts: Vec<String> = std::iter::once(format!("event {}", line.number))
        .chain(way)
        .chain(
            node.zip(role)
                .map(|(node, role)| format!("{} was {}", cut(node, 20), cut(&role.label, 60))),
        )
        .chain(held(diagram.bands.iter().filter(holds)))
        .collect();
    html! {
        span.about {
            (facts.join(" \u{b7} "))
            @for change in line.changed.iter().take(CHANGES) {
                span.changed { (cut(&change.to_string(), 200)) }
            }
            @if let more @ 1.. = line.changed.len().saturating_sub(CHANGES) {
                span.changed { (count(more as u64, "more change")) }
            }
        }
    }
}

/// What held, each in a few words. The links of a partition are told together.
fn held<'b>(bands: impl Iterator<Item = &'b Band>) -> Vec<String> {
    let mut links: Vec<(Held, &str, Vec<String>)> = Vec::new();
    let mut told = Vec::new();
    for band in bands {
        let node = cut(&band.node, 20);
        match (band.what, &band.to) {
            (Held::Down, _) => told.push(format!("{node} was not running")),
            (Held::Paused, _) => told.push(format!("{node} was paused")),
            (Held::Slow, _) => told.push(format!("{node} was slow")),
            (what @ (Held::Cut | Held::HeldUp), to) => {
                let to = cut(to.as_deref().unwrap_or_default(), 20);
                let known = links
                    .iter_mut()
                    .find(|(known, from, _)| (*known, *from) == (what, &*band.node));
                match known {
                    Some((.., ends)) => ends.push(to),
                    None => links.push((what, &band.node, vec![to])),
                }
            }
        }
    }
    told.extend(links.into_iter().map(|(what, from, to)| {
        let were = match (what, to.len()) {
            (Held::HeldUp, 1) => "was delayed",
            (Held::HeldUp, _) => "were delayed",
            (_, 1) => "was cut",
            (..) => "were cut",
        };
        format!("{} \u{2192} {} {were}", cut(from, 20), to.join(", "))
    }));
    told
}
