//! What compiles, what does not, and what has no influence.

use std::{fs, process::Command, sync::LazyLock};

use faultline_host::{
    Staged,
    build::{Level, Obstacle},
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
