//! The batch of what was found, read and matched.

use std::collections::{BTreeMap, BTreeSet};

use gix_hash::ObjectId;

use crate::{
    batch::{Batch, Student, Submission, TimeSource, Unmatched},
    bulk::digest_of,
    error::IntakeError,
    import::{ImportRequest, Read},
    layout::{Found, FoundKind},
    matching::{Matched, ids},
    moment::Moment,
    overrides::Overrides,
    roster::Roster,
    seen::SeenLog,
    timing::{Rules, pick},
};

/// Maximum number of commits that are named of those that are gone.
const GONE_NAMED: usize = 3;

/// What is known of the class besides its submissions.
pub(crate) struct Class<'a> {
    pub(crate) request: &'a ImportRequest,
    pub(crate) roster: &'a Roster,
    pub(crate) overrides: &'a Overrides,
}

impl Class<'_> {
    /// Batch in hand: submissions by name, students in the order of the roster.
    pub(crate) fn assemble(
        &self,
        read: Vec<Read>,
        matched: &Matched,
        seen: &mut SeenLog,
    ) -> Result<Batch, IntakeError> {
        let mut batch = Batch::new(self.request.deadline);
        let is_one = |index: &usize| !matched.besides.contains(index);
        let kept: Vec<usize> = (0..read.len()).filter(is_one).collect();
        let names = kept
            .iter()
            .map(|index| self.name_for(&read[*index].found, &matched.owners[*index]));
        let names: Vec<String> = names.collect();
        let ids = ids(names.iter().map(String::as_str));
        let ids: BTreeMap<usize, String> = kept.into_iter().zip(ids).collect();
        for (index, one) in read.into_iter().enumerate() {
            let Some(id) = ids.get(&index) else { continue };
            let owners = &matched.owners[index];
            if owners.is_empty() {
                let (path, login) = (one.path.clone(), one.found.login.clone());
                batch.unmatched.push(Unmatched {
                    path,
                    login,
                    submission: id.clone(),
                });
            }
            let mut submission = self.submission(one, owners, id, seen)?;
            let instead_of = matched.instead_of.get(&index);
            submission.instead_of = instead_of.map(|first| ids[first].clone());
            batch.submissions.push(submission);
        }
        let people = self.roster.people.iter().enumerate();
        let students = people.map(|(index, person)| {
            let submission = matched
                .submission
                .get(&index)
                .map(|index| ids[index].clone());
            let own = submission.as_deref();
            let deadline = own.and_then(|id| self.overrides.deadline_of_submission(id));
            let deadline = deadline.or(person.deadline);
            Student {
                identifier: person.identifier.clone(),
                login: person.login.clone(),
                name: person.name.clone(),
                email: person.email.clone(),
                section: person.section.clone(),
                team: person.team.clone(),
                submission,
                deadline: deadline.map(|deadline| deadline.to_string()),
                platform: person.platform.clone(),
            }
        });
        batch.students = students.collect();
        Ok(batch)
    }

    fn name_for(&self, found: &Found, owners: &BTreeSet<usize>) -> String {
        let people = owners.iter().map(|index| &self.roster.people[*index]);
        match people.collect::<Vec<_>>().as_slice() {
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
        &self,
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
        submission.notes.extend(self.times_of_platform(owners));
        let (mut deadline, note) = deadline_of(self.request, self.roster, owners);
        submission.notes.extend(note);
        deadline = self.overrides.deadline_of_submission(id).or(deadline);
        let mut time = found
            .recorded
            .map(|moment| (moment, TimeSource::ServerRecord));
        if let Some((history, mut records)) = history {
            let roster = &self.roster.people;
            let recorded = owners.iter().filter_map(|index| roster[*index].recorded);
            records.unnamed = recorded.max();
            let commits: Vec<String> = history.order.iter().map(ToString::to_string).collect();
            submission
                .notes
                .extend(rewritten(seen, &submission.path, &commits));
            let bounds = seen.look(&submission.path, &commits, self.request.now);
            let picked = pick(
                &history,
                &bounds,
                &records,
                self.rules(deadline, owners, id),
            );
            submission.commit = Some(picked.commit.to_string());
            submission.problem = submission.problem.or(picked.problem);
            submission.notes.extend(picked.notes);
            time = Some((picked.time, picked.source));
        } else if found.kind == FoundKind::Zip && submission.problem.is_none() {
            let digest = digest_of(&found.path)?;
            let things = std::slice::from_ref(&digest);
            submission
                .notes
                .extend(replaced(seen, &submission.path, things));
            let bounds = seen.look(&submission.path, things, self.request.now)[&digest];
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

    fn rules(&self, deadline: Option<Moment>, owners: &BTreeSet<usize>, id: &str) -> Rules {
        let people = owners.iter().map(|index| &self.roster.people[*index]);
        let students: Vec<_> = people
            .map(|person| (person.identifier.as_str(), person.login.as_deref()))
            .collect();
        let by_hand = self.overrides.commit_of(id, &students);
        Rules {
            deadline,
            now: self.request.now,
            take_late: self.request.take_late,
            prefer_tags: self.request.prefer_tags,
            by_hand: by_hand.and_then(|commit| ObjectId::from_hex(commit.as_bytes()).ok()),
        }
    }

    /// What a platform writes of the time, as it writes it: without a zone it is no moment.
    fn times_of_platform(&self, owners: &BTreeSet<usize>) -> BTreeSet<String> {
        let platform = owners
            .iter()
            .flat_map(|index| &self.roster.people[*index].platform);
        let times = platform.filter(|(heading, text)| {
            heading.eq_ignore_ascii_case("last modified (submission)") && *text != "-"
        });
        times
            .map(|(_, text)| format!("Moodle's worksheet says that it was handed in: {text}"))
            .collect()
    }
}

/// Commits that earlier imports saw and that the clone has no more.
fn rewritten(seen: &SeenLog, path: &str, commits: &[String]) -> Option<String> {
    let gone = seen.gone(path, commits);
    let named = gone.iter().take(GONE_NAMED).map(|(thing, first)| {
        let short = thing.get(..10).unwrap_or(thing);
        format!("{short} (first seen {first})")
    });
    let named = named.collect::<Vec<_>>().join(", ");
    let more = match gone.len().saturating_sub(GONE_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let what = "earlier imports saw commits that are gone (the history was rewritten, or a branch \
                removed)";
    (!gone.is_empty()).then(|| format!("{what}: {named}{more}"))
}

/// The file that earlier imports saw at a path, if it is another one now.
fn replaced(seen: &SeenLog, path: &str, things: &[String]) -> Option<String> {
    let last = seen
        .gone(path, things)
        .into_iter()
        .map(|(_, first)| first)
        .max()?;
    Some(format!(
        "an earlier import saw another file here (first seen {last})"
    ))
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
