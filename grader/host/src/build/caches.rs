//! Tests that an earlier build changes nothing but the time that the next one takes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{LazyLock, atomic::AtomicBool},
};

use super::{BuildError, Built, Cache, LabCrates, Options, Prebuilt, kept::Kept};
use crate::{Sandbox, Staged, Toolchain};

type Sources = BTreeMap<String, String>;

static PREBUILT: LazyLock<Prebuilt> = LazyLock::new(|| {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.ancestors().nth(2).expect("it lies in grader/host");
    let toolchain = Toolchain::find(root).expect("the project has a toolchain");
    Prebuilt::build(root, &toolchain, LabCrates::of("lab2"))
        .unwrap_or_else(|error| panic!("{error}"))
});

/// Slots that one test has for itself.
struct Slots {
    folder: tempfile::TempDir,
    prebuilt: Prebuilt,
    sandbox: Sandbox,
}

impl Slots {
    fn new() -> Slots {
        let folder = tempfile::tempdir().expect("a folder");
        let prebuilt = PREBUILT.clone().with_slots(folder.path().to_owned());
        let sandbox = Sandbox::find(&prebuilt.toolchain).unwrap_or_else(|_| Sandbox::none());
        Slots {
            folder,
            prebuilt,
            sandbox,
        }
    }

    fn build(&self, sources: &Sources, cache: Cache<'_>) -> Result<Built, BuildError> {
        let never = AtomicBool::new(false);
        let options = Options {
            cache,
            ..Options::new(&self.sandbox, &never)
        };
        self.prebuilt.compile(&staged(sources), &options)
    }

    fn module(&self, sources: &Sources, cache: Cache<'_>) -> Vec<u8> {
        let built = self.build(sources, cache);
        built.unwrap_or_else(|error| panic!("{error}")).wasm
    }

    fn slot(&self) -> PathBuf {
        self.folder.path().join("0")
    }

    /// The files of what is kept under a name, with this text in their names.
    fn files(&self, name: &str, part: &str) -> Vec<PathBuf> {
        let mut folders = vec![self.slot().join(name)];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("it is kept").flatten() {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path if path.to_string_lossy().contains(part) => files.push(path),
                    _ => {}
                }
            }
        }
        files.sort();
        files
    }
}

fn staged(sources: &Sources) -> Staged {
    Staged::from_files(sources).expect("the sources can be staged")
}

fn kv() -> Sources {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kv");
    let staged = Staged::from_folder(&folder).expect("the fixture is a crate");
    staged.sources().clone()
}

/// The sources with one text in the place of another.
fn edited(mut sources: Sources, (file, from, to): (&str, &str, &str)) -> Sources {
    let text = sources.get_mut(file).expect("there is such a file");
    assert!(text.contains(from), "{file} has {from:?}");
    *text = text.replace(from, to);
    sources
}

const CLIENT: &str = "src/client.rs";
const SERVER: &str = "src/server.rs";
const LIB: &str = "src/lib.rs";

/// What people do between two runs, each upon those before it.
const EDITS: [(&str, &str, &str); 20] = [
    (CLIENT, "from_millis(100)", "from_millis(120)"),
    (SERVER, "*last >= number", "*last == number"),
    (
        SERVER,
        "fn execute(",
        "/// Carries it out.\n    fn execute(",
    ),
    (SERVER, "use lab2_api", "\n\n\nuse lab2_api"),
    (
        LIB,
        "pub enum Message {",
        "pub enum Message {\n    Ping(u32),",
    ),
    (SERVER, "answered", "replies"),
    (SERVER, "values: Map::new()", "values: Map::default()"),
    (
        CLIENT,
        "Client { number: 0,",
        "let number = 0;\nClient { number,",
    ),
    (
        CLIENT,
        "&& self.pending.take()",
        "&& self.pending.is_some() && self.pending.take()",
    ),
    (
        CLIENT,
        "number += 1;",
        "number += 1;\nprintln!(\"{}\", self.number);",
    ),
    (CLIENT, "number += 1;", "number += 2;"),
    (LIB, "mod server;", "mod server;\nmod extra;"),
    (
        SERVER,
        "insert(key, value)",
        "insert(key, crate::extra::twice(value, |text| text))",
    ),
    ("src/extra.rs", "once", "again"),
    ("src/extra.rs", "T: Clone", "T: Clone + PartialEq"),
    (
        SERVER,
        "let output = match",
        "println!(\"asked\");\nlet output = match",
    ),
    (
        SERVER,
        "println!(\"asked\");",
        "println!(\"asked for {number}\");",
    ),
    (
        SERVER,
        "fn on_timer(&mut self, (): ()",
        "fn on_timer(&mut self, unused: ()",
    ),
    // Of two warnings of one kind the first goes.
    (
        SERVER,
        "{}\n\n    fn on_timer(&mut self, unused: ()",
        "{}\n\n    fn on_timer(&mut self, (): ()",
    ),
    (CLIENT, "NodeId::new('s', 1)", "NodeId::new('s', 2)"),
];

/// The second file, which one of the edits brings.
const EXTRA: &str = "//! once
pub fn twice<T: Clone>(value: T, change: impl Fn(T) -> T) -> T {
    change(change(value.clone()))
}
";

/// In a row, as in `watch`, and each from what the first one left, as with wrong solutions: module
/// and warnings are always those of a build that starts from nothing.
#[test]
fn twenty_edits_give_the_bytes_of_fresh_builds() {
    let (slots, fresh) = (Slots::new(), Slots::new());
    let first = kv();
    slots.module(&first, Cache::Last);
    let mut now = first.clone();
    for (number, edit) in EDITS.into_iter().enumerate() {
        if edit.1 == "mod server;" {
            now.insert("src/extra.rs".to_owned(), EXTRA.to_owned());
        }
        now = edited(now, edit);
        let expected = fresh.build(&now, Cache::Unused);
        let expected = expected.unwrap_or_else(|error| panic!("{edit:?}: {error}"));
        let first = staged(&first);
        // Copies of one reference differ less from each other: a few of them are enough.
        let of_first = (number % 5 == 4).then_some(Cache::Of(&first));
        for cache in [Cache::Last].into_iter().chain(of_first) {
            let built = slots.build(&now, cache);
            let built = built.unwrap_or_else(|error| panic!("{edit:?}: {error}"));
            let what = format!("edit {number}: {edit:?}");
            // The first small change of a reference has it built, too, for those after it.
            let first_of_all = matches!(cache, Cache::Of(_)) && number == 4;
            assert_eq!(built.from_kept, !first_of_all, "{what}");
            assert!(built.wasm == expected.wasm, "{what}: another module");
            assert_eq!(built.warnings, expected.warnings, "{what}");
        }
    }
    let left = fs::read_dir(fresh.slot()).expect("it is there");
    let left: Vec<_> = left.flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["lock"], "grades that count leave nothing");
}

/// Each file of what is kept, damaged by itself: a build from nothing.
#[test]
fn damage_is_noticed() {
    let slots = Slots::new();
    let (before, after) = (kv(), edited(kv(), EDITS[0]));
    let expected = slots.module(&after, Cache::Unused);
    slots.module(&before, Cache::Last);
    let objects = slots.files("last", ".o");
    assert!(objects.len() > 10, "{objects:?}");
    for part in [".o", "dep-graph", "query-cache", "work-products", ".lock"] {
        let files = slots.files("last", part);
        let file = &files[files.len() / 2];
        let mut bytes = fs::read(file).expect("it can be read");
        let middle = bytes.len() / 2;
        match bytes.get_mut(middle) {
            Some(byte) => *byte ^= 1,
            None => bytes.push(0),
        }
        fs::write(file, bytes).expect("it can be written");
        let kept = Kept::of(&slots.slot(), "last");
        assert!(!kept.copy_to(&slots.slot().join("copy"), None), "{file:?}");
        assert!(slots.module(&after, Cache::Last) == expected, "{file:?}");
        // It mends itself: what the build has left is kept again.
        assert!(kept.copy_to(&slots.slot().join("copy"), None), "{file:?}");
        fs::remove_dir_all(slots.slot().join("copy")).expect("it is there");
        slots.module(&before, Cache::Last);
    }
}

/// What the digest vouches for may still be nothing that a compiler can use: here no unit of code
/// is one that can be linked.
#[test]
fn a_compiler_that_cannot_use_it_starts_from_nothing() {
    let slots = Slots::new();
    let (before, after) = (kv(), edited(kv(), EDITS[0]));
    let expected = slots.module(&after, Cache::Unused);
    slots.module(&before, Cache::Last);
    for file in slots.files("last", ".o") {
        fs::write(file, "nonsense").expect("it can be written");
    }
    let elsewhere = slots.slot().join("elsewhere");
    fs::rename(slots.slot().join("last"), &elsewhere).expect("it can be moved");
    let kept = Kept::of(&slots.slot(), "last");
    kept.keep(&elsewhere, "a").expect("it can be kept");
    let built = slots.build(&after, Cache::Last).expect("it builds");
    assert!(built.wasm == expected, "another module");
    assert!(!built.from_kept, "nonsense was linked");
}

/// Most units of code are those of the build before: files that are older than the session in
/// which they are now. (A path that is another one in each build would have all of them made anew.)
#[test]
fn an_edit_compiles_a_small_part_anew() {
    let slots = Slots::new();
    slots.module(&kv(), Cache::Last);
    slots.module(&edited(kv(), EDITS[0]), Cache::Last);
    let written = |file: &Path| {
        let found = fs::metadata(file).and_then(|found| found.modified());
        found.expect("it is a file")
    };
    let (mut old, mut all) = (0, 0);
    for lock in slots.files("last", ".lock") {
        let session = lock.with_extension("").display().to_string();
        let mut objects = slots.files("last", &format!("{session}-"));
        objects.retain(|file| file.extension().is_some_and(|end| end == "o"));
        let is_old = |file: &&PathBuf| written(file) <= written(&lock);
        (old, all) = (
            old + objects.iter().filter(is_old).count(),
            all + objects.len(),
        );
    }
    assert!(old * 2 > all, "{old} of {all}");
}

/// Errors are those of a build from nothing, and what was kept before is there for the next edit.
#[test]
fn an_edit_that_does_not_build_costs_nothing_but_itself() {
    let slots = Slots::new();
    let wrong = edited(kv(), (SERVER, "Output::Done", "Output::Dome"));
    let told = |cache: Cache<'_>| match slots.build(&wrong, cache) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("it builds"),
    };
    let expected = told(Cache::Unused);
    assert!(expected.contains("Dome"), "{expected}");
    slots.module(&kv(), Cache::Last);
    let kept = fs::read(slots.slot().join("last.json")).expect("it is kept");
    assert_eq!(told(Cache::Last), expected);
    assert_eq!(told(Cache::Of(&staged(&kv()))), expected);
    let now = fs::read(slots.slot().join("last.json")).expect("it is kept");
    assert_eq!(now, kept);
}

/// A reference that has changed is built anew, so is one of which something is damaged, and one
/// that does not build is done without.
#[test]
fn what_is_kept_of_a_reference_is_of_that_reference() {
    let slots = Slots::new();
    let program = edited(kv(), EDITS[0]);
    let expected = slots.module(&program, Cache::Unused);
    let from_kept = |reference: &Sources| {
        let built = slots.build(&program, Cache::Of(&staged(reference)));
        let built = built.expect("it builds");
        assert!(built.wasm == expected);
        built.from_kept
    };
    let (first, second) = (kv(), edited(kv(), EDITS[1]));
    assert_eq!([from_kept(&first), from_kept(&first)], [false, true]);
    assert_eq!([from_kept(&second), from_kept(&second)], [false, true]);
    fs::write(&slots.files("reference", ".o")[0], "").expect("it can be written");
    assert_eq!([from_kept(&second), from_kept(&second)], [false, true]);
    let wrong = edited(kv(), (SERVER, "Output::Done", "Output::Dome"));
    assert_eq!([from_kept(&wrong), from_kept(&wrong)], [false, false]);
    assert!(from_kept(&second), "what was kept before is there");
}
