//! The hostile corpus has its form, can be written out as submissions, and is graded. Of each sort
//! one fixture is graded always, all others with `--ignored`, as `.ci/run` does in a stage of its
//! own.
#![cfg(unix)] // Its links and pipes are those of Unix.

mod corpus;
mod make;
mod run;

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use corpus::{
    Fixture, Kind, NEIGHBOUR, NEIGHBOUR_MARK, Verdict, few, folder, others, read_all, write_all,
};

/// What every kind must have at least.
const OF_EACH_KIND: usize = 6;

#[test]
fn the_corpus_has_at_least_fifty_fixtures_and_several_of_each_kind() {
    let mut count: BTreeMap<Kind, usize> = BTreeMap::new();
    for fixture in read_all() {
        *count.entry(fixture.kind).or_default() += 1;
    }
    assert!(count.values().sum::<usize>() >= 50, "{count:?}");
    for kind in Kind::ALL {
        assert!(
            count.get(&kind).copied().unwrap_or_default() >= OF_EACH_KIND,
            "{kind:?}: {count:?}"
        );
    }
}

#[test]
fn every_fixture_says_what_it_tries_and_what_it_deserves() {
    for Fixture {
        name,
        about,
        verdict,
        points_at_most,
        points_at_least,
        says,
        never,
        make,
        ..
    } in read_all()
    {
        assert!(
            about.len() >= 20 && about.ends_with('.') && !about.contains('\n'),
            "{name}: `about` is a sentence"
        );
        let scored = verdict == Verdict::Graded;
        assert!(
            scored || *[points_at_most, points_at_least].iter().max().expect("two") == 0,
            "{name}: no score, no points"
        );
        assert!(
            points_at_least <= points_at_most && points_at_most <= 100,
            "{name}: points"
        );
        assert!(
            says.iter().chain(&never).all(|text| !text.is_empty()),
            "{name}: an empty text says nothing"
        );
        assert!(
            !make.is_empty() || folder().join(&name).join("files").is_dir(),
            "{name}: it is the reference itself"
        );
    }
}

#[test]
fn every_attack_on_reports_names_what_must_not_get_through() {
    for fixture in read_all() {
        let banned = fixture
            .never_in
            .values()
            .flatten()
            .chain(&fixture.never)
            .chain(&fixture.never_begins);
        let count = banned
            .inspect(|text| {
                assert!(
                    !text.is_empty(),
                    "{}: bans what is everywhere",
                    fixture.name
                )
            })
            .count();
        assert!(
            fixture.kind != Kind::Reports || count > 0,
            "{}: nothing is banned",
            fixture.name
        );
    }
}

/// No fixture is in neither class; only the neighbour, whose sources are to be read, is in both.
#[test]
fn every_fixture_is_graded_in_one_of_the_two_classes() {
    let (few, others) = (few(), others());
    assert!(few.len() < others.len());
    for Fixture { name, .. } in read_all() {
        let all = few.iter().chain(&others);
        let times = all.filter(|fixture| fixture.name == name).count();
        assert_eq!(times, 1 + usize::from(name == NEIGHBOUR), "{name}");
    }
    let has = |kind: Kind| few.iter().any(|fixture| fixture.kind == kind);
    assert!(Kind::ALL.into_iter().all(has));
}

/// With `FAULTLINE_HOSTILE=DIR` they stay there, to be looked at and tried by hand.
#[test]
fn every_fixture_can_be_written_as_a_submission() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let kept = std::env::var_os("FAULTLINE_HOSTILE").map(PathBuf::from);
    let into = kept.unwrap_or_else(|| scratch.path().to_owned());
    let canary = into.join("canary.txt");
    fs::create_dir_all(&into).expect("a new folder");
    fs::write(&canary, "canary of this machine").expect("a new file");
    let fixtures = write_all(read_all(), &into, &canary);
    let mut marked = 0;
    for fixture in &fixtures {
        assert!(
            fixture.submission.exists(),
            "{}: {}",
            fixture.name,
            fixture.submission.display()
        );
        if fixture.submission.is_dir() {
            assert!(
                fs::symlink_metadata(fixture.submission.join("Cargo.toml")).is_ok(),
                "{}",
                fixture.name
            );
            let library = fixture.submission.join("src/lib.rs");
            let own = fs::symlink_metadata(&library).is_ok_and(|found| found.is_file());
            let own = own
                && !fs::symlink_metadata(fixture.submission.join("src"))
                    .expect("it is there")
                    .is_symlink();
            marked += usize::from(
                own && fs::read_to_string(library).is_ok_and(|text| text.contains(NEIGHBOUR_MARK)),
            );
        }
    }
    assert_eq!(
        marked, 1,
        "the mark stands in one submission's `src/lib.rs`"
    );
}

/// The packages of the workspace are named one by one, so that a fixture's manifest is none of
/// cargo's business.
#[test]
fn no_fixture_is_a_package_of_the_workspace() {
    let mut command =
        std::process::Command::new(std::env::var_os("CARGO").expect("cargo runs the tests"));
    let output = command
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .expect("cargo runs");
    let metadata = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(
        metadata.contains("grader/cli/Cargo.toml"),
        "cargo knows this package: {metadata}"
    );
    assert!(!metadata.contains("fixtures/hostile"), "{metadata}");
}

/// `UPDATE_HOSTILE=1` writes the table anew.
#[test]
fn the_readme_lists_every_fixture() {
    const MARK: &str = "<!-- made from the files expected.toml; do not edit below -->\n";
    let file = folder().join("README.md");
    let text = fs::read_to_string(&file).expect("the corpus has a README");
    let (written, table) = text
        .split_once(MARK)
        .expect("the README has the mark above its table");
    let expected = table_of(&read_all());
    if std::env::var_os("UPDATE_HOSTILE").is_some() {
        fs::write(&file, format!("{written}{MARK}{expected}")).expect("the README can be written");
        return;
    }
    assert!(
        table == expected,
        "the table is old; `UPDATE_HOSTILE=1 cargo test --test hostile readme` \
         renews it"
    );
}

fn table_of(fixtures: &[Fixture]) -> String {
    let mut table = String::new();
    for kind in Kind::ALL {
        let _ = write!(
            table,
            "\n## {}\n\n| name | what it tries | verdict |\n|---|---|---|\n",
            kind.title()
        );
        for fixture in fixtures.iter().filter(|fixture| fixture.kind == kind) {
            let (least, most) = (fixture.points_at_least, fixture.points_at_most);
            let verdict = match fixture.verdict {
                Verdict::Graded if least == most => format!("graded, {most} points"),
                Verdict::Graded => format!("graded, {least} to {most} points"),
                Verdict::DoesNotBuild => "does not build".to_owned(),
                Verdict::Rejected => "rejected".to_owned(),
                Verdict::NotScored => "not scored".to_owned(),
            };
            let _ = writeln!(
                table,
                "| {} | {} | {verdict} |",
                fixture.name,
                fixture.about.replace('|', "\\|")
            );
        }
    }
    table
}
