//! A grade with verdicts of each kind.

use faultline_verdict::{
    FORMAT, Failure, FieldChange, Fingerprint, Grade, Lane, Outcome, PartScore, Score, Searched,
    Span, Status, TestVerdict, Tone, TraceLine, Visibility,
};

pub fn line(number: u64, at_us: u64, text: &str) -> TraceLine {
    TraceLine {
        number,
        at_us,
        text: text.to_owned(),
        ..TraceLine::default()
    }
}

pub fn picture(label: &str) -> Vec<Lane> {
    let span = |from_us, to_us, label: &str, tone| Span {
        from_us,
        to_us,
        label: label.to_owned(),
        tone,
    };
    let views = vec![
        span(4_700, 104_700, "1 s1", Tone::Firm),
        span(104_700, 204_700, label, Tone::Tentative),
        span(204_700, 580_700, "3 s2", Tone::Firm),
    ];
    let server = vec![
        span(110_000, 254_700, "primary 2", Tone::Firm),
        span(254_700, 580_700, "down", Tone::Void),
    ];
    vec![
        Lane {
            name: "views".to_owned(),
            spans: views,
        },
        Lane {
            name: label.to_owned(),
            spans: server,
        },
    ]
}

pub fn failure(kind: &str, observed: &str) -> Failure {
    let mut broke = line(154, 580_700, observed);
    broke.broke = true;
    let mut printed = line(
        145,
        570_700,
        "c1 -> s2  Request { number: 1, command: Append { key: \"log\", value: \"0;\" } }",
    );
    printed.printed = vec![
        "retry of \u{1b}[31moperation 1".to_owned(),
        "note: last was 0".to_owned(),
    ];
    let change = |path: &str, before: &str, after: &str| FieldChange {
        path: path.to_owned(),
        before: Some(before.to_owned()),
        after: Some(after.to_owned()),
    };
    printed.changed = vec![
        change("store[\"log\"]", "\"\"", "\"0;\""),
        change(
            "queue",
            &format!(
                "[{}]",
                "Operation { client: c1, \u{1b}[31mnumber: 1 }, ".repeat(4)
            ),
            "[]",
        ),
        change("ticks", "7", "8"),
    ];
    printed.telling = 2;
    Failure {
        kind: kind.to_owned(),
        observed: observed.to_owned(),
        source: String::new(),
        setting: "1 view server, 2 servers, 2 clients, a clean network".to_owned(),
        seed: 3,
        at_us: 580_700,
        handout: "labs/lab2-primary-backup/README.md#part-c-replication-and-failover".to_owned(),
        shrunk: None,
        replay: Some(
            "cargo grade replay target/grade/lab2/exactly_once_across_failover.trace.json"
                .to_owned(),
        ),
        picture: picture("view 2 is not so wide"),
        history: Vec::new(),
        diagram: None,
        trace: vec![
            line(1, 4_700, "s1 starts"),
            line(0, 254_700, "(33 events left out)"),
            printed,
            broke,
        ],
    }
}

pub fn verdict(
    id: &str,
    status: Status,
    failure: Option<Failure>,
    remark: Option<&str>,
) -> TestVerdict {
    TestVerdict {
        id: id.to_owned(),
        title: id.replace('_', " "),
        property:
            "An operation that was carried out but not answered before the primary died is not \
             carried out again by its successor."
                .to_owned(),
        part: "C".to_owned(),
        category: "safety".to_owned(),
        visibility: Visibility::Public,
        points: 2,
        earned: if status == Status::Passed { 2 } else { 0 },
        status,
        seeds: 16,
        failing_seeds: u64::from(failure.is_some()) * 5,
        remarks: remark.into_iter().map(str::to_owned).collect(),
        failure,
        phases: Vec::new(),
        faults: Default::default(),
        searched: Vec::new(),
    }
}

/// A test that passed after searches: states, whether all, walks.
pub fn explored(id: &str, searches: &[(u64, bool, u64)]) -> TestVerdict {
    let searched = |(states, all, walks): &(u64, bool, u64)| Searched {
        from: "the start".to_owned(),
        walks: *walks,
        states: *states,
        all: *all,
        depth: 12,
        transitions: 9 * states,
        calls: 700,
    };
    TestVerdict {
        seeds: 1,
        searched: searches.iter().map(searched).collect(),
        ..verdict(id, Status::Passed, None, None)
    }
}

/// One verdict of each kind, and two tests that the same hole of the starter stops.
pub fn verdicts() -> Vec<TestVerdict> {
    let hole = "not implemented: Server::start at src/server.rs:32";
    vec![
        verdict("state_survives_failover", Status::Passed, None, None),
        explored("reach_view_2", &[(4_096, true, 0)]),
        explored(
            "from_view_2_every_order",
            &[(4_096, true, 0), (60_000, false, 0), (0, false, 300)],
        ),
        verdict(
            "exactly_once_across_failover",
            Status::Failed,
            Some(failure(
                "violation",
                "c2 read \"log\": expected Value(\"0;\"), got Value(\"0;0;0;\")",
            )),
            None,
        ),
        verdict(
            "put_append_get",
            Status::Failed,
            Some(failure("not-implemented", hole)),
            None,
        ),
        verdict(
            "a_lone_survivor_goes_on",
            Status::Failed,
            Some(failure("not-implemented", hole)),
            None,
        ),
        verdict(
            "state_survives_a_chain",
            Status::Withheld,
            None,
            Some("withheld 2: needs put_append_get"),
        ),
        verdict(
            "failover_chaos",
            Status::NotScored,
            None,
            Some("not scored: the fault \"crashes of servers\" happened with no seed"),
        ),
    ]
}

pub fn grade() -> Grade {
    let score = Score {
        earned: 2,
        possible: 10,
        not_scored: 2,
    };
    Grade {
        format: FORMAT,
        lab: "lab2".to_owned(),
        title: "Primary/backup key-value service".to_owned(),
        fingerprint: Fingerprint {
            submission: "2dd88a5e0000".to_owned(),
            suite: "b9f615100000".to_owned(),
            rubric: "ca2fdadd0000".to_owned(),
            ..Fingerprint::default()
        },
        outcome: Outcome::Graded,
        partial: false,
        score,
        hidden_points_not_run: 0,
        parts: vec![PartScore {
            part: "C".to_owned(),
            title: "Replication and failover".to_owned(),
            score,
        }],
        build_error: None,
        trouble: None,
        unsafe_build: false,
        left_out: vec!["src/link.rs: a link".to_owned()],
        corrections: Vec::new(),
        tests: verdicts(),
    }
}
