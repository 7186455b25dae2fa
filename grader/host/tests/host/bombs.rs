//! Submissions that are meant to hurt the compiler or the machine.

use std::time::Duration;

use faultline_host::{BuildError, Staged, build::Options};

use crate::workshop::*;

const CONST_LOOP: &str = "pub const ENDLESS: u64 = { let mut i = 0_u64; loop { i = \
                          i.wrapping_add(1); if i == u64::MAX { break i; } } };\n";

fn const_loop() -> Files {
    let mut files = fixture("kv");
    let text = files.get_mut("src/lib.rs").expect("it is there");
    *text = format!("#![allow(long_running_const_eval)]\n{CONST_LOOP}{text}");
    files
}

fn why_not_scored(files: &Files, options: &Options<'_>) -> String {
    match build_with(files, options) {
        Err(BuildError::NotScored(trouble)) => trouble.text,
        other => panic!("{:?}", other.map(|_| ())),
    }
}

/// The processes that work in a slot in this folder.
#[cfg(target_os = "linux")]
fn compilers_in(slots: &std::path::Path) -> usize {
    let processes = std::fs::read_dir("/proc")
        .expect("there are processes")
        .flatten();
    processes
        .filter(|process| {
            std::fs::read_link(process.path().join("cwd")).is_ok_and(|at| at.starts_with(slots))
        })
        .count()
}

#[cfg(target_os = "linux")]
#[test]
fn a_compiler_that_computes_without_end_is_stopped_and_a_human_looks() {
    let options = Options {
        cpu_limit: Duration::from_secs(1),
        ..usual()
    };
    let text = why_rejected(&const_loop(), &options).text;
    assert!(
        text.contains("it computed for 1 seconds and was stopped"),
        "{text}"
    );
}

#[test]
fn the_clock_decides_no_score() {
    let options = Options {
        time_limit: Duration::from_millis(1500),
        ..usual()
    };
    let text = why_not_scored(&const_loop(), &options);
    assert!(text.contains("did not finish within 1.5 seconds"), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn no_compiler_is_left_after_the_deadline_or_an_interrupt() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let staged = Staged::from_files(&const_loop()).expect("the sources can be staged");
    let slots = tempfile::tempdir().expect("a folder");
    let slots = slots.path().canonicalize().expect("it is there");
    let prebuilt = PREBUILT.clone().with_slots(slots.clone());
    let options = Options {
        time_limit: Duration::from_millis(1500),
        ..usual()
    };
    assert!(matches!(
        prebuilt.compile(&staged, &options),
        Err(BuildError::NotScored(_))
    ));
    assert_eq!(compilers_in(&slots), 0);

    let interrupt = AtomicBool::new(false);
    let options = Options {
        interrupt: &interrupt,
        ..usual()
    };
    let result = std::thread::scope(|scope| {
        let build = scope.spawn(|| prebuilt.compile(&staged, &options));
        while compilers_in(&slots) == 0 && !build.is_finished() {
            std::thread::yield_now();
        }
        interrupt.store(true, Ordering::Relaxed);
        build.join().expect("it does not panic")
    });
    assert!(
        matches!(result, Err(BuildError::NotScored(_))),
        "{:?}",
        result.map(|_| ())
    );
    assert_eq!(compilers_in(&slots), 0);
}

#[test]
fn what_nests_too_deep_is_told_and_what_crashes_the_compiler_is_looked_at() {
    let nested = format!(
        "pub const DEEP: u64 = {}1{};",
        "(".repeat(200_000),
        ")".repeat(200_000)
    );
    let text = why_rejected(&with_code(&nested), &usual()).text;
    assert!(text.contains("delimiters nested deeper than 200"), "{text}");
    let negated = format!("pub const DEEP: u64 = {}1;", "!".repeat(200_000));
    let text = why_rejected(&with_code(&negated), &usual()).text;
    assert!(
        text.contains("the compiler broke down on this submission: it crashed"),
        "{text}"
    );
}

/// Whichever limit it meets first: on every machine a human looks.
#[cfg(target_os = "linux")]
#[test]
fn a_macro_that_doubles_stays_within_its_limits() {
    let bomb = "macro_rules! bomb { ($($t:tt)*) => { bomb!($($t)* $($t)*); } }\nbomb!(x);";
    let options = Options {
        cpu_limit: Duration::from_secs(3),
        ..usual()
    };
    let text = why_rejected(&with_code(bomb), &options).text;
    assert!(
        text.contains("it computed for 3 seconds") || text.contains("more than 4 GiB of memory"),
        "{text}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_type_that_doubles_stays_within_its_limits() {
    let doubled = "let a = (a, a);\n".repeat(24);
    let bomb = format!("pub fn bomb() {{ let a = (0_u8, 1_u16);\n{doubled} let _: () = a; }}");
    let options = Options {
        cpu_limit: Duration::from_secs(3),
        ..usual()
    };
    let text = why_rejected(&with_code(&bomb), &options).text;
    assert!(
        text.contains("it computed for 3 seconds") || text.contains("more than 4 GiB of memory"),
        "{text}"
    );
}

#[test]
fn a_flood_of_errors_fills_no_report() {
    let long = format!("let _: () = ({});\n", "1_u8, ".repeat(40)).repeat(5_000);
    let error = why_not(&with_code(&format!("pub fn flood() {{\n{long} }}")));
    assert!(
        (1..=200).contains(&error.diagnostics.len()),
        "{} messages",
        error.diagnostics.len()
    );
    assert!(
        error.plain.len() + error.coloured.len() < 1 << 20,
        "{} bytes",
        error.plain.len()
    );
    assert!(error.plain.contains("mismatched types"), "{error}");
}
