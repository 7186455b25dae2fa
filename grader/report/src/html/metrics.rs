//! What it cost: counts per phase.

use faultline_verdict::{Grade, PhaseCounts, Searched, TestVerdict};
use maud::{Markup, html};

use super::text::{count, cut, ms, percent};

/// All tests in one table.
pub fn section(grade: &Grade) -> Markup {
    let measured: Vec<&TestVerdict> = grade
        .tests
        .iter()
        .filter(|verdict| phases(verdict).next().is_some())
        .collect();
    html! {
        @if !measured.is_empty() {
            section aria-labelledby="metrics" {
                h2 #metrics { "Metrics" }
                details.plain {
                    summary { "Every test, over all its seeds" }
                    div.scroll tabindex="0" role="region" aria-label="Metrics of every test" {
                        table.metrics {
                            caption.unseen { "Metrics of every test and phase" }
                            (head(true))
                            @for verdict in measured {
                                tbody {
                                    @for (index, phase) in phases(verdict).enumerate() {
                                        (row((index == 0).then_some(verdict), true, phase))
                                    }
                                }
                            }
                        }
                    }
                    (words())
                }
            }
        }
    }
}

/// One failed test.
pub fn of_test(verdict: &TestVerdict) -> Markup {
    html! {
        details.plain {
            summary { h4 { "Metrics and faults" } }
            div.scroll tabindex="0" role="region" aria-label="Metrics of this test" {
                table.metrics {
                    caption { "Over " (count(verdict.seeds, "seed")) " (virtual time)" }
                    (head(false))
                    tbody { @for phase in phases(verdict) { (row(None, false, phase)) } }
                }
            }
            @if !verdict.searched.is_empty() {
                dl.pairs {
                    @for search in verdict.searched.iter().take(30) {
                        dt { "From " (cut(&search.from, 100)) }
                        dd { (searched_line(search)) }
                    }
                }
            }
            @if !verdict.faults.is_empty() {
                dl.pairs {
                    @for (name, count) in verdict.faults.iter().take(30) {
                        dt { (cut(name, 100)) }
                        dd { (count) }
                    }
                }
            }
            (words())
        }
    }
}

fn searched_line(search: &Searched) -> String {
    let Searched {
        states,
        all,
        walks,
        depth,
        transitions,
        calls,
        ..
    } = search;
    let what = match (walks, all) {
        (0, true) => format!("all {states} states, up to {depth} steps away"),
        (0, false) => format!("the nearest {states} states, up to {depth} steps away"),
        _ => format!("{walks} random walks of up to {depth} steps"),
    };
    format!("{what}; {transitions} transitions, for which handlers were called {calls} times")
}

fn phases(verdict: &TestVerdict) -> impl Iterator<Item = &PhaseCounts> {
    verdict
        .phases
        .iter()
        .filter(|phase| phase.events > 0 || phase.operations > 0)
        .take(20)
}

fn head(with_test: bool) -> Markup {
    html! {
        thead {
            tr {
                @if with_test { th scope="col" { "Test" } }
                th scope="col" { "Phase" }
                th.num scope="col" { "Lasted" }
                th.num scope="col" { "Operations" }
                th.num scope="col" { "p50" }
                th.num scope="col" { "p99" }
                th.num scope="col" { "Longest" }
                th.num scope="col" { "Available" }
                th.num scope="col" { "Recovery" }
                th.num scope="col" { "Messages / op" }
                th.num scope="col" { "Bytes / op" }
            }
        }
    }
}

fn row(first: Option<&TestVerdict>, with_test: bool, phase: &PhaseCounts) -> Markup {
    let asked = phase.operations > 0;
    let each = |sum: u64| {
        let tenths = (sum * 10).checked_div(phase.operations)?;
        Some(format!("{}.{}", tenths / 10, tenths % 10))
    };
    let latency = |us: u64| asked.then(|| format!("{} ms", ms(us)));
    let cells = [
        Some(format!(
            "{}.{} s",
            phase.lasted_ms / 1000,
            phase.lasted_ms % 1000 / 100
        )),
        asked.then(|| phase.operations.to_string()),
        latency(phase.latency_p50_us),
        latency(phase.latency_p99_us),
        latency(phase.latency_max_us),
        phase.available_permille.map(percent),
        phase.recovery_max_us.map(|us| format!("{} ms", ms(us))),
        each(phase.messages),
        each(phase.bytes),
    ];
    html! {
        tr {
            @if with_test {
                th scope="row" {
                    @if let Some(verdict) = first { code { (cut(&verdict.id, 120)) } }
                }
            }
            th scope="row" { (cut(&phase.phase, 60)) }
            @for cell in cells {
                td.num { @match cell { Some(text) => (text), None => span.of { "\u{2013}" } } }
            }
        }
    }
}

fn words() -> Markup {
    html! {
        p.small {
            "Latencies are from the call to the answer. " b { "Available" }
            " is the share of windows of 100 ms with an answer, among those with one and those in \
             which an operation was open throughout. " b { "Recovery" }
            " is the longest time from healing the world to the next answer."
        }
    }
}
