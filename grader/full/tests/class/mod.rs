//! A class that is made up: correct, wrong, broken, hostile, missing and late submissions, and
//! teams.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use faultline_grade::{Mutant, mutants};

/// What a student of the class has handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    Reference,
    Variant,
    /// A clone with the crate in the folder of the lab, of which a later commit does not build.
    Wrong,
    Starter,
    Broken,
    Hostile,
    Missing,
    /// A repository with a correct commit before the deadline, and a broken one after it.
    Late,
    /// The same with a deadline of their own, which the last commit keeps: it is the reference.
    Extended,
    /// Two students with one submission, which is the reference.
    Team,
}

use Sort::{Broken, Extended, Hostile, Late, Missing, Reference, Starter, Team, Variant, Wrong};

/// What comes after the deadline.
pub const DEADLINE: &str = "2026-03-01T12:00:00Z";

/// Until when who has an extension may hand in.
const EXTENDED: &str = "2026-03-02T12:00:00Z";

/// Names as nobody has them, in turn with plain ones: they may steer no table, page or terminal.
const NAMES: [&str; 6] = [
    "=1+1",
    "::error::A Name",
    "<img src=x onerror=alert(1)>",
    "Zo\u{eb}, Anna \"A|B\" @everyone",
    "\u{202e}emaN",
    "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh the Second of University Place",
];

/// In turn, so that a class of any size has nearly all of them.
const TURN: [Sort; 13] = [
    Reference, Wrong, Broken, Hostile, Missing, Team, Starter, Late, Extended, Variant, Wrong,
    Wrong, Reference,
];

/// A class on the disk.
pub struct Class {
    /// The folder to import.
    pub folder: PathBuf,
    /// Each account with what it handed in.
    pub students: Vec<(String, Sort)>,
}

/// Makes a class of this size in `into`, as GitHub Classroom lays it out.
pub fn make(root: &Path, lab: &str, size: usize, into: &Path) -> Class {
    let folder = into.join(format!("{lab}-submissions"));
    fs::create_dir_all(&folder).expect("a new folder");
    let wrong = mutants(root, lab, &[]).expect("the wrong solutions can be read");
    let mut students = Vec::new();
    let mut roster = "identifier,github_username,github_id,name\n".to_owned();
    let mut teams = "team,login\n".to_owned();
    let mut extensions = "login,deadline\n".to_owned();
    let mut number = 0;
    while students.len() < size {
        let sort = TURN[number % TURN.len()];
        let login = format!("student-{number:03}");
        let of_team = if sort == Team {
            vec![format!("{login}-a"), format!("{login}-b")]
        } else {
            vec![login.clone()]
        };
        for member in &of_team {
            let name = match number % 2 {
                0 => format!("Student {number}"),
                _ => NAMES[number / 2 % NAMES.len()].replace('"', "\"\""),
            };
            roster += &format!("{member}@university.example,{member},{number},\"{name}\"\n");
            students.push((member.clone(), sort));
        }
        let name = if sort == Team {
            format!("team-{number:03}")
        } else {
            login
        };
        if sort == Extended {
            extensions += &format!("{name},{EXTENDED}\n");
        }
        if sort == Team {
            of_team
                .iter()
                .for_each(|member| teams += &format!("{name},{member}\n"));
        }
        if sort != Missing {
            let own = folder.join(format!("{lab}-{name}"));
            let own_crate = match sort {
                Wrong => own.join("starter").join(lab),
                _ => own.clone(),
            };
            hand_in(root, lab, sort, &wrong[number % wrong.len()], &own_crate);
            // Equal programs of different students are different submissions.
            append(&own_crate.join("src/lib.rs"), &format!("\n// {name}\n"));
            if matches!(sort, Late | Extended | Wrong) {
                commit_before_and_after_the_deadline(&own, &own_crate, sort);
            }
        }
        number += 1;
    }
    fs::write(into.join("classroom_roster.csv"), roster).expect("a new file");
    fs::write(into.join("teams.csv"), teams).expect("a new file");
    fs::write(into.join("extensions.csv"), extensions).expect("a new file");
    Class { folder, students }
}

fn hand_in(root: &Path, lab: &str, sort: Sort, wrong: &Mutant, own: &Path) {
    let from = |folder: &str| root.join(folder);
    match sort {
        Starter => copy(&from(&format!("starter/{lab}")), own),
        Variant => copy(&from(&format!("solutions/{lab}-variant")), own),
        Wrong => copy(wrong.apply().expect("the patch applies").path(), own),
        Reference | Broken | Hostile | Late | Extended | Team | Missing => {
            copy(&from(&format!("solutions/{lab}")), own)
        }
    }
    match sort {
        Broken => append(&own.join("src/lib.rs"), "fn broken() -> u8 { \"text\" }\n"),
        Hostile => append(
            &own.join("src/lib.rs"),
            "pub const SECRET: &str = include_str!(\"/etc/hostname\");\n",
        ),
        _ => {}
    }
}

/// Only the commit that counts is worth anything.
fn commit_before_and_after_the_deadline(own: &Path, own_crate: &Path, sort: Sort) {
    const BROKEN: &str = "fn broken() -> u8 { \"text\" }\n";
    let library = own_crate.join("src/lib.rs");
    let correct = fs::read_to_string(&library).expect("a source file");
    let broken = format!("{correct}{BROKEN}");
    let (first, second) = match sort {
        Extended => (broken, correct),
        _ => (correct, broken),
    };
    fs::write(&library, first).expect("it can be written");
    git(own, &["init", "-q", "-b", "main"], "");
    git(own, &["add", "."], "");
    git(
        own,
        &["commit", "-q", "-m", "in time"],
        "2026-03-01T11:00:00Z",
    );
    fs::write(&library, second).expect("it can be written");
    git(
        own,
        &["commit", "-q", "-a", "-m", "late"],
        "2026-03-01T13:00:00Z",
    );
}

/// The same whatever this machine's user has set.
fn git(folder: &Path, arguments: &[&str], date: &str) {
    let mut command = Command::new("git");
    command.current_dir(folder).args([
        "-c",
        "user.name=s",
        "-c",
        "user.email=s@x",
        "-c",
        "commit.gpgsign=false",
    ]);
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    command
        .env("GIT_AUTHOR_DATE", date)
        .env("GIT_COMMITTER_DATE", date);
    assert!(
        command
            .args(arguments)
            .status()
            .expect("git is there")
            .success(),
        "git {arguments:?}"
    );
}

fn append(file: &Path, text: &str) {
    let old = fs::read_to_string(file).expect("a source file");
    fs::write(file, old + text).expect("it can be written");
}

/// The manifest and the sources.
fn copy(from: &Path, own: &Path) {
    fs::create_dir_all(own.join("src")).expect("a new folder");
    fs::copy(from.join("Cargo.toml"), own.join("Cargo.toml")).expect("the manifest is there");
    for entry in fs::read_dir(from.join("src")).expect("there are sources") {
        let path = entry.expect("an entry").path();
        fs::copy(
            &path,
            own.join("src")
                .join(path.file_name().expect("it has a name")),
        )
        .expect("a source file");
    }
}
