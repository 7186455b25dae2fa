use std::fs;

use super::*;

fn roster(files: &[(&str, &str)]) -> Result<Roster, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut roster = Roster::default();
    for (kind, text) in files {
        let path = folder.path().join(format!("{kind}.csv"));
        fs::write(&path, text).expect("written");
        let read = match *kind {
            "roster" => roster.read(&path),
            "grades" => roster.read_grades(&path),
            "teams" => roster.read_teams(&path),
            _ => roster.read_extensions(&path),
        };
        read.map_err(|error| {
            error
                .to_string()
                .replace(&format!("{}/", folder.path().display()), "")
        })?;
    }
    Ok(roster)
}

const CLASSROOM: &str =
    "identifier,github_username,github_id,name\n1,ann,5,Ann A\n2,Bob,6,Bob B\n3,,,Eve\n";

#[test]
fn every_kind_of_roster_is_read() {
    let classroom = roster(&[("roster", CLASSROOM)]).expect("a roster");
    assert_eq!(classroom.people.len(), 3);
    assert_eq!(
        (
            classroom.people[2].login.as_deref(),
            classroom.people[2].identifier.as_str()
        ),
        (None, "3")
    );
    let text = "username,first_name,last_name,email,section,github_id,role\nann,Ann,A,\
     a@x.org,s1,5,student\n\
                tina,T,A,t@x.org,,9,ta\n,Bob,B,b@x.org,,,\n";
    let people = roster(&[("roster", text)]).expect("a roster").people;
    let names: Vec<_> = people
        .iter()
        .map(|person| person.identifier.as_str())
        .collect();
    assert_eq!(names, ["ann", "b@x.org"]);
    assert_eq!(
        (people[0].name.as_deref(), people[0].section.as_deref()),
        (Some("Ann A"), Some("s1"))
    );
    let text = "Student,ID,SIS Login ID,Section,Lab 2 (77)\n    Points \
                Possible,,,,10\n\"Lovelace, Ada\",4711,ada,S,\n";
    let people = roster(&[("roster", text)]).expect("a roster").people;
    assert_eq!(people.len(), 1);
    assert_eq!(
        (people[0].name.as_deref(), people[0].platform_id.as_deref()),
        (Some("Ada Lovelace"), Some("4711"))
    );
    let text = "Identifier,Full name,ID number,Email address\nParticipant 88,Ada \
                Lovelace,m123,ada@x.org\n";
    let people = roster(&[("roster", text)]).expect("a roster").people;
    assert_eq!(
        (
            people[0].identifier.as_str(),
            people[0].platform_id.as_deref()
        ),
        ("m123", Some("88"))
    );
}

#[test]
fn logins_are_understood_however_they_are_written() {
    let text = "identifier,github_username,github_id,name\n1,https://github.com/ann,1,A\n\
                2,@bob,2,B\n3, cat ,3,C\n4,dan@x.org,4,D\n";
    let teams = "team,login\nred,@ann\nred,https://github.com/bob\nblue,DAN@x.org\n";
    let read = roster(&[("roster", text), ("teams", teams)]).expect("a roster");
    let logins = read.people.iter().map(|person| person.login.as_deref());
    assert_eq!(
        logins.collect::<Vec<_>>(),
        [Some("ann"), Some("bob"), Some("cat"), None]
    );
    assert_eq!(read.people[3].email.as_deref(), Some("dan@x.org"));
    let teams = read.people.iter().map(|person| person.team.as_deref());
    assert_eq!(
        teams.collect::<Vec<_>>(),
        [Some("red"), Some("red"), None, Some("blue")]
    );
    assert_eq!(read.findings.len(), 1);
    let says = "roster.csv, line 5: `dan@x.org` is a mail address, no login: whose account it is, \
                is not known";
    assert!(read.findings[0].ends_with(says), "{:?}", read.findings);
    let error = roster(&[(
        "roster",
        "identifier,login\n1,https://github.com/ann/lab2\n",
    )]);
    assert!(
        error
            .as_ref()
            .is_err_and(|error| error.starts_with("roster.csv: line 2: `https")),
        "{error:?}"
    );
}

#[test]
fn an_identifier_that_a_spreadsheet_shortened_is_named_with_its_line() {
    let text = "identifier,github_username\n0012345,ann\n1.23457E+11,bob\n";
    let error = roster(&[("roster", text)]).expect_err("lost digits");
    assert!(
        error.starts_with("roster.csv: line 3: `1.23457E+11` is a number that a spreadsheet"),
        "{error}"
    );
    let canvas = "Student,ID,SIS Login ID,Section\n\"L, A\",4.7E+11,ada,S\n";
    assert!(roster(&[("roster", canvas)]).is_err_and(|error| error.contains("line 2")));
    let list = "identifier,deadline\n1.2E+5,2026-11-03T00:00:00Z\n";
    let error = roster(&[("roster", CLASSROOM), ("extensions", list)]).expect_err("a list");
    assert!(error.contains("line 2: `1.2E+5` is a number"), "{error}");
}

#[test]
fn what_a_platform_wants_back_is_kept_as_it_is() {
    let text = "Student,ID,SIS User ID,SIS Login ID,Section,Lab 2 (77)\n\
                ,,,,,Manual Posting\n    Points Possible,,,,,100\n\
                \"Lovelace, Ada\",4711,S47,ada,S1,\n";
    let people = roster(&[("roster", text)]).expect("a roster").people;
    assert_eq!(
        people.len(),
        1,
        "lines that are about no student: {people:?}"
    );
    let kept: Vec<_> = people[0].platform.iter().collect();
    let expected = [
        ("ID", "4711"),
        ("SIS Login ID", "ada"),
        ("SIS User ID", "S47"),
        ("Section", "S1"),
        ("Student", "Lovelace, Ada"),
    ]
    .map(|(heading, cell)| (heading.to_owned(), cell.to_owned()));
    let expected: Vec<_> = expected
        .iter()
        .map(|(heading, cell)| (heading, cell))
        .collect();
    assert_eq!(kept, expected);
    let time = "Friday, 20 November 2026, 10:58 PM";
    let text = format!(
        "Identifier,Full name,Last modified (submission),Feedback comments\n\
         Participant 88,Ada Lovelace,\"{time}\",\"two\nlines\"\n"
    );
    let people = roster(&[("roster", &text)]).expect("a roster").people;
    let kept = |heading: &str| people[0].platform.get(heading).map(String::as_str);
    assert_eq!(kept("Identifier"), Some("Participant 88"));
    assert_eq!(kept("Last modified (submission)"), Some(time));
}

#[test]
fn a_roster_with_wrong_columns_says_which_were_expected() {
    let error = roster(&[("roster", "who,what\na,b\n")]).expect_err("no roster");
    assert!(
        error.starts_with(
            "roster.csv: line 1: it has the columns `who,what`; expected those of GitHub"
        ),
        "{error}"
    );
    let error =
        roster(&[("roster", "identifier,github_username\n1,ann\n2,ANN\n")]).expect_err("twice");
    assert_eq!(
        error,
        "roster.csv: line 3: `ann` is on the roster already, in line 2"
    );
}

#[test]
fn grades_bring_times_repositories_and_teams() {
    let text = "assignment_name,github_username,roster_identifier,\
     student_repository_name,submission_timestamp,group_name\n\
                lab2,ANN,1,org/lab2-red,2026-11-01T10:00:00Z,red\nlab2,zoe,9,lab2-zoe,\
                 ,\nlab2,bob,2,lab2-red,yesterday,red\n";
    let graded = roster(&[("roster", CLASSROOM), ("grades", text)]).expect("a roster");
    let ann = &graded.people[0];
    assert_eq!(
        (ann.repository.as_deref(), ann.team.as_deref()),
        (Some("lab2-red"), Some("red"))
    );
    assert_eq!(
        ann.recorded.map(|moment| moment.to_string()),
        Some("2026-11-01T10:00:00Z".into())
    );
    assert_eq!(graded.people.len(), 3);
    assert_eq!(graded.findings.len(), 2, "{:?}", graded.findings);
    let alone = roster(&[("grades", text)]).expect("grades serve as a roster");
    assert_eq!(alone.people.len(), 3);
}

#[test]
fn an_extension_for_nobody_is_an_error() {
    let text = "login,deadline\nann,2026-11-03T00:00:00Z\n";
    let extended = roster(&[("roster", CLASSROOM), ("extensions", text)]).expect("extended");
    assert!(extended.people[0].deadline.is_some());
    for (text, says) in [
        (
            "login,deadline\nanne,2026-11-03T00:00:00Z\n",
            "line 2: `anne` is not on the roster",
        ),
        (
            "login,deadline\nann,tomorrow\n",
            "line 2: `tomorrow`: expected a date and a time",
        ),
        (
            "login\nann\n",
            "line 1: it has the columns `login`; expected `deadline` and one of",
        ),
        (
            "login,deadline\nann,2026-11-03T00:00:00Z\nAnn,2026-11-04T00:00:00Z\n",
            "an extension already, in line 2",
        ),
    ] {
        let error = roster(&[("roster", CLASSROOM), ("extensions", text)]).expect_err(text);
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn nobody_is_in_two_teams() {
    let teams = "team,login\nred,ann\nred,bob\nblue,zoe\n";
    let read = roster(&[("roster", CLASSROOM), ("teams", teams)]).expect("teams");
    assert_eq!(read.people[1].team.as_deref(), Some("red"));
    assert_eq!(read.findings.len(), 1);
    let error = roster(&[
        ("roster", CLASSROOM),
        ("teams", "team,login\nred,ann\nblue,ann\n"),
    ])
    .expect_err("two");
    assert!(
        error.contains("`ann` is in the team `red` already"),
        "{error}"
    );
}
