//! What to grade of a class, and who is told what came out.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use faultline_verdict::{Class, ClassEvent, Grade};

use faultline_grade::{Building, Error, Salt};

use super::worker::Worker;

/// What to grade, and how.
#[derive(Clone, Debug)]
pub struct BatchRequest {
    /// The lab's id.
    pub lab: String,
    /// The file that says which submissions there are, and whose.
    pub batch: PathBuf,
    /// The folder of the results.
    pub out: PathBuf,
    /// Whether the hidden tests are run, too.
    pub hidden: bool,
    /// The course's secret.
    pub salt: Option<Salt>,
    /// Only these submissions or accounts; all if empty.
    pub only: Vec<String>,
    /// How many submissions are graded at the same time; one per core if `None`. No result depends
    /// on it.
    pub jobs: Option<usize>,
    /// Whether results that are there already are made anew.
    pub fresh: bool,
    /// When it is over no further submission is begun.
    pub budget: Option<Duration>,
    /// Which part of the submissions this machine grades; all if `None`.
    pub shard: Option<Shard>,
    /// How submissions are built.
    pub building: Building,
    /// Whether failures are shrunk.
    pub shrink: bool,
    /// How long grading one submission may take; then it is not scored.
    pub limit: Duration,
    /// The program that grades one submission: it calls [`serve`](super::serve).
    pub worker: Worker,
}

/// A part of the submissions: the `part`-th of `of`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which one, from 1.
    pub part: usize,
    /// Of how many.
    pub of: usize,
}

impl Shard {
    /// Submissions are dealt out one by one, so that neighbours in the order of names do not end up
    /// together.
    pub(super) fn has(self, index: usize) -> bool {
        index % self.of == self.part - 1
    }
}

/// What came of a request.
#[derive(Debug)]
pub struct GradedClass {
    /// All rows.
    pub class: Class,
    /// The submissions that were asked for: those of the shard, or those named.
    pub asked: BTreeSet<String>,
}

impl GradedClass {
    /// Whether each submission that was asked for has its whole score.
    pub fn is_whole(&self) -> bool {
        let asked = |id: &Option<String>| id.as_ref().is_some_and(|id| self.asked.contains(id));
        !self.class.open().any(|row| asked(&row.submission))
    }
}

/// A result that has just come in, or is there already.
#[derive(Debug)]
pub struct Kept<'a> {
    /// The submission's id.
    pub id: &'a str,
    /// The whole result.
    pub grade: &'a Grade,
    /// What the compiler warned of.
    pub warnings: &'a str,
    /// The folder for course staff.
    pub staff: PathBuf,
    /// The folder that is handed to the student.
    pub student: PathBuf,
}

/// Who writes and tells what comes out.
pub trait ClassListener {
    /// Something happened.
    fn event(&mut self, event: ClassEvent);

    /// Writes the pages of one submission.
    ///
    /// # Errors
    /// If they cannot be written: then there is no result.
    fn result(&mut self, kept: &Kept<'_>) -> Result<(), Error>;

    /// Writes the rows as far as they are known.
    ///
    /// # Errors
    /// If they cannot be written.
    fn rows(&mut self, class: &Class) -> Result<(), Error>;
}
