//! What students get, as `.github/students-release` makes it: all that they need and no more, no
//! hidden test, and nothing that answers a lab.

mod crates;
mod lines;
mod release;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the project is above")
        .to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What students get of this project. It is made once, since cargo looks at its lock.
fn release() -> &'static Path {
    static MADE: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("students");
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("it is an earlier one");
        }
        let output = make(&root(), &folder);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        folder
    });
    &MADE
}

/// Makes what students get of a project.
fn make(project: &Path, to: &Path) -> Output {
    let mut command = Command::new("sh");
    command
        .arg(project.join(".github/students-release"))
        .arg(to);
    command.output().expect("sh is there")
}

/// All files in a folder, by their paths in it, in order.
fn files(folder: &Path) -> Vec<String> {
    fn visit(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true if path.ends_with("node_modules") => {}
                true => visit(&path, found),
                false => found.push(path),
            }
        }
    }
    let mut found = Vec::new();
    visit(folder, &mut found);
    let inside = |path: PathBuf| {
        let inside = path.strip_prefix(folder).expect("it is in the folder");
        inside.to_str().expect("a plain name").replace('\\', "/")
    };
    let mut inside: Vec<String> = found.into_iter().map(inside).collect();
    inside.sort();
    inside
}

/// Writes a file, and the folders above it.
fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a file stands in a folder")).expect("a new folder");
    fs::write(path, text).expect("a new file");
}
