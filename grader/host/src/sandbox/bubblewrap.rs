//! bubblewrap: namespaces in which nothing but the granted folders exists. The second choice, since
//! it needs a program that not every machine has, and user namespaces, which some distributions
//! switch off.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::access::{FileAccess, SYSTEM};

/// The program, if there is one.
pub(super) fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join("bwrap"))
        .find(|program| program.is_file())
}

/// The command inside of bubblewrap; `limits` are commands of a shell that come first. (bubblewrap
/// leaves the process group, for a session of its own, but its inner part dies with the outer one,
/// which stays in it.)
pub(super) fn wrap(
    program: &Path,
    command: &Command,
    access: &FileAccess,
    limits: &str,
) -> Command {
    let mut wrapped = Command::new("/bin/sh");
    wrapped
        .env_clear()
        .arg("-c")
        .arg(format!("{limits}; exec \"$@\""))
        .arg("sh")
        .arg(program);
    wrapped.args([
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--clearenv",
        "--cap-drop",
        "ALL",
    ]);
    for folder in SYSTEM.iter().map(Path::new) {
        wrapped.arg("--ro-bind-try").args([folder, folder]);
    }
    wrapped.args(["--dev", "/dev", "--proc", "/proc"]);
    for folder in &access.readable {
        wrapped.arg("--ro-bind").args([folder, folder]);
    }
    wrapped
        .arg("--bind")
        .args([&access.writable, &access.writable]);
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            wrapped.arg("--setenv").args([name, value]);
        }
    }
    if let Some(folder) = command.get_current_dir() {
        wrapped.arg("--chdir").arg(folder);
    }
    wrapped
        .arg("--")
        .arg(command.get_program())
        .args(command.get_args());
    wrapped
}
