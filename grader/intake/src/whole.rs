//! Files that are there whole or not at all.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

/// Writes a file under a temporary name, syncs it, and gives it its name.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(without_name)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// The error without the name of a temporary file, which is another one each time.
pub(crate) fn without_name(error: io::Error) -> io::Error {
    io::Error::from(error.kind())
}

/// A name is on the disk when its folder is; where folders cannot be opened, that is the file
/// system's affair.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        fs::File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn errors_name_no_temporary_file() {
        // Nobody can make a file there, whatever they may do elsewhere.
        let error = || write_whole(Path::new("/proc/batch.toml"), b"").expect_err("not there");
        let text = error().to_string();
        assert_eq!(text, error().to_string(), "equal bytes twice");
        assert!(!text.contains("/proc"), "{text}");
    }
}
