//! Where the project is that is graded.

use std::path::{Path, PathBuf};

use faultline_grade::Error;

/// Where labs, rubrics and solutions lie. `cargo grade` works from any folder that cargo finds the
/// project from, and cargo says where that is; a grader that is run as a program looks from the
/// current folder upward.
pub fn root() -> Result<PathBuf, Error> {
    let (start, from_cargo) = match std::env::var_os("CARGO_MANIFEST_DIR") {
        Some(package) => (PathBuf::from(package), true),
        None => {
            let here = std::env::current_dir();
            (
                here.map_err(|error| Error::Usage(format!("there is no current folder: {error}")))?,
                false,
            )
        }
    };
    above(&start)
        .map(Path::to_owned)
        .ok_or_else(|| Error::Usage(missing(&start, from_cargo)))
}

/// The nearest folder from here upward that has what a project has.
fn above(start: &Path) -> Option<&Path> {
    start
        .ancestors()
        .find(|folder| folder.join("rubrics").is_dir() && folder.join("labs").is_dir())
}

fn missing(start: &Path, from_cargo: bool) -> String {
    let advice = match from_cargo {
        true => "run `cargo grade` inside of the project",
        false => "go to the folder of the project, or one below it, and run this again",
    };
    format!(
        "neither {} nor a folder above it has labs/ and rubrics/, as the project has: {advice}",
        start.display()
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_nearest_project_above_is_found() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let outer = folder.path();
        let inner = outer.join("inner");
        for project in [outer, &inner] {
            for part in ["labs/lab2", "rubrics", "starter/lab2/src"] {
                fs::create_dir_all(project.join(part)).expect("a new folder");
            }
        }
        assert_eq!(
            above(&inner.join("starter/lab2/src")),
            Some(inner.as_path())
        );
        assert_eq!(above(&outer.join("starter")), Some(outer));
        // One of the two folders is not enough: `labs` is a common name.
        fs::remove_dir(inner.join("rubrics")).expect("it is there");
        assert_eq!(above(&inner.join("starter/lab2/src")), Some(outer));
    }
}
