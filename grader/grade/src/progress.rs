//! What each lab had last when all of its tests were run, for those who come back and ask where
//! they are.

use std::{fs, io, path::PathBuf};

use faultline_verdict::{Grade, Outcome};
use serde::{Deserialize, Serialize};

use crate::{
    course::Course,
    error::{Error, broken},
    files::write_whole,
    grading::Request,
    plan::shown_path,
    traces::usual_folder,
};

/// The version of its form.
const FORMAT: u32 = 1;

/// The last whole grade of a lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastGrade {
    /// The version of this form.
    format: u32,
    /// The submission's folder, as reports call it.
    pub submission: String,
    /// False if it did not build.
    pub builds: bool,
    /// The points earned.
    pub earned: u32,
    /// The points that could be earned.
    pub possible: u32,
}

fn file(course: &Course, lab: &str) -> PathBuf {
    course.root.join(usual_folder(lab)).join("points.json")
}

/// Remembers a grade, if it is one: nothing was left out, and the submission was graded.
///
/// # Errors
/// [`Error::Broken`] if that cannot be written.
pub fn remember_points(course: &Course, request: &Request, grade: &Grade) -> Result<(), Error> {
    let graded = matches!(grade.outcome, Outcome::Graded | Outcome::DoesNotBuild);
    if grade.partial || !graded {
        return Ok(());
    }
    let starter = course.root.join("starter").join(&request.lab);
    let folder = request.submission.as_ref().unwrap_or(&starter);
    let last = LastGrade {
        format: FORMAT,
        submission: shown_path(&course.root, folder),
        builds: grade.outcome == Outcome::Graded,
        earned: grade.score.earned,
        possible: grade.score.possible,
    };
    let mut bytes = serde_json::to_vec_pretty(&last).map_err(broken)?;
    bytes.push(b'\n');
    write_whole(&file(course, &request.lab), &bytes)
}

/// The last grade of a lab; none if it has none, or one in a form of another grader.
///
/// # Errors
/// [`Error::Broken`] if the file is there and cannot be read.
pub(crate) fn last_grade(course: &Course, lab: &str) -> Result<Option<LastGrade>, Error> {
    let path = file(course, lab);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(broken(format!("{}: {error}", path.display()))),
    };
    let last = serde_json::from_slice::<LastGrade>(&bytes).ok();
    Ok(last.filter(|last| last.format == FORMAT))
}

#[cfg(test)]
mod tests {
    use faultline_labtest::Suite;
    use faultline_origin::Origin;

    use super::*;

    #[test]
    fn a_form_that_is_not_known_is_no_grade() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let course = Course {
            root: folder.path().to_owned(),
            suites: vec![Suite::new("lab7", "lab7-api", Vec::new())],
            origin: Origin::default(),
        };
        assert_eq!(last_grade(&course, "lab7").unwrap(), None);
        let path = file(&course, "lab7");
        let text = |format: u32| {
            format!(
                "{{\"format\": {format}, \"submission\": \"mine\", \"builds\": true, \"earned\": \
                 3, \"possible\": 7}}"
            )
        };
        for (text, points) in [
            (text(FORMAT), Some((3, 7))),
            (text(99), None),
            ("{".to_owned(), None),
        ] {
            write_whole(&path, text.as_bytes()).expect("it can be written");
            let last = last_grade(&course, "lab7").unwrap();
            assert_eq!(last.map(|last| (last.earned, last.possible)), points);
        }
    }
}
