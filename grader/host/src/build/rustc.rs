//! Runs rustc: without an environment, with a time limit, with its messages as JSON.

use std::{
    io::Read,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{ToolError, environment, toolchain::TARGET};

/// How much of the compiler's output is read. A submission can make rustc print without end.
const MAX_OUTPUT_BYTES: u64 = 4 << 20;

/// How a run of rustc ended.
pub(super) enum Outcome {
    /// It came to an end by itself.
    Ended {
        /// Whether it produced what it should.
        status: ExitStatus,
        /// What it printed.
        output: String,
    },
    /// It was stopped.
    TimedOut,
}

/// A call of rustc for the nodes' target, with everything that all crates of a submission have in common.
pub(super) fn command(rustc: &Path, sources: &Path, opt_level: &str) -> Command {
    let mut command = Command::new(rustc);
    environment::empty(&mut command)
        // Paths in messages and panics are relative to this folder: `src/server.rs`.
        .current_dir(sources)
        .args(["--edition", "2024", "--target", TARGET, "--error-format=json", "--json=diagnostic-rendered-ansi"])
        .args(["-C", "panic=abort", "-C", "overflow-checks=on", "-C", "debug-assertions=on"])
        // Bitcode would serve a linker that optimises across crates, which is not asked for.
        .args(["-C", "strip=symbols", "-C", "embed-bitcode=no", "-C"])
        .arg(format!("opt-level={opt_level}"));
    remap(&mut command, sources, ".");
    command
}

/// Writes `name` for `folder` wherever the compiler would name it.
pub(super) fn remap(command: &mut Command, folder: &Path, name: &str) {
    // The compiler may know the folder by the path it was given or by the one without links (`/private/tmp`).
    let real = folder.canonicalize().ok();
    for path in std::iter::once(folder).chain(real.as_deref().filter(|real| *real != folder)) {
        let mut argument = path.as_os_str().to_owned();
        argument.push("=");
        argument.push(name);
        command.arg("--remap-path-prefix").arg(argument);
    }
}

/// Runs a compiler, at most as long as `limit`.
pub(super) fn run(mut command: Command, limit: Duration) -> Result<Outcome, ToolError> {
    let program = command.get_program().to_owned();
    let cannot_run = |source| ToolError::CannotRun {
        program: program.clone().into(),
        source,
        advice: "the toolchain seems damaged: `rustup toolchain install` repairs it",
    };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(cannot_run)?;
    let mut stderr = child.stderr.take().expect("it was asked for");
    let reader = thread::spawn(move || {
        let mut output = Vec::new();
        // What comes after the limit is read, too: a full pipe would stop the compiler. An error ends the output.
        let _ = stderr.by_ref().take(MAX_OUTPUT_BYTES).read_to_end(&mut output);
        let _ = std::io::copy(&mut stderr, &mut std::io::sink());
        output
    });
    let Some(status) = wait(&mut child, limit).map_err(cannot_run)? else {
        return Ok(Outcome::TimedOut);
    };
    let output = reader.join().expect("reading does not panic");
    Ok(Outcome::Ended { status, output: String::from_utf8_lossy(&output).into_owned() })
}

/// The status, or `None` if the child had to be stopped.
fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    // The standard library cannot wait with a limit. A compilation takes some 300 ms, so 2 ms are lost at most.
    let mut pause = Duration::from_micros(200);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(2));
    }
}
