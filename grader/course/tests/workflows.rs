//! The workflows in `.github` keep their promises: what builds student code has no token, no script
//! is put together from what somebody has typed, and what students get has no hidden tests. So do
//! the scripts and examples that go with them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use saphyr::{LoadableYamlNode, Yaml};

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

/// A file's documents.
fn documents(text: &str) -> Vec<Yaml<'_>> {
    Yaml::load_from_str(text).expect("it is YAML")
}

/// Runs `check` on each workflow: its name and what it says.
fn each_workflow(mut check: impl FnMut(&str, &Yaml<'_>)) {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(root().join(".github/workflows")).expect("the workflows are there") {
        files.push(entry.expect("an entry").path());
    }
    files.sort();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let text = read(&file);
        let documents = documents(&text);
        assert_eq!(documents.len(), 1, "{}", file.display());
        check(
            &file.file_stem().expect("a name").to_string_lossy(),
            &documents[0],
        );
    }
}

/// Runs `check` on one of them.
fn workflow(name: &str, check: impl FnOnce(&Yaml<'_>)) {
    let text = read(&root().join(format!(".github/workflows/{name}.yml")));
    check(&documents(&text)[0]);
}

fn entries<'a, 'b>(node: &'a Yaml<'b>) -> impl Iterator<Item = (&'a str, &'a Yaml<'b>)> {
    let mapping = node
        .as_mapping()
        .unwrap_or_else(|| panic!("no mapping: {node:?}"));
    mapping
        .iter()
        .map(|(key, value)| (key.as_str().expect("a name"), value))
}

fn jobs<'a, 'b>(workflow: &'a Yaml<'b>) -> impl Iterator<Item = (&'a str, &'a Yaml<'b>)> {
    entries(get(workflow, "jobs"))
}

fn get<'a, 'b>(node: &'a Yaml<'b>, key: &str) -> &'a Yaml<'b> {
    node.as_mapping_get(key)
        .unwrap_or_else(|| panic!("no {key:?} in {node:?}"))
}

fn steps<'a, 'b>(job: &'a Yaml<'b>) -> &'a [Yaml<'b>] {
    get(job, "steps").as_vec().expect("a list of steps")
}

fn text<'a>(node: &'a Yaml<'_>, key: &str) -> Option<&'a str> {
    node.as_mapping_get(key).map(|value| {
        value
            .as_str()
            .unwrap_or_else(|| panic!("{key:?} is no text: {value:?}"))
    })
}

/// All texts in a document, keys included.
fn texts(node: &Yaml<'_>, found: &mut Vec<String>) {
    if let Some(mapping) = node.as_mapping() {
        for (key, value) in mapping {
            texts(key, found);
            texts(value, found);
        }
    } else if let Some(list) = node.as_vec() {
        list.iter().for_each(|one| texts(one, found));
    } else if let Some(one) = node.as_str() {
        found.push(one.to_owned());
    }
}

fn all_text(node: &Yaml<'_>) -> String {
    let mut found = Vec::new();
    texts(node, &mut found);
    found.join("\n")
}

/// The position of the first step whose script has this in it.
fn position(job: &Yaml<'_>, script: &str) -> usize {
    let found = steps(job)
        .iter()
        .position(|step| text(step, "run").is_some_and(|run| run.contains(script)));
    found.unwrap_or_else(|| panic!("no step runs {script:?}"))
}

fn is_empty(node: &Yaml<'_>) -> bool {
    entries(node).next().is_none()
}

#[test]
fn each_workflow_says_what_it_may_do_and_how_long() {
    each_workflow(|name, workflow| {
        assert!(workflow.as_mapping_get("concurrency").is_some(), "{name}");
        let by_default = get(workflow, "permissions");
        for (job_name, job) in jobs(workflow) {
            let minutes = get(job, "timeout-minutes").as_integer().expect("a number");
            assert!(
                (1..=350).contains(&minutes),
                "{name}/{job_name}: the machine's own limit is 360 minutes"
            );
            let permissions = job.as_mapping_get("permissions").unwrap_or(by_default);
            for (what, level) in entries(permissions) {
                let may_write = name == "release" && job_name == "publish" && what == "contents";
                assert!(
                    level.as_str() == Some("read") || may_write,
                    "{name}/{job_name}: {what}"
                );
            }
        }
    });
}

#[test]
fn actions_are_pinned_and_keep_no_credentials() {
    let mut used = 0;
    each_workflow(|name, workflow| {
        for step in jobs(workflow).flat_map(|(_, job)| steps(job)) {
            let Some(action) = text(step, "uses") else {
                continue;
            };
            used += 1;
            let (action, version) = action
                .split_once('@')
                .unwrap_or_else(|| panic!("{name}: {action} has no version"));
            let major = version
                .strip_prefix('v')
                .is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()));
            let commit = version.len() == 40 && version.chars().all(|c| c.is_ascii_hexdigit());
            assert!(major || commit, "{name}: {action}@{version}");
            assert!(
                action.starts_with("actions/"),
                "{name}: {action} is nobody's we know"
            );
            if action == "actions/checkout" {
                let keeps = get(get(step, "with"), "persist-credentials");
                assert_eq!(
                    keeps.as_bool(),
                    Some(false),
                    "{name}: the token would lie in .git/config"
                );
            }
        }
    });
    assert!(used > 10);
}

/// What somebody typed becomes part of the script wherever an expression stands in it; in a
/// variable it stays a text.
#[test]
fn scripts_are_not_put_together() {
    let mut scripts = 0;
    each_workflow(|name, workflow| {
        for (job_name, job) in jobs(workflow) {
            for step in steps(job) {
                let Some(run) = text(step, "run") else {
                    continue;
                };
                scripts += 1;
                assert!(!run.contains("${{"), "{name}/{job_name}: {run}");
                // `curl | sh` would run whatever comes.
                assert!(
                    !run.contains("| sh") && !run.contains("| bash"),
                    "{name}/{job_name}: {run}"
                );
            }
        }
    });
    assert!(scripts > 15);
}

#[test]
fn scripts_have_no_mistakes_of_syntax() {
    each_workflow(|name, workflow| {
        let shell = text(get(get(workflow, "defaults"), "run"), "shell");
        assert_eq!(
            shell,
            Some("bash"),
            "{name}: only a bash that is named stops where a pipe fails"
        );
        for run in jobs(workflow)
            .flat_map(|(_, job)| steps(job))
            .filter_map(|step| text(step, "run"))
        {
            let output = Command::new("bash")
                .args(["-n", "-c", run])
                .output()
                .expect("bash is there");
            assert!(
                output.status.success(),
                "{name}: {}\n{run}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    });
    for (shell, script) in [
        ("sh", ".github/students-release"),
        ("sh", ".github/unpack-grader"),
        ("bash", ".ci/long"),
        ("bash", ".ci/run"),
        ("bash", "docs/examples/slurm.sh"),
    ] {
        let output = Command::new(shell)
            .arg("-n")
            .arg(root().join(script))
            .output()
            .expect("a shell is there");
        assert!(
            output.status.success(),
            "{script}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn what_builds_student_code_has_no_token() {
    workflow("official", |official| {
        assert!(is_empty(get(official, "permissions")));
        for name in ["grade", "merge"] {
            let job = get(get(official, "jobs"), name);
            assert!(is_empty(get(job, "permissions")), "{name}");
            let all = all_text(job);
            for token in [
                "github.token",
                "GITHUB_TOKEN",
                "GH_TOKEN",
                "CLONE_TOKEN",
                "actions/checkout",
                "actions/cache",
            ] {
                assert!(!all.contains(token), "{name} has {token}");
            }
            let salt = usize::from(name == "grade");
            assert_eq!(
                all.matches("secrets.").count(),
                salt,
                "{name}: no secret but the salt"
            );
            assert!(
                job.as_mapping_get("env").is_none(),
                "{name}: a variable of a job reaches each of its steps"
            );
        }
        assert!(official.as_mapping_get("env").is_none());
    });
}

#[test]
fn the_salt_is_a_file_when_student_code_is_built() {
    workflow("official", |official| {
        let job = get(get(official, "jobs"), "grade");
        let (doctor, salt, batch) = (
            position(job, "cargo-grade doctor"),
            position(job, "$SALT"),
            position(job, "cargo-grade batch"),
        );
        assert!(
            doctor < salt && salt < batch,
            "nothing is handed out where the sandbox does not work"
        );
        for (number, step) in steps(job).iter().enumerate() {
            assert_eq!(
                all_text(step).contains("secrets."),
                number == salt,
                "{step:?}"
            );
        }
        let run = text(&steps(job)[salt], "run").expect("a script");
        assert!(
            run.contains("umask 077")
                && !run.contains("GITHUB_ENV")
                && !run.contains("GITHUB_OUTPUT"),
            "{run}"
        );
        let run = text(&steps(job)[batch], "run").expect("a script");
        assert!(
            run.contains("--salt \"$RUNNER_TEMP/salt\"") && run.contains("--shard \"$SHARD\""),
            "{run}"
        );
        assert!(
            run.contains("::stop-commands::") && run.contains("5) echo '::warning"),
            "{run}"
        );
        // Every script comes after it has been seen that the repository is private.
        let prepare = get(get(official, "jobs"), "prepare");
        assert_eq!(position(prepare, "$PRIVATE"), 0);
        assert_eq!(text(job, "needs"), Some("prepare"));
    });
}

#[test]
fn what_students_get_is_built_from_stubs() {
    workflow("release", |release| {
        let build = get(get(release, "jobs"), "build");
        let (stubs, built) = (
            position(build, ".github/students-release"),
            position(build, "cargo build"),
        );
        let (tried, packed) = (
            position(build, "--list --hidden"),
            position(build, "tar -czf"),
        );
        assert!(
            stubs < built && built < tried && tried < packed,
            "{stubs} {built} {tried} {packed}"
        );
        let machines = get(get(get(build, "strategy"), "matrix"), "include")
            .as_vec()
            .expect("a list");
        let targets: BTreeSet<&str> = machines
            .iter()
            .filter_map(|machine| text(machine, "target"))
            .collect();
        let expected = [
            "aarch64-apple-darwin",
            "aarch64-unknown-linux-gnu",
            "x86_64-apple-darwin",
            "x86_64-pc-windows-msvc",
            "x86_64-unknown-linux-gnu",
        ];
        assert_eq!(targets, expected.into());
        let publish = get(get(release, "jobs"), "publish");
        assert!(position(publish, "SHA256SUMS") < position(publish, "gh release create"));
    });
    // What students download is checked before it is run.
    workflow("grade", |grade| {
        let job = get(get(grade, "jobs"), "grade");
        let run = text(&steps(job)[position(job, "curl")], "run").expect("a script");
        assert!(run.contains(".github/unpack-grader"), "{run}");
    });
}

#[test]
fn every_long_run_is_made_every_night() {
    let output = Command::new("bash")
        .arg(root().join(".ci/long"))
        .output()
        .expect("bash is there");
    let listed = String::from_utf8(output.stdout).expect("UTF-8");
    let listed: BTreeSet<&str> = listed.lines().collect();
    workflow("ci", |ci| {
        let job = get(get(ci, "jobs"), "long");
        let runs = get(get(get(job, "strategy"), "matrix"), "run")
            .as_vec()
            .expect("a list");
        let nightly: BTreeSet<&str> = runs.iter().filter_map(|run| run.as_str()).collect();
        assert!(nightly.len() >= 8);
        assert_eq!(nightly, listed);
        let on = get(ci, "on");
        assert!(
            get(on, "schedule")
                .as_vec()
                .is_some_and(|times| times.len() == 1)
        );
    });
}

#[test]
fn examples_of_other_engines_are_whole() {
    let manifest = read(&root().join("docs/examples/kubernetes.yaml"));
    let documents = documents(&manifest);
    let job = documents
        .iter()
        .find(|document| text(document, "kind") == Some("Job"))
        .expect("a job");
    let spec = get(job, "spec");
    assert_eq!(text(spec, "completionMode"), Some("Indexed"));
    let count = get(spec, "completions").as_integer().expect("a number");
    let pod = get(get(spec, "template"), "spec");
    assert_eq!(
        get(pod, "automountServiceAccountToken").as_bool(),
        Some(false),
        "no token beside student code"
    );
    let all = all_text(pod);
    assert!(
        all.contains("--shard") && all.contains("JOB_COMPLETION_INDEX"),
        "{all}"
    );
    assert!(
        all.contains(&format!("/{count}")),
        "as many shards as pods: {all}"
    );
    for name in ["docs/examples/slurm.sh", "docs/examples/kubernetes.yaml"] {
        let page = read(&root().join("docs/grading-a-class.md"));
        assert!(
            page.contains(name.trim_start_matches("docs/")),
            "the page does not name {name}"
        );
    }
    let slurm = read(&root().join("docs/examples/slurm.sh"));
    let array = slurm
        .lines()
        .find_map(|line| line.strip_prefix("#SBATCH --array=1-"))
        .expect("an array");
    assert!(
        slurm.contains("--shard \"$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT\""),
        "{slurm}"
    );
    assert!(array.parse::<u32>().is_ok_and(|count| count > 1), "{array}");
}

/// A copy of what `.github/students-release` changes.
struct Release {
    folder: tempfile::TempDir,
}

impl Release {
    fn new() -> Release {
        let release = Release {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        for part in [
            ".github",
            "grader",
            "labs",
            "rubrics",
            "solutions",
            "starter",
        ] {
            copy(&root().join(part), &release.folder.path().join(part));
        }
        for file in ["Cargo.toml", "Cargo.lock"] {
            fs::copy(root().join(file), release.folder.path().join(file)).expect("it is there");
        }
        release
    }

    fn suites(&self) -> PathBuf {
        self.folder.path().join("grader/suites/src")
    }

    fn make(&self) -> Output {
        let mut command = Command::new("sh");
        command
            .arg(root().join(".github/students-release"))
            .arg(self.folder.path())
            .output()
            .expect("sh is there")
    }

    /// It must refuse, and say this.
    fn refuses(&self, expected: &str) {
        let output = self.make();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(expected), "{told}");
    }

    fn append(&self, file: &str, text: &str) {
        let path = self.suites().join(file);
        fs::write(&path, read(&path) + text).expect("a file");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a new folder");
    for entry in fs::read_dir(from).expect("a folder of the project") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if !entry.path().is_dir() {
            fs::copy(entry.path(), target).expect("a copy");
        } else if entry.file_name() != "node_modules" {
            copy(&entry.path(), &target);
        }
    }
}

fn labs(suites: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(suites)
        .expect("the suites are there")
        .map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.is_dir()).collect()
}

#[test]
fn a_release_for_students_has_no_hidden_test() {
    let release = Release::new();
    let before = labs(&release.suites());
    // Otherwise what follows could not fail.
    assert!(
        before.len() >= 4
            && before
                .iter()
                .all(|lab| read(&lab.join("hidden.rs")).contains("\"H-"))
    );
    let public = read(&release.suites().join("lab2/public/mod.rs"));
    let output = release.make();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for lab in labs(&release.suites()) {
        let stub = read(&lab.join("hidden.rs"));
        assert!(!stub.contains("H-") && stub.lines().count() < 12, "{stub}");
        let module = read(&lab.join("mod.rs"));
        assert!(
            module.contains("\nmod hidden;\n") && module.contains(" hidden: hidden::tests(),\n"),
            "{module}"
        );
    }
    assert!(read(&release.suites().join("lib.rs")).contains("pub hidden: Vec<Test>,"));
    assert_eq!(read(&release.suites().join("lab2/public/mod.rs")), public);
    // Once more changes nothing.
    let stub = read(&release.suites().join("lab0/hidden.rs"));
    assert!(release.make().status.success());
    assert_eq!(read(&release.suites().join("lab0/hidden.rs")), stub);
}

/// What cargo then finds is whole: it changes nothing in the lock, and so not what a program was
/// built from.
#[test]
fn a_release_for_students_has_no_solutions() {
    let release = Release::new();
    assert!(release.make().status.success());
    let folder = release.folder.path();
    assert!(!folder.join("solutions").exists());
    let (manifest, lock) = (
        read(&folder.join("Cargo.toml")),
        read(&folder.join("Cargo.lock")),
    );
    assert!(
        !manifest.contains("solutions/") && manifest.contains("\"starter/lab2\""),
        "{manifest}"
    );
    assert!(
        !lock.contains("lab2-solution")
            && !lock.contains("lab2-variant")
            && lock.contains("\"lab2-api\"")
    );
    let cargo = std::env::var_os("CARGO").expect("cargo runs the tests");
    let mut command = Command::new(cargo);
    command
        .args(["update", "--workspace", "--locked", "--offline"])
        .current_dir(folder);
    let output = command.output().expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let workflows = fs::read_dir(folder.join(".github/workflows")).expect("the folder stays");
    let workflows: Vec<_> = workflows
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(workflows, ["grade.yml"]);
}

/// The stub has the type that each lab's `mod.rs` wants, and no warning.
#[test]
fn the_stub_compiles() {
    let release = Release::new();
    assert!(release.make().status.success());
    let program = release.folder.path().join("lib.rs");
    let stub = release.suites().join("lab2/hidden.rs");
    let text = format!(
        "//! A suite.\n#[path = {stub:?}]\nmod hidden;\n/// A test.\npub struct Test;\n/// The \
         suite's.\n\
         pub fn hidden_tests() -> Vec<Test> {{ hidden::tests() }}\n"
    );
    fs::write(&program, text).expect("a new file");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args([
        "--edition",
        "2024",
        "--crate-type",
        "lib",
        "--emit",
        "metadata",
        "-D",
        "warnings",
    ]);
    command
        .args(["-D", "missing_docs", "--out-dir"])
        .arg(release.folder.path())
        .arg(&program)
        .current_dir(root());
    let output = command.output().expect("rustc is there");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_release_with_a_rest_of_hidden_tests_is_refused() {
    Release::new().refuses_after(
        "lab2/scenes.rs",
        "const LEFT: &str = \"H-C3\";\n",
        "this is left of hidden tests",
    );
    Release::new().refuses_after(
        "lab3/costs.rs",
        "// hidden![ \"x\" y ]\n",
        "this is left of hidden tests",
    );
    // A stub has nothing but its tests.
    Release::new().refuses_after(
        "lab1/chaos.rs",
        "fn f() { super::hidden::helper() }\n",
        "more than their tests",
    );

    let without = Release::new();
    fs::remove_file(without.suites().join("lab3/hidden.rs")).expect("it is there");
    without.refuses("hidden.rs is missing");

    // Hidden tests that have grown into several files go all the same.
    let grown = Release::new();
    let folder = grown.suites().join("lab0/hidden");
    fs::create_dir(&folder).expect("a new folder");
    fs::rename(grown.suites().join("lab0/hidden.rs"), folder.join("mod.rs")).expect("it is there");
    fs::write(
        grown.suites().join("lab2/hidden_costs.rs"),
        "pub const ID: &str = \"H-E9\";\n",
    )
    .expect("a new file");
    let output = grown.make();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        !folder.exists() && read(&grown.suites().join("lab0/hidden.rs")).contains("Vec::new()")
    );
    assert!(!read(&grown.suites().join("lab2/hidden_costs.rs")).contains("H-E9"));
}

impl Release {
    fn refuses_after(&self, file: &str, text: &str, expected: &str) {
        self.append(file, text);
        self.refuses(expected);
    }
}

#[test]
fn a_released_grader_is_unpacked_only_with_its_checksum() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .expect("it runs")
    };
    let script = root().join(".github/unpack-grader");
    let script = script.to_str().expect("a plain path");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
    let unpack = |sums: &str, expected: i32, told: &str| {
        write("SHA256SUMS", sums);
        let output = run("sh", &[script, "cargo-grade-x.tar.gz", "SHA256SUMS", "out"]);
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(expected), "{err}");
        assert!(err.contains(told), "{err}");
        assert_eq!(
            folder.path().join("out/cargo-grade").exists(),
            expected == 0
        );
    };
    write("cargo-grade", "a program");
    assert!(
        run("tar", &["-czf", "cargo-grade-x.tar.gz", "cargo-grade"])
            .status
            .success()
    );
    let output = run(
        "sh",
        &[
            "-c",
            "sha256sum cargo-grade-x.tar.gz || shasum -a 256 cargo-grade-x.tar.gz",
        ],
    );
    let right = String::from_utf8(output.stdout).expect("UTF-8");
    unpack(
        &right.replace("-x.", "-y."),
        1,
        "has no checksum of cargo-grade-x.tar.gz",
    );
    unpack(
        &format!("{}  cargo-grade-x.tar.gz\n", "0".repeat(64)),
        1,
        "is not the file of the release",
    );
    unpack(&format!("{}  other\n{right}", "0".repeat(64)), 0, "");
    assert_eq!(read(&folder.path().join("out/cargo-grade")), "a program");
}
