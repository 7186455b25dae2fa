//! What build scripts call.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use crate::{MARK, Origin, digest, project_above};

/// For the build script of `grader/grade`: the digest of the engines, beside which it lies, as
/// `FAULTLINE_ENGINES`. They need not be the project's: as a dependency, they lie in a checkout
/// that cargo made.
///
/// # Errors
/// If this is no build script, or the engines cannot be read.
pub fn emit_engines() -> Result<(), Box<dyn Error>> {
    let package = package()?;
    let checkout = package
        .ancestors()
        .nth(2)
        .ok_or("grader/grade lies two folders below the checkout")?;
    watch(checkout, digest::engines());
    let engines = digest::of_engines(checkout)?.ok_or("the engines are not beside grader/grade")?;
    println!("cargo::rustc-env=FAULTLINE_ENGINES={engines}");
    Ok(())
}

/// For the build script of a registry of labs: writes `origin.rs` into cargo's folder for what is
/// generated, an expression of type [`Origin`] for the project above the package.
///
/// # Errors
/// If this is no build script, there is no project above, or a source cannot be read.
pub fn emit() -> Result<(), Box<dyn Error>> {
    let package = package()?;
    let root = project_above(&package).ok_or_else(|| {
        format!(
            "no folder above {} has labs/ and rubrics/, or a file {MARK}",
            package.display()
        )
    })?;
    let origin = Origin::of(&root)?;
    let mut sources = vec![digest::LOCK.to_owned()];
    for lab in origin.labs.keys() {
        sources.extend(digest::lab_sources(&root, lab)?);
    }
    sources.sort();
    sources.dedup();
    watch(&root, sources);
    let labs: Vec<(&String, &String)> = origin.labs.iter().collect();
    let text = format!(
        "::faultline_origin::Origin::new({:?}, &{labs:?})\n",
        origin.lock
    );
    let out = env::var_os("OUT_DIR").ok_or("cargo names OUT_DIR to build scripts")?;
    Ok(fs::write(Path::new(&out).join("origin.rs"), text)?)
}

fn package() -> Result<PathBuf, Box<dyn Error>> {
    let package = env::var_os("CARGO_MANIFEST_DIR");
    Ok(package
        .ok_or("cargo names CARGO_MANIFEST_DIR to build scripts")?
        .into())
}

/// Of a folder cargo watches all that is in it, its subfolders included. Nothing is ever written
/// there by a build. (A lab that is new changes the lock, too.)
fn watch(root: &Path, sources: Vec<String>) {
    println!("cargo::rerun-if-changed=build.rs");
    for source in sources {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
}
