//! What a failure shows: the same bytes each time, and a run that replays.

use std::{collections::BTreeSet, fs, path::Path, sync::atomic::AtomicBool};

use faultline_grade::{Mutant, Salt, Steps, Traces, replay};
use faultline_verdict::{Audience, Failure, Status, TestVerdict};
use libtest_mimic::Failed;

use crate::lab::{Lab, ensure, is_hidden};

/// A wrong solution that chaos catches.
pub fn is_caught_by_chaos(mutant: &Mutant) -> bool {
    mutant.loses.iter().any(|test| test.ends_with("chaos"))
}

/// A program that fails some tests: failures and their traces must be the same, too.
pub fn same_bytes(lab: &Lab) -> Result<(), Failed> {
    let all = lab.mutants()?;
    // One that loses few tests: to shrink and to tell each failure is most of the work.
    let caught = all.iter().filter(|mutant| is_caught_by_chaos(mutant));
    let mutant = caught.min_by_key(|mutant| mutant.loses.len());
    let mutant = mutant.ok_or("no wrong solution is caught by chaos")?;
    let folder = mutant.apply().map_err(|error| error.to_string())?;
    let mut documents = BTreeSet::new();
    for threads in [1, 2, 2] {
        let mut request = lab.request_for_wrong(folder.path());
        // Chaos has more than one block of seeds, so blocks follow each other, too.
        request.threads = Some(threads);
        request.tests.filters = mutant.passes.iter().chain(&mutant.loses).cloned().collect();
        let (grade, _) = lab.graded(&request)?;
        let fails = grade.tests.iter().any(|verdict| verdict.failure.is_some());
        ensure(fails, || format!("{} passes", mutant.name))?;
        documents.insert(serde_json::to_string(&grade).map_err(|error| error.to_string())?);
    }
    ensure(documents.len() == 1, || {
        "three runs gave different documents".to_owned()
    })
}

/// Number of wrong solutions caught by chaos that are checked: the first ones.
const SHRUNK: usize = 4;

/// What is shown of a failure is what a replay shows, and no more than the whole run.
pub fn shrunk_failures_replay(lab: &Lab) -> Result<(), Failed> {
    let percent = lab.rubric.self_check.shrinks_to_percent;
    let all = lab.mutants()?;
    let mut short = 0;
    for mutant in all
        .iter()
        .filter(|one| is_caught_by_chaos(one))
        .take(SHRUNK)
    {
        let folder = mutant.apply().map_err(|error| error.to_string())?;
        let mut request = lab.request_for_wrong(folder.path());
        request.tests.filters = mutant.loses.clone();
        request.traces = Some(Traces::in_folder(folder.path().join("traces")));
        let (grade, _) = lab.graded(&request)?;
        for verdict in &grade.tests {
            let Some(failure) = &verdict.failure else {
                continue;
            };
            let what = || format!("{} {}: {:?}", mutant.name, verdict.id, failure.shrunk);
            shows_the_same(lab, folder.path(), verdict, failure)
                .map_err(|why| format!("{}: {why}", what()))?;
            if let Some(shrunk) = &failure.shrunk {
                ensure(shrunk.to_events <= shrunk.from_events, what)?;
                short += u32::from(shrunk.to_events * 100 <= shrunk.from_events * percent);
            }
        }
    }
    ensure(short > 0, || {
        format!("no failure became as short as {percent} per cent of what it was")
    })
}

/// The replay of a failure's trace fails in the same way and shows the same lines.
fn shows_the_same(
    lab: &Lab,
    folder: &Path,
    verdict: &TestVerdict,
    failure: &Failure,
) -> Result<(), String> {
    let trace = folder.join(format!("traces/{}.trace.json", verdict.id));
    let replayed = replay(
        &lab.course,
        &trace,
        None,
        Steps::Unseen,
        &AtomicBool::new(false),
    )
    .map_err(|error| error.to_string())?;
    if !replayed.same_failure || replayed.skipped != 0 {
        return Err(format!("{replayed:?}"));
    }
    let again = replayed.verdict.failure.map(|failure| failure.trace);
    let again = again.unwrap_or_default();
    let shown = &failure.trace;
    let mut pairs = shown.iter().zip(&again);
    match pairs.find(|(line, again)| line != again) {
        None if shown.len() == again.len() => Ok(()),
        differs => Err(format!("the replay shows something else: {differs:?}")),
    }
}

/// With the course's secret, too: the trace holds what the run's choices came from.
pub fn hidden_failure_replays(lab: &Lab) -> Result<(), Failed> {
    let all = lab.mutants()?;
    let hidden = |mutant: &'_ Mutant| {
        let mut tests = mutant.loses.iter();
        tests.find(|test| is_hidden(test)).cloned()
    };
    let found = all.iter().find_map(|one| Some((one, hidden(one)?)));
    let (mutant, test) = found.ok_or("no wrong solution names a hidden test that it loses")?;
    let folder = mutant.apply().map_err(|error| error.to_string())?;
    let secret = folder.path().join("salt");
    fs::write(&secret, "a secret of this test").map_err(|error| error.to_string())?;
    let mut request = lab.request_for_wrong(folder.path());
    request.tests.filters = vec![test.clone()];
    request.salt = Some(Salt::read(&secret).map_err(|error| error.to_string())?);
    request.traces = Some(Traces::in_folder(folder.path().join("traces")));
    let trace = folder.path().join(format!("traces/{test}.trace.json"));
    let (grade, _) = lab.graded(&request)?;
    ensure(grade.tests[0].status == Status::Failed, || {
        format!("{} passes {test} with a salt", mutant.name)
    })?;
    let replayed = replay(
        &lab.course,
        &trace,
        None,
        Steps::Unseen,
        &AtomicBool::new(false),
    )
    .map_err(|error| error.to_string())?;
    ensure(replayed.same_failure && !replayed.changed, || {
        format!("{replayed:?}")
    })?;
    request.audience = Audience::Students {
        after_deadline: false,
    };
    lab.graded(&request)?;
    ensure(!trace.exists(), || {
        "students get no trace of a hidden test".to_owned()
    })
}
