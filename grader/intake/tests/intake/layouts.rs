//! Whose is what, in every layout.

use std::fs;

use crate::class::{Class, has_note, import, moment, noon, only};
use faultline_intake::{Batch, Imported, Layout, TimeSource};

/// For each student of the roster the path of the submission.
fn matched(imported: &Imported) -> Vec<(String, Option<String>)> {
    let batch = &imported.batch;
    let path = |id: &String| {
        batch
            .submissions
            .iter()
            .find(|submission| submission.id == *id)
            .map(|found| found.path.clone())
    };
    batch
        .students
        .iter()
        .map(|student| {
            (
                student.identifier.clone(),
                student.submission.as_ref().and_then(path),
            )
        })
        .collect()
}

fn pairs(expected: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
    expected
        .iter()
        .map(|(who, path)| ((*who).to_owned(), path.map(str::to_owned)))
        .collect()
}

fn unmatched(imported: &Imported) -> Vec<&str> {
    imported
        .batch
        .unmatched
        .iter()
        .map(|unmatched| unmatched.path.as_str())
        .collect()
}

fn finds(imported: &Imported, text: &str) -> bool {
    imported
        .findings
        .iter()
        .any(|finding| finding.text.contains(text))
}

#[test]
fn clones_of_classroom_are_matched_without_case_and_with_hyphens() {
    let class = Class::new();
    let roster = "identifier,github_username,github_id,name\n1,Ann-Lee,1,Ann\n2,lee,2,\
     Lee\n3,bob,3,Bob\n4,,,Eve\n";
    class.write("d/lab2-submissions/readme.md", "");
    class.write("d/classroom_roster.csv", roster);
    for login in ["ann-lee", "lee", "zoe"] {
        class.clone_of(&format!("d/lab2-submissions/lab-two-{login}"), &noon(1));
    }
    // The folder itself, or the one it lies in.
    for dir in ["d", "d/lab2-submissions"] {
        let mut request = class.request(dir, 20);
        request.out = Some(class.path("batch.toml"));
        let imported = import(&request);
        assert_eq!(imported.layout, Layout::Classroom);
        let path = |login: &str| format!("d/lab2-submissions/lab-two-{login}");
        let expected = [
            ("1", Some(path("ann-lee"))),
            ("2", Some(path("lee"))),
            ("3", None),
            ("4", None),
        ]
        .map(|(a, b)| (a.to_owned(), b));
        assert_eq!(matched(&imported), expected);
        assert_eq!(unmatched(&imported), [path("zoe")]);
        assert_eq!(imported.batch.unmatched[0].login.as_deref(), Some("zoe"));
        let ids: Vec<&str> = imported
            .batch
            .submissions
            .iter()
            .map(|submission| submission.id.as_str())
            .collect();
        assert_eq!(ids, ["Ann-Lee", "lee", "zoe"]);
    }
}

#[test]
fn of_two_folders_with_a_crate_somebody_has_to_choose_one_in_the_students_row() {
    let class = Class::new();
    class.write("c/roster.csv", "identifier,github_username\n1,ann\n");
    class.write_crate("c/ann");
    class.write_crate("c/1");
    let imported = class.import("c", 10, 20);
    assert_eq!(matched(&imported), pairs(&[("1", Some("1"))]));
    assert!(unmatched(&imported).is_empty());
    let instead_of = imported.batch.submissions.iter();
    let instead_of: Vec<_> = instead_of.map(|one| one.instead_of.as_deref()).collect();
    assert_eq!(instead_of, [None, Some("ann")]);
    for submission in &imported.batch.submissions {
        let problem = submission.problem.clone().unwrap_or_default();
        assert!(
            problem.contains("`1`, `ann` all belong to `1`: name one as `path` in overrides.toml"),
            "{problem}"
        );
    }
}

#[test]
fn a_team_has_one_submission_and_a_row_for_each_member() {
    let class = Class::new();
    class.write(
        "c/roster.csv",
        "identifier,github_username\n1,ann\n2,bob\n3,eve\n",
    );
    class.write(
        "c/teams.csv",
        "team,login\nRed Pandas,ann\nRed Pandas,BOB\n",
    );
    class.clone_of("c/lab2-red-pandas", &noon(1));
    class.clone_of("c/lab2-eve", &noon(1));
    let imported = class.import("c", 10, 20);
    let team = Some("lab2-red-pandas");
    assert_eq!(
        matched(&imported),
        pairs(&[("1", team), ("2", team), ("3", Some("lab2-eve"))])
    );
    assert_eq!(imported.batch.submissions[1].id, "Red-Pandas");
    assert!(unmatched(&imported).is_empty());
}

#[test]
fn the_repositories_of_grades_say_whose_they_are() {
    let class = Class::new();
    let grades = "github_username,roster_identifier,student_repository_name,\
     submission_timestamp,group_name\n\
                  ann,1,lab2-odd-name,,g1\nbob,2,lab2-odd-name,,g1\n";
    class.write("c/grades.csv", grades);
    class.clone_of("c/lab2-odd-name", &noon(1));
    let imported = class.import("c", 10, 20);
    let path = Some("lab2-odd-name");
    assert_eq!(matched(&imported), pairs(&[("1", path), ("2", path)]));
    assert!(finds(
        &imported,
        "there is no roster: the students are those of"
    ));
}

#[test]
fn the_download_of_canvas_is_understood() {
    let class = Class::new();
    class.write(
        "c/roster.csv",
        "Student,ID,SIS Login ID,Section\n\"Lovelace, Ada\",4711,ada,S1\n\"Ng, \
         Bo\",12,bo,S1\n\"Ng, Bo\",13,bo2,S2\n",
    );
    for name in ["lovelaceada_LATE_4711_991_lab2.zip", "ngbo_99_992_lab2.zip"] {
        class.zip(&format!("c/{name}"), &[("src/lib.rs", b"// a library\n")]);
    }
    class.write("c/turingalan_5_993_main.rs", "fn main() {}");
    let imported = class.import("c", 10, 20);
    assert_eq!(imported.layout, Layout::Canvas);
    let expected = [
        ("ada", Some("lovelaceada_LATE_4711_991_lab2.zip")),
        ("bo", None),
        ("bo2", None),
    ];
    assert_eq!(matched(&imported), pairs(&expected));
    assert!(has_note(
        &imported.batch.submissions[0],
        "Canvas marks it as late"
    ));
    // Two rows have this name, so it is nobody's.
    assert!(has_note(
        &imported.batch.submissions[1],
        "it fits 2 rows of the roster"
    ));
    let problem = imported.batch.submissions[2]
        .problem
        .clone()
        .unwrap_or_default();
    assert!(problem.contains("it is no zip file"), "{problem}");
}

#[test]
fn the_download_of_moodle_is_understood() {
    let class = Class::new();
    class.write(
        "c/roster.csv",
        "Identifier,Full name,ID number,Email address\nParticipant 88,Ada \
                                 L,m1,a@x.org\nParticipant 9,Bo N,m2,b@x.org\n",
    );
    class.write_crate("c/Ada Renamed_88_assignsubmission_file_");
    class.write("c/Bo N_77_assignsubmission_file_/x", "");
    fs::remove_file(class.path("c/Bo N_77_assignsubmission_file_/x")).expect("removed");
    class.zip(
        "c/Bo N_77_assignsubmission_file_/lab.zip",
        &[("src/lib.rs", b"// a library\n")],
    );
    class.write("c/Bo N_77_assignsubmission_onlinetext_/t.html", "");
    let imported = class.import("c", 10, 20);
    assert_eq!(imported.layout, Layout::Moodle);
    let zip = "Bo N_77_assignsubmission_file_/lab.zip";
    assert_eq!(
        matched(&imported),
        pairs(&[
            ("m1", Some("Ada Renamed_88_assignsubmission_file_")),
            ("m2", Some(zip))
        ])
    );
    assert!(finds(&imported, "is a text that was typed in"));
}

#[test]
fn the_archive_of_gradescope_is_unpacked_and_understood() {
    let class = Class::new();
    class.write(
        "roster.csv",
        "identifier,email\n0042,ada@x.org\n0043,bo@x.org\n",
    );
    let metadata = "submission_1:\n  :submitters:\n  - :name: Ada\n    :sid: '0042'\n    :email: \
                    ada@x.org\n  - :name: Bo\n    :sid: ''\n    :email: BO@x.org\n  :created_at: \
                    2026-11-11 12:00:00.5 Z\nsubmission_2:\n  :submitters: []\n";
    class.zip(
        "class.zip",
        &[
            ("export/submission_metadata.yml", metadata.as_bytes()),
            ("export/submission_1/src/lib.rs", b"// a library\n"),
            ("export/submission_3/src/lib.rs", b"// a library\n"),
        ],
    );
    let imported = class.import("class.zip", 10, 20);
    assert_eq!(imported.layout, Layout::Gradescope);
    let path = imported.batch.submissions[0].path.clone();
    assert!(
        path.starts_with("class-") && path.ends_with("/export/submission_1"),
        "{path}"
    );
    assert_eq!(
        matched(&imported),
        pairs(&[("0042", Some(&path)), ("0043", Some(&path))])
    );
    let submission = &imported.batch.submissions[0];
    assert_eq!(
        (submission.time_source, submission.late_s),
        (Some(TimeSource::ServerRecord), Some(86_400))
    );
    assert_eq!(unmatched(&imported).len(), 1);
    assert!(finds(&imported, "tells of `submission_2`"));
    assert!(class.take(submission).is_ok());
    let again = class.import("class.zip", 10, 20);
    assert_eq!(again.batch, imported.batch);
}

#[test]
fn what_leaves_the_archive_of_a_class_is_refused() {
    let class = Class::new();
    class.zip("class.zip", &[("xx/evil.zip", b"x"), ("ann.zip", b"x")]);
    let bytes = fs::read(class.path("class.zip")).expect("a zip file");
    let bytes: Vec<u8> = String::from_utf8_lossy(&bytes)
        .replace("xx/evil.zip", "../evil.zip")
        .into_bytes();
    if bytes.len() == fs::read(class.path("class.zip")).expect("a zip file").len() {
        class.write("class.zip", bytes);
        let error = faultline_intake::import(&class.request("class.zip", 20)).expect_err("refused");
        assert!(
            error.to_string().contains("it leaves the submission"),
            "{error}"
        );
    }
    assert!(!class.path("evil.zip").exists());
}

#[test]
fn zip_files_are_proven_by_the_import_that_saw_them() {
    let class = Class::new();
    class.write("c/roster.csv", "identifier,github_username\n1,ann\n");
    class.zip("c/ANN.zip", &[("src/lib.rs", b"// a library\n")]);
    let imported = class.import("c", 10, 9);
    assert_eq!(imported.layout, Layout::Zips);
    assert_eq!(
        (only(&imported).time_source, only(&imported).late_s),
        (Some(TimeSource::FirstImport), None)
    );
    class.zip("c/ANN.zip", &[("src/lib.rs", b"// changed\n")]);
    let imported = class.import("c", 10, 11);
    assert_eq!(
        only(&imported).time_source,
        None,
        "it came between two imports around the deadline"
    );
    class.zip("c/ANN.zip", &[("src/lib.rs", b"// changed again\n")]);
    let imported = class.import("c", 10, 12);
    assert_eq!(
        (only(&imported).time_source, only(&imported).late_s),
        (Some(TimeSource::FirstImport), Some(2 * 86_400))
    );
}

#[cfg(unix)]
#[test]
fn links_and_pipes_among_the_submissions_are_told() {
    let class = Class::new();
    class.write_crate("c/ann");
    class.write_crate("secret");
    std::os::unix::fs::symlink(class.path("secret"), class.path("c/bob")).expect("linked");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(class.path("c/pipe"))
            .status()
            .expect("mkfifo runs")
            .success()
    );
    class.write("c/eve.rar", "");
    let imported = class.import("c", 10, 20);
    assert_eq!(imported.batch.submissions.len(), 2);
    assert_eq!(
        imported.batch.submissions[1].problem.as_deref(),
        Some("it is a link, which is not followed")
    );
    assert!(finds(
        &imported,
        "`pipe` is neither a folder nor a zip file"
    ));
    assert!(finds(
        &imported,
        "`eve.rar` is neither a folder nor a zip file"
    ));
}

#[test]
fn a_batch_that_somebody_changed_is_not_replaced() {
    let class = Class::new();
    class.write_crate("c/ann");
    let imported = class.import("c", 10, 20);
    let text = fs::read_to_string(imported.path()).expect("a batch");
    fs::write(
        imported.path(),
        text.replacen("path = \"ann\"", "path = \"ann\"\ncrate = \"x\"", 1),
    )
    .expect("written");
    assert_eq!(
        Batch::read(imported.path())
            .expect("still a batch")
            .submissions[0]
            .crate_dir
            .as_deref(),
        Some("x")
    );
    let mut request = class.request("c", 20);
    request.deadline = Some(moment(&noon(10)));
    let error = faultline_intake::import(&request).expect_err("changed");
    assert!(
        error.to_string().contains("it was changed by hand"),
        "{error}"
    );
    request.replace = true;
    import(&request);
    assert_eq!(fs::read_to_string(imported.path()).expect("a batch"), text);
}

#[test]
fn what_cannot_be_imported_says_why() {
    let class = Class::new();
    class.write("c/roster.csv", "who\nann\n");
    class.write_crate("c/ann");
    class.write_crate("d/a-submissions/ann");
    class.write_crate("d/b-submissions/ann");
    class.write("e/readme.md", "");
    class.write("f", "");
    for (dir, says) in [
        (
            "c",
            "roster.csv: line 1: it has the columns `who`; expected those of GitHub Classroom",
        ),
        ("d", "it holds several assignments, such as"),
        ("e", "there are no submissions"),
        ("f", "expected a folder of submissions"),
        ("g", "there is no such folder"),
    ] {
        let error = faultline_intake::import(&class.request(dir, 20)).expect_err(dir);
        assert!(error.to_string().contains(says), "{dir}: {error}");
    }
}
