//! From the text of a file to calls and replies.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Complaint;

/// One operation as it stands in a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
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
    pub key: String,
    /// All other arguments.
    pub arguments: Map<String, Value>,
    /// `None` if the reply was lost.
    pub result: Option<Value>,
}

impl Call {
    /// An argument that must be there.
    pub fn argument(&self, name: &str) -> Result<&Value, String> {
        self.arguments.get(name).ok_or_else(|| format!("{} needs {name:?}", self.op))
    }

    /// An argument that must be a text.
    pub fn text(&self, name: &str) -> Result<Vec<u8>, String> {
        text(self.argument(name)?, name)
    }

    /// Complains of arguments that the operation does not have.
    pub fn has_only(&self, names: &[&str]) -> Result<(), String> {
        match self.arguments.keys().find(|name| !names.contains(&name.as_str())) {
            Some(name) => Err(format!("{} has no {name:?}", self.op)),
            None => Ok(()),
        }
    }

    /// `put "x" "a" = done`.
    pub fn describe(&self, answered: bool) -> String {
        let mut text = format!("{} {:?}", self.op, self.key);
        self.arguments.values().for_each(|value| text += &format!(" {value}"));
        match (&self.result, answered) {
            (Some(Value::Null), true) => text += " = done",
            (Some(result), true) => text += &format!(" = {result}"),
            _ => {}
        }
        text
    }
}

/// A value that must be a text.
pub(super) fn text(value: &Value, name: &str) -> Result<Vec<u8>, String> {
    let text = value.as_str().ok_or_else(|| format!("{name:?} must be a text, not {value}"))?;
    Ok(text.as_bytes().to_vec())
}

/// The operations of a file in one of the two formats; they are told apart by the first line.
pub(super) fn rows(text: &str) -> Result<Vec<Row>, Complaint> {
    let lines = || text.lines().enumerate().map(|(at, line)| (at + 1, line.trim())).filter(|line| !line.1.is_empty());
    match lines().next() {
        None => Err((1, "the file is empty".to_owned())),
        Some((_, first)) if first.starts_with("{:") => events(lines()),
        Some(_) => lines().map(|(number, line)| row(number, line).map_err(|why| (number, why))).collect(),
    }
}

/// One line of JSON.
fn row(line: usize, text: &str) -> Result<Row, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("this is no JSON: {error}"))?;
    let Value::Object(mut fields) = value else { return Err("this is no JSON object".to_owned()) };
    let mut take = |name: &str| fields.remove(name).ok_or_else(|| format!("{name:?} is missing"));
    let number = |name: &str, value: &Value| {
        value.as_u64().ok_or_else(|| format!("{name:?} must be a whole number from 0 on, not {value}"))
    };
    let name = |name: &str, value: Value| match value {
        Value::String(text) => Ok(text),
        other => Err(format!("{name:?} must be a text, not {other}")),
    };
    let client = number("client", &take("client")?)?;
    let client = u32::try_from(client).map_err(|_| format!("\"client\" must be below 2^32, not {client}"))?;
    let op = name("op", take("op")?)?;
    let key = name("key", take("key")?)?;
    let call = number("call", &take("call")?)?;
    let ret = match take("return")? {
        Value::Null => None,
        value => Some(number("return", &value)?),
    };
    let result = fields.remove("result");
    if ret.is_none() && result.as_ref().is_some_and(|result| !result.is_null()) {
        return Err("it has a \"result\" although it did not return".to_owned());
    }
    let result = ret.map(|_| result.unwrap_or(Value::Null));
    Ok(Row { line, client, what: Call { op, key, arguments: fields, result }, call, ret })
}

/// Lines like `{:process 0, :type :invoke, :f :put, :key "0", :value "x"}`: events in their order. A line's number is
/// its time.
fn events<'t>(lines: impl Iterator<Item = (usize, &'t str)>) -> Result<Vec<Row>, Complaint> {
    let mut rows: Vec<Row> = Vec::new();
    let mut open: BTreeMap<u32, usize> = BTreeMap::new();
    for (number, line) in lines {
        let complain = |why: String| (number, why);
        let fields = fields(line).map_err(complain)?;
        let field =
            |name: &str| fields.get(name).cloned().ok_or_else(|| complain(format!("the field :{name} is missing")));
        let client = field("process")?.as_u64().and_then(|client| u32::try_from(client).ok());
        let client = client.ok_or_else(|| complain(":process must be a whole number".to_owned()))?;
        let (kind, op, key, value) = (field("type")?, field("f")?, field("key")?, field("value")?);
        let text = |value: Value| value.as_str().map(str::to_owned);
        let (Some(op), Some(key)) = (text(op), text(key)) else {
            return Err(complain(":f and :key must be a name and a text".to_owned()));
        };
        match kind.as_str() {
            Some("invoke") => {
                if let Some(other) = open.insert(client, rows.len()) {
                    let line = rows[other].line;
                    return Err(complain(format!("process {client} has not returned from line {line}")));
                }
                let mut arguments = Map::new();
                if op != "get" {
                    arguments.insert("value".to_owned(), value);
                }
                let what = Call { op, key, arguments, result: None };
                rows.push(Row { line: number, client, what, call: number as u64, ret: None });
            }
            Some("ok") => {
                let Some(row) = open.remove(&client).map(|at| &mut rows[at]) else {
                    return Err(complain(format!("process {client} has not called anything")));
                };
                if row.what.op != op || row.what.key != key {
                    return Err(complain(format!("process {client} called {} at line {}", row.what.op, row.line)));
                }
                row.what.result = Some(if op == "get" { value } else { Value::Null });
                row.ret = Some(number as u64);
            }
            // Nobody knows whether it happened.
            Some("info") => drop(open.remove(&client)),
            _ => return Err(complain(":type must be :invoke, :ok or :info".to_owned())),
        }
    }
    Ok(rows)
}

/// The fields of one event: numbers, names (`:ok`), texts and `nil`.
fn fields(line: &str) -> Result<BTreeMap<String, Value>, String> {
    let inside = line.strip_prefix('{').and_then(|line| line.strip_suffix('}'));
    let mut rest = inside.ok_or("an event is {:process .., :type .., ..}")?.trim();
    let mut fields = BTreeMap::new();
    while !rest.is_empty() {
        let after = rest.strip_prefix(':').ok_or_else(|| format!("a field's name is expected at {rest:?}"))?;
        let (name, after) = after.split_once(' ').ok_or_else(|| format!("the field :{after} has no value"))?;
        let after = after.trim_start();
        let (value, end) = if after.starts_with('"') {
            // A text is one of JSON, too.
            let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
            let value =
                values.next().and_then(Result::ok).ok_or_else(|| format!("the text of :{name} does not end"))?;
            (value, values.byte_offset())
        } else {
            let end = after.find(',').unwrap_or(after.len());
            let word = after[..end].trim();
            let value = match (word.strip_prefix(':'), word.parse::<u64>()) {
                (Some(name), _) => Value::from(name),
                (None, Ok(number)) => Value::from(number),
                (None, Err(_)) if word == "nil" => Value::Null,
                _ => return Err(format!("the value of :{name} is not understood: {word:?}")),
            };
            (value, end)
        };
        fields.insert(name.to_owned(), value);
        rest = after[end..].trim_start().trim_start_matches(',').trim_start();
    }
    Ok(fields)
}
