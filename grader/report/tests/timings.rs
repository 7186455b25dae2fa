//! Where the time of a grade went, as a table.

use std::time::Duration;

use faultline_report::timings_text;
use faultline_verdict::{Stage, StageTime, Timings};

fn timings() -> Timings {
    let mut timings = Timings::default();
    for (stage, wall, threads) in [
        (Stage::Prepare, 8, 8),
        (Stage::Compile, 912, 912),
        (Stage::Load, 105, 105),
        (Stage::Run, 2_400, 4_650),
        (Stage::Explore, 61_204, 120_077),
        (Stage::Verify, 1_999, 3_001),
        (Stage::Report, 20, 20),
    ] {
        timings.stages[stage.index()] = StageTime {
            wall: Duration::from_millis(wall),
            threads: Duration::from_millis(threads),
        };
    }
    timings.whole = Duration::from_micros(65_123_999);
    timings
}

/// One test, since colour is a setting of the whole process.
#[test]
fn tables() {
    for width in [80, 120] {
        colored::control::set_override(false);
        let text = timings_text(&timings(), width);
        for line in text.lines() {
            assert!(line.chars().count() <= width, "{line}");
            assert_eq!(line, line.trim_end(), "no spaces at the end");
        }
        insta::assert_snapshot!(format!("timings_{width}"), text);
        colored::control::set_override(true);
        let text = timings_text(&timings(), width).replace('\u{1b}', "ESC");
        insta::assert_snapshot!(format!("timings_{width}_colour"), text);
    }
}

#[test]
fn grades_are_added_up() {
    let mut sum = timings();
    sum.add(&timings());
    let run = sum.of(Stage::Run);
    assert_eq!(
        (run.wall, run.threads),
        (Duration::from_millis(4_800), Duration::from_millis(9_300))
    );
    assert_eq!(sum.of(Stage::Shrink), StageTime::default());
    let before = sum.whole;
    sum.add_to(Stage::Report, Duration::from_millis(5));
    assert_eq!(sum.of(Stage::Report).wall, Duration::from_millis(45));
    assert_eq!(sum.whole, before + Duration::from_millis(5));
}
