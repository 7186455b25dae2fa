//! What learning platforms let one download: several files of one student, repositories in them.

use std::{fs, process::Command};

use faultline_intake::{Layout, TakeError, Taken, TimeSource};

use crate::class::{Class, has_note, import, noon, only};

const CANVAS: &str = "Student,ID,SIS User ID,SIS Login ID,Section\n\"Nu, Nan\",113,S113,u113,1\n\
                      \"Xi, Xan\",114,S114,u114,1\n";

fn library() -> [(&'static str, &'static [u8]); 1] {
    [("src/lib.rs", b"// a library\n")]
}

#[test]
fn the_platforms_files_and_time_win_over_a_repository_in_the_upload() {
    let class = Class::new();
    class.write("roster.csv", "identifier,email\n1,o@x\n");
    let metadata = "submission_2:\n  :submitters:\n  - :name: O\n    :email: o@x\n  :created_at: \
                    2026-11-20 23:00:12.0 Z\n";
    class.write("c/submission_metadata.yml", metadata);
    class.clone_of("c/submission_2", &noon(1));
    class.write("c/submission_2/src/lib.rs", "// what was uploaded\n");
    let imported = class.import("c", 20, 25);
    assert_eq!(imported.layout, Layout::Gradescope);
    let submission = only(&imported);
    assert_eq!(submission.commit, None);
    assert_eq!(
        (submission.submitted_at.as_deref(), submission.time_source),
        (Some("2026-11-20T23:00:12Z"), Some(TimeSource::ServerRecord))
    );
    assert!(has_note(
        submission,
        "it holds a `.git`, which is the student's own"
    ));
    let folder = class.path("c/submission_2");
    let taken = faultline_intake::take(&class.path("c"), submission, "lab2", crate::class::LIMITS);
    assert_eq!(taken, Ok(Taken::Folder(folder)));
}

#[test]
fn of_a_zip_file_and_a_report_the_one_with_a_crate_is_taken() {
    let class = Class::new();
    class.write("gradebook.csv", CANVAS);
    class.write("c/nunan_113_9014_report.pdf", "%PDF");
    class.zip("c/nunan_113_9013_lab0.zip", &library());
    class.zip("c/nunan_113_9016_pictures.zip", &[("a.png", b"x")]);
    class.zip("c/xixan_114_9015_lab0.zip", &library());
    let mut request = class.request("c", 20);
    request.roster = Some(class.path("gradebook.csv"));
    let batch = import(&request).batch;
    let ids: Vec<_> = batch
        .students
        .iter()
        .map(|one| one.submission.as_deref())
        .collect();
    assert_eq!(ids, [Some("S113"), Some("S114")]);
    assert_eq!(batch.submissions.len(), 2);
    assert!(batch.unmatched.is_empty());
    let nan = &batch.submissions[0];
    assert_eq!(
        (nan.path.as_str(), &nan.problem),
        ("nunan_113_9013_lab0.zip", &None)
    );
    let others = "`nunan_113_9014_report.pdf`, `nunan_113_9016_pictures.zip` was handed in, too";
    assert!(has_note(nan, others), "{nan:?}");
    let kept = |heading: &str| batch.students[0].platform.get(heading).map(String::as_str);
    assert_eq!(
        (kept("ID"), kept("Student")),
        (Some("113"), Some("Nu, Nan"))
    );
    let read = faultline_intake::Batch::read(&class.path("c/batch.toml"));
    assert_eq!(read.expect("a batch"), batch);
}

#[test]
fn a_report_alone_or_two_crates_are_a_problem_in_the_students_row() {
    let class = Class::new();
    class.write("gradebook.csv", CANVAS);
    class.write("c/nunan_113_9014_report.pdf", "%PDF");
    class.zip("c/xixan_114_9015_lab0.zip", &library());
    class.zip("c/xixan_114_9017_lab0-new.zip", &library());
    let mut request = class.request("c", 20);
    request.roster = Some(class.path("gradebook.csv"));
    request.layout = Some(Layout::Canvas);
    let imported = import(&request);
    let of = |index: usize| {
        let id = imported.batch.students[index]
            .submission
            .as_ref()
            .expect("a submission");
        let all = imported.batch.submissions.iter();
        let one = all
            .into_iter()
            .find(|one| one.id == *id)
            .expect("it is there");
        one.problem.clone().unwrap_or_default()
    };
    assert!(
        of(0).contains("it is no zip file: ask for a zip file"),
        "{}",
        of(0)
    );
    let both = "`xixan_114_9015_lab0.zip`, `xixan_114_9017_lab0-new.zip` all belong to `S114`: \
                name one as `path` in overrides.toml";
    assert_eq!(of(1), both);
    // As it says:
    let chosen = "format = 1\n[[override]]\nstudent = \"S114\"\npath = \
                  \"xixan_114_9017_lab0-new.zip\"\nreason = \"a mail\"\nauthor = \"t\"\n";
    class.write("c/overrides.toml", chosen);
    let imported = import(&request);
    let xan = &imported.corrected.submissions[1];
    assert_eq!(
        (xan.path.as_str(), &xan.problem),
        ("xixan_114_9017_lab0-new.zip", &None)
    );
    assert_eq!(imported.corrected.submissions.len(), 2);
    assert_eq!(
        fs::read(class.path("c/overrides.toml")).expect("there"),
        chosen.as_bytes()
    );
}

#[test]
fn a_folder_of_moodle_with_more_than_the_archive_is_understood() {
    let class = Class::new();
    let time = "Friday, 20 November 2026, 10:58 PM";
    class.write(
        "c/roster.csv",
        format!(
            "Identifier,Full name,Last modified (submission)\nParticipant 88,Ada L,\"{time}\"\n\
             Participant 9,Bo N,-\nParticipant 7,Cy O,-\n"
        ),
    );
    let ada = "c/Ada L_88_assignsubmission_file_";
    class.write(&format!("{ada}/report.pdf"), "%PDF");
    class.zip(
        &format!("{ada}/lab.zip"),
        &[("lab/.git/HEAD", b"x"), ("lab/src/lib.rs", b"//\n")],
    );
    class.zip(&format!("{ada}/pictures.zip"), &[("a.png", b"x")]);
    let bo = "c/Bo N_9_assignsubmission_file_";
    class.write_crate(&format!("{bo}/my lab"));
    class.write(&format!("{bo}/my lab/.git/HEAD"), "x");
    let cy = "c/Cy O_7_assignsubmission_file_";
    class.write(&format!("{cy}/notes.txt"), "x");
    for name in ["a.zip", "b.zip"] {
        class.zip(&format!("{cy}/{name}"), &library());
    }
    let imported = class.import("c", 20, 25);
    let [ada, bo, cy] = imported.batch.submissions.as_slice() else {
        panic!("{:?}", imported.batch.submissions);
    };
    assert!(ada.path.ends_with("/lab.zip"), "{ada:?}");
    assert!(has_note(
        ada,
        "`pictures.zip` has no crate, and is not graded"
    ));
    assert!(has_note(ada, &format!("handed in: {time}")), "{ada:?}");
    let base = class.path("c");
    let take = |one| faultline_intake::take(&base, one, "lab2", crate::class::LIMITS);
    assert!(matches!(take(ada), Ok(Taken::Entries(_))));
    assert!(has_note(bo, "it holds a `.git`"));
    assert!(matches!(take(bo), Ok(Taken::Folder(folder)) if folder.ends_with("my lab")));
    let both = "`a.zip`, `b.zip` all hold a crate: name one as `path` in overrides.toml";
    assert_eq!(cy.problem.as_deref(), Some(both));
    assert_eq!(
        imported.batch.students[0].platform["Identifier"],
        "Participant 88"
    );
}

#[test]
fn what_hides_behind_a_name_of_the_class_archive_blocks_only_itself() {
    let class = Class::new();
    let long = format!("ann/{}.txt", "x".repeat(300));
    let files: &[(&str, &[u8])] = &[
        ("ann/src/lib.rs", b"// a library\n"),
        (&long, b"x"),
        ("bob/docs/A.md", b"a"),
        ("bob/docs/a.md", b"b"),
        ("bob/src/lib.rs", b"// a library\n"),
    ];
    class.zip("class.zip", files);
    let imported = class.import("class.zip", 10, 20);
    assert_eq!(imported.batch.submissions.len(), 2);
    let told = |imported: &faultline_intake::Imported| {
        let findings = imported.findings.iter().map(|finding| finding.text.clone());
        findings.collect::<Vec<_>>()
    };
    let expected = "is called as no file here can be called, and was not unpacked";
    assert!(
        told(&imported).iter().any(|text| text.contains(expected)),
        "{:?}",
        told(&imported)
    );
    // The second time the folder is there; equal inputs give equal words, without a folder in them
    // that is called otherwise each time.
    assert_eq!(told(&class.import("class.zip", 10, 20)), told(&imported));
    assert!(!told(&imported).concat().contains(".unpacking"));
}

#[test]
fn two_entries_of_one_name_in_a_zip_file_are_refused() {
    for (one, other, says) in [
        (
            "src/a.rs",
            "src/b.rs",
            "two entries of the zip file have the same name",
        ),
        ("docs/A.md", "docs/a.md", "differ only in case"),
        (
            "docs/\u{e4}.md",
            "docs/a\u{308}.md",
            "the Unicode form of a letter",
        ),
    ] {
        let class = Class::new();
        let files: &[(&str, &[u8])] = &[
            ("src/lib.rs", b"//\n"),
            (one, b"// 1\n"),
            (other, b"// 2\n"),
        ];
        fs::create_dir(class.path("c")).expect("a folder");
        class.zip("c/ann.zip", files);
        if says.starts_with("two") {
            // No writer makes it, so the name is written over.
            let bytes = fs::read(class.path("c/ann.zip")).expect("a zip file");
            let bytes: Vec<u8> = bytes.windows(other.len()).enumerate().fold(
                bytes.clone(),
                |mut new, (at, window)| {
                    if window == other.as_bytes() {
                        new[at..at + one.len()].copy_from_slice(one.as_bytes());
                    }
                    new
                },
            );
            class.write("c/ann.zip", bytes);
        }
        let problem = class.entries("c/ann.zip", None).expect_err(says);
        assert!(problem.contains(says), "{problem}");
        let imported = class.import("c", 10, 20);
        assert_eq!(only(&imported).problem.as_ref(), Some(&problem));
    }
}

#[test]
fn a_record_that_is_no_text_blocks_nothing_but_itself() {
    let class = Class::new();
    class.clone_of("c/c-lab2-ann", &noon(1));
    class.write("c/c-lab2-ann/result.json", b"{\"\xfc\": 1}");
    let imported = class.import("c", 10, 20);
    assert_eq!(only(&imported).problem, None);
    assert!(has_note(
        only(&imported),
        "`result.json` is no record of Classroom 50 (it is not UTF-8)"
    ));
}

#[cfg(unix)]
#[test]
fn stray_files_whose_names_are_no_text_block_nothing() {
    use std::os::unix::ffi::OsStrExt as _;
    let class = Class::new();
    class.write_crate("ann");
    for name in [b"caf\xe8.txt".as_slice(), b"caf\xe9.txt"] {
        let name = std::ffi::OsStr::from_bytes(name);
        fs::write(class.path("ann").join(name), "x").expect("written");
        fs::write(class.path("ann/src").join(name), "x").expect("written");
    }
    class.git("ann", &noon(1), &["init", "-q"]);
    let commit = class.commit("ann", &noon(1));
    let entries = class.entries("ann", Some(&commit)).expect("entries");
    let paths: Vec<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
    for path in ["caf%E8.txt", "caf%E9.txt", "src/caf%E8.txt", "src/lib.rs"] {
        assert!(paths.contains(&path), "{paths:?}");
    }
}

#[test]
fn clones_of_every_kind_are_read() {
    let class = Class::new();
    let commit = class.clone_of("ann", &noon(1));
    class.write("c/x", "");
    class.git("c", &noon(1), &["clone", "-q", "--bare", "../ann", "bare"]);
    class.git(
        "c",
        &noon(1),
        &["clone", "-q", "--mirror", "../ann", "mirror.git"],
    );
    for kind in ["--object-format=sha256", "--ref-format=reftable"] {
        let name = kind.rsplit('=').next().expect("a name");
        class.write_crate(&format!("c/{name}"));
        let supports = Command::new("git")
            .args(["init", "-q", kind])
            .current_dir(class.path(&format!("c/{name}")))
            .status();
        if supports.is_ok_and(|status| status.success()) {
            class.commit(&format!("c/{name}"), &noon(2));
            class.git(&format!("c/{name}"), &noon(2), &["branch", "other"]);
            class.git(
                &format!("c/{name}"),
                &noon(2),
                &["tag", "-a", "-m", "x", "submit/1"],
            );
        } else {
            // An older git cannot make one.
            fs::remove_dir_all(class.path(&format!("c/{name}"))).expect("removed");
        }
    }
    class.write("c/roster.csv", "identifier,login\n1,bare\n2,mirror\n");
    let imported = class.import("c", 10, 20);
    for submission in &imported.batch.submissions {
        assert_eq!(submission.problem, None, "{submission:?}");
        let commit = submission.commit.as_deref().expect("a commit");
        let path = format!("c/{}", submission.path);
        let head = class.git(&path, &noon(1), &["rev-parse", "HEAD"]);
        assert_eq!(commit, head, "{path}");
        let entries = class.entries(&path, Some(commit)).expect("entries");
        assert!(
            entries.iter().any(|entry| entry.path == "src/lib.rs"),
            "{path}"
        );
    }
    let mirror = imported.batch.students[1].submission.as_deref();
    assert_eq!(
        mirror,
        Some("mirror"),
        "a name of git's own is no part of the login"
    );
    assert_eq!(imported.batch.submissions[0].commit.as_ref(), Some(&commit));
}

#[test]
fn a_head_without_a_commit_and_a_repository_inside_say_what_they_are() {
    let class = Class::new();
    let commit = class.clone_of("c/unborn", &noon(1));
    class.git("c/unborn", &noon(1), &["branch", "-m", "main", "master"]);
    class.git(
        "c/unborn",
        &noon(1),
        &["symbolic-ref", "HEAD", "refs/heads/main"],
    );
    class.write("c/empty/x", "");
    class.git("c/empty", &noon(1), &["init", "-q"]);
    class.write("c/nested/x", "");
    class.git("c/nested", &noon(1), &["init", "-q"]);
    class.clone_of("c/nested/lab2", &noon(1));
    let nested = class.commit("c/nested", &noon(1));
    let imported = class.import("c", 10, 20);
    let problem = |index: usize| {
        let problem = &imported.batch.submissions[index].problem;
        problem.clone().unwrap_or_default()
    };
    let inside = "`lab2` in the commit is a repository inside of the repository (it has a `.git`";
    assert!(has_note(&imported.batch.submissions[1], inside));
    assert!(problem(0).contains("it has no commit at all (its HEAD is the branch `main`"));
    let says = format!(
        "its HEAD is the branch `main`, which has no commit, so nobody knows what to grade. It \
         has: master ({commit}, {}). Name one of these as `commit` in overrides.toml",
        noon(1)
    );
    assert_eq!(problem(2), says);
    // As it says:
    let chosen = format!(
        "format = 1\n[[override]]\nsubmission = \"unborn\"\ncommit = \"{commit}\"\nreason = \
         \"it is all there is\"\nauthor = \"t\"\n"
    );
    class.write("c/overrides.toml", chosen);
    let batch = faultline_intake::Batch::read(imported.path()).expect("a batch");
    let unborn = &batch.submissions[2];
    let taken = faultline_intake::take(&class.path("c"), unborn, "lab2", crate::class::LIMITS);
    assert!(matches!(taken, Ok(Taken::Entries(_))), "{taken:?}");
    let problem = class
        .entries("c/nested", Some(&nested))
        .expect_err("no crate");
    assert!(problem.contains(inside), "{problem}");
    // A submodule is something else.
    class.write("c/nested/.gitmodules", "[submodule \"lab2\"]\n");
    let told = class.commit("c/nested", &noon(2));
    let problem = class
        .entries("c/nested", Some(&told))
        .expect_err("no crate");
    assert!(problem.contains("`lab2` in the commit is a submodule, which is not followed"));
    let gone = TakeError::Machine("there is no `x`: import the batch again".into());
    let missing = faultline_intake::Submission {
        id: "x".into(),
        path: "x".into(),
        ..Default::default()
    };
    assert_eq!(
        class.take(&missing),
        Err(gone),
        "without the folder of this machine"
    );
}
