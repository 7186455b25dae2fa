//! What clients saw, key by key: each operation a bar from its call to its answer.

use faultline_verdict::{Asked, Failure, Judged};
use maud::{Markup, html};

use super::text::{count, cut, ms, number};

/// An operation as it is drawn.
pub struct Bar<'a> {
    pub client: String,
    /// Its line in the file that it is from.
    pub line: Option<usize>,
    pub command: &'a str,
    pub answer: Option<&'a str>,
    pub from: u64,
    pub to: Option<u64>,
    pub judged: Judged,
}

/// The time over which bars are drawn.
pub struct Axis {
    begin: u64,
    end: u64,
    tell: fn(u64) -> String,
    unit: &'static str,
}

impl Axis {
    /// Of all `bars`; an open one ends with the last of them, or with `latest` if that is later.
    /// Times are told as they are.
    pub fn of(bars: &[Bar<'_>], latest: Option<u64>) -> Axis {
        let begin = bars.iter().map(|bar| bar.from).min().unwrap_or(0);
        let last = bars
            .iter()
            .map(|bar| bar.to.unwrap_or(bar.from))
            .max()
            .unwrap_or(0);
        let open = bars.iter().any(|bar| bar.to.is_none());
        let end = latest
            .filter(|_| open)
            .map_or(last, |latest| latest.max(last));
        Axis {
            begin,
            end: end.max(begin.saturating_add(1)),
            tell: |time| time.to_string(),
            unit: "",
        }
    }

    /// In percent of the width.
    fn at(&self, time: u64) -> String {
        let share = time.saturating_sub(self.begin) as f64 / (self.end - self.begin).max(1) as f64;
        format!("{}%", number((share * 100.0).min(100.0)))
    }
}

pub fn section(anchor: &str, failure: &Failure) -> Markup {
    let keys: Vec<Vec<Bar<'_>>> = failure
        .history
        .iter()
        .map(|key| key.operations.iter().map(bar).collect())
        .collect();
    let all: Vec<Bar<'_>> = failure
        .history
        .iter()
        .flat_map(|key| &key.operations)
        .map(bar)
        .collect();
    let axis = Axis {
        tell: ms,
        unit: " ms",
        ..Axis::of(&all, Some(failure.at_us))
    };
    html! {
        section aria-labelledby=(format!("{anchor}-ops")) {
            h4 id=(format!("{anchor}-ops")) { "What clients saw" }
            @for (key, bars) in failure.history.iter().zip(&keys) {
                (table(Some(&key.key), key.left_out, bars, &axis))
            }
        }
    }
}

fn bar(asked: &Asked) -> Bar<'_> {
    Bar {
        client: asked.client.clone(),
        line: None,
        command: &asked.command,
        answer: asked.answer.as_deref(),
        from: asked.from_us,
        to: asked.to_us,
        judged: asked.judged,
    }
}

/// The operations on one key, or on all if there is none.
pub fn table(key: Option<&str>, left_out: u64, bars: &[Bar<'_>], axis: &Axis) -> Markup {
    html! {
        table.ops {
            caption {
                @match key {
                    Some(key) => { "Key " code { (cut(key, 100)) } },
                    None => "All keys",
                }
                @if left_out > 0 {
                    span.of { " (" (count(left_out, "earlier operation")) " left out)" }
                }
            }
            thead {
                tr {
                    th scope="col" { span.unseen { "Client" } }
                    th.when scope="col" {
                        span.unseen { "When" }
                        span.axis {
                            span { ((axis.tell)(axis.begin)) }
                            span { ((axis.tell)(axis.end)) (axis.unit) }
                        }
                    }
                    th scope="col" { span.unseen { "Operation" } }
                    th.num.times scope="col" { "Called \u{2013} answered" }
                }
            }
            tbody { @for bar in bars { (row(bar, axis)) } }
        }
    }
}

fn row(bar: &Bar<'_>, axis: &Axis) -> Markup {
    let class = match bar.judged {
        Judged::Plain => "plain-op",
        Judged::Explains => "explains",
        Judged::Impossible => "impossible",
    };
    let ended = bar.to.map_or("still open".to_owned(), axis.tell);
    let times = format!("{} \u{2013} {ended}", (axis.tell)(bar.from));
    html! {
        tr class=(class) {
            th scope="row" { (cut(&bar.client, 20)) }
            td.when {
                svg aria-hidden="true" width="100%" height="14" {
                    line.rail x1="0" x2="100%" y1="7" y2="7" {}
                    @match bar.to {
                        Some(to) => {
                            line.op x1=(axis.at(bar.from)) x2=(axis.at(to)) y1="7" y2="7" {}
                        }
                        None => line.op.open x1=(axis.at(bar.from)) x2="100%" y1="7" y2="7" {},
                    }
                }
            }
            td.what {
                code { (cut(bar.command, 200)) }
                " "
                @match bar.answer {
                    Some(answer) => { span.of { "= " } code.answer { (cut(answer, 200)) } },
                    None => span.of { "no answer yet" },
                }
                @if bar.judged == Judged::Impossible { " " span.tag.bad { "impossible" } }
                @if let Some(line) = bar.line { " " span.of { "line " (line) } }
            }
            td.num.times { (times) }
        }
    }
}
