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
        source: source(violation),
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

/// The place and, if the check there knows several sorts of contradictions, which one it was.
fn source(violation: &Violation) -> String {
    let place = in_crate(&violation.source);
    match violation.sort {
        Some(sort) => format!("{place} ({sort})"),
        None => place,
    }
}

/// A place in a source file from its crate's folder on. What stands before that is how somebody
/// came to compile the crate, and a result must not tell of the machine.
fn in_crate(source: &str) -> String {
    let source = source.replace('\\', "/");
    let begin = source
        .rfind("/src/")
        .and_then(|src| source[..src].rfind('/'))
        .map_or(0, |slash| slash + 1);
    source[begin..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::in_crate;

    #[test]
    fn a_place_does_not_tell_of_the_machine() {
        for (source, expected) in [
            (
                "grader/labtest/src/kv/model.rs:12:9",
                "labtest/src/kv/model.rs:12:9",
            ),
            (
                "/home/zoe/grader/labtest/src/kv/model.rs:12:9",
                "labtest/src/kv/model.rs:12:9",
            ),
            (
                r"C:\grader\labtest\src\names.rs:1:2",
                "labtest/src/names.rs:1:2",
            ),
            ("src/server.rs:88", "src/server.rs:88"),
            ("s: no clock", "s: no clock"),
        ] {
            assert_eq!(in_crate(source), expected);
        }
    }
}
