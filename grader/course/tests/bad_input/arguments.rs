//! What is asked for is not there, or not to be had like this.

use std::fs;

use super::support::cargo_grade;

#[test]
fn unknown_lab() {
    let ran = cargo_grade(&["lab22"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.err
            .contains("there is no lab \"lab22\"; did you mean `lab2`?"),
        "{}",
        ran.err
    );
}

#[test]
fn unknown_test() {
    let ran = cargo_grade(&["lab2", "put_apend_get"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("did you mean `put_append_get`?"),
        "{}",
        ran.err
    );
}

#[test]
fn unknown_option() {
    assert_eq!(cargo_grade(&["lab2", "--sede", "1"]).code, 2);
}

#[test]
fn no_crate_at_the_path() {
    let empty = tempfile::tempdir().expect("a temporary folder");
    for path in [
        empty.path().to_str().expect("a plain path"),
        "/no/such/folder",
    ] {
        let ran = cargo_grade(&["lab2", "--path", path]);
        assert_eq!(ran.code, 2, "{}", ran.err);
        assert!(
            ran.err.contains(path) && ran.err.contains("src/lib.rs"),
            "{}",
            ran.err
        );
    }
}

#[test]
fn unknown_lab_or_wrong_solution() {
    let ran = cargo_grade(&["mutants", "lab22"]);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    assert!(
        ran.err
            .contains("there is no lab \"lab22\"; did you mean `lab2`?"),
        "{}",
        ran.err
    );
    let ran = cargo_grade(&["mutants", "lab2", "any-reply-wil-do"]);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    assert!(
        ran.err
            .contains("no wrong solution \"any-reply-wil-do\" in"),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("did you mean `any-reply-will-do`?"),
        "{}",
        ran.err
    );
}

#[test]
fn a_salt_that_is_none() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("salt");
    let path = file.to_str().expect("a plain path");
    for (bytes, expected) in [
        (None, "cannot be read"),
        (
            Some("fifteen letters \n".as_bytes().to_vec()),
            "has 15 bytes, expected at least 16",
        ),
        (Some(vec![b'x'; (64 << 10) + 1]), "more than 64 KiB"),
    ] {
        if let Some(bytes) = bytes {
            fs::write(&file, bytes).expect("a new file");
        }
        let ran = cargo_grade(&["lab2", "--hidden", "--salt", path]);
        assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
        assert!(
            ran.err.contains(path) && ran.err.contains(expected),
            "{}",
            ran.err
        );
        assert!(
            ran.err.contains("head -c 32 /dev/urandom > FILE"),
            "{}",
            ran.err
        );
        assert_eq!(ran.out, "", "nothing was run");
    }
}

#[test]
fn options_for_staff_that_need_another() {
    for (arguments, needed) in [
        (&["--salt", "Cargo.toml"][..], "--hidden"),
        (&["--after-deadline"], "--student-view"),
    ] {
        let ran = cargo_grade(&[&["lab2"], arguments].concat());
        assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
        assert!(
            ran.err.contains("required") && ran.err.contains(needed),
            "{}",
            ran.err
        );
    }
}
