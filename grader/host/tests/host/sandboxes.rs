//! In a sandbox the compiler reaches nothing, even with the scan and the audit out of the way.
#![cfg(target_os = "linux")]

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
    time::Duration,
};

use faultline_host::{
    Sandbox,
    build::Options,
    sandbox::{self, FileAccess},
    supervise::{Ended, How, Supervised},
};

use crate::workshop::*;

const MINUTE: Duration = Duration::from_secs(60);

/// The sandboxes that work here.
static SANDBOXES: LazyLock<Vec<Sandbox>> = LazyLock::new(|| {
    let tried = [
        (
            "Landlock",
            Sandbox::landlock(&TOOLCHAIN, &std::env::temp_dir()),
        ),
        (
            "bubblewrap",
            Sandbox::bubblewrap(&TOOLCHAIN, &std::env::temp_dir()),
        ),
    ];
    let works = |(name, sandbox): (&str, Result<Sandbox, String>)| match sandbox {
        Ok(sandbox) => Some(sandbox),
        Err(why) => {
            println!("{name} is not tested, since it does not work here: {why}");
            None
        }
    };
    tried.into_iter().filter_map(works).collect()
});

/// A place inside, and one outside with a file that is nobody's business.
struct Scene {
    inside: tempfile::TempDir,
    outside: tempfile::TempDir,
}

impl Scene {
    fn new() -> Scene {
        let folder = || tempfile::tempdir().expect("a folder");
        let scene = Scene {
            inside: folder(),
            outside: folder(),
        };
        fs::write(scene.canary(), "CANARY").expect("it can be written");
        scene
    }

    fn canary(&self) -> PathBuf {
        self.outside.path().join("canary")
    }

    fn run(&self, sandbox: &Sandbox, mut command: Command) -> Ended {
        let readable = [
            TOOLCHAIN.sysroot(),
            Path::new("/bin"),
            Path::new("/usr/bin"),
        ]
        .map(Path::to_owned)
        .to_vec();
        let access = FileAccess {
            readable,
            writable: self.inside.path().to_owned(),
        };
        let limits = Supervised {
            wall: MINUTE,
            output_bytes: 1 << 20,
            // What reads it knows that its limits are set by then.
            stdin: b"go\n".to_vec(),
            keep_stdin_open: false,
            interrupt: &NEVER,
            grace: Duration::ZERO,
        };
        command
            .env_clear()
            .env("TMPDIR", self.inside.path())
            .current_dir(self.inside.path());
        sandbox
            .run(command, &access, MINUTE, &limits)
            .expect("it can be started")
    }

    fn bash(&self, sandbox: &Sandbox, script: &str) -> Ended {
        let mut command = Command::new("/bin/bash");
        command.args(["-c", script]);
        self.run(sandbox, command)
    }

    fn rustc(&self, sandbox: &Sandbox, source: &str, product: &Path) -> Ended {
        fs::write(self.inside.path().join("x.rs"), source).expect("it can be written");
        let mut command = Command::new(TOOLCHAIN.rustc());
        command.args(["--crate-type", "lib", "--emit"]);
        command
            .arg(format!("metadata={}", product.display()))
            .arg("x.rs");
        self.run(sandbox, command)
    }
}

fn succeeded(ended: &Ended) -> bool {
    matches!(ended.how, How::Exited(status) if status.success())
}

fn said(ended: &Ended) -> String {
    String::from_utf8_lossy(&[ended.stdout.as_slice(), &ended.stderr].concat()).into_owned()
}

#[test]
fn a_file_outside_is_not_readable() {
    let scene = Scene::new();
    let source = format!(
        "compile_error!(include_str!({:?}));",
        scene.canary().display().to_string()
    );
    let read = |sandbox: &Sandbox| {
        said(&scene.rustc(sandbox, &source, &scene.inside.path().join("x.rmeta")))
    };
    assert!(
        read(&NO_SANDBOX).contains("CANARY"),
        "without a sandbox it is"
    );
    for sandbox in SANDBOXES.iter() {
        let quoted = read(sandbox);
        assert!(
            quoted.contains("couldn't read") && !quoted.contains("CANARY"),
            "{:?}: {quoted}",
            sandbox.mechanisms()
        );
        let echoed = said(&scene.bash(
            sandbox,
            &format!("read x < {}; echo $x", scene.canary().display()),
        ));
        assert!(
            !echoed.contains("CANARY"),
            "{:?}: {echoed}",
            sandbox.mechanisms()
        );
    }
}

#[test]
fn nothing_outside_can_be_written() {
    let scene = Scene::new();
    let (inside, outside) = (
        scene.inside.path().join("x.rmeta"),
        scene.outside.path().join("x.rmeta"),
    );
    for sandbox in SANDBOXES.iter() {
        assert!(
            succeeded(&scene.rustc(sandbox, "", &inside)),
            "{:?}",
            sandbox.mechanisms()
        );
        assert!(
            fs::remove_file(&inside).is_ok(),
            "{:?}: inside it can",
            sandbox.mechanisms()
        );
        scene.rustc(sandbox, "", &outside);
        assert!(!outside.exists(), "{:?}", sandbox.mechanisms());
        let canary = scene.canary().display().to_string();
        scene.bash(
            sandbox,
            &format!("echo x > {canary}; rm {canary}; mv {canary} moved; ln {canary} linked"),
        );
        assert_eq!(
            fs::read_to_string(&canary).expect("it is there"),
            "CANARY",
            "{:?}",
            sandbox.mechanisms()
        );
    }
    assert!(
        succeeded(&scene.rustc(&NO_SANDBOX, "", &outside)) && outside.exists(),
        "without a sandbox it can"
    );
}

#[test]
fn there_is_no_network() {
    let scene = Scene::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a network");
    let port = listener.local_addr().expect("it has one").port();
    let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected");
    assert!(
        said(&scene.bash(&NO_SANDBOX, &connect)).contains("connected"),
        "without a sandbox there is"
    );
    for sandbox in SANDBOXES.iter() {
        assert!(
            !said(&scene.bash(sandbox, &connect)).contains("connected"),
            "{:?}",
            sandbox.mechanisms()
        );
    }
}

#[test]
fn other_processes_are_out_of_reach() {
    let scene = Scene::new();
    let me = std::process::id();
    let reach = format!("read x < /proc/{me}/environ && echo read; kill -0 {me} && echo killed");
    let open = said(&scene.bash(&NO_SANDBOX, &reach));
    assert!(
        open.contains("killed"),
        "without a sandbox they are not: {open}"
    );
    for sandbox in SANDBOXES.iter() {
        let said = said(&scene.bash(sandbox, &reach));
        // Before its sixth version, Landlock knew nothing of signals.
        let old = sandbox.mechanisms().iter().any(|mechanism| {
            ["1", "2", "3", "4", "5"]
                .iter()
                .any(|v| *mechanism == format!("landlock {v}"))
        });
        assert!(
            !said.contains("read\n") && (old || !said.contains("killed")),
            "{:?}: {said}",
            sandbox.mechanisms()
        );
    }
}

#[test]
fn memory_files_and_time_are_limited() {
    let scene = Scene::new();
    for sandbox in SANDBOXES.iter().chain([&*NO_SANDBOX]) {
        let ended = scene.bash(
            sandbox,
            "read go; ulimit -v; ulimit -f; ulimit -c; ulimit -t; ulimit -n",
        );
        // In KiB; bash counts files in KiB, too.
        assert_eq!(
            said(&ended),
            "4194304\n262144\n0\n60\n1024\n",
            "{:?}",
            sandbox.mechanisms()
        );
    }
}

#[test]
fn what_is_killed_at_the_deadline_dies_in_a_sandbox_too() {
    let scene = Scene::new();
    let access = FileAccess {
        readable: vec!["/bin".into(), "/usr/bin".into()],
        writable: scene.inside.path().to_owned(),
    };
    for sandbox in SANDBOXES.iter() {
        let mut command = Command::new("/bin/bash");
        command.env_clear().current_dir(scene.inside.path());
        // The wrapper and its child both are in this folder.
        command.args(["-c", "bash -c 'sleep 1000; true'; true"]);
        let limits = Supervised {
            wall: Duration::from_millis(700),
            output_bytes: 1000,
            stdin: Vec::new(),
            keep_stdin_open: false,
            interrupt: &NEVER,
            grace: Duration::ZERO,
        };
        let ended = sandbox
            .run(command, &access, MINUTE, &limits)
            .expect("it can be started");
        assert_eq!(
            ended.how,
            How::OverTime,
            "{:?}: {}",
            sandbox.mechanisms(),
            said(&ended)
        );
        let began = std::time::Instant::now();
        let at = |process: fs::DirEntry| fs::read_link(process.path().join("cwd")).ok();
        let left = || {
            fs::read_dir("/proc")
                .expect("there are processes")
                .flatten()
                .filter_map(at)
                .any(|at| at == scene.inside.path())
        };
        while left() {
            assert!(
                began.elapsed() < MINUTE,
                "{:?}: somebody is left",
                sandbox.mechanisms()
            );
            std::thread::yield_now();
        }
    }
}

/// Isolation must not hide how the compiler ended: it is told by signals.
#[test]
fn bombs_are_told_alike_in_a_sandbox() {
    let endless = "#![allow(long_running_const_eval)]\npub const ENDLESS: u64 = { let mut i = \
                   0_u64; loop { i = i.wrapping_add(1); if i == u64::MAX { break i; } } };\n";
    let mut files = fixture("kv");
    files
        .entry("src/lib.rs".to_owned())
        .and_modify(|text| *text = format!("{endless}{text}"));
    let crash = with_code(&format!("pub const DEEP: u64 = {}1;", "!".repeat(200_000)));
    for sandbox in SANDBOXES.iter() {
        let options = Options {
            cpu_limit: Duration::from_secs(1),
            ..Options::new(sandbox, &NEVER)
        };
        let text = why_rejected(&files, &options).text;
        assert!(
            text.contains("it computed for 1 seconds"),
            "{:?}: {text}",
            sandbox.mechanisms()
        );
        let text = why_rejected(&crash, &options).text;
        assert!(
            text.contains("it crashed"),
            "{:?}: {text}",
            sandbox.mechanisms()
        );
    }
}

#[test]
fn a_submission_is_the_same_program_in_a_sandbox() {
    let open = build(&fixture("kv")).expect("it builds").wasm;
    for sandbox in SANDBOXES.iter() {
        let built = build_with(&fixture("kv"), &Options::new(sandbox, &NEVER))
            .unwrap_or_else(|error| panic!("{error}"));
        assert!(built.wasm == open, "{:?}", sandbox.mechanisms());
        // Messages are the same, too.
        let wrong = changed(&[(
            "src/server.rs",
            "#[derive(Debug, Serialize, Deserialize)]",
            "#[derive(Debug)]",
        )]);
        let message = |sandbox: &Sandbox| match build_with(&wrong, &Options::new(sandbox, &NEVER)) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("it builds"),
        };
        assert_eq!(
            message(sandbox),
            message(&NO_SANDBOX),
            "{:?}",
            sandbox.mechanisms()
        );
    }
}

#[test]
fn hidden_reads_are_rejected_in_a_sandbox_without_a_word_of_the_file() {
    let scene = Scene::new();
    for sandbox in SANDBOXES.iter() {
        for code in hidden_reads(&scene.canary().display().to_string()) {
            let result = build_with(&with_code(&code), &Options::new(sandbox, &NEVER));
            let error = result.expect_err("it reads a file");
            assert!(!format!("{error:?}").contains("CANARY"), "{code}: {error}");
        }
    }
}

#[test]
fn the_best_sandbox_is_found_once_and_names_its_mechanisms() {
    let Ok(sandbox) = Sandbox::find(&TOOLCHAIN) else {
        assert!(SANDBOXES.is_empty(), "one works");
        return;
    };
    assert_eq!(Some(&sandbox), SANDBOXES.first());
    assert_eq!(
        sandbox,
        Sandbox::find(&TOOLCHAIN).expect("it was found before")
    );
    let last = ["rlimits", "process group", "empty environment"];
    assert!(
        sandbox.is_active() && sandbox.mechanisms().ends_with(&last.map(str::to_owned)),
        "{:?}",
        sandbox.mechanisms()
    );
    assert_eq!(NO_SANDBOX.mechanisms(), last);
}

#[test]
fn the_doctor_says_what_works_and_what_to_do() {
    let mechanisms = sandbox::doctor(&TOOLCHAIN);
    let works = |name: &str| {
        mechanisms
            .iter()
            .find(|mechanism| mechanism.name == name)
            .expect("it is looked at")
            .works
    };
    for sandbox in SANDBOXES.iter() {
        for mechanism in sandbox.mechanisms() {
            let name = if mechanism.starts_with("landlock ") {
                "landlock"
            } else {
                mechanism
            };
            assert!(works(name), "{mechanisms:?}");
        }
    }
    assert!(
        mechanisms
            .iter()
            .all(|mechanism| !mechanism.detail.is_empty()
                && mechanism.works == mechanism.advice.is_empty()),
        "{mechanisms:?}"
    );
}
