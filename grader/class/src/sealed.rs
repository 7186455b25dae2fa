//! Files with a digest of all that they say. Who edits one by hand, and a disk that lost a piece of
//! it, is noticed; who computes the digest again is not, since no secret goes into it.

use std::{fs, io, path::Path};

use faultline_grade::{Error, parts::broken, write_whole};
use faultline_origin::hex;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

/// A file as it stands on the disk.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed<T> {
    /// The SHA-256 of what follows, as JSON without spaces.
    digest: String,
    says: T,
}

/// Why a file cannot be believed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// There is none.
    Absent,
    /// Somebody has edited it, a piece is missing, or another version of the grader wrote it.
    Damaged,
}

/// What a file says, if it says what was once written.
pub(super) fn read<T: Serialize + DeserializeOwned>(path: &Path) -> Result<T, Unread> {
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Unread::Absent,
        _ => Unread::Damaged,
    })?;
    let sealed: Sealed<T> = serde_json::from_slice(&bytes).map_err(|_| Unread::Damaged)?;
    match digest_of(&sealed.says) {
        Ok(digest) if digest == sealed.digest => Ok(sealed.says),
        _ => Err(Unread::Damaged),
    }
}

/// Writes a file whole, with the digest of what it says.
pub(super) fn write(path: &Path, says: &impl Serialize) -> Result<(), Error> {
    let wrong = |error| broken(format!("{}: {error}", path.display()));
    let digest = digest_of(says).map_err(wrong)?;
    let mut bytes = serde_json::to_vec_pretty(&Sealed { digest, says }).map_err(wrong)?;
    bytes.push(b'\n');
    write_whole(path, &bytes)
}

fn digest_of(says: &impl Serialize) -> Result<String, serde_json::Error> {
    Ok(hex(&Sha256::digest(serde_json::to_vec(says)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_edited_or_torn_is_not_believed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("record.json");
        let said = ("earned".to_owned(), 0_u32);
        assert_eq!(read::<(String, u32)>(&path), Err(Unread::Absent));
        write(&path, &said).expect("it is written");
        assert_eq!(read(&path), Ok(said.clone()));
        let text = fs::read_to_string(&path).expect("it is there");
        for (what, edited) in [
            ("a number", text.replace("0\n", "100\n")),
            ("a text", text.replace("earned", "possible")),
            ("torn", text[..text.len() / 2].to_owned()),
            ("empty", String::new()),
        ] {
            assert_ne!(edited, text, "{what}");
            fs::write(&path, edited).expect("it can be written");
            assert_eq!(read::<(String, u32)>(&path), Err(Unread::Damaged), "{what}");
        }
        fs::write(&path, text).expect("it can be written");
        assert_eq!(read(&path), Ok(said));
    }
}
