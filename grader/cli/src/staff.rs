//! The commands of course staff that this crate does not carry out: what they need (clones, zip
//! files, rosters) takes long to build, and no student asks for it.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{Arc, atomic::AtomicBool},
};

use faultline_grade::{Course, Error};

use crate::arguments::{self, BatchArguments, Import, MergeArguments, NewLabArguments};

/// Such a command, and what it is told.
#[derive(Clone, Copy, Debug)]
pub enum StaffCommand<'a> {
    /// Grade a class.
    Batch(&'a BatchArguments),
    /// Join the results of several machines.
    Merge(&'a MergeArguments),
    /// Starts a worker of `batch`.
    BatchWorker,
    /// From a folder and a roster to a batch.
    Import(&'a Import),
    /// Write a new lab.
    NewLab(&'a NewLabArguments),
}

/// Carries such a command out, and says the exit code.
pub type CarryOut = fn(&Course, StaffCommand<'_>, &Arc<AtomicBool>) -> Result<u8, Error>;

/// Who carries out such commands.
#[derive(Clone, Copy, Debug)]
pub enum Staff {
    /// This function: the program has all commands.
    Here(CarryOut),
    /// A program of the project that has them: the package of this name, and its only program, of
    /// the same name. Cargo builds it at first use.
    Program(&'static str),
}

impl Staff {
    pub(crate) fn carry_out(
        self,
        course: &Course,
        command: StaffCommand<'_>,
        interrupt: &Arc<AtomicBool>,
    ) -> Result<u8, Error> {
        match self {
            Staff::Here(carry_out) => carry_out(course, command, interrupt),
            Staff::Program(package) => hand_over(&course.root, package),
        }
    }
}

/// Has cargo run the other program with this one's arguments in the same folder.
fn hand_over(root: &Path, package: &str) -> Result<u8, Error> {
    let manifest = root.join("Cargo.toml");
    let other = || format!("another program, {package}, runs this command, and");
    if !manifest.is_file() {
        let (other, manifest) = (other(), manifest.display());
        return Err(Error::Broken(format!(
            "{other} cargo builds it from the project, but there is no {manifest}: run this \
             command in a checkout of the project"
        )));
    }
    // Where there is no lock, cargo says whether it knows the program.
    let lock = fs::read_to_string(root.join("Cargo.lock"));
    if lock.is_ok_and(|lock| !lock.contains(&format!("name = \"{package}\""))) {
        return Err(Error::Usage(
            "this command is for course staff: a release for students has no program for it. Run \
             it in the staff's project"
                .to_owned(),
        ));
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let call = |subcommand: &str| {
        let mut call = Command::new(&cargo);
        call.args([subcommand, "--package", package, "--manifest-path"])
            .arg(&manifest);
        call
    };
    let cannot_start = |error: std::io::Error| {
        let (other, cargo) = (other(), cargo.display());
        Error::Broken(format!(
            "{other} cargo builds it at first use, but {cargo} cannot be started: {error}. \
             README.md says how to install it"
        ))
    };
    eprintln!("cargo grade: this command is a separate program, which is built at first use");
    let built = call("build").status().map_err(cannot_start)?;
    if !built.success() {
        return Err(Error::Broken(format!(
            "{} cargo could not build it ({built}): see the messages above",
            other()
        )));
    }
    let mut run = call("run");
    run.args(["--quiet", "--"])
        .args(arguments::words(std::env::args_os()).split_off(1));
    ended(&mut run).map_err(cannot_start)
}

/// Becomes the other program, which then hears of Ctrl-C as this one would have.
#[cfg(unix)]
fn ended(run: &mut Command) -> std::io::Result<u8> {
    Err(std::os::unix::process::CommandExt::exec(run))
}

/// Waits for the other program. Ctrl-C reaches both, and this one goes on waiting.
#[cfg(not(unix))]
fn ended(run: &mut Command) -> std::io::Result<u8> {
    let code = run.status()?.code();
    let code = code.and_then(|code| u8::try_from(code).ok());
    Ok(code.unwrap_or(crate::exit::BROKEN))
}
