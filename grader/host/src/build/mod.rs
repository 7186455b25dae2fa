//! From staged sources to a wasm module.
//!
//! What a lab gives is built once by cargo ([`Prebuilt`]). A submission is then compiled by direct
//! calls of rustc into a folder of its own: no cargo configuration, environment variable or old
//! build product can take part.

mod diagnostics;
mod ending;
mod foreign;
mod glue;
mod prebuilt;
mod rustc;
mod stamp;
mod submission;

pub use diagnostics::{Diagnostic, Level, Span};
pub use prebuilt::Prebuilt;
pub use submission::{Built, Options};

use crate::ToolError;

/// The names of a lab's crates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabCrates {
    /// The name under which a submission is compiled, such as `lab2`.
    pub student: String,
    /// The package with what the lab gives, such as `lab2-api`; it exports the macro `glue!`.
    pub api: String,
}

impl LabCrates {
    /// The crates of the lab called `lab`, such as `lab2`.
    pub fn of(lab: &str) -> LabCrates {
        LabCrates {
            student: lab.replace('-', "_"),
            api: format!("{lab}-api"),
        }
    }

    /// The API package as a crate name.
    fn api_crate(&self) -> String {
        self.api.replace('-', "_")
    }
}

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
    fn text(obstacle: Obstacle, plain: String) -> DoesNotBuild {
        DoesNotBuild {
            obstacle,
            coloured: plain.clone(),
            plain,
            diagnostics: Vec::new(),
        }
    }

    fn diagnosed(diagnostics: Vec<Diagnostic>) -> DoesNotBuild {
        let join = |text: fn(&Diagnostic) -> &str| {
            diagnostics
                .iter()
                .map(|diagnostic| text(diagnostic).trim_end())
                .collect::<Vec<_>>()
                .join("\n\n")
        };
        let (plain, coloured) = (join(|each| &each.plain), join(|each| &each.coloured));
        DoesNotBuild {
            obstacle: Obstacle::Compiler,
            plain,
            coloured,
            diagnostics,
        }
    }
}
