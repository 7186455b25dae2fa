//! How small failures become: for each wrong solution of lab 2, the first test that catches it and
//! its chaos tests.
//!
//! `cargo run -p faultline --example shrink [-- NAME...]`

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::Instant,
};

use faultline_grade::{
    Course, Mutant, Request, Seeds, Selection, grade, has_hidden_tests, mutants,
};
use faultline_verdict::{Audience, Event, Failure, TestVerdict};

const LAB: &str = "lab2";

/// One failure: events before and after, lines shown, runs.
struct Row {
    from: u64,
    to: u64,
    shown: usize,
    runs: u64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .ok_or("the project is above")?
        .to_owned();
    let course = Course {
        root,
        suites: faultline::suites(),
        origin: faultline::origin(),
    };
    let names: Vec<String> = std::env::args().skip(1).collect();
    let (mut first, mut chaos, mut times) = (Vec::new(), Vec::new(), Vec::new());
    println!(
        "{:<38} {:<46} {:>7} {:>7} {:>5} {:>5}",
        "wrong solution", "test", "events", "shrunk", "shown", "runs"
    );
    for mutant in mutants(&course.root, LAB, &names)? {
        let (shrunk_ms, tests) = shrunk(&course, &mutant)?;
        times.push(shrunk_ms);
        let mut is_first = true;
        for (verdict, failure) in tests
            .iter()
            .filter_map(|test| Some((test, test.failure.as_ref()?)))
        {
            let is_chaos = verdict.id.ends_with("_chaos");
            if is_first || is_chaos {
                let row = row(failure);
                let (name, id) = (&mutant.name, &verdict.id);
                println!(
                    "{name:<38} {id:<46} {:>7} {:>7} {:>5} {:>5}",
                    row.from, row.to, row.shown, row.runs
                );
                if is_first { &mut first } else { &mut chaos }.push(row);
            }
            is_first = false;
        }
    }
    for (what, rows) in [("first failing tests", &first), ("chaos tests", &chaos)] {
        let of = |number: fn(&Row) -> u64| median(rows.iter().map(number).collect());
        println!(
            "{} {what}, medians: {} events, {} after shrinking, {} shown, {} runs",
            rows.len(),
            of(|row| row.from),
            of(|row| row.to),
            of(|row| row.shown as u64),
            of(|row| row.runs)
        );
    }
    println!(
        "shrinking all failures of a wrong solution: median {} ms",
        median(times)
    );
    Ok(())
}

/// The tests that must catch it and chaos, graded; and the real milliseconds after the last run
/// until the verdict.
fn shrunk(
    course: &Course,
    mutant: &Mutant,
) -> Result<(u64, Vec<TestVerdict>), Box<dyn std::error::Error>> {
    let folder = mutant.apply()?;
    let request = request(course, mutant, folder.path().to_owned());
    let mut tested = Instant::now();
    let mut listen = |event: Event| {
        if let Event::Tested(_) = event {
            tested = Instant::now();
        }
    };
    let grade = grade(course, &request, &mut listen, &AtomicBool::new(false))?;
    Ok((u64::try_from(tested.elapsed().as_millis())?, grade.tests))
}

fn request(course: &Course, mutant: &Mutant, submission: PathBuf) -> Request {
    let mut filters = mutant.loses.clone();
    filters.push("_chaos".to_owned());
    Request {
        lab: LAB.to_owned(),
        submission: Some(submission),
        tests: Selection {
            filters,
            hidden: has_hidden_tests(course, LAB),
        },
        seeds: Seeds::Rubric,
        salt: None,
        threads: Some(1),
        traces: None,
        building: faultline_grade::Building::from(faultline_grade::Cache::Reference),
        shrink: true,
        audience: Audience::Staff,
    }
}

fn row(failure: &Failure) -> Row {
    let shown = failure.trace.iter().filter(|line| line.number > 0).count();
    let shrunk = failure.shrunk.clone().unwrap_or_default();
    Row {
        from: shrunk.from_events,
        to: shrunk.to_events,
        shown,
        runs: shrunk.runs,
    }
}

fn median(mut numbers: Vec<u64>) -> u64 {
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or(0)
}
