//! The files of a lab. They are those of the lab `tally` in `template`, whose crates are members of
//! the workspace: so what breaks them is noticed where it is done.

use crate::{NewLab, name::TITLE};

/// A file that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Below the project.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// Files of a folder below `template`, with their paths.
macro_rules! template {
    ($($folder:literal: $($file:literal),+;)+) => {
        [$($((
            concat!($folder, "/", $file),
            include_str!(concat!("../template/", $folder, "/", $file)),
        )),+),+]
    };
}

const LAB: [(&str, &str); 23] = template! {
    "labs/tally": "Cargo.toml", "README.md", "src/lib.rs";
    "solutions/tally":
        "Cargo.toml", "STAFF.md", "src/lib.rs", "src/client.rs", "src/message.rs", "src/server.rs",
        "mutants/answers-before-the-sync.patch", "mutants/asks-once.patch",
        "mutants/counts-a-retry-twice.patch", "mutants/one-total-for-each-client.patch";
    "solutions/tally-variant": "Cargo.toml", "src/lib.rs";
    "grader/suites/tally":
        "Cargo.toml", "src/lib.rs", "src/chaos.rs", "src/public.rs", "src/fixture.rs";
    "grader/suites/tally/hidden": "Cargo.toml", "src/lib.rs";
    "rubrics": "tally.toml";
};

/// The files of a lab but for its starter, which is made of its reference.
pub fn lab(lab: &NewLab) -> Vec<File> {
    let file = |(path, text)| File {
        path: renamed(lab, path),
        text: renamed(lab, text),
    };
    LAB.into_iter().map(file).collect()
}

/// The folders, and the one file, that a lab consists of.
pub fn folders(lab: &NewLab) -> Vec<String> {
    let parts = [
        "labs/tally",
        "starter/tally",
        "solutions/tally",
        "solutions/tally-variant",
        "grader/suites/tally",
        "rubrics/tally.toml",
    ];
    parts.into_iter().map(|part| renamed(lab, part)).collect()
}

fn renamed(lab: &NewLab, text: &str) -> String {
    // What is put in is not looked at again: a name may have the word in it, and so may a title,
    // which is somebody else's text.
    let crate_name = format!("{}_", lab.crate_name());
    let pieces = text
        .split("tally_")
        .map(|piece| piece.split("tally").collect::<Vec<_>>());
    let named = pieces.map(|pieces| pieces.join(&lab.name));
    let named = named.collect::<Vec<_>>().join(&crate_name);
    named.replace(TITLE, &lab.title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_have_the_word_in_it() {
        for (name, suite) in [
            ("totally", "totally_suite"),
            ("tally-two", "tally_two_suite"),
        ] {
            let new = NewLab::new(name, None, "", &[]).expect("a name");
            assert_eq!(
                renamed(&new, "tally_suite of tally"),
                format!("{suite} of {name}")
            );
        }
    }

    #[test]
    fn every_word_is_replaced_and_every_file_stands_in_a_folder_of_the_lab() {
        let new = NewLab::new("two-words", Some("Two words"), "", &[]).expect("a name");
        let folders = folders(&new);
        for File { path, text } in lab(&new) {
            assert!(!path.contains("tally") && !text.contains("tally"), "{path}");
            assert!(!text.contains(TITLE), "{path}");
            let within =
                |folder: &String| path == *folder || path.starts_with(&format!("{folder}/"));
            assert!(folders.iter().any(within), "{path}");
            assert!(text.contains("two") || !path.ends_with(".toml"), "{path}");
        }
    }
}
