//! What a lab gives, compiled once by cargo with the project's lock file.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use super::{
    artifacts::{Artifact, Libraries, libraries_of, products, read_artifacts},
    crates::LabCrates,
    stamp::{Inputs, Stamp},
};
use crate::{ToolError, Toolchain, environment, toolchain::TARGET};

/// What a submission to one lab is compiled against.
#[derive(Clone, Debug)]
pub struct Prebuilt {
    pub(super) crates: LabCrates,
    pub(super) toolchain: Toolchain,
    pub(super) libraries: Libraries,
}

impl Prebuilt {
    /// Builds (or finds built) what the lab gives. `root` is the project's root folder; products go
    /// to `target/faultline` below it. Several processes may do this at once: cargo makes them wait
    /// for one another.
    ///
    /// # Errors
    /// If cargo cannot run or fails. That is never the submission's fault.
    pub fn build(
        root: &Path,
        toolchain: &Toolchain,
        crates: LabCrates,
    ) -> Result<Prebuilt, ToolError> {
        // With a relative path, what cargo and rustc say about files would not fit together.
        let root = std::path::absolute(root).map_err(ToolError::io("find", root))?;
        let options = remap_options(&root);
        let stamp = root
            .join("target/faultline")
            .join(format!("{}.stamp.json", crates.api));
        let inputs = Inputs {
            root: &root,
            compiler: toolchain.version(),
            options: &options,
        };
        let libraries = match Stamp::libraries(&stamp, &inputs) {
            Some(libraries) => libraries,
            None => build_libraries(&inputs, toolchain, &crates, &stamp)?,
        };
        Ok(Prebuilt {
            crates,
            toolchain: toolchain.clone(),
            libraries,
        })
    }
}

fn build_libraries(
    inputs: &Inputs<'_>,
    toolchain: &Toolchain,
    crates: &LabCrates,
    stamp: &Path,
) -> Result<Libraries, ToolError> {
    let mut command = cargo_command(inputs, toolchain, &crates.api);
    let started = SystemTime::now();
    let output = command.output().map_err(|source| ToolError::CannotRun {
        program: toolchain.cargo(),
        source,
        advice: "cargo comes with Rust: see https://rustup.rs",
    })?;
    if !output.status.success() {
        return Err(ToolError::Failed {
            command: format!("cargo build -p {} (for {TARGET})", crates.api),
            status: output.status.to_string(),
            output: String::from_utf8_lossy(&output.stderr)
                .trim_end()
                .to_owned(),
        });
    }
    let artifacts = read_artifacts(&String::from_utf8_lossy(&output.stdout));
    let libraries = libraries_of(&artifacts, crates)?;
    // Without a stamp everything works, a little slower.
    let _ = write_stamp(inputs, stamp, &artifacts, &libraries, started);
    Ok(libraries)
}

fn write_stamp(
    inputs: &Inputs<'_>,
    stamp: &Path,
    artifacts: &[Artifact],
    libraries: &Libraries,
    started: SystemTime,
) -> io::Result<()> {
    let packages = artifacts
        .iter()
        .filter_map(|artifact| artifact.manifest_path.parent());
    let packages: BTreeSet<PathBuf> = packages
        .filter(|folder| folder.starts_with(inputs.root))
        .map(Path::to_owned)
        .collect();
    let packages: Vec<PathBuf> = packages.into_iter().collect();
    let products: Vec<PathBuf> = products(artifacts).cloned().collect();
    Stamp::write(stamp, inputs, started, packages, &products, libraries)
}

fn cargo_command(inputs: &Inputs<'_>, toolchain: &Toolchain, package: &str) -> Command {
    let target_folder = inputs.root.join("target").join("faultline");
    let mut command = Command::new(toolchain.cargo());
    environment::without_steering(&mut command)
        .current_dir(inputs.root)
        // Each of these overrides what a cargo configuration (such as the user's own in the home
        // folder) may say.
        .env("RUSTC", toolchain.rustc())
        .env("RUSTC_WRAPPER", "")
        .env("RUSTC_WORKSPACE_WRAPPER", "")
        .env("CARGO_ENCODED_RUSTFLAGS", inputs.options)
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_BUILD_BUILD_DIR", &target_folder)
        .args([
            "build",
            "--quiet",
            "--locked",
            "--profile",
            "guest",
            "--lib",
            "--target",
            TARGET,
        ])
        .args([
            "--package",
            package,
            "--message-format=json-render-diagnostics",
            "--target-dir",
        ])
        .arg(target_folder);
    command
}

/// Options that keep the names of this machine's folders out of the libraries, so that a module (a
/// panic holds the path of its source) and the compiler's messages are the same bytes everywhere.
fn remap_options(root: &Path) -> OsString {
    let mut options = remap_option(root, "faultline");
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    if let Some(home) = home {
        // Cargo separates options by a character that no path has.
        options.push("\u{1f}");
        options.push(remap_option(&home, "cargo"));
    }
    options
}

fn remap_option(folder: &Path, name: &str) -> OsString {
    let mut option = OsString::from("--remap-path-prefix=");
    option.push(folder);
    option.push("=");
    option.push(name);
    option
}
