//! The overview of a class for course staff, with links to the pages of each submission.

use faultline_verdict::{Class, ClassRow, ClassStatus, PartScore, Score};
use maud::{Markup, html};

use super::{
    document::document,
    text::{count, cut, shown},
};
use crate::{
    by_hand,
    gradebook::{counts, has_points, hidden_tests, late_by, part_of, short, source_in_words, word},
};

/// The page of a class. Equal results have equal bytes.
pub fn class_page(class: &Class) -> String {
    let graded = class.rows.iter().filter(|row| has_points(row)).count();
    let open: Vec<&ClassRow> = class.open().collect();
    let title = format!("{}: {graded} of {} graded", class.lab, class.rows.len());
    let sums: Vec<String> = counts(class)
        .into_iter()
        .map(|(what, number)| format!("{number} {what}"))
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
                li.warn[class.hidden_points_not_run > 0] { (hidden_tests(class)) }
                @if let Some(deadline) = &class.deadline {
                    li { "the deadline: " (cut(deadline, 40)) }
                }
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
                    (table(class, &open))
                }
            }
            section aria-labelledby="rows" {
                h2 #rows tabindex="-1" { "Scores" }
                (table(class, &class.rows.iter().collect::<Vec<_>>()))
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

fn table(class: &Class, rows: &[&ClassRow]) -> Markup {
    let parts = class.parts();
    html! {
        div.scroll {
            table.tests.roster {
                caption.unseen { "Students and what became of their submissions" }
                thead {
                    tr {
                        th scope="col" { "Student" }
                        th scope="col" { "Status" }
                        th.num scope="col" { "Points" }
                        @for part in &parts {
                            th.num scope="col" title=(shown(&part.title)) { (cut(&part.part, 20)) }
                        }
                        th scope="col" { "Handed in" }
                        th scope="col" { "Pages" }
                    }
                }
                tbody {
                    @for row in rows { (line(class, row, &parts)) }
                }
            }
        }
    }
}

/// Longer names may be broken, or nobody could scroll as far as the points.
const UNBROKEN: usize = 48;

/// Whom a row is about: each name in a line of its own.
fn names(row: &ClassRow) -> Markup {
    let name = |text: &str| {
        let is_long = text.chars().count() > UNBROKEN;
        html! { span.name.long[is_long] { (cut(text, 120)) } }
    };
    let nobody = row.submission.as_deref().unwrap_or("nobody");
    let first = match (row.student.as_str(), &row.login) {
        ("", Some(login)) => format!("({login})"),
        ("", None) => format!("({nobody})"),
        (student, _) => student.to_owned(),
    };
    let login = row.login.as_ref();
    let login = login.filter(|login| !row.student.is_empty() && **login != row.student);
    html! {
        (name(&first))
        @if let Some(login) = login { span.title { (name(login)) } }
        @if let Some(own) = row.name.as_ref().filter(|name| **name != row.student) {
            span.title { (name(own)) }
        }
        @if let Some(team) = &row.team { span.title { (name(&format!("team {team}"))) } }
    }
}

fn line(whole: &Class, row: &ClassRow, parts: &[&PartScore]) -> Markup {
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
    let of = |(earned, possible): (u32, u32)| html! { (earned) span.of { " / " (possible) } };
    let of_part = |score: Score| of((score.earned, score.possible));
    html! {
        tr class=(class) {
            th scope="row" { (names(row)) }
            td.state { span.status { (word(row)) } }
            td.num.all { @if let Some(counts) = by_hand::points(row, whole) { (of(counts)) } }
            @for part in parts {
                td.num.part data-part=(cut(&part.part, 20)) {
                    @if let Some(score) = part_of(row, &part.part) { (of_part(score)) }
                }
            }
            td.when { (when(row)) }
            td.pages {
                @if has_pages {
                    a href=[page("staff")] { "staff" }
                    " \u{b7} "
                    a href=[page("students")] { "student" }
                }
            }
        }
        @if !row.remarks.is_empty() || !row.corrections.is_empty() {
            tr.more class=(class) {
                td colspan=(parts.len() + 5) {
                    @for correction in &row.corrections {
                        span.remark { (cut(&correction.sentence(), 400)) }
                    }
                    @for remark in &row.remarks { span.remark { (cut(remark, 400)) } }
                }
            }
        }
    }
}

/// When it was handed in, by when it had to be, and which commit was graded.
fn when(row: &ClassRow) -> Markup {
    html! {
        @if let Some(at) = &row.submitted_at {
            span.name { (cut(at, 40)) }
            @if let Some(source) = &row.time_source { " " (cut(source_in_words(source), 40)) }
        }
        @if let Some(late) = row.late_s.filter(|late| *late > 0) {
            span.remark { "late by " (late_by(late)) }
        }
        @if let Some(deadline) = &row.deadline {
            span.fact { "own deadline " span.name { (cut(deadline, 40)) } }
        }
        @if let Some(commit) = &row.commit {
            span.fact { "commit " code title=(shown(commit)) { (cut(&short(commit), 10)) } }
        }
    }
}
