//! Wrong solutions: patches against a lab's solution, each with a header that says what it is.
//!
//! The header's lines are `about: ...` (what is wrong), `exposes: ...` (when that shows),
//! `passes: ID, ...` (tests that it passes all the same: it is wrong in one point, not broken) and
//! `loses: ID, ...` (tests that must catch it). Lines `shows: ID: TEXT` are optional: what a reader
//! must see in that test's failure to understand it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use diffy::Patch;
use tempfile::TempDir;

use crate::error::{Error, nearest};

/// Files of a solution by their names, such as `src/server.rs`.
pub(crate) type Files = BTreeMap<String, String>;

/// A wrong solution.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// The name of its file, without `.patch`.
    pub name: String,
    /// Tests that it passes.
    pub passes: Vec<String>,
    /// Tests that catch it.
    pub loses: Vec<String>,
    /// Tests, each with a text that must be in the lines of its failure.
    pub shows: Vec<(String, String)>,
    /// The patch: its file, and what is in it.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    /// What it is a patch against.
    solution: PathBuf,
    /// What it does to each file of the solution.
    diffs: Vec<Diff>,
}

/// A unified diff of one file.
#[derive(Clone, Debug)]
struct Diff {
    /// Relative to the solution.
    file: String,
    /// Where it stands in the patch: the number of its `---` line.
    line: usize,
    text: String,
}

/// The wrong solutions of a lab, by name: all, or those asked for.
///
/// # Errors
/// [`Error::Usage`] if there are none, for an unknown name, and for a patch that is not right, with
/// its file and line.
pub fn mutants(root: &Path, lab: &str, names: &[String]) -> Result<Vec<Mutant>, Error> {
    let solution = root.join("solutions").join(lab);
    let folder = solution.join("mutants");
    let wrong = |error: std::io::Error| {
        let what = "expected a folder with the wrong solutions, NAME.patch; a release for students \
                    has none";
        Error::Usage(format!("{}: {error}; {what}", folder.display()))
    };
    let mut all: BTreeMap<String, PathBuf> = BTreeMap::new();
    for entry in fs::read_dir(&folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if let (Some(name), Some("patch")) = (
            path.file_stem(),
            path.extension().and_then(|end| end.to_str()),
        ) {
            all.insert(name.to_string_lossy().into_owned(), path);
        }
    }
    if let Some(unknown) = names.iter().find(|name| !all.contains_key(*name)) {
        let suggestion = nearest(unknown, all.keys().map(String::as_str));
        let text = format!(
            "there is no wrong solution {unknown:?} in {}{suggestion}",
            folder.display()
        );
        return Err(Error::Usage(text));
    }
    let wanted = all
        .into_iter()
        .filter(|(name, _)| names.is_empty() || names.contains(name));
    wanted
        .map(|(name, path)| Mutant::read(&solution, name, path))
        .collect()
}

impl Mutant {
    fn read(solution: &Path, name: String, path: PathBuf) -> Result<Mutant, Error> {
        let text = fs::read_to_string(&path).map_err(|error| {
            Error::Usage(format!("{}: it cannot be read: {error}", path.display()))
        })?;
        let diffs = diffs(&text);
        let Some(first) = diffs.first() else {
            let what =
                "no diff in it, expected a unified diff: --- a/src/FILE, +++ b/src/FILE, @@ ...";
            return Err(Error::Usage(format!("{}: {what}", path.display())));
        };
        let header: Vec<&str> = text.lines().take(first.line - 1).collect();
        let field = |name: &str| -> Result<String, Error> {
            let value = header
                .iter()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            let value = value.map(str::trim).filter(|value| !value.is_empty());
            let what = || format!("no line `{name}: ...` in front of the diff");
            value
                .map(str::to_owned)
                .ok_or_else(|| wrong(&path, first.line, &what()))
        };
        field("about")?;
        field("exposes")?;
        let list = |name: &str| -> Result<Vec<String>, Error> {
            Ok(field(name)?
                .split(',')
                .map(str::trim)
                .filter(|id| !id.is_empty())
                .map(str::to_owned)
                .collect())
        };
        let (passes, loses) = (list("passes")?, list("loses")?);
        let shows = (1..)
            .zip(&header)
            .filter_map(|(number, line)| Some((number, line.strip_prefix("shows:")?)))
            .map(|(number, line)| {
                let both = line.trim().split_once(": ");
                let both = both.filter(|(test, _)| loses.iter().any(|loses| loses == test));
                let what = "expected `shows: ID: TEXT`, with a test that it loses";
                let (test, text) = both.ok_or_else(|| wrong(&path, number, what))?;
                Ok((test.to_owned(), text.to_owned()))
            })
            .collect::<Result<_, Error>>()?;
        Ok(Mutant {
            name,
            passes,
            loses,
            shows,
            path,
            text,
            solution: solution.to_owned(),
            diffs,
        })
    }

    /// The solution with the patch, in a folder of its own.
    ///
    /// # Errors
    /// [`Error::Usage`] with the file and the line if the patch does not apply; [`Error::Broken`]
    /// if files cannot be read or written.
    pub fn apply(&self) -> Result<TempDir, Error> {
        let files = self.patched(read_sources(&self.solution)?)?;
        let folder = tempfile::tempdir().map_err(|error| broken(&self.path, &error))?;
        for (name, text) in &files {
            let target = folder.path().join(name);
            let parent = target.parent().unwrap_or(folder.path());
            let written = fs::create_dir_all(parent).and_then(|()| fs::write(&target, text));
            written.map_err(|error| broken(&target, &error))?;
        }
        Ok(folder)
    }

    /// What stands in front of the diffs.
    pub(crate) fn header(&self) -> &str {
        let first = self.diffs.first().map_or(1, |diff| diff.line);
        let lines = self.text.split_inclusive('\n').take(first - 1);
        &self.text[..lines.map(str::len).sum()]
    }

    /// These files of the solution with the patch.
    ///
    /// # Errors
    /// [`Error::Usage`] with the file and the line if the patch does not apply.
    pub(crate) fn patched(&self, mut files: Files) -> Result<Files, Error> {
        for diff in &self.diffs {
            let Some(text) = files.get_mut(&diff.file) else {
                let known: Vec<&str> = files.keys().map(String::as_str).collect();
                let suggestion = nearest(&diff.file, known.clone());
                let files = known.join(", ");
                let what = format!(
                    "the solution has no file {:?}{suggestion} (it has {files})",
                    diff.file
                );
                return Err(wrong(&self.path, diff.line, &what));
            };
            let patch = Patch::from_str(&diff.text).map_err(|error| {
                wrong(
                    &self.path,
                    diff.line,
                    &format!("in the diff that begins here: {error}"),
                )
            })?;
            *text = diffy::apply(text, &patch).map_err(|_| self.misfit(diff, text))?;
        }
        Ok(files)
    }

    /// Which hunk does not fit: the first with which the hunks so far do not apply.
    fn misfit(&self, diff: &Diff, text: &str) -> Error {
        let lines: Vec<&str> = diff.text.split_inclusive('\n').collect();
        let hunks: Vec<usize> = (0..lines.len())
            .filter(|index| lines[*index].starts_with("@@ "))
            .collect();
        let ends = hunks.iter().skip(1).copied().chain([lines.len()]);
        let fits = |end: usize| {
            let begin = lines[..end].concat();
            Patch::from_str(&begin).is_ok_and(|patch| diffy::apply(text, &patch).is_ok())
        };
        let first = hunks
            .iter()
            .zip(ends)
            .find(|(_, end)| !fits(*end))
            .map_or(0, |(begin, _)| *begin);
        let what = format!(
            "the change that begins here does not fit {}: make the patch anew with `diff -u`",
            self.solution.join(&diff.file).display()
        );
        wrong(&self.path, diff.line + first, &what)
    }
}

/// What a submission consists of: its manifest and its sources, by their names in its folder.
pub(crate) fn read_sources(solution: &Path) -> Result<Files, Error> {
    let folder = solution.join("src");
    let mut names = vec!["Cargo.toml".to_owned()];
    for entry in fs::read_dir(&folder).map_err(|error| broken(&folder, &error))? {
        let name = entry.map_err(|error| broken(&folder, &error))?.file_name();
        names.push(format!("src/{}", name.to_string_lossy()));
    }
    let read = |name: String| {
        let path = solution.join(&name);
        let text = fs::read_to_string(&path).map_err(|error| broken(&path, &error))?;
        Ok((name, text))
    };
    names.into_iter().map(read).collect()
}

/// The diffs in a patch, one for each file.
fn diffs(text: &str) -> Vec<Diff> {
    let mut diffs: Vec<Diff> = Vec::new();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if let Some(file) = line.strip_prefix("--- a/") {
            diffs.push(Diff {
                file: file.trim_end().to_owned(),
                line: index + 1,
                text: String::new(),
            });
        }
        if let Some(diff) = diffs.last_mut() {
            diff.text.push_str(line);
        }
    }
    diffs
}

fn wrong(path: &Path, line: usize, what: &str) -> Error {
    Error::Usage(format!("{}:{line}: {what}", path.display()))
}

fn broken(path: &Path, error: &std::io::Error) -> Error {
    Error::Broken(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n";

    const GOOD: &str = "\
about: It says zwei.
exposes: Always.
passes: a, b
loses: H-C1
--- a/src/lib.rs
+++ b/src/lib.rs
@@ -1,3 +1,3 @@
 one
-two
+zwei
 three
@@ -6,3 +6,3 @@
 six
-seven
+sieben
 eight
";

    /// A project with this patch as the wrong solution `zwei`: its changed source.
    fn applied(patch: &str, names: &[&str]) -> Result<String, String> {
        let root = tempfile::tempdir().unwrap();
        let solution = root.path().join("solutions/lab0");
        fs::create_dir_all(solution.join("src")).unwrap();
        fs::create_dir_all(solution.join("mutants")).unwrap();
        fs::write(solution.join("Cargo.toml"), "").unwrap();
        fs::write(solution.join("src/lib.rs"), SOURCE).unwrap();
        fs::write(solution.join("mutants/zwei.patch"), patch).unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let all = mutants(root.path(), "lab0", &names).map_err(|error| error.to_string())?;
        assert_eq!(all[0].name, "zwei");
        assert_eq!(
            (all[0].passes.join(" "), all[0].loses.join(" ")),
            ("a b".to_owned(), "H-C1".to_owned())
        );
        let folder = all[0].apply().map_err(|error| error.to_string())?;
        Ok(fs::read_to_string(folder.path().join("src/lib.rs")).unwrap())
    }

    #[test]
    fn a_patch_is_applied() {
        assert_eq!(
            applied(GOOD, &[]).unwrap(),
            SOURCE.replace("two", "zwei").replace("seven", "sieben")
        );
        assert!(applied(GOOD, &["zwei"]).is_ok());
    }

    #[test]
    fn every_mistake_is_named_with_its_line() {
        for (from, to, expected) in [
            (
                "exposes: Always.",
                "exposes: ",
                "zwei.patch:5: no line `exposes: ...`",
            ),
            ("loses: H-C1\n", "", "zwei.patch:4: no line `loses: ...`"),
            ("--- a/", "--- ", "zwei.patch: no diff in it"),
            (
                "--- a/src/lib.rs",
                "--- a/src/lbi.rs",
                "zwei.patch:5: the solution has no file \"src/lbi.rs\"; did you mean",
            ),
            (
                "-two",
                "-too",
                "zwei.patch:7: the change that begins here does not fit",
            ),
            (
                "-seven",
                "-sevven",
                "zwei.patch:12: the change that begins here does not fit",
            ),
            (
                "@@ -1,3 +1,3 @@",
                "@@ -1,3 +1,9 @@",
                "zwei.patch:5: in the diff that begins here",
            ),
        ] {
            let error = applied(&GOOD.replacen(from, to, 1), &[]).unwrap_err();
            assert!(error.contains(expected), "{from} -> {to}: {error}");
        }
        let error = applied(GOOD, &["zwie"]).unwrap_err();
        assert!(
            error.contains("no wrong solution \"zwie\"") && error.contains("did you mean `zwei`?"),
            "{error}"
        );
        let error = mutants(Path::new("/no/such"), "lab0", &[])
            .unwrap_err()
            .to_string();
        assert!(error.contains("/no/such/solutions/lab0/mutants"), "{error}");
    }
}
