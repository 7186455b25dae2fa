//! What is in a release, and what the script refuses.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use faultline_grade::{Course, Rubric, derive_starter, rubric};

use super::{files, make, read, release, root, write};

/// A copy of the project, without its solutions: what students get is made of the rest.
struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new() -> Project {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let project = Project { folder };
        for part in [".cargo", ".github", "grader", "labs", "rubrics", "starter"] {
            for file in files(&root().join(part)) {
                project.copy(&format!("{part}/{file}"));
            }
        }
        for file in [
            ".gitattributes",
            ".gitignore",
            "Cargo.toml",
            "Cargo.lock",
            "LICENSE",
        ] {
            project.copy(file);
        }
        project.copy("SPEC.md");
        project.copy("rust-toolchain.toml");
        project
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join("project").join(file)
    }

    fn made(&self) -> PathBuf {
        self.folder.path().join("made")
    }

    fn copy(&self, file: &str) {
        let to = self.path(file);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a new folder");
        fs::copy(root().join(file), to).expect("a copy");
    }

    /// The script must refuse, say this and leave nothing.
    fn refuses(&self, expected: &str) {
        let output = make(&self.path(""), &self.made());
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(expected), "{told}");
        let left = fs::read_dir(self.folder.path()).expect("the folder is there");
        assert_eq!(left.count(), 1, "only the project");
    }

    fn refuses_after(file: &str, text: &str, expected: &str) {
        let project = Project::new();
        let path = project.path("grader/suites").join(file);
        fs::write(&path, read(&path) + text).expect("a file");
        project.refuses(expected);
    }
}

fn labs() -> Vec<&'static str> {
    faultline::suites().iter().map(|suite| suite.lab).collect()
}

/// Whatever the list does not name stays here, wherever it lies.
#[test]
fn only_what_is_named_goes_to_students() {
    let project = Project::new();
    for file in [
        "grader/new/Cargo.toml",
        "grader/new/src/lib.rs",
        "grader/sim/benches/fast.rs",
        "grader/sim/examples/whole.rs",
        "grader/sim/src/notes.md",
        "grader/sim/src/.lib.rs",
        "grader/sim/tests/answer.rs",
        "grader/suites/lab2/answers.md",
        "grader/suites/lab2/hidden/notes.md",
        "grader/suites/lab2/hidden/src/more.rs",
        "labs/lab2-primary-backup/.idea/src/answer.rs",
        "labs/lab2-primary-backup/notes.txt",
        "labs/lab2-primary-backup/tests/answer.rs",
        "starter/lab2/answer/src/lib.patch",
        "starter/lab2-mine/Cargo.toml",
        "starter/lab2-mine/src/lib.rs",
    ] {
        write(&project.path(file), "// an answer\n");
    }
    let output = make(&project.path(""), &project.made());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert_eq!(files(&project.made()), files(release()));
    for file in files(release()) {
        let at = |folder: &&str| file.split('/').any(|part| part == *folder);
        let ours = [
            "tests",
            "fixtures",
            "examples",
            "benches",
            "docs",
            "solutions",
            "mutants",
            ".ci",
        ];
        assert!(!ours.iter().any(at), "{file}");
    }
    let workflows = files(&release().join(".github/workflows"));
    assert_eq!(workflows, ["grade.yml"]);
    // A folder that is there is somebody's.
    let again = make(&project.path(""), &project.made());
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is there already"));
}

/// What is compiled in need not be a source: it is there all the same.
#[test]
fn whatever_a_source_includes_is_there() {
    let mut included = 0;
    for file in files(release()).iter().filter(|file| file.ends_with(".rs")) {
        let text = read(&release().join(file));
        let code = text.split("#[cfg(test)]").next().expect("the first part");
        for call in code.split("include_str!(\"").skip(1) {
            let (name, _) = call.split_once('"').expect("a text ends");
            let target = release().join(file).parent().expect("a folder").join(name);
            // Doc comments speak of it, too.
            let spoken = name.starts_with('/') || name == "x";
            assert!(spoken || target.is_file(), "{file} includes {name}");
            included += usize::from(!spoken);
        }
    }
    assert!(included > 0, "otherwise this could not fail");
}

/// The starters, file by file.
#[test]
fn students_get_the_starters_as_they_are_derived() {
    let mut expected = BTreeSet::new();
    for lab in labs() {
        let derived = derive_starter(&root(), lab).unwrap_or_else(|error| panic!("{error}"));
        for (file, text) in derived {
            let file = Path::new(lab).join(file);
            assert_eq!(read(&release().join("starter").join(&file)), text);
            expected.insert(file.to_str().expect("a plain name").replace('\\', "/"));
        }
    }
    let starters: BTreeSet<String> = files(&release().join("starter")).into_iter().collect();
    assert_eq!(starters, expected);
}

#[test]
fn a_release_for_students_has_no_hidden_test() {
    let stub = read(&root().join(".github/hidden-stub.rs"));
    assert!(!stub.contains("H-") && stub.contains("Vec::new()"));
    for lab in labs() {
        let suite = Path::new("grader/suites").join(lab);
        let hidden = suite.join("hidden/src/lib.rs");
        // Otherwise what follows could not fail.
        assert!(read(&root().join(&hidden)).contains("\"H-"));
        assert_eq!(
            files(&release().join(&suite).join("hidden")),
            ["Cargo.toml", "src/lib.rs"]
        );
        assert_eq!(read(&release().join(&hidden)), stub);
        // The crate keeps its name and what it depends on.
        for same in ["hidden/Cargo.toml", "src/lib.rs"] {
            let same = suite.join(same);
            assert_eq!(read(&release().join(&same)), read(&root().join(&same)));
        }
    }
}

/// Of hidden tests students see in a rubric what `--student-view` shows.
#[test]
fn rubrics_tell_of_hidden_tests_what_students_may_see() {
    let of = |root: &Path, lab: &str| -> Rubric {
        let course = Course {
            root: root.to_owned(),
            suites: faultline::suites(),
            origin: faultline::origin(),
        };
        rubric(&course, lab).unwrap_or_else(|error| panic!("{error}"))
    };
    for lab in labs() {
        let text = read(&release().join(format!("rubrics/{lab}.toml")));
        assert!(
            !text.contains("self_check") && text.contains("[hints]"),
            "{lab}"
        );
        let (ours, theirs) = (of(&root(), lab), of(release(), lab));
        assert_eq!(ours.tests.len(), theirs.tests.len());
        assert_eq!(format!("{:?}", ours.parts), format!("{:?}", theirs.parts));
        let mut hidden = 0;
        for (our, their) in ours.tests.into_iter().zip(theirs.tests) {
            let mut expected = our;
            if !expected.is_public() {
                expected.title = "hidden test".to_owned();
                expected.hints.clear();
                hidden += 1;
            }
            assert_eq!(format!("{their:?}"), format!("{expected:?}"));
        }
        assert_eq!(text.matches("\"hidden test\"").count(), hidden);
        assert!(hidden > 0, "{lab}");
    }
}

/// Cargo finds a whole workspace, whose lock needs no change, and without `-p` it speaks of what
/// students write.
#[test]
fn cargo_means_the_students_crates() {
    let ask = |arguments: &[&str]| {
        let cargo = std::env::var_os("CARGO").expect("cargo runs the tests");
        let mut command = Command::new(cargo);
        command.args(arguments).arg("--offline");
        let output = command.current_dir(release()).output();
        let output = output.expect("cargo runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        output.stdout
    };
    ask(&["update", "--workspace", "--locked"]);
    let metadata = ask(&["metadata", "--format-version", "1", "--locked", "--no-deps"]);
    let metadata: serde_json::Value = serde_json::from_slice(&metadata).expect("JSON");
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let packages = metadata["packages"].as_array().expect("a list").iter();
    let names: BTreeMap<String, String> = packages
        .map(|package| (text(&package["id"]), text(&package["name"])))
        .collect();
    let of = |members: &str| -> BTreeSet<&str> {
        let members = metadata[members].as_array().expect("a list").iter();
        members.map(|id| &*names[&text(id)]).collect()
    };
    assert_eq!(
        of("workspace_default_members"),
        labs().into_iter().collect()
    );
    assert!(of("workspace_members").is_superset(&["faultline", "lab2-hidden"].into()));
    // What only tests and course staff need is not even in the lock.
    let lock = read(&release().join("Cargo.lock"));
    let there = |name: &str| lock.contains(&format!("name = \"{name}\"\n"));
    for absent in [
        "lab2-solution",
        "faultline-newlab",
        "faultline-full",
        "insta",
        "gix-odb",
    ] {
        assert!(!there(absent), "{absent}");
    }
    let manifest = read(&release().join("Cargo.toml"));
    let (_, profiles) = manifest
        .split_once("[profile.dev.package]")
        .expect("a table");
    let (profiles, _) = profiles.split_once("\n[").expect("another table");
    let mut profiles = profiles
        .lines()
        .filter_map(|line| line.split_once(".opt-level"));
    assert_eq!(
        profiles.find(|(name, _)| !there(name)),
        None,
        "cargo would warn"
    );
}

/// The README is the students' own: it names each lab, and its links lead somewhere.
#[test]
fn the_readme_is_for_students() {
    let readme = read(&release().join("README.md"));
    for word in ["--hidden", "solutions", "salt", "batch", "<!--"] {
        assert!(!readme.contains(word), "{word}");
    }
    for suite in faultline::suites() {
        let row = format!("| [{0}](labs/{0}-", suite.lab);
        assert_eq!(readme.matches(&row).count(), 1, "{row}");
    }
    let links = readme
        .split("](")
        .skip(1)
        .filter_map(|link| link.split(')').next());
    for link in links.filter(|link| !link.starts_with('#')) {
        assert!(release().join(link).is_file(), "{link}");
    }
}

/// Editors have the same settings for rust-analyzer, and those are ones that it knows.
#[test]
fn editors_keep_to_what_students_write() {
    let settings = |file: &str| -> serde_json::Value {
        let text = read(&release().join(file));
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        serde_json::from_str(&code.collect::<String>()).expect("JSON")
    };
    let code = settings(".vscode/settings.json");
    let zed = settings(".zed/settings.json");
    let zed = &zed["lsp"]["rust-analyzer"]["initialization_options"];
    let helix = read(&release().join(".helix/languages.toml"));
    let helix: String = helix
        .split_whitespace()
        .collect::<String>()
        .replace(",]", "]");
    let settings = code.as_object().expect("a table");
    assert_eq!(settings.len(), 4);
    for (name, value) in settings {
        let name = name.strip_prefix("rust-analyzer.").expect("its settings");
        assert_eq!(
            zed.pointer(&format!("/{}", name.replace('.', "/"))),
            Some(value)
        );
        assert!(helix.contains(&format!("{name}={value}")), "{name}={value}");
    }
    let command = &code["rust-analyzer.cargo.buildScripts.overrideCommand"];
    assert!(
        command.to_string().starts_with("[\"cargo\",\"check\","),
        "not the workspace"
    );
}

/// The stubs have what the registry asks for, and no warning. (Beside a stand-in for labtest: to
/// build that one takes a minute.)
#[test]
fn the_stub_compiles() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let labtest = folder.path().join("labtest.rs");
    fs::write(&labtest, "pub struct Test;").expect("a new file");
    let compile = |file: &Path, more: &[&str]| {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let mut command = Command::new(rustc);
        command
            .args([
                "--edition",
                "2024",
                "--crate-type",
                "lib",
                "--emit",
                "metadata",
            ])
            .args(["-D", "warnings", "-L", ".", "--out-dir", "."])
            .args(more)
            .arg(file)
            .current_dir(folder.path());
        let output = command.output().expect("rustc is there");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{told}");
    };
    compile(&labtest, &["--crate-name", "faultline_labtest"]);
    let stub = root().join(".github/hidden-stub.rs");
    let name = ["--crate-name", "lab0_hidden", "-D", "missing_docs"];
    compile(
        &stub,
        &[&name[..], &["--extern", "faultline_labtest"]].concat(),
    );
}

#[test]
fn a_release_with_a_rest_of_hidden_tests_is_refused() {
    let rest = "this is left of hidden tests";
    Project::refuses_after("lab2/src/scenes.rs", "const LEFT: &str = \"H-C3\";\n", rest);
    Project::refuses_after("lab3/src/costs.rs", "// hidden_tests! { \"x\" y }\n", rest);
    // A stub has nothing but its tests.
    let helper = "fn f() { lab1_hidden::helper() }\n";
    Project::refuses_after("lab1/src/chaos.rs", helper, "more than their tests");
    let without = Project::new();
    fs::remove_dir_all(without.path("grader/suites/lab3/hidden/src")).expect("it is there");
    without.refuses("lab3/hidden is missing");
}
