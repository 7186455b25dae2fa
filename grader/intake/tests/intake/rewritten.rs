//! Merges that came late, histories that were rewritten, clocks that went back.

use faultline_intake::{Imported, TimeSource};

use crate::class::{Class, has_note, import, moment, noon, only};

const AT_ELEVEN: &str = "2026-11-10T11:00:00Z";

/// Merges a branch into the one that is checked out.
fn merge(class: &Class, folder: &str, date: &str, branch: &str) -> String {
    class.git(
        folder,
        date,
        &["merge", "-q", "--no-ff", "--no-edit", branch],
    );
    class.git(folder, date, &["rev-parse", "HEAD"])
}

/// A commit on another branch than `main`, beginning at `main` if it is new.
fn on_branch(class: &Class, folder: &str, date: &str, branch: &str) -> String {
    let all = class.git(folder, date, &["branch", "--list", branch]);
    let arguments: &[&str] = match all.is_empty() {
        true => &["checkout", "-q", "-b", branch],
        false => &["checkout", "-q", branch],
    };
    class.git(folder, date, arguments);
    class.write(&format!("{folder}/{branch}-{date}"), "work");
    let commit = class.commit(folder, date);
    class.git(folder, date, &["checkout", "-q", "main"]);
    commit
}

#[test]
fn work_in_time_that_came_in_by_a_later_merge_is_graded() {
    let class = Class::new();
    class.clone_of("c/ann", &noon(1));
    let partner = on_branch(&class, "c/ann", AT_ELEVEN, "partner");
    class.commit("c/ann", &noon(11));
    let merge = merge(&class, "c/ann", &noon(12), "partner");
    class.git("c/ann", &noon(12), &["branch", "-q", "-D", "partner"]);
    let imported = class.import("c", 10, 20);
    let ann = only(&imported);
    assert_eq!(ann.commit.as_ref(), Some(&partner));
    assert_eq!(
        (ann.submitted_at.as_deref(), ann.late_s),
        (Some(AT_ELEVEN), None)
    );
    let says = format!(
        "{} ({AT_ELEVEN}, committer-unproven) is graded: it is the last commit that was there in \
         time, though it came into the branch only by the later merge {} ({}",
        &partner[..10],
        &merge[..10],
        noon(12)
    );
    assert!(has_note(ann, &says), "{ann:?}");
    assert!(
        has_note(ann, "2 later commits not graded, the last of 2026-11-12"),
        "{ann:?}"
    );
}

#[test]
fn of_several_lines_in_time_the_branchs_own_is_graded_and_the_others_are_listed() {
    let class = Class::new();
    class.clone_of("c/ann", &noon(1));
    // What the course adds to the template is newer than the student's last work, and not theirs.
    let template = on_branch(&class, "c/ann", AT_ELEVEN, "template");
    let own = class.commit("c/ann", &noon(9));
    merge(&class, "c/ann", &noon(11), "template");
    let imported = class.import("c", 10, 20);
    let ann = only(&imported);
    assert_eq!(ann.commit.as_ref(), Some(&own));
    assert!(
        has_note(ann, "is graded, since it is the branch's own work"),
        "{ann:?}"
    );
    let says = format!(
        "in time, too, and not graded (overrides.toml can name another `commit`): {} ({AT_ELEVEN}",
        &template[..10]
    );
    assert!(has_note(ann, &says), "{ann:?}");
    assert!(has_note(ann, "1 later commit not graded"), "{ann:?}");
    // As it says:
    let chosen = format!(
        "format = 1\n[[override]]\nsubmission = \"ann\"\ncommit = \"{template}\"\nreason = \
         \"asked\"\nauthor = \"t\"\n"
    );
    class.write("c/overrides.toml", chosen);
    let imported = class.import("c", 10, 20);
    let ann = only(&imported);
    assert_eq!(
        (ann.commit.as_ref(), ann.submitted_at.as_deref()),
        (Some(&template), Some(AT_ELEVEN)),
        "an import that knows it tells its time, too"
    );
    assert!(imported.corrected.submissions[0].notes == ann.notes);
}

fn graded_at(class: &Class, time: &str) -> Imported {
    let text = format!(
        "github_username,roster_identifier,student_repository_name,submission_timestamp\n\
         ann,1,lab2-ann,{time}\n"
    );
    class.write("c/grades.csv", text);
    class.import("c", 10, 20)
}

#[test]
fn a_servers_time_belongs_to_a_commit_that_it_can_have_taken() {
    let class = Class::new();
    class.clone_of("c/lab2-ann", &noon(1));
    let partner = on_branch(&class, "c/lab2-ann", &noon(8), "partner");
    class.commit("c/lab2-ann", &noon(11));
    merge(&class, "c/lab2-ann", &noon(12), "partner");
    let imported = graded_at(&class, &noon(9));
    let ann = only(&imported);
    // The commit of the first could be it along first parents; the partner builds on it.
    assert_eq!(
        (
            ann.commit.as_ref(),
            ann.submitted_at.as_ref(),
            ann.time_source
        ),
        (
            Some(&partner),
            Some(&noon(9)),
            Some(TimeSource::ServerRecord)
        )
    );
    let class = Class::new();
    class.clone_of("c/lab2-ann", &noon(7));
    let imported = graded_at(&class, &noon(5));
    assert_eq!(
        only(&imported).time_source,
        Some(TimeSource::CommitterUnproven)
    );
    assert!(has_note(
        only(&imported),
        "a server took something at 2026-11-05T12:00:00Z, and no commit that is there can"
    ));
    let class = Class::new();
    class.clone_of("c/lab2-ann", &noon(1));
    let (one, two) = (
        on_branch(&class, "c/lab2-ann", &noon(3), "one"),
        class.commit("c/lab2-ann", &noon(4)),
    );
    merge(&class, "c/lab2-ann", &noon(11), "one");
    let imported = graded_at(&class, &noon(9));
    assert_eq!(
        only(&imported).time_source,
        Some(TimeSource::CommitterUnproven)
    );
    let says = "it is not known which of these it was: ";
    let note = only(&imported)
        .notes
        .iter()
        .find(|note| note.contains(says))
        .expect("a note");
    assert!(
        note.contains(&one[..10]) && note.contains(&two[..10]),
        "{note}"
    );
}

#[test]
fn a_servers_time_is_not_that_of_a_commit_that_was_there_before() {
    let class = Class::new();
    class.write("c/roster.csv", "identifier,github_username\n1,ann\n");
    let seen = class.clone_of("c/lab2-ann", &noon(1));
    class.import("c", 10, 9);
    // Something was pushed on the eleventh, and taken back.
    let imported = graded_at(&class, &noon(11));
    let ann = only(&imported);
    assert_eq!(
        (ann.commit.as_ref(), ann.time_source, ann.late_s),
        (Some(&seen), Some(TimeSource::FirstImport), None)
    );
    assert!(
        has_note(ann, "no commit that is there can have been it"),
        "{ann:?}"
    );
}

#[test]
fn what_an_earlier_import_saw_and_is_gone_is_told() {
    let class = Class::new();
    class.write(
        "c/roster.csv",
        "identifier,github_username\n1,ann\n2,bob\n3,eve\n",
    );
    class.clone_of("c/ann", &noon(1));
    let gone = class.commit("c/ann", &noon(2));
    class.zip("c/bob.zip", &[("src/lib.rs", b"// one\n")]);
    class.write_crate("c/eve");
    let first = class.import("c", 10, 9);
    assert!(
        first
            .batch
            .submissions
            .iter()
            .all(|one| one.notes.is_empty()),
        "{first:?}"
    );
    class.git("c/ann", &noon(3), &["checkout", "-q", "--orphan", "x"]);
    class.commit("c/ann", &noon(3));
    class.git("c/ann", &noon(3), &["branch", "-q", "-M", "main"]);
    class.zip("c/bob.zip", &[("src/lib.rs", b"// two\n")]);
    std::fs::remove_dir_all(class.path("c/eve")).expect("removed");
    let second = class.import("c", 10, 20);
    let [ann, bob] = second.batch.submissions.as_slice() else {
        panic!("{second:?}");
    };
    let says = "earlier imports saw commits that are gone (the history was rewritten, or a branch \
                removed): ";
    let note = ann
        .notes
        .iter()
        .find(|note| note.starts_with(says))
        .expect("a note");
    let named = format!("{} (first seen {})", &gone[..10], noon(9));
    assert!(note.contains(&named), "{note}");
    assert!(has_note(
        bob,
        "an earlier import saw another file here (first seen 2026-11-09"
    ));
    let third = class.import("c", 10, 20);
    assert_eq!(third.batch, second.batch, "it stays known");
    assert!(first.findings.is_empty() || !first.findings[0].text.contains("is gone"));
}

#[test]
fn a_submission_that_is_gone_is_told() {
    let class = Class::new();
    class.clone_of("c/ann", &noon(1));
    class.clone_of("c/bob", &noon(1));
    class.write("c/eve/.keep", "");
    class.zip("c/eve/lab.zip", &[("src/lib.rs", b"// a library\n")]);
    class.write_crate("d/zoe");
    let told = |dir: &str, day| {
        let mut request = class.request(dir, day);
        request.out = Some(class.path("batch.toml"));
        let findings = import(&request).findings.into_iter();
        let texts = findings.map(|finding| finding.text);
        texts
            .filter(|text| text.contains("is gone"))
            .collect::<Vec<_>>()
    };
    assert_eq!(told("c", 9), [""; 0]);
    assert_eq!(told("d", 9), [""; 0], "another class beside it");
    for folder in ["c/bob", "c/eve"] {
        std::fs::remove_dir_all(class.path(folder)).expect("removed");
    }
    let gone = ["c/bob", "c/eve/lab.zip"].map(|path| {
        format!(
            "`{path}` was there at the import of {}, and is gone",
            noon(9)
        )
    });
    assert_eq!(told("c", 20), gone);
}

#[test]
fn a_clock_that_went_back_is_told_and_proves_nothing() {
    let class = Class::new();
    class.clone_of("c/ann", &noon(1));
    class.import("c", 10, 12);
    let late = class.commit("c/ann", &noon(12));
    let imported = class.import("c", 10, 9);
    let says = format!(
        "the clock went back: the last import was at {}, and now it is {}",
        noon(12),
        noon(9)
    );
    let findings = &imported.findings;
    assert!(
        findings
            .iter()
            .any(|finding| finding.text.starts_with(&says)),
        "{findings:?}"
    );
    let ann = only(&imported);
    assert_ne!(
        ann.commit.as_ref(),
        Some(&late),
        "it was not seen before the deadline"
    );
    let again = class.import("c", 10, 12).findings;
    assert!(
        !again.iter().any(|finding| finding.text.contains("clock")),
        "{again:?}"
    );
}

#[test]
fn an_import_follows_the_deadlines_of_overrides() {
    let class = Class::new();
    class.write("roster.csv", "identifier,github_username\n1,ann\n2,bob\n");
    let mut last = Vec::new();
    for login in ["ann", "bob"] {
        class.clone_of(&format!("c/{login}"), &noon(1));
        last.push(class.commit(&format!("c/{login}"), &noon(12)));
    }
    let mut text = "format = 1\n".to_owned();
    for decision in [
        "student = \"1\"\ndeadline = \"2026-11-13T00:00:00Z\"",
        "submission = \"bob\"\ndeadline = \"2026-11-12T11:00:00Z\"",
        "student = \"nobody\"\npoints = 1",
    ] {
        text += &format!("[[override]]\n{decision}\nreason = \"r\"\nauthor = \"t\"\n");
    }
    class.write("c/overrides.toml", text);
    let mut request = class.request("c", 20);
    request.deadline = Some(moment(&noon(10)));
    let imported = import(&request);
    let [ann, bob] = imported.batch.submissions.as_slice() else {
        panic!("{imported:?}");
    };
    assert_eq!(ann.commit.as_ref(), Some(&last[0]));
    assert_ne!(bob.commit.as_ref(), Some(&last[1]));
    let says =
        "line 13: nobody in batch.toml has this identifier or login (`batch` will refuse it)";
    let findings = &imported.findings;
    assert!(
        findings.iter().any(|finding| finding.text.ends_with(says)),
        "{findings:?}"
    );
}
