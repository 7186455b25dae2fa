//! Histories as events, a line each: `{:process 0, :type :invoke, :f :put, :key "0", :value "x"}`.
//! A line's number is its time.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::read::{Call, HistoryRow, cut};

/// What was called and has not returned, by process.
#[derive(Default)]
pub(super) struct Events {
    open: BTreeMap<u32, HistoryRow>,
    /// What will never return.
    lost: Vec<HistoryRow>,
}

impl Events {
    /// Reads one event; what has returned with it.
    pub fn read(&mut self, number: usize, line: &str) -> Result<Option<HistoryRow>, String> {
        let fields = fields(line)?;
        let field = |name: &str| {
            let value = fields.get(name).cloned();
            value.ok_or_else(|| format!("the field :{name} is missing"))
        };
        let client = field("process")?
            .as_u64()
            .and_then(|client| u32::try_from(client).ok());
        let client = client.ok_or_else(|| ":process must be a whole number".to_owned())?;
        let (kind, op, key, value) = (field("type")?, field("f")?, field("key")?, field("value")?);
        let text = |value: Value| value.as_str().map(str::to_owned);
        let (Some(op), Some(key)) = (text(op), text(key)) else {
            return Err(":f and :key must be a name and a text".to_owned());
        };
        match kind.as_str() {
            Some("invoke") => {
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
                self.call(HistoryRow {
                    line: number,
                    client,
                    what,
                    call: number as u64,
                    ret: None,
                })?;
                Ok(None)
            }
            Some("ok") => {
                let mut row = returned(self.open.remove(&client), client, &op, &key)?;
                row.what.result = Some(if op == "get" { value } else { Value::Null });
                row.ret = Some(number as u64);
                Ok(Some(row))
            }
            // Nobody knows whether it happened.
            Some("info") => {
                self.lost.extend(self.open.remove(&client));
                Ok(None)
            }
            // It certainly did not.
            Some("fail") => {
                returned(self.open.remove(&client), client, &op, &key)?;
                Ok(None)
            }
            _ => Err(":type must be :invoke, :ok, :fail or :info".to_owned()),
        }
    }

    /// What has not returned.
    pub fn left(self) -> impl Iterator<Item = HistoryRow> {
        self.lost.into_iter().chain(self.open.into_values())
    }

    fn call(&mut self, row: HistoryRow) -> Result<(), String> {
        let client = row.client;
        match self.open.insert(client, row) {
            Some(other) => Err(format!(
                "process {client} calls, but has not returned from its operation of line {}: :info \
                 stands for a reply that never came",
                other.line
            )),
            None => Ok(()),
        }
    }
}

/// The open call of a process, which is this one.
fn returned(
    row: Option<HistoryRow>,
    client: u32,
    op: &str,
    key: &str,
) -> Result<HistoryRow, String> {
    let row = row.ok_or_else(|| format!("process {client} has not called anything"))?;
    if row.what.op != op || row.what.key.as_deref() != Some(key) {
        let (called, line) = (&row.what.op, row.line);
        return Err(format!("process {client} called {called} at line {line}"));
    }
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
        if fields.insert(name.to_owned(), value).is_some() {
            return Err(format!("the field :{} stands twice", cut(name)));
        }
        rest = after[end..]
            .trim_start()
            .trim_start_matches(',')
            .trim_start();
    }
    Ok(fields)
}
