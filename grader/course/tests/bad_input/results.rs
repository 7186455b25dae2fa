//! What is written of a run: results, traces and pages.

use std::fs;
#[cfg(unix)]
use std::process::Command;

use super::{
    grade, server_that,
    support::{cargo_grade, changed, root},
};

#[test]
fn a_result_that_cannot_be_written() {
    let ran = cargo_grade(&[
        "lab2",
        "put_append_get",
        "--path",
        "solutions/lab2",
        "--seeds",
        "1",
        "--json",
        "/dev/null/x.json",
    ]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("/dev/null/x.json"), "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn an_interrupt_writes_nothing() {
    use std::io::{BufRead, BufReader, Read};
    let folder = tempfile::tempdir().expect("a temporary folder");
    let result = folder.path().join("result.json");
    let mut child = Command::new(env!("CARGO_BIN_EXE_faultline"))
        .args([
            "lab2",
            "failover_chaos",
            "--path",
            "solutions/lab2",
            "--seeds",
            "1000000",
            "--json",
        ])
        .arg(&result)
        .current_dir(root())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the grader runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    assert!(
        lines.any(|line| line.expect("UTF-8").contains("built")),
        "the runs have begun"
    );
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .expect("kill is there");
    assert!(kill.success());
    let status = child.wait().expect("it ends");
    let mut said = String::new();
    child
        .stderr
        .take()
        .expect("a pipe")
        .read_to_string(&mut said)
        .expect("UTF-8");
    assert_eq!(status.code(), Some(130), "{said}");
    assert!(said.contains("interrupted"), "{said}");
    assert!(!result.exists(), "no result of half a grading");
}

#[test]
fn a_failure_is_replayed_exactly_and_a_mended_program_passes_it() {
    let folder = changed(
        "server.rs",
        &[(
            "                self.values.entry(key.clone()).or_default().push_str(value);",
            "                let _ = self.values.entry(key.clone()).or_default();\n                \
             self.values.insert(key.clone(), value.clone());",
        )],
    );
    let ran = grade(&folder, &["put_append_get"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let trace = folder.path().join("traces/put_append_get.trace.json");
    let kept = trace.to_str().expect("a plain path");
    let flat = ran.out.split_whitespace().collect::<String>();
    assert!(
        flat.contains(&format!("cargogradereplay{kept}")),
        "{}",
        ran.out
    );
    let again = cargo_grade(&["replay", kept]);
    assert_eq!(again.code, 1, "{}{}", again.out, again.err);
    assert!(
        again.out.contains("The same failure as in the trace."),
        "{}",
        again.out
    );
    let lines = |text: &str| {
        text.lines()
            .filter(|line| line.contains(" ms  "))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        lines(&ran.out),
        lines(&again.out),
        "the same trace, line by line"
    );
    let mended = cargo_grade(&["replay", kept, "--path", "solutions/lab2"]);
    assert_eq!(mended.code, 0, "{}{}", mended.out, mended.err);
    assert!(
        mended.out.contains("The submission has changed"),
        "{}",
        mended.out
    );
}

#[test]
fn the_page_of_a_hostile_submission() {
    let does = "println!(\"</pre><script>alert(1)</script>\"); if ctx.incarnation() > 0 { \
                panic!(\"<img src=x>\\u{202e}\") }";
    let folder = server_that(does);
    let (page, nowhere) = (
        folder.path().join("page.html"),
        folder.path().join("traces/report.html"),
    );
    let ran = grade(
        &folder,
        &[
            "put_append_get",
            "--report",
            page.to_str().expect("a plain path"),
        ],
    );
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let text = fs::read_to_string(&page).expect("the page");
    assert!(
        text.contains("&lt;img src=x&gt;\\u{202e}") && text.contains("&lt;script&gt;alert(1)"),
        "{text}"
    );
    assert!(!text.contains("<script") && !text.contains("<img") && !text.contains('\u{202e}'));
    assert!(!nowhere.exists(), "it was asked for elsewhere");
    let own = folder.path().to_str().expect("a plain path");
    let without_replay: Vec<&str> = text.split("cargo grade replay ").collect();
    assert!(
        !without_replay[0].contains(own),
        "no path of this machine but in the command"
    );
    let ran = grade(&folder, &["put_append_get", "--report", "none"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(
        !nowhere.exists() && !root().join("none").exists(),
        "no page was asked for"
    );
    assert_eq!(
        fs::read_to_string(&page).expect("the page"),
        text,
        "and the old one is still there"
    );
}
