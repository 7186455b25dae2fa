//! What only course staff ask for is another program's, which cargo builds at first use: who asks
//! gets it run with the same arguments in the same folder, and a clear word where that fails.
#![cfg(unix)]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::LazyLock,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the project is above")
        .to_owned()
}

/// A student's grader in a folder of its own, so that no other program lies beside it, and a cargo
/// that only tells what it is asked for.
struct Place {
    folder: PathBuf,
}

/// Made once, before anything is started: a program that is still being written, be it by a process
/// that another thread has just begun, cannot be run.
static PLACE: LazyLock<Place> = LazyLock::new(Place::new);

impl Place {
    fn new() -> Place {
        // What is in a static is never dropped, so it lies where cargo keeps such things.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("staff");
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("it is of an older run");
        }
        fs::create_dir_all(&folder).expect("a new folder");
        let grader = folder.join("faultline");
        fs::copy(env!("CARGO_BIN_EXE_faultline"), grader).expect("the grader is built");
        // The one builds what it is asked for, the other cannot.
        for (name, built) in [("cargo", 0), ("cargo-that-fails", 101)] {
            let cargo = folder.join(name);
            let script = format!(
                "#!/bin/sh\nprintf '%s\\n' \"$PWD\" \"$@\"\n\
                 [ $1 = build ] && exit {built}\nexit 5\n"
            );
            fs::write(&cargo, script).expect("a new file");
            fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
        Place { folder }
    }

    fn run(&self, cargo: &Path, arguments: &[&str]) -> (i32, String, String) {
        self.run_in(&root(), cargo, arguments)
    }

    fn run_in(&self, project: &Path, cargo: &Path, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(self.folder.join("faultline"))
            .args(arguments)
            .env("CARGO", cargo)
            .env("CARGO_MANIFEST_DIR", project.join("grader/course"))
            .current_dir(root().join("rubrics"))
            .stdin(Stdio::null())
            .output();
        let Output {
            status,
            stdout,
            stderr,
        } = output.expect("the grader runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (status.code().expect("it exits"), text(stdout), text(stderr))
    }

    fn cargo(&self) -> PathBuf {
        self.folder.join("cargo")
    }
}

#[test]
fn cargo_runs_the_other_program_with_the_same_arguments_in_the_same_folder() {
    let place = &*PLACE;
    let arguments = ["batch", "lab0", "no such batch.toml", "--budget", "1h 30m"];
    let (code, out, err) = place.run(&place.cargo(), &arguments);
    assert_eq!(code, 5, "the exit code is the other program's: {err}");
    let (folder, manifest) = (root().join("rubrics"), root().join("Cargo.toml"));
    let (folder, manifest) = (folder.display(), manifest.display());
    let asked = |subcommand: &str, more: &str| {
        format!(
            "{folder}\n{subcommand}\n--package\nfaultline-full\n--manifest-path\n{manifest}\n{more}"
        )
    };
    let run = format!("--quiet\n--\n{}\n", arguments.join("\n"));
    assert_eq!(out, asked("build", "") + &asked("run", &run));
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.contains("built at first use"), "{err}");
}

#[test]
fn what_cannot_be_built_is_told_as_the_graders_trouble() {
    let place = &*PLACE;
    let cargo = place.folder.join("cargo-that-fails");
    let (code, out, err) = place.run(&cargo, &["merge", "a", "b"]);
    assert_eq!(code, 4, "{err}");
    assert!(!out.contains("\nrun\n"), "{out}");
    assert!(err.contains("cargo could not build it"), "{err}");
}

#[test]
fn help_and_wrong_arguments_build_nothing() {
    let place = &*PLACE;
    let none = Path::new("/nowhere/cargo");
    for command in ["batch", "merge", "import", "new-lab"] {
        let (code, out, err) = place.run(none, &[command, "--help"]);
        assert_eq!(code, 0, "{command}: {err}");
        assert!(out.contains("For course staff"), "{command}: {out}");
    }
    let wrong = [
        &["batch", "lab0", "batch.toml", "--shard", "5/4"][..],
        &["batch", "lab0", "batch.toml", "--budget", "soon"],
        &["import", "class", "--layout", "usb-stick"],
        &["merge", "out"],
    ];
    for arguments in wrong {
        let (code, out, err) = place.run(none, arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {err}");
    }
}

#[test]
fn without_cargo_it_says_what_is_missing() {
    let place = &*PLACE;
    let (code, out, err) = place.run(Path::new("/nowhere/cargo"), &["import", "class"]);
    assert_eq!((code, out.as_str()), (4, ""), "{err}");
    for part in [
        "faultline-full",
        "/nowhere/cargo cannot be started",
        "README.md says how to install it",
    ] {
        assert!(err.contains(part), "{part}: {err}");
    }
}

/// In what students get that program is not, and cargo is not even asked for it.
#[test]
fn a_release_for_students_has_not_the_other_program() {
    let place = &*PLACE;
    let project = place.folder.join("release");
    for folder in ["labs", "rubrics"] {
        fs::create_dir_all(project.join(folder)).expect("a new folder");
    }
    let lock = "[[package]]\nname = \"faultline\"\n";
    for (file, text) in [("Cargo.toml", ""), ("Cargo.lock", lock)] {
        fs::write(project.join(file), text).expect("a new file");
    }
    let (code, out, err) = place.run_in(&project, &place.cargo(), &["merge", "a", "b"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(
        err.contains("a release for students has no program for it"),
        "{err}"
    );
}
