//! The digests.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// The crates that decide verdicts whichever lab it is. `labkit` is one: it is compiled into the
/// grader and, at run time, into each node.
const ENGINES: [&str; 8] = [
    "labs/labkit",
    "grader/sim",
    "grader/check",
    "grader/explore",
    "grader/labtest",
    "grader/host",
    "grader/grade",
    "grader/origin",
];

/// The pinned dependencies, below the project.
pub const LOCK: &str = "Cargo.lock";

/// The folder of the tests of all labs.
const SUITES: &str = "grader/suites";

/// The SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// If the file cannot be read.
pub fn of_file(path: &Path) -> io::Result<String> {
    Ok(hex(&Sha256::digest(fs::read(path)?)))
}

/// The digest of the engines in a checkout of this repository; `None` if it has none of them: who
/// uses the engines as dependencies has only labs of their own, and the engines are pinned by the
/// lock.
///
/// # Errors
/// If one of them, or a file of theirs, cannot be read.
pub fn of_engines(checkout: &Path) -> io::Result<Option<String>> {
    let there = |folder: &&str| checkout.join(folder).exists();
    if !ENGINES.iter().any(there) {
        return Ok(None);
    }
    of_sources(checkout, engines()).map(Some)
}

/// What the engines' digest is a digest of, below the checkout.
pub(crate) fn engines() -> Vec<String> {
    ENGINES.iter().flat_map(|folder| of_crate(folder)).collect()
}

/// Of a crate, what is compiled. Not the texts beside it: to change a handout must not mean to
/// build the grader anew.
fn of_crate(folder: &str) -> [String; 2] {
    [format!("{folder}/Cargo.toml"), format!("{folder}/src")]
}

/// The digest of a lab's own code: what it gives to students, and its tests.
///
/// # Errors
/// If there is no such lab, or a file cannot be read.
pub fn of_lab(root: &Path, lab: &str) -> io::Result<String> {
    let sources = lab_sources(root, lab)?;
    if sources.is_empty() {
        let text = format!(
            "{0} has no folder labs/{lab} or labs/{lab}-*",
            root.display()
        );
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    of_sources(root, sources)
}

/// What a lab's digest is a digest of, below the project.
pub(crate) fn lab_sources(root: &Path, lab: &str) -> io::Result<Vec<String>> {
    let labs = match labs(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        labs => labs?,
    };
    let mut sources = Vec::new();
    for entry in fs::read_dir(root.join("labs"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        // `labs/two-phase` is of the lab `two-phase`, not of the lab `two`, if both are labs.
        let longer = |other: &String| other.len() > lab.len() && is_of(&name, other);
        if is_of(&name, lab) && !labs.iter().any(longer) {
            let parts = of_crate(&format!("labs/{name}"));
            let there = |part: &String| root.join(part).exists();
            sources.extend(parts.into_iter().filter(there));
        }
    }
    // Where the tests of all labs are one crate, each of its files may count for each lab.
    let own = format!("{SUITES}/{lab}");
    let tests = [own, SUITES.to_owned()].into_iter();
    sources.extend(tests.into_iter().find(|folder| root.join(folder).is_dir()));
    Ok(sources)
}

/// True if a folder of this name is a lab's: it has the lab's id, or begins with it.
fn is_of(folder: &str, lab: &str) -> bool {
    let rest = folder.strip_prefix(lab);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// The ids of all labs: each has a rubric.
pub(crate) fn labs(root: &Path) -> io::Result<Vec<String>> {
    let mut labs = Vec::new();
    let rubrics = root.join("rubrics");
    let entries = fs::read_dir(&rubrics)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", rubrics.display())))?;
    for entry in entries {
        let path: PathBuf = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            labs.extend(path.file_stem().map(|id| id.to_string_lossy().into_owned()));
        }
    }
    labs.sort();
    Ok(labs)
}

/// What a result says of the tests: one digest of the engines and the lab.
pub fn of_suite(engines: &str, lab: &str) -> String {
    hex(&Sha256::digest(format!("{engines}\n{lab}\n")))
}

/// The SHA-256 over the paths and contents of all files among these whose names end in `.rs` or
/// `.toml`, in the order of their paths.
fn of_sources(root: &Path, sources: Vec<String>) -> io::Result<String> {
    let mut files = Vec::new();
    for source in sources {
        let path = root.join(&source);
        if path.is_dir() {
            collect(&path, &source, &mut files)?;
        } else {
            files.push(source);
        }
    }
    files.sort();
    let mut hash = Sha256::new();
    for name in files {
        let path = root.join(&name);
        let told =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let contents = fs::read(&path).map_err(told)?;
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name.as_bytes());
        hash.update((contents.len() as u64).to_le_bytes());
        hash.update(contents);
    }
    Ok(hex(&hash.finalize()))
}

fn collect(folder: &Path, name: &str, files: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let child = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &child, files)?;
        } else if child.ends_with(".rs") || child.ends_with(".toml") {
            files.push(child);
        }
    }
    Ok(())
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A project with all engines and two labs.
    fn project() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let labs = ["labs/lab1-one", "labs/lab2-two", "labs/lab10-ten"];
        let suites = ["lab1", "lab2", "lab10"].map(|lab| format!("{SUITES}/{lab}"));
        let suites = suites.iter().map(String::as_str);
        for name in ENGINES.into_iter().chain(labs).chain(suites) {
            write(folder.path(), &format!("{name}/Cargo.toml"), "");
            write(folder.path(), &format!("{name}/src/lib.rs"), "");
        }
        for lab in ["lab1", "lab2", "lab10"] {
            write(folder.path(), &format!("rubrics/{lab}.toml"), "");
        }
        folder
    }

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a new folder");
        fs::write(path, text).expect("a new file");
    }

    /// Which of the digests an edit of this file changes.
    fn changed_by(path: &str) -> Vec<&'static str> {
        let folder = project();
        let root = folder.path();
        let digests = || {
            [
                of_engines(root).expect("it is read").expect("engines"),
                of_lab(root, "lab1").expect("it is read"),
                of_lab(root, "lab2").expect("it is read"),
            ]
        };
        let before = digests();
        write(root, path, "// changed");
        let names = ["engines", "lab1", "lab2"].into_iter();
        let both = names.zip(before.into_iter().zip(digests()));
        both.filter(|(_, (before, after))| before != after)
            .map(|(name, _)| name)
            .collect()
    }

    #[test]
    fn an_edit_counts_where_it_can_change_a_verdict() {
        for engine in ENGINES {
            for file in ["Cargo.toml", "src/lib.rs", "src/inner/new.rs"] {
                let path = format!("{engine}/{file}");
                assert_eq!(changed_by(&path), ["engines"], "{path}");
            }
        }
        for (path, counts) in [
            ("labs/lab1-one/src/lib.rs", &["lab1"][..]),
            ("labs/lab2-two/Cargo.toml", &["lab2"]),
            ("labs/lab2-two/README.md", &[]),
            ("labs/lab1-another/src/lib.rs", &["lab1"]),
            ("grader/suites/lab1/src/lib.rs", &["lab1"]),
            ("grader/suites/lab2/hidden/src/lib.rs", &["lab2"]),
            ("grader/suites/lab2/hidden/Cargo.toml", &["lab2"]),
            ("labs/lab10-ten/src/lib.rs", &[]),
            ("grader/report/src/lib.rs", &[]),
        ] {
            assert_eq!(changed_by(path), counts, "{path}");
        }
    }

    #[test]
    fn a_folder_is_of_the_lab_whose_name_it_has() {
        let folder = project();
        let root = folder.path();
        let digest = |lab| of_lab(root, lab).expect("it is read");
        write(root, "labs/lab1-more/src/lib.rs", "");
        let before = digest("lab1");
        write(root, "labs/lab1-more/src/lib.rs", "// changed");
        assert_ne!(digest("lab1"), before, "it is one of two folders of lab1");
        write(root, "rubrics/lab1-more.toml", "");
        let (one, other) = (digest("lab1"), digest("lab1-more"));
        write(root, "labs/lab1-more/src/lib.rs", "// changed again");
        assert_eq!(digest("lab1"), one, "it is another lab");
        assert_ne!(digest("lab1-more"), other);
    }

    #[test]
    fn names_and_contents_count() {
        let folder = project();
        let mut seen = BTreeSet::new();
        let mut new = |path: &str, text: &str| {
            write(folder.path(), path, text);
            let digest = of_lab(folder.path(), "lab1").expect("it is read");
            assert!(seen.insert(digest), "{path} {text}");
        };
        new("labs/lab1-one/src/a.rs", "1");
        new("labs/lab1-one/src/a.rs", "2");
        new("labs/lab1-one/src/b.rs", "2");
        new("labs/lab1-one/src/inner/b.rs", "2");
    }

    #[test]
    fn what_is_missing_is_told() {
        let folder = project();
        let root = folder.path();
        let error = of_lab(&root.join("grader"), "lab1").expect_err("there are no labs");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        fs::remove_file(root.join("grader/sim/Cargo.toml")).expect("it is there");
        let error = of_engines(root)
            .expect_err("a manifest is missing")
            .to_string();
        assert!(error.contains("grader/sim/Cargo.toml"), "{error}");
        fs::remove_dir_all(root.join("grader")).expect("it is there");
        fs::remove_dir_all(root.join("labs/labkit")).expect("it is there");
        assert_eq!(of_engines(root).expect("nothing to read"), None);
        assert_eq!(labs(root).expect("rubrics"), ["lab1", "lab10", "lab2"]);
    }
}
