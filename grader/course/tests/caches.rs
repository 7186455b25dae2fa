//! What wrong solutions are started from changes no byte of them: `.ci/long caches`.

use std::{
    path::Path,
    sync::{Mutex, atomic::AtomicBool},
    thread,
};

use faultline_grade::{Mutant, mutants};
use faultline_host::{
    LabCrates, Prebuilt, Sandbox, Staged, Toolchain,
    build::{Cache, Options},
};

/// Every wrong solution of every lab: from what the reference leaves, and from nothing.
#[test]
#[ignore = "several minutes: .ci/long caches"]
fn every_wrong_solution_is_the_same_module_as_from_nothing() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.ancestors().nth(2).expect("the project is above");
    let toolchain = Toolchain::find(root).expect("the project has a toolchain");
    let mut differ = Vec::new();
    for suite in faultline::suites() {
        let lab = suite.lab;
        let prebuilt = Prebuilt::build(root, &toolchain, LabCrates::of(lab));
        let prebuilt = prebuilt.unwrap_or_else(|error| panic!("{error}"));
        let reference = Staged::from_folder(&root.join("solutions").join(lab));
        let reference = reference.expect("there is a reference");
        let all = mutants(root, lab, &[]).unwrap_or_else(|error| panic!("{error}"));
        let count = all.len();
        let queue = Mutex::new(all);
        let next = || queue.lock().expect("nobody panics with it").pop();
        let compare = || {
            let mut differ = Vec::new();
            while let Some(mutant) = next() {
                if !is_the_same(&prebuilt, &reference, &mutant) {
                    differ.push(format!("{lab} {}", mutant.name));
                }
            }
            differ
        };
        let found = thread::scope(|scope| {
            let threads = [scope.spawn(compare), scope.spawn(compare)];
            threads.map(|thread| thread.join().expect("it does not panic"))
        });
        println!("{lab}: {count} wrong solutions");
        differ.extend(found.into_iter().flatten());
    }
    assert!(differ.is_empty(), "other modules: {differ:?}");
}

fn is_the_same(prebuilt: &Prebuilt, reference: &Staged, mutant: &Mutant) -> bool {
    let folder = mutant.apply().unwrap_or_else(|error| panic!("{error}"));
    let staged = Staged::from_folder(folder.path()).expect("it is a crate");
    let (open, never) = (Sandbox::none(), AtomicBool::new(false));
    let module = |cache| {
        let options = Options {
            cache,
            ..Options::new(&open, &never)
        };
        let built = prebuilt.compile(&staged, &options);
        built.unwrap_or_else(|error| panic!("{}: {error}", mutant.name))
    };
    module(Cache::Of(reference)).wasm == module(Cache::Unused).wasm
}
