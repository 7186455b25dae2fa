//! The state machine: the values, and the last reply to each client.

use labkit::prelude::*;

// hole
use lab3_api::{Command, Output, Slot};

/// An operation of a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Who wants it.
    pub client: NodeId,
    /// Which of this client's operations it is.
    pub number: u64,
    /// What to do.
    pub command: Command,
}

// end hole
/// The store. The same operations in the same order produce the same store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Store {
    // hole
    // | What is the result of a log? What must be remembered so that an operation that is in the
    // | log twice is carried out once?
    /// The slots that were carried out: all up to this one.
    pub applied: Slot,
    values: Map<String, String>,
    /// The number and the result of each client's last operation. One is enough, because a client
    /// that sends a new request has received the answers to all before it.
    last: Map<NodeId, (u64, Output)>,
    // end hole
}
// hole

impl Store {
    /// What a client was answered to this operation; `Err` if it has gone on to newer ones since.
    pub fn answered(&self, client: NodeId, number: u64) -> Option<Result<Output, ()>> {
        let (last, output) = self.last.get(&client)?;
        match number.cmp(last) {
            std::cmp::Ordering::Greater => None,
            std::cmp::Ordering::Equal => Some(Ok(output.clone())),
            std::cmp::Ordering::Less => Some(Err(())),
        }
    }

    /// Carries out an operation unless it was carried out before: two slots may hold the same one.
    pub fn apply(&mut self, operation: &Operation) -> Option<Output> {
        if let Some(answered) = self.answered(operation.client, operation.number) {
            return answered.ok();
        }
        let output = match &operation.command {
            Command::Put { key, value } => {
                self.values.insert(key.clone(), value.clone());
                Output::Done
            }
            Command::Append { key, value } => {
                self.values.entry(key.clone()).or_default().push_str(value);
                Output::Done
            }
            Command::Get { key } => {
                Output::Value(self.values.get(key).cloned().unwrap_or_default())
            }
        };
        self.last
            .insert(operation.client, (operation.number, output.clone()));
        Some(output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_in_two_slots_is_carried_out_once() {
        let mut store = Store::default();
        let append = |number, value: &str| Operation {
            client: NodeId::new('c', 1),
            number,
            command: Command::Append {
                key: "k".into(),
                value: value.into(),
            },
        };
        for operation in [
            append(1, "a"),
            append(1, "a"),
            append(2, "b"),
            append(1, "a"),
        ] {
            store.apply(&operation);
        }
        assert_eq!(store.values["k"], "ab");
    }
}
// end hole
