//! Files that are no part of a submission and that its compilation reads all the same.
//!
//! `include!`, `include_str!` and `#[path]` reach every file of the machine: the reference solution, a hidden suite,
//! another student's work. The compiler lists what it has read, and its messages name what they show; a submission
//! that reads more than its own sources is refused, and the messages, which may quote what was read, are withheld.

use std::{collections::BTreeMap, path::Path};

use super::Rejected;

/// How the compiler names the sources of the lab's crates, of other crates and of the standard library. No file of a
/// submission is named so: its paths begin with `src/`, or are absolute.
const LIBRARIES: [&str; 5] = ["labs/", "faultline/", "cargo/", "/rustc/", "<"];

/// What may be read or shown.
pub(super) struct Allowed<'a> {
    /// The submission's own sources.
    pub sources: &'a BTreeMap<String, String>,
    /// The compiler's folder; messages may quote the standard library's sources in it.
    pub sysroot: &'a Path,
}

impl Allowed<'_> {
    fn own(&self, file: &str) -> bool {
        self.sources.contains_key(&file.replace('\\', "/"))
    }

    fn shown(&self, file: &str) -> bool {
        let name = file.replace('\\', "/");
        let library =
            LIBRARIES.iter().any(|start| name.starts_with(start)) || Path::new(file).starts_with(self.sysroot);
        self.own(file) || (library && !name.contains("/../"))
    }

    /// Rejects a compilation that read or shows a foreign file. `shown` are the files in the compiler's messages,
    /// `dep_info` is what it wrote about the files that it read, if it came so far.
    pub(super) fn check(&self, shown: &[String], dep_info: Option<&str>) -> Result<(), Rejected> {
        let shown = shown.iter().find(|file| !self.shown(file));
        let read = dep_info.and_then(|text| files_of(text).find(|file| !self.own(file)));
        if let Some(file) = shown.cloned().or(read) {
            return Err(refusal(&format!("it reads `{file}`")));
        }
        // The compiler gave up before it listed the files. A message may still quote one.
        if dep_info.is_none()
            && let Some(path) = self.sources.iter().find_map(|(path, text)| mentions_include(text).then_some(path))
        {
            return Err(refusal(&format!("`{path}` uses an `include` macro")));
        }
        Ok(())
    }
}

fn refusal(what: &str) -> Rejected {
    let text = format!(
        "error: the submission uses a file that is no part of it: {what}\n\nOnly files `src/**/*.rs` of the \
         submission itself are graded. Remove `include!`, `include_str!`, `include_bytes!` and `#[path]`, and write \
         what you need into a source file. (The compiler's other messages are withheld.)"
    );
    Rejected { text }
}

/// The files in a makefile as rustc writes it: beside the rules for the products, one empty rule for each file.
fn files_of(dep_info: &str) -> impl Iterator<Item = String> {
    let empty_rules = dep_info.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.strip_suffix(':'));
    empty_rules.map(|file| file.replace("\\ ", " "))
}

/// Whether a text has one of the macros' names outside comments of whole lines.
fn mentions_include(text: &str) -> bool {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut words = code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'));
    words.any(|word| ["include", "include_str", "include_bytes"].contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_for_products_are_no_files() {
        let text = "/tmp/a b/lab2.d: src/lib.rs /etc/pass\\ wd\n\nsrc/lib.rs:\n/etc/pass\\ wd:\n# env-dep:HOME=/x:\n";
        assert_eq!(files_of(text).collect::<Vec<_>>(), ["src/lib.rs", "/etc/pass wd"]);
    }

    #[test]
    fn the_word_in_a_comment_is_harmless() {
        assert!(!mentions_include("// include the view\nlet included = 1;"));
        assert!(mentions_include("use core::include as x;"));
    }
}
