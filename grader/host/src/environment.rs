//! The environment of the compilers that the grader runs.
//!
//! The grader is usually started by `cargo run`, through rustup, in the shell of somebody with
//! settings of their own. Not one of these may change what a submission is compiled to.

use std::{ffi::OsStr, path::Path, process::Command};

/// Prefixes of variables that steer cargo, rustc or rustup.
const STEERING: [&str; 4] = ["CARGO", "RUSTC", "RUSTDOC", "RUSTFLAGS"];

/// Other variables that do.
const STEERING_EXACTLY: [&str; 4] = [
    "RUSTUP_TOOLCHAIN",
    "RUST_RECURSION_COUNT",
    "MAKEFLAGS",
    "MFLAGS",
];

/// Cargo's variables that only say where things are and how to fetch them.
const HARMLESS: [&str; 6] = [
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
];

/// What rustc itself needs of the environment: on Windows the system's folder.
const NEEDED_BY_RUSTC: [&str; 2] = ["SYSTEMROOT", "WINDIR"];

/// The names under which programs look for the folder for temporary files.
const TEMPORARY: [&str; 3] = ["TMPDIR", "TMP", "TEMP"];

fn steers(name: &OsStr) -> bool {
    // Windows ignores the case of these names.
    let name = name.to_string_lossy().to_ascii_uppercase();
    let harmless = HARMLESS.iter().any(|start| name.starts_with(start));
    let steering = STEERING.iter().any(|start| name.starts_with(start))
        || STEERING_EXACTLY.contains(&name.as_str());
    steering && !harmless
}

/// Removes what would steer cargo, rustc or rustup; the rest (proxies, the home folder, `PATH`)
/// stays.
pub(crate) fn without_steering(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os().filter(|(name, _)| steers(name)) {
        command.env_remove(name);
    }
    command
}

/// Removes everything that rustc does not need, so that `env!` in a submission finds nothing of
/// this machine. Its temporary files go to `temporary`.
pub(crate) fn empty<'a>(command: &'a mut Command, temporary: &Path) -> &'a mut Command {
    let needed = std::env::vars_os().filter(|(name, _)| {
        NEEDED_BY_RUSTC.contains(&name.to_string_lossy().to_ascii_uppercase().as_str())
    });
    // After a crash of its own, rustc would write a report into the folder of the sources.
    command
        .env_clear()
        .envs(needed)
        .envs(TEMPORARY.map(|name| (name, temporary)))
        .env("RUSTC_ICE", "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steering_variables_are_known() {
        for name in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_BUILD_TARGET",
            "RUSTC_BOOTSTRAP",
            "cargo_manifest_dir",
        ] {
            assert!(steers(OsStr::new(name)), "{name}");
        }
        for name in [
            "PATH",
            "HOME",
            "CARGO_HOME",
            "CARGO_HTTP_PROXY",
            "RUSTUP_HOME",
            "https_proxy",
        ] {
            assert!(!steers(OsStr::new(name)), "{name}");
        }
    }
}
