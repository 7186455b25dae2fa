//! What all submissions of a class have in common.

use std::path::{Path, PathBuf};

use faultline_host::{Staged, Toolchain};
use faultline_intake::Batch;

use faultline_grade::{
    Course, Error, LockIn, Selection,
    parts::{broken, fingerprint_of, left_out, must_be, selected},
};

use super::{
    plan::{self, Plan},
    record::Key,
    request::BatchRequest,
};

/// What all submissions have in common.
pub(super) struct Common<'a> {
    pub course: &'a Course,
    pub request: &'a BatchRequest,
    pub plan: Plan,
    /// The folder of `batch.toml`, which its paths start from.
    pub base: PathBuf,
    pub layers: Vec<String>,
    pub cores: usize,
}

impl<'a> Common<'a> {
    pub fn of(course: &'a Course, request: &'a BatchRequest) -> Result<Common<'a>, Error> {
        let (suite, rubric) = course.lab(&request.lab)?;
        let selection = Selection {
            filters: Vec::new(),
            hidden: request.hidden,
        };
        let points = selected(suite, &rubric, &selection)?
            .iter()
            .map(|row| row.points)
            .sum();
        let batch = Batch::read(&request.batch).map_err(|error| Error::Usage(error.to_string()))?;
        must_be(course, &request.lab)?;
        let toolchain = Toolchain::find(&course.root).map_err(broken)?;
        let layers = request.building.sandbox(&toolchain)?.mechanisms().to_vec();
        let fingerprint = fingerprint_of(course, &request.lab, request.salt.as_ref(), &toolchain)?;
        let base = request
            .batch
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let plan = Plan {
            format: plan::FORMAT,
            lab: rubric.lab.clone(),
            title: rubric.title.clone(),
            hidden: request.hidden,
            fingerprint,
            grader: env!("CARGO_PKG_VERSION").to_owned(),
            points,
            unsafe_build: request.building.lock_in == LockIn::Never,
            shrink: request.shrink,
            batch,
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Common {
            course,
            request,
            plan,
            base: base.unwrap_or(Path::new(".")).to_owned(),
            layers,
            cores,
        })
    }

    /// What the result of these sources depends on.
    pub fn key(&self, staged: &Staged) -> Key {
        let mut fingerprint = self.plan.fingerprint.clone();
        fingerprint.submission = staged.digest().to_string();
        let plan = &self.plan;
        Key {
            fingerprint,
            grader: plan.grader.clone(),
            hidden: plan.hidden,
            unsafe_build: plan.unsafe_build,
            shrink: plan.shrink,
            left_out: left_out(staged),
        }
    }
}
