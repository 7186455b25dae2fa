//! The picture of a test as lanes side by side over the same time. Time is not to scale: what
//! matters are a few moments within milliseconds and long quiet between them, so each stretch is as
//! wide as the words in it need, and a long one a little wider than a short one.

use std::collections::BTreeSet;

use faultline_verdict::{Failure, Lane, Span, Tone};
use maud::{Markup, html};

use super::text::{cut, ms, number};

/// Pixels of a character, about.
const CHARACTER: f64 = 7.2;

/// Maximum number of moments in a picture; these are the last ones.
const MOMENTS: usize = 40;

const LANE: usize = 26;
const AXIS: usize = 20;

pub fn section(anchor: &str, failure: &Failure) -> Markup {
    let Some(scale) = Scale::of(&failure.picture) else {
        return html! {};
    };
    let height = failure.picture.len() * LANE + AXIS;
    let title = format!("{anchor}-lanes-t");
    html! {
        section aria-labelledby=(format!("{anchor}-lanes")) {
            h4 id=(format!("{anchor}-lanes")) { "Who was what" span.of { " (time not to scale)" } }
            div.lanes {
                div.names aria-hidden="true" {
                    @for lane in &failure.picture { span { (cut(&lane.name, 12)) } }
                }
                div.scroll tabindex="0" role="region" aria-label="Lanes: who was what, when" {
                    svg class=(format!("w{}", scale.class())) role="img" aria-labelledby=(title)
                        width="100%" height=(height)
                    {
                        title id=(title) { (words(&failure.picture)) }
                        @for (index, lane) in failure.picture.iter().enumerate() {
                            @for span in &lane.spans { (drawn(span, index, &scale)) }
                        }
                        @for (us, x) in scale.labelled() {
                            line.tick x1=(x) x2=(x) y1=(height - AXIS) y2=(height - AXIS + 4) {}
                            svg x=(x) y=(height - AXIS) overflow="visible" {
                                text.time y="15" { (ms(us)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The lanes in words, for those who do not see them.
fn words(lanes: &[Lane]) -> String {
    let lane = |lane: &Lane| {
        let spans: Vec<String> = lane
            .spans
            .iter()
            .map(|span| format!("{} from {} ms", cut(&span.label, 40), ms(span.from_us)))
            .collect();
        format!("{}: {}", cut(&lane.name, 12), spans.join(", "))
    };
    lanes.iter().map(lane).collect::<Vec<_>>().join(". ")
}

fn drawn(span: &Span, lane: usize, scale: &Scale) -> Markup {
    let (Some(from), Some(to)) = (scale.at(span.from_us), scale.at(span.to_us)) else {
        return html! {};
    };
    if to <= from {
        return html! {};
    }
    let class = match span.tone {
        Tone::Firm => "firm",
        Tone::Tentative => "tentative",
        Tone::Void => "void",
        Tone::Lost => "lost",
    };
    let (x, width) = (
        format!("{}%", number(from)),
        format!("{}%", number(to - from)),
    );
    html! {
        svg class=(class) x=(x) width=(width) y=(lane * LANE) height=(LANE - 4) {
            title {
                (cut(&span.label, 60)) ", "
                (ms(span.from_us)) " \u{2013} " (ms(span.to_us)) " ms"
            }
            rect width="100%" height="100%" {}
            @if span.tone == Tone::Lost { line.hatch x1="0" x2="100%" y1="50%" y2="50%" {} }
            line.edge x1="1" x2="1" y1="0" y2="100%" {}
            text x="7" y="15" { (cut(&span.label, 60)) }
        }
    }
}

/// Where each moment stands.
struct Scale {
    moments: Vec<u64>,
    /// In pixels, if there is just enough room.
    starts: Vec<f64>,
}

impl Scale {
    fn of(lanes: &[Lane]) -> Option<Scale> {
        let spans = || {
            lanes
                .iter()
                .flat_map(|lane| &lane.spans)
                .filter(|span| span.from_us < span.to_us)
        };
        let all: BTreeSet<u64> = spans()
            .flat_map(|span| [span.from_us, span.to_us])
            .collect();
        let moments: Vec<u64> = all
            .iter()
            .copied()
            .skip(all.len().saturating_sub(MOMENTS))
            .collect();
        let (first, _) = (moments.first()?, moments.get(1)?);
        let mut starts = vec![0.0f64];
        for (index, pair) in moments.windows(2).enumerate() {
            let quiet = 10.0 + 6.0 * (1.0 + (pair[1] - pair[0]) as f64 / 1000.0).log2();
            let mut start = starts[index] + quiet;
            for span in spans().filter(|span| span.to_us == pair[1]) {
                if let Ok(begin) = moments.binary_search(&span.from_us.max(*first)) {
                    start = start.max(
                        starts[begin]
                            + span.label.chars().take(60).count() as f64 * CHARACTER
                            + 14.0,
                    );
                }
            }
            starts.push(start);
        }
        Some(Scale { moments, starts })
    }

    fn width(&self) -> f64 {
        self.starts.last().copied().unwrap_or(1.0)
    }

    /// The style sheet has a least width for every hundred pixels.
    fn class(&self) -> usize {
        ((self.width() / 100.0).ceil() as usize).clamp(1, 30)
    }

    /// In percent; what began before the picture begins with it.
    fn at(&self, us: u64) -> Option<f64> {
        let index = self.moments.binary_search(&us.max(self.moments[0])).ok()?;
        Some(self.starts[index] * 100.0 / self.width())
    }

    /// The moments whose times have room, and where they stand; the last one ends the picture and
    /// is told elsewhere.
    fn labelled(&self) -> Vec<(u64, String)> {
        let mut shown: Vec<(u64, String)> = Vec::new();
        let mut free = 0.0;
        for (us, start) in self.moments.iter().zip(&self.starts) {
            let need = ms(*us).len() as f64 * CHARACTER + 6.0;
            if *start >= free && start + need <= self.width() {
                shown.push((*us, format!("{}%", number(start * 100.0 / self.width()))));
                free = start + need;
            }
        }
        shown
    }
}
