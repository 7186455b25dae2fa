//! Files that are there as a whole or not at all.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use crate::error::Error;

/// Writes a file so that at any moment there is either the old one or the new one, whole.
///
/// # Errors
/// [`Error::Broken`] with the path and the reason.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(&folder)?;
        // The error would name the temporary file, which is another one each time.
        let file = tempfile::NamedTempFile::new_in(&folder);
        let mut file = file.map_err(|error| std::io::Error::from(error.kind()))?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|error| Error::Broken(format!("{} cannot be written: {error}", path.display())))
}
