//! The folder of the results.
//!
//! A result counts once its record is there, and the record is written last. So whatever stops the
//! grader, and whenever, each submission has a whole result or none.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use faultline_verdict::{ClassStatus, Grade};
use serde::{Serialize, de::DeserializeOwned};

use faultline_grade::{Error, parts::broken, write_whole};

use super::{
    plan::{self, Plan},
    record::{self, Key, Record, digest, document},
};

/// The folder; while this is there, no other process grades into it.
pub(super) struct Store {
    out: PathBuf,
    lock: Option<File>,
}

impl Store {
    /// Makes the folder if need be, and locks it.
    pub fn open(out: &Path) -> Result<Store, Error> {
        let wrong = |error: io::Error| broken(format!("{}: {error}", out.display()));
        fs::create_dir_all(out).map_err(wrong)?;
        let lock = File::create(out.join(LOCK)).map_err(wrong)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                let text = "another `cargo grade` writes into it: wait for it, or choose another \
                            folder with --out";
                return Err(Error::Usage(format!("{}: {text}", out.display())));
            }
            Err(fs::TryLockError::Error(error)) => return Err(wrong(error)),
        }
        let store = Store {
            out: out.to_owned(),
            lock: Some(lock),
        };
        store.clear()?;
        fs::create_dir_all(store.work()).map_err(wrong)?;
        Ok(store)
    }

    /// The folder as it is, to be read only.
    pub fn look(out: &Path) -> Store {
        Store {
            out: out.to_owned(),
            lock: None,
        }
    }

    /// Says what the results are results of.
    pub fn begin(&self, plan: &Plan) -> Result<(), Error> {
        write_json(&self.out.join(PLAN), plan)
    }

    /// Removes what is of no use any more.
    pub fn end(&self) -> Result<(), Error> {
        self.clear()?;
        match fs::remove_file(self.out.join(LOCK)) {
            Err(error) if self.lock.is_some() => {
                Err(broken(format!("{}: {error}", self.out.display())))
            }
            _ => Ok(()),
        }
    }

    fn clear(&self) -> Result<(), Error> {
        remove(&self.work())
    }

    /// Removes the traces of a submission that is not graded any more.
    pub fn forget_traces(&self, id: &str) -> Result<(), Error> {
        remove(&self.traces(id))
    }

    /// Where a submission leaves its traces.
    pub fn traces(&self, id: &str) -> PathBuf {
        self.staff(id).join(TRACES)
    }

    pub fn out(&self) -> &Path {
        &self.out
    }

    /// Where everything temporary lies.
    pub fn work(&self) -> PathBuf {
        self.out.join(WORK)
    }

    /// A submission's folder for course staff.
    pub fn staff(&self, id: &str) -> PathBuf {
        self.out.join(STAFF).join(id)
    }

    /// A submission's folder that is handed to its student.
    pub fn student(&self, id: &str) -> PathBuf {
        self.out.join(STUDENTS).join(id)
    }

    /// The plan that the folder was begun with.
    pub fn plan(&self) -> Result<Plan, Error> {
        let path = self.out.join(PLAN);
        let what = |what: String| Error::Usage(format!("{}: {what}", path.display()));
        let expected = "expected the folder of a `cargo grade batch`";
        let plan: Plan = read_json(&path).map_err(|error| what(format!("{error}; {expected}")))?;
        if plan.format != plan::FORMAT {
            return Err(what(format!(
                "it has format {}, this grader reads {}",
                plan.format,
                plan::FORMAT
            )));
        }
        Ok(plan)
    }

    /// The record of a submission, whatever its key, and the result that belongs to it.
    pub fn record(&self, id: &str) -> Result<(Record, Grade), String> {
        let folder = self.staff(id);
        let none = |_| "it has no result yet".to_owned();
        let record: Record = read_json(&folder.join(RECORD)).map_err(none)?;
        let bytes = fs::read(folder.join(RESULT)).map_err(|error| none(error.to_string()))?;
        let damaged = || "its result has been changed or damaged".to_owned();
        if record.format != record::FORMAT || digest(&bytes) != record.result {
            return Err(damaged());
        }
        let grade = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        Ok((record, grade))
    }

    /// The result of a submission if it is the one that would be made now; or why not.
    pub fn kept(&self, id: &str, key: &Key) -> Result<(Record, Grade), String> {
        let (record, grade) = self.record(id)?;
        if record.status == ClassStatus::NotScored {
            return Err("it was not scored".to_owned());
        }
        let old = record.key.as_ref().ok_or("it was not graded")?;
        match old.change(key) {
            Some(change) => Err(change),
            None => Ok((record, grade)),
        }
    }

    /// Writes a result and then its record. Pages must have been written before.
    pub fn keep(&self, id: &str, record: &Record, grade: &Grade) -> Result<(), Error> {
        let folder = self.staff(id);
        let result = document(grade);
        // As long as they do not belong together, neither counts.
        if fs::read(folder.join(RESULT)).ok().as_deref() != Some(&result) {
            write_whole(&folder.join(RESULT), &result)?;
        }
        if read_json::<Record>(&folder.join(RECORD)).ok().as_ref() != Some(record) {
            write_json(&folder.join(RECORD), record)?;
        }
        Ok(())
    }
}

const LOCK: &str = ".lock";
const WORK: &str = ".work";
const PLAN: &str = "plan.json";
pub(super) const STAFF: &str = "staff";
const STUDENTS: &str = "students";
const RECORD: &str = "record.json";
const RESULT: &str = "result.json";
pub(super) const TRACES: &str = "traces";
pub(super) const PREFLIGHT: &str = "preflight.json";

/// Removes a folder that need not be there. Workers whose grader was killed notice it, but may
/// still write for a moment.
fn remove(folder: &Path) -> Result<(), Error> {
    const TRIES: u32 = 100;
    const PAUSE: Duration = Duration::from_millis(50);
    for attempt in 1.. {
        match fs::remove_dir_all(folder) {
            Ok(()) => break,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.exists() => break,
            Err(error) if attempt == TRIES => {
                return Err(broken(format!(
                    "{} cannot be removed: {error}",
                    folder.display()
                )));
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
    Ok(())
}

pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

pub(super) fn write_json(path: &Path, data: &impl Serialize) -> Result<(), Error> {
    let mut bytes = serde_json::to_vec_pretty(data)
        .map_err(|error| broken(format!("{}: {error}", path.display())))?;
    bytes.push(b'\n');
    write_whole(path, &bytes)
}

#[cfg(test)]
mod tests {
    use faultline_host::Toolchain;
    use faultline_origin::Origin;
    use faultline_verdict::{FORMAT, Outcome, Score};

    use super::*;
    use faultline_grade::{Course, parts::fingerprint_of};

    /// A project of two labs.
    fn project() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for file in [
            "Cargo.lock",
            "rubrics/lab2.toml",
            "rubrics/lab3.toml",
            "labs/lab2-x/src/lib.rs",
            "labs/lab3-x/src/lib.rs",
            "grader/suites/lab2/src/lib.rs",
            "grader/suites/lab3/src/lib.rs",
        ] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a new folder");
            fs::write(path, "").expect("a new file");
        }
        folder
    }

    /// The key of a result of a grader that is built of the project as it is.
    fn key(root: &Path, lab: &str) -> Key {
        let course = Course {
            root: root.to_owned(),
            suites: Vec::new(),
            origin: Origin::of(root).expect("it can be read"),
        };
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let toolchain = Toolchain::find(here).expect("a compiler");
        Key {
            fingerprint: fingerprint_of(&course, lab, None, &toolchain).expect("it can be made"),
            grader: String::new(),
            hidden: false,
            unsafe_build: false,
            shrink: true,
            left_out: Vec::new(),
        }
    }

    fn grade(key: &Key, lab: &str) -> Grade {
        Grade {
            format: FORMAT,
            lab: lab.to_owned(),
            title: String::new(),
            fingerprint: key.fingerprint.clone(),
            outcome: Outcome::Graded,
            partial: false,
            score: Score::default(),
            hidden_points_not_run: 0,
            parts: Vec::new(),
            build_error: None,
            trouble: None,
            unsafe_build: false,
            left_out: Vec::new(),
            corrections: Vec::new(),
            tests: Vec::new(),
        }
    }

    #[test]
    fn an_edit_of_one_lab_leaves_the_results_of_the_others_valid() {
        let project = project();
        let root = project.path();
        let stores = ["lab2", "lab3"].map(|lab| {
            let store = Store::open(&root.join("results").join(lab)).expect("a new folder");
            let key = key(root, lab);
            let grade = grade(&key, lab);
            let record = Record::of(&grade, Some(key), String::new(), Vec::new());
            store.keep("ada", &record, &grade).expect("it is written");
            store
        });
        let kept = || {
            [("lab2", &stores[0]), ("lab3", &stores[1])].map(|(lab, store)| {
                let kept = store.kept("ada", &key(root, lab));
                kept.map(|(_, grade)| grade.lab)
            })
        };
        let (lab2, lab3) = (Ok("lab2".to_owned()), Ok("lab3".to_owned()));
        assert_eq!(kept(), [lab2.clone(), lab3]);
        let changed = Err("changed: the suite".to_owned());
        for file in ["labs/lab3-x/src/lib.rs", "grader/suites/lab3/src/lib.rs"] {
            fs::write(root.join(file), "// edited").expect("it is there");
            assert_eq!(kept(), [lab2.clone(), changed.clone()], "{file}");
        }
        fs::write(root.join("Cargo.lock"), "# edited").expect("it is there");
        let lock = Err("changed: Cargo.lock".to_owned());
        assert_eq!(kept()[0], lock);
    }
}
