//! What files may look like, and how what could have been is written.

use serde_json::Value;

use super::{GET, GOOD, check_text, is_refused};

/// What failed certainly did not happen: a later read of it is wrong, and one of what was before is
/// right.
#[test]
fn an_event_that_failed_did_not_happen() {
    let event = |process: u32, kind: &str, rest: &str| {
        format!("{{:process {process}, :type :{kind}, {rest}}}\n")
    };
    let put = ":f :put, :key \"k\", :value \"a\"";
    let failed = event(0, "invoke", put) + &event(0, "fail", put);
    let get = |seen| {
        event(1, "invoke", ":f :get, :key \"k\", :value nil")
            + &event(1, "ok", &format!(":f :get, :key \"k\", :value {seen}"))
    };
    let ran = check_text(&(failed.clone() + &get("\"\"")), &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains(" 1 operations"), "{}", ran.out);
    let ran = check_text(&(failed.clone() + &get("\"a\"")), &[]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    is_refused(
        &(failed + &event(0, "fail", put)),
        &[":3: process 0 has not called anything"],
    );
}

#[test]
fn a_byte_order_mark_says_nothing() {
    for text in [
        GOOD.to_owned(),
        "{:process 1, :type :invoke, :f :get, :key \"k\", :value nil}\n".to_owned(),
    ] {
        let ran = check_text(&format!("\u{feff}{text}"), &[]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    }
    // Only at the beginning of a file it is one.
    is_refused(&format!("{GET}\n\u{feff}{GET}"), &[":2: this is no JSON"]);
}

#[test]
fn a_history_is_checked_where_there_is_no_project() {
    let folder = super::folder(&[("a.jsonl", GOOD)]);
    let mut command = std::process::Command::new(super::support::program());
    command
        .args(["check", "a.jsonl"])
        .current_dir(folder.path());
    let output = command.output().expect("the grader runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}{output:?}");
    assert!(text.contains("linearizable"), "{text}");
}

#[test]
fn what_was_possible_keeps_its_type() {
    let history = |value: &str| {
        format!(
            "{{\"client\": 1, \"op\": \"put\", \"key\": \"x\", \"value\": {value}, \
             \"call\": 1, \"return\": 2}}\n{{\"client\": 1, \"op\": \"get\", \"key\": \
             \"x\", \"call\": 3, \"return\": 4, \"result\": null}}\n"
        )
    };
    for value in ["1", "\"1\"", "[1,\"1\"]"] {
        let ran = check_text(&history(value), &["--json", "--model", "register"]);
        let report: Value = serde_json::from_str(&ran.out).expect("JSON");
        let possible = &report["histories"][0]["violation"]["possible_replies"];
        assert_eq!(*possible, serde_json::json!([value]), "{}", ran.out);
    }
    let row = |rest: &str| format!("{{\"client\": 1, {rest}}}\n");
    for (model, rows, possible) in [
        (
            "queue",
            [
                "\"op\": \"enqueue\", \"key\": \"q\", \"value\": 7, \"call\": 1, \"return\": 2",
                "\"op\": \"dequeue\", \"key\": \"q\", \"call\": 3, \"return\": 4",
            ],
            "7",
        ),
        (
            "bank",
            [
                "\"op\": \"deposit\", \"key\": \"a\", \"amount\": 7, \"call\": 1, \"return\": 2",
                "\"op\": \"balances\", \"keys\": [\"a\", \"b\"], \"call\": 3, \"return\": 4, \
                 \"result\": [7, 7]",
            ],
            "[7,0]",
        ),
    ] {
        let text = row(rows[0]) + &row(rows[1]);
        let ran = check_text(&text, &["--json", "--model", model]);
        let report: Value = serde_json::from_str(&ran.out).expect("JSON");
        let violation = &report["histories"][0]["violation"];
        assert_eq!(
            violation["possible_replies"],
            serde_json::json!([possible]),
            "{}",
            ran.out
        );
    }
}

/// Histories that people sent: late and lost writes, refused exchanges, operations without a
/// duration, and a read of a value that nobody wrote among dozens that are pending.
#[test]
fn histories_of_people_are_judged_as_their_names_say() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/check/histories");
    let ran = super::cargo_grade(&["check", folder, "--model", "register"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    let all = std::fs::read_dir(folder).expect("a folder").count();
    assert_eq!(all, 9);
    assert_eq!(
        ran.out.matches("as its name says").count(),
        all,
        "{}",
        ran.out
    );
}
