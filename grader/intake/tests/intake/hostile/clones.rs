//! What lies beside a clone's objects: configuration, hooks, links, other repositories.

use std::fs;

use faultline_intake::EntryKind;

use crate::class::{Class, exists, noon, only, what};

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
        &EntryKind::File(b"// a library\n".to_vec())
    );
    assert_eq!(
        what(&entries, "Cargo.toml"),
        &EntryKind::File(b"[package]\nname = \"lab2\"\n".to_vec())
    );
    assert_eq!(what(&entries, "src"), &EntryKind::Folder);
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
        &EntryKind::File(b"// the starter".to_vec())
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
    assert_eq!(what(&entries, "src/server.rs"), &EntryKind::Link);
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
