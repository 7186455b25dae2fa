//! The tutorial of lab 0, carried out word by word on a copy of the starter: its edits (blocks
//! marked `diff`), its commands (`sh`) and what they print (the `text` block that follows), at 80
//! columns. What differs from run to run (times, fingerprints) is not compared.
//!
//! `UPDATE_TUTORIAL=1 cargo test -p faultline --test tutorial` writes what is printed into the
//! handout.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

const HANDOUT: &str = "labs/lab0-warm-up/README.md";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the project is above")
        .to_owned()
}

/// A fenced block of the handout.
struct Block {
    kind: String,
    /// The line numbers of its content, from 0.
    from: usize,
    to: usize,
}

fn blocks(lines: &[&str]) -> Vec<Block> {
    let fences: Vec<usize> = (0..lines.len())
        .filter(|index| lines[*index].starts_with("```"))
        .collect();
    assert!(
        fences.len().is_multiple_of(2),
        "every block of the handout is closed"
    );
    let block = |pair: &[usize]| Block {
        kind: lines[pair[0]][3..].to_owned(),
        from: pair[0] + 1,
        to: pair[1],
    };
    fences.chunks(2).map(block).collect()
}

/// A student's copy of the starter.
struct Copy {
    folder: TempDir,
}

impl Copy {
    fn new() -> Copy {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let starter = root().join("starter/lab0");
        fs::create_dir(folder.path().join("src")).expect("a new folder");
        fs::copy(starter.join("Cargo.toml"), folder.path().join("Cargo.toml"))
            .expect("the manifest is there");
        for entry in fs::read_dir(starter.join("src")).expect("the starter is there") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a file has a name");
            fs::copy(&path, folder.path().join("src").join(name)).expect("a source file");
        }
        Copy { folder }
    }

    /// Does what a `diff` block says: context and `-` lines stand in the file, and become context
    /// and `+` lines.
    fn edit(&self, diff: &[&str]) {
        let side = |without: char| -> String {
            let kept = diff.iter().filter(|line| !line.starts_with(without));
            kept.map(|line| format!("{}\n", line.get(1..).unwrap_or_default()))
                .collect()
        };
        let (old, new) = (side('+'), side('-'));
        let file = self.folder.path().join("src/pingpong.rs");
        let text = fs::read_to_string(&file).expect("the copy has this file");
        assert_eq!(
            text.matches(&old).count(),
            1,
            "in {HANDOUT}, this is not one place of pingpong.rs:\n{old}"
        );
        fs::write(&file, text.replace(&old, &new)).expect("the copy can be written");
    }

    /// What a command prints, as if the copy were the starter of the project.
    fn run(&self, command: &str) -> String {
        let traces = self.folder.path().join("traces");
        let (copy, traces) = (path_text(self.folder.path()), path_text(&traces));
        let arguments = command
            .strip_prefix("cargo grade ")
            .unwrap_or_else(|| panic!("{command} is not cargo grade"));
        let arguments = arguments.replace("target/grade/lab0", traces);
        let mut run = Command::new(env!("CARGO_BIN_EXE_faultline"));
        run.args(arguments.split(' '))
            .args(["--path", copy, "--color", "never"]);
        if !arguments.starts_with("replay") {
            run.args(["--traces", traces]);
        }
        run.env("CARGO_MANIFEST_DIR", root().join("grader/course"))
            .env("COLUMNS", "80")
            .current_dir(root());
        let output = run.output().expect("the grader runs");
        assert!(
            output.stderr.is_empty(),
            "{command}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).expect("the grader writes UTF-8");
        text.replace(traces, "target/grade/lab0")
            .replace(copy, "starter/lab0")
    }
}

fn path_text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// A line without the time that something took and without a fingerprint.
fn masked(line: &str) -> String {
    let line = line.split(", fingerprint ").next().unwrap_or_default();
    let words: Vec<&str> = line.split(' ').collect();
    let is_time = |index: usize| {
        index > 0
            && words[index - 1] == "in"
            && words.get(index + 1) == Some(&"s")
            && words[index].contains('.')
    };
    (0..words.len())
        .map(|index| if is_time(index) { "?" } else { words[index] })
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn the_tutorial_prints_what_it_says() {
    let path = root().join(HANDOUT);
    let text = fs::read_to_string(&path).expect("the handout is there");
    let lines: Vec<&str> = text.lines().collect();
    let section = |name: &str| {
        lines
            .iter()
            .position(|line| line.starts_with(name))
            .expect("the handout has this part")
    };
    let (begin, end) = (section("## Part A"), section("## Part B"));
    let all = blocks(&lines);
    let tutorial: Vec<&Block> = all
        .iter()
        .filter(|block| begin < block.from && block.to < end)
        .collect();
    let copy = Copy::new();
    let (mut command, mut steps, mut renewed) = (None, 0, Vec::new());
    for block in &tutorial {
        let content = &lines[block.from..block.to];
        match block.kind.as_str() {
            "diff" => copy.edit(content),
            "sh" => command = Some(content.join("\n")),
            "text" => {
                let command = command.take().expect("what is printed follows a command");
                let printed = copy.run(&command);
                steps += 1;
                let (said, seen): (Vec<String>, Vec<String>) = (
                    content.iter().copied().map(masked).collect(),
                    printed.trim_end().lines().map(masked).collect(),
                );
                if said != seen && std::env::var_os("UPDATE_TUTORIAL").is_some() {
                    renewed.push((block, printed));
                    continue;
                }
                assert_eq!(
                    said.join("\n"),
                    seen.join("\n"),
                    "step {steps} of the tutorial, `{command}`, prints something else than \
                     {HANDOUT} says; \
                     UPDATE_TUTORIAL=1 renews it"
                );
            }
            other => panic!("the tutorial has a block marked {other:?}"),
        }
    }
    assert!(steps >= 5, "the tutorial has {steps} steps");
    let starter = fs::read_to_string(root().join("starter/lab0/src/pingpong.rs"))
        .expect("the starter is there");
    let mended = fs::read_to_string(copy.folder.path().join("src/pingpong.rs"))
        .expect("the copy has this file");
    assert_eq!(mended, starter, "at the end all is mended");
    if !renewed.is_empty() {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        for (block, printed) in renewed.into_iter().rev() {
            lines.splice(
                block.from..block.to,
                printed.trim_end().lines().map(str::to_owned),
            );
        }
        fs::write(&path, lines.join("\n") + "\n").expect("the handout can be written");
    }
}
