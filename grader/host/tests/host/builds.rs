//! What compiles, what does not, and what has no influence.

use std::{fs, process::Command, sync::LazyLock, time::Duration};

use faultline_host::{
    BuildError, Staged,
    build::{Level, Obstacle, Options},
};

use crate::workshop::*;

#[test]
fn an_error_names_the_students_file() {
    let files = changed(&[("src/server.rs", "Server { values: Map::new()", "Server { values: 7")]);
    let error = why_not(&files);
    assert_eq!(error.obstacle, Obstacle::Compiler);
    assert!(error.plain.contains("--> src/server.rs:") && error.plain.contains("E0308"), "{error}");
    assert!(!error.plain.contains('\u{1b}') && error.coloured.contains("\u{1b}["), "{error}");
    let first = error.diagnostics.iter().find(|each| each.level == Level::Error).expect("there is an error");
    assert!(first.place().is_some_and(|place| place.starts_with("src/server.rs:")));
}

#[test]
fn messages_name_no_folder_of_this_machine() {
    // The notes of these errors lead to labkit and serde.
    let files = changed(&[("src/server.rs", "#[derive(Debug, Serialize, Deserialize)]", "#[derive(Debug)]")]);
    let error = why_not(&files);
    assert!(error.plain.contains("labs/labkit/src/node.rs") && error.plain.contains("serde::Serialize"), "{error}");
    let home = std::env::home_dir().expect("there is a home");
    for folder in [root(), &std::env::temp_dir(), &home] {
        assert!(!error.plain.contains(&format!("{}/", folder.display())), "{error}");
    }
}

#[test]
fn warnings_are_kept() {
    assert_eq!(build(&fixture("kv")).expect("it builds").warnings, []);
    let files = changed(&[("src/server.rs", "        ViewServer\n", "        let unused = 1;\n        ViewServer\n")]);
    let warnings = build(&files).expect("it builds").warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(warnings[0].code.as_deref(), Some("unused_variables"));
}

#[test]
fn unsafe_code_is_refused() {
    for (code, part) in [
        ("pub fn f() -> u8 { unsafe { *std::ptr::null() } }", "unsafe"),
        ("#![allow(unsafe_code)]", "forbid"),
        ("#[unsafe(no_mangle)]\npub extern \"C\" fn faultline_call() {}", "no_mangle"),
        ("unsafe extern \"C\" { fn panicked(); }", "unsafe"),
    ] {
        let mut files = fixture("kv");
        let text = files.get_mut("src/lib.rs").expect("it is there");
        *text = format!("{code}\n{text}");
        let error = why_not(&files);
        assert!(error.plain.contains(part), "{error}");
    }
}

#[test]
fn other_files_cannot_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("secret.rs");
    fs::write(&secret, "SECRET line of text").expect("it can be written");
    let secret = secret.display().to_string().replace('\\', "/");
    for code in [
        format!("pub const TEXT: &str = include_str!({secret:?});"),
        format!("include!({secret:?});"),
        format!("compile_error!(include_str!({secret:?}));"),
        format!("const _: () = panic!(\"{{}}\", include_str!({secret:?}));"),
        format!("#[path = {secret:?}]\nmod secret;"),
        format!("pub const BYTES: &[u8] = include_bytes!({secret:?});\nfn unclosed() {{"),
    ] {
        let mut files = fixture("kv");
        let text = files.get_mut("src/lib.rs").expect("it is there");
        *text = format!("{text}\n{code}\n");
        let error = why_not(&files);
        assert!(!format!("{error:?}").contains("SECRET"), "{code}: {error}");
        if !code.contains("unclosed") {
            assert_eq!(error.obstacle, Obstacle::ForeignFile, "{code}: {error}");
        }
    }
}

#[test]
fn the_environment_is_empty() {
    let line = "pub const HOME: Option<&str> = option_env!(\"HOME\");\nconst _: () = assert!(HOME.is_none());\n\
                const _: () = assert!(option_env!(\"PATH\").is_none());";
    let mut files = fixture("kv");
    files.get_mut("src/lib.rs").expect("it is there").push_str(line);
    build(&files).expect("nothing is set");
}

#[test]
fn a_compiler_without_end_is_stopped() {
    let code = "#![allow(long_running_const_eval)]\npub const ENDLESS: u64 = { let mut i = 0_u64; loop { i = \
                i.wrapping_add(1); if i == u64::MAX { break i; } } };\n";
    let mut files = fixture("kv");
    let text = files.get_mut("src/lib.rs").expect("it is there");
    *text = format!("{code}{text}");
    let options = Options { time_limit: Duration::from_secs(3), ..Options::default() };
    match build_with(&files, &options) {
        Err(BuildError::Submission(error)) => {
            assert_eq!(error.obstacle, Obstacle::Endless);
            assert!(error.plain.contains("did not finish within 3 seconds"), "{error}");
        }
        other => panic!("{:?}", other.map(|_| ())),
    }
}

#[test]
fn a_compiler_that_breaks_down_is_the_submissions_trouble() {
    let nested = format!("pub const DEEP: u64 = {}1{};", "(".repeat(200_000), ")".repeat(200_000));
    let mut files = fixture("kv");
    files.get_mut("src/lib.rs").expect("it is there").push_str(&nested);
    assert_eq!(why_not(&files).obstacle, Obstacle::Compiler);
}

#[test]
fn the_same_sources_give_the_same_bytes() {
    let first = build(&fixture("kv")).expect("it builds").wasm;
    assert!(first == build(&fixture("kv")).expect("it builds").wasm);
    let text = String::from_utf8_lossy(&first);
    for folder in [root().display().to_string(), std::env::temp_dir().display().to_string()] {
        assert!(!text.contains(&format!("{folder}/")), "{folder} is in the module");
    }
    let home = std::env::home_dir().expect("there is a home").display().to_string();
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
    fs::write(folder.path().join("Cargo.toml"), "this is not even toml").expect("it can be written");
    fs::write(folder.path().join("build.rs"), "fn main() { panic!() }").expect("it can be written");
    fs::create_dir(folder.path().join(".cargo")).expect("it can be made");
    let config = "[build]\nrustflags = [\"--cfg\", \"cheat\"]\nrustc = \"/bin/false\"\n";
    fs::write(folder.path().join(".cargo/config.toml"), config).expect("it can be written");
    let staged = Staged::from_folder(folder.path()).expect("it is a crate");
    let left_out: Vec<_> = staged.left_out().iter().map(|each| each.path.as_str()).collect();
    assert_eq!(left_out, [".cargo", "build.rs"]);
    let built = PREBUILT.compile(&staged, &Options::default()).expect("it builds");
    assert!(built.wasm == build(&fixture("kv")).expect("it builds").wasm);
}

/// Runs the test below in a process with flags that would break every compilation.
#[test]
fn flags_in_the_environment_have_no_influence() {
    LazyLock::force(&PREBUILT);
    // Without its stamp, the other process has to ask cargo.
    fs::remove_file(root().join("target/faultline/lab2-api.stamp.json")).expect("it has been built");
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "builds::the_same_sources_give_the_same_bytes"]);
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS"] {
        command.env(name, "--no-such-flag");
    }
    for name in ["RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER", "RUSTC", "CARGO_BUILD_RUSTC"] {
        command.env(name, "/no/such/program");
    }
    command.env("CARGO_TARGET_DIR", "/no/such/folder").env("CARGO_PROFILE_GUEST_OPT_LEVEL", "nonsense");
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
