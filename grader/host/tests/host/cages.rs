//! Behind walls the compiler reaches nothing, even with the scan and the audit out of the way.
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
    Cage,
    build::Options,
    cage::{self, Rooms},
    supervise::{Ended, How, Supervised},
};

use crate::workshop::*;

const MINUTE: Duration = Duration::from_secs(60);

/// The cages that work here.
static CAGES: LazyLock<Vec<Cage>> = LazyLock::new(|| {
    let tried = [
        ("Landlock", Cage::landlock(&TOOLCHAIN)),
        ("bubblewrap", Cage::bubblewrap(&TOOLCHAIN)),
    ];
    let works = |(name, cage): (&str, Result<Cage, String>)| match cage {
        Ok(cage) => Some(cage),
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

    fn run(&self, cage: &Cage, mut command: Command) -> Ended {
        let readable = [
            TOOLCHAIN.sysroot(),
            Path::new("/bin"),
            Path::new("/usr/bin"),
        ]
        .map(Path::to_owned)
        .to_vec();
        let rooms = Rooms {
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
        cage.run(command, &rooms, MINUTE, &limits)
            .expect("it can be started")
    }

    fn bash(&self, cage: &Cage, script: &str) -> Ended {
        let mut command = Command::new("/bin/bash");
        command.args(["-c", script]);
        self.run(cage, command)
    }

    fn rustc(&self, cage: &Cage, source: &str, product: &Path) -> Ended {
        fs::write(self.inside.path().join("x.rs"), source).expect("it can be written");
        let mut command = Command::new(TOOLCHAIN.rustc());
        command.args(["--crate-type", "lib", "--emit"]);
        command
            .arg(format!("metadata={}", product.display()))
            .arg("x.rs");
        self.run(cage, command)
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
    let read =
        |cage: &Cage| said(&scene.rustc(cage, &source, &scene.inside.path().join("x.rmeta")));
    assert!(read(&OPEN).contains("CANARY"), "without walls it is");
    for cage in CAGES.iter() {
        let quoted = read(cage);
        assert!(
            quoted.contains("couldn't read") && !quoted.contains("CANARY"),
            "{:?}: {quoted}",
            cage.layers()
        );
        let echoed = said(&scene.bash(
            cage,
            &format!("read x < {}; echo $x", scene.canary().display()),
        ));
        assert!(!echoed.contains("CANARY"), "{:?}: {echoed}", cage.layers());
    }
}

#[test]
fn nothing_outside_can_be_written() {
    let scene = Scene::new();
    let (inside, outside) = (
        scene.inside.path().join("x.rmeta"),
        scene.outside.path().join("x.rmeta"),
    );
    for cage in CAGES.iter() {
        assert!(
            succeeded(&scene.rustc(cage, "", &inside)),
            "{:?}",
            cage.layers()
        );
        assert!(
            fs::remove_file(&inside).is_ok(),
            "{:?}: inside it can",
            cage.layers()
        );
        scene.rustc(cage, "", &outside);
        assert!(!outside.exists(), "{:?}", cage.layers());
        let canary = scene.canary().display().to_string();
        scene.bash(
            cage,
            &format!("echo x > {canary}; rm {canary}; mv {canary} moved; ln {canary} linked"),
        );
        assert_eq!(
            fs::read_to_string(&canary).expect("it is there"),
            "CANARY",
            "{:?}",
            cage.layers()
        );
    }
    assert!(
        succeeded(&scene.rustc(&OPEN, "", &outside)) && outside.exists(),
        "without walls it can"
    );
}

#[test]
fn there_is_no_network() {
    let scene = Scene::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a network");
    let port = listener.local_addr().expect("it has one").port();
    let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected");
    assert!(
        said(&scene.bash(&OPEN, &connect)).contains("connected"),
        "without walls there is"
    );
    for cage in CAGES.iter() {
        assert!(
            !said(&scene.bash(cage, &connect)).contains("connected"),
            "{:?}",
            cage.layers()
        );
    }
}

#[test]
fn other_processes_are_out_of_reach() {
    let scene = Scene::new();
    let me = std::process::id();
    let reach = format!("read x < /proc/{me}/environ && echo read; kill -0 {me} && echo killed");
    let open = said(&scene.bash(&OPEN, &reach));
    assert!(
        open.contains("killed"),
        "without walls they are not: {open}"
    );
    for cage in CAGES.iter() {
        let said = said(&scene.bash(cage, &reach));
        // Before its sixth version, Landlock knew nothing of signals.
        let old = cage.layers().iter().any(|layer| {
            ["1", "2", "3", "4", "5"]
                .iter()
                .any(|v| *layer == format!("landlock {v}"))
        });
        assert!(
            !said.contains("read\n") && (old || !said.contains("killed")),
            "{:?}: {said}",
            cage.layers()
        );
    }
}

#[test]
fn memory_files_and_time_are_limited() {
    let scene = Scene::new();
    for cage in CAGES.iter().chain([&*OPEN]) {
        let ended = scene.bash(
            cage,
            "read go; ulimit -v; ulimit -f; ulimit -c; ulimit -t; ulimit -n",
        );
        // In KiB; bash counts files in KiB, too.
        assert_eq!(
            said(&ended),
            "4194304\n262144\n0\n60\n1024\n",
            "{:?}",
            cage.layers()
        );
    }
}

#[test]
fn what_is_killed_at_the_deadline_dies_behind_walls_too() {
    let scene = Scene::new();
    let rooms = Rooms {
        readable: vec!["/bin".into(), "/usr/bin".into()],
        writable: scene.inside.path().to_owned(),
    };
    for cage in CAGES.iter() {
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
        let ended = cage
            .run(command, &rooms, MINUTE, &limits)
            .expect("it can be started");
        assert_eq!(
            ended.how,
            How::OverTime,
            "{:?}: {}",
            cage.layers(),
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
                cage.layers()
            );
            std::thread::yield_now();
        }
    }
}

/// Walls must not hide how the compiler ended: it is told by signals.
#[test]
fn bombs_are_told_alike_behind_walls() {
    let endless = "#![allow(long_running_const_eval)]\npub const ENDLESS: u64 = { let mut i = \
                   0_u64; loop { i = \
                   i.wrapping_add(1); if i == u64::MAX { break i; } } };\n";
    let mut files = fixture("kv");
    files
        .entry("src/lib.rs".to_owned())
        .and_modify(|text| *text = format!("{endless}{text}"));
    let crash = with_code(&format!("pub const DEEP: u64 = {}1;", "!".repeat(200_000)));
    for cage in CAGES.iter() {
        let options = Options {
            cpu_limit: Duration::from_secs(1),
            ..Options::new(cage, &NEVER)
        };
        let text = why_rejected(&files, &options).text;
        assert!(
            text.contains("it computed for 1 seconds"),
            "{:?}: {text}",
            cage.layers()
        );
        let text = why_rejected(&crash, &options).text;
        assert!(text.contains("it crashed"), "{:?}: {text}", cage.layers());
    }
}

#[test]
fn a_submission_is_the_same_program_behind_walls() {
    let open = build(&fixture("kv")).expect("it builds").wasm;
    for cage in CAGES.iter() {
        let built = build_with(&fixture("kv"), &Options::new(cage, &NEVER))
            .unwrap_or_else(|error| panic!("{error}"));
        assert!(built.wasm == open, "{:?}", cage.layers());
        // Messages are the same, too.
        let wrong = changed(&[(
            "src/server.rs",
            "#[derive(Debug, Serialize, Deserialize)]",
            "#[derive(Debug)]",
        )]);
        let message = |cage: &Cage| match build_with(&wrong, &Options::new(cage, &NEVER)) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("it builds"),
        };
        assert_eq!(message(cage), message(&OPEN), "{:?}", cage.layers());
    }
}

#[test]
fn hidden_reads_are_rejected_behind_walls_without_a_word_of_the_file() {
    let scene = Scene::new();
    for cage in CAGES.iter() {
        for code in hidden_reads(&scene.canary().display().to_string()) {
            let result = build_with(&with_code(&code), &Options::new(cage, &NEVER));
            let error = result.expect_err("it reads a file");
            assert!(!format!("{error:?}").contains("CANARY"), "{code}: {error}");
        }
    }
}

#[test]
fn the_best_cage_is_found_once_and_names_its_layers() {
    let Ok(cage) = Cage::find(&TOOLCHAIN) else {
        assert!(CAGES.is_empty(), "one works");
        return;
    };
    assert_eq!(Some(&cage), CAGES.first());
    assert_eq!(cage, Cage::find(&TOOLCHAIN).expect("it was found before"));
    let last = ["rlimits", "process group", "empty environment"];
    assert!(
        cage.is_closed() && cage.layers().ends_with(&last.map(str::to_owned)),
        "{:?}",
        cage.layers()
    );
    assert_eq!(OPEN.layers(), last);
}

#[test]
fn the_doctor_says_what_works_and_what_to_do() {
    let layers = cage::doctor(&TOOLCHAIN);
    let works = |name: &str| {
        layers
            .iter()
            .find(|layer| layer.name == name)
            .expect("it is looked at")
            .works
    };
    for cage in CAGES.iter() {
        for layer in cage.layers() {
            let name = if layer.starts_with("landlock ") {
                "landlock"
            } else {
                layer
            };
            assert!(works(name), "{layers:?}");
        }
    }
    assert!(
        layers
            .iter()
            .all(|layer| !layer.detail.is_empty() && layer.works == layer.advice.is_empty()),
        "{layers:?}"
    );
}
