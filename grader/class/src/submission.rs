//! One submission of a class: its files, or why there is nothing to grade.

use std::collections::BTreeMap;

use faultline_host::{
    Staged,
    stage::{self, MAX_BYTES, MAX_FILES, StageError},
};
use faultline_intake::{Entry, EntryKind, Limits, Submission, TakeError, Taken, take};
use faultline_verdict::{FORMAT, Grade, Outcome, Score};

use faultline_grade::{
    Selection,
    parts::{hidden_points, not_scored, selected, with_wishes},
};

use super::{
    common::Common,
    record::{Key, Record},
};

/// Something to do about a submission.
#[expect(
    clippy::large_enum_variant,
    reason = "there are no more of them than submissions, which are as large"
)]
pub(super) enum Job {
    /// Grade it.
    Grade(Submission),
    /// It is known already that it cannot be graded.
    Told(Box<Ready>),
}

impl Job {
    pub fn is_work(&self) -> bool {
        matches!(self, Job::Grade(_))
    }
}

/// A result that is still to be kept.
pub(super) struct Ready {
    pub id: String,
    pub record: Record,
    pub grade: Grade,
    pub sources: Sources,
}

/// What is kept beside a result, so that its failures can be replayed wherever the submission is.
pub(super) enum Sources {
    /// They lie there already.
    Kept,
    /// These, by their paths.
    New(BTreeMap<String, String>),
    /// They could not be taken.
    Nothing,
}

/// What is graded, and the manifest, without which a folder is no crate.
pub(super) fn sources(staged: &Staged) -> BTreeMap<String, String> {
    let manifest = staged
        .manifest()
        .unwrap_or("# The manifest that was handed in could not be read.\n");
    let mut sources = staged.sources().clone();
    sources.insert("Cargo.toml".to_owned(), manifest.to_owned());
    sources
}

impl Ready {
    /// The result with what somebody decided by hand, which is no reason to grade again.
    pub fn corrected(mut self, batch: &faultline_intake::Batch) -> Ready {
        self.grade.corrections = batch.corrections_of_submission(&self.id);
        self.record.result = super::record::digest(&super::record::document(&self.grade));
        self
    }

    pub fn why(&self) -> Option<String> {
        self.record.why.clone()
    }
}

/// Why there is nothing to grade.
pub(super) enum Trouble {
    /// A human must look at the submission.
    Submission(String),
    /// The machine got in the way.
    Machine(String),
}

/// The files of a submission, as far as they are graded.
pub(super) fn stage(common: &Common<'_>, item: &Submission) -> Result<Staged, Trouble> {
    if let Some(problem) = &item.problem {
        return Err(Trouble::Submission(problem.clone()));
    }
    let limits = Limits {
        files: MAX_FILES,
        bytes: MAX_BYTES,
    };
    let taken =
        take(&common.base, item, &common.request.lab, limits).map_err(|error| match error {
            TakeError::Submission(text) => Trouble::Submission(text),
            TakeError::Machine(text) => Trouble::Machine(text),
        })?;
    let staged = match taken {
        Taken::Folder(folder) => Staged::from_folder(&folder),
        Taken::Entries(entries) => Staged::from_entries(entries.into_iter().map(entry).collect()),
    };
    let lab = &common.request.lab;
    let suite = common.course.suites.iter().find(|suite| suite.lab == *lab);
    let whole = |staged| match suite {
        Some(suite) => with_wishes(staged, suite),
        None => staged,
    };
    staged.map(whole).map_err(|error| match error {
        StageError::Io { .. } => Trouble::Machine(error.to_string()),
        _ => Trouble::Submission(error.to_string()),
    })
}

fn entry(entry: Entry) -> stage::Entry {
    let what = match entry.what {
        EntryKind::File(bytes) => stage::EntryKind::File(bytes),
        EntryKind::TooBig(bytes) => stage::EntryKind::TooBig(bytes),
        EntryKind::Link => stage::EntryKind::Link,
        EntryKind::Special => stage::EntryKind::Special,
        EntryKind::Folder => stage::EntryKind::Folder,
    };
    stage::Entry {
        path: entry.path,
        what,
    }
}

/// The result of a submission that cannot be graded, and what that depends on if its files are
/// known.
pub(super) fn ungraded(
    common: &Common<'_>,
    id: &str,
    trouble: Trouble,
    staged: Option<&Staged>,
) -> Ready {
    let (outcome, why) = match trouble {
        Trouble::Submission(text) => (Outcome::Rejected, text),
        Trouble::Machine(text) => (Outcome::NotScored, text),
    };
    let why = common.without_folders(&why);
    let (plan, request) = (&common.plan, common.request);
    let mut grade = Grade {
        format: FORMAT,
        lab: plan.lab.clone(),
        title: plan.title.clone(),
        fingerprint: plan.fingerprint.clone(),
        outcome,
        partial: false,
        score: Score {
            not_scored: plan.points,
            ..Score::default()
        },
        hidden_points_not_run: 0,
        parts: Vec::new(),
        build_error: None,
        trouble: Some(why.clone()),
        unsafe_build: plan.unsafe_build,
        left_out: Vec::new(),
        corrections: Vec::new(),
        tests: Vec::new(),
    };
    // The rubric was read before, so it is there.
    if let Ok((suite, rubric)) = common.course.lab(&request.lab)
        && let Ok(rows) = selected(
            suite,
            &rubric,
            &Selection {
                filters: Vec::new(),
                hidden: request.hidden,
            },
        )
    {
        not_scored(&mut grade, outcome, why, &rubric, &rows);
        grade.hidden_points_not_run =
            hidden_points(&mut rubric.tests.iter()) - hidden_points(&mut rows.iter().copied());
    }
    let key: Option<Key> = staged.map(|staged| common.key(staged));
    let record = Record::of(id, &grade, key, String::new(), Vec::new());
    Ready {
        id: id.to_owned(),
        record,
        grade,
        sources: staged.map_or(Sources::Nothing, |staged| Sources::New(sources(staged))),
    }
}
