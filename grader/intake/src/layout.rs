//! Where the submissions lie below a folder, and what their names say.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::{
    bulk::{CanvasName, GRADESCOPE, GradescopeRecord, MoodleName, read_gradescope},
    choosing::{archive_inside, without_git},
    claim::{Claim, slug},
    error::IntakeError,
    moment::Moment,
    repository::is_repository,
    roster::Roster,
};

/// How the submissions are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Clones of GitHub Classroom: `<prefix>-<login>` in `<assignment>-submissions`.
    Classroom,
    /// Clones of Classroom 50: `<classroom>-<assignment>-<login>`, with `result.json`.
    Classroom50,
    /// A folder for each student, named by login or identifier.
    Flat,
    /// A zip file for each student, named by login or identifier.
    Zips,
    /// The bulk download of Canvas.
    Canvas,
    /// The bulk download of Moodle.
    Moodle,
    /// The bulk download of Gradescope.
    Gradescope,
}

/// Something that may be a submission.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// The name of the file or folder.
    pub(crate) name: String,
    pub(crate) kind: FoundKind,
    /// Whose it is: for each person (or team) ways to find out, the best first.
    pub(crate) claims: Vec<Vec<Claim>>,
    /// The account that the name tells.
    pub(crate) login: Option<String>,
    /// When a server took it.
    pub(crate) recorded: Option<Moment>,
    pub(crate) notes: Vec<String>,
    pub(crate) problem: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FoundKind {
    /// A folder with a `.git`, or a bare repository.
    Clone,
    Folder,
    Zip,
    Other,
}

/// The submissions of a folder.
#[derive(Debug)]
pub(crate) struct Laid {
    pub(crate) layout: Layout,
    pub(crate) found: Vec<Found>,
    pub(crate) findings: Vec<String>,
}

/// The folder that holds the submissions: DIR, or the only `*-submissions` (or unpacked download)
/// in it.
pub(crate) fn root_of(dir: &Path) -> Result<PathBuf, IntakeError> {
    let mut folders = Vec::new();
    let mut others = 0;
    for entry in fs::read_dir(dir).map_err(IntakeError::io("read", dir))? {
        let entry = entry.map_err(IntakeError::io("read", dir))?;
        let kind = entry
            .file_type()
            .map_err(IntakeError::io("read", &entry.path()))?;
        if kind.is_dir() && !entry.file_name().to_string_lossy().starts_with('.') {
            folders.push(entry.path());
        } else if is_zip(&entry.file_name().to_string_lossy()) {
            others += 1;
        }
    }
    let of_assignments = folders
        .iter()
        .filter(|folder| assignment_of(folder).is_some())
        .collect::<Vec<_>>();
    match (of_assignments.as_slice(), folders.as_slice()) {
        ([one], _) => Ok((*one).clone()),
        ([one, other, ..], _) => Err(IntakeError::input(
            dir,
            format!(
                "it holds several assignments, such as `{}` and `{}`: name one of them",
                name_of(one),
                name_of(other)
            ),
        )),
        ([], [one]) if others == 0 && one.join(GRADESCOPE).is_file() => Ok(one.clone()),
        _ => Ok(dir.to_owned()),
    }
}

/// Looks at what lies in the folder.
pub(crate) fn lay_out(
    root: &Path,
    layout: Option<Layout>,
    roster: &Roster,
) -> Result<Laid, IntakeError> {
    let mut findings = Vec::new();
    let mut found = entries(root, &mut findings)?;
    let layout = layout.unwrap_or_else(|| detect(root, &found));
    match layout {
        Layout::Classroom | Layout::Classroom50 | Layout::Flat | Layout::Zips => {
            let is_wanted = |found: &Found| layout != Layout::Zips || found.kind == FoundKind::Zip;
            keep(&mut found, is_wanted, "is no zip file", &mut findings);
            let prefix = if layout == Layout::Flat {
                Some(String::new())
            } else {
                best_prefix(root, &found, roster)
            };
            found
                .iter_mut()
                .for_each(|found| claim_by_name(found, prefix.as_deref()));
        }
        Layout::Canvas => {
            keep(
                &mut found,
                |found| found.kind != FoundKind::Folder,
                "is a folder",
                &mut findings,
            );
            found.iter_mut().for_each(claim_of_canvas);
        }
        Layout::Moodle => {
            let is_text =
                |found: &Found| MoodleName::parse(&found.name).is_some_and(|name| name.is_text);
            keep(
                &mut found,
                |found| !is_text(found),
                "is a text that was typed in",
                &mut findings,
            );
            found.iter_mut().for_each(claim_of_moodle);
        }
        Layout::Gradescope => {
            let records = read_gradescope(&root.join(GRADESCOPE))?;
            claim_of_gradescope(root, &mut found, &records, &mut findings);
        }
    }
    for found in &mut found {
        if matches!(layout, Layout::Canvas | Layout::Moodle | Layout::Gradescope) {
            without_git(found);
        }
        archive_inside(found);
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Laid {
        layout,
        found,
        findings,
    })
}

pub(crate) fn is_zip(name: &str) -> bool {
    name.to_lowercase().ends_with(".zip")
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// `lab2` for `lab2-submissions`.
fn assignment_of(path: &Path) -> Option<String> {
    name_of(path)
        .strip_suffix("-submissions")
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
}

/// Everything in a folder that may be a submission; files that cannot be are told, unless they have
/// their own meaning.
fn entries(root: &Path, findings: &mut Vec<String>) -> Result<Vec<Found>, IntakeError> {
    let mut all = Vec::new();
    for entry in fs::read_dir(root).map_err(IntakeError::io("read", root))? {
        let entry = entry.map_err(IntakeError::io("read", root))?;
        let file_type = entry
            .file_type()
            .map_err(IntakeError::io("read", &entry.path()))?;
        all.push((entry.file_name(), entry.path(), file_type));
    }
    all.sort_by(|one, other| one.0.cmp(&other.0));
    let mut found = Vec::new();
    for (name, path, file_type) in all {
        let is_text = name.to_str().is_some();
        let name = name.to_string_lossy().into_owned();
        let Some((kind, problem)) = kind_of(&name, &path, file_type) else {
            if !has_other_meaning(&name) {
                findings.push(format!(
                    "`{name}` is neither a folder nor a zip file, and was not taken"
                ));
            }
            continue;
        };
        if name.starts_with('.') || name == "__MACOSX" {
            continue;
        }
        if kind == FoundKind::Folder && path.join("scores.json").is_file() {
            findings.push(format!(
                "`{name}` holds `scores.json`: these are results, and were not taken"
            ));
            continue;
        }
        let unreadable = (!is_text).then_some("its name is not UTF-8: rename it");
        let problem = problem.or(unreadable).map(str::to_owned);
        let (claims, notes) = (Vec::new(), Vec::new());
        found.push(Found {
            path,
            name,
            kind,
            claims,
            login: None,
            recorded: None,
            notes,
            problem,
        });
    }
    Ok(found)
}

/// What may be a submission is, and why it cannot be read as one; none for other files.
fn kind_of(
    name: &str,
    path: &Path,
    file_type: fs::FileType,
) -> Option<(FoundKind, Option<&'static str>)> {
    if file_type.is_symlink() {
        let problem = "it is a link, which is not followed";
        Some((FoundKind::Other, Some(problem)))
    } else if file_type.is_dir() && is_repository(path) {
        Some((FoundKind::Clone, None))
    } else if file_type.is_dir() {
        Some((FoundKind::Folder, None))
    } else if file_type.is_file() && is_zip(name) {
        Some((FoundKind::Zip, None))
    } else if MoodleName::parse(name).is_some() || CanvasName::parse(name).is_some() {
        let problem = "it is no zip file: ask for a zip file of the crate";
        Some((FoundKind::Other, Some(problem)))
    } else {
        None
    }
}

/// Whether a file is there for something else than to be a submission.
fn has_other_meaning(name: &str) -> bool {
    let lower = name.to_lowercase();
    name.starts_with('.')
        || name == "__MACOSX"
        || [".csv", ".toml", ".json", ".yml", ".md", ".txt", ".html"]
            .iter()
            .any(|ending| lower.ends_with(ending))
}

fn keep(
    found: &mut Vec<Found>,
    wanted: impl Fn(&Found) -> bool,
    why: &str,
    findings: &mut Vec<String>,
) {
    for other in found.extract_if(.., |found| !wanted(found)) {
        findings.push(format!("`{}` {why}, and was not taken", other.name));
    }
}

fn detect(root: &Path, found: &[Found]) -> Layout {
    let zips = || found.iter().filter(|found| found.kind == FoundKind::Zip);
    if root.join(GRADESCOPE).is_file() {
        Layout::Gradescope
    } else if found
        .iter()
        .any(|found| MoodleName::parse(&found.name).is_some())
    {
        Layout::Moodle
    } else if zips().count() > 0 && zips().all(|found| CanvasName::parse(&found.name).is_some()) {
        Layout::Canvas
    } else if found
        .iter()
        .any(|found| found.kind == FoundKind::Clone && found.path.join("result.json").is_file())
    {
        Layout::Classroom50
    } else if zips().count() > 0 && zips().count() == found.len() {
        Layout::Zips
    } else {
        Layout::Classroom
    }
}

/// What stands before the login in the names: of their beginnings up to a hyphen, the one behind
/// which most logins of the roster follow. None if the roster does not tell, nor the name of the
/// folder.
fn best_prefix(root: &Path, found: &[Found], roster: &Roster) -> Option<String> {
    let assignment = assignment_of(root).map(|assignment| format!("{assignment}-"));
    let mut candidates: BTreeSet<String> =
        assignment.iter().cloned().chain([String::new()]).collect();
    for name in found.iter().map(bare) {
        candidates.extend(
            name.match_indices('-')
                .map(|(at, _)| name[..=at].to_owned()),
        );
    }
    let people = || roster.people.iter();
    let names = people()
        .flat_map(|person| [Some(&person.identifier), person.login.as_ref()])
        .flatten();
    let names: BTreeSet<String> = names.map(|name| name.to_lowercase()).collect();
    let teams: BTreeSet<String> = people()
        .filter_map(|person| person.team.as_deref())
        .map(slug)
        .collect();
    let score = |prefix: &String| {
        let rests = found
            .iter()
            .filter_map(|found| bare(found).strip_prefix(prefix.as_str()));
        rests
            .filter(|rest| names.contains(&rest.to_lowercase()) || teams.contains(&slug(rest)))
            .count()
    };
    // The name of the folder decides where the roster does not; the shortest comes last, so that it
    // wins what is left.
    let rank = |prefix: &String| (score(prefix), Some(prefix) == assignment.as_ref());
    let mut candidates: Vec<String> = candidates.into_iter().collect();
    candidates.sort_by_key(|prefix| std::cmp::Reverse(prefix.len()));
    let best = candidates.into_iter().max_by_key(rank)?;
    let is_told = score(&best) > 0 || Some(&best) == assignment.as_ref();
    is_told.then_some(best)
}

/// The name without `.zip` or `.git`.
fn bare(found: &Found) -> &str {
    let name = &found.name;
    match found.kind {
        FoundKind::Zip => &name[..name.len() - ".zip".len()],
        // Bare clones and mirrors are called so.
        FoundKind::Clone => name.strip_suffix(".git").unwrap_or(name),
        FoundKind::Folder | FoundKind::Other => name,
    }
}

fn claim_by_name(found: &mut Found, prefix: Option<&str>) {
    let name = bare(found).to_owned();
    let mut claims = vec![Claim::Repository(name.clone())];
    if let Some(rest) = prefix.and_then(|prefix| name.strip_prefix(prefix)) {
        claims.extend([
            Claim::Login(rest.to_owned()),
            Claim::Identifier(rest.to_owned()),
            Claim::Team(rest.to_owned()),
        ]);
        let is_login = !rest.is_empty()
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        found.login = is_login.then(|| rest.to_owned());
    }
    found.claims = vec![claims];
}

fn claim_of_canvas(found: &mut Found) {
    let Some(name) = CanvasName::parse(&found.name) else {
        return;
    };
    if name.is_late {
        found.notes.push("Canvas marks it as late".into());
    }
    found.claims = vec![vec![
        Claim::PlatformId(name.user),
        Claim::SqueezedName(name.name),
    ]];
}

fn claim_of_moodle(found: &mut Found) {
    let Some(name) = MoodleName::parse(&found.name) else {
        return;
    };
    found.claims = vec![vec![
        Claim::PlatformId(name.participant),
        Claim::Name(name.name),
    ]];
}

fn claim_of_gradescope(
    root: &Path,
    found: &mut [Found],
    records: &BTreeMap<String, GradescopeRecord>,
    findings: &mut Vec<String>,
) {
    for found in found.iter_mut() {
        let Some(record) = records.get(&found.name) else {
            continue;
        };
        found.recorded = record.time();
        let claims = record.submitters.iter().map(|submitter| {
            let identifier = submitter.sid.clone().map(Claim::Identifier);
            let email = submitter.email.clone().map(Claim::Email);
            [identifier, email, submitter.name.clone().map(Claim::Name)]
                .into_iter()
                .flatten()
                .collect()
        });
        found.claims = claims.collect();
    }
    for name in records
        .keys()
        .filter(|name| !found.iter().any(|found| found.name == **name))
    {
        findings.push(format!(
            "{GRADESCOPE} tells of `{name}`, and {} has no such folder",
            root.display()
        ));
    }
}
