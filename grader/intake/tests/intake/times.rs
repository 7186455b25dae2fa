//! Which commit is graded, and how its time is known.

use crate::class::{Class, has_note, import, moment, noon, only};
use faultline_intake::TimeSource;

#[test]
fn the_last_commit_before_the_deadline_is_picked() {
    let class = Class::new();
    class.clone_of("c/ann", &noon(1));
    let good = class.commit("c/ann", &noon(10));
    class.commit("c/ann", "2026-11-10T12:00:01Z");
    class.commit("c/ann", &noon(12));
    let imported = class.import("c", 10, 20);
    let ann = only(&imported);
    assert_eq!(ann.commit.as_ref(), Some(&good));
    assert_eq!(
        (ann.submitted_at.as_ref(), ann.time_source),
        (Some(&noon(10)), Some(TimeSource::CommitterUnproven))
    );
    assert_eq!((ann.late_s, ann.problem.as_ref()), (None, None));
    assert!(
        has_note(
            ann,
            "2 later commits not graded, the last of 2026-11-12T12:00:00Z (committer-unproven)"
        ),
        "{ann:?}"
    );
}

#[test]
fn without_a_commit_in_time_the_last_one_is_late() {
    let class = Class::new();
    let last = class.clone_of("c/ann", &noon(11));
    let imported = class.import("c", 10, 20);
    assert_eq!(
        (only(&imported).commit.as_ref(), only(&imported).late_s),
        (Some(&last), Some(86_400))
    );
}

#[test]
fn the_last_commit_can_be_asked_for_however_late() {
    let class = Class::new();
    class.clone_of("c/ann", &noon(1));
    let last = class.commit("c/ann", &noon(12));
    let mut request = class.request("c", 20);
    (request.deadline, request.take_late) = (Some(moment(&noon(10))), true);
    let imported = import(&request);
    assert_eq!(
        (only(&imported).commit.as_ref(), only(&imported).late_s),
        (Some(&last), Some(2 * 86_400))
    );
}

#[test]
fn an_extension_is_the_students_own_deadline() {
    let class = Class::new();
    class.write("roster.csv", "identifier,github_username\n1,ann\n2,bob\n");
    class.write(
        "extensions.csv",
        "\u{feff}login;deadline\r\nANN;2026-11-12 13:00 Europe/Berlin\r\n",
    );
    let mut late = Vec::new();
    for login in ["ann", "bob"] {
        class.clone_of(&format!("c/{login}"), &noon(1));
        late.push(class.commit(&format!("c/{login}"), &noon(12)));
    }
    let mut request = class.request("c", 20);
    (request.deadline, request.extensions) =
        (Some(moment(&noon(10))), Some(class.path("extensions.csv")));
    let batch = import(&request).batch;
    assert_eq!(batch.submissions[0].commit.as_ref(), Some(&late[0]));
    assert_ne!(batch.submissions[1].commit.as_ref(), Some(&late[1]));
    assert_eq!(batch.students[0].deadline.as_ref(), Some(&noon(12)));
    assert_eq!(batch.students[1].deadline, None);
}

#[test]
fn what_an_import_saw_before_the_deadline_is_proven() {
    let class = Class::new();
    let seen = class.clone_of("c/ann", &noon(1));
    class.import("c", 10, 9);
    // The clock of the machine that made it says that it is late; it was there all the same.
    let imported = class.import("c", 10, 20);
    let ann = only(&imported);
    assert_eq!(
        (ann.commit.as_ref(), ann.time_source),
        (Some(&seen), Some(TimeSource::FirstImport))
    );
    let class = Class::new();
    let ahead = class.clone_of("c/ann", &noon(15));
    class.import("c", 10, 9);
    let imported = class.import("c", 10, 20);
    let ann = only(&imported);
    assert_eq!(
        (ann.commit.as_ref(), ann.submitted_at.as_ref()),
        (Some(&ahead), Some(&noon(9)))
    );
    assert_eq!(ann.time_source, Some(TimeSource::FirstImport));
}

#[test]
fn a_backdated_commit_that_an_import_did_not_see_is_late() {
    let class = Class::new();
    let good = class.clone_of("c/ann", &noon(1));
    class.import("c", 10, 11);
    class.commit("c/ann", &noon(5));
    let imported = class.import("c", 10, 12);
    let ann = only(&imported);
    assert_eq!(ann.commit.as_ref(), Some(&good));
    assert!(
        has_note(
            ann,
            "backdated: dated before the deadline, and not there at an import after it"
        ),
        "{ann:?}"
    );
    assert!(
        has_note(
            ann,
            "1 later commit not graded, the last of 2026-11-11T12:00:01Z (first-import)"
        ),
        "{ann:?}"
    );
}

#[test]
fn between_two_imports_around_the_deadline_the_date_counts() {
    let class = Class::new();
    class.clone_of("c/ann", &noon(1));
    class.import("c", 10, 9);
    let last = class.commit("c/ann", "2026-11-10T11:59:00Z");
    let imported = class.import("c", 10, 11);
    let ann = only(&imported);
    assert_eq!(
        (ann.commit.as_ref(), ann.time_source),
        (Some(&last), Some(TimeSource::CommitterUnproven))
    );
}

#[test]
fn nothing_is_older_than_its_parents() {
    let class = Class::new();
    let good = class.clone_of("c/ann", &noon(1));
    class.commit("c/ann", &noon(11));
    class.commit("c/ann", &noon(9));
    let imported = class.import("c", 10, 20);
    let ann = only(&imported);
    assert_eq!(ann.commit.as_ref(), Some(&good));
    assert!(has_note(ann, "backdated: dated before a parent"), "{ann:?}");
}

#[test]
fn dates_in_the_future_are_told() {
    let class = Class::new();
    class.clone_of("c/ann", "2031-01-01T00:00:00Z");
    let imported = class.import("c", 10, 9);
    assert!(
        has_note(only(&imported), "dated in the future"),
        "{:?}",
        only(&imported)
    );
}

#[test]
fn importing_again_at_the_same_moment_gives_the_same_bytes() {
    let class = Class::new();
    class.write("roster.csv", "identifier,github_username\n1,ann\n");
    class.clone_of("c/ann", &noon(1));
    class.commit("c/ann", &noon(12));
    let files = || {
        ["c/batch.toml", "c/seen.toml"]
            .map(|path| std::fs::read(class.path(path)).expect("written"))
    };
    class.import("c", 10, 20);
    let first = files();
    class.import("c", 10, 20);
    assert_eq!(files(), first);
    class.import("c", 10, 25);
    assert_eq!(
        files()[0],
        first[0],
        "a later import knows no more of what it has seen before"
    );
}

/// What `gh teacher download` leaves in a clone.
fn record(class: &Class, folder: &str, commit: &str, time: &str) {
    let text = format!(
        "{{\"schema\":\"classroom50/result/v1\",\"classroom\":\"c\",\
         \"assignment\":\"lab2\",\"usernames\":[\"ann\",\"Bob\"],\
         \"submission\":\"submit/x\",\
          \"commit\":\"https://github.com/o/r/commit/{commit}\",\"datetime\":\"{time}\"}}"
    );
    class.write(&format!("{folder}/result.json"), text);
}

#[test]
fn a_servers_record_decides() {
    let class = Class::new();
    class.write(
        "roster.csv",
        "username,first_name,last_name,email,section,github_id,role\nann,A,A,,,,student\n\
         bob,B,B,,,,student\n",
    );
    class.clone_of("c/c-lab2-ann", &noon(1));
    let good = class.commit("c/c-lab2-ann", &noon(12));
    record(&class, "c/c-lab2-ann", &good, &noon(9));
    let imported = class.import("c", 10, 20);
    let ann = only(&imported);
    assert_eq!(
        (ann.commit.as_ref(), ann.time_source),
        (Some(&good), Some(TimeSource::ServerRecord))
    );
    assert_eq!(ann.submitted_at.as_ref(), Some(&noon(9)));
    let of = |index: usize| imported.batch.students[index].submission.as_ref();
    assert_eq!(
        (of(0), of(1)),
        (Some(&ann.id), Some(&ann.id)),
        "the team of the record, without case"
    );
}

#[test]
fn a_record_that_the_student_committed_is_none() {
    let class = Class::new();
    let good = class.clone_of("c/c-lab2-ann", &noon(1));
    let late = class.commit("c/c-lab2-ann", &noon(12));
    record(&class, "c/c-lab2-ann", &late, &noon(9));
    class.commit("c/c-lab2-ann", &noon(13));
    let imported = class.import("c", 10, 20);
    let ann = only(&imported);
    assert_eq!(
        (ann.commit.as_ref(), ann.time_source),
        (Some(&good), Some(TimeSource::CommitterUnproven))
    );
    assert!(
        has_note(ann, "`result.json` is part of the commit"),
        "{ann:?}"
    );
}

#[test]
fn grades_tell_the_time_of_the_last_commit_before_it() {
    let class = Class::new();
    class.clone_of("c/lab2-ann", &noon(1));
    let good = class.commit("c/lab2-ann", "2026-11-09T11:59:00Z");
    class.commit("c/lab2-ann", &noon(15));
    let text = "assignment_name,github_username,roster_identifier,student_repository_name,\
     submission_timestamp\n\
                lab2,ann,1,lab2-ann,2026-11-09 12:00:00 UTC\n";
    class.write("c/grades.csv", text);
    let imported = class.import("c", 10, 20);
    let ann = only(&imported);
    assert_eq!(
        (ann.commit.as_ref(), ann.time_source),
        (Some(&good), Some(TimeSource::ServerRecord))
    );
    assert_eq!(ann.submitted_at.as_ref(), Some(&noon(9)));
}

#[test]
fn other_branches_and_tags_are_told_and_tags_can_be_preferred() {
    let class = Class::new();
    class.clone_of("c/ann", &noon(1));
    class.git("c/ann", &noon(2), &["checkout", "-q", "-b", "work"]);
    let tagged = class.commit("c/ann", &noon(8));
    class.git("c/ann", &noon(8), &["tag", "-a", "-m", "x", "submit/1"]);
    class.git("c/ann", &noon(8), &["checkout", "-q", "main"]);
    let main = class.commit("c/ann", &noon(7));
    let imported = class.import("c", 10, 20);
    let ann = only(&imported);
    assert_eq!(ann.commit.as_ref(), Some(&main));
    assert!(
        has_note(ann, "newer commits on other branches, not graded: work ("),
        "{ann:?}"
    );
    assert!(
        has_note(ann, "submit/* tags that name another commit: submit/1 ("),
        "{ann:?}"
    );
    let mut request = class.request("c", 20);
    (request.deadline, request.prefer_tags) = (Some(moment(&noon(10))), true);
    assert_eq!(only(&import(&request)).commit.as_ref(), Some(&tagged));
}

#[test]
fn a_shallow_clone_without_a_commit_in_time_is_a_problem() {
    let class = Class::new();
    class.clone_of("origin", &noon(1));
    class.commit("origin", &noon(12));
    class.write("c/empty", "");
    let origin = format!("file://{}", class.path("origin").display());
    class.git(
        "c",
        &noon(12),
        &["clone", "-q", "--depth", "1", &origin, "ann"],
    );
    let imported = class.import("c", 10, 20);
    let problem = only(&imported).problem.clone().unwrap_or_default();
    assert!(
        problem.contains("the clone is shallow"),
        "{:?}",
        only(&imported)
    );
}
