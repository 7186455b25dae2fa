//! What one call of the compiler may use of the machine.
//!
//! The number of processes is not limited: the kernel counts all those of the user, so the limit
//! would strike when others are busy.

use std::{io, process::Child, time::Duration};

/// Maximum address space. The reference of lab 2 needs less than a sixth of it.
pub(crate) const MEMORY_BYTES: u64 = 4 << 30;

/// The largest file that may be written.
#[cfg(target_os = "linux")]
const FILE_BYTES: u64 = 256 << 20;

/// Maximum number of open files.
#[cfg(target_os = "linux")]
const OPEN_FILES: u64 = 1024;

/// Sets the limits of a child that has just been started. The kernel gives them to all that it
/// starts.
#[cfg(target_os = "linux")]
pub(super) fn set(child: &Child, cpu: Duration) -> io::Result<()> {
    use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
    let seconds = cpu.as_secs().max(1);
    let limits = [
        (Resource::As, MEMORY_BYTES, MEMORY_BYTES),
        (Resource::Fsize, FILE_BYTES, FILE_BYTES),
        (Resource::Nofile, OPEN_FILES, OPEN_FILES),
        (Resource::Core, 0, 0),
        // The first signal says what it is about; a second later nothing helps.
        (Resource::Cpu, seconds, seconds + 1),
    ];
    for (resource, current, maximum) in limits {
        // Only root may raise what is lower already.
        let least = |limit: u64| {
            getrlimit(resource)
                .maximum
                .map_or(limit, |inherited| inherited.min(limit))
        };
        let limit = Rlimit {
            current: Some(least(current)),
            maximum: Some(least(maximum)),
        };
        match prlimit(Some(Pid::from_child(child)), resource, limit) {
            // It has ended already.
            Ok(_) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The address space that a child may have, if it is limited.
#[cfg(target_os = "linux")]
pub(super) fn memory(child: &Child) -> io::Result<Option<u64>> {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    // The kernel gives the old limit when a new one is set, which is the same one.
    let limit = Rlimit {
        current: Some(MEMORY_BYTES),
        maximum: Some(MEMORY_BYTES),
    };
    Ok(prlimit(Some(Pid::from_child(child)), Resource::As, limit)?.current)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn set(_: &Child, _: Duration) -> io::Result<()> {
    Ok(())
}

/// The same limits as commands of a shell, for a program that starts others before anybody could
/// limit it.
#[cfg(target_os = "linux")]
pub(super) fn in_shell(cpu: Duration) -> String {
    // The shell counts memory in KiB and the size of files in half KiB. What is lower already stays
    // so.
    format!(
        "ulimit -v {} 2>/dev/null; ulimit -f {} 2>/dev/null; ulimit -n {OPEN_FILES} 2>/dev/null; \
         ulimit -c 0; ulimit -S -t {} 2>/dev/null",
        MEMORY_BYTES >> 10,
        FILE_BYTES >> 9,
        cpu.as_secs().max(1)
    )
}
