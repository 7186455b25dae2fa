//! Who is in the class: rosters, grades, teams and extensions.

use std::{collections::BTreeMap, path::Path};

use crate::{
    error::IntakeError,
    moment::Moment,
    table::{Table, TableRow},
};

const ROSTER: &str = "those of GitHub Classroom (`identifier,github_username,github_id,name`), of \
                      Classroom 50 (`username,first_name,last_name,email,section,github_id,role`), \
                      of a Canvas gradebook (`Student,ID,SIS Login ID,Section`) or of a Moodle \
                      grading worksheet (`Identifier,Full name,ID number,Email address`)";
const GRADES: &str = "those of GitHub Classroom's grades: `github_username`, `roster_identifier`, \
    `student_repository_name`, `submission_timestamp` (and `group_name`, if there are teams)";
const TEAMS: &str = "`team` (or `group_name`) and one of `login`, `identifier` and `email`, with a \
                     line for each member";
const EXTENSIONS: &str = "`deadline` and one of `login`, `identifier` and `email`";

const IDENTIFIER: &[&str] = &[
    "identifier",
    "roster_identifier",
    "id number",
    "sis user id",
    "student_id",
    "sid",
];
const LOGIN: &[&str] = &["github_username", "username", "login"];
const EMAIL: &[&str] = &["email", "email address", "sis login id"];
const TEAM: &[&str] = &["team", "group_name", "team_name", "group"];

/// Somebody in the class.
#[derive(Clone, Debug, Default)]
pub(crate) struct Person {
    pub(crate) identifier: String,
    pub(crate) login: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) section: Option<String>,
    pub(crate) team: Option<String>,
    pub(crate) deadline: Option<Moment>,
    /// The number by which Canvas or Moodle know the person in names of files.
    pub(crate) platform_id: Option<String>,
    /// The name of the repository, if a service told it.
    pub(crate) repository: Option<String>,
    /// When GitHub Classroom says that something was handed in.
    pub(crate) recorded: Option<Moment>,
}

/// The class, and what in the files fits nobody.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    pub(crate) people: Vec<Person>,
    pub(crate) findings: Vec<String>,
    /// Whether there was a roster (or a file that serves as one).
    pub(crate) is_known: bool,
}

impl Roster {
    /// Reads a roster of any kind.
    pub(crate) fn read(&mut self, path: &Path) -> Result<(), IntakeError> {
        let table = Table::read(path)?;
        let mut lines = BTreeMap::new();
        let canvas = table.column(&["student"]).zip(table.column(&["id"]));
        let known = [IDENTIFIER, LOGIN]
            .iter()
            .any(|names| table.column(names).is_some());
        if !known && canvas.is_none() {
            return Err(table.wrong_columns(ROSTER));
        }
        self.is_known = true;
        for row in table.rows() {
            let Some(person) = person(&table, row, canvas)? else {
                continue;
            };
            let keys = [Some(&person.identifier), person.login.as_ref()];
            for key in keys.into_iter().flatten().map(|key| key.to_lowercase()) {
                if let Some(line) = lines.insert(key.clone(), row.line)
                    && line != row.line
                {
                    return Err(table.at(
                        row.line,
                        &format!("`{key}` is on the roster already, in line {line}"),
                    ));
                }
            }
            self.people.push(person);
        }
        Ok(())
    }

    /// Reads `grades.csv` of GitHub Classroom: submission times, repositories and teams. Without a
    /// roster it is one.
    pub(crate) fn read_grades(&mut self, path: &Path) -> Result<(), IntakeError> {
        let table = Table::read(path)?;
        let login = table.needed(&["github_username"], GRADES)?;
        let time = table.needed(&["submission_timestamp"], GRADES)?;
        let repository = table.column(&["student_repository_name"]);
        let (identifier, team) = (table.column(&["roster_identifier"]), table.column(TEAM));
        let makes_roster = !self.is_known;
        if makes_roster {
            self.findings.push(format!(
                "there is no roster: the students are those of {}",
                path.display()
            ));
        }
        self.is_known = true;
        for row in table.rows() {
            let (login, identifier) = (row.cell(Some(login)), row.cell(identifier));
            let found = self.find(login, identifier, None);
            let index = match found {
                Some(index) => index,
                None if makes_roster && (login.is_some() || identifier.is_some()) => {
                    let identifier = identifier.or(login).unwrap_or_default().to_owned();
                    self.people.push(Person {
                        identifier,
                        ..Person::default()
                    });
                    self.people.len() - 1
                }
                None => {
                    let who = login.or(identifier).unwrap_or_default();
                    let text = format!(
                        "{}, line {}: `{who}` is not on the roster",
                        path.display(),
                        row.line
                    );
                    self.findings.push(text);
                    continue;
                }
            };
            let person = &mut self.people[index];
            person.login = person.login.take().or_else(|| login.map(str::to_owned));
            person.team = person
                .team
                .take()
                .or_else(|| row.cell(team).map(str::to_owned));
            // The API gives `owner/name`, the page only the name.
            let name = row
                .cell(repository)
                .map(|name| name.rsplit('/').next().unwrap_or(name).to_owned());
            person.repository = name;
            match row
                .cell(Some(time))
                .map(|text| (text, Moment::recorded(text)))
            {
                None => {}
                Some((_, Some(moment))) => person.recorded = Some(moment),
                Some((text, None)) => self.findings.push(format!(
                    "{}, line {}: the time `{text}` cannot be read, and is not used",
                    path.display(),
                    row.line
                )),
            }
        }
        Ok(())
    }

    /// Reads who is in which team.
    pub(crate) fn read_teams(&mut self, path: &Path) -> Result<(), IntakeError> {
        let table = Table::read(path)?;
        let team = table.needed(TEAM, TEAMS)?;
        let key = Key::of(&table, TEAMS)?;
        for row in table.rows() {
            let Some(team) = row.cell(Some(team)) else {
                return Err(table.at(row.line, "the team is missing"));
            };
            match key.find(self, row) {
                Some(index)
                    if self.people[index]
                        .team
                        .as_deref()
                        .is_some_and(|other| !is_same(other, team)) =>
                {
                    let other = self.people[index].team.clone().unwrap_or_default();
                    return Err(table.at(
                        row.line,
                        &format!("`{}` is in the team `{other}` already", key.text(row)),
                    ));
                }
                Some(index) => self.people[index].team = Some(team.to_owned()),
                None => {
                    let text = format!(
                        "{}, line {}: `{}` is not on the roster",
                        path.display(),
                        row.line,
                        key.text(row)
                    );
                    self.findings.push(text);
                }
            }
        }
        Ok(())
    }

    /// Reads who may hand in later. A line that fits nobody is an error: somebody would lose an
    /// extension.
    pub(crate) fn read_extensions(&mut self, path: &Path) -> Result<(), IntakeError> {
        let table = Table::read(path)?;
        let deadline = table.needed(&["deadline", "extension", "until"], EXTENSIONS)?;
        let key = Key::of(&table, EXTENSIONS)?;
        let mut lines = BTreeMap::new();
        for row in table.rows() {
            let Some(text) = row.cell(Some(deadline)) else {
                return Err(table.at(row.line, "the deadline is missing"));
            };
            let moment = Moment::parse(text)
                .map_err(|problem| table.at(row.line, &format!("`{text}`: {problem}")))?;
            let Some(index) = key.find(self, row) else {
                return Err(table.at(
                    row.line,
                    &format!("`{}` is not on the roster", key.text(row)),
                ));
            };
            if let Some(line) = lines.insert(index, row.line) {
                return Err(table.at(
                    row.line,
                    &format!(
                        "`{}` has an extension already, in line {line}",
                        key.text(row)
                    ),
                ));
            }
            self.people[index].deadline = Some(moment);
        }
        Ok(())
    }

    fn find(
        &self,
        login: Option<&str>,
        identifier: Option<&str>,
        email: Option<&str>,
    ) -> Option<usize> {
        let has = |own: Option<&str>, other: Option<&str>| {
            own.zip(other)
                .is_some_and(|(own, other)| is_same(own, other))
        };
        let position = |test: &dyn Fn(&Person) -> bool| self.people.iter().position(test);
        position(&|person| has(person.login.as_deref(), login))
            .or_else(|| position(&|person| has(Some(&person.identifier), identifier)))
            .or_else(|| position(&|person| has(person.email.as_deref(), email)))
    }
}

/// Logins and the like compare without case.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// The columns that tell whom a line of a list is about.
struct Key {
    login: Option<usize>,
    identifier: Option<usize>,
    email: Option<usize>,
}

impl Key {
    fn of(table: &Table<'_>, expected: &str) -> Result<Key, IntakeError> {
        let key = Key {
            login: table.column(LOGIN),
            identifier: table.column(IDENTIFIER),
            email: table.column(EMAIL),
        };
        let any = key.login.or(key.identifier).or(key.email);
        any.map(|_| key)
            .ok_or_else(|| table.wrong_columns(expected))
    }

    fn find(&self, roster: &Roster, row: &TableRow) -> Option<usize> {
        roster.find(
            row.cell(self.login),
            row.cell(self.identifier),
            row.cell(self.email),
        )
    }

    fn text(&self, row: &TableRow) -> String {
        let cells = [self.login, self.identifier, self.email].map(|column| row.cell(column));
        cells
            .into_iter()
            .flatten()
            .next()
            .unwrap_or("(nobody)")
            .to_owned()
    }
}

/// A line of a roster; none for those that are no students.
fn person(
    table: &Table<'_>,
    row: &TableRow,
    canvas: Option<(usize, usize)>,
) -> Result<Option<Person>, IntakeError> {
    let cell = |names: &[&str]| row.cell(table.column(names)).map(str::to_owned);
    if cell(&["role"]).is_some_and(|role| !is_student(&role)) {
        return Ok(None);
    }
    let mut person = Person {
        login: cell(LOGIN),
        name: cell(&["name", "full name"]),
        email: cell(EMAIL).filter(|email| email.contains('@')),
        section: cell(&["section"]),
        team: cell(TEAM),
        ..Person::default()
    };
    let parts = [
        cell(&["first_name", "first name"]),
        cell(&["last_name", "last name", "surname"]),
    ];
    let joined = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    person.name = person.name.or(Some(joined).filter(|name| !name.is_empty()));
    let mut identifier = cell(IDENTIFIER);
    if let Some((student, id)) = canvas {
        let student = row.cell(Some(student)).unwrap_or_default();
        // The gradebook has a line of possible points and a student for testing.
        if student.starts_with("Points Possible") || student == "Student, Test" {
            return Ok(None);
        }
        person.name = Some(first_name_first(student));
        person.platform_id = row.cell(Some(id)).map(str::to_owned);
        identifier = identifier
            .or_else(|| cell(&["sis login id"]))
            .or_else(|| person.platform_id.clone());
    }
    // Moodle numbers the participants of each assignment in the column that others use for the
    // course's own identifier.
    if let Some(number) = identifier
        .as_deref()
        .and_then(|identifier| identifier.strip_prefix("Participant "))
    {
        person.platform_id = Some(number.trim().to_owned());
        identifier = cell(&["id number"])
            .or_else(|| person.email.clone())
            .or_else(|| person.name.clone());
    }
    let fallback = || {
        person
            .login
            .clone()
            .or_else(|| person.email.clone())
            .or_else(|| person.name.clone())
    };
    match identifier.or_else(fallback) {
        Some(identifier) => Ok(Some(Person {
            identifier,
            ..person
        })),
        None => Err(table.at(
            row.line,
            "it tells neither an identifier nor a login, mail address or name",
        )),
    }
}

fn is_student(role: &str) -> bool {
    matches!(
        role.to_lowercase().as_str(),
        "student" | "students" | "learner"
    )
}

/// `Ann Ames` for `Ames, Ann`.
fn first_name_first(name: &str) -> String {
    match name.split_once(',') {
        Some((last, first)) => format!("{} {}", first.trim(), last.trim()),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
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
}
