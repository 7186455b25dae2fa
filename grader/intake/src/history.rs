//! The commits of a clone, and what a server wrote down about them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use gix_hash::ObjectId;
use serde::Deserialize;

use crate::{
    error::TakeError,
    moment::Moment,
    repository::{Commit, Reference, Repository},
};

/// Maximum number of commits in a clone.
const MAX_COMMITS: usize = 50_000;
/// Maximum size of a Classroom 50 record.
const RECORD_BYTES: u64 = 16 << 20;

/// What a clone holds.
#[derive(Debug)]
pub(crate) struct History {
    /// The full name of the branch it stands at.
    pub(crate) branch: Option<String>,
    pub(crate) head: ObjectId,
    /// All commits that branches and `submit/*` tags lead to.
    pub(crate) commits: BTreeMap<ObjectId, Commit>,
    /// Parents before children.
    pub(crate) order: Vec<ObjectId>,
    /// Other branches, by full name.
    pub(crate) branches: Vec<Reference>,
    /// `submit/*` tags, by that name.
    pub(crate) tags: Vec<Reference>,
    pub(crate) is_shallow: bool,
}

/// What a server wrote down.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// When it saw these commits.
    pub(crate) commits: BTreeMap<ObjectId, Moment>,
    /// When it saw a commit that it does not name.
    pub(crate) unnamed: Option<Moment>,
    /// Accounts whose submission it is.
    pub(crate) logins: Vec<String>,
}

/// What the runner of Classroom 50 leaves for each submission.
#[derive(Debug, Deserialize)]
struct RunnerRecord {
    schema: String,
    #[serde(default)]
    owner: Option<String>,
    #[serde(default)]
    usernames: Vec<String>,
    #[serde(default)]
    member_usernames: Vec<String>,
    /// The commit, as an address that ends with its id.
    commit: String,
    datetime: String,
}

impl History {
    pub(crate) fn read(repository: &Repository) -> Result<History, TakeError> {
        let head = repository.head()?;
        let is_head = |name: &str| match &head.branch {
            Some(branch) => name == branch,
            None => false,
        };
        let (mut branches, mut tags) = (Vec::new(), Vec::new());
        for reference in repository.all_references()? {
            if let Some(name) = reference.name.strip_prefix("refs/tags/") {
                if name.starts_with("submit/") {
                    tags.push(Reference {
                        name: name.to_owned(),
                        commit: reference.commit,
                    });
                }
            } else if !is_head(&reference.name)
                && ["refs/heads/", "refs/remotes/"]
                    .iter()
                    .any(|kind| reference.name.starts_with(kind))
            {
                branches.push(reference);
            }
        }
        let mut history = History {
            branch: head.branch,
            head: head.commit,
            commits: BTreeMap::new(),
            order: Vec::new(),
            is_shallow: repository.is_shallow(),
            branches: Vec::new(),
            tags: Vec::new(),
        };
        let tips = branches
            .iter()
            .chain(&tags)
            .map(|reference| reference.commit);
        for tip in [history.head].into_iter().chain(tips) {
            history.walk(repository, tip)?;
        }
        (history.branches, history.tags) = (branches, tags);
        Ok(history)
    }

    /// Adds a commit and all before it, without recursion: histories are as long as somebody likes.
    fn walk(&mut self, repository: &Repository, tip: ObjectId) -> Result<(), TakeError> {
        let mut open = vec![(tip, false)];
        while let Some((id, parents_are_done)) = open.pop() {
            if parents_are_done {
                self.order.push(id);
                continue;
            }
            if self.commits.contains_key(&id) {
                continue;
            }
            if self.commits.len() == MAX_COMMITS {
                return Err(TakeError::Submission(format!(
                    "its history has more than {MAX_COMMITS} commits"
                )));
            }
            let commit = repository.commit(id)?;
            open.push((id, true));
            open.extend(commit.parents.iter().map(|parent| (*parent, false)));
            self.commits.insert(id, commit);
        }
        Ok(())
    }

    /// The commits of the branch, from its head along first parents.
    pub(crate) fn main_line(&self) -> impl Iterator<Item = ObjectId> + '_ {
        std::iter::successors(Some(self.head), |id| {
            self.commits.get(id)?.parents.first().copied()
        })
    }

    /// The commit of the branch, along first parents, with which a commit came into it.
    pub(crate) fn merged_by(&self, commit: ObjectId) -> Option<ObjectId> {
        let after = self.after(commit);
        self.main_line().take_while(|id| after.contains(id)).last()
    }

    /// A commit and all that build on it.
    pub(crate) fn after(&self, commit: ObjectId) -> BTreeSet<ObjectId> {
        let mut after = BTreeSet::from([commit]);
        for id in &self.order {
            if self.commits[id]
                .parents
                .iter()
                .any(|parent| after.contains(parent))
            {
                after.insert(*id);
            }
        }
        after
    }

    /// A commit and all before it.
    pub(crate) fn before(&self, tip: ObjectId) -> BTreeSet<ObjectId> {
        self.before_all(vec![tip])
    }

    /// Some commits and all before them.
    pub(crate) fn before_all(&self, tips: Vec<ObjectId>) -> BTreeSet<ObjectId> {
        let (mut reached, mut open) = (BTreeSet::new(), tips);
        while let Some(id) = open.pop() {
            if reached.insert(id) {
                open.extend(
                    self.commits
                        .get(&id)
                        .into_iter()
                        .flat_map(|commit| &commit.parents),
                );
            }
        }
        reached
    }
}

impl Records {
    /// Reads what `gh teacher download` left in a clone: `result.json` and `results.json`. What the
    /// student committed under such a name is no record, however it looks.
    pub(crate) fn read(
        folder: &Path,
        repository: &Repository,
        history: &History,
        notes: &mut Vec<String>,
    ) -> Result<Records, TakeError> {
        let mut records = Records::default();
        let Some(head) = history.commits.get(&history.head) else {
            return Ok(records);
        };
        let committed: BTreeSet<String> = repository
            .tree(head.tree)?
            .into_iter()
            .map(|entry| entry.name)
            .collect();
        for name in ["result.json", "results.json"] {
            let path = folder.join(name);
            let Ok(metadata) = fs::symlink_metadata(&path) else {
                continue;
            };
            if committed
                .iter()
                .any(|other| other.eq_ignore_ascii_case(name))
            {
                notes.push(format!(
                    "`{name}` is part of the commit: it is the student's, not a server's record, \
                     and is not used"
                ));
                continue;
            }
            if !metadata.is_file() || metadata.len() > RECORD_BYTES {
                notes.push(format!(
                    "`{name}` is no regular file, or too large, and is not used"
                ));
                continue;
            }
            let bytes = fs::read(&path).map_err(|error| TakeError::reading(&path, &error))?;
            let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned());
            if let Err(problem) = text.and_then(|text| records.add(&text)) {
                notes.push(format!(
                    "`{name}` is no record of Classroom 50 ({problem}), and is not used"
                ));
            }
        }
        let gone = records
            .commits
            .keys()
            .filter(|id| !history.commits.contains_key(*id));
        notes.extend(gone.map(|id| {
            format!(
                "a server's record names the commit {}, which is not there any more (the history \
                 was rewritten)",
                id.to_hex_with_len(10)
            )
        }));
        Ok(records)
    }

    fn add(&mut self, text: &str) -> Result<(), String> {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| error.to_string())?;
        let list = match value {
            serde_json::Value::Array(list) => list,
            serde_json::Value::Object(mut object) if object.contains_key("submissions") => {
                match object.remove("submissions") {
                    Some(serde_json::Value::Array(list)) => list,
                    _ => return Err("`submissions` is no list".into()),
                }
            }
            other => vec![other],
        };
        for value in list {
            let record: RunnerRecord =
                serde_json::from_value(value).map_err(|error| error.to_string())?;
            if record.schema != "classroom50/result/v1" {
                return Err(format!(
                    "its schema is `{}`, and this program reads `classroom50/result/v1`",
                    record.schema
                ));
            }
            let id = record.commit.rsplit('/').next().unwrap_or_default();
            let id = ObjectId::from_hex(id.as_bytes())
                .map_err(|_| format!("`{}` names no commit", record.commit))?;
            let moment = Moment::recorded(&record.datetime)
                .ok_or_else(|| format!("`{}` is no time", record.datetime))?;
            // A commit that was graded again was there the first time.
            let first = self.commits.entry(id).or_insert(moment);
            *first = moment.min(*first);
            for login in record
                .usernames
                .into_iter()
                .chain(record.member_usernames)
                .chain(record.owner)
            {
                if !self.logins.contains(&login) {
                    self.logins.push(login);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_record_of_a_commit_counts() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        let one = |time: &str| {
            format!(
                r#"{{"schema":"classroom50/result/v1","classroom":"c","assignment":"a",
                "usernames":["ann"],"submission":"submit/x",
                "commit":"https://github.com/o/r/commit/{id}","datetime":"{time}",
                "score":1,"max-score":2,"tests":[]}}"#
            )
        };
        let mut records = Records::default();
        records.add(&one("2026-06-02T00:00:00Z")).expect("a record");
        records
            .add(&format!("[{}]", one("2026-06-01T00:00:00Z")))
            .expect("a list of records");
        let first = records.commits[&ObjectId::from_hex(id.as_bytes()).expect("an id")];
        assert_eq!(first.to_string(), "2026-06-01T00:00:00Z");
        assert_eq!(records.logins, ["ann"]);
        for (text, says) in [("{}", "missing field"), ("7", "invalid type"), ("{", "EOF")] {
            assert!(records.add(text).expect_err(text).contains(says), "{text}");
        }
        assert!(
            records
                .add(&one("yesterday"))
                .expect_err("no time")
                .contains("`yesterday` is no time")
        );
    }
}
