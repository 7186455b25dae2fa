//! What it means that the glue does not become a module, although no type is wrong.
//!
//! The glue of a lab is the same for all submissions, and the lab's reference is joined by it. So
//! what the compiler or the linker refuses now, the submission brought along: it earns nothing, and
//! its author reads why. Only what the machine lacks says nothing about the submission.

use super::{
    diagnostics::{Diagnostic, Level, Messages},
    ending::{self, Bounds, Verdict},
    error::{BuildError, DoesNotBuild, NotScored, Obstacle},
};
use crate::ToolError;

/// Maximum number of reasons to tell.
const MAX_REASONS: usize = 10;

/// Maximum length of one. A symbol alone can have thousands of characters.
const MAX_REASON_CHARS: usize = 400;

/// What a linker says that got no memory; it has a limit of ours.
const MEMORY: [&str; 2] = ["LLVM ERROR: out of memory", "Cannot allocate memory"];

/// Whose trouble it is that no module came out.
pub(super) fn refused(verdict: &Verdict, bounds: &Bounds) -> BuildError {
    let Verdict {
        messages, status, ..
    } = verdict;
    let errors = || {
        messages
            .diagnostics
            .iter()
            .filter(|each| each.level == Level::Error && each.is_about_the_program())
    };
    if let Some(stopped) = errors().find_map(|error| linker_stopped(error, bounds)) {
        return stopped;
    }
    let linker = || errors().flat_map(|error| error.notes.iter().map(|(note, _)| note));
    if linker().any(|note| note.contains("No space left on device")) {
        let text = "the linker could not go on: no space is left on the disk".to_owned();
        return NotScored { text }.into();
    }
    if linker().any(|note| MEMORY.iter().any(|said| note.contains(said))) {
        return ending::too_much_memory().into();
    }
    if errors().any(is_the_machines) {
        return ToolError::Glue {
            output: output(messages),
        }
        .into();
    }
    let mut reasons: Vec<String> = Vec::new();
    for reason in errors().flat_map(reasons_of) {
        if !reasons.contains(&reason) && reasons.len() < MAX_REASONS {
            reasons.push(reason);
        }
    }
    if reasons.is_empty() {
        reasons.push(format!("the compiler gave no reason ({status})"));
    }
    let text = format!(
        "error: the crate compiles, but it cannot be joined to the lab\n\n{}",
        reasons.join("\n")
    );
    DoesNotBuild::text(Obstacle::Joining, text).into()
}

fn output(messages: &Messages) -> String {
    let rendered = messages.diagnostics.iter().map(|each| each.plain.as_str());
    rendered.collect::<String>() + &messages.rest
}

/// The linker has the compiler's limits, and ends by the same signals.
fn linker_stopped(error: &Diagnostic, bounds: &Bounds) -> Option<BuildError> {
    let how = error.message.strip_prefix("linking with ")?;
    let signal = how.split_once("signal: ")?.1;
    let signal: String = signal.chars().take_while(char::is_ascii_digit).collect();
    Some(ending::signalled(signal.parse().ok()?, how, bounds.cpu))
}

/// There is no linker, it cannot be started, or a file cannot be written.
fn is_the_machines(error: &Diagnostic) -> bool {
    let no_linker = error.message.starts_with("linker `")
        || error.message.starts_with("could not exec the linker");
    error.spans.is_empty() && (no_linker || error.message.contains("(os error "))
}

/// The linker's own errors, or the compiler's.
fn reasons_of(error: &Diagnostic) -> Vec<String> {
    let linker = error.notes.iter().flat_map(|(note, _)| note.lines());
    let linker = linker.filter_map(|line| line.split_once("ld: error: "));
    let told: Vec<String> = linker.map(|(_, reason)| shown(reason)).collect();
    if told.is_empty() {
        vec![shown(&error.message)]
    } else {
        told
    }
}

/// Without the folders of this machine.
fn shown(reason: &str) -> String {
    let words = reason.split(' ').map(|word| match word.rsplit_once('/') {
        Some((folder, name)) if folder.starts_with('/') => name,
        _ => word,
    });
    let mut text = words.collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = text.char_indices().nth(MAX_REASON_CHARS) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}

#[cfg(all(test, unix))]
mod tests {
    use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus, time::Duration};

    use super::*;

    fn refusal(message: &str, note: &str) -> BuildError {
        let line = serde_json::json!({
            "message": message, "level": "error", "rendered": message,
            "children": [{"message": note, "level": "note"}],
        });
        let verdict = Verdict {
            success: false,
            status: ExitStatus::from_raw(1 << 8),
            messages: Messages::read(&line.to_string()),
            truncated: false,
        };
        let (wall, cpu) = (Duration::from_secs(240), Duration::from_secs(60));
        refused(&verdict, &Bounds { wall, cpu })
    }

    #[test]
    fn what_the_linker_refuses_is_the_submissions() {
        let note = "rust-lld: error: duplicate symbol: faultline_call\n>>> defined in \
                    /home/me/x.o\nrust-lld: error: /home/me/libx.rlib is odd";
        let BuildError::Submission(error) =
            refusal("linking with `rust-lld` failed: exit status: 1", note)
        else {
            panic!("it is the submission's");
        };
        let expected = "error: the crate compiles, but it cannot be joined to the \
                        lab\n\nduplicate symbol: faultline_call\nlibx.rlib is odd";
        assert_eq!(error.plain, expected);
        assert_eq!(error.obstacle, Obstacle::Joining);
        assert!(matches!(
            refusal("symbol `x` is already defined", ""),
            BuildError::Submission(_)
        ));
    }

    #[test]
    fn what_the_machine_lacks_is_nobodys() {
        for message in ["linker `rust-lld` not found", "cannot write (os error 5)"] {
            let refusal = refusal(message, "");
            assert!(matches!(refusal, BuildError::Tool(ToolError::Glue { .. })));
        }
        for (signal, rejected) in [("9 (SIGKILL)", false), ("24 (SIGXCPU)", true)] {
            let how = format!("linking with `rust-lld` failed: signal: {signal}");
            assert_eq!(
                matches!(refusal(&how, ""), BuildError::Rejected(_)),
                rejected
            );
            assert_eq!(
                matches!(refusal(&how, ""), BuildError::NotScored(_)),
                !rejected
            );
        }
    }
}
