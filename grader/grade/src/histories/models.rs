//! The objects that the histories of files are held against.

use std::collections::VecDeque;

use faultline_check::{SequentialSpec, Spec, Store, StoreCall, StoreOp, StoreReply};
use serde_json::Value;

use super::read::{Call, text};

type Translated<Op, Ret> = Result<(Op, Option<Ret>), String>;

/// Keys that were never written have the empty text.
pub(super) fn kv() -> Store {
    Store::default()
}

/// Keys that were never written have the value `null`.
pub(super) fn register() -> Store {
    Store { value: b"null".to_vec(), version: 0 }
}

fn number(value: &Value, name: &str) -> Result<u64, String> {
    value.as_u64().ok_or_else(|| format!("{name:?} must be a whole number from 0 on, not {value}"))
}

fn unknown<T>(call: &Call, known: &str) -> Result<T, String> {
    Err(format!("there is no operation {:?}; there are {known}", call.op))
}

fn wrong<T>(call: &Call, expected: &str) -> Result<T, String> {
    let result = call.result.as_ref().unwrap_or(&Value::Null);
    Err(format!("the \"result\" of {} must be {expected}, not {result}", call.op))
}

/// `null` or `true`.
fn done(call: &Call) -> Result<Option<StoreReply>, String> {
    match &call.result {
        None => Ok(None),
        Some(Value::Null | Value::Bool(true)) => Ok(Some(StoreReply::Done)),
        Some(_) => wrong(call, "null"),
    }
}

/// An operation on texts.
pub(super) fn kv_operation(call: &Call) -> Translated<StoreCall, StoreReply> {
    let (op, reply) = match call.op.as_str() {
        "append" => {
            call.has_only(&["value"])?;
            (StoreOp::Append(call.text("value")?), done(call)?)
        }
        "put-at" => {
            call.has_only(&["value", "version"])?;
            let version = number(call.argument("version")?, "version")?;
            let reply = match &call.result {
                Some(Value::Bool(false)) => Some(StoreReply::NotStored(None)),
                Some(Value::Object(saw)) if saw.len() == 1 && saw.contains_key("saw") => {
                    Some(StoreReply::NotStored(Some(number(&saw["saw"], "saw")?)))
                }
                Some(Value::Null | Value::Bool(true)) | None => done(call)?,
                Some(_) => return wrong(call, "true, false or {\"saw\": VERSION}"),
            };
            (StoreOp::PutAt { version, value: call.text("value")? }, reply)
        }
        "get-at" => {
            call.has_only(&[])?;
            let reply = match &call.result {
                None => None,
                Some(Value::Object(saw)) if saw.len() == 2 => match (saw.get("value"), saw.get("version")) {
                    (Some(value), Some(version)) => {
                        Some(StoreReply::Versioned(text(value, "value")?, number(version, "version")?))
                    }
                    _ => return wrong(call, "{\"value\": TEXT, \"version\": NUMBER}"),
                },
                Some(_) => return wrong(call, "{\"value\": TEXT, \"version\": NUMBER}"),
            };
            (StoreOp::GetAt, reply)
        }
        "put" | "get" | "cas" => plain(call, text)?,
        _ => return unknown(call, "put, append, get, cas, put-at, get-at"),
    };
    Ok((StoreCall { key: call.key.clone(), op }, reply))
}

/// An operation on any values; equal JSON is an equal value.
pub(super) fn register_operation(call: &Call) -> Translated<StoreCall, StoreReply> {
    let (op, reply) = match call.op.as_str() {
        "put" | "get" | "cas" => plain(call, |value, _| Ok(value.to_string().into_bytes()))?,
        _ => return unknown(call, "put, get, cas"),
    };
    Ok((StoreCall { key: call.key.clone(), op }, reply))
}

/// Put, get and compare-and-set.
fn plain(call: &Call, value: impl Fn(&Value, &str) -> Result<Vec<u8>, String>) -> Translated<StoreOp, StoreReply> {
    match call.op.as_str() {
        "put" => {
            call.has_only(&["value"])?;
            Ok((StoreOp::Put(value(call.argument("value")?, "value")?), done(call)?))
        }
        "get" => {
            call.has_only(&[])?;
            let saw = call.result.as_ref().map(|saw| value(saw, "result")).transpose()?;
            Ok((StoreOp::Get, saw.map(StoreReply::Value)))
        }
        _ => {
            call.has_only(&["from", "to"])?;
            let (from, to) = (value(call.argument("from")?, "from")?, value(call.argument("to")?, "to")?);
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

/// First in, first out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Queue(VecDeque<String>);

/// The key, and the value to enqueue; `None` dequeues.
type QueueCall = (String, Option<String>);

impl Queue {
    pub fn operation(call: &Call) -> Translated<QueueCall, Option<String>> {
        match call.op.as_str() {
            "enqueue" => {
                call.has_only(&["value"])?;
                let value = call.argument("value")?.to_string();
                match &call.result {
                    Some(result) if !result.is_null() => wrong(call, "null"),
                    result => Ok(((call.key.clone(), Some(value)), result.as_ref().map(|_| None))),
                }
            }
            "dequeue" => {
                call.has_only(&[])?;
                let result = |result: &Value| (!result.is_null()).then(|| result.to_string());
                Ok(((call.key.clone(), None), call.result.as_ref().map(result)))
            }
            _ => unknown(call, "enqueue, dequeue"),
        }
    }
}

impl SequentialSpec for Queue {
    type Op = QueueCall;
    type Ret = Option<String>;

    fn invoke(&mut self, (_, value): &QueueCall) -> Option<String> {
        match value {
            Some(value) => {
                self.0.push_back(value.clone());
                None
            }
            None => self.0.pop_front(),
        }
    }
}

impl Spec for Queue {
    type Key = String;

    fn read_only(_: &QueueCall) -> bool {
        false
    }

    fn partition((key, _): &QueueCall) -> Option<String> {
        Some(key.clone())
    }
}

/// Held by nobody or by somebody; who that is does not matter to who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Lock {
    held: bool,
}

impl Lock {
    pub fn operation(call: &Call) -> Translated<(String, bool), bool> {
        call.has_only(&[])?;
        let acquires = match call.op.as_str() {
            "acquire" => true,
            "release" => false,
            _ => return unknown(call, "acquire, release"),
        };
        let result = match &call.result {
            None => None,
            Some(Value::Bool(result)) => Some(*result),
            Some(_) => return wrong(call, "true (it worked) or false"),
        };
        Ok(((call.key.clone(), acquires), result))
    }
}

impl SequentialSpec for Lock {
    type Op = (String, bool);
    type Ret = bool;

    fn invoke(&mut self, &(_, acquires): &(String, bool)) -> bool {
        let works = self.held != acquires;
        if works {
            self.held = acquires;
        }
        works
    }
}

impl Spec for Lock {
    type Key = String;

    fn read_only(_: &(String, bool)) -> bool {
        false
    }

    fn partition((key, _): &(String, bool)) -> Option<String> {
        Some(key.clone())
    }
}
