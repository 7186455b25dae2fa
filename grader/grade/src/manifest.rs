//! What a submission's `Cargo.toml` asks for and does not get.
//!
//! A submission is compiled by calls of rustc that are the same for everybody, so its manifest has
//! no effect. Who wants another crate, edition or feature learns it here, in a line for each kind
//! of wish. What the manifests of starters say is no wish.

use faultline_host::{Staged, build::EDITION, stage::LeftOut};
use faultline_labtest::Suite;
use toml::{Table, Value};

/// How many names of one kind are told.
const MAX_NAMES: usize = 6;

/// How much of a name is told.
const MAX_NAME: usize = 40;

/// What of serde is on anyway.
const FEATURES_OF_SERDE: [&str; 4] = ["alloc", "default", "derive", "std"];

/// The submission with what its manifest asks for in vain among what was left out.
pub fn with_wishes(submission: Staged, suite: &Suite) -> Staged {
    let wishes = submission
        .manifest()
        .map_or_else(Vec::new, |text| wishes(text, suite.lab, suite.api_package));
    submission.and_left_out(wishes.into_iter().map(|why| LeftOut {
        path: "Cargo.toml".to_owned(),
        why: why.into(),
    }))
}

fn wishes(text: &str, lab: &str, api: &str) -> Vec<String> {
    let table: Table = match text.parse() {
        Ok(table) => table,
        Err(error) => return vec![no_toml(text, &error)],
    };
    let manifest = Manifest {
        table: &table,
        given: ["labkit", api, "serde"],
    };
    let mut wishes = Vec::new();
    wishes.extend(manifest.name(lab));
    wishes.extend(manifest.edition());
    manifest.dependencies(&mut wishes);
    manifest.other_than_given(&mut wishes);
    wishes.extend(manifest.features());
    wishes.extend(manifest.library());
    wishes.extend(manifest.kind_of_crate());
    wishes.extend(manifest.build_script());
    manifest.sections(&mut wishes);
    wishes
}

fn no_toml(text: &str, error: &toml::de::Error) -> String {
    let place = error.span().and_then(|span| text.get(..span.start));
    let line = place.map_or_else(String::new, |before| {
        format!(" (line {})", before.matches('\n').count() + 1)
    });
    format!("it is not valid TOML{line}, so nobody knows what it asks for")
}

struct Manifest<'a> {
    table: &'a Table,
    /// The packages that submissions are linked with.
    given: [&'a str; 3],
}

impl<'a> Manifest<'a> {
    fn section(&self, name: &str) -> Option<&'a Table> {
        self.table.get(name)?.as_table()
    }

    fn package(&self, key: &str) -> Option<&'a Value> {
        self.section("package")?.get(key)
    }

    fn name(&self, lab: &str) -> Option<String> {
        let of_library = self.section("lib").and_then(|library| library.get("name"));
        let name = of_library.or(self.package("name"))?.as_str()?;
        let plain = |name: &str| name.replace('-', "_");
        let lab = plain(lab);
        // What the course's own crates are called.
        let known = ["", "_solution", "_variant", "_third"].map(|end| format!("{lab}{end}"));
        (!known.contains(&plain(name))).then(|| {
            let name = shown(name);
            format!("it calls the crate {name}, but it is compiled as `{lab}`")
        })
    }

    fn edition(&self) -> Option<String> {
        self.section("package")?;
        let asked = match self.package("edition") {
            // Cargo's own default.
            None => "2015",
            Some(edition) => edition.as_str()?,
        };
        (asked != EDITION).then(|| {
            let asked = shown(asked);
            format!("it asks for the edition {asked}, but submissions are compiled with {EDITION}")
        })
    }

    /// The dependencies, also those for one target only, as names and what is asked of them.
    /// (Those for tests are for nobody else: a student's own tests are not graded.)
    fn asked(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        let targets = self.section("target").into_iter().flat_map(Table::values);
        let tables = targets.filter_map(|target| target.get("dependencies")?.as_table());
        let tables = self.section("dependencies").into_iter().chain(tables);
        tables.flatten()
    }

    fn dependencies(&self, wishes: &mut Vec<String>) {
        let given = list(self.given.map(str::to_owned).to_vec());
        let (mut foreign, mut renamed, mut features) = (Vec::new(), Vec::new(), Vec::new());
        for (key, asked) in self.asked() {
            let package = asked.get("package").and_then(Value::as_str).unwrap_or(key);
            if !self.given.contains(&package) {
                let version = asked
                    .as_str()
                    .or(asked.get("version").and_then(Value::as_str));
                let version =
                    version.map_or_else(String::new, |version| format!(" {}", plain(version)));
                foreign.push(format!("{}{version}", shown(package)));
                continue;
            }
            if package != key {
                renamed.push(format!("{package} {}", shown(key)));
            }
            let asked = asked.get("features").and_then(Value::as_array);
            let asked = asked.into_iter().flatten().filter_map(Value::as_str);
            let on = |feature: &&str| package == "serde" && FEATURES_OF_SERDE.contains(feature);
            features.extend(
                asked
                    .filter(|feature| !on(feature))
                    .map(|feature| format!("{} of {package}", shown(feature))),
            );
        }
        let crates = plural(&foreign, "crate");
        for (what, names, instead) in [
            (
                format!("it asks for the {crates}"),
                foreign,
                format!("submissions are linked with {given} only"),
            ),
            (
                "it calls".to_owned(),
                renamed,
                "in submissions it has its own name".to_owned(),
            ),
            (
                format!("it asks for the {}", plural(&features, "feature")),
                features,
                "submissions get serde with `derive` and nothing else".to_owned(),
            ),
        ] {
            if !names.is_empty() {
                wishes.push(format!("{what} {}, but {instead}", list(names)));
            }
        }
    }

    /// A given crate of which another version, another source or less than its usual features is
    /// asked for. (Whether the course's own crates are found by path or by workspace is the same.)
    fn other_than_given(&self, wishes: &mut Vec<String>) {
        for (key, asked) in self.asked() {
            let package = asked.get("package").and_then(Value::as_str).unwrap_or(key);
            if !self.given.contains(&package) {
                continue;
            }
            let version = asked
                .as_str()
                .or(asked.get("version").and_then(Value::as_str));
            if let Some(version) = version.filter(|version| !fits(package, version)) {
                wishes.push(format!(
                    "it asks for {package} {}, but submissions are linked with the course's \
                     version",
                    plain(version)
                ));
            }
            let path = asked.get("path").and_then(Value::as_str);
            let of_course = |path: &str| package != "serde" && path.contains("labs/");
            let elsewhere = ["git", "registry"]
                .into_iter()
                .find(|from| asked.get(*from).is_some())
                .or(path.is_some_and(|path| !of_course(path)).then_some("path"));
            if let Some(from) = elsewhere {
                wishes.push(format!(
                    "it takes {package} from elsewhere (`{from}`), but submissions are linked with \
                     the course's"
                ));
            }
            let spelled = ["default-features", "default_features"];
            let without = spelled
                .iter()
                .any(|key| asked.get(*key).and_then(Value::as_bool) == Some(false));
            if without {
                wishes.push(format!(
                    "it turns the default features of {package} off, but submissions get them"
                ));
            }
        }
    }

    fn features(&self) -> Option<String> {
        let names: Vec<String> = self
            .section("features")?
            .keys()
            .map(|key| shown(key))
            .collect();
        let features = plural(&names, "feature");
        (!names.is_empty()).then(|| {
            let names = list(names);
            format!("it has the {features} {names}, but submissions are compiled without any")
        })
    }

    fn kind_of_crate(&self) -> Option<String> {
        let library = self.section("lib")?;
        let usual = |kind: &Value| matches!(kind.as_str(), Some("lib" | "rlib"));
        let kinds = ["crate-type", "crate_type"]
            .iter()
            .find_map(|key| library.get(*key));
        let kinds = kinds.and_then(Value::as_array);
        let other = kinds.is_some_and(|kinds| !kinds.iter().all(usual));
        let of_macros = ["proc-macro", "proc_macro"]
            .iter()
            .any(|key| library.get(*key).and_then(Value::as_bool) == Some(true));
        (other || of_macros).then(|| {
            "it asks for another kind of crate, but submissions are compiled as a plain library"
                .to_owned()
        })
    }

    fn library(&self) -> Option<String> {
        let path = self.section("lib")?.get("path")?.as_str()?;
        let same = path.trim_start_matches("./") == "src/lib.rs";
        (!same).then(|| {
            let path = shown(path);
            format!("it begins the crate in {path}, but submissions begin in `src/lib.rs`")
        })
    }

    fn build_script(&self) -> Option<String> {
        let script = self.package("build")?;
        let asked = script.as_bool() != Some(false);
        asked.then(|| "it has a build script, but none is run".to_owned())
    }

    fn sections(&self, wishes: &mut Vec<String>) {
        let own_lints = |lints: &Value| lints.get("workspace").is_none();
        let is_there = |_: &Value| true;
        let is_filled = |section: &Value| section.as_table().is_some_and(|keys| !keys.is_empty());
        let sections: [(&str, Counts, &str); 10] = [
            ("build-dependencies", is_filled, "no build script is run"),
            (
                "profile",
                is_filled,
                "submissions are compiled with one profile",
            ),
            (
                "patch",
                is_filled,
                "submissions are linked with what the course has",
            ),
            (
                "replace",
                is_filled,
                "submissions are linked with what the course has",
            ),
            (
                "lints",
                own_lints,
                "submissions are compiled with rustc's own lints",
            ),
            (
                "workspace",
                is_filled,
                "one crate is graded, and no workspace",
            ),
            ("bin", is_there, "only the library is graded"),
            ("example", is_there, "only the library is graded"),
            ("test", is_there, "only the library is graded"),
            ("bench", is_there, "only the library is graded"),
        ];
        for (name, counts, instead) in sections {
            if let Some(section) = self.table.get(name).filter(|section| counts(section)) {
                let name = if section.is_array() {
                    format!("[[{name}]]")
                } else {
                    format!("[{name}]")
                };
                wishes.push(format!("it has a section `{name}`, but {instead}"));
            }
        }
    }
}

/// Whether what the course links is of this version. Its own crates have one version only; of serde
/// each 1.x is as good as another, as far as a submission can tell.
fn fits(package: &str, version: &str) -> bool {
    let numbers = version.trim_start_matches(['^', '~', '=', '>', ' ']);
    let own = package != "serde";
    version == "*" || own || numbers == "1" || numbers.starts_with("1.")
}

/// Whether a section of the manifest asks for something.
type Counts = fn(&Value) -> bool;

fn plural(names: &[String], what: &str) -> String {
    format!("{what}{}", if names.len() == 1 { "" } else { "s" })
}

/// `a`, `a and b`, `a, b and c`.
fn list(mut names: Vec<String>) -> String {
    if let Some(more @ 2..) = names.len().checked_sub(MAX_NAMES) {
        names.truncate(MAX_NAMES);
        names.push(format!("{more} more"));
    }
    let last = names.pop().unwrap_or_default();
    if names.is_empty() {
        return last;
    }
    format!("{} and {last}", names.join(", "))
}

/// A name as it stands in a sentence: somebody else wrote it.
fn shown(name: &str) -> String {
    format!("`{}`", plain(name))
}

fn plain(name: &str) -> String {
    let end = name.char_indices().nth(MAX_NAME).map(|(end, _)| end);
    let cut = end.map_or(name, |end| &name[..end]);
    let dots = if end.is_some() { "..." } else { "" };
    format!("{}{dots}", cut.escape_debug())
}

#[cfg(test)]
mod tests;
