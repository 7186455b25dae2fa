//! Wrong solutions are carried along when the reference changes.
//!
//! A patch was made against the reference of an earlier revision. Both, that reference and the
//! wrong solution made of it, are formatted as the reference of today is (so that a change of
//! layout is no conflict), and then merged with it file by file: a three-way merge whose ancestor
//! is the earlier reference. (S. Khanna, K. Kunal, B. Pierce: A formal investigation of Diff3,
//! 2007.)

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use diffy::DiffOptions;

use crate::{
    error::Error,
    files::write_whole,
    mutants::{Files, Mutant, mutants, read_sources},
};

/// What became of the wrong solutions of a lab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebased {
    /// Those whose patch was written anew.
    pub carried: Vec<String>,
    /// Those whose patch is right as it is.
    pub unchanged: Vec<String>,
    /// Those that do not merge, each with the reason; their patches are left as they are.
    pub conflicts: Vec<(String, String)>,
}

/// Makes the patches of a lab's wrong solutions (all, or those named) fit the reference of today.
/// They fit the reference as it was in the git revision `revision`.
///
/// # Errors
/// [`Error::Usage`] for an unknown name, an unknown revision, or a patch that did not fit the
/// reference of that revision; [`Error::Broken`] if git or a file is not to be had. Nothing is
/// written then.
pub fn rebase(root: &Path, lab: &str, names: &[String], revision: &str) -> Result<Rebased, Error> {
    let today = read_sources(&root.join("solutions").join(lab))?;
    let before = sources_of(root, lab, revision)?;
    let ancestor = formatted(root, &before);
    let mut rebased = Rebased::default();
    let mut texts: Vec<(PathBuf, String)> = Vec::new();
    for mutant in mutants(root, lab, names)? {
        let theirs = formatted(root, &mutant.patched(before.clone())?);
        match merged(&ancestor, &today, &theirs) {
            Err(why) => rebased.conflicts.push((mutant.name, why)),
            Ok(wrong) => {
                let text = patch(&mutant, &today, &wrong);
                if text == mutant.text {
                    rebased.unchanged.push(mutant.name);
                } else {
                    texts.push((mutant.path, text));
                    rebased.carried.push(mutant.name);
                }
            }
        }
    }
    for (path, text) in texts {
        write_whole(&path, text.as_bytes())?;
    }
    Ok(rebased)
}

/// The wrong solution on top of today's reference, or why there is none.
fn merged(ancestor: &Files, today: &Files, theirs: &Files) -> Result<Files, String> {
    let mut result = today.clone();
    for (name, wrong) in theirs {
        let Some(was) = ancestor.get(name).filter(|was| *was != wrong) else {
            continue;
        };
        let now = today
            .get(name)
            .ok_or_else(|| format!("the reference has no {name} any more"))?;
        let whole = diffy::merge(was, now, wrong).map_err(|marked| {
            let line = marked.lines().position(|line| line.starts_with("<<<<<<<"));
            let line = line.map_or(1, |index| index + 1);
            format!("{name}: both changed what stands at line {line}")
        })?;
        if whole == *now {
            return Err(format!("{name}: the reference has this change now"));
        }
        result.insert(name.clone(), whole);
    }
    Ok(result)
}

/// A patch with the header of the old one, and diffs against today's reference.
fn patch(mutant: &Mutant, today: &Files, wrong: &Files) -> String {
    let mut text = mutant.header().to_owned();
    for (name, now) in today {
        let Some(then) = wrong.get(name).filter(|then| *then != now) else {
            continue;
        };
        let mut options = DiffOptions::new();
        options
            .set_original_filename(format!("a/{name}"))
            .set_modified_filename(format!("b/{name}"));
        text += &options.create_patch(now, then).to_string();
    }
    text
}

/// The manifest and the sources of a solution as a git revision has them.
fn sources_of(root: &Path, lab: &str, revision: &str) -> Result<Files, Error> {
    let folder = format!("solutions/{lab}");
    let manifest = format!("{folder}/Cargo.toml");
    let sources = format!("{folder}/src/");
    // A revision that begins with a dash would be an option.
    let revision = format!("{revision}^{{commit}}");
    let arguments = ["rev-parse", "--verify", "--end-of-options", &revision];
    let commit = git(root, &arguments)?.trim().to_owned();
    let listed = git(
        root,
        &[
            "ls-tree",
            "-r",
            "-z",
            "--name-only",
            &commit,
            &manifest,
            &sources,
        ],
    )?;
    let names = listed.split_terminator('\0');
    let read = |path: &str| {
        let name = path.strip_prefix(&folder).unwrap_or(path);
        let name = name.trim_start_matches('/').to_owned();
        let text = git(root, &["cat-file", "blob", &format!("{commit}:./{path}")])?;
        Ok((name, text))
    };
    let files: Files = names.map(read).collect::<Result<_, Error>>()?;
    if files.is_empty() {
        let text = format!("--rebase: the revision {commit} has no {folder}");
        return Err(Error::Usage(text));
    }
    Ok(files)
}

/// What git says.
fn git(root: &Path, arguments: &[&str]) -> Result<String, Error> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Error::Broken(format!("git does not start: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let what = format!("git {}: {}", arguments.join(" "), said.trim());
        return Err(Error::Usage(format!("--rebase: {what}")));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| Error::Broken(format!("git {}: no UTF-8", arguments.join(" "))))
}

/// The files as the project's formatter lays them out. What it refuses (or all, where it is not
/// installed) stays as it is: then a merge may fail that would not, and says so.
fn formatted(root: &Path, files: &Files) -> Files {
    let one = |(name, text): (&String, &String)| {
        let new = name.ends_with(".rs").then(|| rustfmt(root, text)).flatten();
        (name.clone(), new.unwrap_or_else(|| text.clone()))
    };
    files.iter().map(one).collect()
}

fn rustfmt(root: &Path, text: &str) -> Option<String> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--emit", "stdout", "--quiet"])
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    // It reads all before it writes anything, so neither waits for the other.
    child.stdin.take()?.write_all(text.as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    let new = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !new.is_empty()).then_some(new)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const BEFORE: &str = "fn one() -> u32 {\n    1\n}\n\nfn two() -> u32 {\n    2\n}\n\nfn three() \
                          -> u32 {\n    3\n}\n";

    const PATCH: &str = "about: It is wrong.\nexposes: Always.\npasses: a\nloses: b\n\
        --- a/src/lib.rs\n+++ b/src/lib.rs\n\
        @@ -5,3 +5,3 @@\n fn two() -> u32 {\n-    2\n+    22\n }\n";

    /// A project in git, whose reference was `BEFORE` when its wrong solution was made.
    fn project(today: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary folder");
        let solution = root.path().join("solutions/lab0");
        fs::create_dir_all(solution.join("src")).expect("a new folder");
        fs::create_dir_all(solution.join("mutants")).expect("a new folder");
        fs::write(solution.join("Cargo.toml"), "").expect("it is written");
        fs::write(solution.join("src/lib.rs"), BEFORE).expect("it is written");
        fs::write(solution.join("mutants/wrong.patch"), PATCH).expect("it is written");
        for arguments in [
            &["init", "-q"][..],
            &["add", "."],
            &[
                "-c",
                "user.name=n",
                "-c",
                "user.email=n@example.org",
                "commit",
                "-qm",
                "1",
            ],
        ] {
            git(root.path(), arguments).expect("git works");
        }
        fs::write(solution.join("src/lib.rs"), today).expect("it is written");
        root
    }

    fn rebased(root: &Path) -> Rebased {
        rebase(root, "lab0", &[], "HEAD").expect("it is merged")
    }

    fn wrong_source(root: &Path) -> String {
        let all = mutants(root, "lab0", &[]).expect("patches");
        let folder = all[0].apply().expect("it applies");
        fs::read_to_string(folder.path().join("src/lib.rs")).expect("it is there")
    }

    #[test]
    fn a_patch_follows_its_reference() {
        let today = format!("fn zero() -> u32 {{\n    0\n}}\n\n{BEFORE}").replace("3\n}", "33\n}");
        let root = project(&today);
        assert_eq!(rebased(root.path()).carried, ["wrong"]);
        let expected = today.replace("    2\n", "    22\n");
        assert_eq!(wrong_source(root.path()), expected);
        let text = fs::read_to_string(root.path().join("solutions/lab0/mutants/wrong.patch"));
        assert!(
            text.expect("it is there")
                .starts_with("about: It is wrong.\nexposes: ")
        );
    }

    #[test]
    fn another_layout_is_no_conflict() {
        // The formatter's layout differs from that of the revision in every line.
        let root = project(BEFORE);
        let solution = root.path().join("solutions/lab0");
        let odd = BEFORE.replace("{\n    ", "{ ").replace("\n}", " }");
        fs::write(solution.join("src/lib.rs"), &odd).expect("it is written");
        let patch = PATCH.replace(
            "@@ -5,3 +5,3 @@\n fn two() -> u32 {\n-    2\n+    22\n }\n",
            "",
        ) + "@@ -3,1 +3,1 @@\n-fn two() -> u32 { 2 }\n+fn two() -> u32 { 22 }\n";
        fs::write(solution.join("mutants/wrong.patch"), patch).expect("it is written");
        let save = ["-c", "user.name=n", "-c", "user.email=n@example.org"];
        git(root.path(), &[&save[..], &["commit", "-qam", "2"]].concat()).expect("git works");
        fs::write(solution.join("src/lib.rs"), BEFORE).expect("it is written");
        assert_eq!(rebased(root.path()).carried, ["wrong"]);
        assert_eq!(
            wrong_source(root.path()),
            BEFORE.replace("    2\n", "    22\n")
        );
    }

    #[test]
    fn what_does_not_merge_is_listed_and_left_alone() {
        for (today, why) in [
            (
                BEFORE.replace("    2\n", "    20\n"),
                "src/lib.rs: both changed what stands at line 6",
            ),
            (
                BEFORE.replace("    2\n", "    22\n"),
                "src/lib.rs: the reference has this change now",
            ),
        ] {
            let root = project(&today);
            let conflicts = rebased(root.path()).conflicts;
            assert_eq!(conflicts, [("wrong".to_owned(), why.to_owned())]);
            let text = fs::read_to_string(root.path().join("solutions/lab0/mutants/wrong.patch"));
            assert_eq!(text.expect("it is there"), PATCH);
        }
    }

    #[test]
    fn a_patch_that_fits_is_not_touched() {
        let root = project(BEFORE);
        rebased(root.path());
        assert_eq!(rebased(root.path()).unchanged, ["wrong"]);
    }

    #[test]
    fn an_unknown_revision_is_told() {
        let root = project(BEFORE);
        for revision in ["no-such-branch", "--help"] {
            let error = rebase(root.path(), "lab0", &[], revision).unwrap_err();
            assert!(matches!(error, Error::Usage(_)), "{error}");
            assert!(
                error.to_string().contains("--rebase: git rev-parse"),
                "{error}"
            );
        }
    }
}
