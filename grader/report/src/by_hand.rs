//! What somebody decided by hand, in the reports of a class; and what a platform wants back.

use faultline_verdict::{Class, ClassRow, Correction};

use crate::gradebook::{self, harmless, has_points, who};

/// The last columns of `scores.csv`.
pub(crate) const COLUMNS: [&str; 3] = ["by_hand", "platform_id", "platform_time"];

/// The cells in these columns.
pub(crate) fn cells(row: &ClassRow) -> [String; 3] {
    let by_hand: Vec<String> = row.corrections.iter().map(Correction::sentence).collect();
    let platform = |headings: &[&str]| {
        let is_one = |own: &str| headings.iter().any(|name| name.eq_ignore_ascii_case(own));
        let mut cells = row.platform.iter().filter(|(heading, _)| is_one(heading));
        cells
            .next()
            .map_or(String::new(), |(_, cell)| harmless(cell))
    };
    [
        harmless(&by_hand.join("; ")),
        platform(&["ID", "Identifier"]),
        platform(&["Last modified (submission)"]),
    ]
}

/// The points that count, of how many: those that somebody gave by hand, or those of the grader.
pub(crate) fn points(row: &ClassRow, class: &Class) -> Option<(u32, u32)> {
    let graded = has_points(row).then_some((row.score.earned, row.score.possible));
    match row.points_by_hand() {
        Some(points) => Some((points, class.points)),
        None => graded,
    }
}

/// The part of `summary.md`; empty if nothing was decided.
pub(crate) fn section(class: &Class) -> String {
    let decided = class.rows.iter().flat_map(|row| {
        let all = row.corrections.iter().map(Correction::sentence);
        all.map(|sentence| vec![who(row), sentence])
    });
    gradebook::section(
        "Decided by hand",
        &["student", "decision"],
        decided.collect(),
    )
}

#[cfg(test)]
mod tests {
    use faultline_verdict::{ClassStatus, Decision};

    use super::*;
    use crate::{class_csv, class_markdown, class_page};

    #[test]
    fn what_was_decided_by_hand_counts_and_is_told() {
        let by_hand = |what| Correction {
            what,
            reason: "a mail, see =1".into(),
            author: "tina".into(),
        };
        let row = ClassRow {
            student: "1".into(),
            status: ClassStatus::Rejected,
            corrections: vec![
                by_hand(Decision::Comment("=well".into())),
                by_hand(Decision::Points(80)),
            ],
            platform: [("ID", "=4711"), ("Section", "S")]
                .map(|(heading, cell)| (heading.to_owned(), cell.to_owned()))
                .into(),
            ..ClassRow::default()
        };
        let told = "by hand: =well (tina: a mail, see =1); by hand: the score is 80 points (tina: \
                    a mail, see =1)";
        assert_eq!(cells(&row), [told, "'=4711", ""]);
        let class = serde_json::json!({
            "format": 1, "lab": "lab0", "title": "t", "hidden": false, "grader": "", "points": 100,
            "fingerprint": {"submission": "", "suite": "", "rubric": "", "lock": "", "rustc": ""},
            "rows": [row],
        });
        let class: Class = serde_json::from_value(class).expect("the document of a class");
        assert_eq!(points(&class.rows[0], &class), Some((80, 100)));
        assert_eq!(class.open().count(), 0, "nobody waits for it any more");
        assert!(
            class_csv(&class).contains(",rejected,80,100,0,"),
            "{}",
            class_csv(&class)
        );
        let text = class_markdown(&class);
        let told = "## Decided by hand\n\n| student | decision |\n|---------|-----|\n\
                    | 1       | by hand: =well (tina: a mail, see =1) |\n";
        assert!(text.contains(told) && text.contains("80 / 100"), "{text}");
        let page = class_page(&class);
        assert!(
            page.contains("by hand: the score is 80 points (tina: a mail"),
            "{page}"
        );
    }
}
