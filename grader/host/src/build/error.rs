//! Why a submission has no module, and whose trouble that is.

use super::{diagnostics::Diagnostic, width};
use crate::ToolError;

/// Why there is no module.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The submission's fault: it earns nothing.
    #[error(transparent)]
    Submission(#[from] DoesNotBuild),
    /// A human must look.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The machine's trouble.
    #[error(transparent)]
    NotScored(#[from] NotScored),
    /// The grader's fault.
    #[error(transparent)]
    Tool(#[from] ToolError),
}

/// The submission holds, or does to the compiler, what is not graded. That is no verdict of 0
/// points: a human must look.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Rejected {
    /// What was found and what to do instead, for the student. It quotes nothing that the
    /// submission may not read.
    pub text: String,
}

/// The machine did not let the build come to its end: it was stopped, or memory or disk were full.
/// It says nothing about the submission, and another try may end otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct NotScored {
    /// What happened.
    pub text: String,
}

/// What stands in the way of building a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// It is not accepted by the compiler.
    Compiler,
    /// It compiles, but is not what the lab asks for.
    LabContract,
    /// It compiles, but compiler or linker refuse to make one program of it and the lab.
    Joining,
    /// It becomes a program that no node can run.
    Program,
}

/// A submission that cannot be built, in the student's terms.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{plain}")]
pub struct DoesNotBuild {
    /// What kind of trouble it is.
    pub obstacle: Obstacle,
    /// The whole explanation.
    pub plain: String,
    /// The same with ANSI colours, if the compiler gave them.
    pub coloured: String,
    /// The compiler's messages one by one; empty if they are withheld.
    pub diagnostics: Vec<Diagnostic>,
}

impl DoesNotBuild {
    pub(crate) fn text(obstacle: Obstacle, plain: String) -> DoesNotBuild {
        DoesNotBuild {
            obstacle,
            coloured: plain.clone(),
            plain,
            diagnostics: Vec::new(),
        }
    }

    pub(super) fn diagnosed(diagnostics: Vec<Diagnostic>) -> DoesNotBuild {
        let join = |text: fn(&Diagnostic) -> &str| {
            diagnostics
                .iter()
                .map(|diagnostic| text(diagnostic).trim_end())
                .collect::<Vec<_>>()
                .join("\n\n")
        };
        let (mut plain, mut coloured) = (join(|each| &each.plain), join(|each| &each.coloured));
        if let Some(hint) = width::hint(&diagnostics) {
            for text in [&mut plain, &mut coloured] {
                text.push_str("\n\n");
                text.push_str(hint);
            }
        }
        DoesNotBuild {
            obstacle: Obstacle::Compiler,
            plain,
            coloured,
            diagnostics,
        }
    }
}
