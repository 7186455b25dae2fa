//! How the compiler is locked in while it works on a submission.
//!
//! Macros and constant evaluation run inside the compiler, and the compiler opens every file that a
//! source names. So what it could read, write or reach is taken away before it starts: it sees its
//! own files, the lab's libraries and the submission's sources, may write to the folder of this
//! build only, and has no network.
//!
//! Landlock and seccomp lock in the calling thread and all that it starts, and there is no way
//! back. So each compilation gets a thread of its own, which locks itself in, starts the compiler,
//! watches it and ends.

#[cfg(target_os = "linux")]
mod bubblewrap;
mod doctor;
#[cfg(target_os = "linux")]
mod landlock;
mod limits;
#[cfg(target_os = "linux")]
mod probe;
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod seccomp;

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    process::Command,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{
    Toolchain,
    supervise::{self, Ended, Supervised},
};

pub use doctor::{Layer, doctor};
pub(crate) use limits::MEMORY_BYTES;

/// Why builds cannot be locked in on this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("untrusted submissions cannot be locked in while they are compiled: {why}\n{advice}")]
pub struct NoCage {
    /// What was tried, and how it failed.
    pub why: String,
    /// What to do.
    pub advice: String,
}

/// A way to lock compilers in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cage {
    walls: Walls,
    layers: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Walls {
    None,
    #[cfg(target_os = "linux")]
    Landlock,
    #[cfg(target_os = "linux")]
    Bubblewrap(PathBuf),
}

/// The folders that a command may use.
#[derive(Clone, Debug)]
pub struct Rooms {
    /// It may read these and execute what is in them.
    pub readable: Vec<PathBuf>,
    /// It may do anything here, and nothing elsewhere.
    pub writable: PathBuf,
}

/// What a dynamically linked program needs, wherever it is. None of it is anybody's secret.
#[cfg(target_os = "linux")]
const SYSTEM: [&str; 6] = [
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/etc/ld.so.cache",
    "/nix/store",
];

impl Cage {
    /// No walls: the compiler has limits and an empty environment, but reads what the user can
    /// read. For a user's own programs.
    pub fn open() -> Cage {
        Cage {
            walls: Walls::None,
            layers: with_common(Vec::new()),
        }
    }

    /// The best cage that works here. It is tried once in a process, with this compiler: inside, a
    /// file elsewhere must be refused, and so must writing elsewhere and the network, and a small
    /// crate must compile.
    ///
    /// # Errors
    /// None works; the text says why, and what to do.
    pub fn find(toolchain: &Toolchain) -> Result<Cage, NoCage> {
        static FOUND: Mutex<BTreeMap<PathBuf, Result<Cage, NoCage>>> = Mutex::new(BTreeMap::new());
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        found
            .entry(toolchain.sysroot().to_owned())
            .or_insert_with(|| Self::try_all(toolchain))
            .clone()
    }

    /// The cage made of Landlock and seccomp, if it works.
    ///
    /// # Errors
    /// What was tried and failed.
    #[cfg(target_os = "linux")]
    pub fn landlock(toolchain: &Toolchain) -> Result<Cage, String> {
        let mut cage = Cage {
            walls: Walls::Landlock,
            layers: Vec::new(),
        };
        let abi = probe::walls(toolchain)?;
        probe::compiler(&cage, toolchain)?;
        let mut layers = vec![format!("landlock {abi}")];
        if cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
            layers.push("seccomp".to_owned());
        }
        cage.layers = with_common(layers);
        Ok(cage)
    }

    /// The cage made of bubblewrap's namespaces, if it works.
    ///
    /// # Errors
    /// What was tried and failed.
    #[cfg(target_os = "linux")]
    pub fn bubblewrap(toolchain: &Toolchain) -> Result<Cage, String> {
        let program = bubblewrap::find().ok_or("there is no program `bwrap` in the PATH")?;
        let cage = Cage {
            walls: Walls::Bubblewrap(program),
            layers: with_common(vec!["bubblewrap".to_owned()]),
        };
        probe::compiler(&cage, toolchain)?;
        Ok(cage)
    }

    #[cfg(target_os = "linux")]
    fn try_all(toolchain: &Toolchain) -> Result<Cage, NoCage> {
        let without_landlock = match Self::landlock(toolchain) {
            Ok(cage) => return Ok(cage),
            Err(why) => why,
        };
        Self::bubblewrap(toolchain).map_err(|without_bubblewrap| NoCage {
            why: format!("Landlock: {without_landlock}; bubblewrap: {without_bubblewrap}"),
            advice:
                "Use a Linux kernel from 5.13 on with Landlock (`lsm=landlock,...` on its command \
                 line), or install \
                     bubblewrap (such as `apt-get install bubblewrap`) where user namespaces are \
                     allowed."
                    .to_owned(),
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn try_all(_: &Toolchain) -> Result<Cage, NoCage> {
        Err(NoCage {
            why: format!(
                "it is done with Landlock or bubblewrap, which {} does not \
                          have",
                std::env::consts::OS
            ),
            advice: "Grade other people's submissions on Linux; a virtual machine or a container \
                     will do."
                .to_owned(),
        })
    }

    /// What is active, from the outermost on; the same on each run on a machine.
    pub fn layers(&self) -> &[String] {
        &self.layers
    }

    /// Whether there are walls at all.
    pub fn is_closed(&self) -> bool {
        self.walls != Walls::None
    }

    /// Runs a command with these rooms, this much processor time, and the other limits. Its
    /// environment is what the caller made it.
    ///
    /// # Errors
    /// It cannot be locked in, started or watched.
    pub fn run(
        &self,
        command: Command,
        rooms: &Rooms,
        cpu: Duration,
        limits: &Supervised<'_>,
    ) -> io::Result<Ended> {
        // Only where there are walls there are rooms.
        #[cfg(not(target_os = "linux"))]
        let _ = rooms;
        let limited = |child: &_| limits::set(child, cpu);
        match &self.walls {
            Walls::None => supervise::run_after(command, limits, || Ok(()), limited),
            #[cfg(target_os = "linux")]
            Walls::Landlock => {
                supervise::run_after(command, limits, || lock_in(rooms).map(|_| ()), limited)
            }
            #[cfg(target_os = "linux")]
            Walls::Bubblewrap(program) => {
                let wrapped = bubblewrap::wrap(program, &command, rooms, &limits::in_shell(cpu));
                supervise::run(wrapped, limits)
            }
        }
    }
}

/// Locks the calling thread in, for good, and gives the version of Landlock.
#[cfg(target_os = "linux")]
fn lock_in(rooms: &Rooms) -> io::Result<u32> {
    let abi = landlock::lock_in(rooms).map_err(io::Error::other)?;
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    seccomp::lock_in().map_err(io::Error::other)?;
    Ok(abi)
}

/// What is there with and without walls.
fn with_common(mut layers: Vec<String>) -> Vec<String> {
    let common = [
        ("rlimits", cfg!(target_os = "linux")),
        ("process group", cfg!(unix)),
        ("empty environment", true),
    ];
    layers.extend(
        common
            .into_iter()
            .filter(|(_, there)| *there)
            .map(|(name, _)| name.to_owned()),
    );
    layers
}
