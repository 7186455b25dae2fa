//! Files that the grader reads are damaged: a rubric, a patch, a trace.

use std::fs;

use tempfile::TempDir;

use super::support::{cargo_grade, cargo_grade_in, root};

/// A project whose rubric is broken; everything else is the real one's.
fn project_with_rubric(change: (&str, &str)) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("labs")).expect("a new folder");
    fs::create_dir(folder.path().join("rubrics")).expect("a new folder");
    let text = fs::read_to_string(root().join("rubrics/lab2.toml")).expect("the rubric is there");
    assert!(text.contains(change.0));
    fs::write(
        folder.path().join("rubrics/lab2.toml"),
        text.replacen(change.0, change.1, 1),
    )
    .expect("a new file");
    folder
}

#[test]
fn corrupt_rubric() {
    for (change, expected) in [
        (("points = 20", "points = 21"), "its tests add up to 20"),
        (("seeds =", "sedes ="), "did you mean `seeds`?"),
        (("[[test]]", "[[test]"), "line"),
    ] {
        let project = project_with_rubric(change);
        let ran = cargo_grade_in(project.path(), &["lab2"]);
        assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
        assert!(
            ran.err.contains("rubrics/lab2.toml") && ran.err.contains(expected),
            "{}",
            ran.err
        );
        assert_eq!(ran.out, "", "no score");
    }
}

#[test]
fn a_broken_patch_is_named_before_anything_runs() {
    // The rubric stays as it is.
    let project = project_with_rubric(("[[part]]", "[[part]]"));
    let ran = cargo_grade_in(project.path(), &["mutants", "lab2"]);
    assert_eq!(
        ran.code, 2,
        "a release for students has no wrong solutions: {}{}",
        ran.out, ran.err
    );
    assert!(ran.err.contains("solutions/lab2/mutants"), "{}", ran.err);
    let solution = project.path().join("solutions/lab2");
    fs::create_dir_all(solution.join("mutants")).expect("a new folder");
    fs::create_dir_all(solution.join("src")).expect("a new folder");
    fs::write(solution.join("Cargo.toml"), "").expect("a new file");
    fs::write(solution.join("src/lib.rs"), "mod server;\n").expect("a new file");
    let header = "about: x\nexposes: x\npasses: put_append_get\nloses: put_append_get\n";
    let diff = "--- a/src/lib.rs\n+++ b/src/lib.rs\n@@ -1 +1 @@\n-mod client;\n+mod view;\n";
    for (patch, expected) in [
        (
            format!("{header}{diff}"),
            "x.patch:7: the change that begins here does not fit",
        ),
        (header.to_owned(), "x.patch: no diff in it"),
        (
            format!("about: x\n{diff}"),
            "x.patch:2: no line `exposes: ...` in front of the diff",
        ),
    ] {
        fs::write(solution.join("mutants/x.patch"), patch).expect("a new file");
        let ran = cargo_grade_in(project.path(), &["mutants", "lab2"]);
        assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
        assert!(ran.err.contains(expected), "{}", ran.err);
        assert_eq!(ran.out, "", "nothing was run");
    }
}

#[test]
fn corrupt_trace_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("x.trace.json");
    let path = file.to_str().expect("a plain path");
    for (text, expected) in [
        ("{", "expected a trace file"),
        ("{\"format\": 1}", "missing field"),
        ("[1, 2", "line 1"),
        (
            r#"{"format":99,"lab":"lab2","test":"put_append_get","seed":0,
"choices":"0","submission":"x","digest":"",
               "kind":"","observed":"","schedule":[]}"#,
            "format 99",
        ),
        (
            r#"{"format":1,"lab":"lab2","test":"put_append_gte","seed":0,
"choices":"0","submission":"solutions/lab2",
               "digest":"","kind":"","observed":"","schedule":[]}"#,
            "no test \"put_append_gte\"",
        ),
    ] {
        fs::write(&file, text).expect("a new file");
        let ran = cargo_grade(&["replay", path]);
        assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
        assert!(
            ran.err.contains(path) && ran.err.contains(expected),
            "{}",
            ran.err
        );
    }
    let ran = cargo_grade(&["replay", "/no/such/file"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("/no/such/file"), "{}", ran.err);
}
