//! How rustc is called: without an environment, with its messages as JSON.

use std::{path::Path, process::Command};

use crate::{environment, toolchain::TARGET};

/// A call of rustc for the nodes' target, with everything that all crates of a submission have in
/// common.
pub(super) fn command(rustc: &Path, sources: &Path, temporary: &Path, opt_level: &str) -> Command {
    let mut command = Command::new(rustc);
    environment::empty(&mut command, temporary)
        // Paths in messages and panics are relative to this folder: `src/server.rs`.
        .current_dir(sources)
        .args([
            "--edition",
            "2024",
            "--target",
            TARGET,
            "--error-format=json",
            "--json=diagnostic-rendered-ansi",
        ])
        .args([
            "-C",
            "panic=abort",
            "-C",
            "overflow-checks=on",
            "-C",
            "debug-assertions=on",
        ])
        // One unit of code is less work in all, which is what counts where many submissions are
        // compiled. Bitcode would serve a linker that optimises across crates, which is not asked
        // for.
        .args([
            "-C",
            "codegen-units=1",
            "-C",
            "strip=symbols",
            "-C",
            "embed-bitcode=no",
            "-C",
        ])
        .arg(format!("opt-level={opt_level}"));
    remap(&mut command, sources, ".");
    command
}

/// Writes `name` for `folder` wherever the compiler would name it.
pub(super) fn remap(command: &mut Command, folder: &Path, name: &str) {
    // The compiler may know the folder by the path it was given or by the one without links
    // (`/private/tmp`).
    let real = folder.canonicalize().ok();
    for path in std::iter::once(folder).chain(real.as_deref().filter(|real| *real != folder)) {
        let mut argument = path.as_os_str().to_owned();
        argument.push("=");
        argument.push(name);
        command.arg("--remap-path-prefix").arg(argument);
    }
}
