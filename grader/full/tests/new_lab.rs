//! `cargo grade new-lab`: what it writes is whole and right, or nothing is written.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::AtomicBool,
};

use faultline_grade::{Building, Course, Request, Seeds, Selection, grade};
use faultline_newlab::{NewLab, Source, write_outside};
use faultline_origin::Origin;
use faultline_verdict::{Audience, Outcome};
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the project is above")
        .to_owned()
}

/// What came of a command.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn ran(command: &mut Command) -> Ran {
    let output = command
        .env("COLUMNS", "100")
        .stdin(Stdio::null())
        .output()
        .expect("the grader runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the grader writes UTF-8");
    Ran {
        code: output.status.code().expect("the grader exits"),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// Runs cargo as somebody does who has never heard of the cargo that runs this test; its messages.
fn cargo(workspace: &Path, arguments: &[&str]) -> String {
    let mut cargo = Command::new("cargo");
    for (name, _) in std::env::vars_os() {
        let steers = name.to_string_lossy().starts_with("CARGO") && name != "CARGO_HOME";
        if steers || name == "RUSTUP_TOOLCHAIN" {
            cargo.env_remove(name);
        }
    }
    let output = cargo.args(arguments).current_dir(workspace).output();
    let output = output.expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

/// Runs this project's grader as cargo would in the project of which this is the registry.
fn cargo_grade(registry: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_faultline-full"));
    ran(command.args(arguments).env("CARGO_MANIFEST_DIR", registry))
}

/// All files below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("it is below").to_owned();
                all.insert(name, fs::read_to_string(path).expect("a text"));
            }
        }
    }
    all
}

/// As much of a project as a new lab looks at.
fn small_project() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for file in [
        "Cargo.lock",
        "README.md",
        "grader/course/Cargo.toml",
        "grader/course/src/lib.rs",
    ] {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a new folder");
        fs::copy(root().join(file), path).expect("the project has it");
    }
    fs::write(folder.path().join("faultline.toml"), "").expect("a new file");
    folder
}

#[test]
fn a_lab_touches_four_lines_outside_of_its_own_folders() {
    let folder = small_project();
    let package = folder.path().join("grader/course");
    let before = files(folder.path());
    let ran = cargo_grade(&package, &["new-lab", "two-words"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let mut after = files(folder.path());
    let mut added = 0;
    for (path, text) in &before {
        let now = after.remove(path).expect("nothing is removed");
        let (old, new): (Vec<&str>, Vec<&str>) = (text.lines().collect(), now.lines().collect());
        let kept = new.iter().filter(|line| old.contains(line)).count();
        assert_eq!(kept, old.len(), "{}", path.display());
        added += new.len() - old.len();
    }
    assert_eq!(added, 4);
    assert_eq!(ran.out.matches("\n  line ").count(), 4, "{}", ran.out);
    assert!(!after.is_empty());
    for (path, text) in &after {
        let path = path.to_string_lossy().replace('\\', "/");
        assert!(
            path.contains("two-words"),
            "{path} is in a folder of the lab"
        );
        assert!(!text.contains("tally"), "{path}");
    }
    let again = cargo_grade(&package, &["new-lab", "two-words"]);
    assert_eq!(again.code, 2, "{}", again.out);
    assert!(
        again.err.contains("labs/two-words is there already"),
        "{}",
        again.err
    );
}

#[test]
fn nothing_is_written_if_something_is_in_the_way() {
    let folder = small_project();
    let package = folder.path().join("grader/course");
    let made = |name: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(&path).expect("a new folder");
        path
    };
    let before = files(folder.path());
    let refused = |arguments: &[&str], why: &str| {
        let arguments: Vec<&str> = ["new-lab"].iter().chain(arguments).copied().collect();
        let ran = cargo_grade(&package, &arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.out);
        assert!(ran.err.contains(why), "{arguments:?}: {}", ran.err);
        assert_eq!(files(folder.path()), before, "{arguments:?}");
    };
    refused(&["Demo"], "lower-case letters");
    refused(&["fn"], "taken by Rust");
    refused(&["mutants"], "is a command");
    refused(&["lab0"], "a package lab0 already");
    refused(&["demo", "--title", "a\nb"], "plain text");
    let taken = made("solutions/demo-variant");
    refused(&["demo"], "solutions/demo-variant is there already");
    fs::remove_dir(taken).expect("it is empty");
    let outside = made("outside");
    let outside = outside.to_str().expect("a plain name");
    refused(&["demo", "--outside", outside], "is there already");
    // This project is none that could be depended on.
    let new = folder.path().join("new");
    let new = new.to_str().expect("a plain name");
    refused(&["demo", "--outside", new], "no checkout of Faultline");
    let readme = folder.path().join("README.md");
    fs::write(&readme, "no table").expect("it can be written");
    let ran = cargo_grade(&package, &["new-lab", "demo"]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(
        ran.err.contains("README.md: expected a table"),
        "{}",
        ran.err
    );
    assert!(!folder.path().join("rubrics").exists());
}

/// Points of a submission to a lab in a workspace of its own, without a build of its grader: the
/// tests are those that new ones are copies of.
fn points(course: &Course, submission: &str) -> (u32, u32) {
    let request = Request {
        lab: "tally".to_owned(),
        submission: Some(course.root.join(submission)),
        tests: Selection {
            filters: Vec::new(),
            hidden: true,
        },
        seeds: Seeds::Rubric,
        salt: None,
        threads: None,
        traces: None,
        building: Building::default(),
        shrink: true,
        audience: Audience::Staff,
    };
    let grade = grade(course, &request, &mut |_| (), &AtomicBool::new(false));
    let grade = grade.expect("it is graded");
    assert_eq!(grade.outcome, Outcome::Graded, "{:?}", grade.build_error);
    (grade.score.earned, grade.score.possible)
}

/// The libraries in a folder whose names begin like this.
fn files_of(folder: &Path, begin: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let names = names.map(|name| name.into_string().expect("a plain name"));
    names
        .filter(|name| name.starts_with(begin) && name.ends_with(".rlib"))
        .map(|name| folder.join(name))
        .collect()
}

#[test]
fn a_lab_in_a_workspace_of_its_own_is_graded() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = folder.path().join("ours");
    let lab = NewLab::new("tally", None, "", &[]).expect("a name");
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("the project has it");
    write_outside(&lab, &place, &Source::Path(root()), &lock).expect("it is written");
    // As the first `cargo grade` there does, which is not run here: the lock gets the new packages.
    cargo(&place, &["update", "--quiet", "--workspace", "--offline"]);
    let course = Course {
        origin: Origin::of(&place).expect("it can be read"),
        suites: vec![tally_suite::suite().with_hidden(tally_hidden::tests())],
        root: place,
    };
    for (submission, earned) in [
        ("solutions/tally", 100),
        ("solutions/tally-variant", 100),
        ("starter/tally", 0),
    ] {
        assert_eq!(points(&course, submission), (earned, 100), "{submission}");
    }
    // Faultline lies outside of that project, and where it lies on this machine is in no module.
    let compiled = course
        .root
        .join("target/faultline/wasm32-wasip1/guest/deps");
    let labkit = files_of(&compiled, "liblabkit-");
    assert!(!labkit.is_empty());
    for library in labkit {
        let bytes = fs::read(library).expect("a library");
        let has = |text: &str| {
            bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        assert!(has("faultline/labkit/src") && !has(root().to_str().expect("a plain name")));
    }
    // All that the template has, each with the promises of its header.
    let patches = fs::read_dir(root().join("grader/newlab/template/solutions/tally/mutants"));
    let patches = patches.expect("the template has it").count() as u64;
    assert!(patches > 0);
    let tried = faultline_selfcheck::run(course, "tally::wrong::");
    assert_eq!((tried.num_passed, tried.num_failed), (patches, 0));
}

/// A workspace with the lab `demo`, and its own grader.
struct Outside {
    folder: TempDir,
    grader: PathBuf,
}

impl Outside {
    /// Its dependencies are built where this test was, so those that come from a registry are built
    /// already.
    fn build() -> Outside {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = folder.path().join("labs of mine");
        let registry = root().join("grader/course");
        let shown = place.to_str().expect("a plain name");
        let ran = cargo_grade(&registry, &["new-lab", "demo", "--outside", shown]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let here = Path::new(env!("CARGO_BIN_EXE_faultline-full"));
        let profile = here.parent().expect("a program lies in a folder");
        let target = profile.parent().expect("a profile is of a target folder");
        let shown = target.to_str().expect("a plain name");
        // Both programs: what only course staff ask for must compile, too.
        let build = ["build", "--quiet", "--offline", "--target-dir", shown];
        let packages = ["--package", "course", "--package", "course-full"];
        let said = cargo(&place, &[&build[..], &packages].concat());
        assert_eq!(said, "");
        // Whoever builds the next one builds over it.
        let grader = folder
            .path()
            .join(format!("course{}", std::env::consts::EXE_SUFFIX));
        let built = profile.join(format!("course{}", std::env::consts::EXE_SUFFIX));
        fs::copy(built, &grader).expect("cargo has built it");
        Outside { folder, grader }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("labs of mine")
    }

    /// Runs its grader as a program, from some folder of the workspace.
    fn grade(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(&self.grader);
        ran(command
            .args(arguments)
            .env_remove("CARGO_MANIFEST_DIR")
            .current_dir(self.root().join("labs/demo")))
    }
}

/// It builds all of the grader but for the dependencies once more, which is minutes: `.ci/long
/// new-lab`.
#[test]
#[ignore = "takes minutes"]
fn a_lab_in_a_workspace_of_its_own_is_built_and_graded() {
    let outside = Outside::build();
    let root = outside.root();
    let sources = files(&root)
        .into_keys()
        .filter(|path| path.ends_with("lib.rs"));
    let formatted = Command::new("rustfmt")
        .args(["--check", "--edition", "2024"])
        .args(sources)
        .current_dir(&root)
        .output()
        .expect("rustfmt runs");
    let said = String::from_utf8_lossy(&formatted.stdout);
    assert!(
        formatted.status.success(),
        "what is written is laid out: {said}"
    );
    for solution in ["demo", "demo-variant"] {
        let path = root.join("solutions").join(solution);
        let path = path.to_str().expect("a plain name");
        let ran = outside.grade(&["demo", "--hidden", "--path", path]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        assert!(ran.out.contains("100/100"), "{}", ran.out);
    }
    let ran = outside.grade(&["demo", "--hidden"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains(" 0/100"), "{}", ran.out);
    let ran = outside.grade(&["mutants", "demo", "counts-a-retry-twice"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    the_workspace_checks_itself(&root);
    // What the grader was built from must lie there.
    let api = root.join("labs/demo/src/lib.rs");
    let text = fs::read_to_string(&api).expect("the lab has it");
    fs::write(&api, text + "// changed\n").expect("it can be written");
    let ran = outside.grade(&["demo"]);
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("the sources of demo"), "{}", ran.err);
}

/// Green as it was written; red with a file less, which is named.
fn the_workspace_checks_itself(root: &Path) {
    let here = Path::new(env!("CARGO_BIN_EXE_faultline-full"));
    let target = here.ancestors().nth(2).expect("a target folder");
    let target = target.to_str().expect("a plain name");
    let mut check = Command::new("cargo");
    check
        .args(["test", "--quiet", "--offline", "--package", "course"])
        .args(["--test", "course", "--target-dir", target])
        .args(["--", "--include-ignored"])
        .env_remove("CARGO_MANIFEST_DIR")
        .env_remove("RUSTUP_TOOLCHAIN")
        .current_dir(root);
    let green = ran(&mut check);
    assert_eq!(green.code, 0, "{}{}", green.out, green.err);
    fs::remove_file(root.join("solutions/demo/STAFF.md")).expect("it is there");
    let red = ran(&mut check);
    assert_ne!(red.code, 0, "{}", red.out);
    assert!(red.out.contains("STAFF.md"), "{}", red.out);
}
