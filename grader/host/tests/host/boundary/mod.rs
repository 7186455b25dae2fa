//! The boundary between a submission and the grader: valid Rust with odd attributes, sizes and
//! intrinsics. Whatever compiler, linker or engine say of it, the submission has a verdict in
//! words, and never is it the grader that failed.

mod living;
mod refused;

use std::{collections::BTreeMap, path::Path};

use faultline_host::{
    BuildError, Machine, Program,
    build::{Obstacle, Options},
    machine::Limits,
};

use crate::workshop::{Files, build_with, usual};

/// What must come of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It becomes a program.
    Runs,
    /// It earns nothing, for this reason.
    DoesNotBuild(Obstacle),
    /// A human must look.
    Rejected,
}

/// The way of a submission through compiler, linker and engine: its end, and what its author reads.
fn end_of(files: &Files, options: &Options<'_>) -> (Result<Program, End>, String) {
    let machine = Machine::new(Limits::default()).expect("this machine runs wasm");
    let loaded = build_with(files, options).and_then(|built| machine.load(&built.wasm));
    match loaded {
        Ok(program) => (Ok(program), String::new()),
        Err(BuildError::Submission(error)) => (Err(End::DoesNotBuild(error.obstacle)), error.plain),
        Err(BuildError::Rejected(rejected)) => (Err(End::Rejected), rejected.text),
        Err(BuildError::NotScored(trouble)) => panic!("the machine's trouble: {trouble}"),
        Err(BuildError::Tool(error)) => panic!("the grader itself failed: {error}"),
    }
}

/// Holds each row against its end and a text of it: in a list all that differ.
fn compare(rows: impl IntoIterator<Item = (&'static str, Files, End, &'static str)>) {
    let (mut wrong, mut count) = (BTreeMap::new(), 0);
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).display().to_string();
    for (name, files, expected, says) in rows {
        count += 1;
        let (program, text) = end_of(&files, &usual());
        let end = program.err().unwrap_or(End::Runs);
        if end != expected || !text.contains(says) || text.contains(&here) {
            wrong.insert(name, (end, text));
        }
    }
    assert!(count > 0 && wrong.is_empty(), "{wrong:#?}");
}
