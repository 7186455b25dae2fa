//! The points: by part, and test by test.

use faultline_verdict::{Grade, Score, Status, TestVerdict};
use maud::{Markup, html};

use super::{
    failure::Listed,
    text::{count, cut, number, shown},
};
use crate::{
    HIDDEN,
    terminal::{how_often, parts_run, searched_text},
};

pub fn section(grade: &Grade, failures: &[Listed<'_>]) -> Markup {
    html! {
        section aria-labelledby="score" {
            h2 #score { "Score" }
            (parts(grade))
            @if !grade.tests.is_empty() { (tests(grade, failures)) }
            (legend(&grade.tests))
        }
    }
}

fn parts(grade: &Grade) -> Markup {
    html! {
        div.scroll {
            table.parts {
                caption.unseen { "Points of each part" }
                thead {
                    tr {
                        th scope="col" { "Part" }
                        th scope="col" { "Title" }
                        th.num scope="col" { "Points" }
                        th scope="col" { span.unseen { "Share" } }
                    }
                }
                tbody {
                    @for part in parts_run(grade) {
                        tr {
                            th scope="row" { (cut(&part.part, 20)) }
                            td { (cut(&part.title, 200)) }
                            td.num { (points(&part.score)) }
                            td.share {
                                @if part.score.possible > 0 { (share(&part.score)) }
                            }
                        }
                    }
                }
                tfoot {
                    tr {
                        th scope="row" colspan="2" { "All" }
                        td.num { (points(&grade.score)) }
                        td.share { (share(&grade.score)) }
                    }
                }
            }
        }
    }
}

fn points(score: &Score) -> Markup {
    if score.possible + score.not_scored == 0 {
        return html! { span.of { "no points" } };
    }
    html! {
        (score.earned) span.of { " / " (score.possible) }
        @if score.not_scored > 0 { span.of { " (+" (score.not_scored) " not scored)" } }
    }
}

/// A bar, for the eye only: the numbers stand beside it.
fn share(score: &Score) -> Markup {
    let width = f64::from(score.earned) * 100.0 / f64::from(score.possible.max(1));
    let full = score.earned == score.possible;
    html! {
        svg.bar.full[full] aria-hidden="true" width="100%" height="8" {
            rect.all width="100%" height="8" rx="4" {}
            @if score.earned > 0 {
                rect.earned width=(format!("{}%", number(width))) height="8" rx="4" {}
            }
        }
    }
}

fn tests(grade: &Grade, failures: &[Listed<'_>]) -> Markup {
    html! {
        div.scroll {
            table.tests {
                caption { (count(grade.tests.len() as u64, "test")) }
                thead {
                    tr {
                        th scope="col" { "Result" }
                        th.of-part scope="col" { "Part" }
                        th scope="col" { "Test" }
                        th.num scope="col" { "Points" }
                        th.seeds scope="col" { "Seeds" }
                    }
                }
                tbody { @for verdict in &grade.tests { (row(verdict, failures)) } }
            }
        }
    }
}

fn row(verdict: &TestVerdict, failures: &[Listed<'_>]) -> Markup {
    let link = failures
        .iter()
        .find(|listed| listed.holds(verdict))
        .map(|listed| format!("#{}", listed.anchor));
    html! {
        tr class=(class(verdict.status)) {
            td { (status(verdict.status)) }
            td.of-part { (cut(&verdict.part, 20)) }
            th scope="row" {
                @match link {
                    Some(link) => a href=(link) { code { (cut(&verdict.id, 120)) } },
                    None => code { (cut(&verdict.id, 120)) },
                }
                @if !verdict.visibility.is_public() { " " span.tag { (HIDDEN) } }
                @if verdict.title != HIDDEN { span.title { (cut(&verdict.title, 300)) } }
                @for remark in verdict.remarks.iter().take(5) { span.remark { (cut(remark, 400)) } }
                span.seeds-below { (seeds(verdict)) }
            }
            td.num {
                @match verdict.points {
                    0 => span.of { "no points" },
                    points => { (verdict.earned) span.of { " / " (points) } }
                }
            }
            td.seeds { (seeds(verdict)) }
        }
    }
}

fn seeds(verdict: &TestVerdict) -> String {
    match (&verdict.failure, verdict.seeds) {
        (_, 0) => "not shown".to_owned(),
        (Some(failure), seeds) => shown(&how_often(failure, verdict.failing_seeds, seeds)),
        (None, _) if !verdict.searched.is_empty() => searched_text(&verdict.searched),
        (None, seeds) => count(seeds, "seed"),
    }
}

pub fn class(status: Status) -> &'static str {
    match status {
        Status::Passed => "passed",
        Status::Failed => "failed",
        Status::Withheld => "withheld",
        Status::NotScored => "unscored",
    }
}

/// A word and a sign, so that nothing hangs on colour alone.
pub fn status(status: Status) -> Markup {
    let (sign, word) = match status {
        Status::Passed => ("\u{2713}", "pass"),
        Status::Failed => ("\u{2717}", "fail"),
        Status::Withheld => ("\u{2013}", "withheld"),
        Status::NotScored => ("?", "unscored"),
    };
    html! { span.status { span aria-hidden="true" { (sign) } " " (word) } }
}

fn legend(tests: &[TestVerdict]) -> Markup {
    let any = |status: Status| tests.iter().any(|verdict| verdict.status == status);
    html! {
        @if any(Status::Withheld) || any(Status::NotScored) {
            dl.legend {
                @if any(Status::Withheld) {
                    dt.withheld { (status(Status::Withheld)) }
                    dd {
                        "No seed failed, but a test that this one needs did, so its points are \
                         withheld until it passes."
                    }
                }
                @if any(Status::NotScored) {
                    dt.unscored { (status(Status::NotScored)) }
                    dd {
                        "Nothing failed, but a fault that the test is about never happened or a \
                         check stayed undecided. Its points count neither as earned nor as \
                         possible, and course staff must look at it."
                    }
                }
            }
        }
    }
}
