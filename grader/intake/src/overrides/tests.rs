use crate::{Batch, Student, Submission, TimeSource, batch::Unmatched};

use super::*;

/// A class of three: ann handed in two crates, bob one in time, eve nothing.
fn batch() -> Batch {
    let mut batch = Batch::new(Moment::parse("2026-11-01T12:00:00Z").ok());
    let choose = format!("`ann`, `ann.zip` all belong to `1`: {CHOOSE}");
    for (id, path, instead_of, problem) in [
        ("ann", "c/ann", None, Some(&choose)),
        ("ann-2", "c/ann.zip", Some("ann"), Some(&choose)),
        ("bob", "c/bob", None, None),
        ("zoe", "c/zoe", None, None),
    ] {
        batch.submissions.push(Submission {
            id: id.into(),
            path: path.into(),
            commit: (id == "bob").then(|| "0".repeat(40)),
            submitted_at: Some("2026-11-01T13:00:00Z".into()),
            time_source: Some(TimeSource::ServerRecord),
            late_s: Some(3600),
            problem: problem.cloned(),
            instead_of: instead_of.map(str::to_owned),
            ..Submission::default()
        });
    }
    for (identifier, submission) in [("1", Some("ann")), ("2", Some("bob")), ("3", None)] {
        batch.students.push(Student {
            identifier: identifier.into(),
            login: submission.map(str::to_uppercase),
            submission: submission.map(str::to_owned),
            ..Student::default()
        });
    }
    batch.unmatched.push(Unmatched {
        path: "c/zoe".into(),
        login: None,
        submission: "zoe".into(),
    });
    batch
}

/// The batch as it is read with these overrides beside it.
fn with(overrides: &str) -> Result<Batch, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("batch.toml");
    batch().write(&path).expect("written");
    fs::write(folder.path().join("overrides.toml"), overrides).expect("written");
    let read = Batch::read(&path).map_err(|error| error.to_string());
    let after = fs::read_to_string(folder.path().join("overrides.toml")).expect("still there");
    assert_eq!(after, overrides, "it is never touched");
    read
}

fn one(what: &str) -> String {
    format!("format = 1\n[[override]]\n{what}\nreason = \"a mail\"\nauthor = \"tina\"\n")
}

fn paths(batch: &Batch) -> Vec<&str> {
    let paths = batch.submissions.iter().map(|one| one.path.as_str());
    paths.collect()
}

#[test]
fn one_of_several_is_chosen_and_the_others_are_gone() {
    let chosen = with(&one("student = \"ann\"\npath = \"c/ann.zip\"")).expect("a choice");
    assert_eq!(chosen.students[0].submission.as_deref(), Some("ann-2"));
    assert_eq!(paths(&chosen), ["c/ann.zip", "c/bob", "c/zoe"]);
    let submission = &chosen.submissions[0];
    assert_eq!(
        (&submission.problem, &submission.instead_of),
        (&None, &None)
    );
    assert_eq!(submission.late_s, Some(3600), "what is known of it stays");
    let first = with(&one("submission = \"ann\"\npath = \"./c/ann/\"")).expect("the first");
    assert_eq!(first.students[0].submission.as_deref(), Some("ann"));
    assert_eq!(first.submissions[0].problem, None);
}

#[test]
fn what_came_by_mail_is_graded() {
    let mailed = with(&one(
        "student = \"3\"\npath = \"mail/eve.zip\"\ncrate = \"x\"",
    ))
    .expect("it");
    let id = mailed.students[2].submission.clone().expect("a submission");
    let submission = mailed
        .submissions
        .iter()
        .find(|other| other.id == id)
        .expect("it");
    assert_eq!(submission.path, "mail/eve.zip");
    assert_eq!(submission.crate_dir.as_deref(), Some("x"));
    let replaced = with(&one("student = \"2\"\npath = \"mail/bob.zip\"")).expect("another");
    let bob = &replaced.submissions[2];
    assert_eq!(
        (bob.id.as_str(), bob.path.as_str()),
        ("bob", "mail/bob.zip")
    );
    assert_eq!(
        (&bob.commit, &bob.submitted_at, bob.late_s),
        (&None, &None, None)
    );
    let found = with(&one("student = \"3\"\npath = \"c/zoe\"")).expect("nobody's");
    assert_eq!(found.students[2].submission.as_deref(), Some("zoe"));
    assert!(found.unmatched.is_empty());
}

#[test]
fn a_deadline_decides_how_late_it_is() {
    let deadline = "deadline = \"2026-11-01T13:30:00+01:00\"";
    let extended = with(&one(&format!("student = \"BOB\"\n{deadline}"))).expect("extended");
    assert_eq!(extended.submissions[2].late_s, Some(1800));
    let later = one("submission = \"bob\"\ndeadline = \"2026-11-02T12:00:00Z\"");
    let later = with(&later).expect("extended");
    assert_eq!(later.submissions[2].late_s, None);
    assert_eq!(
        later.students[1].deadline.as_deref(),
        Some("2026-11-02T12:00:00Z")
    );
    assert!(later.submissions[2].notes[0].contains("import again"));
}

#[test]
fn a_commit_and_a_solved_problem_count() {
    let other = "1".repeat(40);
    let named = with(&one(&format!("student = \"2\"\ncommit = \"{other}\""))).expect("a commit");
    let bob = &named.submissions[2];
    assert_eq!(
        (bob.commit.as_ref(), &bob.submitted_at),
        (Some(&other), &None)
    );
    let same = one(&format!("student = \"2\"\ncommit = \"{}\"", "0".repeat(40)));
    assert_eq!(
        with(&same).expect("the same").submissions[2],
        batch().submissions[2]
    );
    let solved = with(&one("submission = \"ann\"\nsolved = true")).expect("solved");
    assert_eq!(solved.submissions[0].problem, None);
}

#[test]
fn what_was_decided_is_told_with_reason_and_author() {
    let text = one("student = \"2\"\npoints = 80\ncomment = \"well done\"")
        + "[[override]]\nsubmission = \"bob\"\nsolved = true\nreason = \"seen\"\nauthor = \"al\"\n";
    let read = with(&text).expect("corrected");
    let said = |corrections: Vec<Correction>| -> Vec<String> {
        corrections.iter().map(Correction::sentence).collect()
    };
    let all = [
        "by hand: the score is 80 points (tina: a mail)",
        "by hand: well done (tina: a mail)",
        "by hand: its problem is solved (al: seen)",
    ];
    assert_eq!(said(read.corrections_of("2", Some("bob"))), all);
    assert_eq!(said(read.corrections_of_submission("bob")), all);
    assert_eq!(said(read.corrections_of("1", Some("ann"))), [""; 0]);
    // What is about one member of a team is not for the page that the team reads.
    let mut team = read;
    team.students[0].submission = Some("bob".into());
    assert_eq!(said(team.corrections_of_submission("bob")), all[2..]);
    let stands = toml::to_string(&team).expect("it stands in the plan of a class");
    assert_eq!(
        toml::from_str::<Batch>(&stands).expect("and is read again"),
        team
    );
}

#[test]
fn a_wrong_override_is_told_with_its_line_and_what_to_do() {
    for (what, line, says) in [
        ("solved = true", 4, "whom is it about?"),
        ("student = \"1\"", 4, "it decides nothing"),
        (
            "student = \"1\"\nsubmission = \"ann\"\nsolved = true",
            4,
            "not both",
        ),
        (
            "student = \"nan\"\nsolved = true",
            3,
            "nobody in batch.toml has this identifier",
        ),
        (
            "submission = \"nan\"\nsolved = true",
            3,
            "no [[submission]] of batch.toml has this id",
        ),
        (
            "student = \"3\"\nsolved = true",
            4,
            "nothing was handed in for it: name what to grade",
        ),
        (
            "student = \"1\"\ncommit = \"12\"",
            4,
            "is no commit: expected all 40",
        ),
        (
            "student = \"1\"\ndeadline = \"soon\"",
            4,
            "`deadline` `soon`: expected a date",
        ),
        (
            "student = \"1\"\ncrate = \"../x\"",
            4,
            "it leaves the submission",
        ),
        ("student = \"1\"\npoints = -1", 4, "expected u32"),
        ("student = \"1\"\nscore = 1", 4, "unknown field `score`"),
    ] {
        let error = with(&one(what)).expect_err(what);
        assert!(error.contains(says), "{what}: {error}");
        assert!(error.contains(&format!("line {line}")), "{what}: {error}");
    }
    let twice = one("student = \"1\"\npoints = 1")
        + "[[override]]\nstudent = \"1\"\npoints = 2\nreason = \"r\"\nauthor = \"a\"\n";
    let error = with(&twice).expect_err("twice");
    assert!(
        error.contains("line 9: `points` was decided for it already"),
        "{error}"
    );
    for (from, says) in [
        ("a mail", "`reason` is empty"),
        ("tina", "`author` is empty"),
    ] {
        let error = with(&one("student = \"1\"\npoints = 1").replace(from, " ")).expect_err(from);
        assert!(error.contains(says), "{error}");
    }
    let error =
        with(&one("student = \"1\"\npoints = 1").replace("reason", "# ")).expect_err("none");
    assert!(error.contains("missing field `reason`"), "{error}");
}
