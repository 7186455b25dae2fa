//! Failures that look alike. One bug fails many tests; its reader needs one of them in full and the
//! names of the others.

use faultline_verdict::{Failure, Status, TestVerdict};

/// A failure, and others like it.
pub(crate) struct Alike<'g> {
    pub verdict: &'g TestVerdict,
    pub failure: &'g Failure,
    /// The tests that fail in the same way.
    pub also: Vec<&'g TestVerdict>,
}

/// The failures that the reader may see, in the order of the rubric, each with those like it. Of
/// failures that are alike the first stands for all, or one whose run is at most half as long: who
/// reads it has less to look through.
pub(crate) fn alike(tests: &[TestVerdict]) -> Vec<Alike<'_>> {
    let mut groups: Vec<Alike<'_>> = Vec::new();
    let failed = tests.iter().filter(|test| test.status == Status::Failed);
    for (verdict, failure) in failed.filter_map(|test| Some((test, test.failure.as_ref()?))) {
        match groups
            .iter_mut()
            .find(|group| are_alike(group.failure, failure))
        {
            Some(group) if 2 * events(failure) <= events(group.failure) => {
                group.also.insert(0, group.verdict);
                (group.verdict, group.failure) = (verdict, failure);
            }
            Some(group) => group.also.push(verdict),
            None => groups.push(Alike {
                verdict,
                failure,
                also: Vec::new(),
            }),
        }
    }
    groups
}

/// How many events the run has.
fn events(failure: &Failure) -> u64 {
    let lines = failure.trace.iter();
    lines.map(|line| line.number).max().unwrap_or(u64::MAX / 2)
}

/// True if the same check noticed the same, or the same line of the program failed. Checks of
/// single tests say the same in the same words, but for who, when and which value.
pub(crate) fn are_alike(one: &Failure, other: &Failure) -> bool {
    let by_a_check = matches!(one.kind.as_str(), "violation" | "no-progress" | "budget");
    let same_source = match one.source.is_empty() {
        true => one.observed == other.observed,
        false => one.source == other.source,
    };
    one.kind == other.kind
        && loses_a_disk(one) == loses_a_disk(other)
        && (same_source || by_a_check && shape(&one.observed) == shape(&other.observed))
}

/// True if a disk is lost on the way: what was not synced is another matter.
fn loses_a_disk(failure: &Failure) -> bool {
    let mut lines = failure.trace.iter();
    lines.any(|line| line.text.contains("the disk of ") && line.text.contains(" is lost"))
}

/// The first sentence without what differs from run to run: quoted texts and numbers.
fn shape(observed: &str) -> String {
    let line = observed.lines().next().unwrap_or_default();
    let mut shape = String::new();
    let mut quoted = false;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if quoted => drop(letters.next()),
            '"' => quoted = !quoted,
            _ if quoted => {}
            digit if digit.is_ascii_digit() => {
                if !shape.ends_with('#') {
                    shape.push('#');
                }
            }
            other => shape.push(other),
        }
        if shape.ends_with(". ") {
            break;
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use faultline_verdict::TraceLine;

    use super::*;

    #[test]
    fn a_lost_disk_is_another_matter() {
        let failure = |lines: &[&str]| Failure {
            kind: "violation".to_owned(),
            source: "suite/src/ids.rs:51".to_owned(),
            trace: lines
                .iter()
                .map(|line| TraceLine {
                    text: (*line).to_owned(),
                    ..TraceLine::default()
                })
                .collect(),
            ..Failure::default()
        };
        let crash = failure(&["s1 crashes; never synced, and lost: life"]);
        let disk = failure(&["s1 crashes", "the disk of s1 is lost"]);
        assert!(are_alike(&crash, &failure(&[])));
        assert!(!are_alike(&crash, &disk));
    }

    #[test]
    fn what_differs_from_run_to_run_does_not_tell_failures_apart() {
        let read = |who: u8, key: &str, got: &str| {
            format!("c{who} read {key:?}: expected Value(\"1;2;\"), got Value({got:?})")
        };
        assert_eq!(
            shape(&read(1, "x", "1;")),
            shape(&read(2, "lo\"g", "1. 2; 13;"))
        );
        assert_eq!(
            shape("in slot 14 s2 knows \"a\" to be chosen. More of it"),
            shape("in slot 3 s1 knows \"b. c\" to be chosen. And other words")
        );
        assert_ne!(shape(&read(1, "x", "1;")), shape("c1 read nothing"));
    }
}
