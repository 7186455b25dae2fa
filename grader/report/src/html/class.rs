//! The overview of a class for course staff, with links to the pages of each submission.

use faultline_verdict::{Class, ClassRow, ClassStatus};
use maud::{Markup, html};

use super::{
    document::document,
    text::{count, cut, shown},
};
use crate::{
    by_hand,
    gradebook::{counts, has_points, who, word},
};

/// The page of a class. Equal results have equal bytes.
pub fn class_page(class: &Class) -> String {
    let graded = class.rows.iter().filter(|row| has_points(row)).count();
    let open: Vec<&ClassRow> = class.open().collect();
    let title = format!("{}: {graded} of {} graded", class.lab, class.rows.len());
    let sums: Vec<String> = counts(class)
        .into_iter()
        .map(|(status, number)| format!("{number} {}", status.word()))
        .collect();
    let body = html! {
        a.skip href="#rows" { "Skip to the students" }
        header.banner {
            div {
                p.lab { (shown(&class.lab)) }
                h1 { (cut(&class.title, 200)) }
                p.submission {
                    "A class of " (count(class.rows.len() as u64, "student")) ", for course staff"
                }
            }
            p.total.good[open.is_empty()].bad[!open.is_empty()] {
                span.earned { (graded) } " / " (class.rows.len())
                span.unit { " graded" }
            }
            ul.notes {
                li { (sums.join(", ")) }
                @if class.unsafe_build {
                    li.bad {
                        strong { "Built without a sandbox." }
                        " Somebody asked for --unsafe-build."
                    }
                }
            }
        }
        main {
            @if !open.is_empty() {
                section aria-labelledby="open" {
                    h2 #open { "Not scored" }
                    p.small {
                        "These are not 0 points: somebody must look at the submission, or \
                         grade it again."
                    }
                    (table(class, &open, true))
                }
            }
            section aria-labelledby="rows" {
                h2 #rows tabindex="-1" { "Scores" }
                (table(class, &class.rows.iter().collect::<Vec<_>>(), false))
            }
        }
        footer {
            p {
                "Graded by version " (shown(&class.grader)) ", fingerprint "
                code { (shown(&class.fingerprint.to_string())) } "."
            }
        }
    };
    document(&title, body)
}

fn table(class: &Class, rows: &[&ClassRow], reasons: bool) -> Markup {
    html! {
        div.scroll {
            table.tests {
                caption.unseen { "Students and what became of their submissions" }
                thead {
                    tr {
                        th scope="col" { "Student" }
                        th scope="col" { "Status" }
                        th.num scope="col" { "Points" }
                        th scope="col" { "Pages" }
                        th scope="col" { "Handed in" }
                    }
                }
                tbody {
                    @for row in rows { (line(class, row, reasons)) }
                }
            }
        }
    }
}

fn line(of: &Class, row: &ClassRow, reasons: bool) -> Markup {
    let class = match row.status {
        ClassStatus::Graded if row.score.not_scored == 0 => "passed",
        ClassStatus::DoesNotBuild => "failed",
        _ => "unscored",
    };
    // Ids are made of letters, digits, dots and the like, so they need no escaping in an address.
    let page = |folder: &str| {
        row.submission
            .as_ref()
            .map(|id| format!("{folder}/{id}/report.html"))
    };
    let has_pages = row.status != ClassStatus::Pending && row.submission.is_some();
    html! {
        tr class=(class) {
            th scope="row" {
                (cut(&who(row), 120))
                @if let Some(name) = row.name.as_ref().filter(|name| **name != row.student) {
                    span.title { (cut(name, 120)) }
                }
                @if let Some(team) = &row.team {
                    span.title { "team " (cut(team, 80)) }
                }
                @for correction in &row.corrections {
                    span.remark { (cut(&correction.sentence(), 400)) }
                }
                @if reasons {
                    @for remark in &row.remarks {
                        span.remark { (cut(remark, 400)) }
                    }
                }
            }
            td { span.status { (word(row)) } }
            td.num {
                @if let Some((earned, possible)) = by_hand::points(row, of) {
                    (earned) span.of { " / " (possible) }
                }
            }
            td.pages {
                @if has_pages {
                    a href=[page("staff")] { "staff" }
                    " \u{b7} "
                    a href=[page("students")] { "student" }
                }
            }
            td.seeds {
                @if let Some(at) = &row.submitted_at { (cut(at, 40)) }
                @if let Some(source) = &row.time_source { " (" (cut(source, 40)) ")" }
                @if let Some(late) = row.late_s.filter(|late| *late > 0) {
                    span.remark { "late by " (late_by(late)) }
                }
            }
        }
    }
}

fn late_by(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}
