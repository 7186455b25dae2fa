//! Whose sources the compiler may name besides the submission's.
//!
//! Its messages lead to the standard library and to the crates that the lab's libraries are made
//! from, also to those that run in the compiler: what `derive` writes has a definition, too. Cargo
//! says where these crates are, the toolchain where its own sources are. No name here is a pattern
//! that a submission could give a file of another's.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::artifacts::Artifact;
use crate::Toolchain;

/// The folders of the crates that a lab's libraries are made from, by the names that the compiler
/// has for them, with `/` between folders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Packages {
    /// What the project gives: a student can open these files.
    pub project: BTreeSet<String>,
    /// What cargo brought.
    pub registry: BTreeSet<String>,
}

/// Where a source is from that is no part of the submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A crate of the project.
    Project,
    /// The toolchain, or a crate that cargo brought. Where its files are depends on the machine.
    Elsewhere,
}

impl Packages {
    /// Those of everything that cargo has made. `root` is the project's folder; `renamed` are the
    /// folders that have other names in the libraries, the later ones being preferred.
    pub fn of(artifacts: &[Artifact], root: &Path, renamed: &[(PathBuf, String)]) -> Packages {
        let mut packages = Packages::default();
        for artifact in artifacts {
            let Some(folder) = artifact.manifest_path.parent() else {
                continue;
            };
            let names = if artifact.has_a_path() {
                &mut packages.project
            } else {
                &mut packages.registry
            };
            // What runs in the compiler is not renamed.
            names.insert(slashed(folder));
            let new = renamed.iter().rev().find_map(|(from, to)| {
                let rest = folder.strip_prefix(from).ok()?;
                Some(slashed(&Path::new(to).join(rest)))
            });
            names.extend(new);
            // Members of a workspace are compiled by paths that are relative to it.
            names.extend(folder.strip_prefix(root).ok().map(slashed));
        }
        // A project that is a package itself: a folder without a name is that of every file.
        packages.project.remove("");
        packages
    }
}

/// All that is known.
#[derive(Clone, Copy)]
pub(super) struct Origins<'a> {
    pub toolchain: &'a Toolchain,
    pub packages: &'a Packages,
}

impl Origins<'_> {
    /// Where a file is from that the compiler names so, if that is known.
    pub fn of(&self, file: &str) -> Option<Origin> {
        let name = file.replace('\\', "/");
        if name.split('/').any(|part| part == "..") {
            return None;
        }
        let below = |folder: &String| {
            let rest = name.strip_prefix(folder.as_str());
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        // Of code without a file, `<derive expansion>`, the name is no path.
        let no_file = name.starts_with('<') && name.ends_with('>') && !name.contains('/');
        if self.packages.project.iter().any(below) {
            Some(Origin::Project)
        } else if no_file
            || self.packages.registry.iter().any(below)
            || self.toolchain.sources().iter().any(below)
        {
            Some(Origin::Elsewhere)
        } else {
            None
        }
    }
}

fn slashed(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::build::artifacts::read_artifacts;

    const MESSAGES: &str = r#"{"reason":"compiler-artifact","target":{"name":"serde_derive","kind":["proc-macro"]},"package_id":"registry+https://x#serde_derive@1.0.1","manifest_path":"/home/a/.cargo/registry/src/x-1f/serde_derive-1.0.1/Cargo.toml","filenames":[]}
{"reason":"compiler-artifact","target":{"name":"labkit","kind":["lib"]},"package_id":"path+file:///course/labs/labkit#0.1.0","manifest_path":"/course/labs/labkit/Cargo.toml","filenames":[]}
{"reason":"build-finished","success":true}"#;

    #[test]
    fn only_what_the_libraries_are_made_from_is_known() {
        let renamed = [
            (PathBuf::from("/course"), "faultline".to_owned()),
            (PathBuf::from("/home/a/.cargo"), "cargo".to_owned()),
        ];
        let artifacts = read_artifacts(MESSAGES);
        let packages = Packages::of(&artifacts, Path::new("/course"), &renamed);
        let version = "rustc 1.95.0\ncommit-hash: 59807616e\nrelease: 1.95.0\n";
        let toolchain = Toolchain::of("/toolchain", version);
        let origins = Origins {
            toolchain: &toolchain,
            packages: &packages,
        };
        for file in [
            "labs/labkit/src/node.rs",
            "faultline/labs/labkit/src/node.rs",
            "/course/labs/labkit/src/node.rs",
            "labs\\labkit\\src\\node.rs",
        ] {
            assert_eq!(origins.of(file), Some(Origin::Project), "{file}");
        }
        for file in [
            "/home/a/.cargo/registry/src/x-1f/serde_derive-1.0.1/src/lib.rs",
            "cargo/registry/src/x-1f/serde_derive-1.0.1/src/lib.rs",
            "/rustc/59807616e/library/core/src/cmp.rs",
            "/rust/deps/hashbrown-0.16.1/src/map.rs",
            "/toolchain/lib/rustlib/src/rust/library/core/src/cmp.rs",
            "<derive expansion>",
        ] {
            assert_eq!(origins.of(file), Some(Origin::Elsewhere), "{file}");
        }
        for file in [
            "/home/a/.cargo/credentials.toml",
            "/home/a/.cargo/registry/src/x-1f/serde_derive-1.0.1/../../../../secret",
            "/home/a/.cargo/registry/src/x-1f/serde_derive-1.0.12/src/lib.rs",
            "cargo/registry/src/x-1f/other-1.0.0/src/lib.rs",
            "labs/lab9-other/src/lib.rs",
            "labs/labkit/../../solutions/lab2/src/lib.rs",
            "/course/solutions/lab2/src/lib.rs",
            "/rustc/other/library/core/src/cmp.rs",
            "/toolchain/etc/bash_completion.d/cargo",
            "/etc/passwd",
            "src/lib.rs",
            "<x>/etc/passwd>",
            "",
        ] {
            assert_eq!(origins.of(file), None, "{file}");
        }
    }
}
