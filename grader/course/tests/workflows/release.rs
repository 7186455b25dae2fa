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
        self.folder.path().join("grader/suites")
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

/// The sources of the labs' hidden tests.
fn hidden(suites: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(suites)
        .expect("the suites are there")
        .map(|entry| entry.expect("an entry").path().join("hidden/src/lib.rs"));
    entries.filter(|path| path.is_file()).collect()
}

#[test]
fn a_release_for_students_has_no_hidden_test() {
    let release = Release::new();
    let before = hidden(&release.suites());
    // Otherwise what follows could not fail.
    let has_tests = |file: &PathBuf| read(file).contains("\"H-");
    assert!(before.len() >= 4 && before.iter().all(has_tests));
    let public = read(&release.suites().join("lab2/src/public/mod.rs"));
    let output = release.make();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let stub = read(&root().join(".github/hidden-stub.rs"));
    assert!(!stub.contains("H-") && stub.contains("Vec::new()"));
    for file in hidden(&release.suites()) {
        assert_eq!(read(&file), stub, "{}", file.display());
        // The crate keeps its name and what it depends on, so neither manifests nor lock change.
        let manifest = file.ancestors().nth(2).expect("a crate").join("Cargo.toml");
        let inside = manifest
            .strip_prefix(release.folder.path())
            .expect("it is in the release");
        assert_eq!(read(&manifest), read(&root().join(inside)));
    }
    assert_eq!(
        read(&release.suites().join("lab2/src/public/mod.rs")),
        public
    );
    // Once more changes nothing.
    assert!(release.make().status.success());
    assert_eq!(read(&hidden(&release.suites())[0]), stub);
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
    assert_eq!(manifest, read(&root().join("Cargo.toml")));
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

/// The stubs have what the registry asks for, and no warning. (Beside a stand-in for labtest: to
/// build that one takes a minute.)
#[test]
fn the_stub_compiles() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let labtest = folder.path().join("labtest.rs");
    fs::write(&labtest, "pub struct Test;").expect("a new file");
    let compile = |file: &Path, more: &[&str]| {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let mut command = Command::new(rustc);
        command
            .args([
                "--edition",
                "2024",
                "--crate-type",
                "lib",
                "--emit",
                "metadata",
            ])
            .args(["-D", "warnings", "-L", ".", "--out-dir", "."])
            .args(more)
            .arg(file)
            .current_dir(folder.path());
        let output = command.output().expect("rustc is there");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{told}");
    };
    compile(&labtest, &["--crate-name", "faultline_labtest"]);
    let stub = root().join(".github/hidden-stub.rs");
    let name = ["--crate-name", "lab0_hidden", "-D", "missing_docs"];
    compile(
        &stub,
        &[&name[..], &["--extern", "faultline_labtest"]].concat(),
    );
}

#[test]
fn a_release_with_a_rest_of_hidden_tests_is_refused() {
    Release::new().refuses_after(
        "lab2/src/scenes.rs",
        "const LEFT: &str = \"H-C3\";\n",
        "this is left of hidden tests",
    );
    Release::new().refuses_after(
        "lab3/src/costs.rs",
        "// hidden_tests! { \"x\" y }\n",
        "this is left of hidden tests",
    );
    // A stub has nothing but its tests.
    Release::new().refuses_after(
        "lab1/src/chaos.rs",
        "fn f() { lab1_hidden::helper() }\n",
        "more than their tests",
    );

    let without = Release::new();
    fs::remove_dir_all(without.suites().join("lab3/hidden/src")).expect("it is there");
    without.refuses("lab3/hidden is missing");

    // Whatever lies beside the sources would go to students.
    let beside = Release::new();
    fs::write(beside.suites().join("lab2/hidden/notes.md"), "x").expect("a new file");
    beside.refuses("lab2/hidden/notes.md");
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
