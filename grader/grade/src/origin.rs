//! What this grader was compiled from. A grader that is handed on as a program may meet a project
//! with other tests than its own: then a fingerprint of the project would tell of tests that did
//! not run.

use std::path::Path;

use crate::{error::Error, fingerprint};

/// The digest of the sources, as `build.rs` found them.
pub const SOURCES: &str = env!("FAULTLINE_SOURCES");

/// The digest of `Cargo.lock`, as `build.rs` found it.
pub const LOCK: &str = env!("FAULTLINE_LOCK");

/// Nothing, if the project is the one that this grader was compiled from, as far as verdicts go.
///
/// # Errors
/// What differs, or what cannot be read.
pub fn must_be(root: &Path) -> Result<(), Error> {
    let read = |what: &str, digest: std::io::Result<String>| {
        let text = |error| {
            format!("the project's {what} cannot be read to compare it with this grader's: {error}")
        };
        digest.map_err(|error| Error::Broken(text(error)))
    };
    let sources = read("sources (grader/ and labs/)", fingerprint::of_sources(root))?;
    let lock = read(
        "Cargo.lock",
        fingerprint::of_file(&root.join(fingerprint::LOCK)),
    )?;
    compared([
        ("the sources in grader/ and labs/", SOURCES, &sources),
        ("Cargo.lock", LOCK, &lock),
    ])
}

/// Compares what this grader has with what the project has.
fn compared(both: [(&str, &str, &str); 2]) -> Result<(), Error> {
    let differ: Vec<&str> = both
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn project() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .expect("the project is above")
    }

    #[test]
    fn the_project_is_the_one_that_this_was_compiled_from() {
        must_be(project()).expect("nothing has changed since");
    }

    #[test]
    fn another_project_is_told_by_what_differs() {
        let told = |ours, theirs| compared([("sources", ours, "1"), ("lock", "2", theirs)]);
        assert!(told("1", "2").is_ok());
        for (ours, theirs, expected) in [
            ("0", "2", "sources"),
            ("1", "0", "lock"),
            ("0", "0", "sources and lock"),
        ] {
            let error = told(ours, theirs).expect_err("they differ");
            assert!(
                matches!(&error, Error::OtherProject { differ } if differ == expected),
                "{error}"
            );
        }
    }

    #[test]
    fn each_source_and_each_name_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        fs::create_dir_all(root.join("labs/lab9")).expect("a new folder");
        fs::write(root.join("labs/lab9/Cargo.toml"), "").expect("a new file");
        let sources = fingerprint::sources(root).expect("they can be listed");
        let folders: Vec<_> = sources
            .iter()
            .filter(|source| source.ends_with("src"))
            .collect();
        assert_eq!((sources.len(), folders.len()), (8, 7), "{sources:?}");
        for source in &folders {
            fs::create_dir_all(root.join(source).join("inner")).expect("a new folder");
        }
        let digest = || fingerprint::of_sources(root).expect("it can be read");
        let mut seen = vec![digest()];
        let mut write = |path: String, text: &str, counts: bool| {
            fs::write(root.join(&path), text).expect("a new file");
            assert_eq!(!seen.contains(&digest()), counts, "{path} {text}");
            seen.push(digest());
        };
        for source in folders {
            write(format!("{source}/a.rs"), "1", true);
            write(format!("{source}/a.rs"), "2", true);
            write(format!("{source}/inner/a.rs"), "2", true);
        }
        write("labs/lab9/Cargo.toml".to_owned(), "3", true);
        write(
            "labs/lab9/README.md".to_owned(),
            "A handout changes no verdict.",
            false,
        );
        fs::remove_dir_all(root.join("labs")).expect("it is there");
        assert!(
            matches!(must_be(root), Err(Error::Broken(text)) if text.contains("grader/ and labs/"))
        );
    }
}
