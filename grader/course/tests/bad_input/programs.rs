//! Submissions that do not compile, end badly, or use up what a run has.

use std::fs;

use tempfile::TempDir;

use super::{
    SERVER_START, grade, server_that,
    support::{cargo_grade, changed},
};

/// A submission and what is said of it.
type Program = (TempDir, &'static str);

/// The tests of part A and part B that are looked at.
const LOOKED_AT: [&str; 2] = ["views_have_no_gaps_and_never_repeat", "put_append_get"];

/// Part A has no student's server in it and passes; part B fails with this text.
fn fails_with((submission, expected): Program, filters: &[&str]) {
    let ran = grade(&submission, &[filters, &["--no-shrink"]].concat());
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    let of = |test: &str| {
        *lines
            .iter()
            .find(|line| line.contains(test))
            .unwrap_or_else(|| panic!("no {test}: {}", ran.out))
    };
    assert!(of(LOOKED_AT[0]).contains("pass"), "{}", ran.out);
    assert!(of(LOOKED_AT[1]).contains("FAIL"), "{}", ran.out);
    let flat = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    // A terminal opens places that begin where the submission lies.
    let flat = flat.replace(&format!("{}/src/", submission.path().display()), "src/");
    assert!(
        flat.contains(expected),
        "expected {expected:?} in:\n{}",
        ran.out
    );
}

/// A test for each of these programs, and one in which all of them meet each test of the lab.
macro_rules! programs {
    ($($program:ident)*) => {
        mod fails_where_it_must {
            $(#[test] fn $program() {
                super::fails_with(super::$program(), &super::LOOKED_AT);
            })*
        }

        mod no_test_of_the_lab_falls_over {
            $(#[test] #[ignore = "takes minutes"] fn $program() {
                super::fails_with(super::$program(), &[]);
            })*
        }
    };
}

programs! {
    panics_at_start
    reaches_a_hole
    loops_for_ever_in_a_handler
    allocates_without_end
    recurses_without_end
    sends_more_than_it_may
    sends_a_million_messages
    keeps_sending
    reads_the_clock
}

#[test]
fn does_not_compile() {
    let folder = changed(
        "server.rs",
        &[("let mut server = Server {", "let mut server: u8 = Server {")],
    );
    let file = folder.path().join("result.json");
    let ran = grade(&folder, &["--json", file.to_str().expect("a plain path")]);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains("error[E0308]: mismatched types"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("src/server.rs:"), "{}", ran.out);
    assert!(ran.out.contains("0/66"), "{}", ran.out);
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(file).expect("the result")).expect("JSON");
    assert_eq!(json["outcome"], "does-not-build");
    assert_eq!(json["score"]["earned"], 0);
    assert!(
        json["build_error"]
            .as_str()
            .expect("a text")
            .contains("src/server.rs:")
    );
}

#[test]
fn lacks_a_required_type() {
    let folder = changed("lib.rs", &[("pub use view_server::ViewServer;", "")]);
    let ran = grade(&folder, &[]);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains("no public type `ViewServer`"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains("glue"), "{}", ran.out);
}

fn panics_at_start() -> Program {
    (
        server_that("if ctx.incarnation() > 0 { panic!(\"no such luck\") }"),
        "panicked while starting at src/server.rs",
    )
}

fn reaches_a_hole() -> Program {
    (
        server_that("if ctx.incarnation() > 0 { todo!(\"Server::start\") }"),
        "not implemented: Server::start at src/server.rs",
    )
}

fn loops_for_ever_in_a_handler() -> Program {
    (
        server_that("while ctx.incarnation() > 0 {}"),
        "the handler computed for too long",
    )
}

fn allocates_without_end() -> Program {
    let does = "let mut all: Vec<Vec<u8>> = Vec::new(); while ctx.incarnation() > 0 { \
                all.push(vec![1; 1 << 20]); }";
    (server_that(does), "it wanted more than 64 MiB of memory")
}

fn recurses_without_end() -> Program {
    let does = "fn down(n: u64) -> u64 { if n == 0 { 0 } else { 1 + down(std::hint::black_box(n + \
                1)) } }\n\
                assert!(down(ctx.incarnation()) > 0);";
    (server_that(does), "stack overflow")
}

fn sends_more_than_it_may() -> Program {
    let does = "for _ in 0..15_000 { ctx.send(config.view_server, Given::GetView); }";
    (
        server_that(does),
        "one handler of s1 asked for more than 10000 effects",
    )
}

fn sends_a_million_messages() -> Program {
    let does = "for _ in 0..1_000_000 { ctx.send(config.view_server, Given::GetView); }";
    (server_that(does), "the handler computed for too long")
}

fn keeps_sending() -> Program {
    let does = "for _ in 0..5_000 { ctx.send(ctx.id(), Given::GetView); }";
    let folder = changed(
        "server.rs",
        &[
            (SERVER_START, &format!("{SERVER_START}\n        {does}")),
            (
                "            _ => {} // from an earlier view",
                "            Message::Given(Given::GetView) => for _ in 0..2 { ctx.send(ctx.id(), \
                 Given::GetView) },\n            _ => {} // from an earlier view",
            ),
        ],
    );
    (folder, "more than 200000 messages were sent")
}

#[test]
fn writes_a_gigabyte_to_standard_output() {
    let does = "let line = \"x\".repeat(1 << 20); for _ in 0..1024 { println!(\"{line}\"); }";
    let ran = grade(&server_that(does), &["put_append_get"]);
    // It either runs out of fuel or passes; the grader stands, and shows no gigabyte.
    assert!(ran.code <= 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.len() < 200_000, "{} bytes of output", ran.out.len());
}

#[test]
fn is_slow_in_every_handler() {
    let does = "let mut n = ctx.incarnation(); for _ in 0..3_000_000 { n = std::hint::black_box(n \
                ^ n << 1); } let _ = n;";
    let ping = "Timer::Ping => {";
    let folder = changed(
        "server.rs",
        &[(ping, &format!("{ping}\n                {does}"))],
    );
    let ran = grade(&folder, &["retries_survive_a_lossy_network"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(
        ran.out
            .contains("all handlers of this run together computed for too long"),
        "{}",
        ran.out
    );
}

#[test]
fn panics_with_a_text_of_megabytes_and_escape_sequences() {
    let does = "if ctx.incarnation() > 0 { panic!(\"\\u{1b}[2J{}\", \"x\".repeat(8 << 20)) }";
    let ran = grade(&server_that(does), &["put_append_get", "--color", "never"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.len() < 100_000, "{} bytes of output", ran.out.len());
    assert!(
        !ran.out.contains('\u{1b}'),
        "no escape sequence reaches the terminal"
    );
}

/// A recording writes messages and timers out with the program's own `Debug`; that must not change
/// the run.
#[test]
fn a_debug_that_panics_or_never_ends_hides_only_the_text() {
    let derived = "#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]\npub enum Timer {";
    for does in [
        "panic!(\"no\")",
        "loop { std::hint::black_box(0); }",
        "f.write_str(&\"x\".repeat(3 << 20))",
    ] {
        let own = format!(
            "impl std::fmt::Debug for Timer {{\n    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) \
             -> std::fmt::Result {{\n\
             let _ = &f; {does} }}\n}}\n#[derive(Clone, PartialEq, Serialize, Deserialize)]\npub \
             enum Timer {{"
        );
        let wrong = ("push_str(value);", "push_str(&value.to_uppercase());");
        let folder = changed("server.rs", &[(derived, &own), wrong]);
        let ran = grade(&folder, &["put_append_get"]);
        assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
        assert!(
            ran.out
                .contains("expected Value(\"one two\"), got Value(\"one TWO\")"),
            "{}",
            ran.out
        );
        assert!(ran.out.len() < 100_000, "{} bytes of output", ran.out.len());
    }
}

#[test]
fn answers_with_megabytes() {
    let folder = changed(
        "client.rs",
        &[(
            "                ctx.respond(output);",
            "                let _ = output;\n                \
             ctx.respond(Output::Value(\"x\".repeat(8 << 20)));",
        )],
    );
    let ran = grade(&folder, &["put_append_get"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.len() < 100_000, "{} bytes of output", ran.out.len());
}

fn reads_the_clock() -> Program {
    (
        server_that("assert!(std::time::SystemTime::now() > std::time::UNIX_EPOCH);"),
        "set_timer",
    )
}

#[test]
fn a_hash_set_in_the_state_is_named() {
    let folder = changed(
        "server.rs",
        &[
            (
                "    queue: VecDeque<Operation>,",
                "    queue: VecDeque<Operation>,\n    seen: std::collections::HashSet<u64>,",
            ),
            (
                "            queue: VecDeque::new(),",
                "            queue: VecDeque::new(),\n            seen: Default::default(),",
            ),
        ],
    );
    let ran = grade(&folder, &["put_append_get", "--seed", "7"]);
    assert_eq!(ran.code, 2, "--seeds and --seed exclude one another");
    let path = folder.path().to_str().expect("a plain path");
    let ran = cargo_grade(&["lab2", "put_append_get", "--path", path, "--seed", "7"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let flat = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("Server.seen is or holds a HashSet"),
        "{}",
        ran.out
    );
}
