//! The key-value store as one machine would have it.

use faultline_check::{KvOp, KvState, SequentialSpec, Spec};

use super::{Command, Output};

/// The value of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Value(pub(super) String);

impl SequentialSpec for Value {
    type Op = Command;
    type Ret = Output;

    fn invoke(&mut self, command: &Command) -> Output {
        match command {
            Command::Put { value, .. } => {
                self.0.clone_from(value);
                Output::Done
            }
            Command::Append { value, .. } => {
                self.0.push_str(value);
                Output::Done
            }
            Command::Get { .. } => Output::Value(self.0.clone()),
        }
    }
}

impl Spec for Value {
    type Key<'a> = &'a str;

    fn read_only(command: &Command) -> bool {
        matches!(command, Command::Get { .. })
    }

    fn partition(command: &Command) -> Option<&str> {
        Some(command.key())
    }

    /// A value that is no prefix of the one that was read must be overwritten before; then anything
    /// goes.
    fn can_lead_to<'a>(
        &self,
        _: &Command,
        reply: &Output,
        mut others: impl Iterator<Item = &'a Command>,
    ) -> bool {
        let Output::Value(seen) = reply else {
            return true;
        };
        let missing = seen.strip_prefix(&self.0);
        missing == Some("")
            || others.any(|other| match other {
                Command::Put { value, .. } => seen.starts_with(value),
                Command::Append { value, .. } => {
                    missing.is_some_and(|missing| missing.starts_with(value))
                }
                Command::Get { .. } => false,
            })
    }

    fn kv_state(&self) -> Option<KvState<'_>> {
        Some(KvState {
            value: self.0.as_bytes(),
            version: 0,
        })
    }

    fn as_kv<'a>(command: &'a Command, output: Option<&'a Output>) -> Option<KvOp<'a>> {
        Some(match (command, output) {
            (Command::Put { value, .. }, None | Some(Output::Done)) => KvOp::Put(value.as_bytes()),
            (Command::Append { value, .. }, None | Some(Output::Done)) => {
                KvOp::Append(value.as_bytes())
            }
            (Command::Get { .. }, None) => KvOp::Get(None),
            (Command::Get { .. }, Some(Output::Value(value))) => KvOp::Get(Some(value.as_bytes())),
            _ => KvOp::Wrong,
        })
    }
}
