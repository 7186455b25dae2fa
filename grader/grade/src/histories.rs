//! Histories in files, and whether they are linearizable: what `cargo grade check` does.
//!
//! `read` turns a file into operations, `models` has the objects that they are held against. What comes out is plain
//! data; who prints it decides how.

mod models;
mod read;

use std::{
    fs,
    path::{Path, PathBuf},
};

use faultline_check::{Operation, Options, Spec, Told, Verdict, Violation, check_with};
use serde::Serialize;

use crate::Error;
use models::{Lock, Queue};
use read::{Call, Row};

/// What the operations of a history are operations of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryModel {
    /// A map from keys to texts: put, append, get, compare-and-set, versioned put and get.
    Kv,
    /// A map from keys to any values: put, get, compare-and-set.
    Register,
    /// Queues by key: enqueue, dequeue.
    Queue,
    /// Locks by key: acquire, release.
    Lock,
}

/// What to check.
#[derive(Clone, Debug)]
pub struct CheckRequest {
    /// A history, or a folder of them.
    pub path: PathBuf,
    /// What they are histories of.
    pub model: HistoryModel,
}

/// The verdict on one history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HistoryVerdict {
    /// Some order of the operations explains all replies.
    Linearizable,
    /// No order does.
    Violated,
    /// The budget was used up before either was certain.
    Undecided,
}

/// An operation of a violation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OperationLine {
    /// The line of the file at which it was called.
    pub line: usize,
    /// Who called.
    pub client: u32,
    /// What was asked and answered.
    pub text: String,
    /// When it was called.
    pub call: u64,
    /// When it was answered.
    #[serde(rename = "return")]
    pub ret: Option<u64>,
}

/// Why a history is not linearizable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ViolationReport {
    /// A name for what is wrong, such as `stale-read`.
    pub kind: &'static str,
    /// What is wrong.
    pub sentence: String,
    /// The operation whose reply made the history impossible.
    pub impossible: OperationLine,
    /// How many operations the shortest prefix has that is not linearizable.
    pub prefix: usize,
    /// The operations that contradict each other.
    pub core: Vec<OperationLine>,
    /// Operations without fault that the contradiction builds on.
    pub context: Vec<OperationLine>,
    /// Some right replies instead of the impossible one.
    pub possible_replies: Vec<String>,
}

/// The check of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryReport {
    /// The file's name.
    pub file: String,
    /// The verdict.
    pub verdict: HistoryVerdict,
    /// What the file's name says the verdict must be.
    #[serde(skip_serializing_if = "Option::is_none")]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub violation: Option<ViolationReport>,
}

impl HistoryReport {
    /// Whether the verdict is the one that the file's name says; linearizable if it says nothing.
    pub fn is_as_expected(&self) -> bool {
        self.verdict == self.expected.unwrap_or(HistoryVerdict::Linearizable)
    }
}

/// Checks a history, or all histories of a folder (`*.txt`, `*.jsonl`) in the order of their names. In a folder, names
/// that end with `-ok` and `-bad` say what the verdict must be.
///
/// # Errors
/// [`Error::Usage`] for what cannot be read, with the line.
pub fn check_histories(request: &CheckRequest) -> Result<Vec<HistoryReport>, Error> {
    let path = &request.path;
    let unreadable = |error| Error::Usage(format!("{} cannot be read: {error}", path.display()));
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![check_file(path, None, request.model)?]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file.extension().is_some_and(|extension| extension == "txt" || extension == "jsonl") {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(Error::Usage(format!("{} has no histories: no file is named *.jsonl or *.txt", path.display())));
    }
    files.sort();
    let expected = |file: &Path| {
        let stem = file.file_stem()?.to_str()?;
        let ends = [("-ok", HistoryVerdict::Linearizable), ("-bad", HistoryVerdict::Violated)];
        ends.into_iter().find(|(end, _)| stem.ends_with(end)).map(|(_, verdict)| verdict)
    };
    files.iter().map(|file| check_file(file, expected(file), request.model)).collect()
}

/// The reports as one JSON object. Equal histories give equal bytes.
pub fn histories_to_json(reports: &[HistoryReport]) -> String {
    let value = serde_json::json!({ "format": 1, "histories": reports });
    serde_json::to_string_pretty(&value).expect("plain data has a text")
}

fn check_file(file: &Path, expected: Option<HistoryVerdict>, model: HistoryModel) -> Result<HistoryReport, Error> {
    let shown = file.display();
    let bytes = fs::read(file).map_err(|error| Error::Usage(format!("{shown} cannot be read: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        Error::Usage(format!("{shown}:{line}: this is no UTF-8 text"))
    })?;
    let rows = read::rows(&text).map_err(|(line, why)| Error::Usage(format!("{shown}:{line}: {why}")))?;
    let judged = match model {
        HistoryModel::Kv => judge(&models::kv(), &rows, models::kv_operation),
        HistoryModel::Register => judge(&models::register(), &rows, models::register_operation),
        HistoryModel::Queue => judge(&Queue::default(), &rows, Queue::operation),
        HistoryModel::Lock => judge(&Lock::default(), &rows, Lock::operation),
    };
    let mut report = judged.map_err(|(line, why)| Error::Usage(format!("{shown}:{line}: {why}")))?;
    report.file = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    report.expected = expected;
    Ok(report)
}

/// A line number and what is wrong there.
type Complaint = (usize, String);

/// Holds the rows of a file against a model.
fn judge<S: Spec>(
    initial: &S,
    rows: &[Row],
    operation: impl Fn(&Call) -> Result<(S::Op, Option<S::Ret>), String>,
) -> Result<HistoryReport, Complaint> {
    let mut history = Vec::with_capacity(rows.len());
    for row in rows {
        let (command, reply) = operation(&row.what).map_err(|why| (row.line, why))?;
        if row.ret.is_some_and(|ret| ret < row.call) {
            return Err((row.line, "it returns before it is called".to_owned()));
        }
        history.push(Operation { client: row.client, command, call: row.call, reply: row.ret.zip(reply) });
    }
    let checked = check_with(initial, &history, &Options::default())
        .map_err(|error| (1, format!("this is no history: {error}")))?;
    let (verdict, violation) = match &checked.verdict {
        Verdict::Linearizable { .. } => (HistoryVerdict::Linearizable, None),
        Verdict::Undecided { .. } => (HistoryVerdict::Undecided, None),
        Verdict::Violated(violation) => (HistoryVerdict::Violated, Some(report(violation, rows))),
    };
    Ok(HistoryReport {
        file: String::new(),
        verdict,
        expected: None,
        operations: rows.len(),
        keys_by_zones: checked.by_zones,
        keys_by_search: checked.by_search,
        configurations: checked.explored,
        violation,
    })
}

fn report(violation: &Violation, rows: &[Row]) -> ViolationReport {
    let line = |&index: &usize| {
        let row = &rows[index];
        OperationLine {
            line: row.line,
            client: row.client,
            text: row.what.describe(row.ret.is_some()),
            call: row.call,
            ret: row.ret,
        }
    };
    let tell = |index: usize| {
        let row = &rows[index];
        Told {
            name: format!("client {}'s {}", row.client, row.what.describe(false)),
            called: row.call.to_string(),
            answered: row.ret.map(|ret| ret.to_string()),
        }
    };
    let in_time = |operations: &[usize]| {
        let mut operations = operations.to_vec();
        operations.sort_unstable_by_key(|&index| (rows[index].call, index));
        operations.iter().map(line).collect()
    };
    ViolationReport {
        kind: violation.kind.id(),
        sentence: violation.sentence(tell),
        impossible: line(&violation.impossible),
        prefix: violation.prefix.len(),
        core: in_time(&violation.core),
        context: in_time(&violation.context),
        possible_replies: violation.possible_replies.values.clone(),
    }
}
