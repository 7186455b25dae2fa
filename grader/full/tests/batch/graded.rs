//! A class, imported and graded once, and what its results are compared with.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    class::{self, Sort},
    support::{Ran, cargo_grade, root},
};

/// This number of students have all sorts of submissions.
const SIZE: usize = 11;

/// A class, imported and graded once, undisturbed.
pub struct Graded {
    pub folder: PathBuf,
    pub students: Vec<(String, Sort)>,
    pub ran: Ran,
    pub took: Duration,
    pub files: BTreeMap<String, Vec<u8>>,
}

pub static GRADED: LazyLock<Graded> = LazyLock::new(|| {
    // What is in a static is never dropped, so it lies where cargo keeps such things.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("batch");
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("it is of an older run");
    }
    let class = class::make(&root(), "lab0", SIZE, &folder);
    let (into, batch) = (text(&class.folder), folder.join("batch.toml"));
    let roster = folder.join("classroom_roster.csv");
    let imported = cargo_grade(&[
        "import",
        &into,
        "--roster",
        &text(&roster),
        "--deadline",
        class::DEADLINE,
        "--extensions",
        &text(&folder.join("extensions.csv")),
        "--now",
        "2026-03-02T00:00:00Z",
        "--out",
        &text(&batch),
    ]);
    assert_eq!(imported.code, 0, "{}{}", imported.out, imported.err);
    let began = Instant::now();
    let out = folder.join("whole");
    let ran = cargo_grade(
        &batch_arguments(&batch, &out)
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    );
    let took = began.elapsed();
    let files = files_of(&out);
    Graded {
        students: class.students,
        folder,
        ran,
        took,
        files,
    }
});

impl Graded {
    pub fn batch(&self) -> PathBuf {
        self.folder.join("batch.toml")
    }

    pub fn out(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A folder for results in which the check of the machine is done already, as it would be after
    /// a kill.
    pub fn begun<'a>(&self, out: &'a str) -> &'a str {
        fs::create_dir_all(self.out(out)).expect("a new folder");
        fs::write(
            self.out(out).join("preflight.json"),
            &self.files["preflight.json"],
        )
        .expect("a new file");
        out
    }

    pub fn run(&self, out: &str, more: &[&str]) -> Ran {
        let arguments = batch_arguments(&self.batch(), &self.out(out));
        cargo_grade(
            &arguments
                .iter()
                .map(String::as_str)
                .chain(more.iter().copied())
                .collect::<Vec<_>>(),
        )
    }

    pub fn rows(&self) -> Vec<Value> {
        let scores: Value = serde_json::from_slice(&self.files["scores.json"]).expect("JSON");
        scores["rows"].as_array().expect("a list").clone()
    }
}

pub fn batch_arguments(batch: &Path, out: &Path) -> Vec<String> {
    // To shrink failures takes as long as all the rest.
    let options = ["--hidden", "--no-shrink", "--out"].map(str::to_owned);
    ["batch".into(), "lab0".into(), text(batch)]
        .into_iter()
        .chain(options)
        .chain([text(out)])
        .collect()
}

pub fn text(path: &Path) -> String {
    path.to_str().expect("a plain path").to_owned()
}

/// All files below a folder, by their names.
pub fn files_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let name = text(path.strip_prefix(folder).expect("it is below"));
                    files.insert(name, fs::read(&path).expect("a file"));
                }
            }
        }
    }
    files
}

pub fn assert_same(
    files: &BTreeMap<String, Vec<u8>>,
    expected: &BTreeMap<String, Vec<u8>>,
    what: &str,
) {
    let names: Vec<&String> = files.keys().collect();
    assert_eq!(names, expected.keys().collect::<Vec<_>>(), "{what}");
    for (name, bytes) in files {
        assert!(*bytes == expected[name], "{what}: {name} differs");
    }
}
