//! Zip files that lie, leave, link, nest or are encrypted.

use std::fs;

use faultline_intake::EntryKind;

use crate::class::{Class, LIMITS, only, what};

#[test]
fn zip_files_are_read_like_commits() {
    let class = Class::new();
    let files: &[(&str, &[u8])] = &[
        ("__MACOSX/._lab", b"x"),
        ("my lab/", b""),
        ("my lab/Cargo.toml", b"[package]"),
        ("my lab/notes.txt", b"not read"),
        ("my lab/target/debug/x.rs", b"not listed"),
        ("my lab/src/lib.rs", b"// a library\n"),
        ("my lab/src/a/b.rs", b"// b\n"),
    ];
    class.zip("ann.zip", files);
    let entries = class.entries("ann.zip", None).expect("entries");
    assert_eq!(
        what(&entries, "src/a/b.rs"),
        &EntryKind::File(b"// b\n".to_vec())
    );
    assert_eq!(what(&entries, "notes.txt"), &EntryKind::File(Vec::new()));
    let paths: Vec<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(
        paths,
        ["Cargo.toml", "notes.txt", "src/a/b.rs", "src/lib.rs"]
    );
}

#[test]
fn zip_bombs_are_not_inflated() {
    let class = Class::new();
    let bomb = vec![b' '; 200 << 20];
    class.zip(
        "ann.zip",
        &[("src/lib.rs", b"// a library\n"), ("src/bomb.rs", &bomb)],
    );
    let entries = class.entries("ann.zip", None).expect("entries");
    assert_eq!(what(&entries, "src/bomb.rs"), &EntryKind::TooBig(200 << 20));
    // The same, and the lists say that it has ten bytes.
    let mut bytes = fs::read(class.path("ann.zip")).expect("a zip file");
    let told = (200_u32 << 20).to_le_bytes();
    let places: Vec<usize> = (0..bytes.len() - 4)
        .filter(|at| bytes[*at..*at + 4] == told)
        .collect();
    assert!(!places.is_empty(), "the size stands in the lists");
    places
        .into_iter()
        .for_each(|at| bytes[at..at + 4].copy_from_slice(&10_u32.to_le_bytes()));
    class.write("lies.zip", bytes);
    match class.entries("lies.zip", None) {
        Ok(entries) => assert_eq!(
            what(&entries, "src/bomb.rs"),
            &EntryKind::TooBig(LIMITS.bytes - 13 + 1)
        ),
        Err(problem) => assert!(
            problem.contains("`src/bomb.rs` in the zip file cannot be read"),
            "{problem}"
        ),
    }
}

#[test]
fn zip_files_that_leave_are_problems() {
    for (name, says) in [
        ("../../evil.rs", "leaves the submission"),
        ("/etc/evil.rs", "absolute"),
        ("src\\evil.rs", "backslash"),
        ("C:/evil.rs", "drive"),
        ("src//evil.rs", "empty part"),
        ("SRC/lib.rs", "differ only in case"),
        ("src/LIB.rs", "differ only in case"),
    ] {
        let class = Class::new();
        fs::create_dir(class.path("c")).expect("a folder");
        // The library would make it safe, so the name is written over one of the same length.
        let stand_in = "x".repeat(name.len());
        class.zip(
            "c/ann.zip",
            &[("src/lib.rs", b"// a library\n"), (&stand_in, b"evil")],
        );
        let bytes = fs::read(class.path("c/ann.zip")).expect("a zip file");
        let bytes = replaced(&bytes, stand_in.as_bytes(), name.as_bytes());
        class.write("c/ann.zip", bytes);
        let problem = class.entries("c/ann.zip", None).expect_err(name);
        assert!(problem.contains(says), "{name}: {problem}");
        if !says.contains("case") {
            let imported = class.import("c", 10, 20);
            assert!(
                only(&imported)
                    .problem
                    .as_ref()
                    .is_some_and(|problem| problem.contains(says)),
                "{name}"
            );
        }
    }
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for at in 0..=bytes.len() - from.len() {
        if &bytes[at..at + from.len()] == from {
            bytes[at..at + from.len()].copy_from_slice(to);
        }
    }
    bytes
}

#[test]
fn links_encryption_and_nesting_in_zip_files_are_told() {
    use std::io::Write as _;
    use zip::{ZipWriter, write::SimpleFileOptions};
    let class = Class::new();
    let mut zip = ZipWriter::new(fs::File::create(class.path("ann.zip")).expect("a file"));
    zip.start_file("src/lib.rs", SimpleFileOptions::default())
        .expect("added");
    zip.write_all(b"// a library\n").expect("written");
    zip.add_symlink("src/server.rs", "/etc/passwd", SimpleFileOptions::default())
        .expect("added");
    zip.finish().expect("a zip file");
    let entries = class.entries("ann.zip", None).expect("entries");
    assert_eq!(what(&entries, "src/server.rs"), &EntryKind::Link);

    class.zip("bob.zip", &[("src/lib.rs", b"// a library\n")]);
    let bytes = fs::read(class.path("bob.zip")).expect("a zip file");
    // The flag of encryption, in both headers.
    let mut bytes = bytes;
    for (signature, at) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        let header = (0..bytes.len() - 4)
            .find(|start| &bytes[*start..*start + 4] == signature)
            .expect("a header");
        bytes[header + at] |= 1;
    }
    class.write("bob.zip", bytes);
    assert!(
        class
            .entries("bob.zip", None)
            .expect_err("encrypted")
            .contains("is encrypted")
    );

    class.zip("inner.zip", &[("src/lib.rs", b"// a library\n")]);
    let inner = fs::read(class.path("inner.zip")).expect("a zip file");
    class.zip("eve.zip", &[("more/inner.zip", &inner)]);
    assert!(
        class
            .entries("eve.zip", None)
            .expect_err("nested")
            .contains("such as `more/inner.zip`, are not opened")
    );

    class.write("no.zip", "not a zip file");
    assert!(
        class
            .entries("no.zip", None)
            .expect_err("no zip file")
            .contains("no zip file that can be read")
    );
}
