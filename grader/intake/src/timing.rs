//! Which commit was there at the deadline, and how that is known.
//!
//! A commit's date is whatever its author's clock said. Two things bound it: an import that saw the
//! commit (or a server's record of it, or of one that builds on it) was later; an import that
//! looked and did not see it yet, and its parents, were earlier. The date counts as far as it lies
//! between these bounds, and where they alone decide on which side of the deadline the commit lies,
//! that is proof.

use std::collections::{BTreeMap, BTreeSet};

use gix_hash::ObjectId;

use crate::{
    batch::TimeSource,
    history::{History, Records},
    moment::Moment,
    seen::Bounds,
};

/// Maximum number of commits or branches of one kind that a note names.
const NAMED: usize = 3;

/// What to pick, and by when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) deadline: Option<Moment>,
    pub(crate) now: Moment,
    /// Take the last commit, however late.
    pub(crate) take_late: bool,
    /// Prefer commits with a `submit/*` tag.
    pub(crate) prefer_tags: bool,
    /// The commit that somebody named by hand.
    pub(crate) by_hand: Option<ObjectId>,
}

/// The commit that is graded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Picked {
    pub(crate) commit: ObjectId,
    pub(crate) time: Moment,
    pub(crate) source: TimeSource,
    pub(crate) problem: Option<String>,
    pub(crate) notes: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
struct Timed {
    time: Moment,
    source: TimeSource,
}

/// Picks the commit, and notes what somebody should know of the others.
pub(crate) fn pick(
    history: &History,
    seen: &BTreeMap<String, Bounds>,
    records: &Records,
    rules: Rules,
) -> Picked {
    let mut notes = Vec::new();
    let reached = history.before(history.head);
    let times = times(history, seen, records, rules, &reached, &mut notes);
    let is_on_time = |id: &ObjectId| {
        rules
            .deadline
            .is_none_or(|deadline| times[id].time <= deadline)
    };
    let is_in = |id: &ObjectId| rules.take_late || is_on_time(id);
    let by_hand = rules.by_hand.filter(|id| history.commits.contains_key(id));
    let mut commit = by_hand;
    if rules.prefer_tags && commit.is_none() {
        let tagged = history
            .tags
            .iter()
            .map(|tag| tag.commit)
            .filter(|id| is_in(id));
        commit = tagged.max_by_key(|id| (times[id].time, *id));
        if commit.is_none() {
            notes.push("no submit/* tag was there in time: the branch is graded".into());
        }
    }
    let is_of_branch = commit.is_none();
    let lines = Lines::of(history, &reached, &is_in, &times);
    let commit = commit.or(lines.graded);
    let mut problem = None;
    if commit.is_none() && history.is_shallow {
        problem = Some(
            "the clone is shallow, and what it holds is all after the deadline: clone it whole"
                .into(),
        );
    }
    let commit = commit.unwrap_or(history.head);
    let mut others: &[ObjectId] = &[];
    if is_of_branch {
        notes.extend(lines.notes(history, &times));
        others = &lines.others;
    }
    if rules.deadline.is_some() {
        notes.extend(later_commits(history, &reached, commit, others, &times));
    }
    if history.branch.is_none() {
        notes.push("the clone stands at a commit of no branch".into());
    }
    notes.extend(suspicious_dates(history, seen, rules));
    notes.extend(other_heads(history));
    notes.extend(other_tags(history, commit));
    Picked {
        commit,
        time: times[&commit].time,
        source: times[&commit].source,
        problem,
        notes,
    }
}

/// The lines of work that were there in time: the commits on which nothing builds that was there in
/// time, too. A merge that came later may join several.
struct Lines {
    graded: Option<ObjectId>,
    /// The others, the last one first.
    others: Vec<ObjectId>,
    /// The last commit of the branch itself, along first parents.
    of_branch: Option<ObjectId>,
}

impl Lines {
    fn of(
        history: &History,
        reached: &BTreeSet<ObjectId>,
        is_in: &dyn Fn(&ObjectId) -> bool,
        times: &BTreeMap<ObjectId, Timed>,
    ) -> Lines {
        // No commit is older than its parents, so what a line builds on was there in time, too.
        let mut ends: BTreeSet<ObjectId> = reached.iter().copied().filter(is_in).collect();
        let parents = ends.iter().flat_map(|id| &history.commits[id].parents);
        for parent in parents.copied().collect::<Vec<_>>() {
            ends.remove(&parent);
        }
        let of_branch = history.main_line().find(is_in);
        // The branch's own work comes first: a line that was merged may be the course's template.
        let on_branch = of_branch.map_or(BTreeSet::new(), |own| history.after(own));
        let rank = |id: &ObjectId| (on_branch.contains(id), times[id].time, *id);
        let mut ends: Vec<ObjectId> = ends.iter().copied().collect();
        ends.sort_by_cached_key(|id| std::cmp::Reverse(rank(id)));
        let mut ends = ends.into_iter();
        Lines {
            graded: ends.next(),
            others: ends.collect(),
            of_branch,
        }
    }

    /// Which is graded and why, and what else there was.
    fn notes(&self, history: &History, times: &BTreeMap<ObjectId, Timed>) -> Vec<String> {
        let Some(graded) = self.graded else {
            return Vec::new();
        };
        let shown = |id: &ObjectId| {
            let timed = times[id];
            format!(
                "{} ({}, {})",
                id.to_hex_with_len(10),
                timed.time,
                name_of(timed.source)
            )
        };
        let mut notes = Vec::new();
        if self.of_branch != Some(graded) {
            let merge = history.merged_by(graded);
            let merge = merge.map_or(String::new(), |id| {
                format!(" by the later merge {}", shown(&id))
            });
            notes.push(format!(
                "{} is graded: it is the last commit that was there in time, though it came into \
                 the branch only{merge}",
                shown(&graded)
            ));
        }
        if !self.others.is_empty() {
            let why = match self.of_branch {
                Some(own) if history.before(graded).contains(&own) => "it is the branch's own work",
                _ => "it is the last one",
            };
            notes.push(format!(
                "several lines of work were there in time and were merged later; {} is graded, \
                 since {why}",
                shown(&graded)
            ));
            let others: Vec<String> = self.others.iter().map(shown).collect();
            notes.extend(listed(
                "in time, too, and not graded (overrides.toml can name another `commit`)",
                &others,
            ));
        }
        notes
    }
}

/// Notes the commits of the branch that came after the one that is graded.
fn later_commits(
    history: &History,
    reached: &BTreeSet<ObjectId>,
    commit: ObjectId,
    others: &[ObjectId],
    times: &BTreeMap<ObjectId, Timed>,
) -> Option<String> {
    if !reached.contains(&commit) {
        return None;
    }
    // Other lines that were there in time have a note of their own.
    let tips = others.iter().copied().chain([commit]);
    let graded = history.before_all(tips.collect());
    let later: Vec<ObjectId> = reached.difference(&graded).copied().collect();
    let last = later
        .iter()
        .map(|id| times[id])
        .max_by_key(|timed| timed.time)?;
    let plural = if later.len() == 1 {
        "commit"
    } else {
        "commits"
    };
    Some(format!(
        "{} later {plural} not graded, the last of {} ({})",
        later.len(),
        last.time,
        name_of(last.source)
    ))
}

fn name_of(source: TimeSource) -> &'static str {
    match source {
        TimeSource::ServerRecord => "server-record",
        TimeSource::FirstImport => "first-import",
        TimeSource::CommitterUnproven => "committer-unproven",
    }
}

/// The time of every commit, parents before children.
fn times(
    history: &History,
    seen: &BTreeMap<String, Bounds>,
    records: &Records,
    rules: Rules,
    reached: &BTreeSet<ObjectId>,
    notes: &mut Vec<String>,
) -> BTreeMap<ObjectId, Timed> {
    let bounds_of = |id: &ObjectId| {
        seen.get(&id.to_string()).copied().unwrap_or(Bounds {
            after: None,
            at: rules.now,
        })
    };
    let mut exact = records.commits.clone();
    if let Some(moment) = records.unnamed {
        match fitting(history, seen, reached, moment).as_slice() {
            [id] => {
                exact.entry(*id).or_insert(moment);
            }
            [] => notes.push(format!(
                "a server took something at {moment}, and no commit that is there can have been it \
                 (was the history rewritten?)"
            )),
            several => {
                let names: Vec<_> = several
                    .iter()
                    .map(|id| id.to_hex_with_len(10).to_string())
                    .collect();
                let what = format!(
                    "a server took something at {moment}, and it is not known which of these it was"
                );
                notes.extend(listed(&what, &names));
            }
        }
    }
    // From children to parents: who is built upon was there before.
    let mut known_by: BTreeMap<ObjectId, Moment> = BTreeMap::new();
    for id in history.order.iter().rev() {
        let own = exact.get(id).copied();
        let by = own.into_iter().chain(known_by.get(id).copied()).min();
        let Some(by) = by else { continue };
        known_by.insert(*id, by);
        for parent in &history.commits[id].parents {
            let known = known_by.entry(*parent).or_insert(by);
            *known = by.min(*known);
        }
    }
    let mut times: BTreeMap<ObjectId, Timed> = BTreeMap::new();
    for id in &history.order {
        let timed = match exact.get(id) {
            Some(moment) => Timed {
                time: *moment,
                source: TimeSource::ServerRecord,
            },
            None => timed(
                &history.commits[id],
                bounds_of(id),
                known_by.get(id).copied(),
                &times,
                rules,
            ),
        };
        times.insert(*id, timed);
    }
    times
}

/// The commits that a server can have taken at a moment, when it does not say which: the last ones
/// that claim to be older, were not missing at an import after it, and were not there at one before
/// it.
fn fitting(
    history: &History,
    seen: &BTreeMap<String, Bounds>,
    reached: &BTreeSet<ObjectId>,
    moment: Moment,
) -> Vec<ObjectId> {
    let (mut fitting, mut before): (_, BTreeSet<ObjectId>) = (Vec::new(), BTreeSet::new());
    // Children before parents: what another one builds on was not the last.
    for id in history
        .order
        .iter()
        .rev()
        .filter(|id| reached.contains(*id))
    {
        let commit = &history.commits[id];
        let claims = commit
            .committed
            .is_some_and(|committed| committed <= moment);
        let can_be = seen.get(&id.to_string()).is_none_or(|bounds| {
            bounds.after.is_none_or(|after| after < moment) && bounds.at >= moment
        });
        let is_before = before.contains(id);
        if claims && can_be && !is_before {
            fitting.push(*id);
        }
        if is_before || (claims && can_be) {
            before.extend(&commit.parents);
        }
    }
    fitting
}

/// The time of a commit that no record names.
fn timed(
    commit: &crate::repository::Commit,
    bounds: Bounds,
    known_by: Option<Moment>,
    times: &BTreeMap<ObjectId, Timed>,
    rules: Rules,
) -> Timed {
    let parents = commit
        .parents
        .iter()
        .filter_map(|parent| times.get(parent))
        .max_by_key(|timed| timed.time);
    let latest = known_by.map_or(bounds.at, |known| known.min(bounds.at));
    // An import that did not see it was before it, if only by a second.
    let after = bounds
        .after
        .and_then(|after| Moment::from_seconds(after.seconds() + 1));
    let earliest = [after, parents.map(|timed| timed.time)]
        .into_iter()
        .flatten()
        .max();
    // Without a readable date the worst is assumed.
    let mut time = commit.committed.unwrap_or(latest).min(latest);
    time = earliest.map_or(time, |earliest| time.max(earliest));
    let Some(deadline) = rules.deadline else {
        return Timed {
            time,
            source: TimeSource::CommitterUnproven,
        };
    };
    let source = if latest <= deadline {
        if bounds.at <= deadline {
            TimeSource::FirstImport
        } else {
            TimeSource::ServerRecord
        }
    } else if bounds.after.is_some_and(|after| after >= deadline) {
        TimeSource::FirstImport
    } else {
        // What builds on something that was proven to be late is late.
        parents
            .filter(|timed| timed.time > deadline)
            .map_or(TimeSource::CommitterUnproven, |timed| timed.source)
    };
    Timed { time, source }
}

/// Dates that cannot be true.
fn suspicious_dates(
    history: &History,
    seen: &BTreeMap<String, Bounds>,
    rules: Rules,
) -> Vec<String> {
    let mut backdated = Vec::new();
    let mut after_import = Vec::new();
    let mut future = Vec::new();
    let mut without = Vec::new();
    for id in history.order.iter().rev() {
        let commit = &history.commits[id];
        let short = id.to_hex_with_len(10);
        let Some(committed) = commit.committed else {
            without.push(short.to_string());
            continue;
        };
        let dates = commit
            .parents
            .iter()
            .filter_map(|parent| history.commits.get(parent)?.committed);
        if let Some(parent) = dates.max().filter(|parent| *parent > committed) {
            backdated.push(format!("{short} ({committed}, and its parent {parent})"));
        }
        let missing_at = seen.get(&id.to_string()).and_then(|bounds| bounds.after);
        if let (Some(deadline), Some(missing_at)) = (rules.deadline, missing_at)
            && committed <= deadline
            && missing_at >= deadline
        {
            after_import.push(format!(
                "{short} ({committed}, and the import of {missing_at} did not see it)"
            ));
        }
        if committed > rules.now {
            future.push(format!("{short} ({committed})"));
        }
    }
    [
        ("backdated: dated before a parent", backdated),
        (
            "backdated: dated before the deadline, and not there at an import after it",
            after_import,
        ),
        ("dated in the future", future),
        ("without a date that can be read", without),
    ]
    .into_iter()
    .filter_map(|(what, which)| listed(what, &which))
    .collect()
}

/// Branches with something newer that the graded one does not have.
fn other_heads(history: &History) -> Option<String> {
    let own = history.before(history.head);
    let date = |id: &ObjectId| history.commits.get(id).and_then(|commit| commit.committed);
    let newer = history.branches.iter().filter(|branch| {
        !own.contains(&branch.commit)
            && date(&branch.commit).is_none_or(|other| date(&history.head) < Some(other))
    });
    let names = newer.map(|branch| {
        let name = branch
            .name
            .trim_start_matches("refs/heads/")
            .trim_start_matches("refs/remotes/");
        let when = date(&branch.commit).map_or("no date".to_owned(), |moment| moment.to_string());
        format!("{name} ({}, {when})", branch.commit.to_hex_with_len(10))
    });
    listed(
        "newer commits on other branches, not graded",
        &names.collect::<Vec<_>>(),
    )
}

fn other_tags(history: &History, picked: ObjectId) -> Option<String> {
    let others = history.tags.iter().rev().filter(|tag| tag.commit != picked);
    let names = others.map(|tag| format!("{} ({})", tag.name, tag.commit.to_hex_with_len(10)));
    let names: Vec<String> = names.collect();
    // Every push leaves a tag where Classroom 50 grades; only what names no part of what is graded
    // is of interest.
    let graded = history.before(picked);
    let is_outside = history.tags.iter().any(|tag| !graded.contains(&tag.commit));
    if is_outside {
        listed("submit/* tags that name another commit", &names)
    } else {
        None
    }
}

fn listed(what: &str, which: &[String]) -> Option<String> {
    let named = which
        .iter()
        .take(NAMED)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    let more = which.len().saturating_sub(NAMED);
    match (which.len(), more) {
        (0, _) => None,
        (_, 0) => Some(format!("{what}: {named}")),
        _ => Some(format!("{what}: {named} and {more} more")),
    }
}
