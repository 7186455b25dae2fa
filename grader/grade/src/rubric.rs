//! The rubric file: the only home of points.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use faultline_suites::Suite;
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
    /// The parts, in order.
    #[serde(rename = "part")]
    pub parts: Vec<Part>,
    /// The tests, in order.
    #[serde(rename = "test")]
    pub tests: Vec<Row>,
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
pub struct Row {
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
}

impl Category {
    /// As in the file.
    pub fn name(self) -> &'static str {
        match self {
            Category::Safety => "safety",
            Category::Progress => "progress",
            Category::Chaos => "chaos",
            Category::Budget => "budget",
        }
    }
}

/// One failure may withhold at most so many points elsewhere.
const MOST_WITHHELD: u32 = 15;

/// The kinds of failures that hints can be keyed by.
const KINDS: [&str; 9] =
    ["violation", "no-progress", "crash", "not-implemented", "timeout", "memory", "refused", "state", "budget"];

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
        let wrong = |what: String| Error::Rubric { path: path.to_owned(), what };
        let text = fs::read_to_string(path).map_err(|error| wrong(format!("it cannot be read: {error}")))?;
        let rubric: Rubric = toml::from_str(&text).map_err(|error| wrong(say_toml(&error)))?;
        rubric.check(suite).map_err(wrong)?;
        Ok(rubric)
    }

    fn check(&self, suite: &Suite) -> Result<(), String> {
        if self.lab != suite.lab {
            return Err(format!("lab = {:?}, expected {:?}", self.lab, suite.lab));
        }
        let mut rows: BTreeMap<&str, &Row> = BTreeMap::new();
        for row in &self.tests {
            if rows.insert(&row.id, row).is_some() {
                return Err(format!("test {:?} stands in it twice", row.id));
            }
        }
        let in_suite: BTreeSet<&str> = suite.tests.iter().map(|test| test.id).collect();
        for id in &in_suite {
            if !rows.contains_key(id) {
                return Err(format!("the suite's test {id:?} has no row ([[test]] with id = {id:?})"));
            }
        }
        for row in &self.tests {
            self.check_row(row, &rows, &in_suite).map_err(|what| format!("test {:?}: {what}", row.id))?;
        }
        for part in &self.parts {
            let points: u32 = self.tests.iter().filter(|row| row.part == part.id).map(|row| row.points).sum();
            if points != part.points {
                return Err(format!("part {:?}: points = {}, but its tests add up to {points}", part.id, part.points));
            }
        }
        for row in &self.tests {
            let withheld: u32 =
                self.tests.iter().filter(|other| other.needs.contains(&row.id)).map(|row| row.points).sum();
            if withheld > MOST_WITHHELD {
                let id = &row.id;
                return Err(format!(
                    "test {id:?} is needed by {withheld} points of tests, at most {MOST_WITHHELD} may be"
                ));
            }
        }
        Ok(())
    }

    fn check_row(&self, row: &Row, rows: &BTreeMap<&str, &Row>, in_suite: &BTreeSet<&str>) -> Result<(), String> {
        if !in_suite.contains(row.id.as_str()) {
            let suggestion = nearest(&row.id, in_suite.iter().copied());
            return Err(format!("the suite has no such test{suggestion}"));
        }
        if !self.parts.iter().any(|part| part.id == row.part) {
            return Err(format!("part = {:?}, but there is no such [[part]]", row.part));
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
                    return Err(format!("needs = {need:?}, but only public tests may be needed"));
                }
                Some(_) => {}
            }
        }
        for kind in row.hints.keys() {
            if !KINDS.contains(&kind.as_str()) {
                return Err(format!("there is no kind of failure {kind:?} to hint at{}", nearest(kind, KINDS)));
            }
        }
        Ok(())
    }
}

/// A TOML error, with a suggestion for a misspelt key.
fn say_toml(error: &toml::de::Error) -> String {
    let text = error.to_string();
    let known: Vec<&str> = error.message().split('`').skip(1).step_by(2).collect();
    let suggestion = match known.split_first() {
        Some((unknown, known)) if error.message().starts_with("unknown") => nearest(unknown, known.iter().copied()),
        _ => String::new(),
    };
    format!("{}{suggestion}", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Rubric, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lab0.toml");
        fs::write(&path, text).unwrap();
        let run: fn(&mut faultline_sim::Trial<'_>) -> faultline_sim::Outcome = |_| Ok(());
        let tests = ["first", "second"].map(|id| faultline_suites::Test { id, run }).to_vec();
        let suite = Suite { lab: "lab0", api_package: "lab0-api", tests };
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
            ("id = \"second\"", "id = \"secnd\"", "the suite's test \"second\" has no row"),
            ("points = 3", "points = 4", "its tests add up to 3"),
            ("needs = [\"first\"]", "needs = [\"frist\"]", "did you mean `first`"),
            ("points = 1", "points = \"one\"", "line 24"),
            ("crash = ", "crsh = ", "did you mean `crash`"),
            ("category = \"progress\"", "category = \"progres\"", "did you mean `progress`"),
            ("seeds = 1", "seeds = 0", "expected at least 1"),
            ("lab = \"lab0\"", "lab = \"lab1\"", "expected \"lab0\""),
            ("[[part]]", "[[part]", "line"),
        ] {
            let error = read(&GOOD.replacen(from, to, 1)).unwrap_err();
            assert!(error.contains(expected), "{from} -> {to}: {error}");
            assert!(error.contains("lab0.toml"), "{error}");
        }
    }
}
