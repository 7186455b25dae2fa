//! From the text of a file to calls and replies.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

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

/// The operations of a file in one of the two formats; they are told apart by the first line.
pub(super) fn rows(text: &str) -> Result<Vec<HistoryRow>, Complaint> {
    let lines = || {
        text.lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line.trim()))
            .filter(|line| !line.1.is_empty())
    };
    match lines().next() {
        None => Err((1, format!("the file is empty; {ROW}"))),
        Some((_, first)) if first.starts_with("{:") => events(lines()),
        Some(_) => {
            let rows = lines().map(|(number, line)| row(number, line).map_err(|why| (number, why)));
            let rows = rows.collect::<Result<Vec<HistoryRow>, Complaint>>()?;
            one_at_a_time(&rows)?;
            Ok(rows)
        }
    }
}

/// One line of JSON.
fn row(line: usize, text: &str) -> Result<HistoryRow, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        // The file's line is told already; this text is one line.
        let (what, column) = (error.to_string(), error.column());
        let what = what.split(" at line ").next().unwrap_or_default();
        format!("this is no JSON: {what} at column {column}; {ROW}")
    })?;
    let Value::Object(mut fields) = value else {
        return Err(format!(
            "this is no JSON object but {}; {ROW}",
            short(&value)
        ));
    };
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

/// A client has one operation open at a time. (What was never answered, it no longer waits for.)
fn one_at_a_time(rows: &[HistoryRow]) -> Result<(), Complaint> {
    let mut in_time: Vec<&HistoryRow> = rows.iter().collect();
    in_time.sort_by_key(|row| (row.client, row.call, row.ret.is_none(), row.ret, row.line));
    for pair in in_time.windows(2) {
        let [before, row] = pair else {
            unreachable!("windows of two")
        };
        if let Some(ret) = before
            .ret
            .filter(|ret| before.client == row.client && *ret > row.call)
        {
            let why = format!(
                "client {} calls at {}, but its operation of line {} returns only at {ret}: a \
                 client has one operation \
                 open at a time, so give those that work at once numbers of their own",
                row.client, row.call, before.line
            );
            return Err((row.line, why));
        }
    }
    Ok(())
}

/// Lines like `{:process 0, :type :invoke, :f :put, :key "0", :value "x"}`: events in their order.
/// A line's number is its time.
fn events<'t>(lines: impl Iterator<Item = (usize, &'t str)>) -> Result<Vec<HistoryRow>, Complaint> {
    let mut rows: Vec<HistoryRow> = Vec::new();
    let mut open: BTreeMap<u32, usize> = BTreeMap::new();
    for (number, line) in lines {
        let complain = |why: String| (number, why);
        let fields = fields(line).map_err(complain)?;
        let field = |name: &str| {
            fields
                .get(name)
                .cloned()
                .ok_or_else(|| complain(format!("the field :{name} is missing")))
        };
        let client = field("process")?
            .as_u64()
            .and_then(|client| u32::try_from(client).ok());
        let client =
            client.ok_or_else(|| complain(":process must be a whole number".to_owned()))?;
        let (kind, op, key, value) = (field("type")?, field("f")?, field("key")?, field("value")?);
        let text = |value: Value| value.as_str().map(str::to_owned);
        let (Some(op), Some(key)) = (text(op), text(key)) else {
            return Err(complain(":f and :key must be a name and a text".to_owned()));
        };
        match kind.as_str() {
            Some("invoke") => {
                if let Some(other) = open.insert(client, rows.len()) {
                    let line = rows[other].line;
                    let why = format!(
                        "process {client} calls, but has not returned from its operation of line \
                         {line}"
                    );
                    return Err(complain(format!(
                        "{why}: :info stands for a reply that never came"
                    )));
                }
                let mut arguments = Map::new();
                if op != "get" {
                    arguments.insert("value".to_owned(), value);
                }
                let what = Call {
                    op,
                    key: Some(key),
                    arguments,
                    result: None,
                };
                rows.push(HistoryRow {
                    line: number,
                    client,
                    what,
                    call: number as u64,
                    ret: None,
                });
            }
            Some("ok") => {
                let row = open.remove(&client).map(|at| &mut rows[at]);
                let returned = returned(row, client, &op, &key, value);
                returned.map_err(complain)?.ret = Some(number as u64);
            }
            // Nobody knows whether it happened.
            Some("info") => drop(open.remove(&client)),
            _ => return Err(complain(":type must be :invoke, :ok or :info".to_owned())),
        }
    }
    Ok(rows)
}

/// The open call of a process, with what it has returned.
fn returned<'r>(
    row: Option<&'r mut HistoryRow>,
    client: u32,
    op: &str,
    key: &str,
    value: Value,
) -> Result<&'r mut HistoryRow, String> {
    let row = row.ok_or_else(|| format!("process {client} has not called anything"))?;
    if row.what.op != op || row.what.key.as_deref() != Some(key) {
        let (called, line) = (&row.what.op, row.line);
        return Err(format!("process {client} called {called} at line {line}"));
    }
    row.what.result = Some(if op == "get" { value } else { Value::Null });
    Ok(row)
}

/// The fields of one event: numbers, names (`:ok`), texts and `nil`.
fn fields(line: &str) -> Result<BTreeMap<String, Value>, String> {
    let inside = line
        .strip_prefix('{')
        .and_then(|line| line.strip_suffix('}'));
    let mut rest = inside
        .ok_or(
            "an event is {:process .., :type .., :f .., :key .., :value ..} (SPEC.md, section 12)",
        )?
        .trim();
    let mut fields = BTreeMap::new();
    while !rest.is_empty() {
        let after = rest
            .strip_prefix(':')
            .ok_or_else(|| format!("a field's name is expected at {:?}", cut(rest)))?;
        let (name, after) = after
            .split_once(' ')
            .ok_or_else(|| format!("the field :{} has no value", cut(after)))?;
        let after = after.trim_start();
        let (value, end) = if after.starts_with('"') {
            // A text is one of JSON, too.
            let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
            let value = values
                .next()
                .and_then(Result::ok)
                .ok_or_else(|| format!("the text of :{} does not end", cut(name)))?;
            (value, values.byte_offset())
        } else {
            let end = after.find(',').unwrap_or(after.len());
            let word = after[..end].trim();
            let value = match (word.strip_prefix(':'), word.parse::<u64>()) {
                (Some(name), _) => Value::from(name),
                (None, Ok(number)) => Value::from(number),
                (None, Err(_)) if word == "nil" => Value::Null,
                _ => {
                    return Err(format!(
                        "the value of :{} is not understood: {:?}",
                        cut(name),
                        cut(word)
                    ));
                }
            };
            (value, end)
        };
        fields.insert(name.to_owned(), value);
        rest = after[end..]
            .trim_start()
            .trim_start_matches(',')
            .trim_start();
    }
    Ok(fields)
}
