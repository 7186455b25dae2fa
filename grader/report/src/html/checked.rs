//! The page of a check of recorded histories: which are linearizable, and for each what proves it
//! or why it is not.

use std::cmp::Reverse;

use faultline_verdict::{
    CheckReport, HistoryReport, HistoryVerdict, Judged, KeyOrder, OperationLine, ViolationReport,
};
use maud::{Markup, PreEscaped, html};

use super::{
    document::document,
    history::{Axis, Bar, table},
    text::{count, cut},
};
use crate::histories::{UNDECIDED, effort, instead, said, word};

/// Maximum number of bytes that histories take of the page; further ones are only listed.
const LARGEST: usize = 1_500_000;

/// Maximum number of histories that are listed.
const LISTED: usize = 300;

/// Maximum number of keys of a witness that are shown.
const KEYS: usize = 24;

/// The page of a check. Equal checks have equal bytes.
pub fn check_page(report: &CheckReport) -> String {
    let of = |verdict| {
        report
            .histories
            .iter()
            .filter(|history| history.verdict == verdict)
            .count() as u64
    };
    let (good, bad) = (
        of(HistoryVerdict::Linearizable),
        of(HistoryVerdict::Violated),
    );
    let all = report.histories.len() as u64;
    let wrong = report
        .histories
        .iter()
        .any(|history| !history.is_as_expected());
    // If names say what must come out, that is what counts.
    let (reached, unit) = match report.histories.iter().any(|one| one.expected.is_some()) {
        true => {
            let as_expected = report.histories.iter().filter(|one| one.is_as_expected());
            (as_expected.count() as u64, "as expected")
        }
        false => (good, "linearizable"),
    };
    let title = match &report.histories[..] {
        [one] => format!("{}: {}", one.file, word(one.verdict)),
        _ if unit == "as expected" => {
            format!("{}: {reached} as expected", count_histories(all))
        }
        _ => format!(
            "{}: {good} linearizable, {bad} violated",
            count_histories(all)
        ),
    };
    // What needs a look comes first.
    let mut histories: Vec<(usize, &HistoryReport)> = (1..).zip(&report.histories).collect();
    let is_fine = |history: &HistoryReport| history.is_as_expected() && history.violation.is_none();
    histories.sort_by_key(|(_, history)| is_fine(history));
    let (shown, articles) = articles(&histories);
    let body = html! {
        a.skip href="#histories" { "Skip to the histories" }
        header.banner {
            div {
                p.lab { "cargo grade check" }
                h1 { @if all == 1 { "A recorded history" } @else { "Recorded histories" } }
                p.submission { "Is there one order of the operations that explains all replies?" }
            }
            p.total.good[!wrong].bad[wrong] {
                span.earned { (reached) } " / " (all)
                span.unit { " " (unit) }
            }
        }
        main {
            section aria-labelledby="histories" {
                h2 #histories tabindex="-1" { (count_histories(all)) }
                @if all > 1 { (overview(&histories, shown)) }
                (articles)
            }
        }
        footer {
            p {
                "Times are those of the files. A bar ends where the reply came; an operation may \
                 take effect at any moment of its bar."
            }
        }
    };
    document(&title, body)
}

fn count_histories(all: u64) -> String {
    if all == 1 {
        "1 history".to_owned()
    } else {
        format!("{all} histories")
    }
}

fn class(report: &HistoryReport) -> &'static str {
    match report.verdict {
        HistoryVerdict::Linearizable => "passed",
        HistoryVerdict::Violated => "failed",
        HistoryVerdict::Undecided => "unscored",
    }
}

/// All of them, the first ones with a link to their part.
fn overview(histories: &[(usize, &HistoryReport)], linked: usize) -> Markup {
    html! {
        table.tests {
            caption.unseen { "All histories" }
            thead {
                tr {
                    th scope="col" { "History" }
                    th scope="col" { "Verdict" }
                    th.num scope="col" { "Operations" }
                    th.seeds scope="col" { "How it was found" }
                }
            }
            tbody {
                @for (place, (number, history)) in histories.iter().enumerate().take(LISTED) {
                    tr class=(class(history)) {
                        th scope="row" {
                            a href=[(place < linked).then(|| format!("#h{number}"))] {
                                code { (cut(&history.file, 120)) }
                            }
                        }
                        td {
                            span.status { (word(history.verdict)) }
                            @if let Some(said) = said(history) { span.of { ", " (said) } }
                        }
                        td.num { (history.operations) }
                        td.seeds { (effort(history)) }
                    }
                }
            }
        }
        @if histories.len() > LISTED { p { "and " (histories.len() - LISTED) " more" } }
        @if histories.len() > linked {
            p.of { "The page is large already: check the others alone to see more of them." }
        }
    }
}

/// A part for each, as far as there is room; and how many there are.
fn articles(histories: &[(usize, &HistoryReport)]) -> (usize, Markup) {
    let mut all = String::new();
    let mut shown = 0;
    for (place, (number, history)) in histories.iter().enumerate() {
        let article = article(history, *number, place == 0).into_string();
        if all.len() + article.len() > LARGEST {
            break;
        }
        all += &article;
        shown += 1;
    }
    (shown, PreEscaped(all))
}

fn article(report: &HistoryReport, number: usize, open: bool) -> Markup {
    let anchor = format!("h{number}");
    let gist = match (&report.violation, report.verdict) {
        (Some(violation), _) => violation.sentence.clone(),
        (None, HistoryVerdict::Undecided) => UNDECIDED.to_owned(),
        (None, _) => format!("{} in order", count(report.operations as u64, "operation")),
    };
    let tag = report
        .violation
        .as_ref()
        .map_or(word(report.verdict).to_owned(), |violation| {
            violation.kind.replace('-', " ")
        });
    html! {
        article.failure id=(anchor) aria-labelledby=(format!("{anchor}-h")) {
            details open[open] {
                summary {
                    h3 id=(format!("{anchor}-h")) { code { (cut(&report.file, 120)) } }
                    " "
                    span.tag.bad[report.verdict != HistoryVerdict::Linearizable] {
                        (cut(&tag, 40))
                    }
                    span.gist { (cut(&gist, 220)) }
                }
                div.body {
                    dl.facts {
                        dt { "Verdict" }
                        dd {
                            (word(report.verdict))
                            @if let Some(said) = said(report) { ", " (said) }
                        }
                        @if let Some(violation) = &report.violation {
                            dt { "Why" }
                            dd.observed { pre { strong { (cut(&violation.sentence, 4_000)) } } }
                            @if let Some(instead) = instead(violation) {
                                dt { "Instead" }
                                dd { (cut(&instead, 1_000)) }
                            }
                        }
                        @if report.verdict == HistoryVerdict::Undecided {
                            dt { "Why" }
                            dd { (UNDECIDED) }
                        }
                        dt { "Checked" }
                        dd {
                            (count(report.operations as u64, "operation")) "; "
                            (count(report.keys_by_zones as u64, "key")) " without a search, "
                            (report.keys_by_search) " with one ("
                            (count(report.configurations, "configuration")) ")"
                        }
                    }
                    @match &report.violation {
                        Some(violation) => (violated(&anchor, violation)),
                        None => (witness(&anchor, &report.witness)),
                    }
                }
            }
        }
    }
}

fn bar(line: &OperationLine, judged: Judged) -> Bar<'_> {
    Bar {
        client: line.client.to_string(),
        line: Some(line.line),
        command: &line.command,
        answer: line.reply.as_deref(),
        from: line.call,
        to: line.ret,
        judged,
    }
}

/// The operations that contradict each other, among those before them.
fn violated(anchor: &str, violation: &ViolationReport) -> Markup {
    let about = violation.about();
    let mut bars: Vec<Bar<'_>> = violation
        .around
        .iter()
        .map(|line| bar(line, Judged::Plain))
        .collect();
    bars.extend(about.iter().map(|line| {
        bar(
            line,
            if line.line == violation.impossible.line {
                Judged::Impossible
            } else {
                Judged::Explains
            },
        )
    }));
    bars.sort_by_key(|bar| (bar.from, bar.line));
    let left_out = (violation.prefix as u64).saturating_sub(bars.len() as u64);
    let latest = violation.impossible.ret;
    html! {
        section aria-labelledby=(format!("{anchor}-ops")) {
            h4 id=(format!("{anchor}-ops")) { "What clients saw, up to the impossible reply" }
            ul.legend aria-label="Signs" {
                li { "coloured: the operations that contradict each other" }
                li { "grey: what else went on" }
            }
            (table(violation.key.as_deref(), left_out, &bars, &Axis::of(&bars, latest)))
        }
    }
}

/// For each key the order that explains all replies.
fn witness(anchor: &str, orders: &[KeyOrder]) -> Markup {
    let mut shown: Vec<&KeyOrder> = orders
        .iter()
        .filter(|order| !order.first.is_empty())
        .collect();
    // Those with most to see; the sort is stable, so equal ones stay in the order of their keys.
    shown.sort_by_key(|order| Reverse(order.first.len()));
    shown.truncate(KEYS);
    html! {
        @if !shown.is_empty() {
            section aria-labelledby=(format!("{anchor}-ops")) {
                h4 id=(format!("{anchor}-ops")) { "An order that explains all replies" }
                @for order in &shown {
                    @let plain = |line| bar(line, Judged::Plain);
                    @let bars: Vec<Bar<'_>> = order.first.iter().map(plain).collect();
                    (table(order.key.as_deref(), 0, &bars, &Axis::of(&bars, None)))
                    @if order.lines.len() > bars.len() {
                        @let more = (order.lines.len() - bars.len()) as u64;
                        p.of { "and " (count(more, "later operation")) }
                    }
                }
                @if orders.len() > shown.len() {
                    p.of { "and " (count((orders.len() - shown.len()) as u64, "more key")) }
                }
            }
        }
    }
}
