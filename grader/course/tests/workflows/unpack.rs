//! A released program is unpacked only with its checksum.

use std::{fs, process::Command};

use super::{read, root};

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
