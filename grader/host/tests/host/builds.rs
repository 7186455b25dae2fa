//! What compiles, what does not, and what has no influence.

use std::{fs, process::Command, sync::LazyLock};

use faultline_host::{
    BuildError, Sandbox, Staged,
    build::{Level, Obstacle, Options},
    stage::LeftOut,
};

use crate::workshop::*;

#[test]
fn an_error_names_the_students_file() {
    let files = changed(&[(
        "src/server.rs",
        "Server { values: Map::new()",
        "Server { values: 7",
    )]);
    let error = why_not(&files);
    assert_eq!(error.obstacle, Obstacle::Compiler);
    assert!(
        error.plain.contains("--> src/server.rs:") && error.plain.contains("E0308"),
        "{error}"
    );
    assert!(
        !error.plain.contains('\u{1b}') && error.coloured.contains("\u{1b}["),
        "{error}"
    );
    let first = error
        .diagnostics
        .iter()
        .find(|each| each.level == Level::Error)
        .expect("there is an error");
    assert!(
        first
            .place()
            .is_some_and(|place| place.starts_with("src/server.rs:"))
    );
}

#[test]
fn messages_name_no_folder_of_this_machine() {
    // The notes of these errors lead to labkit and serde.
    let files = changed(&[(
        "src/server.rs",
        "#[derive(Debug, Serialize, Deserialize)]",
        "#[derive(Debug)]",
    )]);
    let error = why_not(&files);
    assert!(
        error.plain.contains("labs/labkit/src/node.rs") && error.plain.contains("serde::Serialize"),
        "{error}"
    );
    let home = std::env::home_dir().expect("there is a home");
    for folder in [root(), &std::env::temp_dir(), &home] {
        assert!(
            !error.plain.contains(&format!("{}/", folder.display())),
            "{error}"
        );
    }
    // Where a library's sources are, and which version of it they are, differs, too.
    for name in ["/rustc/", "cargo/", "serde_core-1"] {
        assert!(!error.plain.contains(name), "{error}");
    }
}

/// What `derive` writes is defined in a procedural macro, which runs in the compiler: its sources,
/// and those of the standard library's own libraries, are nothing that the submission asked for.
#[test]
fn errors_that_lead_into_libraries_are_shown_and_are_the_same_in_a_sandbox() {
    let state = |field: &str| {
        let before = "    values: Map<String, String>,\n";
        changed(&[(
            "src/server.rs",
            before,
            &format!("{before}    more: {field},\n"),
        )])
    };
    let sandbox = Sandbox::find(&TOOLCHAIN);
    for (files, shown) in [
        (
            state("std::rc::Rc<u8>"),
            "`Rc<u8>: serde::Serialize` is not satisfied",
        ),
        (state("Map<f64, u8>"), "`f64: Ord` is not satisfied"),
        (
            state("*const u8"),
            "`*const u8: serde::Serialize` is not satisfied",
        ),
        (
            with_code(
                "pub fn f(all: std::collections::HashMap<u8, std::rc::Rc<u8>>) {\n\
                 std::thread::spawn(move || all.len()); }",
            ),
            "appears within the type `HashMap<u8, Rc<u8>>`",
        ),
        (
            with_code("pub fn f(x: Vec<u8>) -> u64 { x.iter().sum() }"),
            "`u64` implements `Sum`",
        ),
    ] {
        let error = why_not(&files);
        assert!(error.plain.contains("error[E0277]"), "{error}");
        assert!(error.plain.contains(shown), "{error}");
        assert!(
            !error.plain.contains("--> /") && !error.plain.contains("::: /"),
            "{error}"
        );
        if let Ok(sandbox) = &sandbox {
            let options = Options::new(sandbox, &NEVER);
            let Err(BuildError::Submission(other)) = build_with(&files, &options) else {
                panic!("it is no other error in a sandbox");
            };
            assert_eq!(error.plain, other.plain);
            assert_eq!(error.coloured, other.coloured);
        }
    }
}

/// Whoever asks for it himself is refused, although it is nobody's secret: what may be read is
/// simple.
#[test]
fn a_librarys_source_is_no_source_of_a_submission() {
    let labkit = root().join("labs/labkit/src/lib.rs");
    let toolchain = TOOLCHAIN.sysroot().join("lib/rustlib/components");
    for file in [labkit, toolchain] {
        for code in hidden_reads(&file.display().to_string().replace('\\', "/")) {
            let files = with_code(&code);
            faultline_host::scan(&files).expect("it is hidden from the scan");
            let rejected = why_rejected(&files, &usual());
            assert!(
                rejected.text.contains("no part of it"),
                "{code}: {rejected}"
            );
        }
    }
}

/// If the compiler gives up before it says what it has read, names alone are no reason to refuse.
#[test]
fn a_name_like_a_macros_hides_no_error() {
    let code = "pub fn f(include: u8) -> &'static str { let env = (include; \"include\" }";
    let error = why_not(&with_code(code));
    assert!(error.plain.contains("delimiter"), "{error}");
}

#[test]
fn what_the_compiler_did_not_get_stands_below_its_errors() {
    let mut files = with_code("pub fn f() -> u8 { rand::random() }");
    let staged = Staged::from_files(&files).expect("it can be staged");
    let left_out = |path: &str, why: &str| LeftOut {
        path: path.to_owned(),
        why: why.to_owned().into(),
    };
    let asked = "it asks for the crate `rand` 0.8, but submissions are linked with labkit, \
                 lab2-api and serde only";
    let all = [
        left_out("src/data.txt", "no source"),
        left_out("tests", "no source"),
        left_out("Cargo.toml", asked),
    ];
    let staged = staged.and_left_out(all);
    let Err(BuildError::Submission(error)) = PREBUILT.compile(&staged, &usual()) else {
        panic!("it does not build");
    };
    let notes = "\n\nnote: these files are not graded, so the compiler did not see them\n  \
                 src/data.txt: no source\n\nnote: a submission's manifest has no effect\n  \
                 Cargo.toml: it asks for the crate `rand` 0.8, but submissions are linked\n    \
                 with labkit, lab2-api and serde only";
    assert!(
        error.plain.ends_with(notes) && error.coloured.ends_with(notes),
        "{error}"
    );
    // The lab's own contract, too.
    files.insert("src/lib.rs".to_owned(), "//! Nothing.\n".to_owned());
    let staged = Staged::from_files(&files).expect("it can be staged");
    let staged = staged.and_left_out([left_out("src/old.rs", "no source")]);
    let Err(BuildError::Submission(error)) = PREBUILT.compile(&staged, &usual()) else {
        panic!("it does not build");
    };
    assert_eq!(error.obstacle, Obstacle::LabContract);
    assert!(
        error
            .plain
            .ends_with("did not see them\n  src/old.rs: no source"),
        "{error}"
    );
}

#[test]
fn warnings_are_kept() {
    assert_eq!(build(&fixture("kv")).expect("it builds").warnings, []);
    let files = changed(&[(
        "src/server.rs",
        "        ViewServer\n",
        "        let unused = 1;\n        ViewServer\n",
    )]);
    let warnings = build(&files).expect("it builds").warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(warnings[0].code.as_deref(), Some("unused_variables"));
}

#[test]
fn unsafe_code_is_refused() {
    for code in [
        "pub fn f() -> u8 { unsafe { *std::ptr::null() } }",
        "#[unsafe(no_mangle)]\npub extern \"C\" fn faultline_call() {}",
        "unsafe extern \"C\" { fn panicked(); }",
    ] {
        let text = why_rejected(&with_code(code), &usual()).text;
        assert!(
            text.contains("`unsafe`") && text.contains("Write it without `unsafe`"),
            "{text}"
        );
    }
    // The scan knows words, the compiler what they mean.
    let mut files = fixture("kv");
    let text = files.get_mut("src/lib.rs").expect("it is there");
    *text = format!("#![allow(unsafe_code)]\n{text}");
    let error = why_not(&files);
    assert!(error.plain.contains("forbid"), "{error}");
}

/// The scan finds these, whatever the compiler would say.
#[test]
fn other_files_are_not_asked_for() {
    for code in [
        "pub const TEXT: &str = include_str!(\"/etc/hostname\");",
        "include!(\"/etc/hostname\");",
        "#[path = \"/etc/hostname\"]\nmod secret;",
        "pub const BYTES: &[u8] = include_bytes!(\"/etc/hostname\");\nfn unclosed() {",
    ] {
        let text = why_rejected(&with_code(code), &usual()).text;
        assert!(
            text.contains("src/lib.rs:") && text.contains("another file")
                || text.contains("any file"),
            "{text}"
        );
    }
}

/// Macros put these together, so the scan does not see them, and without a sandbox the compiler
/// reads the file.
#[test]
fn what_the_scan_does_not_see_the_audit_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("secret.rs");
    fs::write(&secret, "SECRET line of text").expect("it can be written");
    let secret = secret.display().to_string().replace('\\', "/");
    for code in hidden_reads(&secret) {
        let files = with_code(&code);
        faultline_host::scan(&files).expect("it is hidden from the scan");
        let rejected = why_rejected(&files, &usual());
        assert!(
            !format!("{rejected:?}").contains("SECRET"),
            "{code}: {rejected}"
        );
        assert!(
            rejected.text.contains("no part of it") && rejected.text.contains("withheld"),
            "{code}: {rejected}"
        );
    }
}

/// (That there is nothing to be seen in it is tried by `cargo grade doctor`, and by the hostile
/// corpus with a token in it.)
#[test]
fn asking_for_the_environment_is_told_by_the_audit() {
    // Put together by a macro, or the scan would see it.
    let code = "macro_rules! ask { ($ask:ident, $name:literal) => { $ask!($name) } }\n\
                const HOME: Option<&str> = ask!(option_env, \"HOME\");\n\
                const _: () = assert!(HOME.is_none());";
    let files = with_code(code);
    faultline_host::scan(&files).expect("it is hidden from the scan");
    let rejected = why_rejected(&files, &usual());
    assert!(
        rejected.text.contains("a variable of the environment") && rejected.text.contains("`HOME`"),
        "{rejected}"
    );
}

#[test]
fn the_same_sources_give_the_same_bytes() {
    let first = build(&fixture("kv")).expect("it builds").wasm;
    assert!(first == build(&fixture("kv")).expect("it builds").wasm);
    let text = String::from_utf8_lossy(&first);
    for folder in [
        root().display().to_string(),
        std::env::temp_dir().display().to_string(),
    ] {
        assert!(
            !text.contains(&format!("{folder}/")),
            "{folder} is in the module"
        );
    }
    let home = std::env::home_dir()
        .expect("there is a home")
        .display()
        .to_string();
    assert!(!text.contains(&home), "the home folder is in the module");
}

#[test]
fn a_submissions_configuration_has_no_influence() {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in fixture("kv") {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }
    fs::write(folder.path().join("Cargo.toml"), "this is not even toml")
        .expect("it can be written");
    fs::write(folder.path().join("build.rs"), "fn main() { panic!() }").expect("it can be written");
    fs::create_dir(folder.path().join(".cargo")).expect("it can be made");
    let config = "[build]\nrustflags = [\"--cfg\", \"cheat\"]\nrustc = \"/bin/false\"\n";
    fs::write(folder.path().join(".cargo/config.toml"), config).expect("it can be written");
    let staged = Staged::from_folder(folder.path()).expect("it is a crate");
    let left_out: Vec<_> = staged
        .left_out()
        .iter()
        .map(|each| each.path.as_str())
        .collect();
    assert_eq!(left_out, [".cargo", "build.rs"]);
    let built = PREBUILT.compile(&staged, &usual()).expect("it builds");
    assert!(built.wasm == build(&fixture("kv")).expect("it builds").wasm);
}

/// Runs the test below in a process with flags that would break every compilation.
#[test]
fn flags_in_the_environment_have_no_influence() {
    LazyLock::force(&PREBUILT);
    // Without its stamp, the other process has to ask cargo.
    fs::remove_file(root().join("target/faultline/lab2-api.stamp.json"))
        .expect("it has been built");
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "builds::the_same_sources_give_the_same_bytes"]);
    for name in [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_BUILD_RUSTFLAGS",
    ] {
        command.env(name, "--no-such-flag");
    }
    for name in [
        "RUSTC_WRAPPER",
        "CARGO_BUILD_RUSTC_WRAPPER",
        "RUSTC",
        "CARGO_BUILD_RUSTC",
    ] {
        command.env(name, "/no/such/program");
    }
    command
        .env("CARGO_TARGET_DIR", "/no/such/folder")
        .env("CARGO_PROFILE_GUEST_OPT_LEVEL", "nonsense");
    let output = command.output().expect("it runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

/// With a target folder that submissions share, cargo gave one whose files are older the program of
/// another.
#[test]
fn older_timestamps_never_get_a_neighbours_build() {
    use std::time::{Duration, SystemTime};
    let hour = Duration::from_secs(3600);
    let at = |files: &Files, time: SystemTime| {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("Cargo.toml"), "").expect("it can be written");
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
            fs::write(&path, text).expect("it can be written");
            fs::File::options()
                .write(true)
                .open(&path)
                .and_then(|file| file.set_modified(time))
                .expect("it is ours");
        }
        PREBUILT
            .compile(
                &Staged::from_folder(folder.path()).expect("a crate"),
                &usual(),
            )
            .expect("it builds")
            .wasm
    };
    let now = SystemTime::now();
    let neighbour = at(
        &changed(&[(
            "src/server.rs",
            "        ViewServer\n",
            "        println!(\"neighbour\");\n        ViewServer\n",
        )]),
        now + hour,
    );
    let older = at(&fixture("kv"), now - 1000 * hour);
    assert!(older != neighbour);
    assert!(older == build(&fixture("kv")).expect("it builds").wasm);
}

#[test]
fn a_number_without_room_in_a_usize_is_explained() {
    for (code, explained) in [
        ("pub const EPOCH: usize = 1 << 40;", true),
        ("pub fn far() -> usize { 5_000_000_000 }", true),
        ("pub const SUM: usize = 100_000 * 100_000;", true),
        ("pub const SMALL: u8 = 200 + 100;", false),
        ("pub const WRONG: usize = 5_u64;", false),
    ] {
        let error = why_not(&with_code(code));
        let text = &error.plain;
        assert_eq!(
            text.contains("nodes are 32-bit programs"),
            explained,
            "{code}: {text}"
        );
        assert_eq!(
            text.matches("hint: nodes").count(),
            usize::from(explained),
            "{text}"
        );
    }
}

#[test]
fn a_name_that_keeps_from_optimising_must_be_code() {
    let plain = build(&fixture("kv")).expect("it builds").wasm;
    let talk = "// A TcpStream.\npub const TEXT: &str = \"TcpStream\";";
    let talked = build(&with_code(talk)).expect("it builds").wasm;
    let code = "pub fn never() -> bool { std::net::TcpStream::connect(\"127.0.0.1:80\").is_ok() }";
    let meant = build(&with_code(code)).expect("it builds").wasm;
    assert!(
        talked.len() < plain.len() + 1_000,
        "{} {}",
        talked.len(),
        plain.len()
    );
    assert!(
        meant.len() > talked.len() + 10_000,
        "{} {}",
        meant.len(),
        talked.len()
    );
}
