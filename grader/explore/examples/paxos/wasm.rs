//! The Paxos nodes of the tests as a wasm module, built the way a lab's crate is: labkit, and its export macro.

use std::{error::Error, fs, path::Path, process::Command};

const TARGET: &str = "wasm32-wasip1";

/// Compiles the nodes, offline, into a folder of their own.
pub fn module() -> Result<Vec<u8>, Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().nth(2).ok_or("the project is above")?;
    let folder = tempfile::tempdir()?;
    let nodes = here.join("tests/explore/nodes");
    let manifest = format!(
        "[package]\nname = \"paxos\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[lib]\ncrate-type = [\"cdylib\"]\n\n\
         [dependencies]\nlabkit = {{ path = {:?} }}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n\n\
         [profile.release]\nopt-level = 2\noverflow-checks = true\ndebug-assertions = true\npanic = \"abort\"\n\n[workspace]\n",
        root.join("labs/labkit"),
    );
    let source = format!(
        "#[path = {:?}]\nmod program;\n\nlabkit::export_lab!(crate::program::lab());\n",
        nodes.join("paxos/program.rs"),
    );
    fs::create_dir(folder.path().join("src"))?;
    fs::write(folder.path().join("Cargo.toml"), manifest)?;
    fs::write(folder.path().join("src/lib.rs"), source)?;
    fs::copy(root.join("Cargo.lock"), folder.path().join("Cargo.lock"))?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--release", "--offline", "--target", TARGET]).current_dir(folder.path());
    command.env("CARGO_TARGET_DIR", folder.path().join("target"));
    if !command.status()?.success() {
        return Err("the nodes do not compile to wasm".into());
    }
    Ok(fs::read(folder.path().join("target").join(TARGET).join("release/paxos.wasm"))?)
}
