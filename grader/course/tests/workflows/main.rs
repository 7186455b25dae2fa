//! The workflows in `.github` keep their promises: what builds student code has no token, no script
//! is put together from what somebody has typed, and what students get has no hidden tests. So do
//! the scripts and examples that go with them.

mod tiers;
mod unpack;
mod yaml;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use yaml::{
    all_text, documents, each_workflow, entries, get, is_empty, jobs, position, steps, text,
    workflow,
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
        let sources = get(get(release, "jobs"), "sources");
        let made = position(sources, ".github/students-release");
        let run = text(&steps(sources)[made], "run").expect("a script");
        let tried = run.find("cargo test --test students -- --include-ignored");
        assert!(tried < run.find(".github/students-release") && tried.is_some());
        assert!(made < position(sources, "tar -czf faultline-students.tar.gz"));
        // Programs are built from what students get, and from nothing else.
        let build = get(get(release, "jobs"), "build");
        assert_eq!(text(build, "needs"), Some("sources"));
        let (built, tried) = (
            position(build, "cargo build"),
            position(build, "--list --hidden"),
        );
        let run = text(&steps(build)[built], "run").expect("a script");
        assert!(run.find("tar -xzf faultline-students.tar.gz") < run.find("cd faultline-students"));
        assert!(run.find("cd faultline-students") < run.find("cargo build"));
        assert!(built < tried && tried < position(build, "tar -czf"));
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

/// The workflow asks the script, and the script the rubrics: no lab can be forgotten.
#[test]
fn every_long_run_is_made_every_night() {
    let long = |argument: &[&str]| {
        let script = root().join(".ci/long");
        let output = Command::new("bash").arg(script).args(argument).output();
        String::from_utf8(output.expect("bash is there").stdout).expect("UTF-8")
    };
    let names = long(&[]);
    let listed: BTreeSet<&str> = names.lines().collect();
    let rubrics = fs::read_dir(root().join("rubrics")).expect("the folder is there");
    for rubric in rubrics {
        let path = rubric.expect("an entry").path();
        let lab = path.file_stem().expect("a name").to_string_lossy();
        for run in ["mutants", "seeds"] {
            assert!(listed.contains(&*format!("{run}-{lab}")), "{run} {lab}");
        }
    }
    let json: BTreeSet<String> = serde_json::from_str(&long(&["--json"])).expect("a list");
    assert!(json.iter().map(String::as_str).eq(listed));
    workflow("ci", |ci| {
        let jobs = get(ci, "jobs");
        assert!(position(get(jobs, "long-runs"), ".ci/long --json") > 0);
        let job = get(jobs, "long");
        let run = text(get(get(job, "strategy"), "matrix"), "run");
        assert_eq!(run, Some("${{ fromJSON(needs.long-runs.outputs.names) }}"));
        assert!(position(job, ".ci/long \"$RUN\"") > 0);
        let schedule = get(get(ci, "on"), "schedule").as_vec();
        assert!(schedule.is_some_and(|times| times.len() == 1));
    });
}

/// Programs that are found before those of this machine.
#[cfg(unix)]
struct Fakes(tempfile::TempDir);

#[cfg(unix)]
impl Fakes {
    /// Each is the text of a shell script.
    fn new(programs: &[(&str, &str)]) -> Fakes {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in programs {
            let program = folder.path().join(name);
            fs::write(&program, format!("#!/bin/sh\n{text}\n")).expect("a new file");
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(&program, mode).expect("it is ours");
        }
        Fakes(folder)
    }

    /// A script of the project with these programs: its exit code, and what it prints.
    fn run(&self, script: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let usual = std::env::var("PATH").expect("a search path");
        let path = format!("{}:{usual}", self.0.path().display());
        let mut command = Command::new("bash");
        command.arg(root().join(script)).args(arguments);
        let output = command.env("PATH", path).output().expect("bash is there");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        (output.status.code(), text)
    }
}

/// Each run that is listed is made: with a cargo that only writes down what it is asked.
#[cfg(unix)]
#[test]
fn every_long_run_asks_cargo_for_something() {
    let fakes = Fakes::new(&[("cargo", "echo \"cargo $*\"")]);
    let long = |argument: &str| {
        let arguments = [argument];
        let named = usize::from(!argument.is_empty());
        fakes.run(".ci/long", &arguments[..named])
    };
    for name in long("").1.lines() {
        let (code, asked) = long(name);
        assert_eq!(code, Some(0), "{name}");
        assert!(asked.starts_with("cargo "), "{name}: {asked}");
    }
    let (code, asked) = long("seeds-lab2");
    let expected = "cargo grade lab2 --nightly --path solutions/lab2\n\
                    cargo grade lab2 --nightly --path solutions/lab2-variant\n";
    assert_eq!((code, asked.as_str()), (Some(0), expected));
    assert_eq!(long("seeds-lab").0, Some(2), "there is no such run");
}

/// Beside starters and solutions no folder of a course may become a part of the workspace: not its
/// submissions, above all.
#[test]
fn only_starters_and_solutions_are_members_by_their_pattern() {
    for manifest in ["Cargo.toml", "grader/newlab/template/outside/Cargo.toml"] {
        let text = read(&root().join(manifest));
        assert!(text.contains("\"s[to][al][ru]*/*\","), "{manifest}");
    }
    // Which the pattern fits, letter by letter.
    let fits = |name: &str| {
        let letters: Vec<char> = name.chars().take(3).collect();
        let sets = ["s", "to", "al"];
        let begins = letters
            .iter()
            .zip(sets)
            .all(|(letter, set)| set.contains(*letter));
        begins
            && name
                .chars()
                .nth(3)
                .is_some_and(|letter| "ru".contains(letter))
    };
    assert!(fits("starter") && fits("solutions"));
    for other in [
        "submissions",
        "students",
        "scores",
        "staff",
        "src",
        "scripts",
        "shared",
    ] {
        assert!(!fits(other), "{other}");
    }
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
    let rules = all_text(get(spec, "podFailurePolicy"));
    assert!(
        rules.contains("FailIndex"),
        "a shard of which somebody has no score fails, and is not tried again: {rules}"
    );
    assert!(!all.contains("|| code"), "no exit code is hidden: {all}");
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

/// Who looks at a job array must see that somebody has no score.
#[test]
fn the_example_for_slurm_ends_as_the_grader_does() {
    let home = tempfile::tempdir().expect("a folder");
    let project = home.path().join("faultline");
    fs::create_dir_all(project.join("target/debug")).expect("a new folder");
    fs::write(project.join("README.md"), "a project").expect("a new file");
    // It ends as it is asked to, but for `doctor`.
    let program = project.join("target/debug/faultline-full");
    let stub = "#!/bin/sh\necho \"$@\"\n[ \"$1\" = doctor ] || exit \"$STUB_CODE\"\n";
    fs::write(&program, stub).expect("a new file");
    let run = |program: &str, arguments: &[&str], code: &str| {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(&project)
            .env("HOME", home.path())
            .env("TMPDIR", home.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("STUB_CODE", code)
            .envs([
                ("SLURM_CPUS_PER_TASK", "2"),
                ("SLURM_ARRAY_TASK_ID", "3"),
                ("SLURM_ARRAY_TASK_COUNT", "16"),
            ])
            .output()
            .expect("it is there");
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (output.status.code().expect("it exits"), said)
    };
    let git = ["-c", "user.name=s", "-c", "user.email=s@x"];
    for arguments in [
        &["init", "-q"][..],
        &["add", "README.md"],
        &["commit", "-q", "-m", "a project"],
    ] {
        let (code, said) = run("git", &[&git, arguments].concat(), "");
        assert_eq!(code, 0, "{said}");
    }
    let chmod = run(
        "chmod",
        &["+x", program.to_str().expect("a plain path")],
        "",
    );
    assert_eq!(chmod.0, 0, "{}", chmod.1);
    let script = root().join("docs/examples/slurm.sh");
    let script = script.to_str().expect("a plain path");
    for expected in [0, 2, 4, 5, 130] {
        let (code, said) = run("bash", &[script], &expected.to_string());
        assert_eq!(code, expected, "{said}");
        assert!(said.contains("--shard 3/16"), "{said}");
    }
}
