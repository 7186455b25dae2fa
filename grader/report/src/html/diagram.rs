//! The space-time diagram (Lamport): a line per node, time downwards, messages as arrows. Each line
//! of the trace is a row of the same height, whatever time lies between, and the words stand beside
//! it, so that one reads what one sees.
//!
//! Everything horizontal is in percent, everything vertical in pixels: the diagram is as wide as
//! there is room.

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
/// So many of them in all of a diagram.
const PRINTED_IN_ALL: usize = 80;
/// So many changes of a state are shown.
const CHANGES: usize = 12;
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
    /// How many lines of what its handler printed stand below it.
    pub printed: usize,
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
                            (row_text(anchor, failure, diagram, row,
                                index.checked_sub(1).map(|before| &rows[before])))
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
            @if any(|what| matches!(what, What::Invoke { .. })) {
                li { (drawing::key("invoke")) "called" }
                li { (drawing::key("answer")) "answered" }
            }
            @if any(|what| matches!(what, What::Timer { .. })) { li { (drawing::key("timer"))
                "timer" } }
            @if any(|what| matches!(what, What::Lose { .. })) { li { (drawing::key("lost"))
                "message lost" } }
            @if any(|what| matches!(what, What::Crash { .. })) { li { (drawing::key("crash"))
                "crash" } }
            @if held(Held::Down) { li { (drawing::key("down")) "not running" } }
            @if held(Held::Paused) || held(Held::Slow) { li { (drawing::key("paused"))
                "paused or slow" } }
            @if held(Held::Cut) || held(Held::HeldUp) { li { (drawing::key("cut"))
                "link cut or held up" } }
            @if causes { li { (drawing::key("faint")) "faint: did not lead to the failure" } }
        }
    }
}

/// The trace as rows. What was left out is a gap; faults of one moment share a row.
fn rows<'f>(failure: &'f Failure, diagram: &'f Diagram) -> Vec<Row<'f>> {
    let mut rows: Vec<Row<'f>> = Vec::new();
    let mut top = 0;
    let mut skipped = 0;
    let mut room = PRINTED_IN_ALL;
    for line in &failure.trace {
        let Some(drawn) = diagram
            .events
            .iter()
            .find(|drawn| line.number > 0 && drawn.number == line.number)
        else {
            skipped += 1;
            continue;
        };
        if let Some(Row {
            at_us,
            what: Content::Event(before, _, more),
            ..
        }) = rows.last_mut()
            && (before.what == What::Fault, &drawn.what, *at_us) == (true, &What::Fault, line.at_us)
        {
            more.push(line);
            continue;
        }
        let before = rows.last().map_or(line.at_us, |row| row.at_us);
        let us = line.at_us.saturating_sub(before);
        if skipped > 0 || us >= LONG {
            let previous = rows
                .last()
                .and_then(|row| row.drawn())
                .map_or(0, |drawn| drawn.number);
            let events = line.number.saturating_sub(previous + 1);
            let height = if events >= MANY || us >= LONG {
                GAP
            } else {
                SMALL_GAP
            };
            let us = if rows.is_empty() { 0 } else { us };
            rows.push(Row {
                at_us: before,
                top,
                height,
                printed: 0,
                what: Content::Gap { events, us },
            });
            top += height;
            skipped = 0;
        }
        let printed = line.printed.len().min(PRINTED_LINES).min(room);
        room -= printed;
        let height = ROW + PRINTED * printed;
        rows.push(Row {
            at_us: line.at_us,
            top,
            height,
            printed,
            what: Content::Event(drawn, line, Vec::new()),
        });
        top += height;
    }
    rows
}

fn row_text(
    anchor: &str,
    failure: &Failure,
    diagram: &Diagram,
    row: &Row<'_>,
    before: Option<&Row<'_>>,
) -> Markup {
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
    let printed = row.printed;
    let faint = !drawn.led
        && !matches!(
            drawn.what,
            What::Stop | What::Fault | What::Phase | What::Crash { .. }
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
    let (who, words) = line.text.split_once("  ").unwrap_or(("", &line.text));
    html! {
        li class=(class) {
            a.at.again[again] href=[id(anchor, line.number).map(|id| format!("#{id}"))] {
                (ms(line.at_us)) }
            div.t {
                @if !who.is_empty() { b { (shown(&arrow(who))) } " " }
                @if drawn.what == What::Fault { (cut(&together(line, more), 600)) } @else {
                    (cut(words, 300)) }
                @if drawn.fatal { " " span.tag.bad { "here the promise was broken" } }
                (about(failure, diagram, drawn, line))
            }
            @if printed > 0 { (printed_lines(line, printed)) }
        }
    }
}

/// So many lines of what was printed; the last one may say that there are more.
fn printed_lines(line: &TraceLine, room: usize) -> Markup {
    let all = line.printed.len();
    let shown = if all > room { room - 1 } else { all };
    html! {
        div.printed {
            @for text in &line.printed[..shown] { span { (cut(text, 200)) } }
            @if all > shown { span.of { (count((all - shown) as u64, "more line"))
                " in the trace as text" } }
        }
    }
}

fn gap(height: usize, events: u64, us: u64) -> Markup {
    let left_out = (events > 0).then(|| format!("{} left out", count(events, "event")));
    let quiet = (us > 0).then(|| format!("{} ms", ms(us)));
    let words: Vec<String> = left_out.into_iter().chain(quiet).collect();
    html! {
        @if height == GAP { li.gap { (words.join(", ")) } }
        @else { li.gap.small aria-hidden="true" {} }
    }
}

/// Faults of one moment: those that differ only in the link, such as when a server is cut off, in
/// one sentence.
fn together(line: &TraceLine, more: &[&TraceLine]) -> String {
    let mut links: Vec<(&str, Vec<String>)> = Vec::new();
    let mut others = Vec::new();
    for line in std::iter::once(line).chain(more.iter().copied()) {
        let Some((link, tail)) = link(&line.text) else {
            others.push(line.text.clone());
            continue;
        };
        match links.iter_mut().find(|(known, _)| *known == tail) {
            Some((_, same)) => same.push(link),
            None => links.push((tail, vec![link])),
        }
    }
    let links = links.into_iter().map(|(tail, links)| {
        let plural = tail
            .replacen("is ", "are ", 1)
            .replacen("works ", "work ", 1);
        match links.as_slice() {
            [link] => format!("the link {link} {tail}"),
            all => format!("{} links {plural}: {}", all.len(), all.join(", ")),
        }
    });
    links.chain(others).collect::<Vec<_>>().join("; ")
}

/// `the link s1 -> s2 is cut`: the link, and what of it.
fn link(text: &str) -> Option<(String, &str)> {
    let mut words = text.strip_prefix("the link ")?.splitn(4, ' ');
    let (from, _, to) = (
        words.next()?,
        words.next().filter(|arrow| *arrow == "->")?,
        words.next()?,
    );
    Some((format!("{from} \u{2192} {to}"), words.next()?))
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
        What::Receive { sent_us, .. } => Some(format!(
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
        .chain(diagram.bands.iter().filter(holds).take(6).map(held))
        .collect();
    html! {
        span.about {
            (facts.join(" \u{b7} "))
            @for change in line.changed.iter().take(CHANGES) { span.changed {
                (cut(&change.to_string(), 200)) } }
            @if let more @ 1.. = line.changed.len().saturating_sub(CHANGES) {
                span.changed { (count(more as u64, "more change")) }
            }
        }
    }
}

fn held(band: &Band) -> String {
    let (node, to) = (
        cut(&band.node, 20),
        band.to.as_deref().map(|to| cut(to, 20)).unwrap_or_default(),
    );
    match band.what {
        Held::Down => format!("{node} was not running"),
        Held::Paused => format!("{node} was paused"),
        Held::Slow => format!("{node} was slow"),
        Held::Cut => format!("{node} \u{2192} {to} was cut"),
        Held::HeldUp => format!("{node} \u{2192} {to} was held up"),
    }
}
