//! The trace file: a failure that can be carried about and run again.

use std::{fs, path::Path, sync::Arc};

use faultline_sim::{Detail, Edits, Mode, Schedule};
use serde::{Deserialize, Serialize};

use crate::{error::Error, files::write_whole};

/// The version of the file's form. Files of version 1 have no `edits`, those of version 2 do not
/// say what survives a crash, those of version 4 know no client that leaves; they are read, too.
const FORMAT: u32 = 5;

/// A program that does as much as it may, in each test, would fill a disk with its schedules.
/// Others have some 100 KiB.
const MOST_BYTES: usize = 8 << 20;

/// The name of a test's trace in the folder of traces.
pub(crate) fn file_of(test: &str) -> String {
    format!("{test}.trace.json")
}

/// Everything that a failing run was made of, except for the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// The version of this form.
    pub format: u32,
    /// The lab.
    pub lab: String,
    /// The test.
    pub test: String,
    /// The number of the seed.
    pub seed: u64,
    /// What the run's choices come from, in hexadecimal. (With a course's salt it cannot be
    /// computed from the number.)
    pub choices: String,
    /// Where the submission lay.
    pub submission: String,
    /// The digest of the submission that failed.
    pub digest: String,
    /// The sort of failure.
    pub kind: String,
    /// What was seen.
    pub observed: String,
    /// What was left out of the run that the seed makes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub edits: Edits,
    /// What the world did.
    pub schedule: Schedule,
}

impl Trace {
    /// A trace of the present version, without its schedule.
    pub fn of(lab: &str, test: &str, seed: u64, choices: u64) -> Trace {
        Trace {
            format: FORMAT,
            lab: lab.to_owned(),
            test: test.to_owned(),
            seed,
            choices: format!("{choices:016x}"),
            submission: String::new(),
            digest: String::new(),
            kind: String::new(),
            observed: String::new(),
            edits: Edits::default(),
            schedule: Schedule::default(),
        }
    }

    /// The number that all choices of the run come from.
    pub fn choices(&self) -> Option<u64> {
        u64::from_str_radix(&self.choices, 16).ok()
    }

    /// How its run is carried out once more, so much of it written down. Without a schedule the
    /// seed and the edits decide, as they did the first time: what a search found beside all worlds
    /// is searched again, and so is what would have been too long for a file.
    pub(crate) fn mode(&self, detail: Detail) -> Mode {
        let follows = !self.schedule.0.is_empty();
        let edited = follows || !is_default(&self.edits);
        Mode {
            record: Some(detail),
            schedule: follows.then(|| self.schedule.clone()),
            edits: edited.then(|| Arc::new(self.edits.clone())),
        }
    }

    /// Reads a trace file.
    ///
    /// # Errors
    /// [`Error::Trace`] with the file, the line and what was expected.
    pub fn read(path: &Path) -> Result<Trace, Error> {
        let wrong = |what: String| Error::Trace {
            path: path.to_owned(),
            what,
        };
        let text = fs::read_to_string(path)
            .map_err(|error| wrong(format!("it cannot be read: {error}")))?;
        let expected = "expected a trace file that `cargo grade` wrote";
        let trace: Trace =
            serde_json::from_str(&text).map_err(|error| wrong(format!("{error}; {expected}")))?;
        if !(1..=FORMAT).contains(&trace.format) {
            let text = format!(
                "it has format {}, this grader reads 1 to {FORMAT}: grade again to get a new one",
                trace.format
            );
            return Err(wrong(text));
        }
        if trace.choices().is_none() {
            return Err(wrong(format!(
                "choices = {:?} is no hexadecimal number; {expected}",
                trace.choices
            )));
        }
        Ok(trace)
    }

    /// Writes the file. One that would be too long is written without its schedule: a replay then
    /// does again what the seed and the edits decide.
    ///
    /// # Errors
    /// [`Error::Broken`] if the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let text = |trace: &Trace| -> Result<Vec<u8>, Error> {
            let mut text = serde_json::to_vec(trace)
                .map_err(|error| Error::Broken(format!("a trace has no JSON: {error}")))?;
            text.push(b'\n');
            Ok(text)
        };
        let whole = text(self)?;
        if whole.len() <= MOST_BYTES {
            return write_whole(path, &whole);
        }
        let short = Trace {
            schedule: Schedule::default(),
            ..self.clone()
        };
        write_whole(path, &text(&short)?)
    }
}

fn is_default(edits: &Edits) -> bool {
    *edits == Edits::default()
}
