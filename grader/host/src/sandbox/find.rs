//! Which sandbox works on this machine: it is tried, not asked for.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::confine::Sandbox;
#[cfg(target_os = "linux")]
use super::{bubblewrap, confine::Isolation, probe};
use crate::Toolchain;

/// Why builds cannot be sandboxed on this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("untrusted submissions cannot be sandboxed while they are compiled: {why}\n{advice}")]
pub struct NoSandbox {
    /// What was tried, and how it failed.
    pub why: String,
    /// What to do.
    pub advice: String,
}

impl Sandbox {
    /// The best sandbox that works here. It is tried once in a process, with this compiler: inside,
    /// a file elsewhere must be refused, and so must writing elsewhere and the network, and a small
    /// crate must compile.
    ///
    /// # Errors
    /// None works; the text says why, and what to do.
    pub fn find(toolchain: &Toolchain) -> Result<Sandbox, NoSandbox> {
        Self::find_in(toolchain, &std::env::temp_dir())
    }

    /// The same, tried in this folder. Whoever is killed meanwhile leaves there what it was tried
    /// with.
    ///
    /// # Errors
    /// As for [`find`](Self::find).
    pub fn find_in(toolchain: &Toolchain, temporary: &Path) -> Result<Sandbox, NoSandbox> {
        static FOUND: Mutex<BTreeMap<PathBuf, Result<Sandbox, NoSandbox>>> =
            Mutex::new(BTreeMap::new());
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        found
            .entry(toolchain.sysroot().to_owned())
            .or_insert_with(|| Self::try_all(toolchain, temporary))
            .clone()
    }

    /// The sandbox made of Landlock and seccomp, if it works.
    ///
    /// # Errors
    /// What was tried and failed.
    #[cfg(target_os = "linux")]
    pub fn landlock(toolchain: &Toolchain, temporary: &Path) -> Result<Sandbox, String> {
        let abi = probe::thread(toolchain, temporary)?;
        let mut mechanisms = vec![format!("landlock {abi}")];
        if cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
            mechanisms.push("seccomp".to_owned());
        }
        let sandbox = Sandbox::new(Isolation::Landlock, mechanisms);
        probe::compiler(&sandbox, toolchain, temporary)?;
        Ok(sandbox)
    }

    /// The sandbox made of bubblewrap's namespaces, if it works.
    ///
    /// # Errors
    /// What was tried and failed.
    #[cfg(target_os = "linux")]
    pub fn bubblewrap(toolchain: &Toolchain, temporary: &Path) -> Result<Sandbox, String> {
        let program = bubblewrap::find().ok_or("there is no program `bwrap` in the PATH")?;
        let mechanisms = vec!["bubblewrap".to_owned()];
        let sandbox = Sandbox::new(Isolation::Bubblewrap(program), mechanisms);
        probe::compiler(&sandbox, toolchain, temporary)?;
        Ok(sandbox)
    }

    #[cfg(target_os = "linux")]
    fn try_all(toolchain: &Toolchain, temporary: &Path) -> Result<Sandbox, NoSandbox> {
        let without_landlock = match Self::landlock(toolchain, temporary) {
            Ok(sandbox) => return Ok(sandbox),
            Err(why) => why,
        };
        Self::bubblewrap(toolchain, temporary).map_err(|without_bubblewrap| NoSandbox {
            why: format!("Landlock: {without_landlock}; bubblewrap: {without_bubblewrap}"),
            advice: "Use a Linux kernel from 5.13 on with Landlock (`lsm=landlock,...` on its \
                     command line), or install bubblewrap (such as `apt-get install bubblewrap`) \
                     where user namespaces are allowed."
                .to_owned(),
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn try_all(_: &Toolchain, _: &Path) -> Result<Sandbox, NoSandbox> {
        Err(NoSandbox {
            why: format!(
                "it is done with Landlock or bubblewrap, which {} does not have",
                std::env::consts::OS
            ),
            advice: "Grade other people's submissions on Linux; a virtual machine or a container \
                     will do."
                .to_owned(),
        })
    }
}
