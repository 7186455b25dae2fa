//! A course: a project and the labs that it has. Which ones is decided outside of this crate, by a
//! registry; so what grades labs knows none of them.

use std::path::PathBuf;

use faultline_labtest::Suite;
use faultline_origin::Origin;

use crate::{
    error::{Error, nearest},
    plan::{Selection, selected},
    progress::{LastGrade, last_grade},
    rubric::{Rubric, RubricRow},
};

/// The project and its labs.
#[derive(Clone, Debug)]
pub struct Course {
    /// Where labs, rubrics, starters and `Cargo.lock` lie.
    pub root: PathBuf,
    /// The tests of its labs, in the order of the course.
    pub suites: Vec<Suite>,
    /// What they were compiled from.
    pub origin: Origin,
}

/// A lab, for a list.
#[derive(Clone, Debug)]
pub struct LabInfo {
    /// `lab2`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its points.
    pub points: u32,
    /// The points of its public tests.
    pub public_points: u32,
    /// Its handout.
    pub handout: String,
    /// What it had last, if it was graded.
    pub last: Option<LastGrade>,
}

impl Course {
    /// The tests and the rubric of a lab.
    ///
    /// # Errors
    /// An unknown lab, or a rubric that is not right.
    pub fn lab(&self, lab: &str) -> Result<(&Suite, Rubric), Error> {
        let suite = self.suites.iter().find(|suite| suite.lab == lab);
        let suite = suite.ok_or_else(|| {
            let known: Vec<&str> = self.suites.iter().map(|suite| suite.lab).collect();
            Error::Usage(format!(
                "there is no lab {lab:?}{}; the labs are: {}",
                nearest(lab, known.clone()),
                known.join(", ")
            ))
        })?;
        Ok((suite, Rubric::read(&Rubric::path(&self.root, lab), suite)?))
    }
}

/// All labs.
///
/// # Errors
/// A rubric that is not right.
pub fn labs(course: &Course) -> Result<Vec<LabInfo>, Error> {
    let info = |suite: &Suite| {
        let rubric = Rubric::read(&Rubric::path(&course.root, suite.lab), suite)?;
        let points = rubric.tests.iter().map(|row| row.points).sum();
        let public = rubric.tests.iter().filter(|row| row.is_public());
        Ok(LabInfo {
            last: last_grade(course, suite.lab)?,
            public_points: public.map(|row| row.points).sum(),
            id: rubric.lab,
            title: rubric.title,
            points,
            handout: rubric.handout,
        })
    };
    course.suites.iter().map(info).collect()
}

/// The rows of a lab's tests, selected as for a run.
///
/// # Errors
/// An unknown lab, a filter that matches nothing, hidden tests where there are none, or a rubric
/// that is not right.
pub fn tests(course: &Course, lab: &str, selection: &Selection) -> Result<Vec<RubricRow>, Error> {
    let (suite, rubric) = course.lab(lab)?;
    Ok(selected(suite, &rubric, selection)?
        .into_iter()
        .cloned()
        .collect())
}

/// A lab's rubric.
///
/// # Errors
/// An unknown lab, or a rubric that is not right.
pub fn rubric(course: &Course, lab: &str) -> Result<Rubric, Error> {
    Ok(course.lab(lab)?.1)
}

/// True if the lab's hidden tests are here: a release for students has none.
pub fn has_hidden_tests(course: &Course, lab: &str) -> bool {
    course
        .suites
        .iter()
        .any(|suite| suite.lab == lab && !suite.hidden.is_empty())
}
