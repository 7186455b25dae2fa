//! Grades to make pages of.

use faultline_verdict::{
    Asked, Band, CheckReport, Diagram, Drawn, DrawnKind, FORMAT, Failure, FieldChange, Fingerprint,
    Grade, Held, HistoryReport, HistoryVerdict, Judged, KeyHistory, KeyOrder, Lane, OperationLine,
    Outcome, PartScore, PhaseCounts, Score, Searched, Span, Status, TestVerdict, Tone, TraceLine,
    ViolationReport, Visibility,
};

fn s(text: &str) -> String {
    text.to_owned()
}

fn lines() -> Vec<(u64, &'static str, DrawnKind)> {
    let (c1, s1) = (|| s("c1"), || s("s1"));
    vec![
        (4_700, "s1 starts", DrawnKind::Start { node: s1() }),
        (
            10_000,
            "c1  invoke Append",
            DrawnKind::Invoke { node: c1() },
        ),
        (
            12_000,
            "c1 -> s1  Request",
            DrawnKind::Receive {
                node: s1(),
                from: c1(),
                sent_us: 10_000,
            },
        ),
        (
            12_000,
            "s1 -x c1  Reply (lost)",
            DrawnKind::Lose {
                from: s1(),
                to: c1(),
            },
        ),
        (13_000, "partition {s1} | {s2, c1}", DrawnKind::Fault),
        (
            13_000,
            "the links s2 -> c1, s1 <-> s3 are cut",
            DrawnKind::Fault,
        ),
        (60_000, "s1 crashes", DrawnKind::Crash { node: s1() }),
        (70_000, "--- healed ---", DrawnKind::Phase),
        (90_000, "c1  timer Retry", DrawnKind::Timer { node: c1() }),
        (
            95_000,
            "s1 -> c1  Reply",
            DrawnKind::Receive {
                node: c1(),
                from: s1(),
                sent_us: 50_000,
            },
        ),
        (
            95_000,
            "c1  answers Value(\"0;0;\")",
            DrawnKind::Answer { node: c1() },
        ),
        (99_000, "c1 read \"log\"", DrawnKind::Stop),
    ]
}

fn changes() -> Vec<FieldChange> {
    let change = |path: &str, before: Option<&str>, after: Option<&str>| FieldChange {
        path: s(path),
        before: before.map(s),
        after: after.map(s),
    };
    vec![
        change("view.number", Some("1"), Some("2")),
        change("replies[\"<b>\"]", None, Some("<script>")),
    ]
}

/// The trace, and its lines as they are drawn.
fn trace_and_events() -> (Vec<TraceLine>, Vec<Drawn>) {
    let mut trace: Vec<TraceLine> = Vec::new();
    let mut events = Vec::new();
    for (index, (at_us, text, what)) in lines().into_iter().enumerate() {
        let number = index as u64 * 10 + 1;
        if index % 4 == 3 {
            trace.push(TraceLine {
                at_us,
                text: s("(9 events left out)"),
                ..TraceLine::default()
            });
        }
        let printed = if index == 2 {
            vec![s("retry of operation 1"), s("\u{1b}[31mred")]
        } else {
            Vec::new()
        };
        let fatal = matches!(what, DrawnKind::Answer { .. });
        let changed = if index % 3 == 2 {
            changes()
        } else {
            Vec::new()
        };
        trace.push(TraceLine {
            number,
            at_us,
            text: s(text),
            printed,
            changed,
            telling: 1,
            broke: what == DrawnKind::Stop,
        });
        events.push(Drawn {
            number,
            what,
            led: index % 3 > 0 || fatal,
            fatal,
        });
    }
    (trace, events)
}

/// A band of each kind.
fn bands() -> Vec<Band> {
    let band = |what, to: Option<&str>| Band {
        what,
        node: s("s1"),
        to: to.map(s),
        from_us: 13_000,
        to_us: 90_000,
    };
    let held = [Held::Down, Held::Paused, Held::Slow].map(|what| band(what, None));
    let links = [Held::Cut, Held::HeldUp].map(|what| band(what, Some("c1")));
    [held.to_vec(), links.to_vec()].concat()
}

/// An operation of each kind on one key.
fn history() -> Vec<KeyHistory> {
    let asked = |from_us, to_us, command: &str, answer: Option<&str>, judged| Asked {
        client: s("c1"),
        command: s(command),
        answer: answer.map(s),
        from_us,
        to_us,
        judged,
    };
    vec![KeyHistory {
        key: s("log"),
        left_out: 2,
        operations: vec![
            asked(
                10_000,
                Some(20_000),
                "append log \"0;\"",
                Some("done"),
                Judged::Explains,
            ),
            asked(15_000, None, "put log", None, Judged::Plain),
            asked(
                90_000,
                Some(95_000),
                "get log",
                Some("\"0;0;\""),
                Judged::Impossible,
            ),
        ],
    }]
}

pub fn failure(id: &str) -> Failure {
    let span = |from_us, to_us, label: &str, tone| Span {
        from_us,
        to_us,
        label: s(label),
        tone,
    };
    let (trace, events) = trace_and_events();
    Failure {
        shrunk: None,
        kind: s("violation"),
        observed: s("c1 read \"log\": expected Value(\"0;\"), got Value(\"0;0;\")\n  and why"),
        source: String::new(),
        setting: s("1 view server, 2 servers"),
        seed: 3,
        at_us: 99_000,
        handout: s("labs/lab2-primary-backup/README.md#part-c"),
        replay: Some(format!(
            "cargo grade replay target/grade/lab2/{id}.trace.json"
        )),
        picture: vec![
            Lane {
                name: s("views"),
                spans: vec![
                    span(4_700, 20_000, "1 s1?", Tone::Tentative),
                    span(20_000, 99_000, "1 s1", Tone::Firm),
                ],
            },
            Lane {
                name: s("s1"),
                spans: vec![
                    span(5_000, 60_000, "primary 2", Tone::Firm),
                    span(60_000, 99_000, "down", Tone::Void),
                ],
            },
        ],
        history: history(),
        diagram: Some(Diagram {
            nodes: vec![s("c1"), s("s1")],
            events,
            bands: bands(),
        }),
        trace,
    }
}

pub fn verdict(id: &str, status: Status, failure: Option<Failure>) -> TestVerdict {
    let phase = PhaseCounts {
        phase: s("healed"),
        lasted_ms: 5_000,
        events: 100,
        messages: 40,
        bytes: 900,
        operations: 7,
        latency_mean_us: 1_000,
        latency_max_us: 9_000,
        latency_p50_us: 900,
        latency_p99_us: 8_800,
        available_permille: Some(120),
        recovery_max_us: Some(76_000),
    };
    TestVerdict {
        id: s(id),
        title: id.replace('_', " "),
        property: s("An operation is not carried out again."),
        part: s("C"),
        category: s("safety"),
        visibility: Visibility::Public,
        points: 2,
        earned: if status == Status::Passed { 2 } else { 0 },
        status,
        seeds: 16,
        failing_seeds: u64::from(failure.is_some()) * 5,
        remarks: Vec::new(),
        failure,
        phases: vec![phase],
        faults: [(s("crashes"), 4)].into(),
        searched: Vec::new(),
    }
}

pub fn failing(id: &str) -> TestVerdict {
    let searched = Searched {
        from: s("where view 2 is acknowledged"),
        walks: 0,
        states: 40_000,
        all: false,
        depth: 9,
        transitions: 176_818,
        calls: 205,
    };
    TestVerdict {
        searched: vec![searched],
        ..verdict(id, Status::Failed, Some(failure(id)))
    }
}

pub fn grade_with(tests: Vec<TestVerdict>) -> Grade {
    let score = Score {
        earned: 2,
        possible: 10,
        not_scored: 2,
    };
    Grade {
        format: FORMAT,
        lab: s("lab2"),
        title: s("Primary/backup key-value service"),
        fingerprint: Fingerprint {
            submission: s("2dd88a5e0000"),
            suite: s("b9f615100000"),
            rubric: s("ca2fdadd0000"),
            ..Fingerprint::default()
        },
        outcome: Outcome::Graded,
        partial: false,
        score,
        hidden_points_not_run: 0,
        parts: vec![PartScore {
            part: s("C"),
            title: s("Replication and failover"),
            score,
        }],
        build_error: None,
        trouble: None,
        unsafe_build: false,
        left_out: vec![s("src/link.rs: a link")],
        corrections: Vec::new(),
        tests,
    }
}

pub fn plain() -> Grade {
    let remarked = |id: &str, status, remark: &str| TestVerdict {
        remarks: vec![s(remark)],
        ..verdict(id, status, None)
    };
    grade_with(vec![
        verdict("state_survives_failover", Status::Passed, None),
        failing("exactly_once_across_failover"),
        remarked(
            "state_survives_a_chain",
            Status::Withheld,
            "withheld 2: needs put_append_get",
        ),
        remarked(
            "failover_chaos",
            Status::NotScored,
            "not scored: the fault \"crashes\" happened with no seed",
        ),
    ])
}

/// Replaces every text of a grade, and so every one that is added later.
fn with_texts(value: serde_json::Value, text: &str) -> serde_json::Value {
    use serde_json::Value;
    // What is no text but a word of the format.
    let word = |key: &str| {
        matches!(
            key,
            "status" | "kind" | "tone" | "what" | "judged" | "outcome" | "visibility"
        )
    };
    match value {
        Value::String(_) => Value::String(s(text)),
        Value::Array(all) => Value::Array(
            all.into_iter()
                .map(|value| with_texts(value, text))
                .collect(),
        ),
        Value::Object(all) => {
            let inner = |(key, value): (String, Value)| {
                let keep = word(&key) && value.is_string();
                let value = if keep { value } else { with_texts(value, text) };
                (key, value)
            };
            Value::Object(all.into_iter().map(inner).collect())
        }
        other => other,
    }
}

/// A grade in which every text is hostile.
pub fn hostile() -> Grade {
    let text = "<script>alert(\"'`&lt;</script>\u{202e}\u{1b}[31m\r\
                \u{0}\u{200b}]]>--><!--</style></title>";
    let grade = Grade {
        build_error: Some(s("x")),
        outcome: Outcome::DoesNotBuild,
        ..plain()
    };
    let value = with_texts(serde_json::to_value(grade).expect("a grade has JSON"), text);
    let mut grade: Grade = serde_json::from_value(value).expect("still a grade");
    for (index, test) in grade.tests.iter_mut().enumerate() {
        test.faults = [(s(text), 1)].into();
        test.id = format!("{index}{text}");
        if let Some(failure) = &mut test.failure {
            failure.kind = s(text);
        }
    }
    grade
}

/// A hidden test: whatever of it students must not see has MARK or 7700 in it.
pub fn marked(visibility: Visibility, status: Status) -> TestVerdict {
    let whole = verdict(
        "H-C3",
        status,
        (status == Status::Failed).then(|| failure("MARK")),
    );
    let value = with_texts(
        serde_json::to_value(&whole).expect("a verdict has JSON"),
        "MARK",
    );
    let marked: TestVerdict = serde_json::from_value(value).expect("still a verdict");
    let failure = marked.failure.map(|failure| Failure {
        kind: s("MARK"),
        seed: 77_001,
        ..failure
    });
    TestVerdict {
        visibility,
        seeds: 77_006,
        failing_seeds: 77_007,
        title: s("MARK"),
        remarks: vec![s("MARK")],
        phases: marked.phases,
        faults: [(s("MARK"), 77_008)].into(),
        searched: Vec::new(),
        failure,
        ..whole
    }
}

/// A failure in which everything is as long as it can be.
pub fn large(id: &str) -> TestVerdict {
    let mut test = failing(id);
    let failure = test.failure.as_mut().expect("it fails");
    let long = "<&\u{202e}".repeat(60);
    failure.observed = "<".repeat(4_000);
    let diagram = failure.diagram.as_mut().expect("it is drawn");
    let (nodes, sample) = (["c1", "s1"], failure.history[0].operations[0].clone());
    failure.trace.clear();
    diagram.events.clear();
    for number in 1..=90u64 {
        let at_us = number * 1000;
        let (node, from) = (
            s(nodes[number as usize % 2]),
            s(nodes[(number as usize + 1) % 2]),
        );
        failure.trace.push(TraceLine {
            number,
            at_us,
            text: long.clone(),
            printed: vec![long.repeat(50); 40],
            changed: vec![
                FieldChange {
                    path: long.clone(),
                    before: Some(long.repeat(50)),
                    after: None
                };
                40
            ],
            ..TraceLine::default()
        });
        let what = DrawnKind::Receive {
            node,
            from,
            sent_us: at_us - 500,
        };
        diagram.events.push(Drawn {
            number,
            what,
            led: true,
            fatal: false,
        });
    }
    failure.history[0].operations = vec![
        Asked {
            command: long.clone(),
            answer: Some(long.clone()),
            ..sample
        };
        60
    ];
    test
}

fn line(line: usize, text: &str, call: u64, ret: Option<u64>) -> OperationLine {
    let reply = ret.map(|_| s(text));
    OperationLine {
        line,
        client: 7,
        command: format!("get {text:?}"),
        reply,
        call,
        ret,
    }
}

/// A check of three histories, one of each verdict; all texts of files are `text`.
pub fn checked(text: &str) -> CheckReport {
    let plain = HistoryReport {
        file: s(text),
        verdict: HistoryVerdict::Linearizable,
        expected: Some(HistoryVerdict::Violated),
        operations: 3,
        keys_by_zones: 1,
        keys_by_search: 0,
        configurations: 0,
        violation: None,
        witness: vec![
            KeyOrder {
                key: Some(s(text)),
                lines: vec![5, 1, 9],
                first: vec![line(5, text, 3, None), line(1, text, 2, Some(4))],
            },
            KeyOrder {
                key: None,
                lines: vec![7],
                first: Vec::new(),
            },
        ],
    };
    let violation = ViolationReport {
        kind: s("stale-read"),
        sentence: format!("client 7's get {text} is stale"),
        key: Some(s(text)),
        impossible: line(12, text, 40, Some(50)),
        prefix: 9,
        core: vec![line(12, text, 40, Some(50)), line(8, text, 20, Some(30))],
        context: vec![line(6, text, 0, Some(u64::MAX))],
        around: vec![line(10, text, 35, None)],
        possible_replies: vec![s(text), s("other")],
    };
    let violated = HistoryReport {
        verdict: HistoryVerdict::Violated,
        expected: None,
        violation: Some(violation),
        witness: Vec::new(),
        ..plain.clone()
    };
    let undecided = HistoryReport {
        verdict: HistoryVerdict::Undecided,
        keys_by_search: 2,
        configurations: 500_000,
        violation: None,
        ..violated.clone()
    };
    CheckReport {
        format: FORMAT,
        histories: vec![plain, violated, undecided],
    }
}
