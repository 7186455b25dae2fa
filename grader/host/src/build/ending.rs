//! How a call of the compiler ended, and whose trouble that is.
//!
//! Time by the clock and what the machine lacks decide nothing about a submission: they make it
//! *not scored*. A compiler that crashes, or wants more processor time or memory than it may use,
//! does so on every machine; whether that is the student's fault, a human must see.

use std::{process::ExitStatus, time::Duration};

use super::{
    diagnostics::{Level, Messages},
    error::{BuildError, NotScored, Rejected},
};
use crate::{
    sandbox::MEMORY_BYTES,
    supervise::{Ended, How},
};

/// A compiler that came to an end by itself.
pub(super) struct Verdict {
    pub success: bool,
    pub status: ExitStatus,
    pub messages: Messages,
    /// Whether it said more than was read.
    pub truncated: bool,
}

/// What a call of the compiler may have used.
pub(super) struct Bounds {
    pub wall: Duration,
    pub cpu: Duration,
}

/// Tells apart a verdict of the compiler and what is none. `audit` is called with the compiler's
/// messages first: what was read from outside is a rejection however the compiler ended.
pub(super) fn judge(
    ended: &Ended,
    bounds: &Bounds,
    audit: impl FnOnce(&Messages) -> Result<(), Rejected>,
) -> Result<Verdict, BuildError> {
    let messages = Messages::read(&String::from_utf8_lossy(&ended.stderr));
    audit(&messages)?;
    let status = match ended.how {
        How::Exited(status) => status,
        How::OverTime => return Err(over_time(bounds.wall).into()),
        How::Interrupted => {
            return Err(NotScored {
                text: "the build was interrupted".to_owned(),
            }
            .into());
        }
    };
    if !status.success() {
        // Where memory has a limit of ours, the machine has more.
        if cfg!(target_os = "linux") && messages.rest.lines().any(wants_memory) {
            return Err(too_much_memory().into());
        }
        if let Some(what) = machine_trouble(&messages) {
            return Err(NotScored {
                text: format!("the compiler could not go on: {what}"),
            }
            .into());
        }
        if let Some(error) = killed(status, bounds.cpu) {
            return Err(error);
        }
        // 101 is how Rust programs end when they panic.
        if messages.crashed || status.code() == Some(101) {
            return Err(crash(&format!("it panicked ({status})")).into());
        }
    }
    Ok(Verdict {
        success: status.success(),
        status,
        messages,
        truncated: ended.truncated,
    })
}

pub(super) fn too_much_memory() -> Rejected {
    let gib = MEMORY_BYTES >> 30;
    crash(&format!(
        "it wanted more than {gib} GiB of memory and was stopped"
    ))
}

fn over_time(wall: Duration) -> NotScored {
    NotScored {
        text: format!(
            "the compiler did not finish within {} seconds and was stopped. Either the machine is \
             too busy, or the submission has types, macros or constants whose computation has no \
             end",
            wall.as_secs_f64()
        ),
    }
}

/// What Rust's allocator and LLVM say before they abort.
fn wants_memory(line: &str) -> bool {
    line.starts_with("memory allocation of ") || line.contains("LLVM ERROR: out of memory")
}

/// Memory or disk are full. Only messages without a place count: what a submission says itself has
/// one.
fn machine_trouble(messages: &Messages) -> Option<String> {
    const TROUBLES: [&str; 4] = [
        "No space left on device",
        "(os error 28)",
        "Cannot allocate memory",
        "(os error 12)",
    ];
    let is_trouble =
        |text: &str| TROUBLES.iter().any(|trouble| text.contains(trouble)) || wants_memory(text);
    let errors = messages
        .diagnostics
        .iter()
        .filter(|each| each.level == Level::Error && each.spans.is_empty());
    let mut texts = errors
        .map(|each| each.message.as_str())
        .chain(messages.rest.lines());
    texts
        .find(|text| is_trouble(text))
        .map(|text| text.trim().to_owned())
}

/// The signals that tell why, on every unix.
const KILL: i32 = 9;
const XCPU: i32 = 24;
const XFSZ: i32 = 25;

/// The end by a signal of the compiler, or of the linker, which has the same limits.
pub(super) fn signalled(signal: i32, how: &str, cpu: Duration) -> BuildError {
    match signal {
        KILL => NotScored {
            text:
                "the compiler was killed from outside (SIGKILL), perhaps because the machine had \
                   no memory left"
                    .to_owned(),
        }
        .into(),
        XCPU => crash(&format!(
            "it computed for {} seconds and was stopped",
            cpu.as_secs()
        ))
        .into(),
        XFSZ => crash("it wanted to write a file of hundreds of megabytes and was stopped").into(),
        _ => crash(&format!("it crashed ({how})")).into(),
    }
}

#[cfg(unix)]
fn killed(status: ExitStatus, cpu: Duration) -> Option<BuildError> {
    use std::os::unix::process::ExitStatusExt as _;
    // Shells and bubblewrap tell a signal as 128 and its number, which rustc never ends with.
    let signal = status.signal().or_else(|| {
        status
            .code()
            .filter(|code| *code > 128)
            .map(|code| code - 128)
    })?;
    Some(signalled(signal, &status.to_string(), cpu))
}

#[cfg(not(unix))]
fn killed(status: ExitStatus, _: Duration) -> Option<BuildError> {
    // Windows has no signals: what is no exit code of a program is an exception's number.
    let code = status.code()?;
    (code < 0).then(|| crash(&format!("it crashed ({status})")).into())
}

pub(super) fn crash(how: &str) -> Rejected {
    Rejected {
        text: format!(
            "error: the compiler broke down on this submission: {how}\n\nThat happens with code \
             that is nested very deep, with types, macros or constants whose computation has no \
             end, or by a bug of the compiler. Compile it with `cargo build`, and take away what \
             you changed last."
        ),
    }
}
