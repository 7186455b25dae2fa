//! A violation as a student is shown it.

use faultline_sim::{Facts, Violation};
use faultline_verdict::Failure;

use super::{diagram, story};

/// A violation as the student sees it.
pub(crate) fn failure(violation: &Violation, seed: u64, handout: String, facts: &Facts) -> Failure {
    let trace = facts
        .recording
        .as_ref()
        .map(|run| story::tell(run, violation, &facts.asked))
        .unwrap_or_default();
    Failure {
        kind: violation.kind.to_string().replace(' ', "-"),
        observed: violation.observed.clone(),
        setting: facts.setting.clone(),
        seed,
        at_us: violation.at.0,
        handout,
        replay: None,
        picture: facts
            .picture
            .iter()
            .map(|lane| story::lane(lane, violation.about))
            .collect(),
        shrunk: None,
        history: diagram::history(&facts.asked, violation),
        diagram: facts
            .recording
            .as_ref()
            .map(|run| diagram::draw(run, violation, &trace)),
        trace,
    }
}
