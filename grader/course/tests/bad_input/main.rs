//! What goes wrong in real life: each a clear message, the other tests still run, and the exit code
//! of its kind.

mod arguments;
mod files;
mod programs;
mod results;
#[path = "../support/mod.rs"]
mod support;

use tempfile::TempDir;

use support::{Ran, cargo_grade, changed};

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
