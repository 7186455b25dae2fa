//! The terminal: aligned status lines while it goes on. What is said once all is over stands in
//! [`ending`](crate::ending).

use std::io::Write;

use colored::{ColoredString, Colorize};
use faultline_verdict::{
    Event, Failure, Grade, Outcome, PartScore, Score, Searched, Status, TestVerdict,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    ending::{failures_text, next_text, summary_text},
    places::Places,
    safe::{printable, wrap},
};

/// A listener that writes for people.
pub struct Terminal<W> {
    out: W,
    width: usize,
    places: Places,
    /// Only where somebody watches.
    bar: Option<ProgressBar>,
}

impl<W: Write> Terminal<W> {
    /// Writes to `out` in lines of at most `width` columns; with `live`, a progress bar is shown on
    /// standard error.
    pub fn new(out: W, width: usize, live: bool) -> Terminal<W> {
        Terminal {
            out,
            width: width.clamp(40, 160),
            places: Places::default(),
            bar: live.then(progress_bar),
        }
    }

    /// The same for a reader to whom paths begin like this.
    #[must_use]
    pub fn seen_from(self, places: Places) -> Terminal<W> {
        Terminal { places, ..self }
    }

    /// Writes what an event means.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn event(&mut self, event: &Event) -> std::io::Result<()> {
        match event {
            Event::Started {
                lab,
                title,
                submission,
                tests,
                hidden_in_full,
            } => {
                writeln!(self.out, "{}  {title}", lab.bold())?;
                writeln!(
                    self.out,
                    "{}",
                    format!("{} of {}", count(*tests, "test"), printable(submission)).dimmed()
                )?;
                if *hidden_in_full > 0 {
                    let hidden = count(*hidden_in_full, "hidden test");
                    let text = format!(
                        "with {hidden}, shown in full; --student-view shows what students may see"
                    );
                    writeln!(
                        self.out,
                        "{}",
                        wrap(&text, self.width, "").join("\n").dimmed()
                    )?;
                }
                Ok(())
            }
            Event::Built { warnings, took_ms } => {
                let warned = warnings
                    .lines()
                    .filter(|line| line.trim_start().starts_with("warning"))
                    .count();
                let warned = match warned {
                    0 => String::new(),
                    warned => format!(", {} (cargo check shows them)", count(warned, "warning")),
                };
                writeln!(
                    self.out,
                    "{:>9}  in {}{warned}",
                    "built".green().bold(),
                    seconds(*took_ms)
                )
            }
            Event::Progress { done, of } => {
                self.progress(*done, *of);
                Ok(())
            }
            Event::Tested(verdict) => {
                let line = status_line(verdict, self.width);
                match self.bar.take() {
                    Some(bar) => {
                        let written = bar.suspend(|| writeln!(self.out, "{line}"));
                        self.bar = Some(bar);
                        written
                    }
                    None => writeln!(self.out, "{line}"),
                }
            }
            Event::Finished { grade, took_ms } => {
                if let Some(bar) = self.bar.take() {
                    bar.finish_and_clear();
                }
                self.finished(grade, *took_ms)
            }
            // `timings_text` shows it, to those who ask, once all reports are written.
            Event::Timed(_) => Ok(()),
        }
    }

    fn progress(&self, done: u64, of: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(of);
            bar.set_position(done);
        }
    }

    fn finished(&mut self, grade: &Grade, took_ms: u64) -> std::io::Result<()> {
        self.trouble(grade)?;
        write!(
            self.out,
            "{}\n{}",
            failures_text(grade, self.width, &self.places),
            summary_text(grade, self.width)
        )?;
        let details = format!("in {}, fingerprint {}", seconds(took_ms), grade.fingerprint);
        writeln!(self.out, "{:>9}  {}", "", details.dimmed())?;
        write!(self.out, "{}", next_text(grade))?;
        self.out.flush()
    }

    /// Why nothing was run.
    fn trouble(&mut self, grade: &Grade) -> std::io::Result<()> {
        if grade.outcome == Outcome::DoesNotBuild {
            writeln!(self.out, "  {}", "does not build".red().bold())?;
            let text = grade.build_error.as_deref().unwrap_or_default();
            let text = self.places.in_text(text.trim_end());
            writeln!(self.out, "\n{}\n", printable(&text))?;
        }
        if let Some(trouble) = &grade.trouble {
            let word = if grade.outcome == Outcome::Rejected {
                "rejected"
            } else {
                "unscored"
            };
            writeln!(self.out, "{:>9}", word.yellow().bold())?;
            writeln!(self.out, "\n{}\n", printable(trouble.trim_end()))?;
            let text = match grade.outcome {
                Outcome::Rejected => {
                    "It is not graded as it is: fix what is named above, or ask your course \
                     staff. That is not 0 points."
                }
                _ => {
                    "It could not be graded on this machine. That says nothing about the program: \
                     grade again."
                }
            };
            writeln!(self.out, "{}", wrap(text, self.width, "").join("\n"))?;
        }
        Ok(())
    }
}

/// The parts of which a test was run; all if nothing could be.
pub(crate) fn parts_run(grade: &Grade) -> impl Iterator<Item = &PartScore> {
    let tests = &grade.tests;
    let was_run = |part: &&PartScore| {
        tests.is_empty() || tests.iter().any(|verdict| verdict.part == part.part)
    };
    grade.parts.iter().filter(was_run)
}

/// `  FAIL  C  state_survives_failover   0/3   violated in 2 of 16 seeds (first: seed 5)`, cut to
/// the width.
pub(crate) fn status_line(verdict: &TestVerdict, width: usize) -> String {
    let (word, color): (&str, fn(&str) -> ColoredString) = match verdict.status {
        Status::Passed => ("pass", |word| word.green().bold()),
        Status::Failed => ("FAIL", |word| word.red().bold()),
        Status::Withheld => ("withheld", |word| word.yellow().bold()),
        Status::NotScored => ("unscored", |word| word.yellow().bold()),
    };
    let seeds = match (&verdict.failure, verdict.seeds) {
        (Some(failure), seeds) => how_often(failure, verdict.failing_seeds, seeds),
        (None, 0) => verdict.title.clone(),
        (None, _) if !verdict.searched.is_empty() => searched_text(&verdict.searched),
        (None, seeds) => count(seeds, "seed"),
    };
    let remark = verdict
        .remarks
        .first()
        .map(|remark| format!("; {remark}"))
        .unwrap_or_default();
    // A tutorial's tests have no points.
    let points = match verdict.points {
        0 => "-".to_owned(),
        points => format!("{}/{points}", verdict.earned),
    };
    let head = format!(
        "{:>9}  {}  {:<45} {points:>5}",
        color(word),
        verdict.part,
        verdict.id
    );
    let head_width =
        9 + 2 + verdict.part.chars().count() + 2 + verdict.id.chars().count().max(45) + 6;
    let tail = format!("{seeds}{remark}");
    if head_width + 2 + tail.chars().count() <= width {
        return format!("{head}  {}", tail.dimmed());
    }
    // Too narrow for one line: the details go to further ones.
    let more = wrap(&tail, width.saturating_sub(14), "");
    more.iter().fold(head, |lines, line| {
        format!("{lines}\n{:14}{}", "", line.dimmed())
    })
}

/// `violated in 8 of 16 seeds (first: seed 0)`.
pub(crate) fn how_often(failure: &Failure, failing: u64, seeds: u64) -> String {
    let how = match failure.kind.as_str() {
        "violation" => "violated",
        "crash" => "crashed",
        "timeout" => "timed out",
        "memory" => "too much memory",
        "state" => "state not kept",
        "budget" => "over budget",
        "nondeterminism" => "nondeterministic",
        other => &other.replace('-', " "),
    };
    match seeds {
        1 => format!("{how} (seed {})", failure.seed),
        _ => format!(
            "{how} in {failing} of {seeds} seeds (first: seed {})",
            failure.seed
        ),
    }
}

/// `searched all 2,048 states and 600 random walks: no violation`.
pub(crate) fn searched_text(searched: &[Searched]) -> String {
    let states: u64 = searched.iter().map(|search| search.states).sum();
    let walks: u64 = searched.iter().map(|search| search.walks).sum();
    let which = if searched.iter().all(|search| search.all || search.walks > 0) {
        "all"
    } else {
        "the nearest"
    };
    let states = (states > 0).then(|| format!("{which} {} states", thousands(states)));
    let walks = (walks > 0).then(|| format!("{} random walks", thousands(walks)));
    let both: Vec<String> = states.into_iter().chain(walks).collect();
    format!("searched {}: no violation", both.join(" and "))
}

/// `21,029`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(crate) fn points(score: &Score) -> String {
    format!("{}/{}", score.earned, score.possible)
}

pub(crate) fn count(number: impl TryInto<u64>, what: &str) -> String {
    match number.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    }
}

pub(crate) fn seconds(ms: u64) -> String {
    format!("{}.{:02} s", ms / 1000, ms % 1000 / 10)
}

fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{wide_bar} {percent}% of the runs")
        .expect("the template is right");
    bar.set_style(style);
    bar
}
