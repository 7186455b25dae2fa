//! `overrides.toml`: what somebody decided by hand. An import reads it and never writes it.

use std::{collections::BTreeMap, fs, path::Path};

use faultline_verdict::{Correction, Decision};
use serde::{Deserialize, Serialize};

use crate::{
    batch::{Batch, Submission, check_commit, check_moment},
    choosing::CHOOSE,
    entries::check_path,
    error::IntakeError,
    lines::{Lines, Place},
    matching::ids,
    moment::Moment,
    roster::is_same,
};

/// The format that is read.
const FORMAT: u32 = 1;
/// The name of the file.
const NAME: &str = "overrides.toml";

/// A correction, and whom it is about: a student, or a submission and all whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByHand {
    /// The identifier of the student.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub student: Option<String>,
    /// The id of the submission, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission: Option<String>,
    /// What was decided.
    pub correction: Correction,
}

/// The file, with its place for messages.
pub(crate) struct Overrides {
    path: std::path::PathBuf,
    text: String,
    list: Vec<Override>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    #[serde(default, rename = "override")]
    list: Vec<Override>,
}

/// One decision about one student or submission.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Override {
    student: Option<String>,
    submission: Option<String>,
    path: Option<String>,
    #[serde(rename = "crate")]
    crate_dir: Option<String>,
    commit: Option<String>,
    deadline: Option<String>,
    #[serde(default)]
    solved: bool,
    points: Option<u32>,
    comment: Option<String>,
    reason: String,
    author: String,
}

impl Override {
    fn decisions(&self) -> Vec<(&'static str, Decision)> {
        let texts = [
            ("path", self.path.clone().map(Decision::Path)),
            ("crate", self.crate_dir.clone().map(Decision::Crate)),
            ("commit", self.commit.clone().map(Decision::Commit)),
            ("deadline", self.deadline.clone().map(Decision::Deadline)),
            ("solved", self.solved.then_some(Decision::Solved)),
            ("points", self.points.map(Decision::Points)),
            ("comment", self.comment.clone().map(Decision::Comment)),
        ];
        let given = texts.into_iter();
        given
            .filter_map(|(key, decision)| Some((key, decision?)))
            .collect()
    }

    fn check(&self) -> Result<(), (&'static str, String)> {
        let wrong = |key, problem: &str| Err((key, problem.to_owned()));
        match (&self.student, &self.submission) {
            (None, None) => {
                return wrong(
                    "reason",
                    "whom is it about? Expected `student` (an identifier or \
                                        login) or `submission` (an id)",
                );
            }
            (Some(_), Some(_)) => {
                return wrong("submission", "expected `student` or `submission`, not both");
            }
            _ => {}
        }
        for (key, text) in [("reason", &self.reason), ("author", &self.author)] {
            if text.trim().is_empty() {
                return Err((
                    key,
                    format!("`{key}` is empty: say it for those who ask later"),
                ));
            }
        }
        if self.decisions().is_empty() {
            return wrong(
                "reason",
                "it decides nothing: expected `path`, `crate`, `commit`, \
                                    `deadline`, `solved = true`, `points` or `comment`",
            );
        }
        if let Some(folder) = self.crate_dir.as_ref().filter(|folder| *folder != ".") {
            check_path(folder).map_err(|error| ("crate", error.to_string()))?;
        }
        if let Some(commit) = &self.commit {
            check_commit(commit).map_err(|problem| ("commit", problem))?;
        }
        check_moment(self.deadline.as_deref(), "`deadline`")
            .map_err(|problem| ("deadline", problem))
    }

    fn is_about(&self, identifier: &str, login: Option<&str>) -> bool {
        let student = self.student.as_deref();
        student.is_some_and(|student| {
            is_same(student, identifier) || login.is_some_and(|login| is_same(student, login))
        })
    }

    fn moment(&self) -> Option<Moment> {
        // It was checked when the file was read.
        self.deadline
            .as_deref()
            .and_then(|text| Moment::parse(text).ok())
    }
}

impl Overrides {
    /// The file beside a batch; nothing was decided if there is none.
    pub(crate) fn beside(batch: &Path) -> Result<Overrides, IntakeError> {
        let path = batch.with_file_name(NAME);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let (text, list) = (String::new(), Vec::new());
                return Ok(Overrides { path, text, list });
            }
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                return Err(IntakeError::input(
                    &path,
                    "it is not UTF-8 text: save it as UTF-8",
                ));
            }
            Err(error) => return Err(IntakeError::io("read", &path)(error)),
        };
        let file: File =
            toml::from_str(&text).map_err(|error| IntakeError::input(&path, error.to_string()))?;
        let overrides = Overrides {
            path,
            text,
            list: file.list,
        };
        if file.format != FORMAT {
            let problem = format!(
                "it has format {}, and this program reads format {FORMAT}",
                file.format
            );
            return Err(overrides.at(&Place::Top("format"), &problem));
        }
        let mut decided = BTreeMap::new();
        for (index, one) in overrides.list.iter().enumerate() {
            one.check()
                .map_err(|(key, problem)| overrides.wrong(index, key, &problem))?;
            let who = (
                one.student.as_ref().map(|who| who.to_lowercase()),
                one.submission.as_ref().map(|who| who.to_lowercase()),
            );
            for (key, _) in one.decisions() {
                if key != "comment" && decided.insert((who.clone(), key), index).is_some() {
                    let problem = format!("`{key}` was decided for it already: remove one of them");
                    return Err(overrides.wrong(index, key, &problem));
                }
            }
        }
        Ok(overrides)
    }

    fn wrong(&self, index: usize, key: &'static str, problem: &str) -> IntakeError {
        self.at(&Place::In("override", index, key), problem)
    }

    fn at(&self, place: &Place, problem: &str) -> IntakeError {
        let line = Lines::of(&self.text).line(place);
        IntakeError::input(&self.path, format!("line {line}: {problem}"))
    }

    /// A student's own deadline, if somebody set it.
    pub(crate) fn deadline_of(&self, identifier: &str, login: Option<&str>) -> Option<Moment> {
        let about = self
            .list
            .iter()
            .filter(|one| one.is_about(identifier, login));
        about.filter_map(Override::moment).next_back()
    }

    /// The deadline of everybody whose submission it is.
    pub(crate) fn deadline_of_submission(&self, id: &str) -> Option<Moment> {
        let about = self.of_submission(id);
        about.filter_map(Override::moment).next_back()
    }

    /// The commit of a submission that somebody named, for it or for one of its students.
    pub(crate) fn commit_of<'a>(
        &'a self,
        id: &'a str,
        students: &[(&str, Option<&str>)],
    ) -> Option<&'a str> {
        let about = self.list.iter().filter(|one| {
            let is_theirs = |(name, login): &(&str, Option<&str>)| one.is_about(name, *login);
            one.submission
                .as_deref()
                .is_some_and(|own| is_same(own, id))
                || students.iter().any(is_theirs)
        });
        about.filter_map(|one| one.commit.as_deref()).next_back()
    }

    fn of_submission(&self, id: &str) -> impl DoubleEndedIterator<Item = &Override> {
        let id = id.to_owned();
        self.list.iter().filter(move |one| {
            one.submission
                .as_deref()
                .is_some_and(|own| is_same(own, &id))
        })
    }

    /// Corrects a batch, and notes in it what was decided.
    pub(crate) fn correct(&self, batch: &mut Batch) -> Result<(), IntakeError> {
        for (index, one) in self.list.iter().enumerate() {
            let students = students_of(batch, one);
            let mut id = match &one.submission {
                Some(own) => batch
                    .submissions
                    .iter()
                    .find(|other| is_same(&other.id, own)),
                None => None,
            }
            .map(|submission| submission.id.clone());
            if one.submission.is_some() && id.is_none() {
                let problem = "no [[submission]] of batch.toml has this id";
                return Err(self.wrong(index, "submission", problem));
            }
            if one.student.is_some() {
                let [student] = students.as_slice() else {
                    let problem = "nobody in batch.toml has this identifier or login";
                    return Err(self.wrong(index, "student", problem));
                };
                id = batch.students[*student].submission.clone();
            }
            if let Some(path) = &one.path {
                id = Some(take_path(batch, &students, id, path));
            }
            let needs = [
                ("commit", one.commit.is_some()),
                ("crate", one.crate_dir.is_some()),
                ("solved", one.solved),
            ];
            if let (None, Some((key, _))) = (&id, needs.iter().find(|(_, is_given)| *is_given)) {
                let problem = "nothing was handed in for it: name what to grade with `path`";
                return Err(self.wrong(index, key, problem));
            }
            if let Some(deadline) = one.moment() {
                extend(batch, &students, id.as_deref(), deadline);
            }
            let submission = batch.submissions.iter_mut();
            if let Some(submission) = submission
                .into_iter()
                .find(|other| Some(&other.id) == id.as_ref())
            {
                change(submission, one);
            }
            let student = one
                .student
                .as_ref()
                .map(|_| batch.students[students[0]].identifier.clone());
            batch
                .by_hand
                .extend(one.decisions().into_iter().map(|(_, what)| ByHand {
                    student: student.clone(),
                    submission: id.clone(),
                    correction: Correction {
                        what,
                        reason: one.reason.clone(),
                        author: one.author.clone(),
                    },
                }));
        }
        Ok(())
    }
}

/// Whom a decision is about.
fn students_of(batch: &Batch, one: &Override) -> Vec<usize> {
    let is_meant = |student: &crate::Student| match &one.submission {
        Some(id) => student
            .submission
            .as_ref()
            .is_some_and(|own| is_same(own, id)),
        None => one.is_about(&student.identifier, student.login.as_deref()),
    };
    let students = batch.students.iter().enumerate();
    students
        .filter(|(_, student)| is_meant(student))
        .map(|(index, _)| index)
        .collect()
}

/// Gives students what lies at a path: one of the batch's submissions, or something new. Tells its
/// id.
fn take_path(batch: &mut Batch, students: &[usize], id: Option<String>, path: &str) -> String {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    let found = batch
        .submissions
        .iter()
        .position(|other| other.path == path);
    let chosen = match found {
        Some(index) => {
            let chosen = &mut batch.submissions[index];
            chosen.instead_of = None;
            let is_choice = |problem: &String| problem.contains(CHOOSE);
            chosen.problem = chosen.problem.take().filter(|problem| !is_choice(problem));
            chosen.id.clone()
        }
        None => {
            let is_theirs = |student: &&crate::Student| student.submission == id;
            let owners = batch.students.iter().filter(is_theirs).count();
            let all = batch.submissions.iter_mut();
            let own = all.into_iter().find(|other| Some(&other.id) == id.as_ref());
            match own.filter(|_| owners <= students.len()) {
                Some(own) => {
                    *own = Submission {
                        id: own.id.clone(),
                        path: path.to_owned(),
                        ..Submission::default()
                    };
                    own.id.clone()
                }
                None => add(batch, students, path),
            }
        }
    };
    for index in students {
        batch.students[*index].submission = Some(chosen.clone());
    }
    batch.unmatched.retain(|other| other.submission != chosen);
    // What nobody has any more was the other choice.
    if let Some(old) = id.filter(|old| *old != chosen) {
        let has = |id: &String| {
            let owners = batch
                .students
                .iter()
                .map(|student| student.submission.as_ref());
            owners.into_iter().any(|own| own == Some(id))
        };
        let is_left = |other: &Submission| {
            (other.id == old || other.instead_of.as_ref() == Some(&old)) && !has(&other.id)
        };
        let gone: Vec<String> = batch
            .submissions
            .iter()
            .filter(|other| !has(&old) && is_left(other))
            .map(|other| other.id.clone())
            .collect();
        batch.submissions.retain(|other| !gone.contains(&other.id));
        batch
            .unmatched
            .retain(|other| !gone.contains(&other.submission));
    }
    chosen
}

/// A submission that no import found. Tells its id.
fn add(batch: &mut Batch, students: &[usize], path: &str) -> String {
    let student = students.first().map(|index| &batch.students[*index]);
    let wanted = student.map_or("submission", |student| {
        student.login.as_deref().unwrap_or(&student.identifier)
    });
    let names = batch.submissions.iter().map(|other| other.id.as_str());
    let id = ids(names.chain([wanted])).pop().unwrap_or_default();
    batch.submissions.push(Submission {
        id: id.clone(),
        path: path.to_owned(),
        ..Submission::default()
    });
    id
}

/// Sets a deadline, and how late what was handed in is then.
fn extend(batch: &mut Batch, students: &[usize], id: Option<&str>, deadline: Moment) {
    let mut is_new = false;
    for index in students {
        let own = Some(deadline.to_string());
        is_new |= batch.students[*index].deadline != own;
        batch.students[*index].deadline = own;
    }
    let latest = batch
        .students
        .iter()
        .filter(|student| student.submission.as_deref() == id && id.is_some())
        .filter_map(|student| Moment::parse(student.deadline.as_ref()?).ok())
        .max();
    let latest = latest.map_or(deadline, |latest| latest.max(deadline));
    let Some(submission) = batch
        .submissions
        .iter_mut()
        .find(|other| Some(other.id.as_str()) == id)
    else {
        return;
    };
    let at = submission.submitted_at.as_deref().map(Moment::parse);
    if let Some(Ok(at)) = at {
        let late = at.seconds() - latest.seconds();
        submission.late_s = u64::try_from(late).ok().filter(|late| *late > 0);
    }
    if is_new && submission.commit.is_some() {
        submission.notes.push(format!(
            "the deadline of {deadline} was set after the import: import again, so that the commit \
             is chosen by it"
        ));
    }
}

/// What else was decided about a submission.
fn change(submission: &mut Submission, one: &Override) {
    if one.crate_dir.is_some() {
        submission.crate_dir.clone_from(&one.crate_dir);
    }
    if let Some(commit) = &one.commit {
        submission.problem = None;
        if submission.commit.as_ref() != Some(commit) {
            submission.commit = Some(commit.clone());
            submission.submitted_at = None;
            submission.time_source = None;
            submission.late_s = None;
            submission.notes.push(
                "the commit was named after the import: import again to know when it was there"
                    .into(),
            );
        }
    }
    if one.solved {
        submission.problem = None;
    }
}

impl Batch {
    /// What was decided about a submission, as far as it concerns all whose it is.
    pub fn corrections_of_submission(&self, id: &str) -> Vec<Correction> {
        let owners = self
            .students
            .iter()
            .filter(|student| student.submission.as_deref() == Some(id));
        let is_shared = owners.count() > 1;
        let about = self.by_hand.iter().filter(|one| {
            one.submission.as_deref() == Some(id) && (one.student.is_none() || !is_shared)
        });
        about.map(|one| one.correction.clone()).collect()
    }

    /// What was decided about a student, or about the student's submission.
    pub fn corrections_of(&self, identifier: &str, submission: Option<&str>) -> Vec<Correction> {
        let about = self.by_hand.iter().filter(|one| match &one.student {
            Some(student) => student == identifier,
            None => one.submission.as_deref() == submission,
        });
        about.map(|one| one.correction.clone()).collect()
    }
}

#[cfg(test)]
mod tests;
