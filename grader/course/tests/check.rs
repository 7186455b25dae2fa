//! `cargo grade check` from the outside: verdicts, exit codes, and a clear word on every file that
//! is no history.

#[expect(dead_code, reason = "tests of submissions use the rest")]
mod support;

#[path = "check/forms.rs"]
mod forms;

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use support::{Ran, cargo_grade};

const GOOD: &str = r#"{"client": 1, "op": "put", "key": "x", "value": "a", "call": 10, "return": 20}
{"client": 2, "op": "append", "key": "x", "value": "b", "call": 12, "return": null}

{"client": 1, "op": "get", "key": "x", "call": 30, "return": 40, "result": "ab"}
"#;

const BAD: &str = r#"{"client": 1, "op": "put", "key": "x", "value": "a", "call": 10, "return": 20}
{"client": 1, "op": "put", "key": "y", "value": "a", "call": 21, "return": 22}
{"client": 2, "op": "put", "key": "x", "value": "b", "call": 25, "return": 35}
{"client": 1, "op": "get", "key": "x", "call": 40, "return": 50, "result": "a"}
"#;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    files
        .iter()
        .for_each(|(name, text)| fs::write(folder.path().join(name), text).expect("a new file"));
    folder
}

fn check(folder: &TempDir, file: &str, arguments: &[&str]) -> Ran {
    let path = folder.path().join(file);
    cargo_grade(&[&["check", path.to_str().expect("a plain path")], arguments].concat())
}

fn check_text(text: &str, arguments: &[&str]) -> Ran {
    check(
        &folder(&[("history.jsonl", text)]),
        "history.jsonl",
        arguments,
    )
}

#[test]
fn a_linearizable_history() {
    let ran = check_text(GOOD, &[]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert_eq!(
        ran.out,
        "history.jsonl            linearizable        3 operations, no search\n"
    );
}

#[test]
fn a_violated_history_says_why() {
    let ran = check_text(BAD, &[]);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""), "{}", ran.out);
    assert_eq!(
        ran.out,
        "history.jsonl            violated            4 operations, no search\n    \
         stale-read-or-lost-write: client 1's get \"x\" (40 - 50) came after client 2's put \"x\" \
         \"b\", acknowledged at 35, and \
         used the value from before it; no later read says whether that write is still there\n    \
         line 1: [10, 20] client 1: put \"x\" \"a\" = done\n    \
         line 3: [25, 35] client 2: put \"x\" \"b\" = done\n    \
         line 4: [40, 50] client 1: get \"x\" = \"a\"  <- impossible\n    \
         possible replies at line 4: \"b\"\n"
    );
}

#[test]
fn json_has_the_proof_of_either_verdict() {
    let ran = check_text(GOOD, &["--json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let report: Value = serde_json::from_str(&ran.out).expect("JSON");
    let history = &report["histories"][0];
    assert_eq!(
        (&report["format"], &history["verdict"]),
        (&Value::from(1), &Value::from("linearizable"))
    );
    assert_eq!(history["witness"][0]["key"], "x");
    assert_eq!(
        history["witness"][0]["lines"],
        serde_json::json!([1, 2, 4]),
        "the lines of the file, the lost append too"
    );

    let ran = check_text(BAD, &["--json"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let report: Value = serde_json::from_str(&ran.out).expect("JSON");
    let violation = &report["histories"][0]["violation"];
    assert_eq!(
        (&violation["kind"], &violation["key"]),
        (&Value::from("stale-read-or-lost-write"), &Value::from("x"))
    );
    assert_eq!(violation["impossible"]["line"], 4);
    assert_eq!(violation["core"].as_array().expect("a list").len(), 3);
    assert_eq!(violation["possible_replies"], serde_json::json!(["\"b\""]));
}

#[test]
fn the_same_bytes_every_time() {
    let folder = folder(&[("a-ok.jsonl", GOOD), ("b-bad.jsonl", BAD)]);
    let page = folder.path().join("page.html");
    let arguments = ["--html", page.to_str().expect("a plain path")];
    let (first, page_of_first) = (
        check(&folder, "", &arguments).out,
        fs::read(&page).expect("the page"),
    );
    assert_eq!(first, check(&folder, "", &arguments).out);
    assert_eq!(page_of_first, fs::read(&page).expect("the page"));
    let json = || check(&folder, "", &["--json"]).out;
    assert_eq!(json(), json());
}

#[test]
fn names_in_a_folder_say_what_the_verdict_must_be() {
    let as_said = folder(&[
        ("a-ok.jsonl", GOOD),
        ("b-bad.jsonl", BAD),
        ("c.txt", GOOD),
        ("notes.md", "no history"),
    ]);
    let ran = check(&as_said, "", &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(
        ran.out.matches("as its name says").count(),
        2,
        "{}",
        ran.out
    );
    assert!(
        ran.out.find("a-ok") < ran.out.find("b-bad")
            && ran.out.find("b-bad") < ran.out.find("c.txt"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains("notes"), "{}", ran.out);

    for (name, text, said) in [
        ("x-ok.jsonl", BAD, "linearizable"),
        ("x-bad.jsonl", GOOD, "violated"),
    ] {
        let ran = check(&folder(&[("a-ok.jsonl", GOOD), (name, text)]), "", &[]);
        assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
        assert!(
            ran.out.contains(&format!("but its name says {said}")),
            "{}",
            ran.out
        );
    }
    // The name of a single file says nothing.
    assert_eq!(
        check(&folder(&[("x-bad.jsonl", BAD)]), "x-bad.jsonl", &[]).code,
        1
    );
}

#[test]
fn a_page_shows_the_operations() {
    let folder = folder(&[
        ("a.jsonl", BAD),
        ("b.jsonl", &GOOD.replace("\"x\"", "\"<img src=x>\"")),
    ]);
    let page = folder.path().join("new/page.html");
    let ran = check(
        &folder,
        "",
        &["--html", page.to_str().expect("a plain path")],
    );
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let text = fs::read_to_string(&page).expect("the page");
    for expected in [
        "was lost",
        "line 3",
        "impossible",
        "An order that explains all replies",
        "&lt;img src=x&gt;",
    ] {
        assert!(text.contains(expected), "no {expected:?}");
    }
    assert!(!text.contains("<img") && text.contains("default-src 'none'"));

    let ran = check(&folder, "", &["--html", "/dev/null/page.html"]);
    assert_eq!((ran.code, ran.out.as_str()), (4, ""), "{}", ran.err);
    assert!(ran.err.contains("/dev/null/page.html"), "{}", ran.err);
}

#[test]
fn events_are_read_too() {
    let events = "{:process 0, :type :invoke, :f :put, :key \"k\", :value \"a, {b}\"}\n\
                  {:process 1, :type :invoke, :f :get, :key \"k\", :value nil}\n\
                  {:process 0, :type :info, :f :put, :key \"k\", :value \"a, {b}\"}\n\
                  {:process 1, :type :ok, :f :get, :key \"k\", :value \"a, {b}\"}\n";
    let ran = check_text(events, &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let ran = check_text(
        &events.replace(
            ":ok, :f :get, :key \"k\", :value \"a,",
            ":ok, :f :get, :key \"k\", :value \"b,",
        ),
        &[],
    );
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("phantom"), "{}", ran.out);
}

#[test]
fn every_model_knows_right_from_wrong() {
    let row = |client, rest: &str, call, ret| {
        format!("{{\"client\": {client}, {rest}, \"call\": {call}, \"return\": {ret}}}\n")
    };
    for (model, rows, wrong) in [
        (
            "register",
            [
                "\"op\": \"put\", \"key\": \"r\", \"value\": 7",
                "\"op\": \"get\", \"key\": \"r\", \"result\": 7",
            ],
            "\"result\": 8",
        ),
        (
            "queue",
            [
                "\"op\": \"enqueue\", \"key\": \"q\", \"value\": 7",
                "\"op\": \"dequeue\", \"key\": \"q\", \"result\": 7",
            ],
            "\"result\": null",
        ),
        (
            "lock",
            [
                "\"op\": \"acquire\", \"key\": \"l\", \"result\": true",
                "\"op\": \"acquire\", \"key\": \"l\", \"result\": false",
            ],
            "\"result\": true",
        ),
        (
            "bank",
            [
                "\"op\": \"deposit\", \"key\": \"a\", \"amount\": 7",
                "\"op\": \"balances\", \"keys\": [\"a\", \"b\"], \"result\": [7, 0]",
            ],
            "\"result\": [0, 7]",
        ),
    ] {
        let good = row(1, rows[0], 1, 2) + &row(2, rows[1], 3, 4);
        let ran = check_text(&good, &["--model", model]);
        assert_eq!(ran.code, 0, "{model}: {}{}", ran.out, ran.err);
        let (command, _) = rows[1].split_once("\"result\"").expect("it has one");
        let bad = row(1, rows[0], 1, 2) + &row(2, &format!("{command}{wrong}"), 3, 4);
        let ran = check_text(&bad, &["--model", model]);
        assert_eq!(ran.code, 1, "{model}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains("<- impossible"), "{model}: {}", ran.out);
    }
}

#[test]
fn an_unfinished_search_is_neither_a_pass_nor_a_violation() {
    // Twenty even amounts at once, any of which may have come, and a read of an odd one.
    let row = |client: u64, rest: &str, call| {
        format!("{{\"client\": {client}, {rest}, \"call\": {call}, \"return\": 9}}\n")
    };
    let deposit = |client: u64| {
        row(
            client,
            &format!(
                "\"op\": \"deposit\", \"key\": \"a\", \"amount\": {}",
                1_000 + 2 * client
            ),
            1,
        )
    };
    let read = "\"op\": \"balances\", \"keys\": [\"a\"], \"result\": [10191]";
    let hard = (0..20).map(deposit).collect::<String>() + &row(20, read, 9);
    let ran = check_text(&hard, &["--model", "bank"]);
    assert_eq!(ran.code, 5, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains("UNDECIDED") && ran.out.contains("neither a pass nor a violation"),
        "{}",
        ran.out
    );
    // What is certainly wrong counts more.
    let both = folder(&[("a.jsonl", &hard), ("c-bad.jsonl", &deposit(2))]);
    assert_eq!(check(&both, "", &["--model", "bank"]).code, 1);
}

/// The file is refused: it is told where and what is wrong and what was expected, in few words, and
/// nothing else is printed.
fn is_refused(text: &str, expected: &[&str]) {
    let ran = check_text(text, &[]);
    let begin: String = text.chars().take(100).collect();
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (2, ""),
        "{begin}: {}",
        ran.err
    );
    for expected in [&["history.jsonl"], expected].concat() {
        assert!(
            ran.err.contains(expected),
            "expected {expected:?} for {begin}: {}",
            ran.err
        );
    }
    assert!(ran.err.len() < 900, "{} bytes for {begin}", ran.err.len());
}

/// An operation that comes back, which is right.
const GET: &str = r#"{"client": 1, "op": "get", "key": "x", "call": 1, "return": 2, "result": ""}"#;

/// An operation of client 1.
fn op(rest: &str) -> String {
    format!("{{\"client\": 1, {rest}}}")
}

#[test]
fn what_is_no_history() {
    let huge = "x".repeat(3_000_000);
    let cases: [(String, &[&str]); 6] = [
        (
            format!(
                "{GET}\n{}",
                GET.replace("\"key\": \"x\"", "\"key\": \"x\", \"call\": 1")
            ),
            &[
                ":2: \"call\" stands twice in one object",
                "which one is meant?",
            ],
        ),
        (
            GET.replace("\"result\": \"\"", "\"result\": {\"saw\": 1, \"saw\": 2}"),
            &[":1: \"saw\" stands twice in one object"],
        ),
        (
            String::new(),
            &[":1: the file is empty", "a line is like {\"client\": 1, "],
        ),
        (
            format!("{GET}\n\n{{\"client\": 1, \"op\""),
            &[
                ":3: this is no JSON: EOF while parsing an object at column 18",
                "SPEC.md",
            ],
        ),
        (
            format!("{GET}\n[1, 2]"),
            &[":2: this is no JSON object but [1,2]", "a line is like"],
        ),
        (
            format!("{GET}\n{huge}"),
            &[":2: this is no JSON: expected value at column 1"],
        ),
    ];
    cases
        .iter()
        .for_each(|(text, expected)| is_refused(text, expected));
}

#[test]
fn what_is_no_operation() {
    let huge = "x".repeat(3_000_000);
    let cases: [(String, &[&str]); 11] = [
        (
            op(r#""op": "get", "key": "x", "return": 2"#),
            &[":1: \"call\" is missing", "a line is like"],
        ),
        (
            op(r#""op": "get", "key": "x", "call": 2"#),
            &[":1: \"return\" is missing"],
        ),
        (
            op(r#""op": "get", "call": 1, "return": 2, "result": """#),
            &[":1: get needs \"key\"", "a line is like"],
        ),
        (
            op(r#""op": "put", "key": "x", "call": 1, "return": 2"#),
            &[":1: put needs \"value\""],
        ),
        (
            op(r#""op": "get", "key": "x", "value": "a", "call": 1, "return": 2"#),
            &[":1: get has no \"value\"; besides its key it has nothing"],
        ),
        (
            op(r#""op": "get", "key": "x", "call": 5, "return": 3, "result": """#),
            &[":1: it returns at 3, before it is called at 5"],
        ),
        (
            op(r#""op": "gett", "key": "x", "call": 1, "return": 2"#),
            &[
                ":1: this model has no operation \"gett\"; did you mean `get`?",
                "put, append, get",
                "--model",
            ],
        ),
        (
            op(r#""op": "get", "key": "x", "call": 1, "return": 2"#),
            &[":1: \"result\" must be a text, not null"],
        ),
        (
            op(r#""op": "get", "key": "x", "call": 1, "return": null, "result": "a""#),
            &[":1: it has a \"result\", but its \"return\" is null"],
        ),
        (
            op(r#""op": "put", "key": "x", "value": 7, "call": 1, "return": 2"#),
            &[":1: \"value\" must be a text, not 7"],
        ),
        (
            op(&format!(
                "\"op\": \"put\", \"key\": \"x\", \"value\": [\"{huge}\"], \"call\": 1, \
                 \"return\": 2"
            )),
            &[
                ":1: \"value\" must be a text, not [\"xxx",
                "more characters",
            ],
        ),
    ];
    cases
        .iter()
        .for_each(|(text, expected)| is_refused(text, expected));
}

#[test]
fn what_is_no_time_and_no_client() {
    let cases: [(String, &[&str]); 4] = [
        (
            op(r#""op": "get", "key": "x", "call": -1, "return": 2"#),
            &[":1: \"call\" must be a whole number from 0 on, not -1"],
        ),
        (
            op(r#""op": "get", "key": "x", "call": 1.5, "return": 2"#),
            &[":1: \"call\" must be a whole number from 0 on, not 1.5"],
        ),
        (
            GET.replace("1,", "4294967296,"),
            &[":1: \"client\" must be below 2^32, not 4294967296"],
        ),
        (
            format!(
                "{GET}\n{}",
                GET.replace("\"call\": 1, \"return\": 2", "\"call\": 0, \"return\": 9")
            ),
            &[
                ":1: client 1 calls at 1, but its operation of line 2 returns only at 9",
                "one operation open at a time",
            ],
        ),
    ];
    cases
        .iter()
        .for_each(|(text, expected)| is_refused(text, expected));
}

#[test]
fn what_are_no_events() {
    let cases: [(String, &[&str]); 3] = [
        (
            "{:process 0, :type :ok, :f :get, :key \"k\", :value \"\"}".to_owned(),
            &[":1: process 0 has not called anything"],
        ),
        (
            "{:process 0, :type :invoke, :f :get, :key \"k\"}".to_owned(),
            &[":1: the field :value is missing"],
        ),
        (
            "{:process 0, :type :invoke, :f :get, :key \"k\", :value nil}\n".repeat(2),
            &[":2: process 0 calls, but has not returned from its operation of line 1"],
        ),
    ];
    cases
        .iter()
        .for_each(|(text, expected)| is_refused(text, expected));
}

#[test]
fn what_is_not_there() {
    let ran = cargo_grade(&["check", "/no/such/history.jsonl"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(
        ran.err.contains("/no/such/history.jsonl cannot be read"),
        "{}",
        ran.err
    );

    let empty = folder(&[("notes.md", "no history")]);
    let ran = check(&empty, "", &[]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(
        ran.err
            .contains("has no histories: no file in it is named *.jsonl or *.txt"),
        "{}",
        ran.err
    );

    let binary = tempfile::tempdir().expect("a temporary folder");
    let text = [GET.as_bytes(), b"\n\xff\xfe"].concat();
    fs::write(binary.path().join("x.txt"), text).expect("a new file");
    let ran = check(&binary, "", &[]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(
        ran.err.contains("x.txt:2: this is no UTF-8 text"),
        "{}",
        ran.err
    );

    assert_eq!(cargo_grade(&["check"]).code, 2, "no file is named");
    assert_eq!(cargo_grade(&["check", "x", "--model", "stack"]).code, 2);
}

#[test]
fn huge_values_do_not_flood_the_screen() {
    let huge = "x".repeat(2_000_000);
    let ran = check_text(&BAD.replace("\"b\"", &format!("\"{huge}\"")), &[]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(
        ran.out.len() < 3_000 && ran.out.contains("more characters"),
        "{} bytes",
        ran.out.len()
    );
}

#[test]
fn hostile_texts_do_not_steer_the_terminal() {
    let ran = check_text(&BAD.replace("\"x\"", "\"\\u001b[31m\\u202e\""), &[]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(
        !ran.out.contains('\u{1b}') && !ran.out.contains('\u{202e}'),
        "{:?}",
        ran.out
    );
}
