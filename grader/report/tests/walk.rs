//! A run step by step, as people see it. After a wanted change:
//! `INSTA_UPDATE=always cargo test -p faultline-report`, and read the difference.

use std::sync::Arc;

use faultline_report::{Nodes, step_text, walk_text};
use faultline_verdict::{FieldChange, Walk, WalkFlight, WalkNode, WalkStep};

fn change(path: &str, before: Option<&str>, after: Option<&str>) -> FieldChange {
    FieldChange {
        path: path.to_owned(),
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
    }
}

fn node(name: &str, doing: &str, state: &[&str], disk: &[&str]) -> WalkNode {
    WalkNode {
        name: name.to_owned(),
        doing: doing.to_owned(),
        state: Arc::new(state.iter().map(|line| (*line).to_owned()).collect()),
        timers: if doing == "down" {
            Vec::new()
        } else {
            vec![(125_000, "Ping".to_owned())]
        },
        disk: disk.iter().map(|line| (*line).to_owned()).collect(),
    }
}

fn flight(way: &str, message: &str, arrives_us: Option<u64>) -> WalkFlight {
    WalkFlight {
        way: way.to_owned(),
        message: message.to_owned(),
        sent_us: 101_200,
        arrives_us,
    }
}

fn walk() -> Walk {
    let state = [
        "Server {",
        "  view: view 3 (primary s2#1, backup none)",
        "  log: [\u{1b}[31m(1, Put)]",
        "}",
    ];
    let long = "Forward { view: 3, operation: Operation { client: c1, number: 12, command: Append \
                { key: \"log\", value: \"12;\" } } }";
    let first = WalkStep {
        number: 41,
        at_us: 101_200,
        text: format!("s1 -> s2  {long}"),
        printed: vec!["applied \u{1b}[31m12".to_owned()],
        matters: true,
        node: Some("s2".to_owned()),
        changed: vec![
            change("view.number", Some("2"), Some("3")),
            change("replies[c1]", None, Some("(12, Done)")),
            change("acks", Some("s1"), None),
        ],
        nodes: vec![
            node(
                "s1",
                "down",
                &[],
                &["log: 40 bytes synced \"1;2;\" ...; not synced: append 12 bytes"],
            ),
            node("s2", "up, incarnation 2", &state, &[]),
            node(
                "c1",
                "waits for its disk, 2 effects behind the sync, 1 event waiting",
                &["Client { number: 12 }"],
                &[],
            ),
        ],
        flights: vec![
            flight("s2 -> s1", long, Some(103_400)),
            flight("c1 -> s1", "GetView", None),
        ],
        ..WalkStep::default()
    };
    let last = WalkStep {
        number: 42,
        at_us: 103_400,
        text: "c1  answers Value(\"old;\")".to_owned(),
        broke: true,
        matters: true,
        node: Some("c1".to_owned()),
        ..first.clone()
    };
    Walk {
        steps: vec![
            first,
            WalkStep {
                changed: Vec::new(),
                printed: Vec::new(),
                ..last
            },
        ],
        folded: 40,
        of: 42,
    }
}

/// Every line fits, and nothing that a program wrote steers the terminal.
fn fits(text: String, width: usize) -> String {
    assert!(
        text.lines().all(|line| line.chars().count() <= width),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "{text}");
    text
}

#[test]
fn steps_at_80_and_120_columns() {
    colored::control::set_override(false);
    for width in [80, 120] {
        insta::assert_snapshot!(
            format!("all_steps_{width}"),
            fits(walk_text(&walk(), width), width)
        );
        insta::assert_snapshot!(
            format!("one_step_{width}"),
            fits(step_text(&walk(), 0, Nodes::OfTheStep, width), width)
        );
        insta::assert_snapshot!(
            format!("whole_world_{width}"),
            fits(step_text(&walk(), 0, Nodes::All, width), width)
        );
    }
    assert_eq!(step_text(&walk(), 2, Nodes::All, 80), "");
}
