//! The rubric file: the only home of points.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use faultline_labtest::{Suite, Test};
use serde::Deserialize;

use crate::error::{Error, nearest};

/// `rubrics/labN.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rubric {
    /// The lab's id.
    pub lab: String,
    /// The lab's title.
    pub title: String,
    /// The handout, relative to the project.
    pub handout: String,
    /// A hint for each kind of failure, for tests that have none of their own.
    #[serde(default)]
    pub hints: BTreeMap<String, String>,
    /// The parts, in order.
    #[serde(rename = "part")]
    pub parts: Vec<Part>,
    /// The tests, in order.
    #[serde(rename = "test")]
    pub tests: Vec<RubricRow>,
    /// What only the course's check of itself needs to know.
    #[serde(default)]
    pub self_check: SelfCheck,
}

/// What the check of a course and its nightly runs need to know of a lab, and nothing else does.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SelfCheck {
    /// The least number of wrong solutions that the lab has.
    pub wrong_solutions: usize,
    /// Tests that exist to show a beginner that the basics work, and no wrong solution needs to
    /// lose them.
    pub first_steps: Vec<String>,
    /// Some failure becomes this short by shrinking, in per cent of its events. What nodes say to
    /// each other all the time cannot be left out, only what comes in between.
    pub shrinks_to_percent: u64,
    /// The runs with many seeds.
    pub nightly: Nightly,
}

/// Runs with many seeds, in which no correct solution may fail.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Nightly {
    /// The number of seeds of each test.
    pub seeds: u64,
    /// The tests, or pieces of their names.
    pub tests: Vec<String>,
}

impl Default for SelfCheck {
    fn default() -> SelfCheck {
        SelfCheck {
            wrong_solutions: 1,
            first_steps: Vec::new(),
            shrinks_to_percent: 80,
            nightly: Nightly::default(),
        }
    }
}

impl Default for Nightly {
    fn default() -> Nightly {
        Nightly {
            seeds: 1_000,
            tests: vec!["chaos".to_owned()],
        }
    }
}

/// A part of a lab.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// `A`, `B`, ...
    pub id: String,
    /// Its title.
    pub title: String,
    /// The sum of its tests' points, to be checked.
    pub points: u32,
}

/// What a test is worth and what it says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RubricRow {
    /// The test in the suite.
    pub id: String,
    /// The same in words.
    pub title: String,
    /// The promise, one sentence.
    pub property: String,
    /// The part it belongs to.
    pub part: String,
    /// Its points.
    pub points: u32,
    /// How many seeds it is run with.
    pub seeds: u64,
    /// Who may see it.
    pub visibility: Visibility,
    /// What sort of promise it is.
    pub category: Category,
    /// The section of the handout, such as `part-a-the-view-service`.
    pub handout: String,
    /// Public tests without which this one earns nothing.
    #[serde(default)]
    pub needs: Vec<String>,
    /// A hint for each kind of failure.
    #[serde(default)]
    pub hints: BTreeMap<String, String>,
}

/// Who may see a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everybody, always.
    Public,
    /// Students, once the late period has ended.
    AfterDeadline,
    /// Course staff.
    Hidden,
}

/// What sort of promise a test holds a program to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Something bad never happens.
    Safety,
    /// Something good happens in the end.
    Progress,
    /// Both, under random faults.
    Chaos,
    /// A bound on messages, bytes or memory.
    Budget,
    /// Every order of events in a small world.
    Exploration,
}

impl From<Visibility> for faultline_verdict::Visibility {
    fn from(visibility: Visibility) -> faultline_verdict::Visibility {
        match visibility {
            Visibility::Public => faultline_verdict::Visibility::Public,
            Visibility::AfterDeadline => faultline_verdict::Visibility::AfterDeadline,
            Visibility::Hidden => faultline_verdict::Visibility::Hidden,
        }
    }
}

impl RubricRow {
    /// True for a test that students have.
    pub fn is_public(&self) -> bool {
        self.visibility == Visibility::Public
    }
}

impl Category {
    /// As in the file.
    pub fn name(self) -> &'static str {
        match self {
            Category::Safety => "safety",
            Category::Progress => "progress",
            Category::Chaos => "chaos",
            Category::Budget => "budget",
            Category::Exploration => "exploration",
        }
    }
}

/// The percentage of each part's points that public tests carry at least.
const LEAST_PUBLIC_PERCENT: u32 = 60;

/// The maximum number of points that one failure may withhold elsewhere.
const MOST_WITHHELD: u32 = 15;

/// The kinds of failures that hints can be keyed by.
const KINDS: [&str; 10] = [
    "violation",
    "no-progress",
    "crash",
    "not-implemented",
    "timeout",
    "memory",
    "refused",
    "state",
    "budget",
    "nondeterminism",
];

impl Rubric {
    /// Where a lab's rubric lies.
    pub fn path(root: &Path, lab: &str) -> PathBuf {
        root.join("rubrics").join(format!("{lab}.toml"))
    }

    /// Reads a rubric and checks it against its suite.
    ///
    /// # Errors
    /// [`Error::Rubric`] with the file, the line if known, what is wrong and what was expected.
    pub fn read(path: &Path, suite: &Suite) -> Result<Rubric, Error> {
        let wrong = |what: String| Error::Rubric {
            path: path.to_owned(),
            what,
        };
        let text = fs::read_to_string(path)
            .map_err(|error| wrong(format!("it cannot be read: {error}")))?;
        let rubric: Rubric = toml::from_str(&text).map_err(|error| wrong(say_toml(&error)))?;
        rubric.check(suite).map_err(wrong)?;
        Ok(rubric)
    }

    fn check(&self, suite: &Suite) -> Result<(), String> {
        if self.lab != suite.lab {
            return Err(format!("lab = {:?}, expected {:?}", self.lab, suite.lab));
        }
        check_hints(&self.hints)?;
        let mut rows: BTreeMap<&str, &RubricRow> = BTreeMap::new();
        for row in &self.tests {
            if rows.insert(&row.id, row).is_some() {
                return Err(format!("test {:?} stands in it twice", row.id));
            }
        }
        for test in suite.tests.iter().chain(&suite.hidden) {
            if !rows.contains_key(test.id) {
                return Err(format!(
                    "the suite's test {0:?} has no row ([[test]] with id = {0:?})",
                    test.id
                ));
            }
        }
        for row in &self.tests {
            let checked = check_visibility(row, suite).and_then(|()| self.check_row(row, &rows));
            checked.map_err(|what| format!("test {:?}: {what}", row.id))?;
        }
        for part in &self.parts {
            self.check_points(part)?;
        }
        for row in &self.tests {
            let withheld: u32 = self
                .tests
                .iter()
                .filter(|other| other.needs.contains(&row.id))
                .map(|row| row.points)
                .sum();
            if withheld > MOST_WITHHELD {
                let id = &row.id;
                return Err(format!(
                    "test {id:?} is needed by {withheld} points of tests, at most {MOST_WITHHELD} \
                     may be"
                ));
            }
        }
        Ok(())
    }

    /// The sum of a part's tests, and how much of it is public.
    fn check_points(&self, part: &Part) -> Result<(), String> {
        let sum = |public: bool| -> u32 {
            let rows = self
                .tests
                .iter()
                .filter(|row| row.part == part.id && (!public || row.is_public()));
            rows.map(|row| row.points).sum()
        };
        let (points, public) = (sum(false), sum(true));
        if points != part.points {
            return Err(format!(
                "part {:?}: points = {}, but its tests add up to {points}",
                part.id, part.points
            ));
        }
        if public * 100 < points * LEAST_PUBLIC_PERCENT {
            return Err(format!(
                "part {:?}: its public tests have {public} of {points} points, expected at least \
                 {LEAST_PUBLIC_PERCENT} %",
                part.id
            ));
        }
        Ok(())
    }

    fn check_row(&self, row: &RubricRow, rows: &BTreeMap<&str, &RubricRow>) -> Result<(), String> {
        if !self.parts.iter().any(|part| part.id == row.part) {
            return Err(format!(
                "part = {:?}, but there is no such [[part]]",
                row.part
            ));
        }
        if row.seeds == 0 {
            return Err("seeds = 0, expected at least 1".to_owned());
        }
        for need in &row.needs {
            match rows.get(need.as_str()) {
                None => {
                    return Err(format!(
                        "needs = {need:?}, but there is no such test{}",
                        nearest(need, rows.keys().copied())
                    ));
                }
                Some(needed) if needed.visibility != Visibility::Public => {
                    return Err(format!(
                        "needs = {need:?}, but only public tests may be needed"
                    ));
                }
                Some(_) => {}
            }
        }
        check_hints(&row.hints)
    }
}

fn check_hints(hints: &BTreeMap<String, String>) -> Result<(), String> {
    match hints.keys().find(|kind| !KINDS.contains(&kind.as_str())) {
        Some(kind) => Err(format!(
            "there is no kind of failure {kind:?} to hint at{}",
            nearest(kind, KINDS)
        )),
        None => Ok(()),
    }
}

/// Public rows belong to public tests, the others to hidden ones; in a release for students those
/// are missing.
fn check_visibility(row: &RubricRow, suite: &Suite) -> Result<(), String> {
    let (own, other, name) = match row.visibility {
        Visibility::Public => (&suite.tests, &suite.hidden, "public"),
        Visibility::AfterDeadline | Visibility::Hidden => (&suite.hidden, &suite.tests, "hidden"),
    };
    let has = |tests: &[Test]| tests.iter().any(|test| test.id == row.id);
    if has(other) {
        return Err(format!(
            "its visibility makes it a {name} test, but it is not among the suite's {name} tests"
        ));
    }
    if !row.is_public() && !is_opaque(row) {
        return Err(format!(
            "a hidden test is named H-, its part and a number: expected an id such as \"H-{}1\"",
            row.part
        ));
    }
    if has(own) || (!row.is_public() && suite.hidden.is_empty()) {
        return Ok(());
    }
    Err(format!(
        "the suite has no such {name} test{}",
        nearest(&row.id, own.iter().map(|test| test.id))
    ))
}

/// `H-C3`: the id of a hidden test tells nothing but its part.
fn is_opaque(row: &RubricRow) -> bool {
    let number = row
        .id
        .strip_prefix("H-")
        .and_then(|rest| rest.strip_prefix(row.part.as_str()));
    number.is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// A TOML error, with a suggestion for a misspelt key.
fn say_toml(error: &toml::de::Error) -> String {
    let text = error.to_string();
    let known: Vec<&str> = error.message().split('`').skip(1).step_by(2).collect();
    let suggestion = match known.split_first() {
        Some((unknown, known)) if error.message().starts_with("unknown") => {
            nearest(unknown, known.iter().copied())
        }
        _ => String::new(),
    };
    format!("{}{suggestion}", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Rubric, String> {
        read_with(text, &[])
    }

    /// Against a suite with the public tests `first` and `second` and these hidden ones.
    fn read_with(text: &str, hidden: &[&'static str]) -> Result<Rubric, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lab0.toml");
        fs::write(&path, text).unwrap();
        let test = |id: &&'static str| Test {
            id,
            run: |_| Ok(()),
        };
        let tests = ["first", "second"].iter().map(test).collect();
        let hidden = hidden.iter().map(test).collect();
        let suite = Suite {
            lab: "lab0",
            api_package: "lab0-api",
            tests,
            hidden,
        };
        Rubric::read(&path, &suite).map_err(|error| error.to_string())
    }

    const GOOD: &str = r#"
lab = "lab0"
title = "t"
handout = "h"
[[part]]
id = "A"
title = "a"
points = 3
[[test]]
id = "first"
title = "t"
property = "p"
part = "A"
points = 2
seeds = 1
visibility = "public"
category = "safety"
handout = "a"
[[test]]
id = "second"
title = "t"
property = "p"
part = "A"
points = 1
seeds = 1
visibility = "public"
category = "progress"
handout = "a"
needs = ["first"]
hints = { crash = "look" }
"#;

    #[test]
    fn every_mistake_is_named() {
        assert!(read(GOOD).is_ok());
        for (from, to, expected) in [
            ("seeds = 1", "seds = 1", "did you mean `seeds`"),
            (
                "id = \"second\"",
                "id = \"secnd\"",
                "the suite's test \"second\" has no row",
            ),
            ("points = 3", "points = 4", "its tests add up to 3"),
            (
                "needs = [\"first\"]",
                "needs = [\"frist\"]",
                "did you mean `first`",
            ),
            ("points = 1", "points = \"one\"", "line 24"),
            ("crash = ", "crsh = ", "did you mean `crash`"),
            (
                "category = \"progress\"",
                "category = \"progres\"",
                "did you mean `progress`",
            ),
            ("seeds = 1", "seeds = 0", "expected at least 1"),
            ("lab = \"lab0\"", "lab = \"lab1\"", "expected \"lab0\""),
            ("[[part]]", "[[part]", "line"),
        ] {
            let error = read(&GOOD.replacen(from, to, 1)).unwrap_err();
            assert!(error.contains(expected), "{from} -> {to}: {error}");
            assert!(error.contains("lab0.toml"), "{error}");
        }
    }

    const HIDDEN: &str = r#"
[[test]]
id = "H-A1"
title = "t"
property = "p"
part = "A"
points = 2
seeds = 1
visibility = "hidden"
category = "chaos"
handout = "a"
"#;

    #[test]
    fn every_mistake_with_hidden_tests_is_named() {
        let good = format!("{}{HIDDEN}", GOOD.replace("points = 3", "points = 5"));
        for hidden in [&["H-A1"][..], &[]] {
            assert_eq!(
                read_with(&good, hidden).unwrap().tests.len(),
                3,
                "also in a release for students"
            );
        }
        assert!(read_with(&good.replace("\"hidden\"", "\"after_deadline\""), &["H-A1"]).is_ok());
        let in_full: &[&str] = &["H-A1"];
        for (hidden, from, to, expected) in [
            (
                &["H-A1", "H-A2"][..],
                "",
                "",
                "the suite's test \"H-A2\" has no row",
            ),
            (
                &["H-A2"],
                "H-A1",
                "H-A1",
                "the suite's test \"H-A2\" has no row",
            ),
            (
                in_full,
                "\"hidden\"",
                "\"public\"",
                "makes it a public test, but it is not among the suite's public",
            ),
            (
                in_full,
                "\"public\"",
                "\"hidden\"",
                "makes it a hidden test, but it is not among the suite's hidden",
            ),
            (&[], "H-A1", "H-B1", "expected an id such as \"H-A1\""),
            (&[], "H-A1", "H-A", "expected an id such as \"H-A1\""),
            (&[], "H-A1", "H-A1x", "expected an id such as \"H-A1\""),
            (&[], "\"hidden\"", "\"hiden\"", "did you mean `hidden`"),
            (
                in_full,
                "needs = [\"first\"]",
                "needs = [\"H-A1\"]",
                "only public tests may be needed",
            ),
        ] {
            let error = read_with(&good.replacen(from, to, 1), hidden).unwrap_err();
            assert!(error.contains(expected), "{from} -> {to}: {error}");
        }
        let two_more = HIDDEN.replace("H-A1", "H-A2");
        let error = read_with(
            &format!("{}{two_more}", good.replace("points = 5", "points = 7")),
            &[],
        )
        .unwrap_err();
        assert!(
            error.contains("public tests have 3 of 7 points, expected at least 60 %"),
            "{error}"
        );
        let error = read_with(&format!("{good}{HIDDEN}"), in_full).unwrap_err();
        assert!(error.contains("\"H-A1\" stands in it twice"), "{error}");
    }
}
