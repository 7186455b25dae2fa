//! Keeps what the grader is compiled from, so that a run can tell whether the project still is the
//! same (`src/origin.rs`).

use std::{env, error::Error, path::Path};

#[path = "src/fingerprint.rs"]
mod fingerprint;

fn main() -> Result<(), Box<dyn Error>> {
    let package = env::var("CARGO_MANIFEST_DIR")?;
    let root = Path::new(&package)
        .ancestors()
        .nth(2)
        .ok_or("grader/grade lies two folders below the project")?;
    // Of a folder cargo watches all that is in it, its subfolders included. Nothing is ever written
    // there by a build. (A lab that is new changes the lock, too.)
    let mut watched = fingerprint::sources(root)?;
    watched.extend([
        fingerprint::LOCK.to_owned(),
        "grader/grade/build.rs".to_owned(),
    ]);
    for path in watched {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }
    println!(
        "cargo::rustc-env=FAULTLINE_SOURCES={}",
        fingerprint::of_sources(root)?
    );
    println!(
        "cargo::rustc-env=FAULTLINE_LOCK={}",
        fingerprint::of_file(&root.join(fingerprint::LOCK))?
    );
    Ok(())
}
