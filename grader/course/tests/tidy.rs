//! The sources are tidy: lines of at most 100 columns, files of at most 600 lines, functions of at
//! most 70, nothing unfinished outside the starters; and a lab is in its own folders but for a few
//! lines.

use std::path::{Path, PathBuf};

const COLUMNS: usize = 100;
const LINES_OF_A_FILE: usize = 600;
const LINES_OF_A_FUNCTION: usize = 70;

/// What is nobody's to lay out: made by programs, or the very thing that is being tried.
const NOT_OURS: [&str; 6] = [
    "target",
    "node_modules",
    ".git",
    "mutants",
    "snapshots",
    "files",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the project is above")
        .to_owned()
}

/// Every file of the project, with its path in the project.
fn all() -> Vec<(String, PathBuf)> {
    fn visit(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder of the project") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy();
            match path.is_dir() {
                true if NOT_OURS.contains(&&*name) => {}
                true => visit(&path, found),
                false => found.push(path),
            }
        }
    }
    let mut found = Vec::new();
    visit(&root(), &mut found);
    let inside = |path: PathBuf| {
        let inside = path.strip_prefix(root()).expect("it is in the project");
        (inside.to_string_lossy().replace('\\', "/"), path)
    };
    found.into_iter().map(inside).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a text of the project")
}

fn has_end(name: &str, ends: &[&str]) -> bool {
    ends.iter().any(|end| name.ends_with(end))
}

#[test]
fn lines_fit() {
    let mut offences = Vec::new();
    for (name, path) in all() {
        let of_scripts = name.starts_with(".ci/") || name.starts_with(".github/");
        if !of_scripts && !has_end(&name, &[".rs", ".md", ".toml", ".yaml", ".sh"])
            || name == "Cargo.lock"
            // What is tried there is a text of any shape.
            || name.starts_with("grader/fixtures/hostile/")
        {
            continue;
        }
        for (index, line) in read(&path).lines().enumerate() {
            // A row of a table, a link and the name of a table cannot be broken; what a workflow
            // says to people is a line of its log.
            let said = name.ends_with(".yml") && !line.trim_start().starts_with('#');
            let free = line.starts_with(['|', '[']) || line.contains("://") || said;
            if line.chars().count() > COLUMNS && !free {
                offences.push(format!("{name}:{}: more than {COLUMNS} columns", index + 1));
            }
        }
    }
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn files_and_functions_are_short() {
    let mut offences = Vec::new();
    for (name, path) in all().into_iter().filter(|(name, _)| name.ends_with(".rs")) {
        let text = read(&path);
        let lines: Vec<&str> = text.lines().collect();
        // A reference's file is what a student fills in: in one piece, whatever its length.
        let in_one_piece = name.starts_with("solutions/");
        if lines.len() > LINES_OF_A_FILE && !in_one_piece {
            offences.push(format!("{name}: {} lines", lines.len()));
        }
        for (function, at, long) in functions(&lines) {
            if long > LINES_OF_A_FUNCTION {
                offences.push(format!("{name}:{at}: {function} has {long} lines"));
            }
        }
        // A starter has what is still to be written.
        let may_wait = name.starts_with("starter/") || name.contains("/fixtures/");
        for word in ["unimplemented!(", "dbg!("] {
            if !may_wait && lines.iter().any(|line| line.trim_start().starts_with(word)) {
                offences.push(format!("{name}: {word}"));
            }
        }
    }
    assert!(offences.is_empty(), "{offences:#?}");
}

/// The functions of a formatted source: name, first line, and how many lines each has.
fn functions(lines: &[&str]) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let text = line.trim_start();
        let indent = &line[..line.len() - text.len()];
        let Some(name) = function_name(text) else {
            continue;
        };
        // One without a body, or on a line of its own, is no matter.
        if text.ends_with(';') || text.ends_with('}') {
            continue;
        }
        // The end of a signature without a body, or of the body.
        let bodiless = format!("{indent})");
        let mut rest = lines[index + 1..].iter();
        let ends = rest.find(|line| line.starts_with(&bodiless));
        if text.ends_with('(') && ends.is_some_and(|line| line.ends_with(';')) {
            continue;
        }
        let end = format!("{indent}}}");
        if let Some(more) = lines[index..].iter().position(|line| *line == end) {
            found.push((name.to_owned(), index + 1, more + 1));
        }
    }
    found
}

/// The name, if a function begins in this line.
fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let words = ["pub", "const", "async", "default", ""];
    let is_word = |word: &str| words.contains(&word) || word.starts_with("pub(");
    if !before.split(' ').all(is_word) {
        return None;
    }
    after.split(['(', '<']).next()
}

#[test]
fn functions_are_found() {
    let text = "impl X {\n    pub(super) fn one<'a>(\n        x: u32,\n    ) -> u32 {\n\
                        x\n    }\n\n    fn none(&self);\n\n    fn declared(\n        x: u32,\n\
                    );\n}\n\n// a fn in words\nconst fn two() {\n}\n";
    let lines: Vec<&str> = text.lines().collect();
    let expected = [("one".to_owned(), 2, 5), ("two".to_owned(), 16, 2)];
    assert_eq!(functions(&lines), expected);
}

/// The last lab of the course is nobody's example, so whatever names it outside of its own folders
/// had to be touched to add it.
#[test]
fn a_lab_is_in_its_own_folders() {
    let suites = faultline::suites();
    // One of ours: a teacher's may be called by a word that sources are full of, such as `queue`.
    let ours = suites.iter().rfind(|suite| suite.lab.starts_with("lab"));
    let lab = ours.expect("there are labs").lab;
    let own = [
        format!("labs/{lab}-"),
        format!("starter/{lab}/"),
        format!("solutions/{lab}/"),
        format!("solutions/{lab}-variant/"),
        format!("solutions/{lab}-third/"),
        format!("grader/suites/{lab}/"),
        format!("rubrics/{lab}.toml"),
    ];
    let mut lines = Vec::new();
    for (name, path) in all() {
        // Cargo writes the lock; texts and tests may speak of a lab, but need not.
        let counts = has_end(&name, &[".rs", ".toml", ".yml", "README.md"])
            || name.starts_with(".ci/")
            || name.starts_with(".github/");
        // What tests are fed speaks of labs, too.
        let talk = ["/tests", "/examples/", "/fixtures/"]
            .iter()
            .any(|folder| name.contains(folder));
        if !counts || talk || own.iter().any(|folder| name.starts_with(folder)) {
            continue;
        }
        let text = read(&path);
        let code = text
            .lines()
            .take_while(|line| *line != "#[cfg(test)]")
            .filter(|line| !line.trim_start().starts_with("//"));
        for line in code.filter(|line| line.contains(lab)) {
            lines.push(format!("{name}: {line}"));
        }
    }
    assert_eq!(
        lines.len(),
        4,
        "{lab} is named outside its folders: {lines:#?}"
    );
}
