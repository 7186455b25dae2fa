//! The grader as a program of its own, as students without a build have it: named `cargo-grade`,
//! run by hand or by cargo, with nobody to tell it where the project is.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the project is above")
        .to_owned()
}

/// What came of a command.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

/// Runs a command that nobody tells where the project is, as cargo would.
fn ran(command: &mut Command) -> Ran {
    let output = command
        .env_remove("CARGO_MANIFEST_DIR")
        .env("COLUMNS", "100")
        .stdin(Stdio::null())
        .output();
    let output = output.expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the grader writes UTF-8");
    Ran {
        code: output.status.code().expect("it exits"),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// What the grader of this project lists, which the others must list, too.
fn listed() -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_faultline"));
    let ran = ran(command.args(["lab2", "--list"]).current_dir(root()));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("failover_chaos"), "{}", ran.out);
    ran.out
}

/// A folder with the program in it, and a project with all that decides verdicts.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for part in ["grader", "labs", "rubrics", "starter/lab2"] {
            copy(
                &root().join(part),
                &folder.path().join("project").join(part),
            );
        }
        let lock = "Cargo.lock";
        fs::copy(root().join(lock), folder.path().join("project").join(lock))
            .expect("the lock is there");
        let place = Place { folder };
        fs::create_dir(place.program().parent().expect("a folder")).expect("a new folder");
        fs::copy(env!("CARGO_BIN_EXE_faultline"), place.program()).expect("the grader is built");
        place
    }

    fn program(&self) -> PathBuf {
        self.folder
            .path()
            .join("bin")
            .join(format!("cargo-grade{}", std::env::consts::EXE_SUFFIX))
    }

    fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// Runs the program by hand in a folder.
    fn run(&self, folder: &Path, arguments: &[&str]) -> Ran {
        let mut command = Command::new(self.program());
        ran(command.args(arguments).current_dir(folder))
    }
}

/// Copies a folder's sources: neither what was built nor what a browser test has installed.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a new folder");
    for entry in fs::read_dir(from).expect("a folder of the project") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            if entry.file_name() != "node_modules" {
                copy(&entry.path(), &target);
            }
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

#[test]
fn the_project_is_found_from_any_folder_in_it() {
    let place = Place::new();
    let expected = listed();
    for folder in [place.project(), place.project().join("starter/lab2/src")] {
        let ran = place.run(&folder, &["lab2", "--list"]);
        assert_eq!((ran.code, &ran.out), (0, &expected), "{}", ran.err);
    }
    let outside = place.folder.path();
    let ran = place.run(outside, &["lab2", "--list"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    let here = fs::canonicalize(outside).expect("it is there");
    assert!(
        ran.err.contains(here.to_str().expect("a plain path")),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("labs/ and rubrics/")
            && ran.err.contains("go to the folder of the project"),
        "{}",
        ran.err
    );
}

/// Where no alias says otherwise, `cargo grade` runs a `cargo-grade` that lies on the `PATH`, and
/// puts `grade` first.
#[test]
fn cargo_runs_it_as_a_subcommand() {
    let place = Place::new();
    let bin = place.program().parent().expect("a folder").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path)))
        .expect("plain paths");
    let cargo = std::env::var_os("CARGO").expect("cargo runs the tests");
    let mut command = Command::new(cargo);
    command.args(["grade", "lab2", "--list"]).env("PATH", path);
    let by_cargo = ran(command.current_dir(place.project().join("rubrics")));
    assert_eq!(by_cargo.code, 0, "{}", by_cargo.err);
    assert_eq!(by_cargo.out, listed());
}

/// Its verdicts would be those of other tests than the fingerprint says.
#[test]
fn it_grades_in_no_project_with_other_sources() {
    let place = Place::new();
    let json = place.folder.path().join("grade.json");
    let arguments = ["lab2", "--json", json.to_str().expect("a plain path")];
    let refused = |file: &str, differ: &str| {
        let path = place.project().join(file);
        let text = fs::read_to_string(&path).expect("it is there");
        fs::write(&path, format!("{text}\n# or // a remark\n")).expect("a file");
        let ran = place.run(&place.project(), &arguments);
        assert_eq!((ran.code, ran.out.as_str()), (4, ""), "{file}: {}", ran.err);
        assert!(
            ran.err.contains(differ) && ran.err.contains("there is no score"),
            "{file}: {}",
            ran.err
        );
        assert!(
            ran.err.contains("`cargo grade`") && ran.err.contains("download"),
            "{file}: {}",
            ran.err
        );
        assert!(!json.exists());
        fs::write(&path, text).expect("a file");
    };
    refused(
        "grader/suites/lab2/src/public/mod.rs",
        "the sources of lab2 differ",
    );
    refused(
        "labs/lab2-primary-backup/src/lib.rs",
        "the sources of lab2 differ",
    );
    for engine in [
        "grader/explore/src/bfs.rs",
        "grader/grade/src/score.rs",
        "labs/labkit/src/lib.rs",
    ] {
        refused(engine, "the sources in grader/ and labs/labkit differ");
    }
    refused("Cargo.lock", "Cargo.lock differ");

    // As it was, and with another handout and an edit of another lab, it gets further: to what this
    // project lacks, which is a workspace.
    let handout = place.project().join("labs/lab2-primary-backup/README.md");
    fs::write(handout, "another text").expect("a file");
    let other = place.project().join("labs/lab3-paxos/src/lib.rs");
    fs::write(other, "// another lab").expect("a file");
    let refused = place.run(&place.project(), &["lab3", "--path", "starter/lab2"]);
    assert_eq!(refused.code, 4, "{}", refused.err);
    assert!(
        refused.err.contains("the sources of lab3 differ"),
        "{}",
        refused.err
    );
    let ran = place.run(&place.project(), &arguments);
    assert!(
        !ran.err.contains("another version of the project"),
        "{}",
        ran.err
    );
    assert!(
        ran.out.contains("starter/lab2"),
        "it has begun: {}{}",
        ran.out,
        ran.err
    );
}
