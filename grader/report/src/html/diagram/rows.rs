//! The rows of a diagram: which lines of the trace it shows, and where.

use faultline_verdict::{Diagram, Drawn, DrawnKind, Failure, TraceLine};

/// The height of an event.
pub const ROW: usize = 24;
/// The height of a line that a handler printed below it.
const PRINTED: usize = 16;
/// Maximum number of such lines at one event; the trace as text has the others.
const PRINTED_LINES: usize = 4;
/// Maximum number of such lines in all of a diagram.
const PRINTED_IN_ALL: usize = 80;
/// The height of a longer time in which nothing is shown.
pub const GAP: usize = 20;
/// The height of a short one.
const SMALL_GAP: usize = 8;
/// A time of which at least this number of events was left out is a longer one.
const MANY: u64 = 8;
/// So is one of at least this number of microseconds.
const LONG: u64 = 40_000;

/// A row of the diagram.
pub struct DiagramRow<'f> {
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

impl DiagramRow<'_> {
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

/// The trace as rows. What was left out is a gap; faults of one moment share a row.
pub fn rows<'f>(failure: &'f Failure, diagram: &'f Diagram) -> Vec<DiagramRow<'f>> {
    let mut rows: Vec<DiagramRow<'f>> = Vec::new();
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
        if let Some(DiagramRow {
            at_us,
            what: Content::Event(before, _, more),
            ..
        }) = rows.last_mut()
            && before.what == DrawnKind::Fault
            && drawn.what == DrawnKind::Fault
            && *at_us == line.at_us
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
            rows.push(DiagramRow {
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
        rows.push(DiagramRow {
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
