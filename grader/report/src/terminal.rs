//! The terminal: aligned status lines while it goes on, each failure once in full at the end, then
//! the score.

use std::{collections::BTreeMap, io::Write};

use colored::{ColoredString, Colorize};
use faultline_verdict::{Event, Grade, Outcome, PartScore, Score, Searched, Status, TestVerdict};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    failure::{failure_text, hidden_text},
    safe::{printable, wrap},
};

/// A listener that writes for people.
pub struct Terminal<W> {
    out: W,
    width: usize,
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
            bar: live.then(progress_bar),
        }
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
        self.failures(grade)?;
        writeln!(self.out)?;
        // What does not build says so itself, below the errors.
        let builds = grade.outcome != Outcome::DoesNotBuild;
        for file in grade.left_out.iter().filter(|_| builds) {
            let room = self.width.saturating_sub(11);
            let lines = wrap(&printable(file), room, "").join(&format!("\n{:11}", ""));
            writeln!(self.out, "{:>9}  {lines}", "left out".yellow())?;
        }
        if grade
            .tests
            .iter()
            .filter(|verdict| verdict.status != Status::Passed)
            .count()
            > 1
        {
            for part in parts_run(grade) {
                let title = format!("part {}: {}", part.part, part.title);
                writeln!(self.out, "{:>9}  {title}", points(&part.score))?;
            }
        }
        self.score(grade)?;
        let details = format!("in {}, fingerprint {}", seconds(took_ms), grade.fingerprint);
        writeln!(self.out, "{:>9}  {}", "", details.dimmed())?;
        self.out.flush()
    }

    /// Why nothing was run.
    fn trouble(&mut self, grade: &Grade) -> std::io::Result<()> {
        if grade.outcome == Outcome::DoesNotBuild {
            writeln!(self.out, "{:>9}", "no build".red().bold())?;
            let text = grade.build_error.as_deref().unwrap_or_default();
            writeln!(self.out, "\n{}\n", printable(text.trim_end()))?;
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
                    "It is not graded as it is: mend what is named above, or ask your course \
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

    /// Each failure; a hole of the starter stops many tests, and is told once.
    fn failures(&mut self, grade: &Grade) -> std::io::Result<()> {
        let mut holes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for verdict in &grade.tests {
            let Some(failure) = &verdict.failure else {
                if verdict.status == Status::Failed {
                    writeln!(self.out)?;
                    write!(self.out, "{}", hidden_text(verdict, self.width))?;
                }
                continue;
            };
            if failure.kind == "not-implemented" {
                let tests = holes.entry(&failure.observed).or_default();
                tests.push(&verdict.id);
                if tests.len() > 1 {
                    continue;
                }
            }
            writeln!(self.out)?;
            write!(self.out, "{}", failure_text(verdict, failure, self.width))?;
        }
        for (observed, tests) in holes.iter().filter(|(_, tests)| tests.len() > 1) {
            let text = format!(
                "{} more with this failure: {}",
                count(tests.len() - 1, "test"),
                printable(observed)
            );
            writeln!(self.out, "\n{}", wrap(&text, self.width, "  ").join("\n"))?;
        }
        Ok(())
    }

    fn score(&mut self, grade: &Grade) -> std::io::Result<()> {
        let score = points(&grade.score);
        let full = grade.score.earned == grade.score.possible && grade.score.possible > 0;
        let score = if full { score.green() } else { score.red() };
        let what = match (grade.partial, grade.hidden_points_not_run) {
            (true, _) => "points of what was run; this is no grade".to_owned(),
            (false, 0) => "points".to_owned(),
            (false, more) => format!("points of the public tests; hidden tests bring {more} more"),
        };
        let unscored = match grade.score.not_scored {
            0 => String::new(),
            points => format!("; {points} points could not be scored, ask your course staff"),
        };
        writeln!(self.out, "{:>9}  {what}{unscored}", score.bold())
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

/// `  FAIL  C  state_survives_failover   0/3   2 of 16 seeds, first 5`, cut to the width.
pub(crate) fn status_line(verdict: &TestVerdict, width: usize) -> String {
    let (word, color): (&str, fn(&str) -> ColoredString) = match verdict.status {
        Status::Passed => ("pass", |word| word.green().bold()),
        Status::Failed => ("FAIL", |word| word.red().bold()),
        Status::Withheld => ("withheld", |word| word.yellow().bold()),
        Status::NotScored => ("unscored", |word| word.yellow().bold()),
    };
    let seeds = match (&verdict.failure, verdict.seeds) {
        (Some(failure), seeds) => {
            let kind = failure.kind.replace('-', " ");
            format!(
                "{kind}: {} of {seeds} seeds run, first {}",
                verdict.failing_seeds, failure.seed
            )
        }
        (None, 0) => verdict.title.clone(),
        (None, _) if !verdict.searched.is_empty() => searched_text(&verdict.searched),
        (None, 1) => "1 seed".to_owned(),
        (None, seeds) => format!("{seeds} seeds"),
    };
    let remark = verdict
        .remarks
        .first()
        .map(|remark| format!("; {remark}"))
        .unwrap_or_default();
    let points = format!("{}/{}", verdict.earned, verdict.points);
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

/// `all 2048 states`, or `the nearest 50000 states; 600 random walks`.
pub(crate) fn searched_text(searched: &[Searched]) -> String {
    let states: u64 = searched.iter().map(|search| search.states).sum();
    let walks: u64 = searched.iter().map(|search| search.walks).sum();
    let which = if searched.iter().all(|search| search.all || search.walks > 0) {
        "all"
    } else {
        "the nearest"
    };
    let states = if states > 0 {
        vec![format!("{which} {states} states")]
    } else {
        Vec::new()
    };
    let walks = if walks > 0 {
        vec![format!("{walks} random walks")]
    } else {
        Vec::new()
    };
    [states, walks].concat().join("; ")
}

pub(crate) fn points(score: &Score) -> String {
    format!("{}/{}", score.earned, score.possible)
}

pub(crate) fn count(number: usize, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
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
