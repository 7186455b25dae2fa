//! What the log leads to.

use lab3_api::{Command, Output, Slot};
use labkit::prelude::*;

/// A write of a client. Reads do not stand in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    pub client: NodeId,
    pub number: u64,
    pub command: Command,
}

/// The values, and the number of each client's last write.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Store {
    pub applied: Slot,
    values: Map<String, String>,
    last: Map<NodeId, u64>,
}

impl Store {
    pub fn get(&self, key: &str) -> Output {
        Output::Value(self.values.get(key).cloned().unwrap_or_default())
    }

    /// True if this write was carried out, or is older than one that was.
    pub fn has(&self, client: NodeId, number: u64) -> bool {
        self.last.get(&client).is_some_and(|last| number <= *last)
    }

    pub fn apply(&mut self, operation: &Operation) {
        if self.has(operation.client, operation.number) {
            return;
        }
        match &operation.command {
            Command::Put { key, value } => _ = self.values.insert(key.clone(), value.clone()),
            Command::Append { key, value } => {
                self.values.entry(key.clone()).or_default().push_str(value)
            }
            Command::Get { .. } => {}
        }
        self.last.insert(operation.client, operation.number);
    }
}
