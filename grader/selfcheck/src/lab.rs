//! A lab of the course, as its checks see it.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use faultline_grade::{
    Building, Cache, Course, Mutant, Replayer, Request, Rubric, RubricRow, Seeds, Selection, grade,
    grade_to_replay, has_hidden_tests,
};
use faultline_verdict::{Audience, Event, Grade};
use libtest_mimic::Failed;

pub struct Lab {
    pub course: Arc<Course>,
    pub id: &'static str,
    pub rubric: Rubric,
    /// True if its hidden tests are here.
    pub hidden: bool,
}

impl Lab {
    /// The lab of this id.
    ///
    /// # Errors
    /// What is wrong with its rubric.
    pub fn of(course: &Arc<Course>, id: &'static str) -> Result<Lab, String> {
        let rubric = faultline_grade::rubric(course, id).map_err(|error| error.to_string())?;
        Ok(Lab {
            course: Arc::clone(course),
            id,
            rubric,
            hidden: has_hidden_tests(course, id),
        })
    }

    pub fn mutants(&self) -> Result<Vec<Mutant>, Failed> {
        let all = faultline_grade::mutants(&self.course.root, self.id, &[]);
        Ok(all.map_err(|error| error.to_string())?)
    }

    pub fn starter(&self) -> PathBuf {
        self.course.root.join("starter").join(self.id)
    }

    pub fn solution(&self) -> PathBuf {
        self.course.root.join("solutions").join(self.id)
    }

    /// Another correct design than the reference.
    pub fn variant(&self) -> PathBuf {
        let name = format!("{}-variant", self.id);
        self.course.root.join("solutions").join(name)
    }

    pub fn handout(&self) -> PathBuf {
        self.course.root.join(&self.rubric.handout)
    }

    pub fn staff_page(&self) -> PathBuf {
        self.solution().join("STAFF.md")
    }

    /// The rows of all tests that are here.
    pub fn rows(&self) -> Result<Vec<RubricRow>, Failed> {
        let all = self.request(&self.solution()).tests;
        let rows = faultline_grade::tests(&self.course, self.id, &all);
        Ok(rows.map_err(|error| error.to_string())?)
    }

    /// All tests of a wrong solution, which is compiled as a small change of the reference.
    pub fn request_for_wrong(&self, submission: &Path) -> Request {
        Request {
            building: Building::from(Cache::Reference),
            ..self.request(submission)
        }
    }

    /// All tests of a submission, as course staff grade it.
    pub fn request(&self, submission: &Path) -> Request {
        Request {
            lab: self.id.to_owned(),
            submission: Some(submission.to_owned()),
            tests: Selection {
                filters: Vec::new(),
                hidden: self.hidden,
            },
            seeds: Seeds::Rubric,
            salt: None,
            threads: None,
            traces: None,
            building: Building::default(),
            shrink: true,
            audience: Audience::Staff,
        }
    }

    /// The grade and the compiler's warnings.
    pub fn graded(&self, request: &Request) -> Result<(Grade, String), Failed> {
        let mut compiler = String::new();
        let mut listen = |event: Event| {
            if let Event::Built { warnings, .. } = event {
                compiler = warnings;
            }
        };
        let never = AtomicBool::new(false);
        let grade = grade(&self.course, request, &mut listen, &never);
        Ok((grade.map_err(|error| error.to_string())?, compiler))
    }

    /// The grade, and what replays its failures.
    pub fn graded_to_replay(&self, request: &Request) -> Result<(Grade, Replayer<'_>), Failed> {
        let never = AtomicBool::new(false);
        let graded = grade_to_replay(&self.course, request, &mut |_| {}, &never);
        let (grade, replayer) = graded.map_err(|error| error.to_string())?;
        let error = || grade.build_error.clone().unwrap_or_default();
        let replayer = replayer.ok_or_else(error)?;
        Ok((grade, replayer))
    }
}

/// The names of hidden tests tell nothing else.
pub fn is_hidden(test: &str) -> bool {
    test.starts_with("H-")
}

pub fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failed> {
    match holds {
        true => Ok(()),
        false => Err(otherwise().into()),
    }
}
