//! The failures, one after the other.

use faultline_verdict::{Failure, Grade, Status, TestVerdict, TraceLine};
use maud::{Markup, PreEscaped, html};

use super::{
    anchor::of_line,
    diagram, history, lanes, metrics,
    text::{arrows, count, cut, ms, shown},
};
use crate::{alike::are_alike, failure::told};

/// Maximum number of bytes that all failures together take of the page.
const LARGEST: usize = 1_500_000;

/// Maximum number of characters that are shown in one failure of what was printed.
const PRINTED: usize = 24_000;

/// Maximum number of characters of one printed line.
const PRINTED_LINE: usize = 400;

/// A failure as the page lists it.
pub struct Listed<'g> {
    /// Its place on the page.
    pub anchor: String,
    verdict: &'g TestVerdict,
    /// Other tests that fail in the same way.
    also: Vec<Also<'g>>,
}

/// A test that fails in the same way as one before it.
struct Also<'g> {
    verdict: &'g TestVerdict,
    /// Its own place on the page. A hole of the starter stops many tests, and is told once.
    anchor: Option<String>,
}

impl Listed<'_> {
    /// True if this is where the page tells of the test.
    pub fn holds(&self, verdict: &TestVerdict) -> bool {
        let nowhere_else = |also: &&Also<'_>| also.anchor.is_none();
        let mut only_here = self.also.iter().filter(nowhere_else);
        self.verdict.id == verdict.id || only_here.any(|also| also.verdict.id == verdict.id)
    }
}

/// The failures in the order of the rubric.
pub fn listed(grade: &Grade) -> Vec<Listed<'_>> {
    let mut listed: Vec<Listed<'_>> = Vec::new();
    let mut groups: Vec<(usize, &Failure)> = Vec::new();
    for verdict in grade
        .tests
        .iter()
        .filter(|verdict| verdict.status == Status::Failed)
    {
        let failure = verdict.failure.as_ref();
        let like = failure.and_then(|failure| {
            groups
                .iter()
                .find(|(_, first)| are_alike(first, failure))
                .map(|(first, _)| *first)
        });
        let is_hole = failure.is_some_and(|failure| failure.kind == "not-implemented");
        let anchor = format!("f{}", listed.len() + 1);
        match like {
            Some(first) => {
                let anchor = (!is_hole).then(|| anchor.clone());
                listed[first].also.push(Also { verdict, anchor });
            }
            None => groups.extend(failure.map(|failure| (listed.len(), failure))),
        }
        if like.is_none() || !is_hole {
            listed.push(Listed {
                anchor,
                verdict,
                also: Vec::new(),
            });
        }
    }
    listed
}

pub fn section(grade: &Grade, failures: &[Listed<'_>]) -> Markup {
    let tests = failures
        .iter()
        .map(|listed| {
            let only_here = listed.also.iter().filter(|also| also.anchor.is_none());
            1 + only_here.count() as u64
        })
        .sum();
    html! {
        section aria-labelledby="failures" {
            h2 #failures tabindex="-1" {
                @if grade.tests.is_empty() {
                    "Failures"
                } @else if failures.is_empty() {
                    "No failures"
                } @else {
                    (count(tests, "failure"))
                }
            }
            @if grade.tests.is_empty() { p { "No test was run." } }
            (articles(failures))
        }
    }
}

/// All of them; once the page is large, further ones without their stories.
fn articles(failures: &[Listed<'_>]) -> Markup {
    let mut all = String::new();
    for (index, listed) in failures.iter().enumerate() {
        let full = article(listed, index == 0, true).into_string();
        all += &match all.len() + full.len() <= LARGEST {
            true => full,
            false => article(listed, index == 0, false).into_string(),
        };
    }
    PreEscaped(all)
}

fn article(listed: &Listed<'_>, open: bool, full: bool) -> Markup {
    let verdict = listed.verdict;
    let kind = verdict
        .failure
        .as_ref()
        .map_or(crate::HIDDEN.to_owned(), |failure| {
            failure.kind.replace('-', " ")
        });
    let most = if full { 4_000 } else { 300 };
    let observed = match &verdict.failure {
        Some(failure) => failure.observed.lines().next().unwrap_or_default(),
        None => "how it failed is not shown",
    };
    html! {
        article.failure id=(listed.anchor) aria-labelledby=(format!("{}-h", listed.anchor)) {
            details open[open] {
                summary {
                    h3 id=(format!("{}-h", listed.anchor)) {
                        span.part { (cut(&verdict.part, 20)) } " " code { (cut(&verdict.id, 120)) }
                    }
                    " " span.tag.bad { (cut(&kind, 40)) }
                    " " span.lost { (verdict.earned) " / " (verdict.points) }
                    span.gist { (cut(observed, 220)) }
                }
                div.body {
                    dl.facts {
                        dt { "Property" } dd { (cut(&verdict.property, 1_000)) }
                        @match &verdict.failure {
                            Some(failure) => (facts(verdict, failure, most)),
                            None => {
                                dt { "Category" } dd { (cut(&verdict.category, 40)) }
                                dt { "Observed" } dd { "A hidden test failed; how is not shown." }
                            }
                        }
                    }
                    @if !listed.also.is_empty() { (also(listed)) }
                    @match &verdict.failure {
                        Some(failure) if full => (story(listed, failure)),
                        Some(_) => p.of {
                            "The page is large already: replay this failure, or grade this test \
                             alone, to see what happened."
                        },
                        None => {},
                    }
                    @if !verdict.phases.is_empty() { (metrics::of_test(verdict)) }
                }
            }
        }
    }
}

fn facts(verdict: &TestVerdict, failure: &Failure, most: usize) -> Markup {
    html! {
        dt { "Observed" } dd.observed { (observed(&failure.observed, most)) }
        dt { "Setting" } dd { (cut(&failure.setting, 1_000)) }
        dt { "Seed" }
        dd {
            (failure.seed)
            span.of {
                " (the lowest of those that failed: "
                (verdict.failing_seeds) " of " (verdict.seeds) ")"
            }
        }
        dt { "At" } dd { (ms(failure.at_us)) " ms" }
        @if let Some(replay) = &failure.replay {
            dt { "Replay" }
            dd.replay {
                code.copy tabindex="0" title="A click selects all of it" { (shown(replay)) }
            }
        }
        dt { "Handout" } dd { code { (cut(&failure.handout, 400)) } }
    }
}

/// The first line is the sentence, the others are its grounds.
fn observed(text: &str, most: usize) -> Markup {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    html! {
        pre { strong { (cut(first, most)) } @if !rest.is_empty() { "\n" (cut(rest, most)) } }
    }
}

fn also(listed: &Listed<'_>) -> Markup {
    html! {
        p {
            @match listed.also.len() {
                1 => "1 more test fails the same way:",
                many => { (many) " more tests fail the same way:" }
            }
        }
        ul.also {
            @for also in &listed.also {
                @let name = cut(&also.verdict.id, 120);
                li {
                    @match &also.anchor {
                        Some(anchor) => a href=(format!("#{anchor}")) { code { (name) } },
                        None => code { (name) },
                    }
                }
            }
        }
    }
}

fn story(listed: &Listed<'_>, failure: &Failure) -> Markup {
    let anchor = listed.anchor.as_str();
    html! {
        @if !failure.picture.is_empty() { (lanes::section(anchor, failure)) }
        @if !failure.history.is_empty() { (history::section(anchor, failure)) }
        @if let Some(diagram) = &failure.diagram && !failure.trace.is_empty() {
            (diagram::section(anchor, failure, diagram))
        }
        @if !failure.trace.is_empty() { (trace(anchor, failure)) }
    }
}

/// The trace in full, as the terminal shows it, to read, search and copy.
fn trace(anchor: &str, failure: &Failure) -> Markup {
    let mut left = PRINTED;
    html! {
        details.plain.trace open[failure.diagram.is_none()] {
            summary { h4 { "Trace as text" } }
            ol.lines {
                @for line in &failure.trace {
                    @let place = of_line(anchor, line.number);
                    li.broke[line.broke].left-out[line.number == 0] id=[place] {
                        span.at { (ms(line.at_us)) }
                        span.no { @if line.number > 0 { (line.number) } }
                        span.words {
                            (cut(&arrows(line, told(line, failure)), 1_000))
                            (printed(line, &mut left))
                        }
                    }
                }
            }
        }
    }
}

/// What a handler printed, as far as there is room for it in this failure.
fn printed(line: &TraceLine, left: &mut usize) -> Markup {
    let mut fit = Vec::new();
    for text in &line.printed {
        let size = text.chars().count().min(PRINTED_LINE) + 20;
        if *left < size {
            break;
        }
        *left -= size;
        fit.push(cut(text, PRINTED_LINE));
    }
    let missing = line.printed.len() - fit.len();
    html! {
        @if !line.printed.is_empty() {
            span.printed {
                @for text in fit { span { (text) } }
                @if missing > 0 { span.of { "(" (count(missing as u64, "more line")) ")" } }
            }
        }
    }
}
