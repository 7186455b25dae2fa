//! Files that are no part of a submission and that its compilation reads all the same.
//!
//! `include!`, `include_str!` and `#[path]` reach every file of the machine: the reference
//! solution, a hidden suite, another student's work. The compiler lists what it has read, and its
//! messages name what they show; a submission that reads more than its own sources is refused, and
//! the messages, which may quote what was read, are withheld. Messages may lead to the sources of
//! libraries, which every program uses. To read these is refused like any other file.

use std::collections::BTreeMap;

use super::{error::Rejected, origins::Origins, scan};

/// What may be read or shown.
pub(super) struct Allowed<'a> {
    /// The submission's own sources.
    pub sources: &'a BTreeMap<String, String>,
    /// Whose sources messages may lead to besides.
    pub origins: Origins<'a>,
}

impl Allowed<'_> {
    fn own(&self, file: &str) -> bool {
        self.sources.contains_key(&file.replace('\\', "/"))
    }

    fn shown(&self, file: &str) -> bool {
        self.own(file) || self.origins.of(file).is_some()
    }

    /// Rejects a compilation that read or shows a foreign file, or asked for a variable of the
    /// environment. `shown` are the files in the compiler's messages, `dep_info` is what it wrote
    /// about what it used, if it came so far.
    pub(super) fn check(&self, shown: &[String], dep_info: Option<&str>) -> Result<(), Rejected> {
        let shown = shown.iter().find(|file| !self.shown(file));
        let read = dep_info.and_then(|text| files_of(text).find(|file| !self.own(file)));
        if let Some(file) = shown.cloned().or(read) {
            return Err(refusal(&format!("it reads `{file}`")));
        }
        if let Some(name) = dep_info.and_then(|text| variables_of(text).next()) {
            return Err(environment(name));
        }
        // The compiler gave up before it listed the files. A message may still quote one.
        if dep_info.is_none()
            && let Some(path) = scan::hidden_read(self.sources)
        {
            return Err(refusal(&format!("`{path}` uses an `include` macro")));
        }
        Ok(())
    }
}

fn refusal(what: &str) -> Rejected {
    let text = format!(
        "error: the submission uses a file that is no part of it: {what}\n\nOnly files \
         `src/**/*.rs` of the submission itself are graded. Remove `include!`, `include_str!`, \
         `include_bytes!` and `#[path]`, and write what you need into a source file. (The \
         compiler's other messages are withheld.)"
    );
    Rejected { text }
}

/// Rejects a compilation of which a message says that it tried to read a file and could not:
/// whatever it was, it was none of the submission's own. (A missing module of its own is told in
/// other words.)
pub(super) fn tried<'a>(mut messages: impl Iterator<Item = &'a str>) -> Result<(), Rejected> {
    let file = messages.find_map(|message| {
        message
            .strip_prefix("couldn't read `")?
            .split('`')
            .next()
            .map(str::to_owned)
    });
    file.map_or(Ok(()), |file| {
        Err(refusal(&format!("it wants to read `{file}`")))
    })
}

fn environment(name: &str) -> Rejected {
    let text = format!(
        "error: the submission asks for a variable of the environment while it is compiled: \
         `{name}`\n\nThere are none where it is graded. Remove `env!` and `option_env!`, wherever \
         they come from."
    );
    Rejected { text }
}

/// The names of variables in a makefile as rustc writes it.
fn variables_of(dep_info: &str) -> impl Iterator<Item = &str> {
    let variables = dep_info
        .lines()
        .filter_map(|line| line.strip_prefix("# env-dep:"));
    variables.map(|variable| variable.split('=').next().unwrap_or(variable))
}

/// The files in a makefile as rustc writes it: beside the rules for the products, one empty rule
/// for each file.
fn files_of(dep_info: &str) -> impl Iterator<Item = String> {
    let empty_rules = dep_info
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.strip_suffix(':'));
    empty_rules.map(|file| file.replace("\\ ", " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_for_products_are_no_files() {
        let text = "/tmp/a b/lab2.d: src/lib.rs /etc/pass\\ wd\n\nsrc/lib.rs:\n/etc/pass\\ wd:\n# \
                    env-dep:HOME=/x:\n";
        assert_eq!(
            files_of(text).collect::<Vec<_>>(),
            ["src/lib.rs", "/etc/pass wd"]
        );
        assert_eq!(variables_of(text).collect::<Vec<_>>(), ["HOME"]);
    }

    #[test]
    fn a_file_that_could_not_be_read_is_told() {
        let told = |message: &str| tried([message].into_iter()).map_err(|rejected| rejected.text);
        assert!(
            told("couldn't read `/etc/shadow`: Permission denied (os error 13)")
                .unwrap_err()
                .contains("`/etc/shadow`")
        );
        assert_eq!(told("file not found for module `views`"), Ok(()));
    }
}
