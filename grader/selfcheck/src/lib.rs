//! A course checks itself: nothing that a lab needs is missing, the untouched starter earns
//! nothing, correct solutions earn everything, and each wrong solution is caught by the tests that
//! it names; hidden tests included, where they are.
//!
//! The checks are those of every lab in a registry, so a lab that is registered cannot be
//! forgotten. This crate must know no lab: what only its checks need to know of one stands in its
//! rubric (`[self_check]`).
//!
//! A registry has this as a test without a harness, `tests/course.rs`:
//!
//! ```no_run
//! use faultline_grade::Course;
//! # fn suites() -> Vec<faultline_grade::Suite> { Vec::new() }
//! # fn origin() -> faultline_grade::Origin { Default::default() }
//!
//! fn main() -> std::process::ExitCode {
//!     faultline_selfcheck::main(Course {
//!         root: "the project".into(),
//!         suites: suites(),
//!         origin: origin(),
//!     })
//! }
//! ```
//!
//! Each check has a name, `cargo test -p faultline --test course NAME` makes one. Read on in
//! `complete` (is everything there?), `solutions` (right ones), `wrong` (wrong ones), `lesson`
//! (what a failure shows).

mod complete;
mod lab;
mod lesson;
mod solutions;
mod wrong;

use std::{process::ExitCode, sync::Arc};

use faultline_grade::Course;
use libtest_mimic::{Arguments, Trial};

use lab::Lab;

/// A check of a lab.
type Check = fn(&Lab) -> Result<(), libtest_mimic::Failed>;

/// Makes the checks that the command line asks for, all without one.
pub fn main(course: Course) -> ExitCode {
    let arguments = Arguments::from_args();
    libtest_mimic::run(&arguments, checks(course)).exit_code()
}

/// What must hold of each lab of a course.
pub fn checks(course: Course) -> Vec<Trial> {
    let course = Arc::new(course);
    let labs = course.suites.iter().map(|suite| suite.lab);
    labs.flat_map(|id| of_lab(&course, id)).collect()
}

fn of_lab(course: &Arc<Course>, id: &'static str) -> Vec<Trial> {
    let lab = match Lab::of(course, id) {
        Ok(lab) => Arc::new(lab),
        Err(error) => {
            let name = format!("{id}::nothing_is_missing");
            return vec![Trial::test(name, move || Err(error.into()))];
        }
    };
    let always: [(&str, Check); 10] = [
        ("nothing_is_missing", complete::nothing_is_missing),
        (
            "handout_and_staff_page_name_every_test",
            complete::pages_name_every_test,
        ),
        (
            "starter_is_derived_from_the_reference",
            solutions::starter_is_derived,
        ),
        (
            "starter_builds_without_a_warning_and_scores_0",
            solutions::starter_scores_nothing,
        ),
        ("reference_scores_everything", |lab| {
            solutions::scores_everything(lab, &lab.solution())
        }),
        ("variant_scores_everything", |lab| {
            solutions::scores_everything(lab, &lab.variant())
        }),
        (
            "same_bytes_twice_and_on_1_and_2_threads",
            lesson::same_bytes,
        ),
        (
            "shrunk_failures_replay_and_are_no_longer",
            lesson::shrunk_failures_replay,
        ),
        (
            "every_test_kills_a_wrong_solution_or_is_listed",
            wrong::every_test_has_a_purpose,
        ),
        (
            "two_thirds_of_the_wrong_solutions_name_a_public_killer",
            wrong::public_tests_catch_most,
        ),
    ];
    let mut checks = always.to_vec();
    if lab.hidden {
        checks.push((
            "hidden_failure_replays_with_a_salt",
            lesson::hidden_failure_replays,
        ));
    }
    let named = |(name, check): (&str, Check)| {
        let lab = Arc::clone(&lab);
        Trial::test(format!("{id}::{name}"), move || check(&lab))
    };
    let mut trials: Vec<Trial> = checks.into_iter().map(named).collect();
    // Patches that cannot be read are told by `nothing_is_missing`.
    for mutant in lab.mutants().unwrap_or_default() {
        let lab = Arc::clone(&lab);
        let name = format!("{id}::wrong::{}", mutant.name);
        trials.push(Trial::test(name, move || wrong::is_caught(&lab, &mutant)));
    }
    trials
}

#[cfg(test)]
mod tests {
    use faultline_grade::Suite;

    use super::*;

    /// A lab of which there is nothing but its line in the registry is red, by its name.
    #[test]
    fn a_registered_lab_is_checked() {
        let course = Course {
            root: "a project that there is not".into(),
            suites: vec![Suite::new("lab9", "lab9-api", Vec::new())],
            origin: Default::default(),
        };
        // What is wrong is told by the check of this name.
        let told = Lab::of(&Arc::new(course.clone()), "lab9").err();
        assert!(told.is_some_and(|told| told.contains("rubrics/lab9.toml")));
        let trials = checks(course);
        let names: Vec<&str> = trials.iter().map(Trial::name).collect();
        assert_eq!(names, ["lab9::nothing_is_missing"]);
    }
}
