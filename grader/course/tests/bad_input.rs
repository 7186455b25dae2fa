//! What goes wrong in real life: each a clear message, the other tests still run, and the exit code
//! of its kind.

mod support;

use std::{fs, process::Command};

use tempfile::TempDir;

use support::{Ran, cargo_grade, cargo_grade_in, changed, root};

const SERVER_START: &str =
    "fn start(config: &ServerConfig, _: Boot, ctx: &mut Context<Self>) -> Self {";

/// The reference with something nasty at the beginning of `Server::start`.
fn server_that(does: &str) -> TempDir {
    changed(
        "server.rs",
        &[(SERVER_START, &format!("{SERVER_START}\n        {does}"))],
    )
}

fn grade(submission: &TempDir, arguments: &[&str]) -> Ran {
    let path = submission.path().to_str().expect("a plain path");
    // Tests run side by side, so each keeps its traces to itself.
    let traces = submission.path().join("traces");
    let traces = traces.to_str().expect("a plain path");
    cargo_grade(
        &[
            &["lab2", "--path", path, "--seeds", "2", "--traces", traces],
            arguments,
        ]
        .concat(),
    )
}

/// Part A has no student's server in it and passes; part B fails with this text.
fn fails_with(submission: &TempDir, expected: &str) {
    let ran = grade(submission, &["--no-shrink"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    let of = |test: &str| {
        *lines
            .iter()
            .find(|line| line.contains(test))
            .unwrap_or_else(|| panic!("no {test}: {}", ran.out))
    };
    assert!(
        of("views_have_no_gaps_and_never_repeat").contains("pass"),
        "{}",
        ran.out
    );
    assert!(of("put_append_get").contains("FAIL"), "{}", ran.out);
    let flat = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains(expected),
        "expected {expected:?} in:\n{}",
        ran.out
    );
}

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

#[test]
fn panics_at_start() {
    fails_with(
        &server_that("if ctx.incarnation() > 0 { panic!(\"no such luck\") }"),
        "panicked while starting at src/server.rs",
    );
}

#[test]
fn reaches_a_hole() {
    fails_with(
        &server_that("if ctx.incarnation() > 0 { todo!(\"Server::start\") }"),
        "not implemented: Server::start at src/server.rs",
    );
}

#[test]
fn loops_for_ever_in_a_handler() {
    fails_with(
        &server_that("while ctx.incarnation() > 0 {}"),
        "the handler computed for too long",
    );
}

#[test]
fn allocates_without_end() {
    let does = "let mut all: Vec<Vec<u8>> = Vec::new(); while ctx.incarnation() > 0 { \
                all.push(vec![1; 1 << 20]); }";
    fails_with(&server_that(does), "it wanted more than 64 MiB of memory");
}

#[test]
fn recurses_without_end() {
    let does = "fn down(n: u64) -> u64 { if n == 0 { 0 } else { 1 + down(std::hint::black_box(n + \
                1)) } }\n\
                assert!(down(ctx.incarnation()) > 0);";
    fails_with(&server_that(does), "stack overflow");
}

#[test]
fn sends_a_million_messages() {
    for (count, expected) in [
        (
            "15_000",
            "one handler of s1 asked for more than 10000 effects",
        ),
        ("1_000_000", "the handler computed for too long"),
    ] {
        let does =
            format!("for _ in 0..{count} {{ ctx.send(config.view_server, Given::GetView); }}");
        fails_with(&server_that(&does), expected);
    }
}

#[test]
fn keeps_sending() {
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
    fails_with(&folder, "more than 200000 messages were sent");
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
fn reads_the_clock() {
    fails_with(
        &server_that("assert!(std::time::SystemTime::now() > std::time::UNIX_EPOCH);"),
        "set_timer",
    );
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
        again.out.contains("The failure of the trace, again."),
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
