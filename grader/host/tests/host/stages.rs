//! What is taken of a submission.

use std::{fs, path::Path};

use faultline_host::{
    Staged,
    stage::{MAX_BYTES, MAX_FILES, StageError},
};

use crate::workshop::*;

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
    fs::write(path, text).expect("it can be written");
}

fn small_crate() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "Cargo.toml", "[package]\nname = \"x\"\n");
    write(folder.path(), "src/lib.rs", "//! X.\n");
    folder
}

#[test]
fn only_rust_sources_are_taken() {
    let folder = small_crate();
    for path in ["src/server/store.rs", "src/data.txt", "tests/own.rs", "Cargo.lock", ".cargo/config.toml"] {
        write(folder.path(), path, "// text\n");
    }
    let staged = Staged::from_folder(folder.path()).expect("it is a crate");
    assert_eq!(staged.sources().keys().collect::<Vec<_>>(), ["src/lib.rs", "src/server/store.rs"]);
    let left_out: Vec<_> = staged.left_out().iter().map(|each| each.path.as_str()).collect();
    assert_eq!(left_out, [".cargo", "Cargo.lock", "tests", "src/data.txt"]);
    assert!(staged.folder().join("src/server/store.rs").is_file());
    assert!(!staged.folder().join("src/data.txt").exists());
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let (folder, outside) = (small_crate(), tempfile::tempdir().expect("a folder"));
    write(outside.path(), "secret.rs", "// secret\n");
    symlink(outside.path().join("secret.rs"), folder.path().join("src/secret.rs")).expect("a link");
    symlink(outside.path(), folder.path().join("src/outside")).expect("a link");
    symlink("/dev/zero", folder.path().join("src/zero.rs")).expect("a link");
    let staged = Staged::from_folder(folder.path()).expect("it is a crate");
    assert_eq!(staged.sources().len(), 1);
    let left_out: Vec<_> = staged.left_out().iter().map(|each| (each.path.as_str(), each.why)).collect();
    let why = "links are not followed";
    assert_eq!(left_out, [("src/outside", why), ("src/secret.rs", why), ("src/zero.rs", why)]);

    let linked = tempfile::tempdir().expect("a folder");
    write(linked.path(), "Cargo.toml", "");
    symlink(folder.path().join("src"), linked.path().join("src")).expect("a link");
    let error = Staged::from_folder(linked.path()).expect_err("its `src` is a link").to_string();
    assert!(error.contains("no folder `src`"), "{error}");
}

#[test]
fn a_path_without_a_crate_is_explained() {
    let folder = small_crate();
    let name = folder.path().display().to_string();
    let error = |path: &Path| Staged::from_folder(path).expect_err("it is no crate").to_string();
    assert!(error(&folder.path().join("nowhere")).contains("there is no such folder"));
    assert!(error(&folder.path().join("Cargo.toml")).contains("it is a file"));
    let text = error(&folder.path().join("src"));
    assert!(text.contains("it has no `Cargo.toml`") && text.contains("Expected the folder of a crate"), "{text}");
    let text = error(folder.path().parent().expect("the temporary folder"));
    assert!(text.contains("no `Cargo.toml`") && !text.is_empty(), "{text} for {name}");
    fs::remove_file(folder.path().join("src/lib.rs")).expect("it is there");
    assert!(error(folder.path()).contains("`src/lib.rs` is no regular file"));
}

#[test]
fn the_folder_around_a_crate_gets_a_hint() {
    let around = tempfile::tempdir().expect("a folder");
    write(around.path(), "lab2/Cargo.toml", "");
    write(around.path(), "lab2/src/lib.rs", "");
    let error = Staged::from_folder(around.path()).expect_err("it is no crate").to_string();
    assert!(error.contains("did you mean `") && error.contains("lab2`?"), "{error}");
}

#[test]
fn paths_in_memory_stay_inside() {
    for path in
        ["/src/lib.rs", "src/../../x.rs", "../x.rs", "src/./x.rs", "x.rs", "src/x.txt", "src\\x.rs", "src/C:x.rs"]
    {
        let files = Files::from([("src/lib.rs".to_owned(), String::new()), (path.to_owned(), String::new())]);
        assert!(matches!(Staged::from_files(&files), Err(StageError::BadPath { .. })), "{path}");
    }
    assert!(matches!(Staged::from_files(&Files::new()), Err(StageError::NoCrate { .. })));
}

#[test]
fn sizes_are_limited() {
    let mut files = Files::from([("src/lib.rs".to_owned(), String::new())]);
    for number in 0..MAX_FILES {
        files.insert(format!("src/file{number}.rs"), String::new());
    }
    assert!(matches!(Staged::from_files(&files), Err(StageError::TooManyFiles)));
    let text = "x".repeat(usize::try_from(MAX_BYTES).expect("it fits") + 1);
    let folder = small_crate();
    write(folder.path(), "src/big.rs", &text);
    assert!(matches!(Staged::from_folder(folder.path()), Err(StageError::TooBig { .. })));
    fs::write(folder.path().join("src/big.rs"), [0xff, 0xfe]).expect("it can be written");
    assert!(matches!(Staged::from_folder(folder.path()), Err(StageError::NotText { .. })));
}

#[test]
fn the_digest_is_of_the_sources_alone() {
    let digest = |files: &[(&str, &str)]| {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Staged::from_files(&files).expect("they can be staged").digest()
    };
    let one = digest(&[("src/lib.rs", "a"), ("src/b.rs", "b")]);
    assert_eq!(one, digest(&[("src/b.rs", "b"), ("src/lib.rs", "a")]));
    assert_ne!(one, digest(&[("src/lib.rs", "ab"), ("src/b.rs", "")]));
    assert_eq!(one.to_string().len(), 64);
    let folder = small_crate();
    let before = Staged::from_folder(folder.path()).expect("it is a crate").digest();
    write(folder.path(), "notes.txt", "x");
    assert_eq!(before, Staged::from_folder(folder.path()).expect("it is a crate").digest());
}
