//! The report page: well-formed, whole in itself, safe with whatever a program wrote, silent about
//! what is hidden.

mod page_data;

use std::{collections::BTreeSet, path::PathBuf};

use faultline_report::{Page, check_page, check_text, event_for, grade_for};
use faultline_verdict::{Audience, CheckReport, Event, Grade, Status, Visibility};
use html5gum::{DefaultEmitter, Token, Tokenizer};

use page_data::{checked, failing, grade_with, hostile, plain, verdict};

fn page_of(grade: &Grade, submission: &str, audience: Audience) -> String {
    let mut page = Page::default();
    let started = Event::Started {
        lab: grade.lab.clone(),
        title: grade.title.clone(),
        submission: submission.to_owned(),
        tests: grade.tests.len(),
        hidden_in_full: 0,
    };
    page.event(&event_for(audience, started));
    page.of(&grade_for(audience, grade.clone()))
}

fn staff(grade: &Grade) -> String {
    page_of(grade, "starter/lab2", Audience::Staff)
}

/// Every element as its name and attributes, and all text.
#[derive(Default)]
struct Parsed {
    elements: Vec<(String, Vec<(String, String)>)>,
    text: String,
}

/// Reads a page strictly: no error of a tokenizer, everything closed where it belongs, no block in
/// a paragraph.
fn parsed(page: &str) -> Parsed {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let mut parsed = Parsed::default();
    let mut open: Vec<String> = Vec::new();
    let mut emitter = DefaultEmitter::<()>::default();
    emitter.naively_switch_states(true);
    for token in Tokenizer::new_with_emitter(page, emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => {
                let name = text(&tag.name);
                let block = [
                    "div", "p", "ul", "ol", "dl", "table", "pre", "section", "details",
                ]
                .contains(&name.as_str());
                assert!(
                    !block || open.iter().all(|outer| outer != "p"),
                    "<{name}> in a paragraph"
                );
                let attributes = tag
                    .attributes
                    .iter()
                    .map(|(name, value)| (text(name), text(value)));
                parsed.elements.push((name.clone(), attributes.collect()));
                if name != "meta" {
                    open.push(name);
                }
            }
            Token::EndTag(tag) => assert_eq!(open.pop(), Some(text(&tag.name))),
            Token::String(words) => parsed.text += &text(&words),
            Token::Doctype(doctype) => assert_eq!(text(&doctype.name), "html"),
            Token::Comment(_) => panic!("nothing writes comments"),
            Token::Error(error) => panic!("{error:?}"),
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    parsed
}

/// All elements that a page may have: none of them runs, loads, sends or embeds anything.
const ELEMENTS: &str = "html head meta title style body a header div p code h1 h2 h3 h4 span ul ol \
                        li main section table caption thead tbody tfoot tr th td svg rect line \
                        circle path text g defs marker desc dl dt dd details summary pre strong b \
                        article footer";

const ATTRIBUTES: &str = "lang charset content name http-equiv href class id width height x y x1 \
                          x2 y1 y2 rx r d cx cy scope colspan tabindex role title open aria-label \
                          aria-labelledby aria-hidden overflow viewbox refx refy markerwidth \
                          markerheight markerunits orient marker-start marker-end";

fn is_safe_and_whole(page: &str) {
    let allowed = |list: &str, name: &str| list.split_whitespace().any(|known| known == name);
    let Parsed { elements, .. } = parsed(page);
    let mut ids = BTreeSet::new();
    for (name, attributes) in &elements {
        assert!(allowed(ELEMENTS, name), "<{name}> {attributes:?}");
        for (attribute, value) in attributes {
            assert!(
                allowed(ATTRIBUTES, attribute),
                "<{name} {attribute}={value:?}>"
            );
            if attribute == "id" {
                assert!(ids.insert(value.clone()), "{value} stands twice");
            }
        }
    }
    for (name, attributes) in &elements {
        for (attribute, value) in attributes {
            let ids_of = match attribute.as_str() {
                "href" => vec![
                    value
                        .strip_prefix('#')
                        .unwrap_or_else(|| panic!("<{name}> leads away: {value}")),
                ],
                "aria-labelledby" => value.split(' ').collect(),
                "marker-start" | "marker-end" => vec![
                    value
                        .strip_prefix("url(#")
                        .unwrap()
                        .strip_suffix(')')
                        .unwrap(),
                ],
                _ => continue,
            };
            for id in ids_of {
                assert!(
                    ids.contains(id),
                    "<{name} {attribute}> names {id}, which is nowhere"
                );
            }
        }
    }
    let odd = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' |
                '\u{2066}'..='\u{2069}')
    };
    assert_eq!(page.find(odd), None, "nothing invisible");
    assert!(
        page.contains("default-src 'none'; style-src 'sha256-"),
        "the policy"
    );
}

#[test]
fn a_page_is_well_formed_and_whole_in_itself() {
    for grade in [
        plain(),
        grade_with(Vec::new()),
        Grade {
            build_error: Some("error".into()),
            ..grade_with(Vec::new())
        },
    ] {
        let page = staff(&grade);
        is_safe_and_whole(&page);
        assert_eq!(page, staff(&grade), "equal grades have equal bytes");
    }
}

#[test]
fn a_page_tells_everything() {
    let text = parsed(&staff(&plain())).text;
    for expected in [
        "exactly_once_across_failover",
        "An operation is not carried out again.",
        "expected Value(\"0;\"), got Value(\"0;0;\")",
        "cargo grade replay target/grade/lab2/exactly_once_across_failover.trace.json",
        "README.md#part-c",
        "retry of operation 1",
        "append log \"0;\"",
        "impossible",
        "here the promise was broken",
        "partition {s1} | {s2, c1}; the links s2 \u{2192} c1, s1 \u{2194} s3 are cut",
        "primary 2",
        "withheld 2: needs put_append_get",
        "a test that this one needs did",
        "never happened or a check stayed undecided",
        "src/link.rs: a link",
        "2dd88a5e-b9f61510-ca2fdadd",
        "12.0 %",
        "76.0 ms",
    ] {
        assert!(text.contains(expected), "no {expected:?}");
    }
    let notes = Grade {
        partial: true,
        hidden_points_not_run: 31,
        ..plain()
    };
    let text = parsed(&staff(&notes)).text;
    assert!(text.contains("Not a grade.") && text.contains("hidden tests are worth 31 more"));
}

#[test]
fn links_are_told_with_arrows() {
    let text = parsed(&staff(&plain())).text;
    assert!(text.contains("partition {s1} | {s2, c1}"), "{text}");
    assert!(
        text.contains("the links s2 \u{2192} c1, s1 \u{2194} s3 are cut"),
        "{text}"
    );
    assert!(
        !text.contains("s2 -> c1") && !text.contains("<->"),
        "{text}"
    );
}

#[test]
fn failures_that_look_alike_name_each_other() {
    let mut tests: Vec<_> = (0..3).map(|n| failing(&format!("test_{n}"))).collect();
    tests[2].failure.as_mut().unwrap().kind = "no-progress".to_owned();
    let page = staff(&grade_with(tests));
    assert_eq!(
        page.matches("<article").count(),
        3,
        "each has its own place"
    );
    assert!(page.contains("1 more test fails the same way") && page.contains("3 failures"));
    assert!(page.contains("<a href=\"#f2\"><code>test_1</code></a></li>"));
    // What was observed is told once, and not again where the trace ends.
    let observed = "expected Value(&quot;0;&quot;), got Value(&quot;0;0;&quot;)";
    let article = page.split("<article").nth(1).unwrap();
    let body = article.split("<div class=\"body\">").nth(1).unwrap();
    assert_eq!(body.matches(observed).count(), 1, "{body}");
}

#[test]
fn a_hole_is_told_once() {
    let mut tests: Vec<_> = (0..3).map(|n| failing(&format!("test_{n}"))).collect();
    for test in &mut tests[1..] {
        test.failure.as_mut().unwrap().kind = "not-implemented".to_owned();
    }
    let page = staff(&grade_with(tests));
    assert_eq!(page.matches("<article").count(), 2);
    assert!(page.contains("1 more test fails the same way") && page.contains("3 failures"));
}

#[test]
fn nothing_that_a_program_wrote_is_markup() {
    let grade = hostile();
    let page = page_of(
        &grade,
        "<img src=x onerror=alert(1)>\u{202e}",
        Audience::Staff,
    );
    is_safe_and_whole(&page);
    let text = parsed(&page).text;
    assert!(
        text.contains("<script>alert(\"'`&lt;</script>"),
        "shown as it is written"
    );
    assert!(
        text.contains("\\u{202e}") && text.contains("\\u{1b}[31m"),
        "and what is invisible made visible"
    );
}

#[test]
fn no_path_of_this_machine() {
    let path = PathBuf::from(if cfg!(windows) {
        "C:\\home\\zoe7\\lab"
    } else {
        "/home/zoe7/lab"
    });
    let page = page_of(&plain(), path.to_str().unwrap(), Audience::Staff);
    assert!(page.contains("<code>lab</code>") && !page.contains("zoe7"));
    assert!(
        page_of(&plain(), "solutions/lab2", Audience::Staff)
            .contains("<code>solutions/lab2</code>")
    );
}

#[test]
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
            let grade = grade_with(vec![
                verdict("public", Status::Passed, None),
                page_data::marked(visibility, status),
            ]);
            let page = page_of(&grade, "starter/lab2", audience);
            is_safe_and_whole(&page);
            assert_eq!(
                page.contains("MARK") || page.contains("7700"),
                shown,
                "{audience:?} {visibility:?} {status:?}"
            );
            assert!(page.contains("H-C3"), "its name");
            if !shown && status == Status::Failed {
                assert!(
                    page.contains("An operation is not carried out again.")
                        && page.contains("safety")
                );
            }
        }
    }
}

#[test]
fn a_page_stays_small() {
    let tests = (0..40)
        .map(|n| page_data::large(&format!("test_{n}")))
        .collect();
    let page = staff(&grade_with(tests));
    is_safe_and_whole(&page);
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    assert!(page.contains("The page is large already") && page.contains("40 failures"));
}

/// In a folder whose names say what must come out, right verdicts are what counts, not good ones.
#[test]
fn a_page_of_histories_says_what_is_as_expected() {
    let mut report = checked("x");
    for history in &mut report.histories {
        history.expected = Some(history.verdict);
    }
    report.histories.pop();
    let page = check_page(&report);
    assert!(parsed(&page).text.contains("2 / 2 as expected"));
    assert!(page.contains("total good"));
    for history in &mut report.histories {
        history.expected = None;
    }
    let page = check_page(&report);
    assert!(parsed(&page).text.contains("1 / 2 linearizable"));
    assert!(page.contains("total bad"));
}

#[test]
fn a_page_of_histories_is_well_formed_and_tells_everything() {
    let page = check_page(&checked("x"));
    is_safe_and_whole(&page);
    assert_eq!(
        page,
        check_page(&checked("x")),
        "equal checks have equal bytes"
    );
    let text = parsed(&page).text;
    for expected in [
        "0 / 3 as expected",
        "but its name says violated",
        "client 7's get x is stale",
        "impossible",
        "(5 earlier operations left out)",
        "possible replies at line 12: x or other",
        "An order that explains all replies",
        "and 1 later operation",
        "neither a pass nor a violation",
        "500000 configurations",
    ] {
        assert!(text.contains(expected), "no {expected:?}");
    }
    for file in 0..3 {
        let one = CheckReport {
            histories: vec![checked("x").histories.swap_remove(file)],
            ..checked("x")
        };
        is_safe_and_whole(&check_page(&one));
    }
    is_safe_and_whole(&check_page(&CheckReport {
        histories: Vec::new(),
        ..checked("x")
    }));
}

#[test]
fn nothing_that_a_history_holds_is_markup() {
    let nasty = "<script>alert(\"'`&lt;</script>\u{202e}\u{1b}[31m\r\
                \u{0}\u{200b}]]>--><!--</style></title>";
    let page = check_page(&checked(nasty));
    is_safe_and_whole(&page);
    assert!(
        parsed(&page)
            .text
            .contains("<script>alert(\"'`&lt;</script>\\u{202e}"),
        "shown, and made visible"
    );
    assert!(
        !check_text(&checked(nasty))
            .contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}')
    );
}

#[test]
fn a_page_of_many_histories_stays_small() {
    let mut report = checked(&"<&\u{202e}".repeat(2_000));
    let operation = report.histories[1]
        .violation
        .as_ref()
        .expect("it is violated")
        .impossible
        .clone();
    report.histories[1]
        .violation
        .as_mut()
        .expect("it is violated")
        .around = vec![operation; 24];
    report.histories = vec![report.histories[1].clone(); 2_000];
    let page = check_page(&report);
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
    assert!(page.contains("The page is large already") && page.contains("and 1700 more"));
}
