//! Toolchains that lack something. The programs are small scripts, so these tests need a Unix
//! shell.
#![cfg(unix)]

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use faultline_host::{ToolError, Toolchain, toolchain::Programs};

fn script(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
    fs::write(path, format!("#!/bin/sh\n{text}\n")).expect("it can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
}

/// A toolchain `1.0.0-fake` without the wasm target, and a rustup that does what `rustup` says.
fn fake(folder: &Path, rustup: &str) -> Programs {
    let sysroot = folder.join("1.0.0-fake");
    let programs = Programs {
        rustc: folder.join("rustc"),
        rustup: folder.join("rustup"),
    };
    script(&programs.rustc, &format!("echo {}", sysroot.display()));
    script(&sysroot.join("bin/rustc"), "echo rustc 1.0.0 fake");
    script(&programs.rustup, rustup);
    programs
}

#[test]
fn a_missing_target_that_cannot_be_installed_says_what_to_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let programs = fake(folder.path(), "echo error: no network >&2; exit 1");
    let error = Toolchain::find_with(folder.path(), &programs).expect_err("there is no target");
    assert!(matches!(error, ToolError::NoTarget { .. }));
    let text = error.to_string();
    assert!(
        text.contains("rustup target add wasm32-wasip1 --toolchain 1.0.0-fake"),
        "{text}"
    );
    assert!(text.contains("no network"), "{text}");
}

#[test]
fn a_missing_rustup_says_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut programs = fake(folder.path(), "");
    programs.rustup = folder.path().join("no-rustup");
    let text = Toolchain::find_with(folder.path(), &programs)
        .expect_err("there is no target")
        .to_string();
    assert!(
        text.contains("cannot run") && text.contains("rustup target add wasm32-wasip1"),
        "{text}"
    );
}

#[test]
fn a_missing_target_is_installed() {
    let folder = tempfile::tempdir().expect("a folder");
    let library = folder
        .path()
        .join("1.0.0-fake/lib/rustlib/wasm32-wasip1/lib");
    let install = format!("mkdir -p {0} && touch {0}/libstd-1.rlib", library.display());
    let programs = fake(folder.path(), &install);
    let toolchain = Toolchain::find_with(folder.path(), &programs).expect("it is installed");
    assert_eq!(toolchain.version(), "rustc 1.0.0 fake\n");
}

#[test]
fn a_rustup_that_installs_elsewhere_is_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    let programs = fake(folder.path(), "exit 0");
    let text = Toolchain::find_with(folder.path(), &programs)
        .expect_err("there is no target")
        .to_string();
    assert!(text.contains("not in this compiler's folder"), "{text}");
}

#[test]
fn no_rust_at_all_is_explained() {
    let folder = tempfile::tempdir().expect("a folder");
    let programs = Programs {
        rustc: folder.path().join("no-rustc"),
        rustup: folder.path().join("no-rustup"),
    };
    let text = Toolchain::find_with(folder.path(), &programs)
        .expect_err("there is no compiler")
        .to_string();
    assert!(text.contains("https://rustup.rs"), "{text}");
}
