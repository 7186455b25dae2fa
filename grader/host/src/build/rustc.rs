//! How rustc is called: without an environment, with its messages as JSON.

use std::{path::Path, process::Command};

use super::slot::{INCREMENTAL, OUT, Slot};
use crate::{environment, toolchain::TARGET};

/// Rust as submissions are written, whatever their manifest says.
pub const EDITION: &str = "2024";

/// A call of rustc for the nodes' target, with everything that all crates of a submission have in
/// common. It works in a slot, to which its paths are relative.
pub(super) fn command(rustc: &Path, slot: &Slot, opt_level: &str) -> Command {
    let mut command = Command::new(rustc);
    environment::empty(&mut command, &slot.temporary())
        // Paths in messages and panics are relative to this folder: `src/server.rs`.
        .current_dir(slot.folder())
        .args([
            "--edition",
            EDITION,
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
        // The names of functions tell what a node calls, their lines where: `machine/places.rs`.
        .args(["-C", "strip=none", "-C", "debuginfo=limited"])
        // Of several units of code an edit changes few, and the incremental folder has the others.
        // (With 256 instead of 16 an edit is not compiled faster, and nodes are slower by 5 in
        // 100.) Units that are optimised for themselves do not hang on what was there before.
        // Bitcode would serve a linker that optimises across crates, which is not asked for.
        .args(["-C", "codegen-units=16"])
        .args(["-C", "lto=off", "-C", "embed-bitcode=no", "-C"])
        .arg(format!("incremental={INCREMENTAL}"))
        .args(["--out-dir", OUT, "-C"])
        .arg(format!("opt-level={opt_level}"));
    remap(&mut command, slot.folder(), ".");
    command
}

/// Writes `name` for `folder` wherever the compiler would name it.
fn remap(command: &mut Command, folder: &Path, name: &str) {
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
