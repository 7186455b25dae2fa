//! `cargo grade import`: from a folder and a roster to `batch.toml`, and what somebody should know
//! of it.

use std::fmt::Write as _;

use faultline_cli::{Import, Layout};
use faultline_grade::Error;
use faultline_intake::{
    Batch, ImportRequest, Imported, IntakeError, Layout as Laid, Moment, Student, TimeSource,
};
use faultline_report::printable;

/// Imports, writes the batch, and returns the summary.
pub fn import(arguments: &Import) -> Result<String, Error> {
    let deadline = moment("--deadline", arguments.deadline.as_deref())?;
    let now = moment("--now", arguments.now.as_deref())?;
    let request = ImportRequest {
        dir: arguments.dir.clone(),
        layout: arguments.layout.map(laid),
        out: arguments.out.clone(),
        roster: arguments.roster.clone(),
        grades: arguments.grades.clone(),
        teams: arguments.teams.clone(),
        extensions: arguments.extensions.clone(),
        deadline,
        now: now.unwrap_or_else(Moment::now),
        take_late: arguments.late,
        prefer_tags: arguments.tag,
        replace: arguments.replace,
    };
    let imported =
        faultline_intake::import(&request).map_err(|error| Error::Usage(error.to_string()))?;
    imported.write().map_err(|error| match error {
        IntakeError::Io { .. } => Error::Broken(error.to_string()),
        IntakeError::Input { .. } => Error::Usage(error.to_string()),
    })?;
    Ok(summary(&imported))
}

fn moment(argument: &str, text: Option<&str>) -> Result<Option<Moment>, Error> {
    let read = text.map(Moment::parse).transpose();
    read.map_err(|why| Error::Usage(format!("{argument} {:?}: {why}", text.unwrap_or_default())))
}

fn laid(layout: Layout) -> Laid {
    match layout {
        Layout::Classroom => Laid::Classroom,
        Layout::Classroom50 => Laid::Classroom50,
        Layout::Flat => Laid::Flat,
        Layout::Zips => Laid::Zips,
        Layout::Canvas => Laid::Canvas,
        Layout::Moodle => Laid::Moodle,
        Layout::Gradescope => Laid::Gradescope,
    }
}

/// Text of others, in one line.
fn line_of(text: &str) -> String {
    printable(text).replace('\n', "\\n").replace('\t', "\\t")
}

fn summary(imported: &Imported) -> String {
    // What is going to be graded.
    let batch = &imported.corrected;
    let mut out = String::new();
    let mut row = |head: &str, text: &str| {
        let _fits = writeln!(out, "{head:>10}  {}", line_of(text));
    };
    row("layout", name_of(imported.layout));
    if let Some(deadline) = &batch.deadline {
        row("deadline", deadline);
    }
    row("found", &found(batch));
    let without: Vec<&Student> = batch
        .students
        .iter()
        .filter(|student| student.submission.is_none())
        .collect();
    let matched = batch.students.len() - without.len();
    row(
        "students",
        &format!("{matched} of {} have a submission", batch.students.len()),
    );
    for student in without {
        let names = [
            Some(&student.identifier),
            student.login.as_ref(),
            student.name.as_ref(),
        ];
        let mut names: Vec<&str> = names.into_iter().flatten().map(String::as_str).collect();
        names.dedup();
        row("without", &names.join(", "));
    }
    for unmatched in &batch.unmatched {
        row(
            "unmatched",
            &format!(
                "{} (graded as {}, nobody's)",
                unmatched.path, unmatched.submission
            ),
        );
    }
    for submission in &batch.submissions {
        // The problem of several candidates is told once.
        let problem = submission.problem.as_ref();
        if let Some(problem) = problem.filter(|_| submission.instead_of.is_none()) {
            row("problem", &format!("{}: {problem}", submission.id));
        }
        if let Some(late) = submission.late_s {
            row("late", &format!("{}: by {late} s", submission.id));
        }
        for note in &submission.notes {
            row("note", &format!("{}: {note}", submission.id));
        }
    }
    for by_hand in &batch.by_hand {
        let whom = by_hand.student.as_ref().or(by_hand.submission.as_ref());
        let whom = whom.map_or("", String::as_str);
        row(
            "by hand",
            &format!("{whom}: {}", by_hand.correction.sentence()),
        );
    }
    for finding in &imported.findings {
        row("note", &finding.text);
    }
    row("wrote", &imported.path().display().to_string());
    out
}

fn found(batch: &Batch) -> String {
    let count = |source| {
        batch
            .submissions
            .iter()
            .filter(|submission| submission.time_source == Some(source))
            .count()
    };
    let problems = batch
        .submissions
        .iter()
        .filter(|submission| submission.problem.is_some() && submission.instead_of.is_none())
        .count();
    format!(
        "{} submissions ({problems} with a problem); their times: {} by a server's record, {} by \
         imports, {} unproven, {} \
         unknown",
        batch.submissions.len(),
        count(TimeSource::ServerRecord),
        count(TimeSource::FirstImport),
        count(TimeSource::CommitterUnproven),
        batch
            .submissions
            .iter()
            .filter(|submission| submission.time_source.is_none())
            .count(),
    )
}

fn name_of(layout: Laid) -> &'static str {
    match layout {
        Laid::Classroom => "folders or zip files named by login (GitHub Classroom)",
        Laid::Classroom50 => "clones of Classroom 50",
        Laid::Flat => "folders named by login or identifier",
        Laid::Zips => "zip files named by login or identifier",
        Laid::Canvas => "the bulk download of Canvas",
        Laid::Moodle => "the bulk download of Moodle",
        Laid::Gradescope => "the bulk download of Gradescope",
    }
}
