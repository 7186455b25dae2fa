//! What a lab may be called.

use faultline_grade::Error;

/// A lab that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLab {
    /// Its id, such as `demo`.
    pub(crate) name: String,
    /// Its title.
    pub(crate) title: String,
}

/// The title, if none is given: that of the template.
pub const TITLE: &str = "A running total";

/// Maximum length of a name: a longer one makes lines that do not fit.
const LONGEST_NAME: usize = 30;
const LONGEST_TITLE: usize = 54;

/// What is put behind a lab's name to name its packages; its starter's has the name itself.
const PACKAGES: [&str; 6] = [
    "-api",
    "-solution",
    "-variant",
    "-third",
    "-suite",
    "-hidden",
];

/// Words of the language, and crates and folders that are everywhere.
const TAKEN: &str = "as break const continue crate else enum extern false fn for if impl in let \
                     loop match mod move mut pub ref return self static struct super trait true \
                     type unsafe use where while async await dyn abstract become box do final gen \
                     macro override priv try typeof unsized virtual yield alloc core proc-macro \
                     std test build deps examples incremental labkit serde course aux con nul prn";

impl NewLab {
    /// A lab of this name. `lock` is the `Cargo.lock` of the project in which it is made: no two
    /// packages of one name can be used. `commands` are the words that mean something else where a
    /// lab's name is expected.
    ///
    /// # Errors
    /// [`Error::Usage`], with what is wrong with the name or the title.
    pub fn new(
        name: &str,
        title: Option<&str>,
        lock: &str,
        commands: &[&str],
    ) -> Result<NewLab, Error> {
        let refused = |why: &str| {
            Err(Error::Usage(format!(
                "a lab cannot be called {name:?}: {why}; a name such as `queues` would do"
            )))
        };
        let letter = |character: char| character.is_ascii_lowercase();
        let allowed = |c: char| letter(c) || c.is_ascii_digit() || c == '-';
        if !name.starts_with(letter) || !name.chars().all(allowed) {
            return refused(
                "expected lower-case letters, digits and single dashes, a letter first",
            );
        }
        if name.ends_with('-') || name.contains("--") {
            return refused("expected single dashes, and none at the end");
        }
        if name.len() > LONGEST_NAME {
            return refused(&format!("it has more than {LONGEST_NAME} characters"));
        }
        if TAKEN.split_whitespace().any(|word| word == name) || name.starts_with("faultline") {
            return refused("the word is taken by Rust, by cargo or by the grader");
        }
        if commands.contains(&name) {
            return refused(&format!("`cargo grade {name}` is a command"));
        }
        if let Some(end) = PACKAGES.iter().find(|end| name.ends_with(*end)) {
            return refused(&format!("`{end}` is put behind the name of a lab"));
        }
        let taken = packages(name).find(|package| is_locked(lock, package));
        if let Some(package) = taken {
            return refused(&format!(
                "there is a package {package} already, which Cargo.lock names"
            ));
        }
        let lab = NewLab {
            name: name.to_owned(),
            title: title.unwrap_or(TITLE).to_owned(),
        };
        lab.with_a_good_title()
    }

    /// The title stands in TOML, in Markdown and in comments.
    fn with_a_good_title(self) -> Result<NewLab, Error> {
        let odd = |c: char| c.is_control() || "\"\\|`{}".contains(c);
        let length = self.title.chars().count();
        if self.title.trim() != self.title || !(1..=LONGEST_TITLE).contains(&length) {
            return Err(Error::Usage(format!(
                "the title {:?} does not fit: expected 1 to {LONGEST_TITLE} characters, without \
                 spaces around them",
                self.title
            )));
        }
        if let Some(character) = self.title.chars().find(|c| odd(*c)) {
            return Err(Error::Usage(format!(
                "the title {:?} has {character:?} in it: expected plain text on one line",
                self.title
            )));
        }
        Ok(self)
    }

    /// Its name as a crate's.
    pub(crate) fn crate_name(&self) -> String {
        self.name.replace('-', "_")
    }
}

/// The packages of a lab.
fn packages(name: &str) -> impl Iterator<Item = String> {
    let ends = [""].into_iter().chain(PACKAGES);
    ends.map(move |end| format!("{name}{end}"))
}

fn is_locked(lock: &str, package: &str) -> bool {
    let line = format!("name = \"{package}\"");
    lock.lines().any(|other| other == line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "[[package]]\nname = \"rayon\"\n\n[[package]]\nname = \"old-api\"\n";

    #[test]
    fn what_would_not_compile_is_refused_with_the_reason() {
        for (name, why) in [
            ("", "a letter first"),
            ("Demo", "lower-case"),
            ("2pc", "a letter first"),
            ("two_phase", "dashes"),
            ("../x", "a letter first"),
            ("a/b", "lower-case"),
            ("two-", "none at the end"),
            ("a--b", "single dashes"),
            ("a-name-that-is-really-much-too-long", "more than 30"),
            ("match", "taken by Rust"),
            ("serde", "taken by Rust"),
            ("faultline-x", "taken by Rust"),
            ("replay", "is a command"),
            ("demo-variant", "`-variant` is put behind"),
            ("rayon", "package rayon already"),
            ("old", "package old-api already"),
        ] {
            let error = NewLab::new(name, None, LOCK, &["replay"]).expect_err(name);
            assert!(matches!(error, Error::Usage(_)), "{name}");
            assert!(error.to_string().contains(why), "{name}: {error}");
        }
        for name in ["demo", "two-phase-commit", "lab9", "x"] {
            NewLab::new(name, None, LOCK, &["replay"]).expect(name);
        }
    }

    #[test]
    fn a_title_is_plain_text() {
        let long = "x".repeat(55);
        for title in ["", " x", "say \"x\"", "a\nb", "a|b", "{{lab}}", &long] {
            NewLab::new("demo", Some(title), "", &[]).expect_err(title);
        }
        NewLab::new(
            "demo",
            Some("Wer z\u{e4}hlt, gewinnt: Z\u{e4}hler"),
            "",
            &[],
        )
        .expect("a title");
    }
}
