//! What a check of recorded histories found.

use serde::{Deserialize, Serialize};

/// The version of a [`CheckReport`] as a JSON document.
pub const CHECK_FORMAT: u32 = 1;

/// The JSON document of a check: what was found in each file, in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// [`CHECK_FORMAT`].
    pub format: u32,
    /// The files.
    pub histories: Vec<HistoryReport>,
}

/// The check of one history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryReport {
    /// The file's name.
    pub file: String,
    /// The verdict.
    pub verdict: HistoryVerdict,
    /// What the file's name says the verdict must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<HistoryVerdict>,
    /// How many operations.
    pub operations: usize,
    /// How many keys were decided without a search.
    pub keys_by_zones: usize,
    /// How many were searched.
    pub keys_by_search: usize,
    /// How many configurations the search explored.
    pub configurations: u64,
    /// Why, if it is violated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub violation: Option<ViolationReport>,
    /// What proves that it is linearizable, if it is: an order for each key. Keys of which nothing
    /// need have happened are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub witness: Vec<KeyOrder>,
}

impl HistoryReport {
    /// Whether the verdict is the one that the file's name says; linearizable if it says nothing.
    pub fn is_as_expected(&self) -> bool {
        self.verdict == self.expected.unwrap_or(HistoryVerdict::Linearizable)
    }
}

/// The verdict on one history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HistoryVerdict {
    /// Some order of the operations explains all replies.
    Linearizable,
    /// No order does.
    Violated,
    /// The budget was used up before either was certain.
    Undecided,
}

/// Why a history is not linearizable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViolationReport {
    /// A name for what is wrong, such as `stale-read`.
    pub kind: String,
    /// What is wrong.
    pub sentence: String,
    /// The key, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The operation whose reply made the history impossible.
    pub impossible: OperationLine,
    /// How many operations the shortest prefix has that is not linearizable.
    pub prefix: usize,
    /// The operations that contradict each other.
    pub core: Vec<OperationLine>,
    /// Operations without fault that the contradiction builds on.
    pub context: Vec<OperationLine>,
    /// The last operations of the prefix besides, for those who want to see what went on.
    pub around: Vec<OperationLine>,
    /// Some right replies instead of the impossible one.
    pub possible_replies: Vec<String>,
}

impl ViolationReport {
    /// The operations that the violation is about, in the order of their calls.
    pub fn about(&self) -> Vec<&OperationLine> {
        let mut lines: Vec<&OperationLine> = self
            .core
            .iter()
            .chain(&self.context)
            .chain([&self.impossible])
            .collect();
        lines.sort_by_key(|line| (line.call, line.line));
        lines.dedup_by_key(|line| line.line);
        lines
    }
}

/// An order of the operations on one key that explains all replies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyOrder {
    /// The key; none if the order is of all keys together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The lines at which the operations were called. One with a lost reply is there only if it has
    /// to have happened.
    pub lines: Vec<usize>,
    /// The first of these operations.
    pub first: Vec<OperationLine>,
}

/// An operation as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationLine {
    /// The line of the file at which it was called.
    pub line: usize,
    /// Who called.
    pub client: u32,
    /// What was asked.
    pub command: String,
    /// What was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// When it was called, in the file's own unit.
    pub call: u64,
    /// When it was answered.
    #[serde(rename = "return")]
    pub ret: Option<u64>,
}
