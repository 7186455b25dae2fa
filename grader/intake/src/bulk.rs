//! What Canvas, Moodle and Gradescope let one download: their names of files, and archives of the
//! whole class.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::{
    archive::{Archive, NamedKind},
    error::{IntakeError, TakeError},
    moment::Moment,
    whole::{sync_folder, without_name},
};

/// Maximum size of an archive of the whole class, packed and unpacked.
const CLASS_BYTES: u64 = 4 << 30;
/// Maximum size of one file in it.
const FILE_BYTES: u64 = 64 << 20;
/// Maximum size of Gradescope's list.
const METADATA_BYTES: u64 = 64 << 20;

/// The name that Gradescope gives its list.
pub(crate) const GRADESCOPE: &str = "submission_metadata.yml";

/// `lovelaceada_LATE_4711_9922_lab2.zip`: who handed in, as Canvas names it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CanvasName {
    /// Last name and first name, in lower case, without what is no letter.
    pub(crate) name: String,
    pub(crate) user: String,
    pub(crate) is_late: bool,
}

impl CanvasName {
    pub(crate) fn parse(file: &str) -> Option<CanvasName> {
        let mut parts = file.split('_');
        let name = parts.next().filter(|name| !name.is_empty())?.to_owned();
        let mut next = parts.next()?;
        let is_late = next == "LATE";
        if is_late {
            next = parts.next()?;
        }
        let is_number =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let submission = parts.next()?;
        let has_rest = parts.next().is_some();
        (is_number(next) && is_number(submission) && has_rest).then(|| CanvasName {
            name,
            user: next.to_owned(),
            is_late,
        })
    }

    /// How Canvas writes a name at the beginning of a file's.
    pub(crate) fn squeezed(natural: &str) -> String {
        let mut words: Vec<&str> = natural.split_whitespace().collect();
        // "Ada Lovelace" is sorted as "Lovelace, Ada".
        if let Some(last) = words.pop() {
            words.insert(0, last);
        }
        words
            .concat()
            .chars()
            .filter(|char| char.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    }
}

/// `Ada Lovelace_4711_assignsubmission_file_`: who handed in, as Moodle names it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MoodleName {
    pub(crate) name: String,
    pub(crate) participant: String,
    /// Text that was typed in, and no file.
    pub(crate) is_text: bool,
}

impl MoodleName {
    pub(crate) fn parse(file: &str) -> Option<MoodleName> {
        let (who, what) = file.split_once("_assignsubmission_")?;
        let (name, participant) = who.rsplit_once('_')?;
        let is_number =
            !participant.is_empty() && participant.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| MoodleName {
            name: name.to_owned(),
            participant: participant.to_owned(),
            is_text: what.starts_with("onlinetext"),
        })
    }
}

/// What Gradescope knows of a submission.
#[derive(Debug, Deserialize)]
pub(crate) struct GradescopeRecord {
    #[serde(rename = ":submitters", default)]
    pub(crate) submitters: Vec<Submitter>,
    #[serde(rename = ":created_at", default)]
    created_at: Option<String>,
}

/// Who handed in.
#[derive(Debug, Deserialize)]
pub(crate) struct Submitter {
    #[serde(rename = ":name", default)]
    pub(crate) name: Option<String>,
    #[serde(rename = ":sid", default)]
    pub(crate) sid: Option<String>,
    #[serde(rename = ":email", default)]
    pub(crate) email: Option<String>,
}

impl GradescopeRecord {
    pub(crate) fn time(&self) -> Option<Moment> {
        self.created_at.as_deref().and_then(Moment::recorded)
    }
}

/// Reads Gradescope's list: submissions by the names of their folders.
pub(crate) fn read_gradescope(
    path: &Path,
) -> Result<BTreeMap<String, GradescopeRecord>, IntakeError> {
    let size = fs::metadata(path)
        .map_err(IntakeError::io("read", path))?
        .len();
    if size > METADATA_BYTES {
        return Err(IntakeError::input(
            path,
            format!("it has {size} bytes, and more than {METADATA_BYTES} are not read"),
        ));
    }
    let text = fs::read_to_string(path).map_err(IntakeError::io("read", path))?;
    serde_saphyr::from_str(&text).map_err(|error| {
        let first = error
            .to_string()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        IntakeError::input(
            path,
            format!(
                "{first}; expected Gradescope's list, `submission_1: {{:submitters: [...], ...}}`"
            ),
        )
    })
}

/// Unpacks an archive of the whole class beside what will be written, and says where. The folder is
/// named after the archive and its digest, so the same archive is unpacked once. What cannot be
/// unpacked is told.
pub(crate) fn unpack(
    path: &Path,
    beside: &Path,
    findings: &mut Vec<String>,
) -> Result<PathBuf, IntakeError> {
    let refused = |error: TakeError| match error {
        TakeError::Submission(problem) | TakeError::Machine(problem) => {
            IntakeError::input(path, problem)
        }
    };
    let digest = digest_of(path)?;
    let stem = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let target = beside.join(format!("{stem}-{}", &digest[..12]));
    let mut archive = Archive::open(path, CLASS_BYTES).map_err(refused)?;
    let is_done = target.is_dir();
    fs::create_dir_all(beside).map_err(IntakeError::io("make", beside))?;
    let temporary = tempfile::Builder::new()
        .prefix(".unpacking-")
        .tempdir_in(beside);
    let temporary = temporary.map_err(without_name);
    let temporary = temporary.map_err(IntakeError::io("make a folder in", beside))?;
    let mut room = CLASS_BYTES;
    for named in archive.names().to_vec() {
        let there = target.join(&named.path);
        let new = temporary.path().join(&named.path);
        let what = match named.kind {
            // What was unpacked before is not written again.
            NamedKind::Folder if is_done => left_out(path, &named.path, there.metadata())?,
            NamedKind::Folder => left_out(path, &named.path, fs::create_dir_all(new))?,
            NamedKind::Link => Some("a link".to_owned()),
            NamedKind::Special => Some("no regular file".to_owned()),
            NamedKind::File => match archive.content(&named, FILE_BYTES.min(room)) {
                Err(TakeError::Machine(problem)) => return Err(IntakeError::input(path, problem)),
                Err(TakeError::Submission(_)) => Some("damaged".to_owned()),
                Ok(Err(size)) => Some(format!("too large ({size} bytes or more)")),
                Ok(Ok(content)) => {
                    room -= content.len() as u64;
                    match is_done {
                        true => left_out(path, &named.path, there.metadata())?,
                        false => left_out(path, &named.path, write_synced(&new, &content))?,
                    }
                }
            },
        };
        if let Some(what) = what {
            findings.push(format!(
                "`{}` in {} is {what}, and was not unpacked",
                named.path,
                path.display()
            ));
        }
    }
    if !is_done {
        fs::rename(temporary.keep(), &target).map_err(IntakeError::io("make", &target))?;
        sync_folder(beside).map_err(IntakeError::io("write", beside))?;
    }
    Ok(target)
}

fn write_synced(file: &Path, content: &[u8]) -> io::Result<()> {
    fs::create_dir_all(file.parent().unwrap_or(file))?;
    let mut file = fs::File::create(file)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Why a file was not unpacked, if it is about its name: then the others are, all the same.
/// Messages do not hold the temporary folder, which is another one each time.
fn left_out<T>(
    archive: &Path,
    name: &str,
    written: io::Result<T>,
) -> Result<Option<String>, IntakeError> {
    use io::ErrorKind::{
        AlreadyExists, InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound,
    };
    match written.map_err(|error| (error.kind(), error)) {
        Ok(_) => Ok(None),
        Err((
            AlreadyExists | InvalidFilename | InvalidInput | IsADirectory | NotADirectory
            | NotFound,
            _,
        )) => Ok(Some("called as no file here can be called".to_owned())),
        Err((_, error)) => Err(IntakeError::input(
            archive,
            format!("`{name}` cannot be unpacked: {error}"),
        )),
    }
}

/// The SHA-256 of a file, in hexadecimal digits.
pub(crate) fn digest_of(path: &Path) -> Result<String, IntakeError> {
    let mut file = fs::File::open(path).map_err(IntakeError::io("read", path))?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        let read = file
            .read(&mut buffer)
            .map_err(IntakeError::io("read", path))?;
        if read == 0 {
            return Ok(hash
                .finalize()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect());
        }
        hash.update(&buffer[..read]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_canvas_are_understood() {
        let name = |text| CanvasName::parse(text).map(|name| (name.name, name.user, name.is_late));
        assert_eq!(
            name("lovelaceada_4711_9922_lab2.zip"),
            Some(("lovelaceada".into(), "4711".into(), false))
        );
        assert_eq!(
            name("lovelaceada_LATE_4711_9922_my_lab-1.zip"),
            Some(("lovelaceada".into(), "4711".into(), true))
        );
        for other in [
            "ada.zip",
            "lovelaceada_4711.zip",
            "a_b_c_d.zip",
            "_1_2_x.zip",
            "a_LATE_1_x.zip",
        ] {
            assert_eq!(name(other), None, "{other}");
        }
        assert_eq!(
            CanvasName::squeezed("Ada King-Noel Lovelace"),
            "lovelaceadakingnoel"
        );
    }

    #[test]
    fn names_of_moodle_are_understood() {
        let name =
            |text| MoodleName::parse(text).map(|name| (name.name, name.participant, name.is_text));
        assert_eq!(
            name("Ada Lovelace_4711_assignsubmission_file_"),
            Some(("Ada Lovelace".into(), "4711".into(), false))
        );
        assert_eq!(
            name("A_B_7_assignsubmission_file_lab2.zip"),
            Some(("A_B".into(), "7".into(), false))
        );
        assert_eq!(
            name("A B_7_assignsubmission_onlinetext_"),
            Some(("A B".into(), "7".into(), true))
        );
        assert_eq!(name("A B_x_assignsubmission_file_"), None);
    }

    #[test]
    fn the_list_of_gradescope_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(GRADESCOPE);
        let text = "---\nsubmission_12:\n  :submitters:\n  - :name: Ada\n    :sid: 0042\n    \
                    :email: ada@x.org\n  :created_at: 2023-11-06 07:13:47.644186000 Z\n  :score: \
                    10.0\n  :results: !ruby/hash:Some::Thing\n    tests: []\n  :history: \
                    []\nsubmission_13:\n  :submitters:\n  - :name: Bob\n    :sid:\n    :email: \
                    b@x.org\n";
        fs::write(&path, text).expect("written");
        let records = read_gradescope(&path).expect("a list");
        assert_eq!(
            records["submission_12"].submitters[0].sid.as_deref(),
            Some("0042")
        );
        assert_eq!(
            records["submission_12"].time().map(|time| time.to_string()),
            Some("2023-11-06T07:13:47Z".into())
        );
        assert_eq!(records["submission_13"].submitters[0].sid, None);
        fs::write(&path, "- 1\n").expect("written");
        assert!(
            read_gradescope(&path)
                .expect_err("a list")
                .to_string()
                .contains("expected Gradescope's list")
        );
    }
}
