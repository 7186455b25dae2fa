//! What this grader was compiled from. A grader that is handed on as a program may meet a project
//! with other tests than its own: then a fingerprint of the project would tell of tests that did
//! not run.

use std::io;

use faultline_host::Toolchain;
use faultline_verdict::Fingerprint;

use crate::{
    course::Course,
    error::{Error, broken},
    rubric::Rubric,
    salt::Salt,
};

/// The digest of the engines, as `build.rs` found them. That of the labs comes with the course:
/// only its registry knows them.
const ENGINES: &str = env!("FAULTLINE_ENGINES");

/// Nothing, if the project is the one that this grader was compiled from, as far as verdicts on
/// this lab go.
///
/// # Errors
/// What differs, or what cannot be read.
pub fn must_be(course: &Course, lab: &str) -> Result<(), Error> {
    let root = &course.root;
    let unread = |what: &str, error: io::Error| {
        broken(format!(
            "the project's {what} cannot be read to compare it with this grader's: {error}"
        ))
    };
    let engines = faultline_origin::of_engines(root)
        .map_err(|error| unread("sources (grader/ and labs/labkit)", error))?;
    let own = faultline_origin::of_lab(root, lab)
        .map_err(|error| unread(&format!("sources of {lab}"), error))?;
    let lock = faultline_origin::of_file(&root.join(faultline_origin::LOCK))
        .map_err(|error| unread("Cargo.lock", error))?;
    let of_lab = format!("the sources of {lab}");
    compared([
        // A project that has none uses these as a dependency, which its lock names.
        (
            "the sources in grader/ and labs/labkit",
            ENGINES,
            engines.as_deref().unwrap_or(ENGINES),
        ),
        (&of_lab, lab_digest(course, lab)?, &own),
        ("Cargo.lock", &course.origin.lock, &lock),
    ])
}

fn lab_digest<'a>(course: &'a Course, lab: &str) -> Result<&'a str, Error> {
    let digest = course.origin.labs.get(lab).map(String::as_str);
    digest.ok_or_else(|| broken(format!("this grader was built without rubrics/{lab}.toml")))
}

/// Compares what this grader has with what the project has.
fn compared(all: [(&str, &str, &str); 3]) -> Result<(), Error> {
    let differ: Vec<&str> = all
        .iter()
        .filter(|(_, ours, theirs)| ours != theirs)
        .map(|(what, ..)| *what)
        .collect();
    if differ.is_empty() {
        Ok(())
    } else {
        Err(Error::OtherProject {
            differ: differ.join(" and "),
        })
    }
}

/// What results depend on besides the submission, whose digest stays empty. Sources and lock are
/// those that this grader was compiled from; [`must_be`] has seen that the project has no others.
pub fn fingerprint_of(
    course: &Course,
    lab: &str,
    salt: Option<&Salt>,
    toolchain: &Toolchain,
) -> Result<Fingerprint, Error> {
    let rubric = faultline_origin::of_file(&Rubric::path(&course.root, lab));
    Ok(Fingerprint {
        submission: String::new(),
        suite: faultline_origin::of_suite(ENGINES, lab_digest(course, lab)?),
        rubric: rubric.map_err(|error| broken(format!("no fingerprint: {error}")))?,
        salt: salt.map(|salt| salt.digest.clone()),
        lock: course.origin.lock.clone(),
        // Its first line; the others tell of this machine, on which no result depends.
        rustc: toolchain
            .version()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use faultline_origin::Origin;

    use super::*;

    fn project() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .expect("the project is above")
    }

    #[test]
    fn the_engines_are_those_that_this_was_compiled_from() {
        let engines = faultline_origin::of_engines(project()).expect("they can be read");
        assert_eq!(engines.as_deref(), Some(ENGINES), "nothing has changed");
    }

    #[test]
    fn another_project_is_told_by_what_differs() {
        let told = |sources, lab, lock| {
            compared([
                ("sources", sources, "1"),
                ("lab", lab, "2"),
                ("lock", "3", lock),
            ])
        };
        assert!(told("1", "2", "3").is_ok());
        for (sources, lab, lock, expected) in [
            ("0", "2", "3", "sources"),
            ("1", "0", "3", "lab"),
            ("1", "2", "0", "lock"),
            ("0", "0", "0", "sources and lab and lock"),
        ] {
            let error = told(sources, lab, lock).expect_err("they differ");
            assert!(
                matches!(&error, Error::OtherProject { differ } if differ == expected),
                "{error}"
            );
        }
    }

    /// Labs of somebody whose workspace has the engines as a dependency.
    #[test]
    fn a_project_without_engines_is_compared_by_its_labs_and_its_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        for file in ["labs/lab9-x/src/lib.rs", "rubrics/lab9.toml", "Cargo.lock"] {
            let path = root.join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a new folder");
            fs::write(path, "").expect("a new file");
        }
        let course = Course {
            root: root.to_owned(),
            suites: Vec::new(),
            origin: Origin::of(root).expect("it can be read"),
        };
        must_be(&course, "lab9").expect("it is the same");
        fs::write(root.join("labs/lab9-x/src/lib.rs"), "//").expect("it is there");
        let error = must_be(&course, "lab9").expect_err("it differs");
        assert!(
            matches!(&error, Error::OtherProject { differ } if differ == "the sources of lab9"),
            "{error}"
        );
        fs::remove_file(root.join("Cargo.lock")).expect("it is there");
        let error = must_be(&course, "lab9").expect_err("it cannot be read");
        assert!(
            matches!(&error, Error::Broken(text) if text.contains("Cargo.lock")),
            "{error}"
        );
    }
}
