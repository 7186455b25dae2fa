//! Compiles one submission.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use super::{
    artifacts::Libraries,
    diagnostics::{Diagnostic, Level, Messages},
    ending::{self, Bounds, Verdict},
    error::{BuildError, DoesNotBuild, Obstacle, Rejected},
    foreign::{self, Allowed},
    glue, joining,
    kept::Kept,
    origins::{Origin, Origins},
    prebuilt::Prebuilt,
    rustc,
    scan::{self, scan},
    slot::{self, Slot},
    stamp,
};
use crate::{
    ToolError,
    sandbox::{FileAccess, Sandbox},
    stage::Staged,
    supervise::Supervised,
};

/// Maximum size of the compiler's output. A submission can make rustc print without end.
const MAX_OUTPUT_BYTES: u64 = 4 << 20;

/// Names without which a program cannot reach those functions of the standard library that only say
/// "not supported" on the nodes' target, and are so short that an optimiser leaves nothing of a
/// call. A node that calls one must be stopped there, so a program with such a name in it, and that
/// of its module, is not optimised: that makes it slower, and changes nothing else.
const OPTIMISED_AWAY: [(&str, &[&str]); 3] = [
    ("net", &["TcpStream", "TcpListener", "UdpSocket"]),
    ("env", &["current_exe", "home_dir"]),
    ("thread", &["available_parallelism"]),
];

/// What a build may start from. The module is the same bytes in any case. Errors are always those
/// of a build that started from nothing; it has the same limits once more, unless it was the clock
/// that ended the first one.
#[derive(Clone, Copy, Debug, Default)]
pub enum Cache<'a> {
    /// Nothing, and nothing is left for others: for grades that count.
    #[default]
    Unused,
    /// What the last submission to the lab has left that was built like this.
    Last,
    /// What this submission leaves: a reference, of which others are small changes.
    Of(&'a Staged),
}

/// How a submission is compiled.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// rustc's `opt-level`.
    pub opt_level: &'static str,
    /// How long one call of the compiler may take, by the clock. It decides nothing: who is over it
    /// is not scored.
    pub time_limit: Duration,
    /// How much processor time one call may use, in whole seconds (on Linux). Who is over it is
    /// rejected, on every machine that starts from nothing; a submission needs about one second.
    pub cpu_limit: Duration,
    /// How the compiler is sandboxed.
    pub sandbox: &'a Sandbox,
    /// What the build may start from.
    pub cache: Cache<'a>,
    /// Stops the compiler when it becomes true; then the build is [`NotScored`](super::NotScored).
    pub interrupt: &'a AtomicBool,
}

impl<'a> Options<'a> {
    fn bounds(&self) -> Bounds {
        Bounds {
            wall: self.time_limit,
            cpu: self.cpu_limit,
        }
    }

    /// The usual ones.
    pub fn new(sandbox: &'a Sandbox, interrupt: &'a AtomicBool) -> Options<'a> {
        let (time_limit, cpu_limit) = (Duration::from_secs(120), Duration::from_secs(30));
        Options {
            opt_level: "1",
            time_limit,
            cpu_limit,
            sandbox,
            cache: Cache::Unused,
            interrupt,
        }
    }
}

/// A submission as a wasm module.
#[derive(Clone, Debug)]
pub struct Built {
    /// The module. The same sources, labs, lock file and toolchain give the same bytes.
    pub wasm: Vec<u8>,
    /// What the compiler warned about in the submission.
    pub warnings: Vec<Diagnostic>,
    /// Whether it was started from what another build has left.
    pub from_kept: bool,
}

impl Prebuilt {
    /// Compiles a submission and joins it to the lab.
    ///
    /// # Errors
    /// [`BuildError::Submission`] if it does not compile or is not what the lab asks for,
    /// [`BuildError::Rejected`] if it holds or does what is not graded, [`BuildError::NotScored`]
    /// if the machine did not let it finish, and [`BuildError::Tool`] if the compiler cannot do its
    /// work.
    pub fn compile(&self, staged: &Staged, options: &Options<'_>) -> Result<Built, BuildError> {
        scan(staged.sources())?;
        let slot = Slot::take(&self.slots)?;
        let build = |staged| Build {
            prebuilt: self,
            staged,
            options,
            slot: &slot,
        };
        if !slot.keeps() {
            return build(staged).fresh();
        }
        match options.cache {
            Cache::Unused => build(staged).fresh(),
            Cache::Last => {
                let built = build(staged).upon(&slot.kept("last"), None)?;
                build(staged).leave(&slot.kept("last"));
                Ok(built)
            }
            Cache::Of(reference) => build(staged).upon_reference(&build(reference)),
        }
    }
}

struct Build<'a> {
    prebuilt: &'a Prebuilt,
    staged: &'a Staged,
    options: &'a Options<'a>,
    slot: &'a Slot,
}

impl Build<'_> {
    fn fresh(&self) -> Result<Built, BuildError> {
        self.slot.prepare(self.sources())?;
        self.compile()
    }

    /// Starts from what is kept, if it can be used and is of this origin.
    fn upon(&self, kept: &Kept, origin: Option<&str>) -> Result<Built, BuildError> {
        self.slot.prepare(self.sources())?;
        if !kept.copy_to(&self.slot.incremental(), origin) {
            return self.compile();
        }
        match self.compile() {
            Ok(built) => Ok(Built {
                from_kept: true,
                ..built
            }),
            // Whoever waits has waited long enough, or does not want to.
            Err(error @ BuildError::NotScored(_)) => Err(error),
            Err(error) if self.options.interrupt.load(Ordering::Relaxed) => Err(error),
            Err(_) => self.fresh(),
        }
    }

    /// Starts from what another submission leaves, which is built first if that has not been done,
    /// or if what was kept of it cannot be used any more.
    fn upon_reference(&self, reference: &Build<'_>) -> Result<Built, BuildError> {
        let (kept, origin) = (self.slot.kept("reference"), reference.origin());
        let built = self.upon(&kept, Some(&origin));
        if !matches!(
            built,
            Ok(Built {
                from_kept: false,
                ..
            })
        ) {
            return built;
        }
        // This one is built; what it would have been started from, the next one finds.
        if reference.fresh().is_ok() {
            reference.leave(&kept);
        }
        built
    }

    /// Keeps what the build has left. If that does not work out, the next one takes longer.
    fn leave(&self, kept: &Kept) {
        let _longer = kept.keep(&self.slot.incremental(), &self.origin());
    }

    /// What an incremental folder that this build leaves is made from. Where it is another one,
    /// rustc would find out itself, and use little of it.
    fn origin(&self) -> String {
        let Libraries {
            labkit, api, serde, ..
        } = &self.prebuilt.libraries;
        let libraries = [labkit, api, serde].map(|library| stamp::product(library).ok());
        let compiler = self.prebuilt.toolchain.version();
        format!("{} {libraries:?} {compiler}", self.staged.digest())
    }

    fn compile(&self) -> Result<Built, BuildError> {
        let told = |error| self.with_what_was_left_out(error);
        let warnings = self.student_crate().map_err(told)?;
        let wasm = self.module().map_err(told)?;
        let from_kept = false;
        Ok(Built {
            wasm,
            warnings,
            from_kept,
        })
    }

    fn sources(&self) -> &BTreeMap<String, String> {
        self.staged.sources()
    }

    /// Where the compiled submission goes, relative to the slot.
    fn library(&self) -> String {
        format!("{}/lib{}.rlib", slot::OUT, self.prebuilt.crates.student)
    }

    fn rustc(&self, source: &str, crate_name: &str, crate_type: &str) -> Command {
        let prebuilt = self.prebuilt;
        let rustc = prebuilt.toolchain.rustc();
        let reaches = |(module, items): &(&str, &[&str])| {
            scan::names(self.sources(), items) && scan::names(self.sources(), &[module])
        };
        let opt_level = if OPTIMISED_AWAY.iter().any(reaches) {
            "0"
        } else {
            self.options.opt_level
        };
        let mut command = rustc::command(&rustc, self.slot, opt_level);
        command
            .arg(source)
            .args(["--crate-name", crate_name, "--crate-type", crate_type]);
        for folder in &prebuilt.libraries.search {
            command.arg("-L").arg(with_prefix("dependency=", folder));
        }
        let (api, libraries) = (prebuilt.crates.api_crate(), &prebuilt.libraries);
        for (name, library) in [
            ("labkit", &libraries.labkit),
            (&api, &libraries.api),
            ("serde", &libraries.serde),
        ] {
            command
                .arg("--extern")
                .arg(with_prefix(&format!("{name}="), library));
        }
        command
    }

    /// Compiles the submission itself and gives its warnings.
    fn student_crate(&self) -> Result<Vec<Diagnostic>, BuildError> {
        let mut command = self.rustc("src/lib.rs", &self.prebuilt.crates.student, "rlib");
        command.args(["--forbid", "unsafe_code", "--emit"]);
        command.arg(format!("link={}", self.library()));
        command.arg(format!("--emit=dep-info={}/files.d", slot::OUT));
        let dep_info = self.slot.out().join("files.d");
        let allowed = Allowed {
            sources: self.sources(),
            origins: self.origins(),
        };
        let verdict = self.run(command, |messages| {
            let read = fs::read_to_string(dep_info).ok();
            allowed.check(&messages.files, read.as_deref())?;
            foreign::tried(
                messages
                    .diagnostics
                    .iter()
                    .map(|each| each.message.as_str()),
            )
        })?;
        if verdict.success {
            let warned =
                |each: &Diagnostic| each.level == Level::Warning && each.is_about_the_program();
            return Ok(verdict
                .messages
                .diagnostics
                .into_iter()
                .filter(warned)
                .collect());
        }
        Err(refused(verdict))
    }

    /// Compiles the glue and links the module.
    fn module(&self) -> Result<Vec<u8>, BuildError> {
        let crates = &self.prebuilt.crates;
        let source = self.slot.folder().join(slot::GLUE);
        let module = self.slot.out().join("module.wasm");
        let text = glue::source(&crates.student, &crates.api_crate());
        fs::write(&source, text).map_err(ToolError::io("write", &source))?;
        let mut command = self.rustc(slot::GLUE, "faultline_glue", "cdylib");
        command
            .args(["--cap-lints", "allow", "--extern"])
            .arg(format!("{}={}", crates.student, self.library()))
            // The linker would otherwise run the constructors of the C library in every call of an
            // export.
            .args(["-C", "link-arg=--export=__wasm_call_ctors"])
            // It tells an overflow of the stack in linear memory from other wild addresses.
            .args(["-C", "link-arg=--export=__stack_pointer"])
            .arg(format!("--emit=link={}/module.wasm", slot::OUT));
        let verdict = self.run(command, |_| Ok(()))?;
        if verdict.success {
            return Ok(fs::read(&module).map_err(ToolError::io("read", module))?);
        }
        let diagnostics = &verdict.messages.diagnostics;
        Err(
            match glue::translate(diagnostics, &crates.student, self.sources()) {
                Some(error) => error.into(),
                None => joining::refused(&verdict, &self.options.bounds()),
            },
        )
    }

    fn run(
        &self,
        command: Command,
        audit: impl FnOnce(&Messages) -> Result<(), Rejected>,
    ) -> Result<Verdict, BuildError> {
        let Options {
            sandbox, interrupt, ..
        } = *self.options;
        let bounds = self.options.bounds();
        let limits = Supervised {
            wall: bounds.wall,
            output_bytes: MAX_OUTPUT_BYTES,
            stdin: Vec::new(),
            keep_stdin_open: false,
            interrupt,
            grace: Duration::ZERO,
        };
        let program = command.get_program().to_owned();
        let ended = sandbox
            .run(command, &self.access(), bounds.cpu, &limits)
            .map_err(|source| ToolError::CannotRun {
                program: program.into(),
                source,
                advice: "the toolchain seems damaged: `rustup toolchain install` repairs it",
            })?;
        let mut verdict = ending::judge(&ended, &bounds, audit)?;
        let sysroot = self.prebuilt.toolchain.sysroot().to_string_lossy();
        for each in &mut verdict.messages.diagnostics {
            each.rename(&sysroot, "<sysroot>");
            each.leave_out_places(|file| self.origins().of(file) == Some(Origin::Elsewhere));
        }
        Ok(verdict)
    }

    fn origins(&self) -> Origins<'_> {
        Origins {
            toolchain: &self.prebuilt.toolchain,
            packages: &self.prebuilt.libraries.packages,
        }
    }

    /// What the compiler needs, and no more.
    fn access(&self) -> FileAccess {
        let libraries = &self.prebuilt.libraries;
        let single = [&libraries.labkit, &libraries.api, &libraries.serde];
        let own = ["src", slot::GLUE].map(|name| self.slot.folder().join(name));
        // What is not there yet cannot be granted.
        let readable = own.into_iter().filter(|path| path.exists());
        let readable = readable.chain([self.prebuilt.toolchain.sysroot().to_owned()]);
        let readable = readable.chain(libraries.search.iter().cloned());
        FileAccess {
            readable: readable.chain(single.into_iter().cloned()).collect(),
            writable: self.slot.out(),
        }
    }

    /// Says behind the errors what the compiler did not get: that may be what is missing.
    fn with_what_was_left_out(&self, mut error: BuildError) -> BuildError {
        let left_out = self.staged.left_out();
        let (asked, files): (Vec<_>, Vec<_>) = left_out
            .iter()
            .filter(|each| each.matters())
            .partition(|each| each.path == "Cargo.toml");
        if let BuildError::Submission(error) = &mut error {
            for (what, all) in [
                (
                    "these files are not graded, so the compiler did not see them",
                    files,
                ),
                ("a submission's manifest has no effect", asked),
            ] {
                let lines = all
                    .iter()
                    .map(|each| wrapped(&format!("{}: {}", each.path, each.why)));
                if !all.is_empty() {
                    let note = format!("\n\nnote: {what}{}", lines.collect::<String>());
                    error.plain.push_str(&note);
                    error.coloured.push_str(&note);
                }
            }
        }
        error
    }
}

/// Why the submission does not compile.
fn refused(verdict: Verdict) -> BuildError {
    let Verdict {
        status,
        messages: Messages {
            diagnostics, rest, ..
        },
        truncated,
        ..
    } = verdict;
    let errors = diagnostics
        .iter()
        .filter(|each| each.level == Level::Error && each.is_about_the_program());
    let of_the_machine =
        |each: &Diagnostic| each.spans.is_empty() && each.message.contains("(os error ");
    let (errors, machine): (Vec<_>, Vec<_>) = errors.partition(|each| !of_the_machine(each));
    if let Some(error) = machine.first().filter(|_| errors.is_empty()) {
        let (command, output) = ("rustc".to_owned(), error.plain.clone());
        return ToolError::Failed {
            command,
            status: status.to_string(),
            output,
        }
        .into();
    }
    if errors.is_empty() {
        let why = if truncated {
            "its messages are too many to be read"
        } else {
            rest.trim_end()
        };
        let text = format!("error: the compiler refused the submission ({status})\n\n{why}");
        DoesNotBuild::text(Obstacle::Compiler, text).into()
    } else {
        DoesNotBuild::diagnosed(diagnostics).into()
    }
}

/// A line of a note, in lines that fit a small terminal.
fn wrapped(text: &str) -> String {
    let (mut lines, mut room) = (String::new(), 0);
    for word in text.split_inclusive(' ') {
        let length = word.trim_end().chars().count();
        if room < length {
            lines = format!(
                "{}\n  {}",
                lines.trim_end(),
                if lines.is_empty() { "" } else { "  " }
            );
            room = 76;
        }
        lines.push_str(word);
        room = room.saturating_sub(length + 1);
    }
    lines
}

fn with_prefix(prefix: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(prefix);
    argument.push(path);
    argument
}
