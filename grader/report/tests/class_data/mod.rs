//! A class with a row of each sort, and texts that would steer a page, a table or a terminal.

use faultline_verdict::{
    CLASS_FORMAT, Class, ClassRow, ClassStatus, Fingerprint, PartScore, Score,
};

pub const NASTY: &str = "<img src=x onerror=alert(1)>\u{202e}|[x](http://y)\u{1b}[31m";

pub fn score(earned: u32, possible: u32, not_scored: u32) -> Score {
    Score {
        earned,
        possible,
        not_scored,
    }
}

fn row(student: &str, status: ClassStatus, score: Score) -> ClassRow {
    let submission = (status != ClassStatus::Missing).then(|| student.to_owned());
    ClassRow {
        student: student.to_owned(),
        login: Some(student.to_owned()),
        submission,
        status,
        score,
        ..ClassRow::default()
    }
}

/// Points in two parts, and in one that is worth nothing.
fn parts(a: u32, b: u32) -> Vec<PartScore> {
    let part = |part: &str, earned, possible| PartScore {
        part: part.to_owned(),
        title: format!("Part {part}"),
        score: score(earned, possible, 0),
    };
    vec![part("T", 0, 0), part("A", a, 40), part("B", b, 60)]
}

pub fn class() -> Class {
    let late = ClassRow {
        parts: parts(30, 57),
        deadline: Some("2026-03-01T10:00:00Z".to_owned()),
        remarks: vec![
            "2 later commits not graded, the last of 2026-03-02T11:00:00Z".to_owned(),
            "backdated: dated before a parent: 0123456789".to_owned(),
        ],
        submitted_at: Some("2026-03-01T11:00:00Z".to_owned()),
        time_source: Some("first-import".to_owned()),
        late_s: Some(90_061),
        commit: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
        build_layers: vec!["landlock 7".to_owned(), "seccomp".to_owned()],
        ..row("ann", ClassStatus::Graded, score(87, 100, 0))
    };
    let nasty = ClassRow {
        name: Some("=cmd()".to_owned()),
        team: Some(NASTY.to_owned()),
        remarks: vec![format!("src/server.rs:1:1: {NASTY}\n::error::owned")],
        ..row("+bob", ClassStatus::Rejected, score(0, 0, 100))
    };
    let nobody = ClassRow {
        student: String::new(),
        ..row("stranger", ClassStatus::NotScored, score(0, 0, 100))
    };
    Class {
        format: CLASS_FORMAT,
        lab: "lab2".to_owned(),
        title: "Primary/backup".to_owned(),
        hidden: true,
        fingerprint: Fingerprint {
            suite: "a".repeat(64),
            rubric: "b".repeat(64),
            ..Fingerprint::default()
        },
        grader: "0.1.0".to_owned(),
        points: 100,
        hidden_points_not_run: 0,
        deadline: Some("2026-03-01T10:00:00Z".to_owned()),
        unsafe_build: false,
        rows: vec![
            late,
            nasty,
            ClassRow {
                name: Some("student-005-a@university.example".to_owned()),
                ..row("cy", ClassStatus::DoesNotBuild, score(0, 100, 0))
            },
            row("dee", ClassStatus::Missing, Score::default()),
            row("eve", ClassStatus::Pending, Score::default()),
            row("finn", ClassStatus::Graded, score(90, 96, 4)),
            nobody,
        ],
    }
}
