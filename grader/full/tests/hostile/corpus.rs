//! The hostile corpus, `grader/fixtures/hostile`: submissions that spy, harm, forge or cheat, each
//! with the verdict that it deserves. Its README says how a fixture is written.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::make::{Make, Places};

/// The fixture whose sources others try to read. It is honest.
pub const NEIGHBOUR: &str = "honest-words";

/// Stands in the neighbour's sources and nowhere else: whoever shows it has read them.
pub const NEIGHBOUR_MARK: &str = "NEIGHBOUR-MARK-7c1e94";

/// What a fixture attacks.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Whoever reads the submission's folder or archive.
    Tree,
    /// The compiler, or what it can reach.
    CompileTime,
    /// The sandbox of a node.
    RunTime,
    /// The verdict, by what a node says to the grader.
    Forging,
    /// The tests, by seeming to be a distributed program.
    Cheating,
    /// Whoever reads the reports, and their programs.
    Reports,
}

impl Kind {
    /// Every kind, in the order of the table.
    pub const ALL: [Kind; 6] = [
        Kind::Tree,
        Kind::CompileTime,
        Kind::RunTime,
        Kind::Forging,
        Kind::Cheating,
        Kind::Reports,
    ];

    /// Its title in the table.
    pub fn title(self) -> &'static str {
        match self {
            Kind::Tree => "The tree",
            Kind::CompileTime => "Compile time",
            Kind::RunTime => "Run time",
            Kind::Forging => "Forged verdicts",
            Kind::Cheating => "Cheating",
            Kind::Reports => "Reports",
        }
    }
}

/// What must come of a submission.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is run, and has the points that it deserves.
    Graded,
    /// The compiler or the lab's contract refuses it: 0 points.
    DoesNotBuild,
    /// It is not compiled, or its build is not believed, until a human has looked at it. No score.
    Rejected,
    /// The machine's limits ended its build. No score.
    NotScored,
}

/// Where something must not stand that may stand elsewhere. In JSON, for one, markup is only text.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// What the grader prints.
    Terminal,
    /// JSON results and traces.
    Json,
    /// Pages (`*.html`).
    Page,
    /// Summaries (`*.md`).
    Markdown,
    /// Tables (`*.csv`).
    Table,
}

/// A submission and what must come of it: the fields of `expected.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    /// The name of its folder.
    #[serde(skip)]
    pub name: String,
    /// The folder, or the zip file, that [`write_all`] has made.
    #[serde(skip)]
    pub submission: PathBuf,
    /// What it tries, in a sentence.
    pub about: String,
    /// What it attacks.
    pub kind: Kind,
    /// The lab whose reference solution it is a change of.
    pub base: String,
    /// What must come of it.
    pub verdict: Verdict,
    /// The most of the lab's 100 points (hidden tests included) that it may have.
    #[serde(default)]
    pub points_at_most: u32,
    /// The least: what it does not harm must not suffer.
    #[serde(default)]
    pub points_at_least: u32,
    /// Texts that the result has in it; any white space is as good as any other.
    #[serde(default)]
    pub says: Vec<String>,
    /// Texts that stand in no file and in no output, besides the canary, the environment's token
    /// and [`NEIGHBOUR_MARK`].
    #[serde(default)]
    pub never: Vec<String>,
    /// Texts that do not stand in outputs of one sort.
    #[serde(default)]
    pub never_in: BTreeMap<Place, Vec<String>>,
    /// Texts that no printed line begins with, behind white space.
    #[serde(default)]
    pub never_begins: Vec<String>,
    /// What cannot be checked in, in the order in which it is made.
    #[serde(default)]
    pub make: Vec<Make>,
}

/// The project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the project is above")
        .to_owned()
}

/// The folder of the corpus.
pub fn folder() -> PathBuf {
    root().join("grader/fixtures/hostile")
}

/// Reads all fixtures, by name.
pub fn read_all() -> Vec<Fixture> {
    let entries = fs::read_dir(folder()).expect("the corpus is there");
    let mut folders: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    folders.iter().map(|folder| read(folder)).collect()
}

fn read(folder: &Path) -> Fixture {
    let file = folder.join("expected.toml");
    let text =
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut fixture: Fixture =
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    fixture.name = folder
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a plain name")
        .to_owned();
    fixture
}

/// Those that every `cargo test` grades: of each kind the first with each verdict, but for those
/// that only a limit of the machine ends.
pub fn few() -> Vec<Fixture> {
    let mut seen = Vec::new();
    let mut fixtures = read_all();
    fixtures.retain(|fixture| {
        let sort = (fixture.kind, fixture.verdict);
        let first = fixture.verdict != Verdict::NotScored && !seen.contains(&sort);
        if first {
            seen.push(sort);
        }
        first
    });
    fixtures
}

/// All others, and the one whose sources they try to read.
pub fn others() -> Vec<Fixture> {
    let few: Vec<String> = few().into_iter().map(|fixture| fixture.name).collect();
    let mut fixtures = read_all();
    fixtures.retain(|fixture| !few.contains(&fixture.name) || fixture.name == NEIGHBOUR);
    fixtures
}

/// Writes these fixtures as submissions below `into`: each a folder of its name, or a zip file.
/// `canary` is a file that none of them may read.
pub fn write_all(mut fixtures: Vec<Fixture>, into: &Path, canary: &Path) -> Vec<Fixture> {
    for fixture in &mut fixtures {
        let places = Places {
            canary: canary.to_owned(),
            neighbour: into.join(NEIGHBOUR).join("src/lib.rs"),
            hidden: root()
                .join("grader/suites")
                .join(&fixture.base)
                .join("hidden/src/lib.rs"),
        };
        let submission = into.join(&fixture.name);
        let base = root().join("solutions").join(&fixture.base);
        fs::create_dir_all(&submission).expect("a new folder");
        fs::copy(base.join("Cargo.toml"), submission.join("Cargo.toml"))
            .expect("the base has a manifest");
        overlay(&base.join("src"), &submission.join("src"), None);
        let files = folder().join(&fixture.name).join("files");
        if files.is_dir() {
            overlay(&files, &submission, Some(&places));
        }
        fixture.submission = submission;
        for make in &fixture.make {
            let made = make.carry_out(&fixture.submission, &places);
            let made = made.unwrap_or_else(|error| panic!("{}: {make:?}: {error}", fixture.name));
            fixture.submission = made.unwrap_or_else(|| fixture.submission.clone());
        }
    }
    fixtures
}

/// Copies what is below `from` to `to`, with the places filled in if there are any.
fn overlay(from: &Path, to: &Path, places: Option<&Places>) {
    fs::create_dir_all(to).expect("a new folder");
    for entry in fs::read_dir(from).expect("a folder of the project") {
        let entry = entry.expect("an entry");
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            overlay(&path, &target, places);
            continue;
        }
        let text =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let text = places.map_or_else(|| text.clone(), |places| places.fill(&text));
        fs::write(&target, text).expect("a new file");
    }
}
