//! Histories in files, and whether they are linearizable: what `cargo grade check` does.
//!
//! `read` turns a file into operations, `models` has the objects that they are held against. What
//! comes out is plain data; who prints it decides how.

mod events;
mod models;
mod read;
mod stores;
mod strict;

use std::{
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
};

use faultline_check::{
    Bank, Checked, Lock, Operation, OperationOf, Queue, Spec, Told, Verdict, Violation,
};
use faultline_verdict::{
    CHECK_FORMAT, CheckReport, HistoryReport, HistoryVerdict, KeyOrder, OperationLine,
    ViolationReport,
};

use crate::error::Error;
use models::OfFile;
use read::{Call, Complaint};
use stores::{AnyValues, Texts};

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
    let unreadable = |error| Error::Usage(format!("{shown} cannot be read: {error}"));
    let opened = BufReader::new(File::open(file).map_err(unreadable)?);
    let judged = match model {
        HistoryModel::Kv => judge::<Texts>(opened),
        HistoryModel::Register => judge::<AnyValues>(opened),
        HistoryModel::Queue => judge::<Queue>(opened),
        HistoryModel::Lock => judge::<Lock>(opened),
        HistoryModel::Bank => judge::<Bank>(opened),
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

/// What a file says.
struct Recorded<S: Spec> {
    history: Vec<OperationOf<S>>,
    /// For each operation its line.
    lines: Vec<u32>,
}

/// Holds a file against a model.
fn judge<S: OfFile>(file: BufReader<File>) -> Result<HistoryReport, Complaint> {
    let recorded = Recorded::<S>::read(file)?;
    let checked =
        S::check(&recorded.history).map_err(|error| (1, format!("this is no history: {error}")))?;
    Ok(recorded.report(&checked))
}

impl<S: OfFile> Recorded<S> {
    /// Operations in the order of their lines.
    fn read(file: BufReader<File>) -> Result<Recorded<S>, Complaint> {
        let (mut history, mut lines): (Vec<OperationOf<S>>, Vec<u32>) = Default::default();
        read::each_row(file, |row| {
            let (command, reply) = S::read(&row.what).map_err(|why| (row.line, why))?;
            let line = u32::try_from(row.line)
                .map_err(|_| (row.line, "a file has fewer than 2^32 lines".to_owned()))?;
            let operation = Operation {
                client: row.client,
                command,
                call: row.call,
                reply: row.ret.zip(reply),
            };
            history.push(operation);
            lines.push(line);
            Ok(())
        })?;
        if !lines.is_sorted() {
            let mut rows: Vec<_> = lines.into_iter().zip(history).collect();
            rows.sort_unstable_by_key(|(line, _)| *line);
            (lines, history) = rows.into_iter().unzip();
        }
        let recorded = Recorded { history, lines };
        recorded.one_at_a_time()?;
        Ok(recorded)
    }

    /// A client has one operation open at a time. (What was never answered, it no longer waits
    /// for.)
    fn one_at_a_time(&self) -> Result<(), Complaint> {
        let mut in_time: Vec<u32> = (0..self.lines.len() as u32).collect();
        let ret = |index: usize| self.history[index].reply.as_ref().map(|(ret, _)| *ret);
        in_time.sort_unstable_by_key(|&index| {
            let Operation { client, call, .. } = self.history[index as usize];
            let ret = ret(index as usize);
            (client, call, ret.is_none(), ret, index)
        });
        for pair in in_time.windows(2) {
            let [before, row] = [pair[0] as usize, pair[1] as usize];
            let Operation { client, call, .. } = self.history[row];
            if let Some(ret) =
                ret(before).filter(|ret| self.history[before].client == client && *ret > call)
            {
                let why = format!(
                    "client {client} calls at {call}, but its operation of line {} returns only at \
                     {ret}: a client has one operation open at a time, so give those that work at \
                     once numbers of their own",
                    self.lines[before]
                );
                return Err((self.lines[row] as usize, why));
            }
        }
        Ok(())
    }

    fn what(&self, index: usize) -> Call {
        let Operation { command, reply, .. } = &self.history[index];
        S::write(command, reply.as_ref().map(|(_, reply)| reply))
    }

    fn report(&self, checked: &Checked) -> HistoryReport {
        let (verdict, violation, witness) = match &checked.verdict {
            Verdict::Linearizable { witness } => {
                (HistoryVerdict::Linearizable, None, self.orders(witness))
            }
            Verdict::Undecided { .. } => (HistoryVerdict::Undecided, None, Vec::new()),
            Verdict::Violated(violation) => (
                HistoryVerdict::Violated,
                Some(self.explained(violation)),
                Vec::new(),
            ),
        };
        HistoryReport {
            file: String::new(),
            verdict,
            expected: None,
            operations: self.lines.len(),
            keys_by_zones: checked.by_zones,
            keys_by_search: checked.by_search,
            configurations: checked.explored,
            violation,
            witness,
        }
    }

    /// The key that all of these operations work on.
    fn key_of(&self, operations: &[usize]) -> Option<String> {
        let same = |pair: &[usize]| {
            let key = |at: usize| S::partition(&self.history[at].command);
            key(pair[0]) == key(pair[1])
        };
        let key = self.what(*operations.first()?).key?;
        operations.windows(2).all(same).then_some(key)
    }

    fn line(&self, index: usize) -> OperationLine {
        let Operation { client, call, .. } = self.history[index];
        let what = self.what(index);
        OperationLine {
            line: self.lines[index] as usize,
            client,
            command: what.command(),
            reply: what.reply(),
            call,
            ret: self.history[index].reply.as_ref().map(|(ret, _)| *ret),
        }
    }

    fn orders(&self, witness: &[Vec<usize>]) -> Vec<KeyOrder> {
        let mut room = FIRST_IN_ALL;
        let order = |order: &Vec<usize>| {
            let first = order.len().min(FIRST_OF_KEY).min(room);
            room -= first;
            KeyOrder {
                key: self.key_of(order),
                lines: order
                    .iter()
                    .map(|&index| self.lines[index] as usize)
                    .collect(),
                first: order[..first]
                    .iter()
                    .map(|&index| self.line(index))
                    .collect(),
            }
        };
        witness
            .iter()
            .filter(|order| !order.is_empty())
            .map(order)
            .collect()
    }

    fn explained(&self, violation: &Violation) -> ViolationReport {
        let tell = |index: usize| {
            let Operation {
                client,
                call,
                reply,
                ..
            } = &self.history[index];
            Told {
                name: format!("client {client}'s {}", self.what(index).command()),
                called: call.to_string(),
                answered: reply.as_ref().map(|(ret, _)| ret.to_string()),
            }
        };
        let in_time = |operations: &[usize]| {
            let mut operations = operations.to_vec();
            operations.sort_unstable_by_key(|&index| (self.history[index].call, index));
            operations.iter().map(|&index| self.line(index)).collect()
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
            key: self.key_of(&violation.operations),
            impossible: self.line(violation.impossible),
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
}
