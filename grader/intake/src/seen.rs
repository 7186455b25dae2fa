//! `seen.toml`: which import saw which commit first. It is what a later import knows about times
//! that no server wrote down.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{error::IntakeError, moment::Moment, whole::write_whole};

const FORMAT: u32 = 1;

const HEAD: &str = "\
# Which import saw which commit (or zip file, by its SHA-256) first, kept by `cargo grade import`: \
a record of when
# things were there. It is not to be changed by hand. `at` is the import that saw it, `after` the \
last one that did not
# see it yet.
";

/// What imports saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeenLog {
    format: u32,
    #[serde(default)]
    submission: BTreeMap<String, Looked>,
}

/// What imports saw at one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Looked {
    last: Moment,
    #[serde(default)]
    things: BTreeMap<String, Bounds>,
}

/// When something appeared: after an import that did not see it (if one had looked before), and
/// before one that did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bounds {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<Moment>,
    pub(crate) at: Moment,
}

impl SeenLog {
    /// Reads the file; nothing has been seen if there is none.
    pub(crate) fn read(path: &Path) -> Result<SeenLog, IntakeError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(SeenLog {
                    format: FORMAT,
                    submission: BTreeMap::new(),
                });
            }
            Err(error) => return Err(IntakeError::io("read", path)(error)),
        };
        let broken = |problem: String| {
            let advice =
                "restore it from a backup, or remove it to forget when each commit was first seen";
            IntakeError::input(path, format!("{problem}: {advice}"))
        };
        let seen: SeenLog = toml::from_str(&text).map_err(|error| broken(error.to_string()))?;
        if seen.format != FORMAT {
            return Err(broken(format!(
                "it has format {}, and this program reads format {FORMAT}",
                seen.format
            )));
        }
        Ok(seen)
    }

    /// The last import, if it was after this one: then one of the two clocks was wrong.
    pub(crate) fn ahead_of(&self, now: Moment) -> Option<Moment> {
        let last = self.submission.values().map(|looked| looked.last).max();
        last.filter(|last| *last > now)
    }

    /// The submissions of a class, which lies in a folder (`""` is that of the batch), that were
    /// there at an earlier import, and when they were last.
    pub(crate) fn paths_below(&self, folder: &str) -> impl Iterator<Item = (&str, Moment)> {
        // The folder of a student, or a file in it.
        let is_near = |rest: &str| (1..=2).contains(&rest.split('/').count());
        let is_below = move |path: &str| match folder {
            "" => !path.starts_with("../") && is_near(path),
            _ => path
                .strip_prefix(folder)
                .and_then(|rest| rest.strip_prefix('/'))
                .is_some_and(is_near),
        };
        self.submission
            .iter()
            .filter(move |(path, _)| is_below(path))
            .map(|(path, looked)| (path.as_str(), looked.last))
    }

    /// What an earlier import saw at a path and is not there now, and when it was first seen.
    pub(crate) fn gone(&self, path: &str, things: &[String]) -> Vec<(String, Moment)> {
        let known = self.submission.get(path).map(|looked| &looked.things);
        let there: BTreeSet<&String> = things.iter().collect();
        let gone = known
            .into_iter()
            .flatten()
            .filter(|(thing, _)| !there.contains(thing));
        gone.map(|(thing, bounds)| (thing.clone(), bounds.at))
            .collect()
    }

    /// Notes what is at a path now, and tells when each of the things appeared.
    pub(crate) fn look(
        &mut self,
        path: &str,
        things: &[String],
        now: Moment,
    ) -> BTreeMap<String, Bounds> {
        let last = self.submission.get(path).map(|looked| looked.last);
        let before = last.filter(|last| *last < now);
        // With a clock that went back, what is new was there by then: the later of the two proves
        // nothing that is not so.
        let at = last.map_or(now, |last| last.max(now));
        let looked = self.submission.entry(path.to_owned()).or_insert(Looked {
            last: now,
            things: BTreeMap::new(),
        });
        // Grading again with an earlier `--now` does not undo what a later import saw.
        looked.last = looked.last.max(now);
        let bounds = things.iter().map(|thing| {
            let bounds = looked
                .things
                .entry(thing.clone())
                .or_insert(Bounds { after: before, at });
            (thing.clone(), *bounds)
        });
        bounds.collect()
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), IntakeError> {
        let body = toml::to_string(self).expect("tables of texts are TOML");
        write_whole(path, format!("{HEAD}\n{body}").as_bytes())
            .map_err(IntakeError::io("write", path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(day: u32) -> Moment {
        Moment::parse(&format!("2026-11-{day:02}T00:00:00Z")).expect("a moment")
    }

    #[test]
    fn importing_again_keeps_when_something_was_first_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("seen.toml");
        let mut seen = SeenLog::read(&path).expect("nothing seen yet");
        assert_eq!(
            seen.look("ann", &["a".into()], moment(1))["a"],
            Bounds {
                after: None,
                at: moment(1)
            }
        );
        seen.write(&path).expect("written");
        let mut seen = SeenLog::read(&path).expect("read");
        let bounds = seen.look("ann", &["a".into(), "b".into()], moment(5));
        assert_eq!(
            bounds["a"],
            Bounds {
                after: None,
                at: moment(1)
            }
        );
        assert_eq!(
            bounds["b"],
            Bounds {
                after: Some(moment(1)),
                at: moment(5)
            }
        );
        let again = seen.clone();
        assert_eq!(
            seen.look("ann", &["a".into(), "b".into()], moment(5)),
            bounds
        );
        assert_eq!(seen, again, "the same import again changes nothing");
    }
}
