//! A picture as text: lanes side by side over the same time. Time is not to scale, since what
//! matters are a few moments within milliseconds and long quiet between them: every moment at which
//! something changes is a column, as wide as what is written there needs.

use std::collections::BTreeSet;

use colored::Colorize;
use faultline_verdict::{Lane, Span, Tone};

use crate::safe::printable;

/// Two spaces, a name, two spaces.
const HEAD: usize = 11;

/// The lines of a picture, in at most `width` columns; the latest part of it if there is no room
/// for all.
pub(crate) fn picture_lines(lanes: &[Lane], width: usize) -> Vec<String> {
    let (Some(end), room) = (
        lanes
            .iter()
            .flat_map(|lane| &lane.spans)
            .map(|span| span.to_us)
            .max(),
        width.saturating_sub(HEAD),
    ) else {
        return Vec::new();
    };
    let spans = lanes.iter().flat_map(|lane| &lane.spans);
    let moments: BTreeSet<u64> = spans.flat_map(|span| [span.from_us, span.to_us]).collect();
    let moments: Vec<u64> = moments.into_iter().collect();
    // The longest part that ends with the end and fits.
    let part = |lanes: &[Lane]| {
        let fits = |first: &usize| {
            let columns = Columns::new(lanes, &moments[*first..], end);
            (columns.width() <= room).then_some(columns)
        };
        (0..moments.len()).find_map(|first| fits(&first))
    };
    // A value that has changed is shown with the one before it; rather are labels cut.
    let cut = LABELS.iter().find_map(|longest| {
        let lanes = with_labels_cut(lanes, *longest);
        let columns = part(&lanes).filter(|columns| columns.show_what_was(&lanes))?;
        Some(columns.draw(&lanes))
    });
    cut.or_else(|| Some(part(lanes)?.draw(lanes)))
        .unwrap_or_default()
}

/// The longest labels that are tried, one after the other.
const LABELS: [usize; 3] = [usize::MAX, 32, 24];

fn with_labels_cut(lanes: &[Lane], longest: usize) -> Vec<Lane> {
    let mut lanes = lanes.to_vec();
    for span in lanes.iter_mut().flat_map(|lane| &mut lane.spans) {
        if span.label.chars().count() > longest {
            // The end may tell as much as the beginning.
            let (front, end) = (longest / 2, longest - longest / 2 - 2);
            let letters: Vec<char> = span.label.chars().collect();
            let text = |part: &[char]| part.iter().collect::<String>();
            let end = &letters[letters.len() - end..];
            span.label = format!("{}..{}", text(&letters[..front]), text(end));
        }
    }
    lanes
}

/// Where each moment stands.
struct Columns {
    /// The moments at which something begins or ends.
    moments: Vec<u64>,
    /// The column of each.
    starts: Vec<usize>,
}

impl Columns {
    fn new(lanes: &[Lane], changes: &[u64], end: u64) -> Columns {
        let moments: Vec<u64> = changes
            .iter()
            .copied()
            .filter(|change| *change < end)
            .chain([end])
            .collect();
        // A moment stands at least one column behind the one before it, and behind all that ends
        // with it.
        let mut starts = vec![0];
        for index in 1..moments.len() {
            let mut start = starts[index - 1] + 1;
            for span in lanes
                .iter()
                .flat_map(|lane| &lane.spans)
                .filter(|span| span.to_us == moments[index])
            {
                if let Some(begin) = begin_in(&moments, span)
                    && begin < index
                {
                    start = start.max(starts[begin] + label(span).chars().count() + 2);
                }
            }
            starts.push(start);
        }
        Columns { moments, starts }
    }

    /// True if of each lane whose last change is shown what was before it is shown, too.
    fn show_what_was(&self, lanes: &[Lane]) -> bool {
        let first = self.moments[0];
        lanes.iter().all(|lane| match lane.spans.as_slice() {
            [.., before, last] if last.tone != Tone::Void => {
                let told_apart = before.label != last.label;
                last.from_us < first || (before.to_us > first && told_apart)
            }
            _ => true,
        })
    }

    /// The columns that a drawing takes: its last moment is told in full.
    fn width(&self) -> usize {
        let last = self.starts.last().zip(self.moments.last());
        last.map_or(0, |(start, moment)| {
            start + time_text(*moment, true).chars().count()
        })
    }

    fn draw(&self, lanes: &[Lane]) -> Vec<String> {
        let mut lines = vec![format!("{}{}", " ".repeat(HEAD), self.times().dimmed())];
        for lane in lanes {
            let name: String = printable(&lane.name).chars().take(HEAD - 4).collect();
            let mut line = format!("    {:<width$}", name, width = HEAD - 4)
                .dimmed()
                .to_string();
            let mut at = 0;
            for span in &lane.spans {
                let (Some(begin), Some(end)) = (
                    begin_in(&self.moments, span),
                    self.moments.iter().position(|moment| *moment == span.to_us),
                ) else {
                    continue;
                };
                let (start, stop) = (self.starts[begin], self.starts[end]);
                if begin >= end || start < at {
                    continue;
                }
                line += &" ".repeat(start - at);
                line += &drawn(span, stop - start);
                at = stop;
            }
            lines.push(line.trim_end().to_owned());
        }
        lines
    }

    /// Each moment in milliseconds, where there is room.
    fn times(&self) -> String {
        let mut line = String::new();
        for (moment, start) in self.moments.iter().zip(&self.starts) {
            let free = line.chars().count();
            let last = *moment == *self.moments.last().expect("there is an end");
            let text = time_text(*moment, last);
            if free == 0 || free < *start {
                line += &" ".repeat(start - free);
                line += &text;
            }
        }
        line
    }
}

/// A moment in milliseconds; the last one says so.
fn time_text(moment: u64, last: bool) -> String {
    format!("{}{}", moment / 1000, if last { " ms" } else { "" })
}

/// The index of the moment at which a span is first seen; a span that began before the picture
/// begins with it.
fn begin_in(moments: &[u64], span: &Span) -> Option<usize> {
    if span.to_us <= moments[0] {
        return None;
    }
    moments
        .iter()
        .position(|moment| *moment == span.from_us.max(moments[0]))
}

fn label(span: &Span) -> String {
    printable(&span.label)
}

/// `|3 s2+s1 =====`, `width` characters wide.
fn drawn(span: &Span, width: usize) -> String {
    let label: String = label(span).chars().take(width.saturating_sub(1)).collect();
    let rest = width - 1 - label.chars().count();
    let (fill, label) = match span.tone {
        Tone::Firm => ("=", label.normal()),
        Tone::Tentative => (".", label.yellow()),
        Tone::Void => (" ", label.red()),
        Tone::Lost => ("/", label.red()),
    };
    match rest {
        0 => format!("|{label}"),
        rest if fill == " " => format!("|{label}{}", " ".repeat(rest)),
        rest => format!("|{label} {}", fill.repeat(rest - 1).dimmed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from_us: u64, to_us: u64, label: &str, tone: Tone) -> Span {
        Span {
            from_us: from_us * 1000,
            to_us: to_us * 1000,
            label: label.to_owned(),
            tone,
        }
    }

    fn lane(name: &str, spans: Vec<Span>) -> Lane {
        Lane {
            name: name.to_owned(),
            spans,
        }
    }

    fn example() -> Vec<Lane> {
        vec![
            lane(
                "views",
                vec![
                    span(30, 60, "1 s1?", Tone::Tentative),
                    span(60, 100, "1 s1", Tone::Firm),
                    span(100, 130, "2 s1+s2?", Tone::Tentative),
                    span(130, 400, "2 s1+s2", Tone::Firm),
                    span(400, 460, "3 s2?", Tone::Tentative),
                ],
            ),
            lane(
                "s1",
                vec![
                    span(40, 110, "primary 1", Tone::Firm),
                    span(110, 460, "primary 2", Tone::Firm),
                ],
            ),
            lane(
                "s2",
                vec![
                    span(105, 300, "backup 2", Tone::Firm),
                    span(300, 460, "down", Tone::Void),
                ],
            ),
        ]
    }

    #[test]
    fn lanes_stand_under_each_other() {
        colored::control::set_override(false);
        let text = picture_lines(&example(), 120).join("\n");
        insta::assert_snapshot!(text);
    }

    /// What a server had accepted before is half of a contradiction.
    #[test]
    fn what_was_before_the_last_change_is_shown() {
        colored::control::set_override(false);
        let long = "accepted \"of the one that was away\" since 9.3";
        let lanes = [
            lane("s1", vec![span(5, 90, "chosen \"first\"", Tone::Firm)]),
            lane(
                "s2",
                vec![
                    span(10, 60, "accepted \"first\" since 1.1", Tone::Tentative),
                    span(60, 90, long, Tone::Tentative),
                ],
            ),
            lane("s3", vec![span(50, 90, long, Tone::Tentative)]),
        ];
        let lines = picture_lines(&lanes, 80);
        let s2 = "    s2      |accepted \"first\" since 1.1 |accepted \"of the..way\" since 9.3";
        assert!(lines.contains(&s2.to_owned()), "{lines:#?}");
    }

    #[test]
    fn the_end_is_shown_if_there_is_no_room_for_all() {
        colored::control::set_override(false);
        for width in [40, 60, 80] {
            let lines = picture_lines(&example(), width);
            assert!(
                lines.iter().all(|line| line.chars().count() <= width),
                "{width}: {lines:#?}"
            );
            assert!(
                lines.iter().any(|line| line.contains("3 s2?")),
                "{width}: {lines:#?}"
            );
        }
        assert!(picture_lines(&[], 80).is_empty());
    }
}
