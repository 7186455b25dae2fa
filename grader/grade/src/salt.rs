//! The course's secret: with it, nobody can compute the schedules of the hidden tests beforehand.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::Path,
};

use faultline_origin::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::Error;

/// Minimum number of bytes: fewer could be guessed.
const LEAST_BYTES: usize = 16;

/// Maximum number of bytes: a larger file is not a salt.
const MOST_BYTES: usize = 64 << 10;

/// What runs take from a secret. The secret itself is not kept. (It is serialised for one purpose:
/// through a pipe to a process that grades, never into a file.)
#[derive(Clone, Serialize, Deserialize)]
pub struct Salt {
    /// What goes into the seeds of hidden tests.
    pub(crate) number: u64,
    /// What a fingerprint says of it; the number cannot be computed from that.
    pub(crate) digest: String,
}

impl Salt {
    /// Reads a secret from a file; white space at its end does not count.
    ///
    /// # Errors
    /// [`Error::Usage`] if the file cannot be read, or is too short or too long to be a secret.
    pub fn read(path: &Path) -> Result<Salt, Error> {
        let make = "`(umask 077 && head -c 32 /dev/urandom > FILE)` makes one";
        let wrong = |what: String| Error::Usage(format!("{}: {what}; {make}", path.display()));
        let mut bytes = Vec::new();
        // One byte more than allowed tells that there is too much, of a file without an end, too.
        let read = |file: File| file.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes);
        let read: io::Result<usize> = File::open(path).and_then(read);
        read.map_err(|error| wrong(format!("the salt cannot be read: {error}")))?;
        if bytes.len() > MOST_BYTES {
            return Err(wrong(format!(
                "this is no salt: it has more than {} KiB",
                MOST_BYTES >> 10
            )));
        }
        let secret = bytes.trim_ascii_end();
        if secret.len() < LEAST_BYTES {
            let has = secret.len();
            return Err(wrong(format!(
                "the salt has {has} bytes, expected at least {LEAST_BYTES}"
            )));
        }
        Ok(Salt::of(secret))
    }

    fn of(secret: &[u8]) -> Salt {
        let hash = |purpose: &str| {
            Sha256::new()
                .chain_update(purpose)
                .chain_update(secret)
                .finalize()
        };
        let first = hash("faultline salt")
            .iter()
            .take(8)
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
        Salt {
            number: first,
            digest: hex(&hash("faultline salt fingerprint")),
        }
    }
}

impl fmt::Debug for Salt {
    /// Only what a fingerprint tells, too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Salt({})", self.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_salt_is_read_and_never_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("salt");
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            Salt::read(&path).map_err(|error| error.to_string())
        };
        let salt = read(b"0123456789abcdef").unwrap();
        // printf 'faultline salt0123456789abcdef' | sha256sum, the first 8 bytes from behind.
        assert_eq!(format!("{:016x}", salt.number), "47d00dae25abd856");
        assert_eq!(
            read(b"0123456789abcdef \r\n").unwrap().number,
            salt.number,
            "an editor's line break"
        );
        assert_ne!(read(b"0123456789abcdeg").unwrap().number, salt.number);
        let told = format!("{salt:?}");
        assert!(
            !told.contains(&format!("{:016x}", salt.number))
                && !told.contains(&salt.number.to_string()),
            "{told}"
        );
        for (bytes, expected) in [
            (
                &b"0123456789abcde  \n"[..],
                "has 15 bytes, expected at least 16",
            ),
            (&[], "has 0 bytes"),
            (&[b'x'; MOST_BYTES + 1], "more than 64 KiB"),
        ] {
            let error = read(bytes).unwrap_err();
            assert!(
                error.contains(expected) && error.contains("/dev/urandom"),
                "{error}"
            );
            assert!(error.contains(path.to_str().unwrap()), "{error}");
        }
    }
}
