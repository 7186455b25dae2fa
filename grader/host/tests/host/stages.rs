//! What is taken of a submission.

use std::{fs, path::Path};

use faultline_host::{
    Staged,
    stage::{Entry, EntryKind, MAX_BYTES, MAX_FILES, StageError},
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
    for path in [
        "src/server/store.rs",
        "src/data.txt",
        "tests/own.rs",
        "Cargo.lock",
        ".cargo/config.toml",
    ] {
        write(folder.path(), path, "// text\n");
    }
    let staged = Staged::from_folder(folder.path()).expect("it is a crate");
    assert_eq!(
        staged.sources().keys().collect::<Vec<_>>(),
        ["src/lib.rs", "src/server/store.rs"]
    );
    let left_out: Vec<_> = staged
        .left_out()
        .iter()
        .map(|each| each.path.as_str())
        .collect();
    assert_eq!(left_out, [".cargo", "Cargo.lock", "tests", "src/data.txt"]);
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let (folder, outside) = (small_crate(), tempfile::tempdir().expect("a folder"));
    write(outside.path(), "secret.rs", "// secret\n");
    symlink(
        outside.path().join("secret.rs"),
        folder.path().join("src/secret.rs"),
    )
    .expect("a link");
    symlink(outside.path(), folder.path().join("src/outside")).expect("a link");
    symlink("/dev/zero", folder.path().join("src/zero.rs")).expect("a link");
    let staged = Staged::from_folder(folder.path()).expect("it is a crate");
    assert_eq!(staged.sources().len(), 1);
    let left_out: Vec<_> = staged
        .left_out()
        .iter()
        .map(|each| (each.path.as_str(), &*each.why))
        .collect();
    let why = "links are not followed";
    assert_eq!(
        left_out,
        [
            ("src/outside", why),
            ("src/secret.rs", why),
            ("src/zero.rs", why)
        ]
    );

    let linked = tempfile::tempdir().expect("a folder");
    write(linked.path(), "Cargo.toml", "");
    symlink(folder.path().join("src"), linked.path().join("src")).expect("a link");
    let error = Staged::from_folder(linked.path())
        .expect_err("its `src` is a link")
        .to_string();
    assert!(error.contains("no folder `src`"), "{error}");
}

#[test]
fn a_path_without_a_crate_is_explained() {
    let folder = small_crate();
    let name = folder.path().display().to_string();
    let error = |path: &Path| {
        Staged::from_folder(path)
            .expect_err("it is no crate")
            .to_string()
    };
    assert!(error(&folder.path().join("nowhere")).contains("there is no such folder"));
    assert!(error(&folder.path().join("Cargo.toml")).contains("it is a file"));
    let text = error(&folder.path().join("src"));
    assert!(
        text.contains("it has no `Cargo.toml`") && text.contains("Expected the folder of a crate"),
        "{text}"
    );
    let text = error(folder.path().parent().expect("the temporary folder"));
    assert!(
        text.contains("no `Cargo.toml`") && !text.is_empty(),
        "{text} for {name}"
    );
    fs::remove_file(folder.path().join("src/lib.rs")).expect("it is there");
    assert!(error(folder.path()).contains("`src/lib.rs` is no regular file"));
}

#[test]
fn the_folder_around_a_crate_gets_a_hint() {
    let around = tempfile::tempdir().expect("a folder");
    write(around.path(), "lab2/Cargo.toml", "");
    write(around.path(), "lab2/src/lib.rs", "");
    let error = Staged::from_folder(around.path())
        .expect_err("it is no crate")
        .to_string();
    assert!(
        error.contains("did you mean `") && error.contains("lab2`?"),
        "{error}"
    );
}

#[test]
fn paths_in_memory_stay_inside() {
    for path in [
        "/src/lib.rs",
        "src/../../x.rs",
        "../x.rs",
        "src/./x.rs",
        "x.rs",
        "src/x.txt",
        "src\\x.rs",
        "src/C:x.rs",
    ] {
        let files = Files::from([
            ("src/lib.rs".to_owned(), String::new()),
            (path.to_owned(), String::new()),
        ]);
        assert!(
            matches!(Staged::from_files(&files), Err(StageError::BadPath { .. })),
            "{path}"
        );
    }
    assert!(matches!(
        Staged::from_files(&Files::new()),
        Err(StageError::NoCrate { .. })
    ));
}

#[test]
fn sizes_are_limited() {
    let mut files = Files::from([("src/lib.rs".to_owned(), String::new())]);
    for number in 0..MAX_FILES {
        files.insert(format!("src/file{number}.rs"), String::new());
    }
    assert!(matches!(
        Staged::from_files(&files),
        Err(StageError::TooManyFiles)
    ));
    let text = "x".repeat(usize::try_from(MAX_BYTES).expect("it fits") + 1);
    let folder = small_crate();
    write(folder.path(), "src/big.rs", &text);
    assert!(matches!(
        Staged::from_folder(folder.path()),
        Err(StageError::TooBig { .. })
    ));
}

/// In the way of those only that are built with it: who names it as a module reads what is wrong.
#[test]
fn a_stray_file_that_is_no_text_blocks_nothing_but_itself() {
    let folder = small_crate();
    write(folder.path(), "src/used.rs", "");
    let plain = Staged::from_folder(folder.path()).expect("a crate");
    fs::write(folder.path().join("src/old.rs"), [0xff, 0xfe]).expect("it can be written");
    let from_folder = Staged::from_folder(folder.path()).expect("a crate");
    let mut entries = small_archive();
    entries.push(special("src/old.rs", EntryKind::File(vec![0xff, 0xfe])));
    for staged in [from_folder, Staged::from_entries(entries).expect("a crate")] {
        let told = staged
            .left_out()
            .iter()
            .find(|file| file.path == "src/old.rs");
        let told = told.expect("it is told");
        assert_eq!(told.why, "it is not UTF-8 text: save it as UTF-8");
        assert!(told.matters());
        let stand_in =
            "compile_error!(\"`src/old.rs`: it is not UTF-8 text: save it as UTF-8\");\n";
        assert_eq!(staged.sources()["src/old.rs"], stand_in);
        assert_eq!(
            staged.sources()["src/lib.rs"],
            plain.sources()["src/lib.rs"]
        );
    }
    fs::write(folder.path().join("src/lib.rs"), [0xff, 0xfe]).expect("it can be written");
    assert!(matches!(
        Staged::from_folder(folder.path()),
        Err(StageError::NotText { .. })
    ));
}

#[test]
fn the_digest_is_of_the_sources_alone() {
    let digest = |files: &[(&str, &str)]| {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        Staged::from_files(&files)
            .expect("they can be staged")
            .digest()
    };
    let one = digest(&[("src/lib.rs", "a"), ("src/b.rs", "b")]);
    assert_eq!(one, digest(&[("src/b.rs", "b"), ("src/lib.rs", "a")]));
    assert_ne!(one, digest(&[("src/lib.rs", "ab"), ("src/b.rs", "")]));
    assert_eq!(one.to_string().len(), 64);
    let folder = small_crate();
    let before = Staged::from_folder(folder.path())
        .expect("it is a crate")
        .digest();
    write(folder.path(), "notes.txt", "x");
    assert_eq!(
        before,
        Staged::from_folder(folder.path())
            .expect("it is a crate")
            .digest()
    );
}

fn entry(path: &str, text: &str) -> Entry {
    Entry {
        path: path.to_owned(),
        what: EntryKind::File(text.as_bytes().to_vec()),
    }
}

fn special(path: &str, what: EntryKind) -> Entry {
    Entry {
        path: path.to_owned(),
        what,
    }
}

fn small_archive() -> Vec<Entry> {
    vec![entry("src/lib.rs", "//! X.\n"), entry("Cargo.toml", "")]
}

#[test]
fn entries_are_taken_like_a_folder() {
    let folder = small_crate();
    let mut entries = vec![
        entry("src/lib.rs", "//! X.\n"),
        entry("Cargo.toml", "[package]\nname = \"x\"\n"),
    ];
    for path in [
        "src/server/store.rs",
        "src/data.txt",
        "tests/own.rs",
        "Cargo.lock",
        ".cargo/config.toml",
        ".cargo/x",
    ] {
        write(folder.path(), path, "// text\n");
        entries.insert(0, entry(path, "// text\n"));
    }
    entries.push(special("src", EntryKind::Folder));
    entries.push(special("src/empty.rs", EntryKind::Folder));
    fs::create_dir(folder.path().join("src/empty.rs")).expect("it can be made");
    let (one, other) = (
        Staged::from_folder(folder.path()),
        Staged::from_entries(entries),
    );
    let (one, other) = (one.expect("it is a crate"), other.expect("it is a crate"));
    assert_eq!(one.sources(), other.sources());
    assert_eq!(one.left_out(), other.left_out());
    assert_eq!(one.digest(), other.digest());
}

#[test]
fn entries_that_are_no_plain_files_are_left_out() {
    let mut entries = small_archive();
    entries.extend([
        special("src/link.rs", EntryKind::Link),
        special("src/pipe.rs", EntryKind::Special),
        special("src/big.bin", EntryKind::TooBig(1 << 40)),
        entry("src/../../escape.rs", ""),
        entry("src//twice.rs", ""),
        entry("src/a\\b.rs", ""),
        entry("/etc/x.rs", ""),
        entry("../x.rs", ""),
        entry(&format!("src/{}x.rs", "deep/".repeat(17)), ""),
    ]);
    let staged = Staged::from_entries(entries).expect("it is a crate");
    assert_eq!(staged.sources().keys().collect::<Vec<_>>(), ["src/lib.rs"]);
    let why = |path: &str| {
        staged
            .left_out()
            .iter()
            .find(|each| each.path == path)
            .map(|each| &*each.why)
    };
    assert_eq!(why("src/link.rs"), Some("links are not followed"));
    assert_eq!(why("src/pipe.rs"), Some("it is no regular file"));
    assert_eq!(
        why("src/../../escape.rs"),
        Some("only `src/**/*.rs` is graded")
    );
    assert_eq!(why(".."), Some("only `src/**/*.rs` is graded"));
    assert_eq!(staged.left_out().len(), 9);
}

#[test]
fn entries_without_a_crate_are_explained() {
    let error = |entries: Vec<Entry>| {
        Staged::from_entries(entries)
            .expect_err("it is no crate")
            .to_string()
    };
    assert!(error(vec![entry("src/lib.rs", "")]).contains("it has no `Cargo.toml`"));
    assert!(error(vec![entry("Cargo.toml", "")]).contains("`src/lib.rs` is no regular file"));
    assert!(
        error(vec![
            entry("Cargo.toml", ""),
            special("src/lib.rs", EntryKind::Link)
        ])
        .contains("`src/lib.rs`")
    );
    assert!(
        error(vec![
            entry("Cargo.toml", ""),
            special("src", EntryKind::Link)
        ])
        .contains("no folder `src`")
    );
    assert!(
        error(vec![
            special("Cargo.toml", EntryKind::Link),
            entry("src/lib.rs", "")
        ])
        .contains("no `Cargo.toml`")
    );
    let with = |what: EntryKind| [small_archive(), vec![special("src/x.rs", what)]].concat();
    assert!(matches!(
        Staged::from_entries(with(EntryKind::TooBig(MAX_BYTES + 1))),
        Err(StageError::TooBig { .. })
    ));
    let mut library = small_archive();
    library.retain(|entry| entry.path != "src/lib.rs");
    library.push(special("src/lib.rs", EntryKind::File(vec![0xff])));
    assert!(matches!(
        Staged::from_entries(library),
        Err(StageError::NotText { .. })
    ));
}

/// On some machines they are one file, and which of the two it is depends on luck.
#[test]
fn paths_that_differ_in_case_only_are_an_error() {
    for (one, other) in [
        ("src/view.rs", "src/View.rs"),
        ("src/a/x.rs", "src/A/y.rs"),
        ("src/\u{e4}.rs", "src/\u{c4}.rs"),
        ("src/a.rs", "src/a.rs/b.rs"),
        ("src/same.rs", "src/same.rs"),
    ] {
        let entries = [small_archive(), vec![entry(one, ""), entry(other, "")]].concat();
        let error = Staged::from_entries(entries).expect_err("they collide");
        assert!(matches!(error, StageError::Collision { .. }), "{error}");
        assert!(error.to_string().contains("rename one"), "{error}");
        let files = ["src/lib.rs", one, other].map(|path| (path.to_owned(), String::new()));
        if one != other {
            assert!(matches!(
                Staged::from_files(&files.into_iter().collect()),
                Err(StageError::Collision { .. })
            ));
        }
    }
    let folder = small_crate();
    write(folder.path(), "src/view.rs", "");
    write(folder.path(), "src/View.rs", "");
    let has_both = fs::read_dir(folder.path().join("src"))
        .expect("it is there")
        .count()
        == 3;
    assert_eq!(
        matches!(
            Staged::from_folder(folder.path()),
            Err(StageError::Collision { .. })
        ),
        has_both
    );
    let apart = [
        small_archive(),
        vec![
            entry("src/a/x.rs", ""),
            entry("src/a/y.rs", ""),
            entry("src/a.rs", ""),
        ],
    ];
    Staged::from_entries(apart.concat()).expect("a folder, and a file beside it");
}

/// It is told, whatever it is like, and stands in nobody's way.
#[test]
fn a_manifest_that_nobody_can_read_is_left_out() {
    let big = format!("# {}\n", "x".repeat(70_000));
    for (bytes, text, why) in [
        (b"[package]\n".to_vec(), Some("[package]\n"), None),
        (b"<<<<<<< HEAD\n".to_vec(), Some("<<<<<<< HEAD\n"), None),
        (
            b"\xff\xfe[\x00".to_vec(),
            None,
            Some("it is not UTF-8 text: nobody reads it"),
        ),
        (
            big.into_bytes(),
            None,
            Some("it is longer than 64 KiB: nobody reads it"),
        ),
    ] {
        let folder = small_crate();
        fs::write(folder.path().join("Cargo.toml"), &bytes).expect("it can be written");
        fs::write(folder.path().join("build.rs"), "").expect("it can be written");
        let file = |path: &str, bytes: &[u8]| special(path, EntryKind::File(bytes.to_vec()));
        let entries = vec![
            file("src/lib.rs", b"//! X.\n"),
            file("build.rs", b""),
            file("Cargo.toml", &bytes),
        ];
        for staged in [
            Staged::from_folder(folder.path()),
            Staged::from_entries(entries),
        ] {
            let staged = staged.expect("it is a crate");
            assert_eq!(staged.manifest(), text);
            let mut left_out = staged.left_out().iter();
            if let Some(why) = why {
                let told = left_out.next().expect("it is told");
                assert_eq!((told.path.as_str(), &*told.why), ("Cargo.toml", why));
                assert!(told.matters());
            }
            let told = left_out.next().expect("it is told");
            assert!(told.path == "build.rs" && told.matters(), "{told:?}");
            assert_eq!(left_out.next(), None);
        }
    }
    let too_big = vec![
        entry("src/lib.rs", ""),
        special("Cargo.toml", EntryKind::TooBig(1 << 40)),
    ];
    let staged = Staged::from_entries(too_big).expect("it is a crate");
    assert_eq!(staged.left_out().len(), 1);
    // A folder of this name is no manifest.
    let folder = small_crate();
    fs::remove_file(folder.path().join("Cargo.toml")).expect("it is there");
    fs::create_dir(folder.path().join("Cargo.toml")).expect("it can be made");
    let error = Staged::from_folder(folder.path()).expect_err("it is no crate");
    assert!(matches!(error, StageError::NoCrate { .. }), "{error}");
}

/// Elsewhere such a path may have room, but not where it is compiled.
#[test]
fn paths_that_no_file_system_takes_are_left_out() {
    let deep = format!(
        "src/{}lib.rs",
        "folder-of-a-hundred-letters/".repeat(15).repeat(3)
    );
    let long = format!("src/{}.rs", "x".repeat(300));
    let entries = vec![
        entry("src/lib.rs", "//! X.\n"),
        entry("Cargo.toml", "[package]\nname = \"x\"\n"),
        entry(&long, "//! Long.\n"),
        entry(&deep, "//! Deep.\n"),
    ];
    let staged = Staged::from_entries(entries).expect("it is a crate");
    assert_eq!(staged.sources().len(), 1);
    let left_out: Vec<_> = staged.left_out().iter().map(|each| &each.path).collect();
    assert_eq!(left_out.len(), 2, "{left_out:?}");
}
