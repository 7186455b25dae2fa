//! The import: from a folder and a roster to a batch.

use std::{
    collections::BTreeSet,
    fs,
    path::{Component, Path, PathBuf},
};

use crate::{
    archive::Archive,
    assemble::Class,
    batch::{Batch, is_changed_by_hand},
    bulk::unpack,
    claim::Claim,
    error::{IntakeError, TakeError},
    history::{History, Records},
    layout::{Found, FoundKind, Laid, Layout, is_zip, lay_out, root_of},
    matching::{Matched, matched},
    moment::Moment,
    overrides::Overrides,
    repository::{Repository, guarded},
    roster::Roster,
    seen::SeenLog,
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
    /// The same, as `overrides.toml` corrects it: what is going to be graded.
    pub corrected: Batch,
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
pub(crate) struct Read {
    pub(crate) found: Found,
    /// Relative to the folder of the batch.
    pub(crate) path: String,
    pub(crate) history: Option<(History, Records)>,
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
    findings.extend(seen.ahead_of(request.now).map(|last| {
        format!(
            "the clock went back: the last import was at {last}, and now it is {}; of what is new \
             since then, imports prove no time",
            request.now
        )
    }));
    let overrides = Overrides::beside(&out)?;
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
    let read = found.into_iter().map(|found| read_one(found, &base));
    let (read, matched) = match_all(read.collect::<Result<_, _>>()?, &roster);
    findings.append(&mut roster.findings);
    for person in &mut roster.people {
        let own = overrides.deadline_of(&person.identifier, person.login.as_deref());
        person.deadline = own.or(person.deadline);
    }
    findings.extend(vanished(&seen, &read, &relative(&root, &base)?));
    let class = Class {
        request,
        roster: &roster,
        overrides: &overrides,
    };
    let batch = class.assemble(read, &matched, &mut seen)?;
    let mut corrected = batch.clone();
    if let Err(error) = overrides.correct(&mut corrected) {
        findings.push(format!("{error} (`batch` will refuse it)"));
    }
    let findings = findings.into_iter().map(|text| Finding { text }).collect();
    Ok(Imported {
        batch,
        corrected,
        findings,
        layout,
        out,
        seen_at,
        seen,
    })
}

/// Finds out whose each of the submissions is.
fn match_all(read: Vec<Read>, roster: &Roster) -> (Vec<Read>, Matched) {
    let (mut found, mut rest) = (Vec::new(), Vec::new());
    for one in read {
        found.push(one.found);
        rest.push((one.path, one.history));
    }
    let matched = matched(&mut found, roster);
    let read = found.into_iter().zip(rest);
    let read = read.map(|(found, (path, history))| Read {
        found,
        path,
        history,
    });
    (read.collect(), matched)
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
            "it was changed by hand since it was imported: write the changes into overrides.toml, \
             which imports leave alone, and give --replace; or move it away",
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
        FoundKind::Zip => guarded(|| Archive::of_submission(&found.path).map(|_| ())).err(),
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
    if let Some(head) = history.commits.get(&history.head) {
        notes.extend(repository.inner(head.tree)?);
    }
    let records = Records::read(folder, &repository, &history, &mut notes)?;
    Ok((history, records, notes))
}

/// Submissions that an earlier import saw and that are not there any more.
fn vanished(seen: &SeenLog, read: &[Read], root: &str) -> Vec<String> {
    let there: BTreeSet<&str> = read.iter().map(|one| one.path.as_str()).collect();
    seen.paths_below(root)
        .filter(|(path, _)| !there.contains(path))
        .map(|(path, last)| format!("`{path}` was there at the import of {last}, and is gone"))
        .collect()
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
