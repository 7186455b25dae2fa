//! Where the project is that is graded.

use std::path::{Path, PathBuf};

use faultline_grade::Error;
use faultline_origin::{MARK, project_above};

/// Where labs, rubrics and solutions lie. `cargo grade` works from any folder that cargo finds the
/// project from, and cargo says where that is; a grader that is run as a program looks from the
/// current folder upward.
pub fn root() -> Result<PathBuf, Error> {
    let (start, from_cargo) = match std::env::var_os("CARGO_MANIFEST_DIR") {
        Some(package) => (PathBuf::from(package), true),
        None => {
            let here = std::env::current_dir();
            (
                here.map_err(|error| {
                    Error::Usage(format!("the current folder cannot be read: {error}"))
                })?,
                false,
            )
        }
    };
    project_above(&start).ok_or_else(|| Error::Usage(missing(&start, from_cargo)))
}

fn missing(start: &Path, from_cargo: bool) -> String {
    let advice = match from_cargo {
        true => "run `cargo grade` inside the project",
        false => "go to the folder of the project, or one below it, and run this again",
    };
    format!(
        "neither {} nor any folder above it is a project (with labs/ and rubrics/, or a file \
         {MARK}): {advice}",
        start.display()
    )
}
