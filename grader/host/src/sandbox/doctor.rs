//! Which sandbox mechanisms work on this machine, for whoever sets it up.

use crate::Toolchain;

/// One sandbox mechanism, tried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mechanism {
    /// Its name, as in [`Sandbox::mechanisms`](super::Sandbox::mechanisms), without a version.
    pub name: &'static str,
    /// Whether it works.
    pub works: bool,
    /// What was tried, or why it does not work.
    pub detail: String,
    /// What to do if it does not work.
    pub advice: &'static str,
}

const LANDLOCK: &str = "use a Linux kernel from 5.13 on whose command line or configuration has \
                        `landlock` in the list of security modules (`lsm=landlock,...`); \
                        containers must let its system calls through";
const BUBBLEWRAP: &str = "needed only where Landlock does not work: install it (such as `apt-get \
                          install bubblewrap`) and allow user namespaces";
#[cfg(not(target_os = "linux"))]
const OTHER_SYSTEM: &str = "grade other people's submissions on Linux";

/// Tries each mechanism by itself. One of `landlock` and `bubblewrap` must work for a sandbox.
#[cfg(target_os = "linux")]
pub fn doctor(toolchain: &Toolchain) -> Vec<Mechanism> {
    use super::{confine::Sandbox, probe};
    let tried = "sandboxed, a file elsewhere was not read, nothing written elsewhere, no \
                 connection made, and a small crate compiled";
    let temporary = std::env::temp_dir();
    let landlock = Sandbox::landlock(toolchain, &temporary)
        .map(|sandbox| format!("version {}; {tried}", version(&sandbox)));
    let bubblewrap = Sandbox::bubblewrap(toolchain, &temporary).map(|_| {
        "sandboxed, a file elsewhere was not read, nothing written elsewhere, and a small crate \
         compiled"
            .to_owned()
    });
    let (limits, group) = probe::child(toolchain);
    vec![
        mechanism("landlock", landlock, LANDLOCK),
        mechanism("seccomp", probe::calls(), SECCOMP),
        mechanism("bubblewrap", bubblewrap, BUBBLEWRAP),
        mechanism(
            "rlimits",
            limits,
            "let processes lower their own limits (`prlimit`)",
        ),
        mechanism("process group", group, "let processes make process groups"),
        mechanism(
            "empty environment",
            probe::environment(toolchain),
            "report it: it must work everywhere",
        ),
    ]
}

#[cfg(target_os = "linux")]
const SECCOMP: &str = "use a kernel with seccomp filters, on x86-64 or aarch64; containers must \
                       let `seccomp` through";

#[cfg(target_os = "linux")]
fn version(sandbox: &super::confine::Sandbox) -> &str {
    sandbox
        .mechanisms()
        .iter()
        .find_map(|mechanism| mechanism.strip_prefix("landlock "))
        .unwrap_or("unknown")
}

#[cfg(target_os = "linux")]
fn mechanism(name: &'static str, tried: Result<String, String>, advice: &'static str) -> Mechanism {
    let works = tried.is_ok();
    Mechanism {
        name,
        works,
        detail: tried.unwrap_or_else(|why| why),
        advice: if works { "" } else { advice },
    }
}

/// Tries each mechanism by itself. There is none here that makes a sandbox.
#[cfg(not(target_os = "linux"))]
pub fn doctor(_: &Toolchain) -> Vec<Mechanism> {
    let absent = |name, advice| Mechanism {
        name,
        works: false,
        detail: format!("{} does not have it", std::env::consts::OS),
        advice,
    };
    vec![
        absent("landlock", LANDLOCK),
        absent("bubblewrap", BUBBLEWRAP),
        absent("rlimits", OTHER_SYSTEM),
    ]
}
