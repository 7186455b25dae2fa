//! Wrong solutions: patches against the reference, with a header that says what they are.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use libtest_mimic::Failed;
use tempfile::TempDir;

/// A wrong solution.
pub struct Mutant {
    pub name: String,
    /// Tests that it passes all the same: it is wrong in one point, not broken.
    pub passes: Vec<String>,
    /// Tests that must catch it.
    pub loses: Vec<String>,
    solution: PathBuf,
    /// Per file of the solution, a unified diff.
    patches: BTreeMap<String, String>,
}

/// The wrong solutions beside a reference, by name.
pub fn all(solution: &Path) -> Vec<Mutant> {
    let folder = solution.join("mutants");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "patch"));
    paths.sort();
    paths.iter().map(|path| read(solution, path)).collect()
}

fn read(solution: &Path, path: &Path) -> Mutant {
    let text = fs::read_to_string(path).expect("a patch is text");
    let (header, _) = text.split_once("\n--- ").unwrap_or_else(|| panic!("{}: no diff in it", path.display()));
    let field = |name: &str| -> String {
        let line = header.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("{}: no line `{name}: ...` in front of the diff", path.display())).to_owned()
    };
    let list = |name: &str| field(name).split(',').map(|test| test.trim().to_owned()).collect();
    assert!(!field("about").is_empty() && !field("exposes").is_empty());
    let mut patches: BTreeMap<String, String> = BTreeMap::new();
    let mut current = None;
    for line in text.lines() {
        if let Some(file) = line.strip_prefix("--- a/") {
            current = Some(file.to_owned());
        }
        if let Some(file) = &current {
            let patch = patches.entry(file.clone()).or_default();
            patch.push_str(line);
            patch.push('\n');
        }
    }
    let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
    Mutant { name, passes: list("passes"), loses: list("loses"), solution: solution.to_owned(), patches }
}

impl Mutant {
    /// The reference with the patch, in a folder of its own.
    pub fn apply(&self) -> Result<TempDir, Failed> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let say = |what: &dyn std::fmt::Display| Failed::from(format!("{}: {what}", self.name));
        let copy = |name: &str, patch: Option<&String>| -> Result<(), Failed> {
            let text = fs::read_to_string(self.solution.join(name)).map_err(|error| say(&error))?;
            let text = match patch {
                Some(patch) => {
                    let patch = diffy::Patch::from_str(patch).map_err(|error| say(&error))?;
                    diffy::apply(&text, &patch).map_err(|error| say(&error))?
                }
                None => text,
            };
            let target = folder.path().join(name);
            fs::create_dir_all(target.parent().expect("a folder")).map_err(|error| say(&error))?;
            fs::write(target, text).map_err(|error| say(&error))
        };
        copy("Cargo.toml", None)?;
        for entry in fs::read_dir(self.solution.join("src")).map_err(|error| say(&error))? {
            let file = entry.map_err(|error| say(&error))?.file_name();
            let name = format!("src/{}", file.to_string_lossy());
            copy(&name, self.patches.get(&name))?;
        }
        Ok(folder)
    }
}
