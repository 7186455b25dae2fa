//! Compiles one submission.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use tempfile::TempDir;

use super::{
    BuildError, Diagnostic, DoesNotBuild, Level, Obstacle, Prebuilt, diagnostics,
    foreign::Allowed,
    glue,
    rustc::{self, Outcome},
};
use crate::{ToolError, stage::Staged};

/// How a submission is compiled.
#[derive(Clone, Debug)]
pub struct Options {
    /// rustc's `opt-level`.
    pub opt_level: &'static str,
    /// How long one call of the compiler may take. It is no grading criterion: it only ends what would never end, so
    /// it is far above what any machine needs.
    pub time_limit: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options { opt_level: "1", time_limit: Duration::from_secs(120) }
    }
}

/// A submission as a wasm module.
#[derive(Clone, Debug)]
pub struct Built {
    /// The module. The same sources, labs, lock file and toolchain give the same bytes.
    pub wasm: Vec<u8>,
    /// What the compiler warned about in the submission.
    pub warnings: Vec<Diagnostic>,
}

impl Prebuilt {
    /// Compiles a submission and joins it to the lab.
    ///
    /// # Errors
    /// [`BuildError::Submission`] if it does not compile or is not what the lab asks for, [`BuildError::Tool`] if the
    /// compiler cannot do its work.
    pub fn compile(&self, staged: &Staged, options: &Options) -> Result<Built, BuildError> {
        let folder = tempfile::Builder::new().prefix("faultline-build-").tempdir();
        let folder = folder.map_err(ToolError::io("make a folder in", std::env::temp_dir()))?;
        let build = Build { prebuilt: self, staged, options, folder };
        let warnings = build.student_crate()?;
        let wasm = build.module()?;
        Ok(Built { wasm, warnings })
    }
}

struct Build<'a> {
    prebuilt: &'a Prebuilt,
    staged: &'a Staged,
    options: &'a Options,
    folder: TempDir,
}

impl Build<'_> {
    fn sources(&self) -> &BTreeMap<String, String> {
        self.staged.sources()
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join(format!("lib{}.rlib", self.prebuilt.crates.student))
    }

    fn rustc(&self, source: &Path, crate_name: &str, crate_type: &str) -> Command {
        let prebuilt = self.prebuilt;
        let mut command = rustc::command(&prebuilt.toolchain.rustc(), self.staged.folder(), self.options.opt_level);
        command.arg(source).args(["--crate-name", crate_name, "--crate-type", crate_type]);
        for folder in &prebuilt.libraries.search {
            command.arg("-L").arg(with_prefix("dependency=", folder));
        }
        let (api, libraries) = (prebuilt.crates.api_crate(), &prebuilt.libraries);
        for (name, library) in [("labkit", &libraries.labkit), (&api, &libraries.api), ("serde", &libraries.serde)] {
            command.arg("--extern").arg(with_prefix(&format!("{name}="), library));
        }
        command
    }

    /// Compiles the submission itself and gives its warnings.
    fn student_crate(&self) -> Result<Vec<Diagnostic>, BuildError> {
        let dep_info = self.folder.path().join("files.d");
        let mut command = self.rustc(Path::new("src/lib.rs"), &self.prebuilt.crates.student, "rlib");
        command.args(["--forbid", "unsafe_code"]);
        command.arg("--emit").arg(with_prefix("link=", &self.library()));
        command.arg("--emit").arg(with_prefix("dep-info=", &dep_info));
        let (status, output) = self.run(command)?;
        let (diagnostics, rest) = diagnostics::read(&output);
        let read = fs::read_to_string(dep_info).ok();
        let allowed = Allowed { sources: self.sources(), sysroot: self.prebuilt.toolchain.sysroot() };
        allowed.check(&diagnostics, read.as_deref())?;
        if status.success() {
            let warned = |each: &Diagnostic| each.level == Level::Warning && each.is_about_the_program();
            return Ok(diagnostics.into_iter().filter(warned).collect());
        }
        Err(self.refused(diagnostics, &rest, status))
    }

    /// Compiles the glue and links the module.
    fn module(&self) -> Result<Vec<u8>, BuildError> {
        let crates = &self.prebuilt.crates;
        let (source, module) = (self.folder.path().join("glue.rs"), self.folder.path().join("module.wasm"));
        let text = glue::source(&crates.student, &crates.api_crate());
        fs::write(&source, text).map_err(ToolError::io("write", &source))?;
        let mut command = self.rustc(&source, "faultline_glue", "cdylib");
        command
            .args(["--cap-lints", "allow", "--extern"])
            .arg(with_prefix(&format!("{}=", crates.student), &self.library()))
            // The linker would otherwise run the constructors of the C library in every call of an export.
            .args(["-C", "link-arg=--export=__wasm_call_ctors"])
            // It tells an overflow of the stack in linear memory from other wild addresses.
            .args(["-C", "link-arg=--export=__stack_pointer"])
            .arg("--emit")
            .arg(with_prefix("link=", &module));
        // The folder's random name must not get into the module.
        rustc::remap(&mut command, self.folder.path(), "glue");
        let (status, output) = self.run(command)?;
        if status.success() {
            return Ok(fs::read(&module).map_err(ToolError::io("read", module))?);
        }
        let (diagnostics, _) = diagnostics::read(&output);
        Err(match glue::translate(&diagnostics, &crates.student, self.sources()) {
            Some(error) => error.into(),
            None => {
                let rendered = diagnostics.iter().map(|each| each.plain.as_str());
                let output = rendered.collect::<String>() + &output;
                ToolError::Glue { output }.into()
            }
        })
    }

    fn run(&self, command: Command) -> Result<(ExitStatus, String), BuildError> {
        match rustc::run(command, self.options.time_limit)? {
            Outcome::Ended { status, output } => Ok((status, output)),
            Outcome::TimedOut => Err(DoesNotBuild::text(
                Obstacle::Endless,
                format!(
                    "error: the compiler did not finish within {} seconds and was stopped\n\nLook for types or \
                     constants whose computation has no end, such as a loop in a `const`.",
                    self.options.time_limit.as_secs()
                ),
            )
            .into()),
        }
    }

    /// Why the submission does not compile.
    fn refused(&self, diagnostics: Vec<Diagnostic>, rest: &str, status: ExitStatus) -> BuildError {
        let errors = diagnostics.iter().filter(|each| each.level == Level::Error && each.is_about_the_program());
        let of_the_machine = |each: &Diagnostic| each.spans.is_empty() && each.message.contains("(os error ");
        let (errors, machine): (Vec<_>, Vec<_>) = errors.partition(|each| !of_the_machine(each));
        if let Some(error) = machine.first().filter(|_| errors.is_empty()) {
            let (command, output) = ("rustc".to_owned(), error.plain.clone());
            return ToolError::Failed { command, status: status.to_string(), output }.into();
        }
        let mut error = if errors.is_empty() {
            let text = format!("error: the compiler broke down on this submission ({status})\n\n{}", rest.trim_end());
            DoesNotBuild::text(Obstacle::Compiler, text)
        } else {
            DoesNotBuild::diagnosed(diagnostics)
        };
        let missing: Vec<_> = self.staged.left_out().iter().filter(|each| each.path.starts_with("src/")).collect();
        if !missing.is_empty() {
            let list: String = missing.iter().map(|each| format!("\n  {}: {}", each.path, each.why)).collect();
            let note = format!("\n\nnote: these files are not graded, so the compiler did not see them{list}");
            error.plain.push_str(&note);
            error.coloured.push_str(&note);
        }
        error.into()
    }
}

fn with_prefix(prefix: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(prefix);
    argument.push(path);
    argument
}
