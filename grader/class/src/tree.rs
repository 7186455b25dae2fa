//! Folders as they are on the disk: no link in them is followed.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// What is written under a temporary name first is called so until it is whole.
const HALF_WRITTEN: &str = ".tmp";

/// All regular files below a folder, by their paths in it with `/`. There may be none.
pub(super) fn read(folder: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    walk(folder, &mut |path, kind| {
        if kind.is_file() {
            let name = path.strip_prefix(folder).unwrap_or(path);
            let parts = name.iter().map(|part| part.to_string_lossy());
            files.insert(parts.collect::<Vec<_>>().join("/"), fs::read(path)?);
        }
        Ok(())
    })?;
    Ok(files)
}

/// Writes files into a new folder.
pub(super) fn write(folder: &Path, files: &BTreeMap<String, String>) -> io::Result<()> {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, text)?;
    }
    Ok(())
}

/// A link at this path or, if asked for, below it.
pub(super) fn link_in(path: &Path, below: bool) -> io::Result<Option<PathBuf>> {
    let mut link = None;
    let kind = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata?.file_type(),
    };
    if kind.is_symlink() {
        return Ok(Some(path.to_owned()));
    }
    if below && kind.is_dir() {
        walk(path, &mut |path, kind| {
            if kind.is_symlink() && link.is_none() {
                link = Some(path.to_owned());
            }
            Ok(())
        })?;
    }
    Ok(link)
}

/// Removes what a killed grader has not written to its end, below a folder.
pub(super) fn remove_half_written(folder: &Path) -> io::Result<()> {
    walk(folder, &mut |path, kind| {
        if kind.is_file() && is_half_written(path) {
            fs::remove_file(path)?;
        }
        Ok(())
    })
}

/// The same, only in the folder itself.
pub(super) fn remove_half_written_in(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && is_half_written(&entry.path()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn is_half_written(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.and_then(|name| name.strip_prefix(HALF_WRITTEN))
        .is_some_and(|rest| {
            rest.len() == 6 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

/// Visits everything below a folder that may be there.
fn walk(
    folder: &Path,
    visit: &mut dyn FnMut(&Path, fs::FileType) -> io::Result<()>,
) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(());
        }
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        visit(&path, kind)?;
        if kind.is_dir() {
            walk(&path, visit)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_back_and_half_written_ones_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let here = folder.path();
        let files = [
            ("Cargo.toml", "a"),
            ("src/lib.rs", "b"),
            ("src/x/y.rs", "c"),
        ];
        let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
        write(here, &files.clone().into()).expect("they are written");
        fs::write(here.join("src/.tmpAb12Cd"), "half").expect("a file");
        fs::write(here.join("src/.tmp-mine"), "kept").expect("a file");
        remove_half_written(here).expect("it can be read");
        let mut expected: BTreeMap<String, Vec<u8>> = files
            .into_iter()
            .map(|(name, text)| (name, text.into_bytes()))
            .collect();
        expected.insert("src/.tmp-mine".to_owned(), b"kept".to_vec());
        assert_eq!(read(here).expect("it can be read"), expected);
        assert_eq!(read(&here.join("nothing")).expect("none"), BTreeMap::new());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_found_and_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let here = folder.path().join("out");
        fs::create_dir_all(here.join("staff")).expect("a folder");
        assert_eq!(link_in(&here, true).expect("read"), None);
        fs::write(folder.path().join("theirs"), "theirs").expect("a file");
        let link = here.join("staff/ann");
        std::os::unix::fs::symlink(folder.path(), &link).expect("a link");
        assert_eq!(link_in(&here, true).expect("read"), Some(link.clone()));
        assert_eq!(link_in(&here, false).expect("read"), None);
        assert_eq!(link_in(&link, false).expect("read"), Some(link));
        assert_eq!(read(&here).expect("read"), BTreeMap::new());
    }
}
