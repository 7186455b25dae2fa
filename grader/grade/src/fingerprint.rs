//! Digests of what a result depends on.

use std::{fs, io, path::Path};

use sha2::{Digest, Sha256};

/// The SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// If the file cannot be read.
pub fn of_file(path: &Path) -> io::Result<String> {
    Ok(hex(&Sha256::digest(fs::read(path)?)))
}

/// The SHA-256 over the paths and contents of all files under these folders whose names end in `.rs` or `.toml`, in
/// the order of their paths.
///
/// # Errors
/// If a folder or file cannot be read.
pub fn of_folders(root: &Path, folders: &[String]) -> io::Result<String> {
    let mut files = Vec::new();
    for folder in folders {
        collect(&root.join(folder), folder, &mut files)?;
    }
    files.sort();
    let mut hash = Sha256::new();
    for name in files {
        let contents = fs::read(root.join(&name))?;
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name.as_bytes());
        hash.update((contents.len() as u64).to_le_bytes());
        hash.update(contents);
    }
    Ok(hex(&hash.finalize()))
}

fn collect(folder: &Path, name: &str, files: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let child = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &child, files)?;
        } else if child.ends_with(".rs") || child.ends_with(".toml") {
            files.push(child);
        }
    }
    Ok(())
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
