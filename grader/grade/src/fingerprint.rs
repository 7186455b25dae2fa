//! Digests of what a result depends on. The build script includes this file: it digests what it is
//! compiled from, and a run what lies in the project, with the very same functions.

use std::{fs, io, path::Path};

use sha2::{Digest, Sha256};

/// What decides verdicts, below the project.
const GRADER: [&str; 6] = [
    "grader/suites/src",
    "grader/sim/src",
    "grader/check/src",
    "grader/explore/src",
    "grader/grade/src",
    "grader/host/src",
];

/// The crates in this folder are compiled into the grader and, at run time, into each node.
const LABS: &str = "labs";

/// The pinned dependencies, below the project: among them the engine that nodes run in.
pub const LOCK: &str = "Cargo.lock";

/// The SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// If the file cannot be read.
pub fn of_file(path: &Path) -> io::Result<String> {
    Ok(hex(&Sha256::digest(fs::read(path)?)))
}

/// Everything of ours that can change a verdict: folders, and the manifests of the labs. (Not the
/// handouts beside them: to change a text must not mean to build the grader anew.)
///
/// # Errors
/// If the folder of the labs cannot be read.
pub fn sources(root: &Path) -> io::Result<Vec<String>> {
    let mut sources: Vec<String> = GRADER.map(str::to_owned).into();
    for entry in fs::read_dir(root.join(LABS))? {
        let lab = format!("{LABS}/{}", entry?.file_name().to_string_lossy());
        let manifest = format!("{lab}/Cargo.toml");
        if root.join(&manifest).is_file() {
            sources.extend([manifest, format!("{lab}/src")]);
        }
    }
    Ok(sources)
}

/// The SHA-256 over the paths and contents of all files of [`sources`] whose names end in `.rs` or
/// `.toml`, in the order of their paths.
///
/// # Errors
/// If a folder or file cannot be read.
pub fn of_sources(root: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    for source in sources(root)? {
        let path = root.join(&source);
        if path.is_dir() {
            collect(&path, &source, &mut files)?
        } else {
            files.push(source)
        }
    }
    files.sort();
    let mut hash = Sha256::new();
    for name in files {
        let contents = fs::read(root.join(&name))?;
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
