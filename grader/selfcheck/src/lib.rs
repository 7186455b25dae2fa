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
//! Each check has a name. Those that take long, most wrong solutions above all, are left out unless
//! they are asked for:
//!
//! ```sh
//! cargo test --test course                             # what each change must keep
//! cargo test --test course -- --ignored                # all that was left out
//! cargo test --test course NAME -- --include-ignored   # those with this in their name
//! ```
//!
//! Read on in `complete` (is everything there?), `solutions` (right ones), `wrong` (wrong ones),
//! `lesson` (what a failure shows).

mod complete;
mod lab;
mod lesson;
mod solutions;
mod wrong;

use std::{process::ExitCode, sync::Arc};

use faultline_grade::Course;
use libtest_mimic::{Arguments, Conclusion, Trial};

use When::{Always, Asked};
use lab::Lab;

/// A check of a lab.
type Check = fn(&Lab) -> Result<(), libtest_mimic::Failed>;

/// When a check is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// By every `cargo test`.
    Always,
    /// With `--ignored`, or `--include-ignored`.
    Asked,
}

/// Makes the checks that the command line asks for; if it asks for none, those that do not take
/// long.
pub fn main(course: Course) -> ExitCode {
    let arguments = Arguments::from_args();
    let conclusion = libtest_mimic::run(&arguments, checks(course));
    if conclusion.num_ignored > 0 {
        println!(
            "{} checks take long and were left out. All of them: `cargo test --test course -- \
             --ignored`; some: `cargo test --test course NAME -- --include-ignored`",
            conclusion.num_ignored
        );
    }
    conclusion.exit_code()
}

/// Makes all checks with this in their names, for a test that has a harness of its own.
pub fn run(course: Course, name: &str) -> Conclusion {
    let arguments = Arguments {
        filter: Some(name.to_owned()),
        include_ignored: true,
        quiet: true,
        ..Arguments::default()
    };
    libtest_mimic::run(&arguments, checks(course))
}

/// What must hold of each lab of a course. Those that are not made always have the flag of a test
/// that is ignored.
pub fn checks(course: Course) -> Vec<Trial> {
    let course = Arc::new(course);
    let labs = course.suites.iter().map(|suite| suite.lab);
    labs.flat_map(|id| of_lab(&course, id)).collect()
}

/// Those of every lab. The last one needs its hidden tests.
const OF_EACH_LAB: [(&str, When, Check); 11] = [
    ("nothing_is_missing", Always, complete::nothing_is_missing),
    (
        "handout_and_staff_page_name_every_test",
        Always,
        complete::pages_name_every_test,
    ),
    (
        "starter_is_derived_from_the_reference",
        Always,
        solutions::starter_is_derived,
    ),
    (
        "starter_builds_without_a_warning_and_scores_0",
        Always,
        solutions::starter_scores_nothing,
    ),
    ("reference_scores_everything", Always, |lab| {
        solutions::scores_everything(lab, &lab.solution())
    }),
    (
        "every_test_kills_a_wrong_solution_or_is_listed",
        Always,
        wrong::every_test_has_a_purpose,
    ),
    (
        "two_thirds_of_the_wrong_solutions_name_a_public_killer",
        Always,
        wrong::public_tests_catch_most,
    ),
    (
        "other_designs_score_everything",
        Asked,
        solutions::other_designs_score_everything,
    ),
    (
        "same_bytes_twice_and_on_1_and_2_threads",
        Asked,
        lesson::same_bytes,
    ),
    (
        "shrunk_failures_replay_and_are_no_longer",
        Asked,
        lesson::shrunk_failures_replay,
    ),
    (
        "hidden_failure_replays_with_a_salt",
        Asked,
        lesson::hidden_failure_replays,
    ),
];

fn of_lab(course: &Arc<Course>, id: &'static str) -> Vec<Trial> {
    let lab = match Lab::of(course, id) {
        Ok(lab) => Arc::new(lab),
        Err(error) => {
            let name = format!("{id}::nothing_is_missing");
            return vec![Trial::test(name, move || Err(error.into()))];
        }
    };
    let count = OF_EACH_LAB.len() - usize::from(!lab.hidden);
    let named = |(name, when, check): &(&str, When, Check)| {
        let (lab, check) = (Arc::clone(&lab), *check);
        let trial = Trial::test(format!("{id}::{name}"), move || check(&lab));
        trial.with_ignored_flag(*when == Asked)
    };
    let mut trials: Vec<Trial> = OF_EACH_LAB[..count].iter().map(named).collect();
    // Patches that cannot be read are told by `nothing_is_missing`.
    let mutants = lab.mutants().unwrap_or_default();
    let tried_always = wrong::tried_always(&mutants);
    for mutant in mutants {
        let lab = Arc::clone(&lab);
        let name = format!("{id}::wrong::{}", mutant.name);
        let asked = tried_always.as_ref() != Some(&mutant.name);
        let trial = Trial::test(name, move || wrong::is_caught(&lab, &mutant));
        trials.push(trial.with_ignored_flag(asked));
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
