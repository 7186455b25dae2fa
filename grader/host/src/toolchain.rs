//! Finds the compiler that submissions are compiled with, and its wasm target.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use crate::{ToolError, environment};

/// What every node is compiled to.
pub const TARGET: &str = "wasm32-wasip1";

/// The programs that lead to a toolchain. Tests put others in their place.
#[derive(Clone, Debug)]
pub struct Programs {
    /// Asked for the folder of the toolchain; rustup's proxy obeys the project's
    /// `rust-toolchain.toml`.
    pub rustc: PathBuf,
    /// Installs the wasm target if it is missing.
    pub rustup: PathBuf,
}

impl Default for Programs {
    fn default() -> Self {
        Programs {
            rustc: "rustc".into(),
            rustup: "rustup".into(),
        }
    }
}

/// A compiler with the wasm target. The programs in it are called directly: going through rustup's
/// proxies would cost time and obey the environment.
#[derive(Clone, Debug)]
pub struct Toolchain {
    sysroot: PathBuf,
    version: String,
}

impl Toolchain {
    /// The toolchain of the project whose root folder this is. Installs the wasm target if it is
    /// missing.
    ///
    /// # Errors
    /// No compiler, or no wasm target and no way to install it; the text says what to run.
    pub fn find(root: &Path) -> Result<Toolchain, ToolError> {
        Self::find_with(root, &Programs::default())
    }

    /// The same with other programs.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn find_with(root: &Path, programs: &Programs) -> Result<Toolchain, ToolError> {
        let sysroot =
            PathBuf::from(ask(root, &programs.rustc, &["--print", "sysroot"])?.trim_end());
        if !has_target(&sysroot) {
            install_target(root, &sysroot, &programs.rustup)?;
        }
        let rustc = program(&sysroot, "rustc");
        let version = ask(root, &rustc, &["-vV"])?;
        Ok(Toolchain { sysroot, version })
    }

    #[cfg(test)]
    pub(crate) fn of(sysroot: &str, version: &str) -> Toolchain {
        Toolchain {
            sysroot: sysroot.into(),
            version: version.to_owned(),
        }
    }

    /// The compiler.
    pub fn rustc(&self) -> PathBuf {
        program(&self.sysroot, "rustc")
    }

    /// The cargo beside it; the one on the `PATH` if there is none (as in some Linux
    /// distributions).
    pub fn cargo(&self) -> PathBuf {
        let beside = program(&self.sysroot, "cargo");
        if beside.is_file() {
            beside
        } else {
            "cargo".into()
        }
    }

    /// The toolchain's folder.
    pub fn sysroot(&self) -> &Path {
        &self.sysroot
    }

    /// The folders of the sources of the compiler and of the standard library, by the names that
    /// the compiler has for them, with `/` between folders. The first are names only: what was
    /// compiled elsewhere is not there.
    pub(crate) fn sources(&self) -> [String; 4] {
        let word = |name| {
            self.version
                .lines()
                .find_map(|line| line.strip_prefix(name))
        };
        // A compiler that was built without git is named by its release.
        let hash = word("commit-hash: ").filter(|hash| *hash != "unknown");
        let revision = hash.or(word("release: ")).unwrap_or_default();
        let here = self.sysroot.join("lib/rustlib/src");
        [
            format!("/rustc/{revision}"),
            format!("/rustc-dev/{revision}"),
            // What the standard library itself depends on.
            "/rust/deps".to_owned(),
            here.to_string_lossy().replace('\\', "/"),
        ]
    }

    /// What `rustc -vV` prints: part of the fingerprint of a grade.
    pub fn version(&self) -> &str {
        &self.version
    }
}

fn program(sysroot: &Path, name: &str) -> PathBuf {
    sysroot
        .join("bin")
        .join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// Whether the standard library for the wasm target is there. An interrupted installation leaves
/// the folder empty.
fn has_target(sysroot: &Path) -> bool {
    let library = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    let Ok(entries) = std::fs::read_dir(library) else {
        return false;
    };
    entries
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
}

fn install_target(root: &Path, sysroot: &Path, rustup: &Path) -> Result<(), ToolError> {
    // rustup keeps a toolchain in a folder of the toolchain's name.
    let name = sysroot.file_name().map_or_else(
        || "stable".into(),
        |name| name.to_string_lossy().into_owned(),
    );
    let arguments = ["target", "add", TARGET, "--toolchain", &name];
    let reason = match run(root, rustup, &arguments) {
        Err(error) => error.to_string(),
        Ok(output) if !output.status.success() => {
            format!(
                "`rustup {}` failed ({}):\n{}",
                arguments.join(" "),
                output.status,
                said(&output)
            )
        }
        Ok(_) if has_target(sysroot) => return Ok(()),
        Ok(_) => {
            "rustup says that it is installed, but it is not in this compiler's folder".to_owned()
        }
    };
    let command = format!("rustup {}", arguments.join(" "));
    Err(ToolError::NoTarget {
        sysroot: sysroot.to_owned(),
        target: TARGET,
        reason,
        command,
    })
}

fn run(root: &Path, program: &Path, arguments: &[&str]) -> Result<Output, ToolError> {
    environment::without_steering(&mut Command::new(program))
        .args(arguments)
        .current_dir(root)
        .output()
        .map_err(|source| ToolError::CannotRun {
            program: program.to_owned(),
            source,
            advice: "Rust comes with rustup: see https://rustup.rs",
        })
}

fn ask(root: &Path, program: &Path, arguments: &[&str]) -> Result<String, ToolError> {
    let output = run(root, program, arguments)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(ToolError::Failed {
        command: format!("{} {}", program.display(), arguments.join(" ")),
        status: output.status.to_string(),
        output: said(&output),
    })
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr)
        .trim_end()
        .to_owned()
}
