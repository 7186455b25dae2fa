//! A sandbox, and how a command runs in it.

#[cfg(target_os = "linux")]
use std::path::PathBuf;
use std::{io, process::Command, time::Duration};

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
use super::seccomp;
use super::{access::FileAccess, limits};
#[cfg(target_os = "linux")]
use super::{bubblewrap, landlock};
use crate::supervise::{self, Ended, Supervised};

/// A way to sandbox compilers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    isolation: Isolation,
    mechanisms: Vec<String>,
}

/// What keeps a command away from the files and the network of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Isolation {
    None,
    #[cfg(target_os = "linux")]
    Landlock,
    #[cfg(target_os = "linux")]
    Bubblewrap(PathBuf),
}

impl Sandbox {
    /// No isolation: the compiler has limits and an empty environment, but reads what the user can
    /// read. For a user's own programs.
    pub fn none() -> Sandbox {
        Self::new(Isolation::None, Vec::new())
    }

    /// A sandbox of which it is not known yet whether it holds. `mechanisms` names what isolates.
    pub(super) fn new(isolation: Isolation, mut mechanisms: Vec<String>) -> Sandbox {
        let always = [
            ("rlimits", cfg!(target_os = "linux")),
            ("process group", cfg!(unix)),
            ("empty environment", true),
        ];
        mechanisms.extend(
            always
                .into_iter()
                .filter(|(_, there)| *there)
                .map(|(name, _)| name.to_owned()),
        );
        Sandbox {
            isolation,
            mechanisms,
        }
    }

    /// What is active, from the outermost on; the same on each run on a machine.
    pub fn mechanisms(&self) -> &[String] {
        &self.mechanisms
    }

    /// Whether it isolates at all.
    pub fn is_active(&self) -> bool {
        self.isolation != Isolation::None
    }

    /// Runs a command with access to these files, this much processor time, and the other limits.
    /// Its environment is what the caller made it.
    ///
    /// # Errors
    /// It cannot be sandboxed, started or watched.
    pub fn run(
        &self,
        command: Command,
        access: &FileAccess,
        cpu: Duration,
        limits: &Supervised<'_>,
    ) -> io::Result<Ended> {
        // Without isolation nothing restricts which files are used.
        #[cfg(not(target_os = "linux"))]
        let _ = access;
        let limited = |child: &_| limits::set(child, cpu);
        match &self.isolation {
            Isolation::None => supervise::run_after(command, limits, || Ok(()), limited),
            #[cfg(target_os = "linux")]
            Isolation::Landlock => {
                let restrict = || restrict_thread(access).map(|_| ());
                supervise::run_after(command, limits, restrict, limited)
            }
            #[cfg(target_os = "linux")]
            Isolation::Bubblewrap(program) => {
                let wrapped = bubblewrap::wrap(program, &command, access, &limits::in_shell(cpu));
                supervise::run(wrapped, limits)
            }
        }
    }
}

/// Sandboxes the calling thread, for good, and gives the version of Landlock.
#[cfg(target_os = "linux")]
pub(super) fn restrict_thread(access: &FileAccess) -> io::Result<u32> {
    let abi = landlock::restrict_thread(access).map_err(io::Error::other)?;
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    seccomp::restrict_thread().map_err(io::Error::other)?;
    Ok(abi)
}
