//! Clones and zip files of people who try something.

use std::fs;

use crate::class::{Class, LIMITS, exists, has_note, noon, only, what};
use faultline_intake::{What, take};

/// What is wrong with the only clone of a class.
fn problem(class: &Class) -> String {
    only(&class.import("c", 10, 20))
        .problem
        .clone()
        .unwrap_or_default()
}

#[test]
fn a_commit_is_read_whatever_the_files_beside_it_are() {
    let class = Class::new();
    let commit = class.clone_of("ann", &noon(1));
    class.write("ann/src/lib.rs", "// changed, not committed\n");
    let entries = class.entries("ann", Some(&commit)).expect("entries");
    assert_eq!(
        what(&entries, "src/lib.rs"),
        &What::File(b"// a library\n".to_vec())
    );
    assert_eq!(
        what(&entries, "Cargo.toml"),
        &What::File(b"[package]\nname = \"lab2\"\n".to_vec())
    );
    assert_eq!(what(&entries, "src"), &What::Folder);
    // Packed, with deltas, it is the same.
    class.git(
        "ann",
        &noon(1),
        &["gc", "-q", "--aggressive", "--prune=now"],
    );
    assert!(
        !exists(&class.path("ann/.git/refs/heads/main")),
        "branches are packed, too"
    );
    assert_eq!(class.entries("ann", Some(&commit)), Ok(entries));
    assert_eq!(
        only(&class.import(".", 10, 20)).commit.as_ref(),
        Some(&commit)
    );
}

#[test]
fn the_crate_is_found_where_labs_have_it() {
    let class = Class::new();
    class.write("ann/src/lib.rs", "// the top");
    class.write("ann/starter/lab2/src/lib.rs", "// the starter");
    class.git("ann", &noon(1), &["init", "-q"]);
    let commit = class.commit("ann", &noon(1));
    let entries = class.entries("ann", Some(&commit)).expect("entries");
    assert_eq!(
        what(&entries, "src/lib.rs"),
        &What::File(b"// the starter".to_vec())
    );
    let problem = class.entries("ann/src", None).expect_err("no crate");
    assert!(
        problem.contains("expected it in `starter/lab2`, in `lab2` or at the top"),
        "{problem}"
    );
}

#[test]
fn nothing_of_a_clones_configuration_is_run() {
    let class = Class::new();
    class.write("ann/.gitattributes", "*.rs filter=evil diff=evil\n");
    let commit = class.clone_of("ann", &noon(1));
    let canary = class.path("canary");
    let touch = format!("touch {}", canary.display());
    class.write("evil.conf", format!("[alias]\n\tx = !{touch}\n"));
    let mut config = fs::read_to_string(class.path("ann/.git/config")).expect("a configuration");
    config += &format!(
        "\tfsmonitor = {touch}\n\thooksPath = .git/hooks\n\tsshCommand = {touch}\n\tpager = \
         {touch}\n\tworktree = /\n\
         [filter \"evil\"]\n\tclean = {touch}\n\tsmudge = {touch}\n\tprocess = {touch}\n\trequired \
         = true\n\
         [diff \"evil\"]\n\ttextconv = {touch}\n\tcommand = {touch}\n[include]\n\tpath = {}\n",
        class.path("evil.conf").display()
    );
    class.write("ann/.git/config", config);
    for hook in [
        "post-checkout",
        "pre-commit",
        "reference-transaction",
        "post-index-change",
        "fsmonitor-watchman",
    ] {
        class.write(
            &format!("ann/.git/hooks/{hook}"),
            format!("#!/bin/sh\n{touch}\n"),
        );
        make_executable(&class.path(&format!("ann/.git/hooks/{hook}")));
    }
    let imported = class.import(".", 10, 20);
    assert_eq!(only(&imported).commit.as_ref(), Some(&commit));
    class.entries("ann", Some(&commit)).expect("entries");
    assert!(!exists(&canary), "something was run");
}

#[cfg(unix)]
fn make_executable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("executable");
}

#[cfg(not(unix))]
fn make_executable(_: &std::path::Path) {}

#[test]
fn alternates_are_not_followed() {
    let class = Class::new();
    class.clone_of("secret", &noon(1));
    let commit = class.clone_of("c/ann", &noon(1));
    class.write(
        "c/ann/.git/objects/info/alternates",
        format!("{}/.git/objects\n", class.path("secret").display()),
    );
    assert!(
        problem(&class).contains("`.git/objects/info/alternates` leads to another repository"),
        "{}",
        problem(&class)
    );
    assert!(
        class
            .entries("c/ann", Some(&commit))
            .expect_err("refused")
            .contains("leads to another repository")
    );
}

#[test]
fn a_git_file_is_not_followed() {
    let class = Class::new();
    let commit = class.clone_of("secret", &noon(1));
    class.write_crate("c/ann");
    class.write(
        "c/ann/.git",
        format!("gitdir: {}/.git\n", class.path("secret").display()),
    );
    assert!(
        problem(&class).contains("its `.git` is a file, not a folder"),
        "{}",
        problem(&class)
    );
    assert!(
        class
            .entries("c/ann", Some(&commit))
            .expect_err("refused")
            .contains("is a file")
    );
}

#[cfg(unix)]
#[test]
fn links_and_pipes_in_a_clone_are_not_opened() {
    use std::os::unix::fs::symlink;
    for (place, says) in [
        ("c/ann/.git", "its `.git` is a link"),
        ("c/ann/.git/objects", "`.git/objects` is a link"),
        (
            "c/ann/.git/refs/heads/main",
            "`.git/refs/heads/main` is a link",
        ),
        ("c/ann/.git/HEAD", "`.git/HEAD` is a link"),
        ("c/ann/.git/packed-refs", "`.git/packed-refs` is a link"),
    ] {
        let class = Class::new();
        class.clone_of("secret", &noon(1));
        class.clone_of("c/ann", &noon(1));
        let moved = class.path("moved");
        if exists(&class.path(place)) {
            fs::rename(class.path(place), &moved).expect("moved");
        } else {
            class.write("moved", "");
        }
        symlink(&moved, class.path(place)).expect("linked");
        assert!(
            problem(&class).contains(says),
            "{place}: {}",
            problem(&class)
        );
    }
    let class = Class::new();
    let commit = class.clone_of("c/ann", &noon(1));
    let status = std::process::Command::new("mkfifo")
        .arg(class.path("c/ann/.git/shallow"))
        .status();
    assert!(status.expect("mkfifo runs").success());
    assert!(
        problem(&class).contains("`.git/shallow` is no regular file"),
        "{}",
        problem(&class)
    );
    assert!(class.entries("c/ann", Some(&commit)).is_err());
}

#[cfg(unix)]
#[test]
fn links_among_the_sources_are_told_and_not_followed() {
    use std::os::unix::fs::symlink;
    let class = Class::new();
    class.write("secret.rs", "// secret\n");
    class.write_crate("ann");
    symlink(class.path("secret.rs"), class.path("ann/src/server.rs")).expect("linked");
    class.git("ann", &noon(1), &["init", "-q"]);
    let commit = class.commit("ann", &noon(1));
    let entries = class.entries("ann", Some(&commit)).expect("entries");
    assert_eq!(what(&entries, "src/server.rs"), &What::Link);
    // A link on the way to the crate would lead out of the submission.
    class.write_crate("elsewhere/lab2");
    fs::create_dir_all(class.path("bob")).expect("a folder");
    symlink(class.path("elsewhere"), class.path("bob/starter")).expect("linked");
    assert!(
        class
            .entries("bob", None)
            .expect_err("refused")
            .contains("`starter` in the path")
    );
    symlink(class.path("ann"), class.path("eve")).expect("linked");
    assert!(
        class
            .entries("eve", None)
            .expect_err("refused")
            .contains("`eve` is a link")
    );
    class.git("bob", &noon(1), &["init", "-q"]);
    let commit = class.commit("bob", &noon(1));
    assert!(
        class
            .entries("bob", Some(&commit))
            .expect_err("refused")
            .contains("`starter` in the path")
    );
}

#[test]
fn submodules_are_told_and_not_read() {
    let class = Class::new();
    let commit = class.clone_of("ann", &noon(1));
    class.git(
        "ann",
        &noon(1),
        &[
            "update-index",
            "--add",
            "--cacheinfo",
            &format!("160000,{commit},src/vendored"),
        ],
    );
    class.git("ann", &noon(1), &["commit", "-q", "-m", "x"]);
    let commit = class.git("ann", &noon(1), &["rev-parse", "HEAD"]);
    let entries = class.entries("ann", Some(&commit)).expect("entries");
    assert_eq!(what(&entries, "src/vendored"), &What::Special);
}

/// A commit with a tree that git's own commands would not make.
fn commit_of_tree(class: &Class, entries: &[(&str, &str, &str)]) -> String {
    let binary = |id: &str| -> Vec<u8> {
        (0..20)
            .map(|at| u8::from_str_radix(&id[2 * at..2 * at + 2], 16).expect("hexadecimal"))
            .collect()
    };
    let mut tree = Vec::new();
    for (mode, name, id) in entries {
        tree.extend(format!("{mode} {name}\0").bytes());
        tree.extend(binary(id));
    }
    let write = ["hash-object", "-t", "tree", "--literally", "-w", "--stdin"];
    let tree = class.git_with_input("ann", &noon(1), &write, &tree);
    class.git("ann", &noon(1), &["commit-tree", "-m", "x", &tree])
}

#[test]
fn trees_with_impossible_names_are_refused() {
    let class = Class::new();
    class.clone_of("ann", &noon(1));
    let blob = class.git("ann", &noon(1), &["rev-parse", "HEAD:src/lib.rs"]);
    let source = class.git("ann", &noon(1), &["rev-parse", "HEAD:src"]);
    for (name, says) in [
        ("..", "leaves the submission"),
        ("a/b", "a name with a slash"),
        ("a\\b", "backslash"),
        ("C:x", "drive"),
    ] {
        let commit = commit_of_tree(
            &class,
            &[("100644", name, &blob), ("40000", "src", &source)],
        );
        let problem = class.entries("ann", Some(&commit)).expect_err(name);
        assert!(problem.contains(says), "{name}: {problem}");
    }
    let commit = commit_of_tree(
        &class,
        &[("40000", "Src", &source), ("40000", "src", &source)],
    );
    assert!(
        class
            .entries("ann", Some(&commit))
            .expect_err("case")
            .contains("`Src` and `src` differ only in case")
    );
    let commit = commit_of_tree(
        &class,
        &[("40000", "src", &source), ("40000", "src", &source)],
    );
    assert!(
        class
            .entries("ann", Some(&commit))
            .expect_err("twice")
            .contains("`src` is there twice")
    );
    // A blob where a folder should be.
    let commit = commit_of_tree(&class, &[("40000", "src", &blob)]);
    assert!(
        class
            .entries("ann", Some(&commit))
            .expect_err("a blob")
            .contains("is no tree, but a blob")
    );
}

#[test]
fn objects_are_measured_before_they_are_read() {
    let class = Class::new();
    class.write_crate("ann");
    class.write("ann/src/bomb.rs", vec![b' '; 48 << 20]);
    class.write("ann/src/after.rs", "// after\n");
    class.git("ann", &noon(1), &["init", "-q"]);
    let commit = class.commit("ann", &noon(1));
    let entries = class.entries("ann", Some(&commit)).expect("entries");
    assert_eq!(what(&entries, "src/bomb.rs"), &What::TooBig(48 << 20));
    assert_eq!(
        what(&entries, "src/after.rs"),
        &What::File(b"// after\n".to_vec())
    );
}

#[test]
fn damaged_and_missing_objects_are_problems() {
    let class = Class::new();
    let commit = class.clone_of("ann", &noon(1));
    let blob = class.git("ann", &noon(1), &["rev-parse", "HEAD:src/lib.rs"]);
    let other = class.git_with_input(
        "ann",
        &noon(1),
        &["hash-object", "-w", "--stdin"],
        b"// another librar\n",
    );
    let path = |id: &str| class.path(&format!("ann/.git/objects/{}/{}", &id[..2], &id[2..]));
    // Another object under this name: its content is not what the commit says.
    fs::remove_file(path(&blob)).expect("removed");
    fs::copy(path(&other), path(&blob)).expect("copied");
    let problem = class.entries("ann", Some(&commit)).expect_err("damaged");
    assert!(
        problem.contains("is damaged") || problem.contains("cannot be read"),
        "{problem}"
    );
    fs::remove_file(path(&blob)).expect("removed");
    assert!(
        class
            .entries("ann", Some(&commit))
            .expect_err("missing")
            .contains("is missing in its `.git`")
    );
    assert!(
        class
            .entries("ann", Some(&"0".repeat(40)))
            .expect_err("no commit")
            .contains("is missing in its `.git`")
    );
}

#[test]
fn clones_without_a_commit_or_a_head_are_problems() {
    let class = Class::new();
    class.write("c/ann/x", "");
    class.git("c/ann", &noon(1), &["init", "-q"]);
    assert!(
        problem(&class).contains("it has no commit"),
        "{}",
        problem(&class)
    );
    class.write("c/ann/.git/HEAD", "ref: refs/heads/../../../../secret\n");
    assert!(
        problem(&class).contains("cannot be read"),
        "{}",
        problem(&class)
    );
    fs::remove_file(class.path("c/ann/.git/HEAD")).expect("removed");
    assert!(
        problem(&class).contains("has no HEAD"),
        "{}",
        problem(&class)
    );
    class.write("c/ann/.git/HEAD", [0xff, 0xfe, 0x00]);
    assert!(!problem(&class).is_empty());
}

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
        &What::File(b"// b\n".to_vec())
    );
    assert_eq!(what(&entries, "notes.txt"), &What::File(Vec::new()));
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
    assert_eq!(what(&entries, "src/bomb.rs"), &What::TooBig(200 << 20));
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
            &What::TooBig(LIMITS.bytes - 13 + 1)
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
    assert_eq!(what(&entries, "src/server.rs"), &What::Link);

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

#[test]
fn a_path_of_the_batch_cannot_name_a_crate_elsewhere() {
    let class = Class::new();
    let commit = class.clone_of("ann", &noon(1));
    for folder in ["..", "../ann", "/etc", "a/../.."] {
        let submission = faultline_intake::Submission {
            id: "x".into(),
            path: "ann".into(),
            commit: Some(commit.clone()),
            crate_dir: Some(folder.into()),
            ..Default::default()
        };
        assert!(class.take(&submission).is_err(), "{folder}");
    }
    let missing = faultline_intake::Submission {
        id: "x".into(),
        path: "gone".into(),
        ..Default::default()
    };
    let error = take(&class.path(""), &missing, "lab2", LIMITS).expect_err("missing");
    assert!(
        matches!(error, faultline_intake::TakeError::Machine(_)),
        "{error}"
    );
}

#[test]
fn names_of_all_kinds_are_imported() {
    let class = Class::new();
    for name in [
        "\u{1b}[31mred",
        "\u{202e}txt",
        "=cmd()",
        "a\nb",
        "con",
        "ann",
    ] {
        class.write_crate(&format!("c/{name}"));
    }
    let imported = class.import("c", 10, 20);
    assert_eq!(imported.batch.submissions.len(), 6);
    let read = faultline_intake::Batch::read(imported.path()).expect("a batch");
    assert_eq!(read, imported.batch);
    for submission in &read.submissions {
        assert!(
            matches!(
                class_take(&class, submission),
                Ok(faultline_intake::Taken::Folder(_))
            ),
            "{submission:?}"
        );
        assert!(!has_note(submission, "guess"));
    }
}

fn class_take(
    class: &Class,
    submission: &faultline_intake::Submission,
) -> Result<faultline_intake::Taken, faultline_intake::TakeError> {
    take(&class.path("c"), submission, "lab2", LIMITS)
}

#[test]
fn whatever_is_damaged_in_a_pack_the_content_is_right_or_it_is_a_problem() {
    let class = Class::new();
    class.write(
        "ann/src/server.rs",
        "// a line that is there often\n".repeat(50),
    );
    class.clone_of("ann", &noon(1));
    class.write(
        "ann/src/server.rs",
        "// a line that is there often\n".repeat(51),
    );
    let commit = class.commit("ann", &noon(2));
    class.git(
        "ann",
        &noon(1),
        &["gc", "-q", "--aggressive", "--prune=now"],
    );
    let expected = class.entries("ann", Some(&commit)).expect("entries");
    let (mut right, mut problems) = (0, 0);
    for entry in fs::read_dir(class.path("ann/.git/objects/pack")).expect("packs") {
        let path = entry.expect("an entry").path();
        if !path
            .extension()
            .is_some_and(|ending| ending == "pack" || ending == "idx")
        {
            continue;
        }
        // Git writes packs read-only.
        let whole = fs::read(&path).expect("a pack");
        fs::remove_file(&path).expect("removed");
        for at in (0..whole.len()).step_by(whole.len() / 200 + 1) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x5a;
            fs::write(&path, damaged).expect("written");
            match class.entries("ann", Some(&commit)) {
                Ok(entries) => {
                    assert_eq!(entries, expected, "byte {at} of {}", path.display());
                    right += 1;
                }
                Err(_) => problems += 1,
            }
        }
        fs::write(&path, &whole[..whole.len() / 2]).expect("written");
        assert!(
            class.entries("ann", Some(&commit)).is_err(),
            "half of {}",
            path.display()
        );
        fs::write(&path, whole).expect("written");
    }
    assert!(
        right > 0 && problems > 0,
        "{right} right, {problems} problems"
    );
    assert_eq!(class.entries("ann", Some(&commit)), Ok(expected));
}
