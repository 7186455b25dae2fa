//! Who is in the class: rosters, grades, teams and extensions.

use std::{collections::BTreeMap, path::Path};

use crate::{
    account::{Account, is_shortened},
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
/// The columns that a gradebook of Canvas or Moodle must have when it is brought back.
const CANVAS: &[&str] = &[
    "student",
    "id",
    "sis user id",
    "sis login id",
    "integration id",
    "root account",
    "section",
];
const MOODLE: &[&str] = &[
    "identifier",
    "full name",
    "id number",
    "email address",
    "status",
    "maximum grade",
    "grade can be changed",
    "last modified (submission)",
    "last modified (grade)",
];
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
    /// What Canvas or Moodle want back in a gradebook, by the headings of their file.
    pub(crate) platform: BTreeMap<String, String>,
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
            let Some((person, note)) = person(&table, row, canvas)? else {
                continue;
            };
            let note = note.map(|note| format!("{}, line {}: {note}", path.display(), row.line));
            self.findings.extend(note);
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
            let identifier = whole_number(&table, row, identifier)?;
            let (login, mail) = match account(&table, row, Some(login))? {
                Some(Account::Login(login)) => (Some(login), None),
                Some(Account::Mail(mail)) => (None, Some(mail)),
                None => (None, None),
            };
            let login = login.as_deref();
            let found = self.find(login, identifier, mail.as_deref());
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
            match key.find(self, &table, row)? {
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
            let Some(index) = key.find(self, &table, row)? else {
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

    fn find(
        &self,
        roster: &Roster,
        table: &Table<'_>,
        row: &TableRow,
    ) -> Result<Option<usize>, IntakeError> {
        let (login, mail) = match account(table, row, self.login)? {
            Some(Account::Login(login)) => (Some(login), None),
            Some(Account::Mail(mail)) => (None, Some(mail)),
            None => (None, None),
        };
        Ok(roster.find(
            login.as_deref(),
            whole_number(table, row, self.identifier)?,
            row.cell(self.email).or(mail.as_deref()),
        ))
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

/// What stands in a column of accounts.
fn account(
    table: &Table<'_>,
    row: &TableRow,
    column: Option<usize>,
) -> Result<Option<Account>, IntakeError> {
    whole_number(table, row, column)?
        .map(Account::read)
        .transpose()
        .map_err(|problem| table.at(row.line, &problem))
}

/// A cell whose digits are all there.
fn whole_number<'a>(
    table: &Table<'_>,
    row: &'a TableRow,
    column: Option<usize>,
) -> Result<Option<&'a str>, IntakeError> {
    match row.cell(column) {
        Some(text) if is_shortened(text) => {
            let problem = format!(
                "`{text}` is a number that a spreadsheet has shortened, and its digits are lost: \
                 export the file again, and do not save it from a spreadsheet before its column is \
                 formatted as text"
            );
            Err(table.at(row.line, &problem))
        }
        text => Ok(text),
    }
}

/// A line of a roster, and what somebody should know of it; none for those that are no students.
fn person(
    table: &Table<'_>,
    row: &TableRow,
    canvas: Option<(usize, usize)>,
) -> Result<Option<(Person, Option<String>)>, IntakeError> {
    let keys = IDENTIFIER.iter().chain(LOGIN).chain(EMAIL);
    for column in keys
        .map(|name| table.column(&[name]))
        .chain([canvas.map(|(_, id)| id)])
    {
        whole_number(table, row, column)?;
    }
    let cell = |names: &[&str]| row.cell(table.column(names)).map(str::to_owned);
    if cell(&["role"]).is_some_and(|role| !is_student(&role)) {
        return Ok(None);
    }
    let (login, mail) = match account(table, row, table.column(LOGIN))? {
        Some(Account::Login(login)) => (Some(login), None),
        Some(Account::Mail(mail)) => (None, Some(mail)),
        None => (None, None),
    };
    let note = mail.as_ref().map(|mail| {
        format!("`{mail}` is a mail address, no login: whose account it is, is not known")
    });
    let email = cell(EMAIL).filter(|email| email.contains('@'));
    let mut person = Person {
        login,
        name: cell(&["name", "full name"]),
        email: email.or(mail),
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
    let Some(identifier) = identify(&mut person, table, row, canvas) else {
        return Ok(None);
    };
    let fallback = || {
        person
            .login
            .clone()
            .or_else(|| person.email.clone())
            .or_else(|| person.name.clone())
    };
    match identifier.or_else(fallback) {
        Some(identifier) => {
            let person = Person {
                identifier,
                ..person
            };
            Ok(Some((person, note)))
        }
        None => Err(table.at(
            row.line,
            "it tells neither an identifier nor a login, mail address or name",
        )),
    }
}

/// The identifier that a line tells, and what platforms tell besides. The outer none is for those
/// that are no students.
fn identify(
    person: &mut Person,
    table: &Table<'_>,
    row: &TableRow,
    canvas: Option<(usize, usize)>,
) -> Option<Option<String>> {
    let cell = |names: &[&str]| row.cell(table.column(names)).map(str::to_owned);
    let mut identifier = cell(IDENTIFIER);
    if let Some((student, id)) = canvas {
        let student = row.cell(Some(student)).unwrap_or_default();
        // The gradebook has a line of possible points, one of how scores are posted (without a
        // name), and a student for testing.
        let is_none = student.is_empty() || student.starts_with("Points Possible");
        if is_none || student == "Student, Test" {
            return None;
        }
        person.name = Some(first_name_first(student));
        person.platform_id = row.cell(Some(id)).map(str::to_owned);
        person.platform = cells_of(table, row, CANVAS);
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
        person.platform = cells_of(table, row, MOODLE);
        identifier = cell(&["id number"])
            .or_else(|| person.email.clone())
            .or_else(|| person.name.clone());
    }
    Some(identifier)
}

/// What a line has in some columns, by their headings as they stand there.
fn cells_of(table: &Table<'_>, row: &TableRow, headings: &[&str]) -> BTreeMap<String, String> {
    let cells = headings.iter().filter_map(|heading| {
        let column = table.column(&[heading])?;
        let cell = row.cell(Some(column))?;
        Some((table.title(column).to_owned(), cell.to_owned()))
    });
    cells.collect()
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
mod tests;
