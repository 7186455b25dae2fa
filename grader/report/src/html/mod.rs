//! The report page: one HTML file that needs nothing else, for people who want more than a terminal
//! shows.
//!
//! It has no script, and its policy forbids the browser to load or run anything, so even a hole in
//! the escaping would be none. Equal grades have equal bytes.

mod anchor;
mod checked;
mod class;
mod diagram;
mod document;
mod failure;
mod history;
mod lanes;
mod metrics;
mod score;
mod text;

use std::path::Path;

use faultline_verdict::{Event, Grade, Outcome};
use maud::{Markup, html};

pub use checked::check_page;
pub use class::class_page;
use document::document;
use text::{count, cut, shown};

/// Maximum number of characters that are shown of a compiler's output.
const BUILD_OUTPUT: usize = 60_000;

/// Maximum number of files that are listed as left out.
const LEFT_OUT: usize = 100;

/// A listener that makes the page.
#[derive(Debug, Default)]
pub struct Page {
    submission: String,
    warnings: String,
}

impl Page {
    /// For a grade that was made elsewhere: what the submission is called, and what the compiler
    /// warned of.
    pub fn of_submission(submission: &str, warnings: &str) -> Page {
        Page {
            submission: submission.to_owned(),
            warnings: warnings.to_owned(),
        }
    }

    /// Keeps what the page needs of an event besides the grade.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Started { submission, .. } => {
                // A path of this machine says nothing elsewhere, and equal submissions are to have
                // equal pages.
                let path = Path::new(submission);
                let name = path.file_name().filter(|_| path.is_absolute());
                self.submission = name.map_or(submission.clone(), |name| {
                    name.to_string_lossy().into_owned()
                });
            }
            Event::Built { warnings, .. } => self.warnings.clone_from(warnings),
            Event::Progress { .. }
            | Event::Tested(_)
            | Event::Finished { .. }
            | Event::Timed(_) => {}
        }
    }

    /// The page of a grade.
    pub fn of(&self, grade: &Grade) -> String {
        let failures = failure::listed(grade);
        let points = match grade.trouble {
            Some(_) => "not graded".to_owned(),
            None => format!("{}/{}", grade.score.earned, grade.score.possible),
        };
        let title = format!("{}: {points} \u{b7} {}", grade.lab, self.submission);
        let body = html! {
            @if grade.trouble.is_none() { a.skip href="#failures" { "Skip to the failures" } }
            (banner(grade, &self.submission))
            main {
                (self.build(grade))
                // What was not graded has no points to show.
                @if grade.trouble.is_none() {
                    (score::section(grade, &failures))
                    (failure::section(grade, &failures))
                    (metrics::section(grade))
                }
            }
            (foot(grade))
        };
        document(&title, body)
    }

    fn build(&self, grade: &Grade) -> Markup {
        html! {
            @if let Some(trouble) = &grade.trouble {
                section aria-labelledby="trouble" {
                    h2 #trouble { "The submission was not graded" }
                    pre.reason {
                        (cut(trouble.trim_end(), BUILD_OUTPUT))
                    }
                }
            }
            @if let Some(error) = &grade.build_error {
                section aria-labelledby="build" {
                    h2 #build { "The submission does not build" }
                    pre.output tabindex="0" role="region" aria-label="The compiler's output" {
                        (cut(error.trim_end(), BUILD_OUTPUT))
                    }
                }
            }
            @if !self.warnings.trim().is_empty() {
                details.plain {
                    summary { "The compiler's warnings" }
                    pre.output tabindex="0" role="region" aria-label="The compiler's warnings" {
                        (cut(self.warnings.trim_end(), BUILD_OUTPUT))
                    }
                }
            }
            @if !grade.left_out.is_empty() {
                section.note aria-labelledby="left-out" {
                    h2 #left-out { "Left out of the submission" }
                    ul {
                        @for file in grade.left_out.iter().take(LEFT_OUT) {
                            li { code { (cut(file, 400)) } }
                        }
                    }
                    @if let more @ 1.. = grade.left_out.len().saturating_sub(LEFT_OUT) {
                        p { "and " (more) " more" }
                    }
                }
            }
        }
    }
}

fn banner(grade: &Grade, submission: &str) -> Markup {
    let score = &grade.score;
    let built = grade.outcome == Outcome::Graded;
    let full = built && score.earned == score.possible && score.not_scored == 0;
    html! {
        header.banner {
            div {
                p.lab { (shown(&grade.lab)) }
                h1 { (cut(&grade.title, 200)) }
                p.submission { "Submission " code { (cut(submission, 300)) } }
            }
            @if grade.trouble.is_some() {
                p.total.warn { "not graded" }
            } @else {
                p.total.good[full].bad[!full] {
                    span.earned { (score.earned) } " / " (score.possible)
                    span.unit { " points" }
                }
            }
            ul.notes {
                @match grade.outcome {
                    Outcome::Graded => {},
                    Outcome::DoesNotBuild => li.bad { "It does not build, so nothing was run." },
                    Outcome::Rejected => li.warn {
                        "It was not graded: course staff must look at it. That is not 0 points."
                    },
                    Outcome::NotScored => li.warn {
                        "It was not graded, and the reason lies with the machine: grade it again."
                    },
                }
                @if grade.unsafe_build {
                    li.bad {
                        strong { "Built without a sandbox." }
                        " Somebody asked for --unsafe-build."
                    }
                }
                @if grade.partial {
                    li.warn {
                        strong { "Not a grade." }
                        " Only some tests ran, or with other seeds than the rubric's."
                    }
                }
                @if grade.hidden_points_not_run > 0 {
                    li {
                        "These are the points from public tests; hidden tests are worth "
                        (grade.hidden_points_not_run) " more."
                    }
                }
                @if built && score.not_scored > 0 {
                    li.warn {
                        (count(u64::from(score.not_scored), "point"))
                        " could not be scored and count neither way: ask your course staff."
                    }
                }
                @for correction in &grade.corrections {
                    li.warn { (cut(&correction.sentence(), 1000)) }
                }
                @if full && !grade.partial { li.good { "Every test that ran passed." } }
            }
        }
    }
}

fn foot(grade: &Grade) -> Markup {
    let print = &grade.fingerprint;
    let rows = [
        ("Submission", Some(&print.submission)),
        ("Suite", Some(&print.suite)),
        ("Rubric", Some(&print.rubric)),
        ("Salt", print.salt.as_ref()),
        ("Cargo.lock", Some(&print.lock)),
        ("Compiler", Some(&print.rustc)),
    ];
    html! {
        footer {
            h2 #fingerprint { "Fingerprint " code { (cut(&print.to_string(), 80)) } }
            p {
                "Two results with the same fingerprint are the same, on every machine. All times \
                 here are virtual."
            }
            details.plain {
                summary { "What the result depends on" }
                dl.pairs {
                    @for (name, digest) in rows {
                        @if let Some(digest) = digest {
                            dt { (name) }
                            dd { code { (cut(digest, 200)) } }
                        }
                    }
                }
            }
        }
    }
}
