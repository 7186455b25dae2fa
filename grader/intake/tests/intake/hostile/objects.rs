//! Objects that are large, damaged, missing, or that git itself would not make.

use std::fs;

use faultline_intake::EntryKind;

use crate::class::{Class, noon, what};

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
    assert_eq!(what(&entries, "src/vendored"), &EntryKind::Special);
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
    assert_eq!(what(&entries, "src/bomb.rs"), &EntryKind::TooBig(48 << 20));
    assert_eq!(
        what(&entries, "src/after.rs"),
        &EntryKind::File(b"// after\n".to_vec())
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
