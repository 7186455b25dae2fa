//! From a submission to a program that can run.

use std::{path::Path, sync::atomic::AtomicBool, time::Duration};

use faultline_host::{
    BuildError, LabCrates, Machine, Prebuilt, Program, Sandbox, Staged, Toolchain,
    build::{self, Options},
    machine::Limits,
    sandbox::{self, Mechanism},
};
use faultline_labtest::Suite;
use faultline_verdict::Stage;
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, broken},
    manifest::with_wishes,
    timings::Stopwatch,
};

/// How a submission is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Building {
    /// Whether the compiler is sandboxed.
    pub lock_in: LockIn,
    /// How long one call of the compiler may take. A build that takes longer is not scored.
    pub limit: Duration,
    /// What it may start from.
    pub cache: Cache,
}

/// What a build may start from. It changes how long it takes and nothing else; grades that count
/// do not even hang on that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cache {
    /// Nothing.
    #[default]
    Unused,
    /// What the last build of the lab has left: for students, who edit and grade again.
    Last,
    /// What the lab's reference solution leaves: for wrong solutions, which are small changes of
    /// it.
    Reference,
}

/// Whether the compiler is sandboxed: it works on text that somebody else wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LockIn {
    /// Where the system can; for students, who build their own text.
    IfPossible,
    /// Or there is no grade: for course staff, who build what others wrote.
    Required,
    /// Somebody said that it must not be, and each result says so.
    Never,
}

impl Default for Building {
    fn default() -> Self {
        Building {
            lock_in: LockIn::IfPossible,
            limit: Duration::from_secs(120),
            cache: Cache::Unused,
        }
    }
}

impl Building {
    /// The usual way, but for what it starts from.
    pub fn from(cache: Cache) -> Building {
        Building {
            cache,
            ..Building::default()
        }
    }

    /// The way in which builds are sandboxed on this machine.
    ///
    /// # Errors
    /// [`Error::Broken`] if it is required, and there is none.
    pub fn sandbox(self, toolchain: &Toolchain) -> Result<Sandbox, Error> {
        self.sandbox_in(toolchain, &std::env::temp_dir())
    }

    /// The same, tried in this folder.
    ///
    /// # Errors
    /// As for [`sandbox`](Self::sandbox).
    pub fn sandbox_in(self, toolchain: &Toolchain, temporary: &Path) -> Result<Sandbox, Error> {
        let find = || Sandbox::find_in(toolchain, temporary);
        match self.lock_in {
            LockIn::Never => Ok(Sandbox::none()),
            LockIn::IfPossible => Ok(find().unwrap_or_else(|_| Sandbox::none())),
            LockIn::Required => find().map_err(|no_sandbox| {
                broken(format!(
                    "submissions cannot be built safely on this machine: {no_sandbox}\n`cargo \
                     grade doctor` tells more; --unsafe-build grades without a sandbox, and every \
                     result will say so"
                ))
            }),
        }
    }
}

/// Which sandbox mechanisms work on a machine.
#[derive(Debug)]
pub struct Health {
    /// Each mechanism, tried by itself.
    pub mechanisms: Vec<Mechanism>,
    /// What sandboxes builds, taken together; or why nothing does.
    pub sandbox: Result<Vec<String>, String>,
}

/// Tries what protects this machine from the submissions that it builds.
///
/// # Errors
/// If there is no compiler to try it with.
pub fn doctor(root: &Path) -> Result<Health, Error> {
    let toolchain = Toolchain::find(root).map_err(broken)?;
    let sandbox = Sandbox::find(&toolchain)
        .map(|sandbox| sandbox.mechanisms().to_vec())
        .map_err(|none| none.to_string());
    Ok(Health {
        mechanisms: sandbox::doctor(&toolchain),
        sandbox,
    })
}

/// A submission that can run.
pub(crate) struct Built {
    pub program: Program,
    pub warnings: String,
}

/// Compiles a submission. What stands in the way of that is an [`Error`] that [`crate::grade()`]
/// makes an outcome of.
pub(crate) fn build(
    root: &Path,
    toolchain: &Toolchain,
    submission: &Staged,
    suite: &Suite,
    building: Building,
    interrupt: &AtomicBool,
    stopwatch: &Stopwatch,
) -> Result<Built, Error> {
    let sandbox = building.sandbox(toolchain)?;
    let crates = LabCrates {
        student: suite.lab.to_owned(),
        api: suite.api_package.to_owned(),
    };
    let prebuilt = stopwatch
        .at(Stage::Prepare, || Prebuilt::build(root, toolchain, crates))
        .map_err(broken)?;
    let reference = match building.cache {
        Cache::Reference => Staged::from_folder(&root.join("solutions").join(suite.lab)).ok(),
        Cache::Unused | Cache::Last => None,
    };
    let options = Options {
        time_limit: building.limit,
        cpu_limit: cpu_limit(building.limit),
        cache: match (building.cache, &reference) {
            (Cache::Last, _) => build::Cache::Last,
            (Cache::Reference, Some(reference)) => build::Cache::Of(reference),
            (Cache::Unused | Cache::Reference, _) => build::Cache::Unused,
        },
        ..Options::new(&sandbox, interrupt)
    };
    let built = stopwatch
        .at(Stage::Compile, || prebuilt.compile(submission, &options))
        .map_err(not_built)?;
    let machine = Machine::new(Limits::default()).map_err(broken)?;
    let program = stopwatch
        .at(Stage::Load, || machine.load(&built.wasm))
        .map_err(not_built)?;
    let warnings: Vec<&str> = built
        .warnings
        .iter()
        .map(|warning| warning.plain.trim_end())
        .collect();
    Ok(Built {
        program,
        warnings: warnings.join("\n\n"),
    })
}

/// A quarter of the limit by the clock: what computes without end is rejected, and not tried again,
/// wherever it gets a quarter of a processor. An honest build needs some seconds.
fn cpu_limit(by_the_clock: Duration) -> Duration {
    (by_the_clock / 4).clamp(Duration::from_secs(15), Duration::from_secs(60))
}

fn not_built(error: BuildError) -> Error {
    match error {
        BuildError::Submission(trouble) => Error::DoesNotBuild {
            text: trouble.plain,
        },
        BuildError::Rejected(rejected) => Error::Rejected {
            text: rejected.text,
        },
        BuildError::NotScored(trouble) => Error::NotScored { text: trouble.text },
        BuildError::Tool(error) => broken(error),
    }
}

/// The sources in a folder, and what is left out of it.
pub(crate) fn stage(folder: &Path, suite: &Suite) -> Result<Staged, Error> {
    let staged = Staged::from_folder(folder).map_err(|error| Error::Usage(error.to_string()))?;
    Ok(with_wishes(staged, suite))
}

/// What a student may wonder about: files that were not taken, and what the manifest asks for.
pub fn left_out(submission: &Staged) -> Vec<String> {
    let left_out = submission.left_out().iter().filter(|file| file.matters());
    left_out
        .map(|file| format!("{}: {}", file.path, file.why))
        .collect()
}
