//! The corpus as a class: imported and graded like one, on a machine with something to steal.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use serde_json::Value;

use crate::corpus::{Fixture, NEIGHBOUR_MARK, Place, Verdict, few, others, write_all};

/// Stands in a file that nobody may read.
const CANARY: &str = "CANARY-OF-THIS-MACHINE-58d1";

/// Stands in the environment of the grader.
const TOKEN: &str = "TOKEN-OF-THIS-MACHINE-93b7";

/// Compilers that would never end are stopped after a quarter of this, of a processor: long for any
/// honest submission, short for three that are not.
const BUILD_LIMIT: &str = "60s";

/// A class of fixtures after it was graded.
struct Run {
    fixtures: Vec<Fixture>,
    printed: String,
    /// All files of the results, by name.
    files: BTreeMap<String, String>,
    rows: BTreeMap<String, Value>,
}

/// The few that are graded always.
static FEW: LazyLock<Run> = LazyLock::new(|| Run::of("hostile-few", few()));

/// All others.
static OTHERS: LazyLock<Run> = LazyLock::new(|| Run::of("hostile-others", others()));

/// Runs the grader with a token in its environment.
fn grader(arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_faultline-full"));
    command
        .args(arguments)
        .env("FAULTLINE_TOKEN", TOKEN)
        .env("GITHUB_TOKEN", TOKEN)
        .env("COLUMNS", "100");
    command
        .current_dir(crate::corpus::root())
        .stdin(Stdio::null());
    let output = command.output().expect("the grader runs");
    let said = [output.stdout, output.stderr]
        .map(|bytes| String::from_utf8(bytes).expect("the grader writes UTF-8"));
    (
        output.status.code().expect("the grader exits"),
        said.concat(),
    )
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path: PathBuf = entry.expect("an entry").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path
                .strip_prefix(root)
                .expect("it is below")
                .to_str()
                .expect("a plain path")
                .to_owned();
            files.insert(name, fs::read_to_string(&path).expect("every file is text"));
        }
    }
}

impl Run {
    /// Imports and grades these as a class.
    fn of(name: &str, fixtures: Vec<Fixture>) -> Run {
        // What is in a static is never dropped, so it lies where cargo keeps such things.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("it is of an older run");
        }
        let class = folder.join("class");
        fs::create_dir_all(&class).expect("a new folder");
        let canary = folder.join("canary.txt");
        fs::write(&canary, CANARY).expect("a new file");
        let fixtures = write_all(fixtures, &class, &canary);
        let (batch, out) = (folder.join("batch.toml"), folder.join("results"));
        let text = |path: &Path| path.to_str().expect("a plain path").to_owned();
        let (code, imported) = grader(&[
            "import",
            &text(&class),
            "--out",
            &text(&batch),
            "--now",
            "2026-03-02T00:00:00Z",
        ]);
        assert_eq!(code, 0, "{imported}");
        let (code, mut printed) = grader(&[
            "batch",
            "lab0",
            &text(&batch),
            "--hidden",
            "--out",
            &text(&out),
            "--build-limit",
            BUILD_LIMIT,
        ]);
        assert_eq!(code, 5, "some are rejected: {printed}");
        printed += &imported;
        let mut files = BTreeMap::new();
        collect(&out, &out, &mut files);
        let scores: Value = serde_json::from_str(&files["scores.json"]).expect("JSON");
        let of = |row: &Value| {
            (
                row["submission"].as_str().expect("an id").to_owned(),
                row.clone(),
            )
        };
        let rows = scores["rows"]
            .as_array()
            .expect("a list")
            .iter()
            .map(of)
            .collect();
        Run {
            fixtures,
            printed,
            files,
            rows,
        }
    }

    fn row(&self, fixture: &Fixture) -> &Value {
        self.rows
            .get(id(fixture))
            .unwrap_or_else(|| panic!("{} has no row", fixture.name))
    }

    /// What belongs to a fixture: the files of its folders.
    fn files_of<'a>(
        &'a self,
        fixture: &'a Fixture,
    ) -> impl Iterator<Item = (&'a String, &'a String)> {
        let folders = ["staff", "students"].map(|folder| format!("{folder}/{}/", id(fixture)));
        self.files
            .iter()
            .filter(move |(name, _)| folders.iter().any(|folder| name.starts_with(folder)))
    }
}

/// What the results of a fixture are called: what it was handed in as.
fn id(fixture: &Fixture) -> &str {
    fixture
        .submission
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a plain name")
}

/// Whether a file is what was handed in itself, kept beside the result for whoever replays it: it
/// says what its author wrote.
fn is_source(name: &str) -> bool {
    name.starts_with("staff/") && name.split('/').nth(2) == Some("source")
}

/// The place of a file, by its ending.
fn place_of(name: &str) -> Option<Place> {
    let ends = [
        ("json", Place::Json),
        ("html", Place::Page),
        ("md", Place::Markdown),
        ("csv", Place::Table),
    ];
    ends.into_iter()
        .find(|(end, _)| name.rsplit('.').next() == Some(*end))
        .map(|(_, place)| place)
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn each_has_the_verdict_and_the_points_that_it_deserves(run: &Run) {
    let mut wrong = String::new();
    for fixture in &run.fixtures {
        let row = run.row(fixture);
        let expected = match fixture.verdict {
            Verdict::Graded => "graded",
            Verdict::DoesNotBuild => "does-not-build",
            Verdict::Rejected => "rejected",
            Verdict::NotScored => "not-scored",
        };
        let earned = row["score"]["earned"].as_u64().expect("a number");
        let range = u64::from(fixture.points_at_least)..=u64::from(fixture.points_at_most);
        if row["status"] != expected || !range.contains(&earned) {
            let (status, remarks) = (&row["status"], &row["remarks"]);
            let _ = writeln!(
                wrong,
                "{}: {status} {earned}, expected {expected} {range:?}: {remarks}",
                fixture.name
            );
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn each_result_says_what_a_human_needs_to_know(run: &Run) {
    let mut wrong = String::new();
    for fixture in &run.fixtures {
        let result = run
            .files
            .get(&format!("staff/{}/result.json", id(fixture)))
            .expect("each has a result");
        let result: Value = serde_json::from_str(result).expect("JSON");
        let mut said = String::new();
        texts(&result, &mut said);
        // Invisible characters are made visible on the page.
        said += &run.files[&format!("staff/{}/report.html", id(fixture))];
        let said = flat(&said);
        for text in fixture
            .says
            .iter()
            .filter(|text| !said.contains(&flat(text)))
        {
            let _ = writeln!(wrong, "{}: {text:?} is not said", fixture.name);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// All texts of a document.
fn texts(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => *out += &format!("{text}\n"),
        Value::Array(values) => values.iter().for_each(|value| texts(value, out)),
        Value::Object(fields) => fields.values().for_each(|value| texts(value, out)),
        _ => {}
    }
}

fn nobody_reads_the_machine_or_a_neighbour(run: &Run) {
    let hidden =
        fs::read_to_string(crate::corpus::root().join("grader/suites/lab0/hidden/src/lib.rs"))
            .expect("it is there");
    let hidden = hidden
        .lines()
        .find(|line| line.contains("fn "))
        .expect("a line of its code");
    for (name, text) in run
        .files
        .iter()
        .chain([(&"terminal".to_owned(), &run.printed)])
        .filter(|(name, _)| !is_source(name))
    {
        for secret in [CANARY, TOKEN, NEIGHBOUR_MARK, hidden] {
            assert!(!text.contains(secret), "{name} has {secret:?}");
        }
    }
}

fn nothing_gets_through_to_who_reads_the_results(run: &Run) {
    let mut wrong = String::new();
    for fixture in &run.fixtures {
        let common = ["scores.csv", "scores.json", "summary.md", "index.html"]
            .map(|name| run.files.get_key_value(name));
        let terminal = ("terminal".to_owned(), run.printed.clone());
        let files = run
            .files_of(fixture)
            .chain(common.into_iter().flatten())
            .chain([(&terminal.0, &terminal.1)])
            .filter(|(name, _)| !is_source(name));
        for (name, text) in files {
            let place = if name == "terminal" {
                Some(Place::Terminal)
            } else {
                place_of(name)
            };
            let of_place = place
                .and_then(|place| fixture.never_in.get(&place))
                .into_iter()
                .flatten();
            for banned in fixture
                .never
                .iter()
                .chain(of_place)
                .filter(|banned| text.contains(banned.as_str()))
            {
                let _ = writeln!(wrong, "{}: {name} has {banned:?}", fixture.name);
            }
            let begins = |banned: &&String| {
                text.lines()
                    .any(|line| line.trim_start().starts_with(banned.as_str()))
            };
            let printed = matches!(
                place,
                Some(Place::Terminal | Place::Markdown | Place::Table)
            );
            for banned in fixture
                .never_begins
                .iter()
                .filter(|banned| printed && begins(banned))
            {
                let _ = writeln!(
                    wrong,
                    "{}: a line of {name} begins with {banned:?}",
                    fixture.name
                );
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn nothing_is_left_behind(run: &Run) {
    let ids: BTreeSet<&str> = run.fixtures.iter().map(id).collect();
    assert_eq!(run.rows.len(), ids.len());
    for (name, text) in &run.files {
        let mut parts = name.split('/');
        let known = match (parts.next(), parts.next()) {
            (Some("staff" | "students"), Some(id)) => ids.contains(id),
            (_, below) => below.is_none(),
        };
        assert!(known, "{name} is nobody's");
        // Traces are the longest, and of a storm none is kept.
        assert!(text.len() <= 8 << 20, "{name} has {} bytes", text.len());
    }
    assert!(
        run.printed.len() < 100_000,
        "{} bytes on the terminal",
        run.printed.len()
    );
}

/// A test for each check of the few, and one for each of all others.
macro_rules! of_both_classes {
    ($($check:ident)*) => {
        mod few_of_each_sort {
            $(#[test] fn $check() { super::$check(&super::FEW); })*
        }

        mod all_others {
            $(#[test] #[ignore = "takes minutes"] fn $check() { super::$check(&super::OTHERS); })*
        }
    };
}

of_both_classes! {
    each_has_the_verdict_and_the_points_that_it_deserves
    each_result_says_what_a_human_needs_to_know
    nobody_reads_the_machine_or_a_neighbour
    nothing_gets_through_to_who_reads_the_results
    nothing_is_left_behind
}
