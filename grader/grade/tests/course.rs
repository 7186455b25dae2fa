//! The course checks itself: the untouched starter earns nothing, correct solutions everything, and
//! each wrong solution is caught by the tests that it names; hidden tests included, where they are.
//! Each check has a name: `cargo test -p faultline-grade --test course NAME`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use faultline_grade::{
    Building, Category, Course, Mutant, Request, RubricRow, Salt, Seeds, Selection, Traces,
    derive_starter, grade, replay,
};
use faultline_verdict::{Audience, Event, Grade, Outcome, Status, TraceLine};
use libtest_mimic::{Arguments, Failed, Trial};

/// A lab, and what only its checks need to know.
#[derive(Clone, Copy)]
struct Lab {
    id: &'static str,
    /// So many wrong solutions it has at least.
    wrong_solutions: usize,
    /// Tests that exist to show a beginner that the basics work, and no wrong solution needs to
    /// lose them.
    first_steps: &'static [&'static str],
    /// Some failure becomes this short, in per cent of its events. What nodes say to each other all
    /// the time cannot be left out, only what comes in between.
    shrinks_to: u64,
}

const LABS: [Lab; 4] = [
    Lab {
        id: "lab0",
        wrong_solutions: 12,
        first_steps: &[
            "a_ping_is_answered",
            "an_echo_comes_back",
            "an_id_comes_back",
        ],
        shrinks_to: 50,
    },
    Lab {
        id: "lab1",
        wrong_solutions: 25,
        first_steps: &["words_are_counted", "one_worker_counts_words"],
        shrinks_to: 80,
    },
    Lab {
        id: "lab2",
        wrong_solutions: 18,
        first_steps: &["first_server_becomes_primary", "put_append_get"],
        shrinks_to: 50,
    },
    Lab {
        id: "lab3",
        wrong_solutions: 16,
        first_steps: &["one_proposal_is_chosen", "put_append_get"],
        shrinks_to: 50,
    },
];

/// A check of a lab.
type Check = fn(Lab) -> Result<(), Failed>;

fn main() {
    let arguments = Arguments::from_args();
    libtest_mimic::run(&arguments, LABS.into_iter().flat_map(checks).collect()).exit();
}

/// What must hold of a lab.
fn checks(lab: Lab) -> Vec<Trial> {
    let always: [(&str, Check); 9] = [
        ("starter_is_derived_from_the_reference", starter_is_derived),
        (
            "starter_builds_without_a_warning_and_scores_0",
            starter_scores_nothing,
        ),
        ("reference_scores_everything", |lab| {
            scores_everything(lab, &lab.solution())
        }),
        ("same_bytes_twice_and_on_1_and_2_threads", same_bytes),
        (
            "shrunk_failures_replay_and_are_no_longer",
            shrunk_failures_replay,
        ),
        ("there_are_enough_wrong_solutions", enough_mutants),
        (
            "every_test_kills_a_wrong_solution_or_is_listed",
            every_test_has_a_purpose,
        ),
        (
            "two_thirds_of_the_wrong_solutions_name_a_public_killer",
            public_tests_catch_most,
        ),
        (
            "handout_and_staff_page_name_every_test",
            pages_name_every_test,
        ),
    ];
    let mut checks = always.to_vec();
    if lab.variant().is_dir() {
        checks.push(("variant_scores_everything", |lab| {
            scores_everything(lab, &lab.variant())
        }));
    }
    if faultline_grade::has_hidden_tests(&course(), lab.id) {
        checks.push(("hidden_failure_replays_with_a_salt", hidden_failure_replays));
    }
    let named = |(name, check): (&str, Check)| {
        Trial::test(format!("{}::{name}", lab.id), move || check(lab))
    };
    let mut checks: Vec<Trial> = checks.into_iter().map(named).collect();
    match lab.mutants() {
        Ok(all) => checks.extend(all.into_iter().flat_map(|mutant| checks_of(lab, mutant))),
        Err(error) => {
            let name = format!("{}::wrong_solutions_can_be_read", lab.id);
            checks.push(Trial::test(name, move || Err(error)));
        }
    }
    checks
}

/// What must hold of a wrong solution.
fn checks_of(lab: Lab, mutant: Mutant) -> Vec<Trial> {
    let name = |check: &str| format!("{}::{check}::{}", lab.id, mutant.name);
    let mut checks = Vec::new();
    if mutant.loses.iter().all(|test| is_hidden(test)) {
        let (name, mutant) = (name("full_on_public_has_at_least_80"), mutant.clone());
        checks.push(Trial::test(name, move || {
            full_on_public_has_at_least_80(lab, &mutant)
        }));
    }
    let name = name("wrong");
    checks.push(Trial::test(name, move || {
        wrong_solution_is_caught(lab, &mutant)
    }));
    checks
}

/// The names of hidden tests tell nothing else.
fn is_hidden(test: &str) -> bool {
    test.starts_with("H-")
}

impl Lab {
    fn mutants(self) -> Result<Vec<Mutant>, Failed> {
        Ok(faultline_grade::mutants(&root(), self.id, &[]).map_err(|error| error.to_string())?)
    }

    fn starter(self) -> PathBuf {
        root().join("starter").join(self.id)
    }

    fn solution(self) -> PathBuf {
        root().join("solutions").join(self.id)
    }

    /// Another correct design than the reference.
    fn variant(self) -> PathBuf {
        root()
            .join("solutions")
            .join(format!("{}-variant", self.id))
    }

    fn rows(self) -> Result<Vec<RubricRow>, Failed> {
        let all = self.request(&root()).tests;
        Ok(faultline_grade::tests(&course(), self.id, &all).map_err(|error| error.to_string())?)
    }

    fn request(self, submission: &Path) -> Request {
        Request {
            lab: self.id.to_owned(),
            submission: Some(submission.to_owned()),
            tests: Selection {
                filters: Vec::new(),
                hidden: faultline_grade::has_hidden_tests(&course(), self.id),
            },
            seeds: Seeds::Rubric,
            salt: None,
            threads: None,
            traces: None,
            building: Building::default(),
            shrink: true,
            audience: Audience::Staff,
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the project is above")
        .to_owned()
}

fn course() -> Course {
    Course {
        root: root(),
        suites: faultline::suites(),
        origin: faultline::origin(),
    }
}

/// The grade and the compiler's warnings.
fn graded(request: &Request) -> Result<(Grade, String), Failed> {
    let mut compiler = String::new();
    let mut listen = |event: Event| {
        if let Event::Built { warnings, .. } = event {
            compiler = warnings;
        }
    };
    let grade = grade(&course(), request, &mut listen, &AtomicBool::new(false))
        .map_err(|error| error.to_string())?;
    Ok((grade, compiler))
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failed> {
    if holds {
        Ok(())
    } else {
        Err(otherwise().into())
    }
}

fn starter_is_derived(lab: Lab) -> Result<(), Failed> {
    for (path, text) in derive_starter(&root(), lab.id).map_err(|error| error.to_string())? {
        let file = lab.starter().join(&path);
        let present = fs::read_to_string(&file).unwrap_or_default();
        ensure(present == text, || {
            format!(
                "{} is not up to date: run `cargo grade starter {}`",
                file.display(),
                lab.id
            )
        })?;
    }
    Ok(())
}

fn starter_scores_nothing(lab: Lab) -> Result<(), Failed> {
    let (grade, warnings) = graded(&lab.request(&lab.starter()))?;
    ensure(grade.outcome == Outcome::Graded, || {
        grade.build_error.clone().unwrap_or_default()
    })?;
    ensure(warnings.trim().is_empty(), || {
        format!("the starter has warnings:\n{warnings}")
    })?;
    ensure(grade.score.earned == 0, || {
        format!("the starter earned {} points", grade.score.earned)
    })?;
    // What is worth nothing is a tutorial on a program that works.
    for verdict in grade
        .tests
        .iter()
        .filter(|verdict| verdict.points > 0 || verdict.status != Status::Passed)
    {
        let kind = verdict
            .failure
            .as_ref()
            .map(|failure| failure.kind.as_str());
        let text = || format!("{}: {:?}, expected a hole of the starter", verdict.id, kind);
        ensure(kind == Some("not-implemented"), text)?;
    }
    Ok(())
}

fn scores_everything(lab: Lab, solution: &Path) -> Result<(), Failed> {
    let (grade, warnings) = graded(&lab.request(solution))?;
    ensure(grade.outcome == Outcome::Graded, || {
        grade.build_error.clone().unwrap_or_default()
    })?;
    ensure(warnings.trim().is_empty(), || {
        format!("it has warnings:\n{warnings}")
    })?;
    for verdict in &grade.tests {
        let text = || {
            format!(
                "{}: {:?} {:?} {:?}",
                verdict.id, verdict.status, verdict.remarks, verdict.failure
            )
        };
        ensure(verdict.status == Status::Passed, text)?;
    }
    let score = grade.score;
    ensure(
        score.earned == score.possible && score.possible > 0 && score.not_scored == 0,
        || format!("{score:?}"),
    )
}

/// A program that fails some tests: failures and their traces must be the same, too.
fn same_bytes(lab: Lab) -> Result<(), Failed> {
    let all = lab.mutants()?;
    let mutant = all
        .iter()
        .find(|mutant| mutant.loses.iter().any(|test| test.ends_with("chaos")));
    let mutant = mutant.ok_or("no wrong solution is caught by chaos")?;
    let folder = mutant.apply().map_err(|error| error.to_string())?;
    let mut documents = BTreeSet::new();
    for threads in [1, 2, 2] {
        let mut request = lab.request(folder.path());
        // More than one block of seeds, so that blocks follow each other, too.
        (request.threads, request.seeds) = (Some(threads), Seeds::Count(17));
        let (grade, _) = graded(&request)?;
        ensure(
            grade.tests.iter().any(|verdict| verdict.failure.is_some()),
            || format!("{} passes", mutant.name),
        )?;
        documents.insert(serde_json::to_string(&grade).map_err(|error| error.to_string())?);
    }
    ensure(documents.len() == 1, || {
        "three runs gave different documents".to_owned()
    })
}

fn enough_mutants(lab: Lab) -> Result<(), Failed> {
    let count = lab.mutants()?.len();
    ensure(count >= lab.wrong_solutions, || {
        format!("there are only {count} wrong solutions")
    })
}

/// The first of them that are caught by chaos: what is shown is what a replay shows, and no more
/// than before.
const SHRUNK: usize = 4;

fn shrunk_failures_replay(lab: Lab) -> Result<(), Failed> {
    let caught_by_chaos = |mutant: &Mutant| mutant.loses.iter().any(|test| test.ends_with("chaos"));
    let mut smaller = 0;
    for mutant in lab
        .mutants()?
        .into_iter()
        .filter(caught_by_chaos)
        .take(SHRUNK)
    {
        let folder = mutant.apply().map_err(|error| error.to_string())?;
        let mut request = lab.request(folder.path());
        request.tests.filters = mutant.loses.clone();
        request.traces = Some(Traces::in_folder(folder.path().join("traces")));
        let (grade, _) = graded(&request)?;
        for verdict in &grade.tests {
            let Some(failure) = &verdict.failure else {
                continue;
            };
            let what = || format!("{} {}: {:?}", mutant.name, verdict.id, failure.shrunk);
            let trace = folder
                .path()
                .join(format!("traces/{}.trace.json", verdict.id));
            let replayed =
                replay(&course(), &trace, None, false).map_err(|error| error.to_string())?;
            ensure(replayed.same_failure && replayed.skipped == 0, || {
                format!("{}: {replayed:?}", what())
            })?;
            let again = replayed
                .verdict
                .failure
                .map(|failure| failure.trace)
                .unwrap_or_default();
            // What events changed in states is added to failures that are graded, not to replays.
            let in_words = |line: &TraceLine| TraceLine {
                changed: Vec::new(),
                ..line.clone()
            };
            let shown: Vec<TraceLine> = failure.trace.iter().map(in_words).collect();
            let differs = shown.iter().zip(&again).find(|(line, again)| line != again);
            ensure(shown == again, || {
                format!("{}: the replay shows something else: {differs:?}", what())
            })?;
            if let Some(shrunk) = &failure.shrunk {
                ensure(shrunk.to_events <= shrunk.from_events, what)?;
                smaller += u32::from(shrunk.to_events * 100 <= shrunk.from_events * lab.shrinks_to);
            }
        }
    }
    ensure(smaller > 0, || {
        format!(
            "no failure became as short as {} per cent of what it was",
            lab.shrinks_to
        )
    })
}

/// Students find each public test in the handout, course staff each test at all in their page.
fn pages_name_every_test(lab: Lab) -> Result<(), Failed> {
    let read = |path: PathBuf| {
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let labs = faultline_grade::labs(&course()).map_err(|error| error.to_string())?;
    let handout = labs
        .into_iter()
        .find(|info| info.id == lab.id)
        .ok_or("the lab is not listed")?
        .handout;
    let handout = read(root().join(handout))?;
    let staff = read(lab.solution().join("STAFF.md"))?;
    for row in lab.rows()? {
        let id = &row.id;
        ensure(
            is_hidden(id) != handout.contains(&format!("`{id}`")),
            || format!("{id} and the handout"),
        )?;
        ensure(staff.contains(id.as_str()), || {
            format!("STAFF.md does not name {id}")
        })?;
    }
    Ok(())
}

fn every_test_has_a_purpose(lab: Lab) -> Result<(), Failed> {
    let all = lab.mutants()?;
    let killers: BTreeSet<&str> = all
        .iter()
        .flat_map(|mutant| mutant.loses.iter().map(String::as_str))
        .collect();
    let tests = lab.rows()?;
    let known: BTreeSet<&str> = tests.iter().map(|row| row.id.as_str()).collect();
    for killer in &killers {
        ensure(known.contains(killer), || {
            format!("a wrong solution names the test {killer}, which there is not")
        })?;
    }
    // Hidden chaos meets what nobody thought of, so no known mistake has to lose it.
    let excused = |row: &RubricRow| {
        lab.first_steps.contains(&row.id.as_str())
            || (!row.is_public() && row.category == Category::Chaos)
    };
    let idle = tests
        .iter()
        .filter(|row| !killers.contains(row.id.as_str()) && !excused(row));
    let idle: Vec<&str> = idle.map(|row| row.id.as_str()).collect();
    ensure(idle.is_empty(), || {
        format!("no wrong solution is caught by {idle:?}")
    })
}

/// Students learn of most mistakes before they hand in.
fn public_tests_catch_most(lab: Lab) -> Result<(), Failed> {
    let all = lab.mutants()?;
    let (public, of) = (
        all.iter()
            .filter(|mutant| !mutant.loses.iter().all(|test| is_hidden(test)))
            .count(),
        all.len(),
    );
    ensure(public * 3 >= of * 2, || {
        format!("only {public} of {of} wrong solutions name a public test that they lose")
    })
}

/// Whoever passes all public tests has most of the points, whatever the hidden ones say.
fn full_on_public_has_at_least_80(lab: Lab, mutant: &Mutant) -> Result<(), Failed> {
    let folder = mutant.apply().map_err(|error| error.to_string())?;
    let (grade, _) = graded(&Request {
        shrink: false,
        ..lab.request(folder.path())
    })?;
    for verdict in grade
        .tests
        .iter()
        .filter(|verdict| verdict.visibility.is_public())
    {
        let text = || {
            format!(
                "{} names only hidden tests, but {} is {:?}",
                mutant.name, verdict.id, verdict.status
            )
        };
        ensure(verdict.status == Status::Passed, text)?;
    }
    let (earned, possible) = (grade.score.earned, grade.score.possible);
    ensure(earned * 100 >= possible * 80, || {
        format!("{} has only {earned} of {possible} points", mutant.name)
    })
}

/// With the course's secret, too: the trace holds what the run's choices came from.
fn hidden_failure_replays(lab: Lab) -> Result<(), Failed> {
    let all = lab.mutants()?;
    let found = all
        .iter()
        .find_map(|mutant| Some((mutant, mutant.loses.iter().find(|test| is_hidden(test))?)));
    let (mutant, test) = found.ok_or("no wrong solution names a hidden test that it loses")?;
    let folder = mutant.apply().map_err(|error| error.to_string())?;
    let secret = folder.path().join("salt");
    fs::write(&secret, "a secret of this test").map_err(|error| error.to_string())?;
    let mut request = lab.request(folder.path());
    request.tests.filters = vec![test.clone()];
    request.salt = Some(Salt::read(&secret).map_err(|error| error.to_string())?);
    request.traces = Some(Traces::in_folder(folder.path().join("traces")));
    let trace = folder.path().join(format!("traces/{test}.trace.json"));
    let (grade, _) = graded(&request)?;
    ensure(grade.tests[0].status == Status::Failed, || {
        format!("{} passes {test} with a salt", mutant.name)
    })?;
    let replayed = replay(&course(), &trace, None, false).map_err(|error| error.to_string())?;
    ensure(replayed.same_failure && !replayed.changed, || {
        format!("{replayed:?}")
    })?;
    request.audience = Audience::Students {
        after_deadline: false,
    };
    graded(&request)?;
    ensure(!trace.exists(), || {
        "students get no trace of a hidden test".to_owned()
    })
}

fn wrong_solution_is_caught(lab: Lab, mutant: &Mutant) -> Result<(), Failed> {
    let folder = mutant.apply().map_err(|error| error.to_string())?;
    let mut request = lab.request(folder.path());
    // Whether it is caught does not hang on it; `shrunk_failures_replay` looks at what shrinking
    // does.
    request.shrink = false;
    request.tests.filters = mutant.passes.iter().chain(&mutant.loses).cloned().collect();
    request.traces = Some(Traces::in_folder(folder.path().join("traces")));
    let (grade, _) = graded(&request)?;
    ensure(grade.outcome == Outcome::Graded, || {
        grade.build_error.clone().unwrap_or_default()
    })?;
    for (tests, status) in [
        (&mutant.passes, Status::Passed),
        (&mutant.loses, Status::Failed),
    ] {
        ensure(!tests.is_empty(), || {
            format!(
                "{}: no test is named that it must have {status:?}",
                mutant.name
            )
        })?;
        for test in tests {
            let verdict = grade.tests.iter().find(|verdict| verdict.id == *test);
            let verdict = verdict.ok_or_else(|| format!("there is no test {test}"))?;
            let seen = verdict
                .failure
                .as_ref()
                .map(|failure| failure.observed.as_str())
                .unwrap_or_default();
            let text = || {
                format!(
                    "{} must have {test} {status:?}, but it is {:?}. {seen}",
                    mutant.name, verdict.status
                )
            };
            ensure(verdict.status == status, text)?;
        }
    }
    // A way that a search has found is a run like any other. (What is no function of its event may
    // do anything else.)
    let found = grade
        .tests
        .iter()
        .filter(|verdict| verdict.category == "exploration")
        .find(|verdict| {
            verdict
                .failure
                .as_ref()
                .is_some_and(|failure| failure.kind != "nondeterminism")
        });
    let Some(verdict) = found else { return Ok(()) };
    let trace = folder
        .path()
        .join(format!("traces/{}.trace.json", verdict.id));
    let replayed = replay(&course(), &trace, None, false).map_err(|error| error.to_string())?;
    ensure(replayed.same_failure && replayed.skipped == 0, || {
        format!("{}: {replayed:?}", verdict.id)
    })
}
