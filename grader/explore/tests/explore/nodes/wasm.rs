//! The nodes of the tests as wasm modules, built the way a lab's glue is: labkit, and what a module
//! exports.

use std::{error::Error, fs, path::Path, process::Command};

use faultline_host::{Machine, Program, build::EXPORTS, machine::Limits};

const TARGET: &str = "wasm32-wasip1";

/// Compiles a file below this folder that has a function `lab` and uses nothing but labkit,
/// offline, and loads it.
pub fn program(file: &str) -> Result<Program, Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().nth(2).ok_or("the project is above")?;
    let folder = tempfile::tempdir()?;
    let manifest = format!(
        "[package]\nname = \"nodes\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[lib]\ncrate-type \
         = [\"cdylib\"]\n\n\
         [dependencies]\nlabkit = {{ path = {:?} }}\nserde = {{ version = \"1\", features = \
         [\"derive\"] }}\n\n\
         [profile.release]\nopt-level = 2\noverflow-checks = true\ndebug-assertions = true\npanic \
         = \"abort\"\n\n\
         [workspace]\n",
        root.join("labs/labkit"),
    );
    let source = format!(
        "#[path = {:?}]\nmod program;\nuse program::lab;\n\nmod exports {{\n{EXPORTS}}}\n",
        here.join("tests/explore/nodes").join(file),
    );
    fs::create_dir(folder.path().join("src"))?;
    fs::write(folder.path().join("Cargo.toml"), manifest)?;
    fs::write(folder.path().join("src/lib.rs"), source)?;
    fs::copy(root.join("Cargo.lock"), folder.path().join("Cargo.lock"))?;
    // What all of them need is compiled once; cargo lets one after the other use the folder.
    let target = root.join("target/faultline/explore");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args([
            "build",
            "--quiet",
            "--release",
            "--offline",
            "--target",
            TARGET,
        ])
        .current_dir(folder.path());
    command.env("CARGO_TARGET_DIR", &target);
    if !command.status()?.success() {
        return Err("the nodes do not compile to wasm".into());
    }
    let wasm = fs::read(target.join(TARGET).join("release/nodes.wasm"))?;
    Ok(Machine::new(Limits::default())?.load(&wasm)?)
}
