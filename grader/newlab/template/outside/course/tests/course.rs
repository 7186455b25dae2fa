//! The course checks itself: `cargo test`, `cargo test --test course LAB` for one lab. With
//! `-- --include-ignored` behind it, each wrong solution is tried, too.

use std::{path::Path, process::ExitCode};

use faultline_grade::Course;

fn main() -> ExitCode {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.ancestors().nth(2).expect("the workspace is above");
    faultline_selfcheck::main(Course {
        root: root.to_owned(),
        suites: course::suites(),
        origin: course::origin(),
    })
}
