//! Which submissions there are and whose; and the rows that follow from what became of them.

use std::collections::{BTreeMap, BTreeSet};

use faultline_intake::{Batch, Student, Submission, TimeSource};
use faultline_verdict::{CLASS_FORMAT, Class, ClassRow, ClassStatus, Fingerprint};
use serde::{Deserialize, Serialize};

use super::record::{Key, Record};

/// The version of the plan's form.
pub(super) const FORMAT: u32 = 2;

/// Maximum number of students that a change of the class names.
const NAMED: usize = 5;

/// What the results in a folder are results of. It stands in the folder, so that shards can be
/// joined by it alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    pub format: u32,
    pub lab: String,
    pub title: String,
    pub hidden: bool,
    /// Its submission is empty.
    pub fingerprint: Fingerprint,
    pub grader: String,
    pub points: u32,
    pub hidden_points_not_run: u32,
    pub unsafe_build: bool,
    pub shrink: bool,
    pub batch: Batch,
}

impl Plan {
    /// What all results of this plan depend on, whatever the submission.
    pub fn key(&self) -> Key {
        Key {
            fingerprint: self.fingerprint.clone(),
            grader: self.grader.clone(),
            hidden: self.hidden,
            unsafe_build: self.unsafe_build,
            shrink: self.shrink,
            left_out: Vec::new(),
        }
    }

    /// What is different now, so that results of the two do not belong into one folder. A class
    /// may change: each result depends on its own submission only.
    pub fn change(&self, now: &Plan) -> Option<String> {
        match self.lab == now.lab {
            true => self.key().change(&now.key()),
            false => Some(format!("changed: the lab (it was {})", self.lab)),
        }
    }

    /// What is different in the class now, in words.
    pub fn changes_of_class(&self, now: &Plan) -> Vec<String> {
        let (old, new) = (&self.batch, &now.batch);
        let mut changes = Vec::new();
        if old.deadline != new.deadline {
            let shown = |time: &Option<String>| time.clone().unwrap_or_else(|| "none".to_owned());
            let (was, is) = (shown(&old.deadline), shown(&new.deadline));
            changes.push(format!("the deadline was {was} and is {is}"));
        }
        let own = |batch: &Batch| -> BTreeMap<String, Option<String>> {
            let of = |student: &Student| (student.identifier.clone(), student.deadline.clone());
            batch.students.iter().map(of).collect()
        };
        let (old_rows, new_rows) = (own(old), own(new));
        let named = |what: &str, names: Vec<&String>| {
            let more = names.len().saturating_sub(NAMED);
            let first: Vec<&str> = names.iter().take(NAMED).map(|name| name.as_str()).collect();
            let first = first.join(", ");
            (!names.is_empty()).then(|| match more {
                0 => format!("{what}: {first}"),
                _ => format!("{what}: {first} and {more} more"),
            })
        };
        let without =
            |these: &'_ BTreeMap<String, Option<String>>, name: &String| !these.contains_key(name);
        let of_new = new_rows.keys().filter(|name| without(&old_rows, name));
        changes.extend(named("new students", of_new.collect()));
        let of_old = old_rows.keys().filter(|name| without(&new_rows, name));
        changes.extend(named(
            "students who are not there any more",
            of_old.collect(),
        ));
        let other = |(name, deadline): (_, &Option<String>)| {
            let old = old_rows.get(name);
            old.is_some_and(|old| old != deadline).then_some(name)
        };
        changes.extend(named(
            "students with another deadline of their own",
            new_rows.iter().filter_map(other).collect(),
        ));
        changes
    }

    /// All submissions in the order of their ids.
    pub fn items(&self) -> Vec<&Submission> {
        // Of several for one student only the first is anybody's before somebody chooses.
        let all = self.batch.submissions.iter();
        let mut items: Vec<&Submission> = all.filter(|item| item.instead_of.is_none()).collect();
        items.sort_by(|a, b| a.id.cmp(&b.id));
        items
    }

    /// The rows, as far as results are known.
    pub fn class(&self, results: &BTreeMap<String, Record>) -> Class {
        let mut rows: Vec<ClassRow> = self
            .batch
            .students
            .iter()
            .map(|student| {
                let item = student
                    .submission
                    .as_ref()
                    .and_then(|id| self.batch.submissions.iter().find(|item| item.id == *id));
                ClassRow {
                    corrections: self
                        .batch
                        .corrections_of(&student.identifier, student.submission.as_deref()),
                    platform: student.platform.clone(),
                    student: student.identifier.clone(),
                    login: student.login.clone(),
                    name: student.name.clone(),
                    section: student.section.clone(),
                    team: student.team.clone(),
                    deadline: student.deadline.clone(),
                    ..self.row(item, results)
                }
            })
            .collect();
        rows.sort_by(|a, b| (&a.student, &a.login).cmp(&(&b.student, &b.login)));
        rows.extend(self.nobodys(results));
        Class {
            format: CLASS_FORMAT,
            lab: self.lab.clone(),
            title: self.title.clone(),
            hidden: self.hidden,
            fingerprint: self.fingerprint.clone(),
            grader: self.grader.clone(),
            points: self.points,
            hidden_points_not_run: self.hidden_points_not_run,
            deadline: self.batch.deadline.clone(),
            unsafe_build: self.unsafe_build,
            rows,
        }
    }

    /// Rows of submissions without a student.
    fn nobodys(&self, results: &BTreeMap<String, Record>) -> Vec<ClassRow> {
        let owned: BTreeSet<&str> = self
            .batch
            .students
            .iter()
            .filter_map(|student| student.submission.as_deref())
            .collect();
        let row = |item: &Submission| {
            let folder = self
                .batch
                .unmatched
                .iter()
                .find(|folder| folder.submission == item.id);
            let mut row = self.row(Some(item), results);
            row.login = folder.and_then(|folder| folder.login.clone());
            row.corrections = self.batch.corrections_of_submission(&item.id);
            row.remarks
                .insert(0, format!("nobody on the roster has `{}`", item.path));
            row
        };
        self.items()
            .into_iter()
            .filter(|item| !owned.contains(item.id.as_str()))
            .map(row)
            .collect()
    }

    fn row(&self, item: Option<&Submission>, results: &BTreeMap<String, Record>) -> ClassRow {
        let Some(item) = item else {
            return ClassRow {
                status: ClassStatus::Missing,
                ..ClassRow::default()
            };
        };
        let record = results.get(&item.id);
        let why = record.and_then(|record| record.why.clone());
        ClassRow {
            submission: Some(item.id.clone()),
            status: record.map_or(ClassStatus::Pending, |record| record.status),
            score: record.map(|record| record.score).unwrap_or_default(),
            parts: record
                .map(|record| record.parts.clone())
                .unwrap_or_default(),
            submitted_at: item.submitted_at.clone(),
            time_source: item.time_source.map(|source| name_of(source).to_owned()),
            late_s: item.late_s,
            commit: item.commit.clone(),
            build_layers: record
                .map(|record| record.layers.clone())
                .unwrap_or_default(),
            remarks: why.into_iter().chain(item.notes.iter().cloned()).collect(),
            ..ClassRow::default()
        }
    }
}

fn name_of(source: TimeSource) -> &'static str {
    match source {
        TimeSource::ServerRecord => "server-record",
        TimeSource::FirstImport => "first-import",
        TimeSource::CommitterUnproven => "committer-unproven",
    }
}
