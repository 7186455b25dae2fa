//! No crate of a release earns a point as a submission, whatever it was written for.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::{Mutex, PoisonError, atomic::AtomicBool},
};

use faultline_grade::{Building, Course, Request, Seeds, Selection, grade, has_hidden_tests};
use faultline_verdict::{Audience, Outcome};

use super::{files, read, release, root, write};

fn course() -> Course {
    Course {
        root: root(),
        suites: faultline::suites(),
        origin: faultline::origin(),
    }
}

/// The folders with a manifest and a library.
fn crates(folder: &Path) -> Vec<String> {
    let manifest = |file: String| file.strip_suffix("/Cargo.toml").map(str::to_owned);
    let all = files(folder).into_iter().filter_map(manifest);
    all.filter(|name| folder.join(name).join("src/lib.rs").is_file())
        .collect()
}

/// What a crate earns in a lab, or why nobody knows.
fn points(course: &Course, lab: &str, submission: &Path, seeds: Seeds) -> Result<u32, String> {
    let request = Request {
        lab: lab.to_owned(),
        submission: Some(submission.to_owned()),
        tests: Selection {
            filters: Vec::new(),
            hidden: has_hidden_tests(course, lab),
        },
        seeds,
        salt: None,
        threads: None,
        traces: None,
        building: Building::default(),
        shrink: false,
        audience: Audience::Staff,
    };
    let grade = grade(course, &request, &mut |_| {}, &AtomicBool::new(false));
    let grade = grade.map_err(|error| error.to_string())?;
    match grade.outcome {
        Outcome::NotScored => Err("it was not scored".to_owned()),
        _ => Ok(grade.score.earned),
    }
}

/// The types that a lab asks of a submission, by name: what its glue takes from one.
fn asked_by(lab: &str) -> BTreeSet<String> {
    let given = files(&root().join("labs"));
    let own = |file: &&String| file.starts_with(&format!("{lab}-")) && file.ends_with("/lib.rs");
    let file = given.iter().find(own).expect("what the lab gives");
    let text = read(&root().join("labs").join(file));
    let taken = text.split("use $student::").skip(1);
    let names: BTreeSet<String> = taken.map(|rest| words(rest).remove(0)).collect();
    assert!(!names.is_empty(), "{lab} asks for something");
    names
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    let words = words.filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// The crates below a folder that earn something, or that could not be graded. One in whose sources
/// a type of the lab has not even its name is not compiled: it cannot be a submission.
fn that_answer(folder: &Path, seeds: Seeds) -> (usize, Vec<String>) {
    // Each grade uses all processors: two at a time take as long, and more memory.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let course = course();
    let (mut graded, mut found) = (0, Vec::new());
    for name in crates(folder) {
        let path = folder.join(&name);
        let sources = files(&path.join("src")).into_iter();
        let texts = sources.map(|file| fs::read(path.join("src").join(file)).expect("a source"));
        let words: BTreeSet<String> = texts
            .flat_map(|text| words(&String::from_utf8_lossy(&text)))
            .collect();
        let labs = course.suites.iter().map(|suite| suite.lab);
        for lab in labs.filter(|lab| words.is_superset(&asked_by(lab))) {
            graded += 1;
            match points(&course, lab, &path, seeds) {
                Ok(0) => {}
                Ok(points) => found.push(format!("{name} earns {points} points in {lab}")),
                Err(why) => found.push(format!("{name} in {lab}: {why}")),
            }
        }
    }
    (graded, found)
}

#[test]
#[ignore = "it grades each crate in each lab: .ci/run release"]
fn no_crate_of_a_release_earns_a_point() {
    let all = crates(release());
    for part in [
        "starter/lab0",
        "labs/labkit",
        "grader/sim",
        "grader/suites/lab3/hidden",
    ] {
        assert!(all.iter().any(|name| name == part), "{part}: {all:?}");
    }
    let (graded, found) = that_answer(release(), Seeds::Rubric);
    assert_eq!(found, [""; 0]);
    // Each starter, in its own lab; and whatever else has the words.
    assert!(graded >= faultline::suites().len(), "{graded}");
    println!("{} crates, {graded} of them graded in a lab", all.len());
}

/// Otherwise the check could not fail: a right answer, and half of one, which served as a fixture
/// and was in releases once.
#[test]
#[ignore = "it grades crates: .ci/run release"]
fn a_crate_that_answers_is_found() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, from) in [
        ("grader/new", "solutions/lab0-variant"),
        ("labs/kv/old", "grader/host/tests/fixtures/kv"),
        ("starter/lab1", "starter/lab1"),
    ] {
        for file in files(&root().join(from)) {
            write(
                &folder.path().join(name).join(&file),
                &read(&root().join(from).join(&file)),
            );
        }
    }
    let (_, found) = that_answer(folder.path(), Seeds::Count(1));
    let answers = |begin: &str, lab: &str| {
        let told = |told: &&String| told.starts_with(begin) && told.ends_with(lab);
        found.iter().filter(told).count()
    };
    assert_eq!(answers("grader/new earns ", " in lab0"), 1, "{found:?}");
    assert_eq!(answers("labs/kv/old earns ", " in lab2"), 1, "{found:?}");
    assert_eq!(found.len(), 2, "{found:?}");
}
