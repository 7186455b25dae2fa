//! The report page: one HTML file that needs nothing else, for people who want more than a terminal
//! shows.
//!
//! It has no script, and its policy forbids the browser to load or run anything, so even a hole in
//! the escaping would be none. Equal grades have equal bytes.

mod checked;
mod class;
mod diagram;
mod failure;
mod history;
mod lanes;
mod metrics;
mod score;
mod text;

use std::path::Path;

use faultline_verdict::{Event, Grade, Outcome};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

pub use checked::check_page;
pub use class::class_page;
use text::{count, cut, shown};

const STYLE: &str = include_str!("style.css");

/// So many characters of a compiler's output are shown.
const BUILD_OUTPUT: usize = 60_000;

/// So many files that were left out are listed.
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
            Event::Progress { .. } | Event::Tested(_) | Event::Finished { .. } => {}
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
                    h2 #left-out { (count(grade.left_out.len() as u64, "file")) " left out" }
                    ul {
                        @for file in grade.left_out.iter().take(LEFT_OUT) { li { code { (cut(file,
                            400)) } } }
                    }
                    @if grade.left_out.len() > LEFT_OUT { p { "and " (grade.left_out.len() -
                        LEFT_OUT) " more" } }
                }
            }
        }
    }
}

/// A whole page.
fn document(title: &str, body: Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (cut(title, 200)) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    };
    page.into_string() + "\n"
}

/// Nothing may be loaded, run, sent or embedded; only this very style sheet counts.
fn policy() -> String {
    let digest = base64(&Sha256::digest(STYLE.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'")
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .chain(std::iter::repeat(&0))
            .take(3)
            .fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit)) & 63;
            out.push(if digit <= chunk.len() {
                DIGITS[index as usize] as char
            } else {
                '='
            });
        }
    }
    out
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
                    Outcome::Rejected => li.warn { "It was not graded: course staff must look at \
                                                    it. That is not 0 points." },
                    Outcome::NotScored => li.warn {
                        "It was not graded, for a reason that lies with the machine. It has to be \
                         graded again."
                    },
                }
                @if grade.unsafe_build {
                    li.bad { strong { "Built without a sandbox." }
                        " Somebody asked for --unsafe-build." }
                }
                @if grade.partial {
                    li.warn {
                        strong { "This is no grade." } " Only some tests were run, or with other \
                                                        seeds than the rubric's."
                    }
                }
                @if grade.hidden_points_not_run > 0 {
                    li { "These are the points of the public tests; hidden tests bring "
                        (grade.hidden_points_not_run) " more." }
                }
                @if built && score.not_scored > 0 {
                    li.warn { (count(u64::from(score.not_scored), "point"))
                        " could not be scored and count neither way: ask your course staff." }
                }
                @if full && !grade.partial { li.good { "Every test that was run has passed." } }
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
            p { "Two results with the same fingerprint are the same, on every machine. All times \
                 here are virtual." }
            details.plain {
                summary { "What the result depends on" }
                dl.pairs {
                    @for (name, digest) in rows {
                        @if let Some(digest) = digest { dt { (name) } dd { code { (cut(digest,
                            200)) } } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn the_style_sheet_loads_nothing_and_stays_inside() {
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import") && !STYLE.contains('<'));
        assert!(
            !STYLE.contains('\r'),
            "the digest must be the same on every machine"
        );
    }
}
