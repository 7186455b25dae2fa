//! From the lines of a file to calls and replies. No line is kept longer than it is looked at.

use std::io::BufRead;

use serde_json::{Map, Value, error::Category};

use super::{events::Events, strict::Strict};

/// A line and what is wrong with it.
pub(super) type Complaint = (usize, String);

/// One operation as it stands in a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HistoryRow {
    /// Where.
    pub line: usize,
    pub client: u32,
    pub what: Call,
    pub call: u64,
    /// `None` if the reply was lost.
    pub ret: Option<u64>,
}

/// What was asked and answered, before any model has looked at it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub op: String,
    pub key: Option<String>,
    /// All other arguments.
    pub arguments: Map<String, Value>,
    /// `None` if the reply was lost.
    pub result: Option<Value>,
}

impl Call {
    /// One with these arguments.
    pub fn new(
        op: &str,
        key: Option<&str>,
        arguments: Vec<(&str, Value)>,
        result: Option<Value>,
    ) -> Call {
        let arguments = arguments.into_iter();
        Call {
            op: op.to_owned(),
            key: key.map(str::to_owned),
            arguments: arguments
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            result,
        }
    }

    /// The key that it works on, which must be there.
    pub fn key(&self) -> Result<String, String> {
        self.key
            .clone()
            .ok_or_else(|| format!("{} needs \"key\"; {ROW}", self.op))
    }

    /// Complains of a key.
    pub fn has_no_key(&self) -> Result<(), String> {
        if self.key.is_some() {
            Err(format!("{} has no \"key\"", self.op))
        } else {
            Ok(())
        }
    }

    /// An argument that must be there.
    pub fn argument(&self, name: &str) -> Result<&Value, String> {
        self.arguments
            .get(name)
            .ok_or_else(|| format!("{} needs {name:?}", self.op))
    }

    /// An argument that must be a text.
    pub fn text(&self, name: &str) -> Result<Vec<u8>, String> {
        text(self.argument(name)?, name)
    }

    /// Complains of arguments that the operation does not have.
    pub fn has_only(&self, names: &[&str]) -> Result<(), String> {
        let expected = if names.is_empty() {
            "nothing".to_owned()
        } else {
            names.join(", ")
        };
        match self
            .arguments
            .keys()
            .find(|name| !names.contains(&name.as_str()))
        {
            Some(name) => Err(format!(
                "{} has no {:?}; besides its key it has {expected}",
                self.op,
                cut(name)
            )),
            None => Ok(()),
        }
    }

    /// `put "x" "a"`.
    pub fn command(&self) -> String {
        let key = self
            .key
            .iter()
            .map(|key| format!(" {}", cut(&format!("{key:?}"))));
        let named = self.arguments.len() > 1;
        let argument = |(name, value): (&String, &Value)| {
            if named {
                format!(" {name} {}", short(value))
            } else {
                format!(" {}", short(value))
            }
        };
        let arguments = self.arguments.iter().map(argument);
        std::iter::once(cut(&self.op))
            .chain(key)
            .chain(arguments)
            .collect()
    }

    /// `done`, `"a"`.
    pub fn reply(&self) -> Option<String> {
        let reads = matches!(self.op.as_str(), "get" | "dequeue");
        let reply = |result: &Value| {
            if result.is_null() && !reads {
                "done".to_owned()
            } else {
                short(result)
            }
        };
        self.result.as_ref().map(reply)
    }
}

/// What a message says of what a line must be.
const ROW: &str = "a line is like {\"client\": 1, \"op\": \"get\", \"key\": \"x\", \"call\": 10, \
                   \"return\": 20, \
                   \"result\": \"a\"} (SPEC.md, section 12)";

/// A value that must be a text.
pub(super) fn text(value: &Value, name: &str) -> Result<Vec<u8>, String> {
    let text = value
        .as_str()
        .ok_or_else(|| format!("{name:?} must be a text, not {}", short(value)))?;
    Ok(text.as_bytes().to_vec())
}

/// The JSON of a value; of a long one the beginning and the end.
pub(super) fn short(value: &Value) -> String {
    cut(&value.to_string())
}

/// A text; of a long one the beginning and the end.
pub(super) fn cut(text: &str) -> String {
    const KEPT: usize = 60;
    let count = text.chars().count();
    if count <= 2 * KEPT + 30 {
        return text.to_owned();
    }
    let place = |at: usize| {
        text.char_indices()
            .nth(at)
            .map_or(text.len(), |(place, _)| place)
    };
    let (begin, end) = (&text[..place(KEPT)], &text[place(count - KEPT)..]);
    format!(
        "{begin}\u{2026} ({} more characters) \u{2026}{end}",
        count - 2 * KEPT
    )
}

/// Hands on the operations of a file in one of the two formats, which are told apart by the first
/// line. Of a file of events they come in the order of the replies.
pub(super) fn each_row(
    file: impl BufRead,
    mut each: impl FnMut(HistoryRow) -> Result<(), Complaint>,
) -> Result<(), Complaint> {
    let mut lines = Lines {
        file,
        number: 0,
        bytes: Vec::new(),
    };
    let mut events: Option<Events> = None;
    let mut any = false;
    while let Some((number, line)) = lines.next()? {
        if !any && line.starts_with("{:") {
            events = Some(Events::default());
        }
        any = true;
        let complain = |why| (number, why);
        match &mut events {
            Some(events) => events
                .read(number, line)
                .map_err(complain)?
                .map_or(Ok(()), &mut each)?,
            None => each(row(number, line).map_err(complain)?)?,
        }
    }
    if !any {
        return Err((1, format!("the file is empty; {ROW}")));
    }
    events.unwrap_or_default().left().try_for_each(each)
}

/// The lines of a file that are not empty.
struct Lines<F> {
    file: F,
    number: usize,
    bytes: Vec<u8>,
}

impl<F: BufRead> Lines<F> {
    /// The next one and its number.
    fn next(&mut self) -> Result<Option<(usize, &str)>, Complaint> {
        loop {
            self.bytes.clear();
            self.number += 1;
            let read = self.file.read_until(b'\n', &mut self.bytes);
            let read =
                read.map_err(|error| (self.number, format!("it cannot be read: {error}")))?;
            if read == 0 {
                return Ok(None);
            }
            if self.number == 1 && self.bytes.starts_with(BYTE_ORDER_MARK) {
                self.bytes.drain(..BYTE_ORDER_MARK.len());
            }
            if !self.bytes.trim_ascii().is_empty() {
                break;
            }
        }
        let text = std::str::from_utf8(&self.bytes);
        let text = text.map_err(|_| (self.number, "this is no UTF-8 text".to_owned()))?;
        Ok(Some((self.number, text.trim())))
    }
}

/// What some editors begin a file of UTF-8 with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The fields of an object in which each key stands once.
fn object(text: &str) -> Result<Map<String, Value>, String> {
    let Strict(value) = serde_json::from_str(text).map_err(|error| {
        // The file's line is told already; this text is one line.
        let (what, column) = (error.to_string(), error.column());
        let what = what
            .rsplit_once(" at line ")
            .map_or(&what[..], |(what, _)| what);
        match error.classify() {
            Category::Data => format!("{what}, at column {column}: which one is meant?"),
            _ => format!("this is no JSON: {what} at column {column}; {ROW}"),
        }
    })?;
    let Value::Object(fields) = value else {
        return Err(format!(
            "this is no JSON object but {}; {ROW}",
            short(&value)
        ));
    };
    Ok(fields)
}

/// One line of JSON.
fn row(line: usize, text: &str) -> Result<HistoryRow, String> {
    let mut fields = object(text)?;
    let mut take = |name: &str| {
        fields
            .remove(name)
            .ok_or_else(|| format!("{name:?} is missing; {ROW}"))
    };
    let number = |name: &str, value: &Value| {
        value.as_u64().ok_or_else(|| {
            format!(
                "{name:?} must be a whole number from 0 on, not {}",
                short(value)
            )
        })
    };
    let name = |name: &str, value: Value| match value {
        Value::String(text) => Ok(text),
        other => Err(format!("{name:?} must be a text, not {}", short(&other))),
    };
    let client = number("client", &take("client")?)?;
    let client = u32::try_from(client)
        .map_err(|_| format!("\"client\" must be below 2^32, not {client}"))?;
    let op = name("op", take("op")?)?;
    let call = number("call", &take("call")?)?;
    let ret = match take("return")? {
        Value::Null => None,
        value => Some(number("return", &value)?),
    };
    let key = fields
        .remove("key")
        .map(|key| name("key", key))
        .transpose()?;
    if let Some(ret) = ret.filter(|ret| *ret < call) {
        return Err(format!(
            "it returns at {ret}, before it is called at {call}"
        ));
    }
    let result = fields.remove("result");
    if ret.is_none() && result.as_ref().is_some_and(|result| !result.is_null()) {
        return Err(
            "it has a \"result\", but its \"return\" is null: it did not return".to_owned(),
        );
    }
    let result = ret.map(|_| result.unwrap_or(Value::Null));
    Ok(HistoryRow {
        line,
        client,
        what: Call {
            op,
            key,
            arguments: fields,
            result,
        },
        call,
        ret,
    })
}
