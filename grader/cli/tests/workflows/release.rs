//! What is released to students: a project without hidden tests and solutions, and programs that
//! are unpacked only with their checksums.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::{read, root};

/// A copy of what `.github/students-release` changes.
struct Release {
    folder: tempfile::TempDir,
}

impl Release {
    fn new() -> Release {
        let release = Release {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        for part in [
            ".github",
            "grader",
            "labs",
            "rubrics",
            "solutions",
            "starter",
        ] {
            copy(&root().join(part), &release.folder.path().join(part));
        }
        for file in ["Cargo.toml", "Cargo.lock"] {
            fs::copy(root().join(file), release.folder.path().join(file)).expect("it is there");
        }
        release
    }

    fn suites(&self) -> PathBuf {
        self.folder.path().join("grader/suites/src")
    }

    fn make(&self) -> Output {
        let mut command = Command::new("sh");
        command
            .arg(root().join(".github/students-release"))
            .arg(self.folder.path())
            .output()
            .expect("sh is there")
    }

    /// It must refuse, and say this.
    fn refuses(&self, expected: &str) {
        let output = self.make();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(expected), "{told}");
    }

    fn append(&self, file: &str, text: &str) {
        let path = self.suites().join(file);
        fs::write(&path, read(&path) + text).expect("a file");
    }

    fn refuses_after(&self, file: &str, text: &str, expected: &str) {
        self.append(file, text);
        self.refuses(expected);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a new folder");
    for entry in fs::read_dir(from).expect("a folder of the project") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if !entry.path().is_dir() {
            fs::copy(entry.path(), target).expect("a copy");
        } else if entry.file_name() != "node_modules" {
            copy(&entry.path(), &target);
        }
    }
}

fn labs(suites: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(suites)
        .expect("the suites are there")
        .map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.is_dir()).collect()
}

#[test]
fn a_release_for_students_has_no_hidden_test() {
    let release = Release::new();
    let before = labs(&release.suites());
    // Otherwise what follows could not fail.
    assert!(
        before.len() >= 4
            && before
                .iter()
                .all(|lab| read(&lab.join("hidden.rs")).contains("\"H-"))
    );
    let public = read(&release.suites().join("lab2/public/mod.rs"));
    let output = release.make();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for lab in labs(&release.suites()) {
        let stub = read(&lab.join("hidden.rs"));
        assert!(!stub.contains("H-") && stub.lines().count() < 12, "{stub}");
        let module = read(&lab.join("mod.rs"));
        assert!(
            module.contains("\nmod hidden;\n") && module.contains(" hidden: hidden::tests(),\n"),
            "{module}"
        );
    }
    let suite = release.folder.path().join("grader/labtest/src/suite.rs");
    assert!(read(&suite).contains("pub hidden: Vec<Test>,"));
    assert_eq!(read(&release.suites().join("lab2/public/mod.rs")), public);
    // Once more changes nothing.
    let stub = read(&release.suites().join("lab0/hidden.rs"));
    assert!(release.make().status.success());
    assert_eq!(read(&release.suites().join("lab0/hidden.rs")), stub);
}

/// What cargo then finds is whole: it changes nothing in the lock, and so not what a program was
/// built from.
#[test]
fn a_release_for_students_has_no_solutions() {
    let release = Release::new();
    assert!(release.make().status.success());
    let folder = release.folder.path();
    assert!(!folder.join("solutions").exists());
    let (manifest, lock) = (
        read(&folder.join("Cargo.toml")),
        read(&folder.join("Cargo.lock")),
    );
    assert!(
        !manifest.contains("solutions/") && manifest.contains("\"starter/lab2\""),
        "{manifest}"
    );
    assert!(
        !lock.contains("lab2-solution")
            && !lock.contains("lab2-variant")
            && lock.contains("\"lab2-api\"")
    );
    let cargo = std::env::var_os("CARGO").expect("cargo runs the tests");
    let mut command = Command::new(cargo);
    command
        .args(["update", "--workspace", "--locked", "--offline"])
        .current_dir(folder);
    let output = command.output().expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let workflows = fs::read_dir(folder.join(".github/workflows")).expect("the folder stays");
    let workflows: Vec<_> = workflows
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(workflows, ["grade.yml"]);
}

/// The stub has the type that each lab's `mod.rs` wants, and no warning.
#[test]
fn the_stub_compiles() {
    let release = Release::new();
    assert!(release.make().status.success());
    let program = release.folder.path().join("lib.rs");
    let stub = release.suites().join("lab2/hidden.rs");
    let text = format!(
        "//! A suite.\n#[path = {stub:?}]\nmod hidden;\n/// A test.\npub struct Test;\n/// The \
         suite's.\n\
         pub fn hidden_tests() -> Vec<Test> {{ hidden::tests() }}\n"
    );
    fs::write(&program, text).expect("a new file");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args([
        "--edition",
        "2024",
        "--crate-type",
        "lib",
        "--emit",
        "metadata",
        "-D",
        "warnings",
    ]);
    command
        .args(["-D", "missing_docs", "--out-dir"])
        .arg(release.folder.path())
        .arg(&program)
        .current_dir(root());
    let output = command.output().expect("rustc is there");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_release_with_a_rest_of_hidden_tests_is_refused() {
    Release::new().refuses_after(
        "lab2/scenes.rs",
        "const LEFT: &str = \"H-C3\";\n",
        "this is left of hidden tests",
    );
    Release::new().refuses_after(
        "lab3/costs.rs",
        "// hidden![ \"x\" y ]\n",
        "this is left of hidden tests",
    );
    // A stub has nothing but its tests.
    Release::new().refuses_after(
        "lab1/chaos.rs",
        "fn f() { super::hidden::helper() }\n",
        "more than their tests",
    );

    let without = Release::new();
    fs::remove_file(without.suites().join("lab3/hidden.rs")).expect("it is there");
    without.refuses("hidden.rs is missing");

    // Hidden tests that have grown into several files go all the same.
    let grown = Release::new();
    let folder = grown.suites().join("lab0/hidden");
    fs::create_dir(&folder).expect("a new folder");
    fs::rename(grown.suites().join("lab0/hidden.rs"), folder.join("mod.rs")).expect("it is there");
    fs::write(
        grown.suites().join("lab2/hidden_costs.rs"),
        "pub const ID: &str = \"H-E9\";\n",
    )
    .expect("a new file");
    let output = grown.make();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        !folder.exists() && read(&grown.suites().join("lab0/hidden.rs")).contains("Vec::new()")
    );
    assert!(!read(&grown.suites().join("lab2/hidden_costs.rs")).contains("H-E9"));
}

#[test]
fn a_released_grader_is_unpacked_only_with_its_checksum() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .expect("it runs")
    };
    let script = root().join(".github/unpack-grader");
    let script = script.to_str().expect("a plain path");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
    let unpack = |sums: &str, expected: i32, told: &str| {
        write("SHA256SUMS", sums);
        let output = run("sh", &[script, "cargo-grade-x.tar.gz", "SHA256SUMS", "out"]);
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(expected), "{err}");
        assert!(err.contains(told), "{err}");
        assert_eq!(
            folder.path().join("out/cargo-grade").exists(),
            expected == 0
        );
    };
    write("cargo-grade", "a program");
    assert!(
        run("tar", &["-czf", "cargo-grade-x.tar.gz", "cargo-grade"])
            .status
            .success()
    );
    let output = run(
        "sh",
        &[
            "-c",
            "sha256sum cargo-grade-x.tar.gz || shasum -a 256 cargo-grade-x.tar.gz",
        ],
    );
    let right = String::from_utf8(output.stdout).expect("UTF-8");
    unpack(
        &right.replace("-x.", "-y."),
        1,
        "has no checksum of cargo-grade-x.tar.gz",
    );
    unpack(
        &format!("{}  cargo-grade-x.tar.gz\n", "0".repeat(64)),
        1,
        "is not the file of the release",
    );
    unpack(&format!("{}  other\n{right}", "0".repeat(64)), 0, "");
    assert_eq!(read(&folder.path().join("out/cargo-grade")), "a program");
}
