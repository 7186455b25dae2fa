//! What of locking in works on this machine, for whoever sets it up.

use crate::Toolchain;

/// One layer, tried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Its name, as in [`Cage::layers`](super::Cage::layers), without a version.
    pub name: &'static str,
    /// Whether it works.
    pub works: bool,
    /// What was tried, or why it does not work.
    pub detail: String,
    /// What to do if it does not work.
    pub advice: &'static str,
}

const LANDLOCK: &str = "use a Linux kernel from 5.13 on whose command line or configuration has \
                        `landlock` in the list \
                        of security modules (`lsm=landlock,...`); containers must let its system \
                        calls through";
const BUBBLEWRAP: &str = "needed only where Landlock does not work: install it (such as `apt-get \
                          install bubblewrap`) \
                          and allow user namespaces";
#[cfg(not(target_os = "linux"))]
const OTHER_SYSTEM: &str = "grade other people's submissions on Linux";

/// Tries each layer by itself. One of `landlock` and `bubblewrap` must work for a cage.
#[cfg(target_os = "linux")]
pub fn doctor(toolchain: &Toolchain) -> Vec<Layer> {
    use super::{Cage, probe};
    let tried = "locked in, a file elsewhere was not read, nothing written elsewhere, no \
                 connection made, and a small \
                 crate compiled";
    let landlock =
        Cage::landlock(toolchain).map(|cage| format!("version {}; {tried}", version(&cage)));
    let bubblewrap = Cage::bubblewrap(toolchain).map(|_| {
        "locked in, a file elsewhere was not read, nothing written elsewhere, and a small crate \
         compiled"
            .to_owned()
    });
    let (limits, group) = probe::child(toolchain);
    vec![
        layer("landlock", landlock, LANDLOCK),
        layer("seccomp", probe::calls(), SECCOMP),
        layer("bubblewrap", bubblewrap, BUBBLEWRAP),
        layer(
            "rlimits",
            limits,
            "let processes lower their own limits (`prlimit`)",
        ),
        layer("process group", group, "let processes make process groups"),
        layer(
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
fn version(cage: &super::Cage) -> &str {
    cage.layers()
        .iter()
        .find_map(|layer| layer.strip_prefix("landlock "))
        .unwrap_or("unknown")
}

#[cfg(target_os = "linux")]
fn layer(name: &'static str, tried: Result<String, String>, advice: &'static str) -> Layer {
    let works = tried.is_ok();
    Layer {
        name,
        works,
        detail: tried.unwrap_or_else(|why| why),
        advice: if works { "" } else { advice },
    }
}

/// Tries each layer by itself. There is none here that makes a cage.
#[cfg(not(target_os = "linux"))]
pub fn doctor(_: &Toolchain) -> Vec<Layer> {
    let absent = |name, advice| Layer {
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
