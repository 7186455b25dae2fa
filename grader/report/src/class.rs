//! A class on the terminal: a line for each submission as it is done, what a human must look at in
//! the end.

use std::io::Write;

use colored::{ColoredString, Colorize};
use faultline_verdict::{
    Class, ClassEvent, ClassPlan, ClassRow, ClassStatus, PlanStep, PlannedWork, Score, Stopped,
};

use crate::{
    gradebook::{counts, hidden_tests, who, word},
    safe::{printable, wrap},
    terminal::{count, seconds},
};

/// Maximum number of rows without a result that the terminal lists; the files have all of them.
const LISTED: usize = 30;

/// A listener that writes for people.
pub struct ClassScreen<W> {
    out: W,
    width: usize,
}

impl<W: Write> ClassScreen<W> {
    /// Writes to `out` in lines of at most `width` columns.
    pub fn new(out: W, width: usize) -> ClassScreen<W> {
        ClassScreen {
            out,
            width: width.clamp(60, 160),
        }
    }

    /// Writes what an event means.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn event(&mut self, event: &ClassEvent) -> std::io::Result<()> {
        match event {
            ClassEvent::Started { .. } => self.started(event),
            ClassEvent::Sure {
                reference,
                starter,
                took_ms,
            } => {
                let (reference, starter) = (points(reference), points(starter));
                let (word, took) = ("self-check".green().bold(), seconds(*took_ms).dimmed());
                let text = format!("reference {reference}, starter {starter}");
                writeln!(self.out, "{word:>14}  {text}  {took}")
            }
            ClassEvent::Done {
                id,
                status,
                score,
                why,
                took_ms,
                left,
                estimate_ms,
            } => {
                let points = match status {
                    ClassStatus::Graded | ClassStatus::DoesNotBuild => points(score),
                    _ => String::new(),
                };
                let took = match took_ms {
                    0 => String::new(),
                    ms => seconds(*ms),
                };
                let (status, id) = (coloured(*status), printable(id));
                let names = if self.width < 100 { 20 } else { 32 };
                let line = format!("{status:>14}  {points:>7}  {id:<names$} {took:>9}");
                match ahead(*left, *estimate_ms) {
                    ahead if ahead.is_empty() => writeln!(self.out, "{}", line.trim_end())?,
                    ahead => writeln!(self.out, "{line}  {}", ahead.dimmed())?,
                }
                match why {
                    Some(why) => self.paragraph(why, 16),
                    None => Ok(()),
                }
            }
            ClassEvent::Finished {
                class,
                stopped,
                took_ms,
            } => self.finished(class, *stopped, *took_ms),
        }?;
        self.out.flush()
    }

    fn started(&mut self, event: &ClassEvent) -> std::io::Result<()> {
        let ClassEvent::Started {
            lab,
            title,
            submissions,
            done,
            rows,
            layers,
            changes,
            again,
        } = event
        else {
            return Ok(());
        };
        writeln!(self.out, "{}  {title}", lab.bold())?;
        let (submissions, students) = (count(*submissions, "submission"), count(*rows, "student"));
        let done = match done {
            0 => String::new(),
            done => format!(", {done} of them done before"),
        };
        self.dimmed(&format!("{submissions}, {students}{done}"))?;
        let mechanisms = match layers.is_empty() {
            true => "nothing".to_owned(),
            false => layers.join(", "),
        };
        self.dimmed(&format!("builds are sandboxed by: {mechanisms}"))?;
        for change in changes {
            self.paragraph(&format!("since the last run: {change}"), 0)?;
        }
        for PlanStep { id, why, .. } in again {
            self.paragraph(&format!("graded again: {id}: {why}"), 0)?;
        }
        Ok(())
    }

    fn finished(
        &mut self,
        class: &Class,
        stopped: Option<Stopped>,
        took_ms: u64,
    ) -> std::io::Result<()> {
        let sums: Vec<String> = counts(class)
            .into_iter()
            .map(|(what, number)| format!("{number} {what}"))
            .collect();
        writeln!(self.out)?;
        self.paragraph(
            &format!(
                "{}: {}",
                count(class.rows.len(), "student"),
                sums.join(", ")
            ),
            0,
        )?;
        self.paragraph(&hidden_tests(class), 0)?;
        let open: Vec<&ClassRow> = class.open().collect();
        if !open.is_empty() {
            writeln!(
                self.out,
                "{}",
                "not scored, somebody must look:".yellow().bold()
            )?;
            for row in open.iter().take(LISTED) {
                let text = format!("{}: {}", who(row), word(row));
                let why = row
                    .remarks
                    .first()
                    .map(|why| format!("; {why}"))
                    .unwrap_or_default();
                self.paragraph(&format!("{text}{why}"), 2)?;
            }
            if open.len() > LISTED {
                writeln!(
                    self.out,
                    "  and {} more: scores.csv has all",
                    open.len() - LISTED
                )?;
            }
        }
        let pending = class
            .rows
            .iter()
            .filter(|row| row.status == ClassStatus::Pending && !row.elsewhere)
            .count();
        match stopped {
            Some(Stopped::Budget) => writeln!(
                self.out,
                "the budget is used up; run the same command to resume ({pending} left)"
            )?,
            Some(Stopped::Interrupted) => writeln!(
                self.out,
                "interrupted; run the same command to resume ({pending} left)"
            )?,
            None => {}
        }
        if class.unsafe_build {
            writeln!(
                self.out,
                "{}",
                "built without a sandbox (--unsafe-build)".red().bold()
            )?;
        }
        self.dimmed(&format!("in {}", about(took_ms)))
    }

    fn dimmed(&mut self, text: &str) -> std::io::Result<()> {
        writeln!(
            self.out,
            "{}",
            wrap(&printable(text), self.width, "").join("\n").dimmed()
        )
    }

    fn paragraph(&mut self, text: &str, indent: usize) -> std::io::Result<()> {
        for line in wrap(&printable(text), self.width.saturating_sub(indent), "") {
            writeln!(self.out, "{:indent$}{line}", "")?;
        }
        Ok(())
    }
}

fn points(score: &Score) -> String {
    format!("{}/{}", score.earned, score.possible)
}

/// How much there is still to do.
fn ahead(left: usize, estimate_ms: u64) -> String {
    match (left, estimate_ms) {
        (0, _) => String::new(),
        (left, 0) => format!("{left} left"),
        (left, ms) => format!("{left} left, about {}", about(ms)),
    }
}

fn coloured(status: ClassStatus) -> ColoredString {
    let word = match status {
        ClassStatus::DoesNotBuild => "does not build",
        ClassStatus::NotScored => "unscored",
        status => status.word(),
    };
    match status {
        ClassStatus::Graded => word.green().bold(),
        ClassStatus::DoesNotBuild => word.red().bold(),
        _ => word.yellow().bold(),
    }
}

/// A time that nobody needs to the second.
fn about(ms: u64) -> String {
    match ms / 1000 {
        seconds @ 0..100 => format!("{seconds} s"),
        seconds @ 100..6000 => format!("{} min", (seconds + 30) / 60),
        seconds => format!(
            "{} h {:02} min",
            (seconds + 30) / 3600,
            (seconds + 30) % 3600 / 60
        ),
    }
}

/// What a run would do, for `--dry-run`.
pub fn class_plan_text(plan: &ClassPlan, width: usize) -> String {
    let mut out = String::new();
    for change in &plan.changes {
        let change = printable(&format!("since the last run: {change}"));
        out += &(wrap(&change, width, "").join("\n") + "\n");
    }
    for step in &plan.steps {
        let word = match step.what {
            PlannedWork::Grade => "grade".green(),
            PlannedWork::Keep => "keep".dimmed(),
            PlannedWork::Reject => "reject".yellow(),
        };
        let lines = wrap(&printable(&step.why), width.saturating_sub(46).max(30), "");
        out += &format!(
            "{word:>8}  {:<32}  {}\n",
            printable(&step.id),
            lines.first().map_or("", String::as_str)
        );
        for line in lines.iter().skip(1) {
            out += &format!("{:44}{line}\n", "");
        }
    }
    for student in &plan.missing {
        out += &format!(
            "{:>8}  {:<32}  nothing was handed in\n",
            "none".yellow(),
            printable(student)
        );
    }
    let of = |what| plan.steps.iter().filter(|step| step.what == what).count();
    let (grade, keep, reject) = (
        of(PlannedWork::Grade),
        of(PlannedWork::Keep),
        of(PlannedWork::Reject),
    );
    out += &format!(
        "{grade} to grade, {keep} kept, {reject} rejected, {} missing; nothing was run\n",
        plan.missing.len()
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_times_are_rounded() {
        let said = [
            (999, "0 s"),
            (99_000, "99 s"),
            (150_000, "3 min"),
            (5_000_000, "83 min"),
            (7_300_000, "2 h 02 min"),
        ];
        for (ms, text) in said {
            assert_eq!(about(ms), text);
        }
    }
}
