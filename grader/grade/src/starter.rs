//! A starter is its reference solution with holes, so the two cannot drift apart.
//!
//! In the reference, `// hole: NAME` and `// end hole` enclose what students write. The starter
//! keeps the lines between them that begin with `// | ` as ordinary comments (the duty) and has
//! `todo!("NAME")` in place of the rest; a hole without a name gets no `todo!`. A line
//! `// starter: TEXT` stands as `TEXT` in the starter.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::{error::Error, files::write_whole};

/// The files of a lab's starter, as derived from its solution: paths relative to the starter, and
/// contents.
///
/// # Errors
/// [`Error::Broken`] for a hole that is not closed or a file that cannot be read.
pub fn derive_starter(root: &Path, lab: &str) -> Result<BTreeMap<PathBuf, String>, Error> {
    let solution = root.join("solutions").join(lab);
    let mut files = BTreeMap::new();
    let manifest = read(&solution.join("Cargo.toml"))?;
    files.insert(PathBuf::from("Cargo.toml"), derive_manifest(&manifest, lab));
    let sources = solution.join("src");
    let entries = fs::read_dir(&sources).map_err(|error| broken(&sources, &error.to_string()))?;
    for entry in entries {
        let path = entry
            .map_err(|error| broken(&sources, &error.to_string()))?
            .path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = derive_source(&read(&path)?).map_err(|what| broken(&path, &what))?;
            let name = path.file_name().expect("a file in a folder has a name");
            files.insert(Path::new("src").join(name), text);
        }
    }
    Ok(files)
}

/// Writes a lab's starter anew; the number of files.
///
/// # Errors
/// As [`derive_starter`], or a file that cannot be written; [`Error::Usage`] if there is no
/// solution.
pub fn write_starter(root: &Path, lab: &str) -> Result<usize, Error> {
    let solution = root.join("solutions").join(lab);
    if !solution.is_dir() {
        return Err(Error::Usage(format!(
            "there is no {}: a starter is made of its reference solution, and a release for \
             students has none",
            solution.display()
        )));
    }
    let files = derive_starter(root, lab)?;
    for (path, text) in &files {
        write_whole(&root.join("starter").join(lab).join(path), text.as_bytes())?;
    }
    Ok(files.len())
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| broken(path, &error.to_string()))
}

fn broken(path: &Path, what: &str) -> Error {
    Error::Broken(format!("{}: {what}", path.display()))
}

fn derive_manifest(manifest: &str, lab: &str) -> String {
    let underscored = lab.replace('-', "_");
    manifest
        .replace(&format!("{lab}-solution"), lab)
        .replace(&format!("{underscored}_solution"), &underscored)
        .replace("reference solution", "starter")
}

fn derive_source(source: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut hole: Option<(usize, String, String)> = None;
    for (index, line) in source.lines().enumerate() {
        let text = line.trim_start();
        let indent = &line[..line.len() - text.len()];
        match &mut hole {
            None => {
                if let Some(rest) = text.strip_prefix("// hole") {
                    let name = rest.trim_start_matches(':').trim().to_owned();
                    hole = Some((index + 1, indent.to_owned(), name));
                } else if let Some(rest) = text.strip_prefix("// starter: ") {
                    out += &format!("{indent}{rest}\n");
                } else if text == "// end hole" {
                    return Err(format!("line {}: `// end hole` without a hole", index + 1));
                } else {
                    out += &format!("{line}\n");
                }
            }
            Some((_, indent, name)) => {
                if text == "// end hole" {
                    if !name.is_empty() {
                        out += &format!("{indent}todo!({name:?})\n");
                    }
                    hole = None;
                } else if let Some(duty) = text.strip_prefix("// |") {
                    out += format!("{indent}//{duty}").trim_end();
                    out.push('\n');
                } else if text.starts_with("// hole") {
                    return Err(format!("line {}: a hole in a hole", index + 1));
                }
            }
        }
    }
    match hole {
        Some((line, ..)) => Err(format!("line {line}: this hole has no `// end hole`")),
        None => Ok(out),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{derive_source, write_starter};
    use crate::Error;

    #[test]
    fn without_a_solution_there_is_nothing_to_derive() {
        let error = write_starter(Path::new("no project"), "lab0").expect_err("it is not there");
        assert!(matches!(error, Error::Usage(_)), "{error}");
        assert!(
            error
                .to_string()
                .contains("a release for students has none")
        );
    }

    #[test]
    fn holes_become_duties_and_todos() {
        let source = "\
// starter: #![allow(unused)]
struct Server {
    // hole
    // | Your state.
    view: View,
    // end hole
}
fn start() {
    // hole: Server::start
    // | Begin.
    let x = 1;
    // end hole
}
";
        let expected = "\
#![allow(unused)]
struct Server {
    // Your state.
}
fn start() {
    // Begin.
    todo!(\"Server::start\")
}
";
        assert_eq!(derive_source(source).unwrap(), expected);
        assert!(
            derive_source("// hole: x\n")
                .unwrap_err()
                .contains("line 1")
        );
        assert!(derive_source("// end hole\n").is_err());
    }
}
