//! What is shown of a class: terminal, tables and pages.

use faultline_report::{
    ClassScreen, class_csv, class_markdown, class_page, class_plan_text, class_to_json,
};
use faultline_verdict::{
    Class, ClassEvent, ClassPlan, ClassStatus, PlanStep, PlannedWork, Stopped,
};

mod class_data;

use class_data::{NASTY, class, score};

/// What is told first while the class is graded.
fn started() -> ClassEvent {
    ClassEvent::Started {
        lab: "lab2".to_owned(),
        title: "Primary/backup".to_owned(),
        submissions: 6,
        done: 1,
        rows: 7,
        layers: vec!["landlock 7".to_owned(), "seccomp".to_owned()],
        changes: vec![
            "the deadline was none and is 2026-03-01T10:00:00Z".to_owned(),
            format!("new students: {NASTY}"),
        ],
        again: vec![PlanStep {
            id: "bob".to_owned(),
            what: PlannedWork::Grade,
            why: "staff/bob/record.json was changed or damaged".to_owned(),
        }],
    }
}

/// All that is told after that, too.
fn events() -> Vec<ClassEvent> {
    let done = |id: &str, status, score, why: Option<&str>, took_ms, left| ClassEvent::Done {
        id: id.to_owned(),
        status,
        score,
        why: why.map(str::to_owned),
        took_ms,
        left,
        estimate_ms: took_ms * left as u64,
    };
    vec![
        started(),
        ClassEvent::Sure {
            reference: score(100, 100, 0),
            starter: score(0, 100, 0),
            took_ms: 9100,
        },
        done(
            "ann",
            ClassStatus::Graded,
            score(87, 100, 0),
            None,
            8200,
            110,
        ),
        done(
            "bob",
            ClassStatus::Rejected,
            score(0, 0, 100),
            Some(
                "the submission uses what is not graded: src/lib.rs:12:21: `include_str!`: it \
                 reads another file while the crate is compiled",
            ),
            200,
            3,
        ),
        done(
            "cy",
            ClassStatus::DoesNotBuild,
            score(0, 100, 0),
            None,
            700,
            2,
        ),
        done(
            "stranger",
            ClassStatus::NotScored,
            score(0, 0, 100),
            Some("grading it took more than 1200 s"),
            1_200_000,
            1,
        ),
        ClassEvent::Finished {
            class: Box::new(class()),
            stopped: Some(Stopped::Budget),
            took_ms: 1_300_000,
        },
    ]
}

fn screen(width: usize) -> String {
    colored::control::set_override(false);
    let mut out = Vec::new();
    let mut screen = ClassScreen::new(&mut out, width);
    for event in &events() {
        screen.event(event).expect("memory takes everything");
    }
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn a_class_on_the_terminal() {
    for width in [80, 120] {
        let text = screen(width);
        assert!(
            text.lines().all(|line| line.chars().count() <= width),
            "{text}"
        );
        assert!(
            !text.contains('\u{1b}') && !text.contains('\u{202e}'),
            "{text}"
        );
        insta::assert_snapshot!(format!("class_{width}"), text);
    }
}

#[test]
fn what_would_be_done() {
    colored::control::set_override(false);
    let step = |id: &str, what, why: &str| PlanStep {
        id: id.to_owned(),
        what,
        why: why.to_owned(),
    };
    let plan = ClassPlan {
        steps: vec![
            step("ann", PlannedWork::Grade, "changed: the rubric, the salt"),
            step("bob", PlannedWork::Keep, "nothing has changed"),
            step(
                "cy",
                PlannedWork::Reject,
                "`src/a.rs` and `src/A.rs` differ only in case: on some machines only one of them \
                 exists",
            ),
        ],
        missing: vec!["dee".to_owned()],
        changes: vec!["the deadline was none and is 2026-03-01T10:00:00Z".to_owned()],
    };
    for width in [80, 120] {
        insta::assert_snapshot!(format!("plan_{width}"), class_plan_text(&plan, width));
    }
}

#[test]
fn the_table_of_a_class() {
    let text = class_csv(&class());
    insta::assert_snapshot!("class_csv", text);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let lines: Vec<csv::StringRecord> =
        reader.records().map(|line| line.expect("a line")).collect();
    assert_eq!(lines.len(), class().rows.len());
    let begins = |field: &str| field.trim_start().starts_with(['=', '+', '-', '@']);
    assert!(lines.iter().flatten().all(|field| !begins(field)), "{text}");
}

#[test]
fn the_summary_of_a_class() {
    let text = class_markdown(&class());
    insta::assert_snapshot!("class_markdown", text);
    assert!(
        !text.contains("<img") && !text.contains("](http") && !text.contains("\n::"),
        "{text}"
    );
}

#[test]
fn the_document_of_a_class_comes_back_as_it_was() {
    let text = class_to_json(&class());
    assert_eq!(
        serde_json::from_str::<Class>(&text).expect("it is one"),
        class()
    );
}

#[test]
fn the_page_of_a_class_links_what_there_is() {
    let page = class_page(&class());
    for wanted in [
        "staff/ann/report.html",
        "students/ann/report.html",
        "late by 1 d 1 h",
        "graded, 4 points not scored",
    ] {
        assert!(page.contains(wanted), "{wanted}");
    }
    for banned in ["<img", "<script", "\u{202e}", "staff/dee", "staff/eve"] {
        assert!(!page.contains(banned), "{banned}");
    }
    assert_eq!(page, class_page(&class()));
}

/// A scores file is printed by build services, too, whoever the first student is.
#[test]
fn no_line_of_the_table_is_a_command() {
    let mut class = class();
    for (row, student) in class.rows.iter_mut().zip([
        "::error::x",
        "  ::add-mask::y",
        "##[error]z",
        "a\n::set-output name=x::y",
    ]) {
        row.student = student.to_owned();
    }
    for text in [class_csv(&class), class_markdown(&class)] {
        let is_command = |line: &str| line.trim_start().starts_with("::") || line.contains("##[");
        assert!(!text.lines().any(is_command), "{text}");
    }
}

#[test]
fn every_report_of_a_class_says_whether_hidden_tests_ran() {
    let mut class = class();
    let reports = |class: &Class| {
        let mut screen = Vec::new();
        let event = ClassEvent::Finished {
            class: Box::new(class.clone()),
            stopped: None,
            took_ms: 0,
        };
        colored::control::set_override(false);
        let told = ClassScreen::new(&mut screen, 80).event(&event);
        told.expect("memory takes everything");
        let screen = String::from_utf8(screen).expect("UTF-8");
        [class_markdown(class), class_page(class), screen]
    };
    for text in reports(&class) {
        assert!(
            text.contains("hidden tests were run, without a salt"),
            "{text}"
        );
    }
    class.fingerprint.salt = Some("c".repeat(64));
    for text in reports(&class) {
        assert!(
            text.contains("hidden tests were run, with a salt"),
            "{text}"
        );
    }
    (class.hidden, class.hidden_points_not_run) = (false, 33);
    for text in reports(&class) {
        let text = text.replace('\n', " ");
        let said = "hidden tests were not run: their 33 points are in no score";
        assert!(text.contains(said), "{text}");
    }
}

/// Later commits, dates that cannot be true, extensions and the commit: for graded rows, too.
#[test]
fn what_a_grader_must_know_of_a_row_is_on_the_page_and_in_the_summary() {
    for text in [class_markdown(&class()), class_page(&class())] {
        for wanted in [
            "2 later commits not graded, the last of 2026-03-02T11:00:00Z",
            "backdated: dated before a parent",
            "2026-03-01T10:00:00Z",
            "0123456789",
            "proven by imports",
            "1 d 1 h",
        ] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
        assert!(!text.contains("Part T"), "a part without points: {text}");
    }
    let page = class_page(&class());
    assert!(
        page.contains(r#"<td class="num part" data-part="A">30<"#),
        "{page}"
    );
}

/// What another shard grades is no trouble of this one, and is not listed as such.
#[test]
fn rows_of_other_shards_are_not_open() {
    let mut class = class();
    let eve = class.rows.iter_mut().find(|row| row.student == "eve");
    eve.expect("she is there").elsewhere = true;
    assert!(class.open().all(|row| row.student != "eve"));
    let text = class_markdown(&class);
    assert!(text.contains("- 1 graded by other shards"), "{text}");
    let open = text.split("## Scores").next().expect("a beginning");
    assert!(!open.contains("eve"), "{text}");
}
