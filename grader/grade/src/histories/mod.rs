//! Histories in files, and whether they are linearizable: what `cargo grade check` does.
//!
//! `read` turns a file into operations, `models` has the objects that they are held against. What
//! comes out is plain data; who prints it decides how.

mod models;
mod read;

use std::{
    fs,
    path::{Path, PathBuf},
};

use faultline_check::{
    Bank, Checked, Lock, Operation, Options, Queue, Spec, Store, Told, Verdict, Violation,
    check_with,
};
use faultline_verdict::{
    CHECK_FORMAT, CheckReport, HistoryReport, HistoryVerdict, KeyOrder, OperationLine,
    ViolationReport,
};

use crate::error::Error;
use read::{Call, Complaint, HistoryRow};

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
    /// Accounts: deposits, transfers, reading many at once.
    Bank,
}

/// The maximum number of operations before a violation that are told besides those that it is
/// about.
const AROUND: usize = 24;

/// The maximum number of operations of each order of a witness that are told in full,
const FIRST_OF_KEY: usize = 40;

/// and that of a whole history.
const FIRST_IN_ALL: usize = 400;

/// What to check.
#[derive(Clone, Debug)]
pub struct CheckRequest {
    /// A history, or a folder of them.
    pub path: PathBuf,
    /// What they are histories of.
    pub model: HistoryModel,
}

/// Checks a history, or all histories of a folder (`*.txt`, `*.jsonl`) in the order of their names.
/// In a folder, names that end with `-ok` and `-bad` say what the verdict must be.
///
/// # Errors
/// [`Error::Usage`] for what cannot be read, with the line.
pub fn check_histories(request: &CheckRequest) -> Result<CheckReport, Error> {
    let path = &request.path;
    let unreadable = |error| Error::Usage(format!("{} cannot be read: {error}", path.display()));
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(CheckReport {
            format: CHECK_FORMAT,
            histories: vec![check_file(path, None, request.model)?],
        });
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file
            .extension()
            .is_some_and(|extension| extension == "txt" || extension == "jsonl")
        {
            files.push(file);
        }
    }
    if files.is_empty() {
        let text = format!(
            "{} has no histories: no file in it is named *.jsonl or *.txt",
            path.display()
        );
        return Err(Error::Usage(text));
    }
    files.sort();
    let expected = |file: &Path| {
        let stem = file.file_stem()?.to_str()?;
        let ends = [
            ("-ok", HistoryVerdict::Linearizable),
            ("-bad", HistoryVerdict::Violated),
        ];
        ends.into_iter()
            .find(|(end, _)| stem.ends_with(end))
            .map(|(_, verdict)| verdict)
    };
    let histories = files
        .iter()
        .map(|file| check_file(file, expected(file), request.model));
    Ok(CheckReport {
        format: CHECK_FORMAT,
        histories: histories.collect::<Result<_, _>>()?,
    })
}

fn check_file(
    file: &Path,
    expected: Option<HistoryVerdict>,
    model: HistoryModel,
) -> Result<HistoryReport, Error> {
    let shown = file.display();
    let bytes =
        fs::read(file).map_err(|error| Error::Usage(format!("{shown} cannot be read: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        Error::Usage(format!("{shown}:{line}: this is no UTF-8 text"))
    })?;
    let rows =
        read::rows(&text).map_err(|(line, why)| Error::Usage(format!("{shown}:{line}: {why}")))?;
    let judged = match model {
        HistoryModel::Kv => judge(&Store::default(), &rows, models::kv_operation),
        HistoryModel::Register => judge(&models::register(), &rows, models::register_operation),
        HistoryModel::Queue => judge(&Queue::default(), &rows, models::queue_operation),
        HistoryModel::Lock => judge(&Lock::default(), &rows, models::lock_operation),
        HistoryModel::Bank => judge(&Bank::default(), &rows, models::bank_operation),
    };
    let mut report =
        judged.map_err(|(line, why)| Error::Usage(format!("{shown}:{line}: {why}")))?;
    report.file = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    report.expected = expected;
    Ok(report)
}

/// Holds the rows of a file against a model.
fn judge<S: Spec>(
    initial: &S,
    rows: &[HistoryRow],
    operation: impl Fn(&Call) -> Result<(S::Op, Option<S::Ret>), String>,
) -> Result<HistoryReport, Complaint> {
    let mut history = Vec::with_capacity(rows.len());
    for row in rows {
        let (command, reply) = operation(&row.what).map_err(|why| (row.line, why))?;
        history.push(Operation {
            client: row.client,
            command,
            call: row.call,
            reply: row.ret.zip(reply),
        });
    }
    let checked = check_with(initial, &history, &Options::default())
        .map_err(|error| (1, format!("this is no history: {error}")))?;
    Ok(report(&checked, rows))
}

fn report(checked: &Checked, rows: &[HistoryRow]) -> HistoryReport {
    let (verdict, violation, witness) = match &checked.verdict {
        Verdict::Linearizable { witness } => {
            (HistoryVerdict::Linearizable, None, orders(witness, rows))
        }
        Verdict::Undecided { .. } => (HistoryVerdict::Undecided, None, Vec::new()),
        Verdict::Violated(violation) => (
            HistoryVerdict::Violated,
            Some(explained(violation, rows)),
            Vec::new(),
        ),
    };
    HistoryReport {
        file: String::new(),
        verdict,
        expected: None,
        operations: rows.len(),
        keys_by_zones: checked.by_zones,
        keys_by_search: checked.by_search,
        configurations: checked.explored,
        violation,
        witness,
    }
}

/// The key that all of these operations work on.
fn key_of(operations: &[usize], rows: &[HistoryRow]) -> Option<String> {
    let key = rows[*operations.first()?].what.key.clone()?;
    operations
        .iter()
        .all(|&index| rows[index].what.key.as_ref() == Some(&key))
        .then_some(key)
}

fn line(row: &HistoryRow) -> OperationLine {
    let HistoryRow {
        line,
        client,
        ref what,
        call,
        ret,
    } = *row;
    OperationLine {
        line,
        client,
        command: what.command(),
        reply: what.reply(),
        call,
        ret,
    }
}

fn orders(witness: &[Vec<usize>], rows: &[HistoryRow]) -> Vec<KeyOrder> {
    let mut room = FIRST_IN_ALL;
    let order = |order: &Vec<usize>| {
        let first = order.len().min(FIRST_OF_KEY).min(room);
        room -= first;
        KeyOrder {
            key: key_of(order, rows),
            lines: order.iter().map(|&index| rows[index].line).collect(),
            first: order[..first]
                .iter()
                .map(|&index| line(&rows[index]))
                .collect(),
        }
    };
    witness
        .iter()
        .filter(|order| !order.is_empty())
        .map(order)
        .collect()
}

fn explained(violation: &Violation, rows: &[HistoryRow]) -> ViolationReport {
    let tell = |index: usize| {
        let row = &rows[index];
        Told {
            name: format!("client {}'s {}", row.client, row.what.command()),
            called: row.call.to_string(),
            answered: row.ret.map(|ret| ret.to_string()),
        }
    };
    let in_time = |operations: &[usize]| {
        let mut operations = operations.to_vec();
        operations.sort_unstable_by_key(|&index| (rows[index].call, index));
        operations.iter().map(|&index| line(&rows[index])).collect()
    };
    let told = |index: &&usize| {
        violation.core.contains(index)
            || violation.context.contains(index)
            || violation.impossible == **index
    };
    let around: Vec<usize> = violation
        .prefix
        .iter()
        .filter(|index| !told(index))
        .copied()
        .collect();
    ViolationReport {
        kind: violation.kind.id().to_owned(),
        sentence: violation.sentence(tell),
        key: key_of(&violation.operations, rows),
        impossible: line(&rows[violation.impossible]),
        prefix: violation.prefix.len(),
        core: in_time(&violation.core),
        context: in_time(&violation.context),
        around: in_time(&around[around.len().saturating_sub(AROUND)..]),
        possible_replies: violation
            .possible_replies
            .values
            .iter()
            .map(|reply| read::cut(reply))
            .collect(),
    }
}
