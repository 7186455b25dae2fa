//! What a lab gives, compiled once by cargo with the project's lock file.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use super::{
    artifacts::{Artifact, Libraries, libraries_of, products, read_artifacts},
    crates::LabCrates,
    origins::Packages,
    stamp::{self, Inputs, Stamp},
};
use crate::{ToolError, Toolchain, environment, toolchain::TARGET};

/// What a submission to one lab is compiled against.
#[derive(Clone, Debug)]
pub struct Prebuilt {
    pub(super) crates: LabCrates,
    pub(super) toolchain: Toolchain,
    pub(super) libraries: Libraries,
    /// The folder of the slots in which submissions to this lab are compiled.
    pub(super) slots: PathBuf,
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
        let products = root.join("target/faultline");
        let stamp = products.join(format!("{}.stamp.json", crates.api));
        let slots = products.join("slots").join(&crates.student);
        let outside = Stamp::outside(&stamp, &root);
        let options = remap_options(&renamed(&root, &outside));
        let inputs = Inputs {
            root: &root,
            compiler: toolchain.version(),
            options: &options,
        };
        let libraries = match Stamp::libraries(&stamp, &inputs) {
            Some(libraries) => libraries,
            None => build_libraries(&inputs, &outside, toolchain, &crates, &stamp)?,
        };
        Ok(Prebuilt {
            crates,
            toolchain: toolchain.clone(),
            libraries,
            slots,
        })
    }

    /// The same, with slots of their own in this folder: nobody else's builds leave anything there.
    pub fn with_slots(self, slots: PathBuf) -> Prebuilt {
        Prebuilt { slots, ..self }
    }
}

/// Builds with the names of these folders outside of the project kept out of the libraries. That
/// there are others only the build itself tells: then it is made once more.
fn build_libraries(
    inputs: &Inputs<'_>,
    outside: &BTreeSet<PathBuf>,
    toolchain: &Toolchain,
    crates: &LabCrates,
    stamp: &Path,
) -> Result<Libraries, ToolError> {
    let started = SystemTime::now();
    let artifacts = run_cargo(inputs, toolchain, crates)?;
    let packages = path_packages(&artifacts);
    let found = stamp::outside_of(inputs.root, &packages);
    if found != *outside {
        let options = remap_options(&renamed(inputs.root, &found));
        let inputs = Inputs {
            options: &options,
            ..*inputs
        };
        return build_libraries(&inputs, &found, toolchain, crates, stamp);
    }
    let sources = Packages::of(&artifacts, inputs.root, &renamed(inputs.root, outside));
    let libraries = libraries_of(&artifacts, crates, sources)?;
    let (packages, products) = (
        packages.into_iter().collect(),
        products(&artifacts).cloned().collect::<Vec<_>>(),
    );
    // Without a stamp everything works, a little slower.
    let _ = Stamp::write(stamp, inputs, started, packages, &products, &libraries);
    Ok(libraries)
}

/// The folders of packages that are found by a path, and so can change without a change of the
/// lock: the project's own, and those of a checkout of Faultline that a project elsewhere uses.
fn path_packages(artifacts: &[Artifact]) -> BTreeSet<PathBuf> {
    artifacts
        .iter()
        .filter(|artifact| artifact.has_a_path())
        .filter_map(|artifact| artifact.manifest_path.parent())
        .map(Path::to_owned)
        .collect()
}

fn run_cargo(
    inputs: &Inputs<'_>,
    toolchain: &Toolchain,
    crates: &LabCrates,
) -> Result<Vec<Artifact>, ToolError> {
    let mut command = cargo_command(inputs, toolchain, &crates.api);
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
    Ok(read_artifacts(&String::from_utf8_lossy(&output.stdout)))
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

/// The folders of this machine that have other names in the libraries, so that a module (a panic
/// holds the path of its source) and the compiler's messages are the same bytes everywhere.
fn renamed(root: &Path, outside: &BTreeSet<PathBuf>) -> Vec<(PathBuf, String)> {
    let mut renamed = vec![(root.to_owned(), "faultline".to_owned())];
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    renamed.extend(home.map(|home| (home, "cargo".to_owned())));
    for package in outside {
        let name = package.file_name().unwrap_or_default().to_string_lossy();
        renamed.push((package.clone(), format!("faultline/{name}")));
    }
    renamed
}

fn remap_options(renamed: &[(PathBuf, String)]) -> OsString {
    let options: Vec<OsString> = renamed
        .iter()
        .map(|(folder, name)| remap_option(folder, name))
        .collect();
    // Cargo separates options by a character that no path has.
    options.join(OsStr::new("\u{1f}"))
}

fn remap_option(folder: &Path, name: &str) -> OsString {
    let mut option = OsString::from("--remap-path-prefix=");
    option.push(folder);
    option.push("=");
    option.push(name);
    option
}
