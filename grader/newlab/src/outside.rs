//! A workspace of its own: what stands around the labs there.

use std::path::{Path, PathBuf};

use faultline_grade::Error;

use crate::{NewLab, lines, template::File};

/// Where the workspace finds Faultline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In this folder.
    Path(PathBuf),
    /// In a git repository, at a revision or at the head of its default branch.
    Git {
        /// Where it is cloned from.
        url: String,
        /// The revision.
        rev: Option<String>,
    },
}

/// Faultline's crates that registries and suites use, and where they lie in its repository.
const CRATES: [(&str, &str); 11] = [
    ("labkit", "labs/labkit"),
    ("faultline-check", "grader/check"),
    ("faultline-cli", "grader/cli"),
    ("faultline-explore", "grader/explore"),
    ("faultline-grade", "grader/grade"),
    ("faultline-labtest", "grader/labtest"),
    ("faultline-origin", "grader/origin"),
    ("faultline-selfcheck", "grader/selfcheck"),
    ("faultline-sim", "grader/sim"),
    ("faultline-staff", "grader/staff"),
    ("faultline-verdict", "grader/verdict"),
];

/// Faultline's own manifest: lints and profiles are the same.
const MANIFEST: &str = include_str!("../../../Cargo.toml");

/// Its compiler: which one it is stands in each result.
const TOOLCHAIN: &str = include_str!("../../../rust-toolchain.toml");

/// The files around the labs, for a workspace with this one.
///
/// # Errors
/// [`Error::Usage`] if Faultline is not where it is said to be.
pub fn files(lab: &NewLab, faultline: &Source, lock: &str) -> Result<Vec<File>, Error> {
    let manifest = include_str!("../template/outside/Cargo.toml")
        .replace("{{faultline}}", &faultline.dependencies()?)
        .replace("{{serde}}", line_of(MANIFEST, "serde = "))
        .replace("{{edition}}", line_of(MANIFEST, "edition = "))
        .replace("{{rust-version}}", line_of(MANIFEST, "rust-version = "))
        .replace("{{profiles}}", after(MANIFEST, "[workspace.lints.rust]"));
    let plain = [
        ("Cargo.lock", lock),
        ("rust-toolchain.toml", TOOLCHAIN),
        (
            ".cargo/config.toml",
            include_str!("../template/outside/config.toml"),
        ),
        (".gitignore", "/target\n"),
        (
            "faultline.toml",
            include_str!("../template/outside/faultline.toml"),
        ),
        ("README.md", include_str!("../template/outside/README.md")),
        (
            "grader/course/Cargo.toml",
            include_str!("../template/outside/course/Cargo.toml"),
        ),
        (
            "grader/course/build.rs",
            include_str!("../template/outside/course/build.rs"),
        ),
        (
            "grader/course/src/lib.rs",
            include_str!("../template/outside/course/src/lib.rs"),
        ),
        (
            "grader/course/src/main.rs",
            include_str!("../template/outside/course/src/main.rs"),
        ),
        (
            "grader/course/tests/course.rs",
            include_str!("../template/outside/course/tests/course.rs"),
        ),
        (
            "grader/full/Cargo.toml",
            include_str!("../template/outside/full/Cargo.toml"),
        ),
        (
            "grader/full/src/main.rs",
            include_str!("../template/outside/full/src/main.rs"),
        ),
    ];
    let plain = plain.into_iter().filter(|(_, text)| !text.is_empty());
    let mut files: Vec<File> = plain
        .map(|(path, text)| File {
            path: path.to_owned(),
            text: text.to_owned(),
        })
        .collect();
    files.push(File {
        path: "Cargo.toml".to_owned(),
        text: manifest,
    });
    // As for a lab that is added later.
    for file in &mut files {
        lines::add(lab, &file.path, &mut file.text);
    }
    Ok(files)
}

impl Source {
    /// The dependencies on its crates, as the manifest of a workspace has them.
    fn dependencies(&self) -> Result<String, Error> {
        let line = |(name, folder): (&str, &str)| -> Result<String, Error> {
            let place = match self {
                Source::Path(path) => {
                    let path = crate_folder(path, folder)?;
                    format!("path = {}", quoted(&path)?)
                }
                Source::Git { url, rev } => {
                    let rev = rev.as_ref().map(|rev| quoted(rev)).transpose()?;
                    let rev = rev.map_or(String::new(), |rev| format!(", rev = {rev}"));
                    format!("git = {}{rev}", quoted(url)?)
                }
            };
            Ok(format!("{name} = {{ {place} }}"))
        };
        let lines: Vec<String> = CRATES.into_iter().map(line).collect::<Result<_, _>>()?;
        Ok(lines.join("\n"))
    }
}

fn crate_folder(faultline: &Path, folder: &str) -> Result<String, Error> {
    let shown = faultline.display();
    let no = |what: String| {
        Error::Usage(format!(
            "{shown} is no checkout of Faultline: {what}. Name one with --faultline PATH, or a \
             repository with --faultline-git URL; nothing was written"
        ))
    };
    let path =
        std::path::absolute(faultline.join(folder)).map_err(|error| no(error.to_string()))?;
    if !path.join("Cargo.toml").is_file() {
        return Err(no(format!("it has no {folder}/Cargo.toml")));
    }
    match path.to_str() {
        Some(path) => Ok(path.replace('\\', "/")),
        None => Err(no(
            "its path is no text that a manifest could have".to_owned()
        )),
    }
}

/// As a string of TOML.
fn quoted(text: &str) -> Result<String, Error> {
    let plain = |c: char| !c.is_control() && c != '"' && c != '\\';
    match !text.is_empty() && text.chars().all(plain) {
        true => Ok(format!("\"{text}\"")),
        false => Err(Error::Usage(format!(
            "{text:?} cannot stand in a manifest: expected a path, an address or a revision \
             without quotes and backslashes"
        ))),
    }
}

fn line_of<'a>(text: &'a str, begin: &str) -> &'a str {
    let found = text.lines().find(|line| line.starts_with(begin));
    found.expect("Faultline's manifest has this line")
}

fn after<'a>(text: &'a str, begin: &str) -> &'a str {
    let at = text
        .find(begin)
        .expect("Faultline's manifest has this table");
    text[at..].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(faultline: &Source) -> Result<String, Error> {
        let lab = NewLab::new("demo", None, "", &[])?;
        let files = files(&lab, faultline, "")?;
        let manifest = files.into_iter().find(|file| file.path == "Cargo.toml");
        Ok(manifest.expect("a workspace has a manifest").text)
    }

    #[test]
    fn a_manifest_says_where_faultline_is() {
        let (url, rev) = (
            "https://example.org/f.git".to_owned(),
            Some("v1".to_owned()),
        );
        let text = manifest(&Source::Git { url, rev }).expect("it can be written");
        let line = "labkit = { git = \"https://example.org/f.git\", rev = \"v1\" }\n";
        assert!(text.contains(line), "{text}");
        assert!(
            text.contains("[profile.guest]") && !text.contains("{{"),
            "{text}"
        );
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
        let root = root.expect("the project is above");
        let text = manifest(&Source::Path(root.to_owned())).expect("it can be written");
        assert!(text.contains("grader/cli\" }\n"), "{text}");
    }

    #[test]
    fn what_is_no_faultline_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = manifest(&Source::Path(folder.path().to_owned())).expect_err("it is empty");
        assert!(error.to_string().contains("labs/labkit"), "{error}");
        let (url, rev) = ("a\"b".to_owned(), None);
        let error = manifest(&Source::Git { url, rev }).expect_err("a quote");
        assert!(error.to_string().contains("quotes"), "{error}");
    }
}
