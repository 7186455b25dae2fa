//! The folder of the results.
//!
//! A result counts once its record is there, and the record is written last. So whatever stops the
//! grader, and whenever, each submission has a whole result or none.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use faultline_host::Staged;
use faultline_verdict::{ClassStatus, Grade};

use faultline_grade::{
    Error,
    parts::{KEPT_SOURCES, broken},
    write_whole,
};

use super::{
    plan::{self, Plan},
    record::{self, Key, Record, digest, document},
    sealed::{self, Unread},
    tree,
};

/// The folder; while this is there, no other process grades into it.
pub(super) struct Store {
    out: PathBuf,
    lock: Option<File>,
}

/// Why a submission has no result that counts.
#[derive(Debug, PartialEq)]
pub(super) struct Stale {
    pub why: String,
    /// What is known of it until it is graded: that it was not scored and why, or that an earlier
    /// result does not count any more. None if there never was a result.
    pub known: Option<Box<Record>>,
}

impl Store {
    /// Makes the folder if need be, and locks it.
    pub fn open(out: &Path) -> Result<Store, Error> {
        let wrong = |error: io::Error| broken(format!("{}: {error}", out.display()));
        fs::create_dir_all(out).map_err(wrong)?;
        let mut store = Store::look(out)?;
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
        store.lock = Some(lock);
        store.clear()?;
        for name in OURS {
            tree::remove_half_written(&out.join(name)).map_err(wrong)?;
        }
        tree::remove_half_written_in(out).map_err(wrong)?;
        fs::create_dir_all(store.work()).map_err(wrong)?;
        Ok(store)
    }

    /// The folder as it is, to be read only. In it no link is followed: what is behind one belongs
    /// to somebody else.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is a link where results are.
    pub fn look(out: &Path) -> Result<Store, Error> {
        for name in OURS {
            // What lies among temporary files is only ever removed.
            let link = tree::link_in(&out.join(name), name != WORK)
                .map_err(|error| broken(format!("{}: {error}", out.display())))?;
            if let Some(link) = link {
                return Err(Error::Usage(format!(
                    "{} is a link, and in a folder of results none is followed: remove it, or \
                     choose another folder with --out",
                    link.display()
                )));
            }
        }
        Ok(Store {
            out: out.to_owned(),
            lock: None,
        })
    }

    /// Says what the results are results of.
    pub fn begin(&self, plan: &Plan) -> Result<(), Error> {
        let path = self.out.join(PLAN);
        if sealed::read::<Plan>(&path).as_ref() == Ok(plan) {
            return Ok(());
        }
        sealed::write(&path, plan)
    }

    /// The plan of what is in the folder, if there is anything.
    ///
    /// # Errors
    /// [`Error::Usage`] if its results are of another plan than this one, or nobody knows of which.
    pub fn must_be_of(&self, plan: &Plan) -> Result<Option<Plan>, Error> {
        let refused = |what: String| {
            Error::Usage(format!(
                "{}: {what}\nNothing was graded or changed. Repeat the command as it was, choose \
                 another folder with --out, or grade all submissions here again with --fresh",
                self.out.display()
            ))
        };
        let unknown = |what: &str| refused(format!("{PLAN} {what}"));
        match sealed::read::<Plan>(&self.out.join(PLAN)) {
            Ok(old) => match old.change(plan) {
                None => Ok(Some(old)),
                Some(change) => Err(refused(format!("it has results of another plan; {change}"))),
            },
            Err(Unread::Absent) if !self.out.join(STAFF).exists() => Ok(None),
            Err(Unread::Absent) => Err(unknown(
                "is missing, so nobody knows what the results in it are results of",
            )),
            Err(Unread::Damaged) => Err(unknown(
                "was changed or damaged, or another version of the grader wrote it",
            )),
        }
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

    /// Removes the sources of a submission whose sources cannot be taken any more.
    pub fn forget_sources(&self, id: &str) -> Result<(), Error> {
        remove(&self.sources(id))
    }

    /// Where a submission leaves its traces.
    pub fn traces(&self, id: &str) -> PathBuf {
        self.staff(id).join(TRACES)
    }

    /// Where the sources lie that were graded.
    pub fn sources(&self, id: &str) -> PathBuf {
        self.staff(id).join(KEPT_SOURCES)
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
        let what = |what: &str| Error::Usage(format!("{}: {what}", path.display()));
        let plan: Plan = sealed::read(&path).map_err(|unread| match unread {
            Unread::Absent => what(
                "there is no such file; expected the folder of a `cargo grade \
                                    batch`",
            ),
            Unread::Damaged => what(
                "it was changed or damaged, or another version of the grader \
                                     wrote it: grade that shard again",
            ),
        })?;
        if plan.format != plan::FORMAT {
            return Err(what(&format!(
                "it has format {}, this grader reads {}",
                plan.format,
                plan::FORMAT
            )));
        }
        Ok(plan)
    }

    /// The record of a submission, whatever its key, and the result that belongs to it. None if
    /// there is no record; an error if it cannot be believed.
    pub fn record(&self, id: &str) -> Result<Option<(Record, Grade)>, String> {
        let folder = self.staff(id);
        let damaged = |file: &str| format!("{STAFF}/{id}/{file} was changed or damaged");
        let record: Record = match sealed::read(&folder.join(RECORD)) {
            Ok(record) => record,
            Err(Unread::Absent) => return Ok(None),
            Err(Unread::Damaged) => return Err(damaged(RECORD)),
        };
        if record.format != record::FORMAT {
            return Err(format!(
                "{STAFF}/{id}/{RECORD} is of another version of the grader"
            ));
        }
        if record.id != id {
            return Err(format!("{STAFF}/{id}/{RECORD} is that of {}", record.id));
        }
        let bytes = fs::read(folder.join(RESULT)).map_err(|_| damaged(RESULT))?;
        if digest(&bytes) != record.result {
            return Err(damaged(RESULT));
        }
        let grade = serde_json::from_slice(&bytes).map_err(|_| damaged(RESULT))?;
        Ok(Some((record, grade)))
    }

    /// The result of a submission if it is the one that would be made now; or why not.
    pub fn kept(&self, id: &str, key: &Key) -> Result<(Record, Grade), Stale> {
        let gone = |why: String| Stale {
            known: Some(Box::new(Record::pending(id, why.clone()))),
            why,
        };
        let Some((record, grade)) = self.record(id).map_err(gone)? else {
            return Err(Stale {
                why: "it has no result yet".to_owned(),
                known: None,
            });
        };
        match record.key.as_ref().map(|old| old.change(key)) {
            None => Err(Stale {
                why: "it could not be taken before".to_owned(),
                known: None,
            }),
            Some(Some(change)) => Err(gone(change)),
            Some(None) if record.status == ClassStatus::NotScored => Err(Stale {
                why: "it was not scored".to_owned(),
                known: Some(Box::new(record)),
            }),
            Some(None) => Ok((record, grade)),
        }
    }

    /// Whether the sources that are kept are these.
    pub fn has_sources(&self, id: &str, sources: &BTreeMap<String, String>) -> bool {
        let kept = tree::read(&self.sources(id)).unwrap_or_default();
        kept.len() == sources.len()
            && kept
                .iter()
                .zip(sources)
                .all(|((name, bytes), (own, text))| name == own && bytes == text.as_bytes())
    }

    /// The sources that are kept, as the compiler gets them.
    pub fn staged(&self, id: &str) -> Option<Staged> {
        Staged::from_folder(&self.sources(id)).ok()
    }

    /// Folders of submissions that are none of these: of an older class, which nobody should hand
    /// out.
    pub fn strangers(&self, known: &BTreeSet<&str>) -> Vec<String> {
        let folders = [STAFF, STUDENTS].map(|name| fs::read_dir(self.out.join(name)));
        let entries = folders.into_iter().flatten().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let names: BTreeSet<String> = names
            .filter(|name| !known.contains(name.as_str()))
            .collect();
        names.into_iter().collect()
    }

    /// Keeps the sources of a submission, and no others.
    pub fn keep_sources(&self, id: &str, sources: &BTreeMap<String, String>) -> Result<(), Error> {
        let to = self.sources(id);
        remove(&to)?;
        let wrong = |error| broken(format!("{}: {error}", to.display()));
        tree::write(&to, sources).map_err(wrong)
    }

    /// Writes a result and then its record. Pages must have been written before.
    pub fn keep(&self, id: &str, record: &Record, grade: &Grade) -> Result<(), Error> {
        let folder = self.staff(id);
        let result = document(grade);
        // As long as they do not belong together, neither counts.
        if fs::read(folder.join(RESULT)).ok().as_deref() != Some(&result) {
            write_whole(&folder.join(RESULT), &result)?;
        }
        if sealed::read::<Record>(&folder.join(RECORD)).as_ref() != Ok(record) {
            sealed::write(&folder.join(RECORD), record)?;
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

/// What a grader reads and writes in the folder. (What else lies there is not its business.)
const OURS: [&str; 10] = [
    LOCK,
    WORK,
    PLAN,
    PREFLIGHT,
    STAFF,
    STUDENTS,
    "scores.csv",
    "scores.json",
    "summary.md",
    "index.html",
];

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
            let record = Record::of("ada", &grade, Some(key), String::new(), Vec::new());
            store.keep("ada", &record, &grade).expect("it is written");
            store
        });
        let kept = || {
            [("lab2", &stores[0]), ("lab3", &stores[1])].map(|(lab, store)| {
                let kept = store.kept("ada", &key(root, lab));
                kept.map(|(_, grade)| grade.lab).map_err(|stale| stale.why)
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
