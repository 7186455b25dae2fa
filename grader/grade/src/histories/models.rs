//! The operations of files as operations of the objects that they are held against.

use faultline_check::{
    BankCall, BankReply, LockCall, LockOp, QueueCall, QueueOp, QueueReply, Store, StoreCall,
    StoreOp, StoreReply,
};
use serde_json::Value;

use super::read::{Call, short, text};
use crate::error::nearest;

type Translated<Op, Ret> = Result<(Op, Option<Ret>), String>;

/// Keys that were never written have the value `null`.
pub(super) fn register() -> Store {
    Store {
        value: b"null".to_vec(),
        version: 0,
    }
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
pub(super) fn kv_operation(call: &Call) -> Translated<StoreCall, StoreReply> {
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
pub(super) fn register_operation(call: &Call) -> Translated<StoreCall, StoreReply> {
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
pub(super) fn queue_operation(call: &Call) -> Translated<QueueCall, QueueReply> {
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
pub(super) fn lock_operation(call: &Call) -> Translated<LockCall, bool> {
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
pub(super) fn bank_operation(call: &Call) -> Translated<BankCall, BankReply> {
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
