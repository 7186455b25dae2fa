use std::{fs, path::Path};

use super::*;

fn of_lab0(text: &str) -> Vec<String> {
    wishes(text, "lab0", "lab0-api")
}

/// What the course itself writes asks for nothing.
#[test]
fn manifests_of_the_course_ask_for_nothing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the project is above");
    let mut read = 0;
    for lab in ["lab0", "lab1", "lab2", "lab3"] {
        for folder in [
            format!("starter/{lab}"),
            format!("solutions/{lab}"),
            format!("solutions/{lab}-variant"),
            format!("solutions/{lab}-third"),
        ] {
            // A students' release has starters only.
            let manifest = root.join(&folder).join("Cargo.toml");
            let Ok(text) = fs::read_to_string(manifest) else {
                continue;
            };
            let nothing: Vec<String> = Vec::new();
            assert_eq!(wishes(&text, lab, &format!("{lab}-api")), nothing);
            read += 1;
        }
    }
    assert!(read >= 4);
}

const ASKS: [(&str, &str); 29] = [
    (
        "[dependencies]\nserde = \"0.9\"",
        "it asks for serde 0.9, but submissions are linked with the course's version",
    ),
    (
        "[dependencies]\nlabkit = { git = \"https://example.org/labkit\" }",
        "it takes labkit from elsewhere (`git`), but submissions are linked with the course's",
    ),
    (
        "[dependencies]\nserde = { path = \"my-serde\" }",
        "it takes serde from elsewhere (`path`), but submissions are linked with the course's",
    ),
    (
        "[dependencies]\nserde = { version = \"1.0\", default-features = false }",
        "it turns the default features of serde off, but submissions get them",
    ),
    (
        "[lib]\ncrate-type = [\"cdylib\", \"rlib\"]",
        "it asks for another kind of crate, but submissions are compiled as a plain library",
    ),
    (
        "[dependencies]\nlabkit.workspace = true\nrand = \"0.8\"\nanyhow = { version = \"1\" }",
        "it asks for the crates `anyhow` 1 and `rand` 0.8, but submissions are linked with labkit, \
         lab0-api and serde only",
    ),
    (
        "[dependencies]\nr = { git = \"https://example.org/r\", package = \"rand\" }",
        "it asks for the crate `rand`, but submissions are linked with labkit, lab0-api and serde \
         only",
    ),
    (
        "[dependencies]\nlab1-api = { path = \"../../labs/lab1-mapreduce\" }",
        "it asks for the crate `lab1-api`, but submissions are linked with labkit, lab0-api and \
         serde only",
    ),
    (
        "[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"",
        "it asks for the crate `libc` 0.2, but submissions are linked with labkit, lab0-api and \
         serde only",
    ),
    (
        "[dependencies]\nkit = { package = \"labkit\", path = \"../../labs/labkit\" }",
        "it calls labkit `kit`, but in submissions it has its own name",
    ),
    (
        "[dependencies]\nserde = { version = \"1\", features = [\"derive\", \"rc\"] }",
        "it asks for the feature `rc` of serde, but submissions get serde with `derive` and \
         nothing else",
    ),
    (
        "[features]\ndefault = [\"fast\"]\nfast = []",
        "it has the features `default` and `fast`, but submissions are compiled without any",
    ),
    (
        "[package]\nname = \"lab0\"\nedition = \"2021\"",
        "it asks for the edition `2021`, but submissions are compiled with 2024",
    ),
    (
        "[package]\nname = \"lab0\"",
        "it asks for the edition `2015`, but submissions are compiled with 2024",
    ),
    (
        "[package]\nname = \"my-lab0\"\nedition = \"2024\"",
        "it calls the crate `my-lab0`, but it is compiled as `lab0`",
    ),
    (
        "[package]\nname = \"lab0\"\nedition = \"2024\"\n[lib]\nname = \"mine\"",
        "it calls the crate `mine`, but it is compiled as `lab0`",
    ),
    (
        "[lib]\npath = \"src/echo.rs\"",
        "it begins the crate in `src/echo.rs`, but submissions begin in `src/lib.rs`",
    ),
    (
        "[package]\nedition = \"2024\"\nbuild = \"make.rs\"",
        "it has a build script, but none is run",
    ),
    (
        "[profile.release]\noverflow-checks = false",
        "it has a section `[profile]`, but submissions are compiled with one profile",
    ),
    (
        "[patch.crates-io]\nserde = { path = \"serde\" }",
        "it has a section `[patch]`, but submissions are linked with what the course has",
    ),
    (
        "[lints.rust]\nunsafe_code = \"allow\"",
        "it has a section `[lints]`, but submissions are compiled with rustc's own lints",
    ),
    (
        "[workspace]\nmembers = [\"a\"]",
        "it has a section `[workspace]`, but one crate is graded, and no workspace",
    ),
    (
        "[[bin]]\nname = \"a\"",
        "it has a section `[[bin]]`, but only the library is graded",
    ),
    (
        "[[test]]\nname = \"a\"",
        "it has a section `[[test]]`, but only the library is graded",
    ),
    (
        "[dependencies]\n\"a\\n::error::b\\u001b[2J\" = \"1\"",
        "it asks for the crate `a\\n::error::b\\u{1b}[2J` 1, but submissions are linked with \
         labkit, lab0-api and serde only",
    ),
    (
        "[package]\nname = \"lab0\"\n= 7\n",
        "it is not valid TOML (line 3), so nobody knows what it asks for",
    ),
    (
        "<<<<<<< HEAD",
        "it is not valid TOML (line 1), so nobody knows what it asks for",
    ),
    (
        "[dependencies]\na = \"1\"\na = \"2\"",
        "it is not valid TOML (line 3), so nobody knows what it asks for",
    ),
    (
        "[dependencies]\na = 1\nb = 1\nc = 1\nd = 1\ne = 1\nf = 1\ng = 1\nh = 1",
        "it asks for the crates `a`, `b`, `c`, `d`, `e`, `f` and 2 more, but submissions are \
         linked with labkit, lab0-api and serde only",
    ),
];

#[test]
fn what_is_asked_in_vain_is_named() {
    for (manifest, wish) in ASKS {
        assert_eq!(of_lab0(manifest), [wish], "{manifest}");
    }
}

#[test]
fn what_changes_nothing_is_no_wish() {
    for manifest in [
        "",
        "[package]\nname = \"lab0\"\nedition.workspace = true\nauthors = [\"A\"]\nbuild = false",
        "[package]\nname = \"lab0-solution\"\nedition = \"2024\"\n[lib]\npath = \"./src/lib.rs\"",
        "[dependencies]\nserde = { version = \"1\", features = [\"derive\"] }\n[workspace]",
        "[dev-dependencies]\nproptest = \"1\"\n[lints]\nworkspace = true",
        "package = 7\ndependencies = [1]\nfeatures = true\ntarget = { x = 1 }\nlib = []",
    ] {
        let nothing: Vec<String> = Vec::new();
        assert_eq!(of_lab0(manifest), nothing, "{manifest}");
    }
}

/// Nobody's stack ends, and nobody's page is filled.
#[test]
fn what_is_long_or_deep_is_told_shortly() {
    let deep = 20_000;
    for manifest in [
        format!("a = {}{}", "[".repeat(deep), "]".repeat(deep)),
        format!("a = {}1{}", "{a=".repeat(deep), "}".repeat(deep)),
        format!("{}a = 1", "a.".repeat(deep)),
        format!("[{}a]", "a.".repeat(deep)),
        format!(
            "[dependencies]\n{} = \"{}\"",
            "a".repeat(deep),
            "1".repeat(deep)
        ),
    ] {
        let wishes = of_lab0(&manifest);
        assert!(wishes.iter().all(|wish| wish.len() < 300), "{wishes:?}");
    }
}
