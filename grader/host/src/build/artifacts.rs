//! What cargo says that it has made.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{crates::LabCrates, origins::Packages};
use crate::ToolError;

/// The compiled libraries.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Libraries {
    pub labkit: PathBuf,
    pub api: PathBuf,
    pub serde: PathBuf,
    /// Where the sources of all of them are.
    pub packages: Packages,
    /// Folders with the libraries that those need, and with the procedural macros.
    pub search: BTreeSet<PathBuf>,
}

#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum CargoMessage {
    CompilerArtifact(Artifact),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
pub(super) struct Artifact {
    target: CargoTarget,
    package_id: String,
    pub manifest_path: PathBuf,
    filenames: Vec<PathBuf>,
}

impl Artifact {
    /// Whether its package is found by a path, and so can change without a change of the lock.
    pub fn has_a_path(&self) -> bool {
        self.package_id.contains("path+file:")
    }
}

#[derive(Deserialize)]
struct CargoTarget {
    name: String,
    kind: Vec<String>,
}

/// What cargo made, from its messages as JSON.
pub(super) fn read_artifacts(messages: &str) -> Vec<Artifact> {
    let read = |line| match serde_json::from_str(line) {
        Ok(CargoMessage::CompilerArtifact(artifact)) => Some(artifact),
        Ok(CargoMessage::Other) | Err(_) => None,
    };
    messages.lines().filter_map(read).collect()
}

/// The libraries among them that a submission is compiled against.
pub(super) fn libraries_of(
    artifacts: &[Artifact],
    crates: &LabCrates,
    packages: Packages,
) -> Result<Libraries, ToolError> {
    let library = |name: &str| {
        let is_rlib = |file: &&PathBuf| {
            file.extension()
                .is_some_and(|extension| extension == "rlib")
        };
        let mut found = artifacts
            .iter()
            .filter(|artifact| artifact.target.name == name);
        let found = found
            .find_map(|artifact| artifact.filenames.iter().find(is_rlib))
            .cloned();
        found.ok_or_else(|| ToolError::Incomplete {
            package: crates.api.clone(),
            missing: name.to_owned(),
        })
    };
    let folders = products(artifacts)
        .filter_map(|file| file.parent())
        .map(Path::to_owned);
    Ok(Libraries {
        labkit: library("labkit")?,
        api: library(&crates.api_crate())?,
        serde: library("serde")?,
        packages,
        search: folders.collect(),
    })
}

/// All libraries, with those that run in the compiler.
pub(super) fn products(artifacts: &[Artifact]) -> impl Iterator<Item = &PathBuf> {
    let is_script = |artifact: &&Artifact| {
        artifact
            .target
            .kind
            .iter()
            .any(|kind| kind == "custom-build")
    };
    artifacts
        .iter()
        .filter(move |artifact| !is_script(artifact))
        .flat_map(|artifact| &artifact.filenames)
}
