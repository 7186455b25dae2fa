//! Running the built `cargo grade` on changed reference solutions.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

/// The project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the project is above")
        .to_owned()
}

/// What came of a command.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs the grader in this project.
pub fn cargo_grade(arguments: &[&str]) -> Ran {
    cargo_grade_in(&root().join("grader/course"), arguments)
}

/// The program that cargo has built for the tests of this package: that with all commands in
/// `grader/full`, otherwise that of students.
pub fn program() -> &'static str {
    let full = option_env!("CARGO_BIN_EXE_faultline-full");
    full.or(option_env!("CARGO_BIN_EXE_faultline"))
        .expect("each of the two packages has its program")
}

/// Runs it as if this were the package of `cargo grade`.
pub fn cargo_grade_in(package: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(program());
    command
        .args(arguments)
        .env("CARGO_MANIFEST_DIR", package)
        .env("COLUMNS", "100")
        .current_dir(root());
    command.stdin(Stdio::null());
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the grader runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the grader writes UTF-8");
    Ran {
        code: status.code().expect("the grader exits"),
        out: text(stdout),
        err: text(stderr),
    }
}

/// The reference solution with pieces of text replaced in a file.
pub fn changed(file: &str, changes: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let solution = root().join("solutions/lab2");
    fs::create_dir(folder.path().join("src")).expect("a new folder");
    fs::copy(
        solution.join("Cargo.toml"),
        folder.path().join("Cargo.toml"),
    )
    .expect("the manifest is there");
    for entry in fs::read_dir(solution.join("src")).expect("the solution is there") {
        let name = entry
            .expect("an entry")
            .file_name()
            .into_string()
            .expect("a plain name");
        let mut text = fs::read_to_string(solution.join("src").join(&name)).expect("a source file");
        if name == file {
            for (from, to) in changes {
                assert!(text.contains(from), "{file} has no {from:?}");
                text = text.replacen(from, to, 1);
            }
        }
        fs::write(folder.path().join("src").join(name), text).expect("a new file");
    }
    folder
}
