//! Labs whose clients put, append and get: what they ask, how a history is judged, and a service
//! that tests speak to.
//!
//! Each lab has commands and outputs of its own, in bytes that its students' programs read.
//! [`KvLab`] says how they read as [`Command`] and [`Output`]; everything else is shared.

mod judgement;
mod model;
mod service;
#[cfg(test)]
mod tests;
mod workload;

use faultline_sim::{Outcome, World};
use labkit::codec;
use serde::{Serialize, de::DeserializeOwned};

pub use judgement::Judgement;
pub use model::Value;
pub use service::KvService;
pub use workload::{Busy, KvWorkload, waits_at_most};

/// What a client is asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the fields say what they are
pub enum Command {
    /// The key has this value from now on.
    Put { key: String, value: String },
    /// The key's value goes on with this.
    Append { key: String, value: String },
    /// What is the key's value?
    Get { key: String },
}

/// What a client answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// A put or an append is done.
    Done,
    /// The value of a key; empty if nothing was written.
    Value(String),
}

impl Command {
    /// The key that a command is about.
    pub fn key(&self) -> &str {
        match self {
            Command::Put { key, .. } | Command::Append { key, .. } | Command::Get { key } => key,
        }
    }
}

/// Puts.
pub fn put(key: &str, value: &str) -> Command {
    Command::Put {
        key: key.to_owned(),
        value: value.to_owned(),
    }
}

/// Appends.
pub fn append(key: &str, value: &str) -> Command {
    Command::Append {
        key: key.to_owned(),
        value: value.to_owned(),
    }
}

/// Gets.
pub fn get(key: &str) -> Command {
    Command::Get {
        key: key.to_owned(),
    }
}

/// How a lab's commands and outputs read.
pub trait KvLab: 'static {
    /// The lab's command.
    type Command: Serialize + DeserializeOwned;
    /// The lab's output.
    type Output: DeserializeOwned;

    /// A command of the lab's.
    fn command(command: Self::Command) -> Command;

    /// The same the other way.
    fn of_lab(command: &Command) -> Self::Command;

    /// An output of the lab's.
    fn output(output: Self::Output) -> Output;

    /// A command in the bytes that a client is invoked with.
    fn to_bytes(command: &Command) -> Vec<u8> {
        codec::to_bytes(&Self::of_lab(command)).expect("a command has bytes")
    }

    /// The command of a recorded operation.
    fn command_of(bytes: &[u8]) -> Command {
        let command = codec::from_bytes(bytes).expect("the suite invoked this command");
        Self::command(command)
    }

    /// The output in an answer that the world has decoded before.
    fn known_output(bytes: &[u8]) -> Output {
        let output = codec::from_bytes(bytes);
        Self::output(output.expect("the lab's Client answers with an Output"))
    }

    /// The output in an answer, if the bytes hold one.
    fn some_output(bytes: &[u8]) -> Option<Output> {
        codec::from_bytes(bytes).ok().map(Self::output)
    }

    /// The output in an answer, which is the student's bytes.
    ///
    /// # Errors
    /// A violation, if they are no output.
    fn output_of(world: &World<'_>, bytes: &[u8]) -> Outcome<Output> {
        codec::from_bytes(bytes).map(Self::output).map_err(|error| {
            world.violation(format!("an answer is no Output of this lab: {error}"))
        })
    }
}
