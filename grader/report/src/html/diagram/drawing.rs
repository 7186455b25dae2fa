//! The lines of a diagram.

use faultline_verdict::{Band, Diagram, DrawnKind, Held};
use maud::{Markup, html};

use super::{
    super::text::{count, cut, number},
    rows::{Content, DiagramRow, ROW},
};

/// A diagram with the rows that it is drawn along.
pub struct Canvas<'d> {
    diagram: &'d Diagram,
    rows: &'d [DiagramRow<'d>],
    height: usize,
    /// True if it is known what led to the failure.
    causes: bool,
}

/// The node at which an event happens.
pub fn node_of(what: &DrawnKind) -> Option<&str> {
    match what {
        DrawnKind::Start { node }
        | DrawnKind::Receive { node, .. }
        | DrawnKind::Timer { node }
        | DrawnKind::Invoke { node }
        | DrawnKind::Answer { node }
        | DrawnKind::Crash { node } => Some(node),
        DrawnKind::Lose { .. } | DrawnKind::Fault | DrawnKind::Phase | DrawnKind::Stop => None,
    }
}

impl<'d> Canvas<'d> {
    pub fn new(diagram: &'d Diagram, rows: &'d [DiagramRow<'d>], height: usize) -> Canvas<'d> {
        Canvas {
            diagram,
            rows,
            height,
            causes: diagram.events.iter().any(|drawn| drawn.led),
        }
    }

    /// Where the line of a node stands.
    pub fn x(&self, node: usize) -> String {
        format!("{}%", number(self.percent(node)))
    }

    fn percent(&self, node: usize) -> f64 {
        (node as f64 + 0.5) * 100.0 / self.diagram.nodes.len().max(1) as f64
    }

    fn of(&self, node: &str) -> Option<usize> {
        self.diagram.nodes.iter().position(|known| known == node)
    }

    /// Where a moment stands: with the event of this node at that moment, or between those before
    /// and after.
    fn y(&self, us: u64, node: Option<&str>) -> f64 {
        let here = |row: &&DiagramRow<'_>| {
            row.at_us == us && row.drawn().and_then(|drawn| node_of(&drawn.what)) == node
        };
        if node.is_some()
            && let Some(row) = self.rows.iter().rfind(here)
        {
            return row.middle();
        }
        let events = || self.rows.iter().filter(|row| row.drawn().is_some());
        match (
            events().rfind(|row| row.at_us <= us),
            events().find(|row| row.at_us > us),
        ) {
            (Some(before), Some(after)) => {
                let share = (us - before.at_us) as f64 / (after.at_us - before.at_us) as f64;
                before.middle() + (after.middle() - before.middle()) * share
            }
            (None, _) => 0.0,
            (_, None) => self.height as f64,
        }
    }

    pub fn draw(&self, anchor: &str) -> Markup {
        let title = format!("{anchor}-st-t");
        let description = format!("{anchor}-st-d");
        let messages = self
            .diagram
            .events
            .iter()
            .filter(|drawn| matches!(drawn.what, DrawnKind::Receive { .. }))
            .count();
        html! {
            svg.lines role="img" aria-labelledby=(format!("{title} {description}"))
                width="100%" height=(self.height)
            {
                title id=(title) { "Space-time diagram" }
                desc id=(description) {
                    (count(self.diagram.nodes.len() as u64, "node")) ", "
                    (count(messages as u64, "message")) ", "
                    (count(self.diagram.events.len() as u64, "event"))
                    "; the list beside it tells of each."
                }
                defs {
                    @for (name, class) in [("a", "tip"), ("b", "tip faint")] {
                        marker id=(format!("{anchor}{name}")) class=(class) viewBox="0 0 8 8"
                            refX="11" refY="4" markerWidth="8" markerHeight="8"
                            markerUnits="userSpaceOnUse" orient="auto"
                        {
                            path d="M0 .8 8 4 0 7.2z" {}
                        }
                    }
                    marker id=(format!("{anchor}c")) class="tip" viewBox="0 0 4 4"
                        refX="2" refY="2" markerWidth="4" markerHeight="4"
                        markerUnits="userSpaceOnUse"
                    {
                        circle cx="2" cy="2" r="2" {}
                    }
                }
                (self.marks())
                @for node in 0..self.diagram.nodes.len() {
                    line.life x1=(self.x(node)) x2=(self.x(node)) y1="0" y2=(self.height) {}
                }
                @for band in &self.diagram.bands { (self.band(band)) }
                @for row in self.rows {
                    @match &row.what {
                        Content::Gap { .. } => {
                            rect.gap width="100%" y=(row.top) height=(row.height) {}
                        }
                        Content::Event(..) => {},
                    }
                }
                @for row in self.rows { (self.message(anchor, row)) }
                @for row in self.rows { (self.event(row)) }
            }
        }
    }

    /// What is true of a whole moment: phases, faults, the end.
    fn marks(&self) -> Markup {
        let across = |class: &str, row: &DiagramRow<'_>| {
            let y = number(row.middle());
            html! { line class=(class) x1="0" x2="100%" y1=(y) y2=(y) {} }
        };
        html! {
            @for row in self.rows {
                @match row.drawn().map(|drawn| (&drawn.what, drawn.fatal)) {
                    Some((_, true)) => rect.fatal width="100%" y=(row.top) height=(ROW) {},
                    Some((DrawnKind::Stop, _)) => (across("stop", row)),
                    Some((DrawnKind::Phase, _)) => (across("phase", row)),
                    Some((DrawnKind::Fault, _)) => (across("fault", row)),
                    _ => {},
                }
            }
        }
    }

    fn band(&self, band: &Band) -> Markup {
        let Some(node) = self.of(&band.node) else {
            return html! {};
        };
        let (from, to) = (self.edge(band, band.from_us), self.edge(band, band.to_us));
        if to - from < 1.0 {
            return html! {};
        }
        let (top, end) = (number(from), number(to));
        // Links are drawn beside the line of the node from which they lead, on the side on which
        // they do.
        let beside = band
            .to
            .as_deref()
            .and_then(|to| self.of(to))
            .map_or(0, |to| if to > node { 8 } else { -8 });
        let class = match band.what {
            Held::Down => "down",
            Held::Paused => "paused",
            Held::Slow => "slow",
            Held::Cut => "cut",
            Held::HeldUp => "held",
        };
        html! {
            svg x=(self.x(node)) overflow="visible" {
                @if band.what == Held::Down { line.up x1="0" x2="0" y1=(top) y2=(end) {} }
                line class=(class) x1=(beside) x2=(beside) y1=(top) y2=(end) {}
            }
        }
    }

    fn edge(&self, band: &Band, us: u64) -> f64 {
        self.y(us, band.to.is_none().then_some(band.node.as_str()))
            .min(self.height as f64)
    }

    fn message(&self, anchor: &str, row: &DiagramRow<'_>) -> Markup {
        let Some(drawn) = row.drawn() else {
            return html! {};
        };
        let faint = self.causes && !drawn.led;
        match &drawn.what {
            DrawnKind::Receive {
                node,
                from,
                sent_us,
            } => {
                let (Some(to), Some(start)) = (self.of(node), self.of(from)) else {
                    return html! {};
                };
                let y = self.y(*sent_us, Some(from)).min(row.middle());
                let tip = format!("url(#{anchor}{})", if faint { "b" } else { "a" });
                if to == start {
                    return html! {};
                }
                let end = number(row.middle());
                html! {
                    line.message.faint[faint]
                        x1=(self.x(start)) y1=(number(y)) x2=(self.x(to)) y2=(end)
                        marker-start=[(!faint).then(|| format!("url(#{anchor}c)"))]
                        marker-end=(tip)
                    {
                        title { (cut(from, 20)) " \u{2192} " (cut(node, 20)) }
                    }
                }
            }
            DrawnKind::Lose { from, to } => {
                let (Some(start), Some(to)) = (self.of(from), self.of(to)) else {
                    return html! {};
                };
                let end = self.percent(start) + (self.percent(to) - self.percent(start)) * 0.6;
                let (end, y) = (format!("{}%", number(end)), number(row.middle()));
                html! {
                    line.message.lost
                        x1=(self.x(start)) y1=(number(row.middle() - 6.0)) x2=(end) y2=(y) {}
                    svg x=(end) y=(y) overflow="visible" { path.lost d="M-4-4 4 4M4-4-4 4" {} }
                }
            }
            _ => html! {},
        }
    }

    fn event(&self, row: &DiagramRow<'_>) -> Markup {
        let Some(drawn) = row.drawn() else {
            return html! {};
        };
        let Some(node) = node_of(&drawn.what).and_then(|node| self.of(node)) else {
            return html! {};
        };
        let faint = self.causes && !drawn.led && !matches!(drawn.what, DrawnKind::Crash { .. });
        let class = if drawn.fatal {
            "sign fatal"
        } else if faint {
            "sign faint"
        } else {
            "sign"
        };
        html! {
            svg class=(class) x=(self.x(node)) y=(number(row.middle())) overflow="visible" {
                @if drawn.fatal { circle.ring r="9" {} }
                (sign(&drawn.what))
            }
        }
    }
}

fn sign(what: &DrawnKind) -> Markup {
    match what {
        DrawnKind::Receive { .. } => html! { circle.recv r="3.5" {} },
        DrawnKind::Timer { .. } => html! { circle.timer r="3" {} },
        DrawnKind::Invoke { .. } => html! { path.invoke d="M-4.5-4.5 5 0-4.5 4.5z" {} },
        DrawnKind::Answer { .. } => html! { path.answer d="M0-5.5 5.5 0 0 5.5-5.5 0z" {} },
        DrawnKind::Start { .. } => html! { path.start d="M-7 0H7" {} },
        DrawnKind::Crash { .. } => html! { path.crash d="M-5.5-5.5 5.5 5.5M5.5-5.5-5.5 5.5" {} },
        DrawnKind::Lose { .. } | DrawnKind::Fault | DrawnKind::Phase | DrawnKind::Stop => html! {},
    }
}

/// A sign of the legend.
pub fn key(name: &str) -> Markup {
    html! {
        svg.key.sign aria-hidden="true" width="18" height="14" viewBox="-9 -7 18 14" {
            @match name {
                "recv" => circle.recv r="3.5" {},
                "timer" => circle.timer r="3" {},
                "invoke" => path.invoke d="M-4.5-4.5 5 0-4.5 4.5z" {},
                "answer" => path.answer d="M0-5.5 5.5 0 0 5.5-5.5 0z" {},
                "crash" => path.crash d="M-5-5 5 5M5-5-5 5" {},
                "lost" => path.lost d="M-4-4 4 4M4-4-4 4" {},
                "down" => line.down x1="0" x2="0" y1="-7" y2="7" {},
                "paused" => line.paused x1="0" x2="0" y1="-7" y2="7" {},
                "cut" => line.cut x1="0" x2="0" y1="-7" y2="7" {},
                _ => line.message.faint x1="-8" x2="8" y1="0" y2="0" {},
            }
        }
    }
}
