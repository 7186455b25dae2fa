//! What there is to run, and what of it is asked for.

use std::path::Path;

use faultline_suites::{Suite, suites};

use crate::{
    error::{Error, nearest},
    rubric::{Row, Rubric},
    run::{Job, Seeds},
};

/// A lab, for a list.
#[derive(Clone, Debug)]
pub struct LabInfo {
    /// `lab2`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its points.
    pub points: u32,
    /// Its handout.
    pub handout: String,
}

/// All labs.
///
/// # Errors
/// A rubric that is not right.
pub fn labs(root: &Path) -> Result<Vec<LabInfo>, Error> {
    let info = |suite: Suite| {
        let rubric = Rubric::read(&Rubric::path(root, suite.lab), &suite)?;
        let points = rubric.tests.iter().map(|row| row.points).sum();
        Ok(LabInfo { id: rubric.lab, title: rubric.title, points, handout: rubric.handout })
    };
    suites().into_iter().map(info).collect()
}

/// The rows of a lab's tests, filtered as for a run.
///
/// # Errors
/// An unknown lab, a filter that matches nothing, or a rubric that is not right.
pub fn tests(root: &Path, lab: &str, filters: &[String]) -> Result<Vec<Row>, Error> {
    let (_, rubric) = lab_of(root, lab)?;
    Ok(filtered(&rubric, filters)?.into_iter().cloned().collect())
}

pub(crate) fn lab_of(root: &Path, lab: &str) -> Result<(Suite, Rubric), Error> {
    let mut all = suites();
    let Some(index) = all.iter().position(|suite| suite.lab == lab) else {
        let known: Vec<&str> = all.iter().map(|suite| suite.lab).collect();
        let text =
            format!("there is no lab {lab:?}{}; the labs are: {}", nearest(lab, known.clone()), known.join(", "));
        return Err(Error::Usage(text));
    };
    let suite = all.swap_remove(index);
    let rubric = Rubric::read(&Rubric::path(root, lab), &suite)?;
    Ok((suite, rubric))
}

/// The rows that any of the filters names: a part by its letter, or a piece of a test's id. All without a filter.
pub(crate) fn filtered<'a>(rubric: &'a Rubric, filters: &[String]) -> Result<Vec<&'a Row>, Error> {
    let matches =
        |filter: &String, row: &Row| match rubric.parts.iter().find(|part| part.id.eq_ignore_ascii_case(filter)) {
            Some(part) => row.part == part.id,
            None => row.id.contains(filter.as_str()),
        };
    if let Some(idle) = filters.iter().find(|filter| !rubric.tests.iter().any(|row| matches(filter, row))) {
        let suggestion = nearest(idle, rubric.tests.iter().map(|row| row.id.as_str()));
        let parts: Vec<&str> = rubric.parts.iter().map(|part| part.id.as_str()).collect();
        return Err(Error::Usage(format!(
            "{idle:?} is neither a part of {} ({}) nor in the name of a test{suggestion}; `cargo grade {} --list` lists them",
            rubric.lab,
            parts.join(", "),
            rubric.lab
        )));
    }
    let wanted = |row: &&Row| filters.is_empty() || filters.iter().any(|filter| matches(filter, row));
    Ok(rubric.tests.iter().filter(wanted).collect())
}

pub(crate) fn jobs<'a>(suite: &Suite, rows: Vec<&'a Row>, seeds: Seeds) -> Vec<Job<'a>> {
    let job = |row: &'a Row| Job {
        test: *suite.tests.iter().find(|test| test.id == row.id).expect("the rubric was checked against the suite"),
        row,
        seeds: match seeds {
            Seeds::Rubric => (0..row.seeds).collect(),
            Seeds::Count(count) => (0..count).collect(),
            Seeds::Only(seed) => vec![seed],
        },
        salt: 0,
    };
    rows.into_iter().map(job).collect()
}

/// A path as the user knows it: relative to the project where it lies inside.
pub(crate) fn shown_path(root: &Path, folder: &Path) -> String {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let inside = absolute.strip_prefix(root).map(Path::to_owned);
    inside.unwrap_or(absolute).to_string_lossy().into_owned()
}
