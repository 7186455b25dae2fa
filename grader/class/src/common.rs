//! What all submissions of a class have in common.

use std::path::{Path, PathBuf};

use faultline_host::{Staged, Toolchain};
use faultline_intake::Batch;

use faultline_grade::{
    Course, Error, LockIn, Selection,
    parts::{broken, fingerprint_of, hidden_points, left_out, must_be, selected},
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
    pub cores: usize,
    toolchain: Toolchain,
}

impl<'a> Common<'a> {
    pub fn of(course: &'a Course, request: &'a BatchRequest) -> Result<Common<'a>, Error> {
        let (suite, rubric) = course.lab(&request.lab)?;
        let selection = Selection {
            filters: Vec::new(),
            hidden: request.hidden,
        };
        let rows = selected(suite, &rubric, &selection)?;
        let points = rows.iter().map(|row| row.points).sum();
        let hidden_points_not_run =
            hidden_points(&mut rubric.tests.iter()) - hidden_points(&mut rows.iter().copied());
        let batch = Batch::read(&request.batch).map_err(|error| Error::Usage(error.to_string()))?;
        must_be(course, &request.lab)?;
        let toolchain = Toolchain::find(&course.root).map_err(broken)?;
        let fingerprint = fingerprint_of(course, &request.lab, request.salt.as_ref(), &toolchain)?;
        let file = std::path::absolute(&request.batch).map_err(broken)?;
        let base = file.parent().unwrap_or(Path::new("/")).to_owned();
        let plan = Plan {
            format: plan::FORMAT,
            lab: rubric.lab.clone(),
            title: rubric.title.clone(),
            hidden: request.hidden,
            fingerprint,
            grader: env!("CARGO_PKG_VERSION").to_owned(),
            points,
            hidden_points_not_run,
            unsafe_build: request.building.lock_in == LockIn::Never,
            shrink: request.shrink,
            batch,
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Common {
            course,
            request,
            plan,
            base,
            cores,
            toolchain,
        })
    }

    /// What the result of these sources depends on.
    pub fn key(&self, staged: &Staged) -> Key {
        let mut key = self.plan.key();
        key.fingerprint.submission = staged.digest().to_string();
        key.left_out = left_out(staged);
        key
    }

    /// How builds are sandboxed here, tried in this folder.
    pub fn layers(&self, temporary: &Path) -> Result<Vec<String>, Error> {
        let building = self.request.building;
        let sandbox = building.sandbox_in(&self.toolchain, temporary)?;
        Ok(sandbox.mechanisms().to_vec())
    }

    /// A text without the folders of this machine: equal inputs give equal results everywhere.
    pub fn without_folders(&self, text: &str) -> String {
        let folders = [&self.base, &self.request.out, &self.course.root];
        let mut text = text.to_owned();
        for folder in folders.iter().filter(|folder| folder.parent().is_some()) {
            text = text.replace(&format!("{}/", folder.display()), "");
        }
        text
    }
}
