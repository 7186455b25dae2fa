//! What students may be shown of hidden tests: that there is one, what it is worth, what it
//! promises, what came out.

use faultline_verdict::{Audience, Event, Grade, Outcome, TestVerdict, Timings};

/// The title of a test that the reader may not see in full.
pub const HIDDEN: &str = "hidden test";

/// What a student is told of trouble that is the machine's. What exactly it was names folders and
/// processes of that machine, helps nobody but its owner, and is different each time.
const NOT_THEIRS: &str = "This submission could not be graded for a reason that lies with the \
                          machine or the course, not with the program. The course staff can see \
                          why, and will grade it again.";

/// An event as these readers may be told of it.
pub fn event_for(audience: Audience, event: Event) -> Event {
    match event {
        Event::Started {
            lab,
            title,
            submission,
            tests,
            hidden_in_full,
        } => {
            // The remark on them is for staff.
            let hidden_in_full = if audience == Audience::Staff {
                hidden_in_full
            } else {
                0
            };
            Event::Started {
                lab,
                title,
                submission,
                tests,
                hidden_in_full,
            }
        }
        Event::Tested(verdict) => Event::Tested(Box::new(verdict_for(audience, *verdict))),
        Event::Finished { grade, took_ms } => Event::Finished {
            grade: Box::new(grade_for(audience, *grade)),
            took_ms,
        },
        // Stages of all tests together: they name none.
        Event::Timed(timings) => {
            let Timings { stages, whole } = *timings;
            Event::Timed(Box::new(Timings { stages, whole }))
        }
        event @ (Event::Built { .. } | Event::Progress { .. }) => event,
    }
}

/// A grade as these readers may see it.
pub fn grade_for(audience: Audience, grade: Grade) -> Grade {
    let tests = grade
        .tests
        .into_iter()
        .map(|verdict| verdict_for(audience, verdict))
        .collect();
    let mut corrections = grade.corrections;
    if audience != Audience::Staff {
        for correction in &mut corrections {
            *correction = correction.for_students();
        }
    }
    Grade {
        tests,
        corrections,
        ..grade
    }
}

/// A grade as it is handed to a student. They cannot replay the traces of course staff, but grading
/// again shows the same failure of a public test.
pub fn handed_out(audience: Audience, grade: Grade) -> Grade {
    let mut grade = grade_for(audience, grade);
    if grade.outcome == Outcome::NotScored {
        grade.trouble = Some(NOT_THEIRS.to_owned());
    }
    let lab = grade.lab.clone();
    for verdict in &mut grade.tests {
        if let Some(failure) = &mut verdict.failure {
            let again = format!("cargo grade {lab} {}", verdict.id);
            failure.replay = verdict.visibility.is_public().then_some(again);
        }
    }
    grade
}

/// Every field is named, so that a new one has to be decided on here.
fn verdict_for(audience: Audience, verdict: TestVerdict) -> TestVerdict {
    if audience.sees(verdict.visibility) {
        return verdict;
    }
    let TestVerdict {
        id,
        property,
        part,
        category,
        visibility,
        points,
        earned,
        status,
        ..
    } = verdict;
    TestVerdict {
        id,
        title: HIDDEN.to_owned(),
        property,
        part,
        category,
        visibility,
        points,
        earned,
        status,
        seeds: 0,
        failing_seeds: 0,
        remarks: Vec::new(),
        failure: None,
        phases: Vec::new(),
        faults: Default::default(),
        searched: Vec::new(),
    }
}
