//! The files of a lab.

use crate::NewLab;

/// A file that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Below the project.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// Where a part of a lab goes, and a file of it as the template has it.
macro_rules! template {
    ($($to:literal <- $from:literal: $($file:literal),+;)+) => {
        [$($((
            concat!($to, "/", $file),
            include_str!(concat!("../template/lab/", $from, "/", $file)),
        )),+),+]
    };
}

const LAB: [(&str, &str); 22] = template! {
    "labs/{{lab}}" <- "api": "Cargo.toml", "README.md", "src/lib.rs";
    "solutions/{{lab}}" <- "solution":
        "Cargo.toml", "STAFF.md", "src/lib.rs", "src/client.rs", "src/message.rs", "src/server.rs",
        "mutants/answers-before-the-sync.patch", "mutants/asks-once.patch",
        "mutants/counts-a-retry-twice.patch", "mutants/one-total-for-each-client.patch";
    "solutions/{{lab}}-variant" <- "variant": "Cargo.toml", "src/lib.rs";
    "grader/suites/{{lab}}" <- "suite":
        "Cargo.toml", "src/lib.rs", "src/chaos.rs", "src/public.rs", "src/room.rs";
    "grader/suites/{{lab}}/hidden" <- "hidden": "Cargo.toml", "src/lib.rs";
};

const RUBRIC: (&str, &str) = (
    "rubrics/{{lab}}.toml",
    include_str!("../template/lab/rubric.toml"),
);

/// The files of a lab but for its starter, which is made of its reference.
pub fn lab(lab: &NewLab) -> Vec<File> {
    let all = LAB.into_iter().chain([RUBRIC]);
    let file = |(path, text)| File {
        path: filled(lab, path),
        text: filled(lab, text),
    };
    all.map(file).collect()
}

/// The folders, and the one file, that a lab consists of.
pub fn folders(lab: &NewLab) -> Vec<String> {
    let parts = [
        "labs/{{lab}}",
        "starter/{{lab}}",
        "solutions/{{lab}}",
        "solutions/{{lab}}-variant",
        "grader/suites/{{lab}}",
        "rubrics/{{lab}}.toml",
    ];
    parts.into_iter().map(|part| filled(lab, part)).collect()
}

fn filled(lab: &NewLab, text: &str) -> String {
    // The title comes last: it is somebody else's text.
    text.replace("{{lab}}", &lab.name)
        .replace("{{crate}}", &lab.crate_name())
        .replace("{{title}}", &lab.title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_replaced_and_every_file_stands_in_a_folder_of_the_lab() {
        let new = NewLab::new("two-words", Some("Two words"), "", &[]).expect("a name");
        let folders = folders(&new);
        for File { path, text } in lab(&new) {
            assert!(!path.contains('{') && !text.contains("{{"), "{path}");
            let within =
                |folder: &String| path == *folder || path.starts_with(&format!("{folder}/"));
            assert!(folders.iter().any(within), "{path}");
            assert!(text.contains("two") || !path.ends_with(".toml"), "{path}");
        }
    }
}
