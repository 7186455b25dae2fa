//! The course checks itself: `cargo test --test course NAME -- --include-ignored`.

use std::{path::Path, process::ExitCode};

use faultline_grade::Course;

fn main() -> ExitCode {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.ancestors().nth(2).expect("the project is above");
    faultline_selfcheck::main(Course {
        root: root.to_owned(),
        suites: faultline::suites(),
        origin: faultline::origin(),
    })
}
