//! The operations of files as operations of the objects that they are held against.

use faultline_check::{
    Bank, BankCall, BankReply, Checked, HistoryError, Lock, LockCall, LockOp, OperationOf, Options,
    Queue, QueueCall, QueueOp, QueueReply, SequentialSpec, Spec, StoreCall, StoreOp, StoreReply,
    check_with,
};
use serde_json::Value;

use super::{
    read::{Call, short, text},
    stores::{AnyValues, Texts},
};
use crate::error::nearest;

type Translated<Op, Ret> = Result<(Op, Option<Ret>), String>;

/// An object whose histories stand in files.
pub(super) trait OfFile: Spec {
    /// The object before the first operation.
    fn at_first() -> Self;

    /// Holds a history against the object.
    fn check(history: &[OperationOf<Self>]) -> Result<Checked, HistoryError> {
        check_with(&Self::at_first(), history, &Options::default())
    }

    /// An operation of a file as one of the object.
    fn read(call: &Call)
    -> Translated<<Self as SequentialSpec>::Op, <Self as SequentialSpec>::Ret>;

    /// The way back, for what is told of an operation. (So no line of a file need be kept.)
    fn write(
        op: &<Self as SequentialSpec>::Op,
        reply: Option<&<Self as SequentialSpec>::Ret>,
    ) -> Call;
}

impl OfFile for Texts {
    fn at_first() -> Texts {
        Texts::default()
    }

    fn read(call: &Call) -> Translated<StoreCall, StoreReply> {
        kv_operation(call)
    }

    fn write(call: &StoreCall, reply: Option<&StoreReply>) -> Call {
        write_store(call, reply, |value| {
            Value::from(String::from_utf8_lossy(value))
        })
    }
}

impl OfFile for AnyValues {
    /// Keys that were never written have the value `null`.
    fn at_first() -> AnyValues {
        AnyValues::with(b"null")
    }

    fn read(call: &Call) -> Translated<StoreCall, StoreReply> {
        register_operation(call)
    }

    fn write(call: &StoreCall, reply: Option<&StoreReply>) -> Call {
        write_store(call, reply, json)
    }
}

impl OfFile for Queue {
    fn at_first() -> Queue {
        Queue::default()
    }

    fn check(history: &[OperationOf<Queue>]) -> Result<Checked, HistoryError> {
        Queue::check(history, &Options::default())
    }

    fn read(call: &Call) -> Translated<QueueCall, QueueReply> {
        queue_operation(call)
    }

    fn write(call: &QueueCall, reply: Option<&QueueReply>) -> Call {
        let (op, arguments) = match &call.op {
            QueueOp::Enqueue(value) => ("enqueue", vec![("value", json(value.as_bytes()))]),
            QueueOp::Dequeue => ("dequeue", Vec::new()),
        };
        let result = reply.map(|reply| match reply {
            QueueReply::Added | QueueReply::Taken(None) => Value::Null,
            QueueReply::Taken(Some(value)) => json(value.as_bytes()),
        });
        Call::new(op, Some(&call.queue), arguments, result)
    }
}

impl OfFile for Lock {
    fn at_first() -> Lock {
        Lock::default()
    }

    fn check(history: &[OperationOf<Lock>]) -> Result<Checked, HistoryError> {
        Lock::check(history, &Options::default())
    }

    fn read(call: &Call) -> Translated<LockCall, bool> {
        lock_operation(call)
    }

    fn write(call: &LockCall, works: Option<&bool>) -> Call {
        let op = match call.op {
            LockOp::Acquire => "acquire",
            LockOp::Release => "release",
        };
        Call::new(
            op,
            Some(&call.lock),
            Vec::new(),
            works.map(|works| Value::from(*works)),
        )
    }
}

impl OfFile for Bank {
    fn at_first() -> Bank {
        Bank::default()
    }

    fn check(history: &[OperationOf<Bank>]) -> Result<Checked, HistoryError> {
        Bank::check(history, &Options::default())
    }

    fn read(call: &Call) -> Translated<BankCall, BankReply> {
        bank_operation(call)
    }

    fn write(call: &BankCall, reply: Option<&BankReply>) -> Call {
        let (op, key, arguments) = match call {
            BankCall::Deposit { account, amount } => (
                "deposit",
                Some(account.as_str()),
                vec![("amount", Value::from(*amount))],
            ),
            BankCall::Transfer { from, to, amount } => (
                "transfer",
                None,
                vec![
                    ("from", Value::from(from.as_str())),
                    ("to", Value::from(to.as_str())),
                    ("amount", Value::from(*amount)),
                ],
            ),
            BankCall::Balances(keys) => {
                ("balances", None, vec![("keys", Value::from(keys.clone()))])
            }
        };
        let result = reply.map(|reply| match reply {
            BankReply::Done if op == "deposit" => Value::Null,
            BankReply::Done => Value::from(true),
            BankReply::Refused => Value::from(false),
            BankReply::Balances(balances) => Value::from(balances.clone()),
        });
        Call::new(op, key, arguments, result)
    }
}

/// The JSON that stands for a value.
fn json(value: &[u8]) -> Value {
    serde_json::from_slice(value).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(value)))
}

fn write_store(
    call: &StoreCall,
    reply: Option<&StoreReply>,
    value: impl Fn(&[u8]) -> Value,
) -> Call {
    let (op, arguments) = match &call.op {
        StoreOp::Put(to) => ("put", vec![("value", value(to))]),
        StoreOp::Append(to) => ("append", vec![("value", value(to))]),
        StoreOp::Get => ("get", Vec::new()),
        StoreOp::GetAt => ("get-at", Vec::new()),
        StoreOp::Cas { from, to } => ("cas", vec![("from", value(from)), ("to", value(to))]),
        StoreOp::PutAt { version, value: to } => (
            "put-at",
            vec![("value", value(to)), ("version", Value::from(*version))],
        ),
    };
    let result = reply.map(|reply| match reply {
        StoreReply::Done if matches!(op, "put" | "append") => Value::Null,
        StoreReply::Done => Value::from(true),
        StoreReply::Value(seen) => value(seen),
        StoreReply::Versioned(seen, version) => {
            serde_json::json!({"value": value(seen), "version": version})
        }
        StoreReply::NotSwapped(None) | StoreReply::NotStored(None) => Value::from(false),
        StoreReply::NotSwapped(Some(seen)) => serde_json::json!({"saw": value(seen)}),
        StoreReply::NotStored(Some(version)) => serde_json::json!({"saw": version}),
    });
    Call::new(op, Some(&call.key), arguments, result)
}

fn number(value: &Value, name: &str) -> Result<u64, String> {
    value.as_u64().ok_or_else(|| {
        format!(
            "{name:?} must be a whole number from 0 on, not {}",
            short(value)
        )
    })
}

fn unknown<T>(call: &Call, known: &[&str]) -> Result<T, String> {
    let near = nearest(&call.op, known.iter().copied());
    Err(format!(
        "this model has no operation {:?}{near}; it has {} (other models: --model)",
        call.op,
        known.join(", ")
    ))
}

fn wrong<T>(call: &Call, expected: &str) -> Result<T, String> {
    let result = call.result.as_ref().unwrap_or(&Value::Null);
    Err(format!(
        "the \"result\" of {} must be {expected}, not {}",
        call.op,
        short(result)
    ))
}

/// Whether it worked.
fn yes_or_no(call: &Call) -> Result<Option<bool>, String> {
    match &call.result {
        None => Ok(None),
        Some(Value::Bool(works)) => Ok(Some(*works)),
        Some(_) => wrong(call, "true or false"),
    }
}

/// `null` or `true`.
fn done<R>(call: &Call, reply: R) -> Result<Option<R>, String> {
    match &call.result {
        None => Ok(None),
        Some(Value::Null | Value::Bool(true)) => Ok(Some(reply)),
        Some(_) => wrong(call, "null"),
    }
}

/// An operation on texts.
fn kv_operation(call: &Call) -> Translated<StoreCall, StoreReply> {
    let (op, reply) = match call.op.as_str() {
        "append" => {
            call.has_only(&["value"])?;
            (
                StoreOp::Append(call.text("value")?),
                done(call, StoreReply::Done)?,
            )
        }
        "put-at" => {
            call.has_only(&["value", "version"])?;
            let version = number(call.argument("version")?, "version")?;
            let reply = match &call.result {
                Some(Value::Bool(false)) => Some(StoreReply::NotStored(None)),
                Some(Value::Object(saw)) if saw.len() == 1 && saw.contains_key("saw") => {
                    Some(StoreReply::NotStored(Some(number(&saw["saw"], "saw")?)))
                }
                Some(Value::Null | Value::Bool(true)) | None => done(call, StoreReply::Done)?,
                Some(_) => return wrong(call, "true, false or {\"saw\": VERSION}"),
            };
            (
                StoreOp::PutAt {
                    version,
                    value: call.text("value")?,
                },
                reply,
            )
        }
        "get-at" => {
            call.has_only(&[])?;
            let reply = match &call.result {
                None => None,
                Some(Value::Object(saw)) if saw.len() == 2 => {
                    match (saw.get("value"), saw.get("version")) {
                        (Some(value), Some(version)) => Some(StoreReply::Versioned(
                            text(value, "value")?,
                            number(version, "version")?,
                        )),
                        _ => return wrong(call, "{\"value\": TEXT, \"version\": NUMBER}"),
                    }
                }
                Some(_) => return wrong(call, "{\"value\": TEXT, \"version\": NUMBER}"),
            };
            (StoreOp::GetAt, reply)
        }
        "put" | "get" | "cas" => plain(call, text)?,
        _ => return unknown(call, &["put", "append", "get", "cas", "put-at", "get-at"]),
    };
    Ok((
        StoreCall {
            key: call.key()?,
            op,
        },
        reply,
    ))
}

/// An operation on any values; equal JSON is an equal value.
fn register_operation(call: &Call) -> Translated<StoreCall, StoreReply> {
    let (op, reply) = match call.op.as_str() {
        "put" | "get" | "cas" => plain(call, |value, _| Ok(value.to_string().into_bytes()))?,
        _ => return unknown(call, &["put", "get", "cas"]),
    };
    Ok((
        StoreCall {
            key: call.key()?,
            op,
        },
        reply,
    ))
}

/// Put, get and compare-and-set.
fn plain(
    call: &Call,
    value: impl Fn(&Value, &str) -> Result<Vec<u8>, String>,
) -> Translated<StoreOp, StoreReply> {
    match call.op.as_str() {
        "put" => {
            call.has_only(&["value"])?;
            Ok((
                StoreOp::Put(value(call.argument("value")?, "value")?),
                done(call, StoreReply::Done)?,
            ))
        }
        "get" => {
            call.has_only(&[])?;
            let saw = call
                .result
                .as_ref()
                .map(|saw| value(saw, "result"))
                .transpose()?;
            Ok((StoreOp::Get, saw.map(StoreReply::Value)))
        }
        _ => {
            call.has_only(&["from", "to"])?;
            let (from, to) = (
                value(call.argument("from")?, "from")?,
                value(call.argument("to")?, "to")?,
            );
            let reply = match &call.result {
                None => None,
                Some(Value::Bool(true)) => Some(StoreReply::Done),
                Some(Value::Bool(false)) => Some(StoreReply::NotSwapped(None)),
                Some(Value::Object(saw)) if saw.len() == 1 && saw.contains_key("saw") => {
                    Some(StoreReply::NotSwapped(Some(value(&saw["saw"], "saw")?)))
                }
                Some(_) => return wrong(call, "true, false or {\"saw\": VALUE}"),
            };
            Ok((StoreOp::Cas { from, to }, reply))
        }
    }
}

/// An operation on a queue; equal JSON is an equal value.
fn queue_operation(call: &Call) -> Translated<QueueCall, QueueReply> {
    let (op, reply) = match call.op.as_str() {
        "enqueue" => {
            call.has_only(&["value"])?;
            (
                QueueOp::Enqueue(call.argument("value")?.to_string()),
                done(call, QueueReply::Added)?,
            )
        }
        "dequeue" => {
            call.has_only(&[])?;
            let taken =
                |result: &Value| QueueReply::Taken((!result.is_null()).then(|| result.to_string()));
            (QueueOp::Dequeue, call.result.as_ref().map(taken))
        }
        _ => return unknown(call, &["enqueue", "dequeue"]),
    };
    Ok((
        QueueCall {
            queue: call.key()?,
            op,
        },
        reply,
    ))
}

/// An operation on a lock.
fn lock_operation(call: &Call) -> Translated<LockCall, bool> {
    let op = match call.op.as_str() {
        "acquire" => LockOp::Acquire,
        "release" => LockOp::Release,
        _ => return unknown(call, &["acquire", "release"]),
    };
    call.has_only(&[])?;
    Ok((
        LockCall {
            lock: call.key()?,
            op,
        },
        yes_or_no(call)?,
    ))
}

/// An operation on accounts.
fn bank_operation(call: &Call) -> Translated<BankCall, BankReply> {
    let account = |name: &str| match call.argument(name)? {
        Value::String(account) => Ok(account.clone()),
        other => Err(format!("{name:?} must be a text, not {}", short(other))),
    };
    match call.op.as_str() {
        "deposit" => {
            call.has_only(&["amount"])?;
            let amount = number(call.argument("amount")?, "amount")?;
            Ok((
                BankCall::Deposit {
                    account: call.key()?,
                    amount,
                },
                done(call, BankReply::Done)?,
            ))
        }
        "transfer" => {
            call.has_no_key()?;
            call.has_only(&["from", "to", "amount"])?;
            let amount = number(call.argument("amount")?, "amount")?;
            let reply = yes_or_no(call)?.map(|works| {
                if works {
                    BankReply::Done
                } else {
                    BankReply::Refused
                }
            });
            Ok((
                BankCall::Transfer {
                    from: account("from")?,
                    to: account("to")?,
                    amount,
                },
                reply,
            ))
        }
        "balances" => balances(call),
        _ => unknown(call, &["deposit", "transfer", "balances"]),
    }
}

fn balances(call: &Call) -> Translated<BankCall, BankReply> {
    call.has_no_key()?;
    call.has_only(&["keys"])?;
    let keys = call.argument("keys")?;
    let names = keys
        .as_array()
        .and_then(|all| all.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
    let Some(names) = names else {
        return Err(format!(
            "\"keys\" must be a list of texts, not {}",
            short(keys)
        ));
    };
    let read = |result: &Value| -> Option<Vec<u64>> {
        let balances: Vec<u64> = result
            .as_array()?
            .iter()
            .map(Value::as_u64)
            .collect::<Option<_>>()?;
        Some(balances).filter(|balances| balances.len() == names.len())
    };
    let reply = match call.result.as_ref().map(read) {
        None => None,
        Some(Some(balances)) => Some(BankReply::Balances(balances)),
        Some(None) => {
            return wrong(call, "a list with a whole number for each of \"keys\"");
        }
    };
    Ok((
        BankCall::Balances(names.into_iter().map(str::to_owned).collect()),
        reply,
    ))
}
