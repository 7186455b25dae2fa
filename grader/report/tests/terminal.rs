//! What people see, at 80 and 120 columns, with and without colour. After a wanted change:
//! `INSTA_UPDATE=always cargo test -p faultline-report`, and read the difference.

mod screen_data;

use faultline_report::{Places, Terminal, event_for, grade_for, to_json};
use faultline_verdict::{
    Audience, Event, Failure, FieldChange, Grade, Outcome, PhaseCounts, Score, Status, TestVerdict,
    TraceLine, Visibility,
};
use screen_data::{failure, grade, picture, verdict};

fn screen(width: usize, color: bool) -> String {
    screen_of(grade(), Audience::Staff, width, color)
}

fn screen_of(grade: Grade, audience: Audience, width: usize, color: bool) -> String {
    colored::control::set_override(color);
    let mut out = Vec::new();
    let mut terminal = Terminal::new(&mut out, width, false);
    let started = Event::Started {
        lab: grade.lab.clone(),
        title: grade.title.clone(),
        submission: "starter/lab2".to_owned(),
        tests: grade.tests.len(),
        hidden_in_full: grade
            .tests
            .iter()
            .filter(|verdict| !verdict.visibility.is_public())
            .count(),
    };
    let built = Event::Built {
        warnings: "warning: unused variable: `x`\n --> src/lib.rs:1".to_owned(),
        took_ms: 710,
    };
    let tested = grade
        .tests
        .iter()
        .map(|verdict| Event::Tested(Box::new(verdict.clone())))
        .collect::<Vec<_>>();
    let finished = Event::Finished {
        grade: Box::new(grade),
        took_ms: 3_820,
    };
    for event in [started, built].into_iter().chain(tested).chain([finished]) {
        terminal
            .event(&event_for(audience, event))
            .expect("a vector can be written to");
    }
    String::from_utf8(out).expect("UTF-8")
}

/// One test, since colour is a setting of the whole process.
#[test]
fn screens() {
    for width in [80, 120] {
        let plain = screen(width, false);
        assert!(
            !plain.contains('\u{1b}'),
            "no escape sequence without colour, the submission's own included"
        );
        for line in plain.lines().filter(|line| !line.starts_with("  replay")) {
            assert!(
                line.chars().count() <= width,
                "{} columns: {line}",
                line.chars().count()
            );
            assert_eq!(line, line.trim_end(), "no spaces at the end");
        }
        insta::assert_snapshot!(format!("screen_{width}"), plain);
    }
    insta::assert_snapshot!(
        "screen_80_colour",
        screen(80, true).replace('\u{1b}', "ESC")
    );
    let hidden = with_hidden(Visibility::Hidden, Status::Failed);
    insta::assert_snapshot!(
        "hidden_for_staff",
        screen_of(hidden.clone(), Audience::Staff, 80, false)
    );
    let students = Audience::Students {
        after_deadline: true,
    };
    insta::assert_snapshot!(
        "hidden_for_students",
        screen_of(hidden, students, 80, false)
    );
    let public = Grade {
        hidden_points_not_run: 31,
        tests: Vec::new(),
        ..grade()
    };
    let last = "points from public tests; hidden tests are worth 31 more; 2 points could";
    let public = screen_of(public, Audience::Staff, 120, false);
    assert!(public.contains(&format!("2/10  {last}")), "{public}");
    many_failures();
    paths_begin_where_the_reader_is();
    each_kind_of_failure();
    each_outcome();
    what_students_never_see();
}

/// Many failures of few causes: the first in full, of those like it the names, the others in short.
fn many_failures() {
    let read = |key: &str, got: &str| {
        let observed = format!(
            "c2 read {key:?}: expected Value(\"0;\"), got Value({got:?})\n  and its grounds"
        );
        failure("violation", &observed)
    };
    let crash = |line: u32| {
        let observed =
            format!("s1 panicked while handling a message at src/server.rs:{line}: no such key");
        Failure {
            source: format!("src/server.rs:{line}"),
            ..failure("crash", &observed)
        }
    };
    let judged = |observed: &str, sort: &str| Failure {
        source: format!("labtest/src/kv/judgement.rs:1:2 ({sort})"),
        ..failure("violation", observed)
    };
    let failures = [
        read("log", "0;0;"),
        crash(12),
        // The same as the first, but for who, what and how much.
        read("x", "0;1;2;"),
        judged("c1 get x was answered with \"\"", "lost-write"),
        read("a \"b\"", ""),
        judged(
            &format!("c9 get y was answered with \"{}\"", "old;".repeat(80)),
            "stale-read",
        ),
        judged("c3 get z was answered with \"z\", and more", "lost-write"),
        // In another line is another cause.
        crash(13),
    ];
    let mut tests: Vec<TestVerdict> = failures
        .into_iter()
        .chain((20..26).map(crash))
        .enumerate()
        .map(|(index, failure)| {
            let id = format!("test_{index}");
            verdict(&id, Status::Failed, Some(failure), None)
        })
        .collect();
    tests.push(verdict("a_tutorial", Status::Passed, None, None));
    tests[14].points = 0;
    for width in [80, 120] {
        let screen = screen_of(
            Grade {
                tests: tests.clone(),
                ..grade()
            },
            Audience::Staff,
            width,
            false,
        );
        for line in screen.lines().filter(|line| !line.contains("cargo grade")) {
            assert!(line.chars().count() <= width, "{line}");
        }
        insta::assert_snapshot!(format!("many_failures_{width}"), screen);
    }
}

/// Places in sources and the handout can be opened from the folder in which the reader is.
fn paths_begin_where_the_reader_is() {
    colored::control::set_override(false);
    let hole = "not implemented: Server::start at src/server.rs:32";
    let test = verdict(
        "put_append_get",
        Status::Failed,
        Some(failure("not-implemented", hole)),
        None,
    );
    let grade = Grade {
        tests: vec![test],
        ..grade()
    };
    let places = Places {
        submission: "../mine/".to_owned(),
        project: "../".to_owned(),
    };
    let mut out = Vec::new();
    let mut terminal = Terminal::new(&mut out, 100, false).seen_from(places);
    let finished = Event::Finished {
        grade: Box::new(grade),
        took_ms: 0,
    };
    terminal.event(&finished).expect("a vector");
    let text = String::from_utf8(out).expect("UTF-8");
    assert!(
        text.contains("Server::start at ../mine/src/server.rs:32"),
        "{text}"
    );
    assert!(
        text.contains("handout   ../labs/lab2-primary-backup/README.md"),
        "{text}"
    );
}

/// What the world says of each kind of failure (`faultline_sim::FailureKind`), in its words.
const KINDS: [(&str, &str); 9] = [
    (
        "violation",
        "c2 get x was answered with \"old;\"; the only right answer was \"old;new;\"",
    ),
    (
        "no-progress",
        "some operation was still unanswered after 2000 ms. c1 has waited for the answer to Append \
         { key: \"x\", value: \"1;\" } since 104.2 ms.",
    ),
    (
        "crash",
        "s1 panicked while handling a message at src/server.rs:88: index out of bounds: the len is \
         0",
    ),
    (
        "not-implemented",
        "not implemented: Server::on_timer at src/server.rs:41",
    ),
    (
        "timeout",
        "s1 was stopped while handling a timer: the handler computed for too long (does it loop \
         for ever?)",
    ),
    (
        "memory",
        "s1 was stopped while handling a message: it wanted more than 64 MiB of memory",
    ),
    (
        "refused",
        "s1 was stopped while starting: a node has no clock; for time that passes there is \
         ctx.set_timer",
    ),
    (
        "state",
        "s1, after handling a message: the field `seen` is a hash set, whose order is not that of \
         its bytes",
    ),
    (
        "budget",
        "more than 200000 messages were sent; the last was s1's 199871th",
    ),
];

fn each_kind_of_failure() {
    for width in [80, 120] {
        let of_kind = |(kind, observed): &(&str, &str)| {
            let mut verdict = verdict(
                "state_survives_failover",
                Status::Failed,
                Some(failure(kind, observed)),
                None,
            );
            verdict.id = format!("fails_with_{}", kind.replace('-', "_"));
            verdict
        };
        let tests = KINDS.iter().map(of_kind).collect();
        let screen = screen_of(Grade { tests, ..grade() }, Audience::Staff, width, false);
        for line in screen.lines().filter(|line| !line.starts_with("  replay")) {
            assert!(line.chars().count() <= width, "{line}");
        }
        insta::assert_snapshot!(format!("each_kind_{width}"), screen);
    }
}

/// What ends the screen of a grade that has no failures to show.
fn each_outcome() {
    let passed = vec![verdict(
        "state_survives_failover",
        Status::Passed,
        None,
        None,
    )];
    let full = Score {
        earned: 100,
        possible: 100,
        not_scored: 0,
    };
    let all = Grade {
        tests: passed.clone(),
        score: full,
        left_out: Vec::new(),
        corrections: Vec::new(),
        ..grade()
    };
    let part = Grade {
        partial: true,
        ..all.clone()
    };
    let error = "error[E0308]: mismatched types\n  --> src/server.rs:12:5\n   |\n12 |     \
                 \u{1b}[31m1\n   |     ^";
    let none = Score { earned: 0, ..full };
    let broken = Grade {
        outcome: Outcome::DoesNotBuild,
        build_error: Some(error.to_owned()),
        tests: Vec::new(),
        score: none,
        ..all.clone()
    };
    let one_seed = TestVerdict {
        seeds: 1,
        ..passed[0].clone()
    };
    let single = Grade {
        tests: vec![one_seed],
        ..part.clone()
    };
    for width in [80, 120] {
        let screens = [&all, &part, &single, &broken]
            .map(|of| screen_of(of.clone(), Audience::Staff, width, false));
        insta::assert_snapshot!(format!("outcomes_{width}"), screens.join("\n==========\n"));
    }
}

/// A grade with a hidden test, in every text of which that students must not see stands MARK.
fn with_hidden(visibility: Visibility, status: Status) -> Grade {
    let mark = || "MARK".to_owned();
    let failed = status == Status::Failed;
    let change = FieldChange {
        path: mark(),
        before: Some(mark()),
        after: Some(mark()),
    };
    let failure = Failure {
        kind: mark(),
        observed: mark(),
        source: mark(),
        setting: mark(),
        seed: 77_001,
        at_us: 77_002,
        handout: mark(),
        shrunk: None,
        replay: Some(mark()),
        picture: picture(&mark()),
        history: Vec::new(),
        diagram: None,
        trace: vec![TraceLine {
            number: 77_003,
            at_us: 77_004,
            text: mark(),
            printed: vec![mark()],
            changed: vec![change],
            telling: 1,
            broke: true,
        }],
    };
    let phase = PhaseCounts {
        phase: mark(),
        events: 77_005,
        ..PhaseCounts::default()
    };
    let hidden = TestVerdict {
        title: mark(),
        visibility,
        seeds: 77_006,
        failing_seeds: 77_007,
        remarks: vec![mark()],
        phases: vec![phase],
        faults: [(mark(), 77_008)].into(),
        searched: Vec::new(),
        ..verdict("H-C3", status, failed.then_some(failure), None)
    };
    Grade {
        tests: vec![
            verdict("put_append_get", Status::Passed, None, None),
            hidden,
        ],
        ..grade()
    }
}

/// Neither the terminal nor the document tells students more of a hidden test than its name,
/// promise, points and status.
fn what_students_never_see() {
    let (before, after) = (
        Audience::Students {
            after_deadline: false,
        },
        Audience::Students {
            after_deadline: true,
        },
    );
    for status in [
        Status::Passed,
        Status::Failed,
        Status::Withheld,
        Status::NotScored,
    ] {
        for (audience, visibility, shown) in [
            (before, Visibility::Hidden, false),
            (before, Visibility::AfterDeadline, false),
            (after, Visibility::Hidden, false),
            (after, Visibility::AfterDeadline, true),
            (Audience::Staff, Visibility::Hidden, true),
        ] {
            let grade = with_hidden(visibility, status);
            let screen = screen_of(grade.clone(), audience, 120, false);
            let document = to_json(&grade_for(audience, grade.clone()));
            for text in [&screen, &document] {
                let told = text.contains("MARK") || text.contains("7700");
                assert_eq!(
                    told, shown,
                    "{audience:?} {visibility:?} {status:?}: {text}"
                );
                assert!(text.contains("H-C3"), "{text}");
            }
            assert_eq!(
                screen.contains("--student-view"),
                audience == Audience::Staff,
                "{screen}"
            );
            if !shown {
                let (seen, all) = (
                    &grade_for(audience, grade.clone()).tests[1],
                    &grade.tests[1],
                );
                assert_eq!(seen.title, "hidden test");
                let kept = |test: &TestVerdict| {
                    (
                        test.property.clone(),
                        test.part.clone(),
                        test.category.clone(),
                        test.points,
                        test.earned,
                        test.status,
                    )
                };
                assert_eq!(kept(seen), kept(all));
            }
        }
    }
}

#[test]
fn the_document_comes_back_as_it_was() {
    let text = to_json(&grade());
    assert_eq!(text, to_json(&grade()));
    assert_eq!(
        serde_json::from_str::<Grade>(&text).expect("the document is a grade"),
        grade()
    );
}
