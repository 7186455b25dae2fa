//! The import: from a folder and a roster to a batch.

use std::{
    collections::BTreeSet,
    fs,
    path::{Component, Path, PathBuf},
};

use crate::{
    archive::{Archive, SUBMISSION_BYTES},
    batch::{Batch, Student, Submission, TimeSource, Unmatched, is_changed_by_hand},
    bulk::{digest_of, unpack},
    claim::Claim,
    error::{IntakeError, TakeError},
    history::{History, Records},
    layout::{Found, FoundKind, Laid, Layout, is_zip, lay_out, root_of},
    matching::{Matched, ids, matched},
    moment::Moment,
    repository::{Repository, guarded},
    roster::Roster,
    seen::SeenLog,
    timing::{Rules, pick},
};

/// The names under which rosters are looked for.
const ROSTERS: [&str; 3] = ["classroom_roster.csv", "roster.csv", "students.csv"];

/// What to import, and how.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    /// The folder of the submissions, or an archive of the whole class.
    pub dir: PathBuf,
    /// How they are laid out; found out if `None`.
    pub layout: Option<Layout>,
    /// The file to write; `batch.toml` in the folder (or beside the archive) if `None`.
    pub out: Option<PathBuf>,
    /// The roster; looked for in the folder and beside it if `None`.
    pub roster: Option<PathBuf>,
    /// GitHub Classroom's grades, for times; looked for as `grades.csv` if `None`.
    pub grades: Option<PathBuf>,
    /// Who is in which team; looked for as `teams.csv` if `None`.
    pub teams: Option<PathBuf>,
    /// Who may hand in later.
    pub extensions: Option<PathBuf>,
    /// When submissions had to be there.
    pub deadline: Option<Moment>,
    /// The present.
    pub now: Moment,
    /// Take the last commit, however late.
    pub take_late: bool,
    /// Prefer commits with a `submit/*` tag.
    pub prefer_tags: bool,
    /// Replace a batch that was changed by hand.
    pub replace: bool,
}

/// Something about the import as a whole that somebody should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// One sentence. It may hold names that students chose.
    pub text: String,
}

/// What an import found.
#[derive(Debug)]
pub struct Imported {
    /// Who handed in what.
    pub batch: Batch,
    /// What is not about one submission.
    pub findings: Vec<Finding>,
    /// How the submissions are laid out.
    pub layout: Layout,
    out: PathBuf,
    seen_at: PathBuf,
    seen: SeenLog,
}

impl Imported {
    /// The file that [`write`](Self::write) writes.
    pub fn path(&self) -> &Path {
        &self.out
    }

    /// Writes `batch.toml`, and `seen.toml` beside it.
    ///
    /// # Errors
    /// If one of them cannot be written.
    pub fn write(&self) -> Result<(), IntakeError> {
        // In this order nothing is forgotten if it ends between the two: the same import again
        // writes the same.
        self.seen.write(&self.seen_at)?;
        self.batch.write(&self.out)
    }
}

/// A submission, and what was read of it.
struct Read {
    found: Found,
    /// Relative to the folder of the batch.
    path: String,
    history: Option<(History, Records)>,
}

/// Finds out who handed in what, and when. Nothing is written but the folder of an archive of the
/// whole class.
///
/// # Errors
/// If the folder, a roster or a list cannot be used, or a batch is there that somebody changed by
/// hand.
pub fn import(request: &ImportRequest) -> Result<Imported, IntakeError> {
    let mut findings = Vec::new();
    let (out, base) = output(request)?;
    let seen_at = base.join("seen.toml");
    let mut seen = SeenLog::read(&seen_at)?;
    let dir = folder_of_class(request, &base, &mut findings)?;
    let root = root_of(&dir)?;
    let mut roster = read_roster(request, &[&root, &dir, &request.dir], &mut findings)?;
    let Laid {
        layout,
        found,
        findings: of_layout,
    } = lay_out(&root, request.layout, &roster)?;
    findings.extend(of_layout);
    if found.is_empty() {
        let problem = "there are no submissions: expected a folder or zip file for each student \
                       (`--layout` says how)";
        return Err(IntakeError::input(&root, problem));
    }
    // Paths are told from the folder of the batch, so it has to be somewhere.
    fs::create_dir_all(&base).map_err(IntakeError::io("make", &base))?;
    let mut read = found
        .into_iter()
        .map(|found| read_one(found, &base))
        .collect::<Result<Vec<_>, _>>()?;
    let matched = {
        let mut found: Vec<Found> = Vec::new();
        let mut rest = Vec::new();
        for one in read {
            found.push(one.found);
            rest.push((one.path, one.history));
        }
        let matched = matched(&mut found, &roster);
        read = found
            .into_iter()
            .zip(rest)
            .map(|(found, (path, history))| Read {
                found,
                path,
                history,
            })
            .collect();
        matched
    };
    findings.append(&mut roster.findings);
    let batch = assemble(request, &roster, read, &matched, &mut seen)?;
    let findings = findings.into_iter().map(|text| Finding { text }).collect();
    Ok(Imported {
        batch,
        findings,
        layout,
        out,
        seen_at,
        seen,
    })
}

/// The folder of the class; an archive of the whole class is unpacked.
fn folder_of_class(
    request: &ImportRequest,
    base: &Path,
    findings: &mut Vec<String>,
) -> Result<PathBuf, IntakeError> {
    match fs::metadata(&request.dir) {
        Ok(metadata) if metadata.is_dir() => Ok(request.dir.clone()),
        Ok(metadata) if metadata.is_file() && is_zip(&request.dir.to_string_lossy()) => {
            unpack(&request.dir, base, findings)
        }
        Ok(_) => {
            let problem = "expected a folder of submissions, or a zip file of the class";
            Err(IntakeError::input(&request.dir, problem))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let problem = "there is no such folder or file";
            Err(IntakeError::input(&request.dir, problem))
        }
        Err(error) => Err(IntakeError::io("read", &request.dir)(error)),
    }
}

/// The file to write, and its folder.
fn output(request: &ImportRequest) -> Result<(PathBuf, PathBuf), IntakeError> {
    let absolute = |path: &Path| std::path::absolute(path).map_err(IntakeError::io("find", path));
    let dir = absolute(&request.dir)?;
    let beside = if dir.is_dir() {
        dir.clone()
    } else {
        dir.parent().unwrap_or(&dir).to_owned()
    };
    let out = request
        .out
        .as_deref()
        .map(absolute)
        .transpose()?
        .unwrap_or_else(|| beside.join("batch.toml"));
    let base = out.parent().unwrap_or(&out).to_owned();
    match fs::read_to_string(&out) {
        Ok(text) if is_changed_by_hand(&text) && !request.replace => Err(IntakeError::input(
            &out,
            "it was changed by hand since it was imported: move it away to keep the changes, or \
             give --replace to lose them",
        )),
        Ok(_) => Ok((out, base)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((out, base)),
        Err(error) => Err(IntakeError::io("read", &out)(error)),
    }
}

fn read_roster(
    request: &ImportRequest,
    dirs: &[&Path],
    findings: &mut Vec<String>,
) -> Result<Roster, IntakeError> {
    let mut places: Vec<PathBuf> = Vec::new();
    for dir in dirs {
        let dir = std::path::absolute(dir).map_err(IntakeError::io("find", dir))?;
        places.extend(
            [dir.clone()]
                .into_iter()
                .chain(dir.parent().map(Path::to_owned)),
        );
    }
    let mut look_for = |given: &Option<PathBuf>, names: &[&str]| {
        if given.is_some() {
            return given.clone();
        }
        let all = places
            .iter()
            .flat_map(|place| names.iter().map(|name| place.join(name)));
        let found = all.into_iter().find(|path| path.is_file());
        if let Some(path) = &found {
            findings.push(format!("{} is used", path.display()));
        }
        found
    };
    let mut roster = Roster::default();
    if let Some(path) = look_for(&request.roster, &ROSTERS) {
        roster.read(&path)?;
    }
    if let Some(path) = look_for(&request.grades, &["grades.csv"]) {
        roster.read_grades(&path)?;
    }
    if let Some(path) = look_for(&request.teams, &["teams.csv"]) {
        roster.read_teams(&path)?;
    }
    if let Some(path) = &request.extensions {
        roster.read_extensions(path)?;
    }
    if !roster.is_known {
        findings
            .push("there is no roster: every submission is nobody's (give --roster FILE)".into());
    }
    Ok(roster)
}

/// Reads what says whose a submission is, and when it was there. What is wrong with it is its own
/// problem.
fn read_one(mut found: Found, base: &Path) -> Result<Read, IntakeError> {
    let path = relative(&found.path, base)?;
    let mut history = None;
    let problem = match found.kind {
        _ if found.problem.is_some() => None,
        FoundKind::Clone => match guarded(|| read_clone(&found.path)) {
            Ok((read, records, notes)) => {
                found.notes.extend(notes);
                found.claims.extend(
                    records
                        .logins
                        .iter()
                        .map(|login| vec![Claim::Login(login.clone())]),
                );
                history = Some((read, records));
                None
            }
            Err(error) => Some(error),
        },
        FoundKind::Zip => {
            guarded(|| Archive::open(&found.path, SUBMISSION_BYTES).map(|_| ())).err()
        }
        FoundKind::Folder | FoundKind::Other => None,
    };
    match problem {
        None => {}
        Some(TakeError::Submission(problem)) => found.problem = Some(problem),
        // The import of a class does not end because one folder cannot be read; but it says so.
        Some(TakeError::Machine(problem)) => {
            found.problem = Some(format!("on this machine: {problem}"))
        }
    }
    Ok(Read {
        found,
        path,
        history,
    })
}

fn read_clone(folder: &Path) -> Result<(History, Records, Vec<String>), TakeError> {
    let repository = Repository::open(folder)?;
    let history = History::read(&repository)?;
    let mut notes = Vec::new();
    let records = Records::read(folder, &repository, &history, &mut notes)?;
    Ok((history, records, notes))
}

/// Batch in hand: submissions by name, students in the order of the roster.
fn assemble(
    request: &ImportRequest,
    roster: &Roster,
    read: Vec<Read>,
    matched: &Matched,
    seen: &mut SeenLog,
) -> Result<Batch, IntakeError> {
    let mut batch = Batch::new(request.deadline);
    let names: Vec<String> = read
        .iter()
        .zip(&matched.owners)
        .map(|(one, owners)| name_for(&one.found, owners, roster))
        .collect();
    let ids = ids(names.iter().map(String::as_str));
    for ((one, owners), id) in read.into_iter().zip(&matched.owners).zip(&ids) {
        if owners.is_empty() {
            let (path, login) = (one.path.clone(), one.found.login.clone());
            batch.unmatched.push(Unmatched {
                path,
                login,
                submission: id.clone(),
            });
        }
        batch
            .submissions
            .push(submission(request, roster, one, owners, id, seen)?);
    }
    batch.students = roster
        .people
        .iter()
        .enumerate()
        .map(|(index, person)| Student {
            identifier: person.identifier.clone(),
            login: person.login.clone(),
            name: person.name.clone(),
            email: person.email.clone(),
            section: person.section.clone(),
            team: person.team.clone(),
            submission: matched
                .submission
                .get(&index)
                .map(|index| ids[*index].clone()),
            deadline: person.deadline.map(|deadline| deadline.to_string()),
        })
        .collect();
    Ok(batch)
}

fn name_for(found: &Found, owners: &BTreeSet<usize>, roster: &Roster) -> String {
    let people: Vec<_> = owners.iter().map(|index| &roster.people[*index]).collect();
    match people.as_slice() {
        [person] => person
            .login
            .clone()
            .unwrap_or_else(|| person.identifier.clone()),
        [person, ..] => person
            .team
            .clone()
            .or_else(|| found.login.clone())
            .unwrap_or_else(|| found.name.clone()),
        [] => found.login.clone().unwrap_or_else(|| found.name.clone()),
    }
}

fn submission(
    request: &ImportRequest,
    roster: &Roster,
    one: Read,
    owners: &BTreeSet<usize>,
    id: &str,
    seen: &mut SeenLog,
) -> Result<Submission, IntakeError> {
    let Read {
        found,
        path,
        history,
    } = one;
    let mut submission = Submission {
        id: id.to_owned(),
        path,
        ..Submission::default()
    };
    submission.notes = found.notes;
    submission.problem = found.problem;
    let (deadline, note) = deadline_of(request, roster, owners);
    submission.notes.extend(note);
    let mut time = found
        .recorded
        .map(|moment| (moment, TimeSource::ServerRecord));
    if let Some((history, mut records)) = history {
        let commits: Vec<String> = history.order.iter().map(ToString::to_string).collect();
        let bounds = seen.look(&submission.path, &commits, request.now);
        records.unnamed = owners
            .iter()
            .filter_map(|index| roster.people[*index].recorded)
            .max();
        let (now, take_late, prefer_tags) = (request.now, request.take_late, request.prefer_tags);
        let picked = pick(
            &history,
            &bounds,
            &records,
            Rules {
                deadline,
                now,
                take_late,
                prefer_tags,
            },
        );
        submission.commit = Some(picked.commit.to_string());
        submission.problem = submission.problem.or(picked.problem);
        submission.notes.extend(picked.notes);
        time = Some((picked.time, picked.source));
    } else if found.kind == FoundKind::Zip && submission.problem.is_none() {
        let digest = digest_of(&found.path)?;
        let bounds =
            seen.look(&submission.path, std::slice::from_ref(&digest), request.now)[&digest];
        let is_proof = deadline.is_some_and(|deadline| {
            bounds.at <= deadline || bounds.after.is_some_and(|after| after >= deadline)
        });
        time = time.or(is_proof.then_some((bounds.at, TimeSource::FirstImport)));
    }
    if let Some((moment, source)) = time {
        submission.submitted_at = Some(moment.to_string());
        submission.time_source = Some(source);
        let late = deadline.map_or(0, |deadline| moment.seconds() - deadline.seconds());
        submission.late_s = u64::try_from(late).ok().filter(|late| *late > 0);
    }
    Ok(submission)
}

/// The latest deadline of those whose submission it is, and a note if they have several.
fn deadline_of(
    request: &ImportRequest,
    roster: &Roster,
    owners: &BTreeSet<usize>,
) -> (Option<Moment>, Option<String>) {
    let own: Vec<Option<Moment>> = owners
        .iter()
        .map(|index| roster.people[*index].deadline.or(request.deadline))
        .collect();
    let deadline = match own.iter().max() {
        None => request.deadline,
        Some(latest) if own.contains(&None) => latest.and(None),
        Some(latest) => *latest,
    };
    let differ = own.iter().any(|other| *other != own[0]);
    let note = differ.then(|| {
        let told = deadline.map_or("there is none".to_owned(), |deadline| deadline.to_string());
        format!("the deadlines of the team's members differ, and the latest counts: {told}")
    });
    (deadline, note)
}

/// The way from a folder to a path, with `/`.
fn relative(path: &Path, base: &Path) -> Result<String, IntakeError> {
    // The last part stays as it is: it may be a link, which is not followed.
    let whole = |path: &Path| -> Result<PathBuf, IntakeError> {
        let parent = path.parent().unwrap_or(path);
        let parent = fs::canonicalize(parent).map_err(IntakeError::io("find", parent))?;
        Ok(path
            .file_name()
            .map_or_else(|| parent.clone(), |name| parent.join(name)))
    };
    let path = whole(path)?;
    let base = fs::canonicalize(base).map_err(IntakeError::io("find", base))?;
    let (path_parts, base_parts): (Vec<_>, Vec<_>) =
        (path.components().collect(), base.components().collect());
    let shared = path_parts
        .iter()
        .zip(&base_parts)
        .take_while(|(one, other)| one == other)
        .count();
    if shared == 0 {
        let problem = format!(
            "it is on another drive than {}: write the batch to the same one",
            base.display()
        );
        return Err(IntakeError::input(&path, problem));
    }
    let up = base_parts[shared..].iter().map(|_| "..".to_owned());
    let down = path_parts[shared..].iter().map(|part| match part {
        Component::Normal(name) => name.to_string_lossy().into_owned(),
        other => other.as_os_str().to_string_lossy().into_owned(),
    });
    let parts: Vec<String> = up.chain(down).collect();
    Ok(parts.join("/"))
}
